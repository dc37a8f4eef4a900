"""The claims about capacity: what networks can represent and learn, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

from math import comb

import numpy as np

from experiments.capacity import gates, units_needed, universal_approximation
from experiments.claims import (
    any_of,
    claim,
    depends_on,
    every,
    holds_if,
    mean_interval,
    share_interval,
)
from fnn import data

# gates


@claim(
    "3.2",
    "gates",
    "A perceptron can be a NAND gate and cannot be an XOR gate.",
    figure="learned",
)
def nand_but_not_xor(results):
    separable, learned = results["separable"], results["learned"]
    right = bool(
        (results["nand"] == gates.GATES[gates.NAND]).all() and (learned == separable[:, None]).all()
    )
    others = ", ".join(gates.NAMES[gate] for gate in np.flatnonzero(~separable))
    return holds_if(
        right and bool(separable[gates.NAND]) and not separable[gates.XOR],
        f"A linear program finds weights for {separable.sum()} of the 16 gates and proves that "
        f"there are none for "
        f"{others}; Rosenblatt's rule learns {np.count_nonzero(learned.all(axis=1))} of them from "
        f"every one of "
        f"{learned.shape[1]} orders. With w = (−2, −2) and b = 3 the unit gives "
        f"{results['nand'].astype(int)} at "
        f"(0, 0), (0, 1), (1, 0), (1, 1): NAND is {gates.GATES[gates.NAND]}.",
        separable=separable,
        share_learned=learned.mean(axis=1),
        nand=results["nand"],
    )


@claim(
    "3.3",
    "gates",
    "NAND makes every gate, yet a perceptron is not a composition of NAND gates.",
    figure="regions",
)
def complete_but_no_composition(results):
    changed = results["changed_outputs"].max()
    refused = "derivative of the step" in str(results["gradient_refusal"])
    composition = (
        bool((results["xor"] == gates.GATES[gates.XOR]).all())
        and len(results["reached"]) == 16
        and not results["separable"][gates.XOR]
    )
    return holds_if(
        composition and refused and bool(changed == 0),
        f"Compositions of NAND reach {len(results['reached'])} of 16 gates; four NAND units give "
        f"{results['xor'].astype(int)} at the corners (XOR is {gates.GATES[gates.XOR]}), which no "
        f"single unit "
        f"does. Descent cannot "
        f"find them: in {results['changed_outputs'].size} draws that move every weight by up to "
        f"0.1 the largest change "
        f"of an output is {changed:g}, and fnn refuses a derivative of the step; with sigmoids in "
        f"place of the steps "
        f"the gradient has norm {results['smooth_gradient']:.3g}.",
        gates_reached=len(results["reached"]),
        xor=results["xor"],
        largest_change=changed,
        gradient_norm_with_sigmoids=results["smooth_gradient"],
    )


# parameters_in_high_dimension


TARGETS = ("wave", "products")  # the functions below


PIXELS = 784


@claim(
    "1.13",
    "parameters_in_high_dimension",
    "A generic function with as many parameters, fitted to data, is possible in theory but not in "
    "practice.",
)
def impossible_in_practice(results):
    inputs, cases, log = results["inputs"], {}, np.log10
    for target, polynomial, network in zip(
        TARGETS, results["polynomial"], results["network"], strict=True
    ):
        pairs = zip(polynomial, network, strict=True)
        better = [mean_interval(log(trained)).below(log(fitted)) for fitted, trained in pairs]
        starts = [i for i in range(len(better)) if i == 0 or better[i] != better[i - 1]]
        for start, end in zip(starts, [*starts[1:], len(better)], strict=True):
            numbers = " to ".join(dict.fromkeys(str(inputs[i]) for i in (start, end - 1)))
            cases[f"{target} of {numbers} {'input' if numbers == '1' else 'inputs'}"] = better[
                start
            ]
    last = mean_interval(log(results["network"][0, -1]))
    return depends_on(
        cases,
        f"log₁₀ of the test loss over the target's variance, polynomial against network, either "
        f"of at most "
        f"{results['coefficients'].max()} parameters, on a wave along one direction: "
        f"{log(results['polynomial'][0, 0]):.1f} against "
        f"{mean_interval(log(results['network'][0, 0]))} with d = "
        f"{inputs[0]} input, {log(results['polynomial'][0, -1]):.2f} against {last} with "
        f"{inputs[-1]}, where the "
        f"parameters allow degree {results['degree'][-1]}. A polynomial of degree p has C(d + p, "
        f"p) coefficients, "
        f"which are {comb(PIXELS + 3, 3):.3g} for {PIXELS} pixels and p = 3. A sum of pairwise "
        f"products has degree 2. "
        "The claim counts as true where the network is better.",
        inputs=inputs,
        degree=results["degree"],
        coefficients=results["coefficients"],
        network_parameters=results["network_parameters"],
        polynomial=results["polynomial"],
        network_geometric_mean=10 ** log(results["network"]).mean(axis=-1),
    )


# perceptron


@claim(
    "3.1",
    "perceptron",
    "A perceptron gives 1 where Σ wᵢxᵢ + b ≥ 0 and 0 elsewhere: a threshold at a hyperplane.",
    figure="unit",
)
def threshold(results):
    *w, b = results["unit"]
    formula = results["points"] @ np.array(w) + b >= 0
    wrong = np.count_nonzero((results["predicted"] != formula) | (results["step_unit"] != formula))
    return holds_if(
        wrong == 0 and bool((results["on_line"] == 1).all()),
        f"fnn.course.perceptron and a network of one step unit agree with the formula on "
        f"{len(formula) - wrong} of "
        f"{len(formula)} random points; on the line itself, where the sum is exactly 0, the "
        f"answers are "
        f"{results['on_line']}.",
        disagreements=wrong,
        on_line=results["on_line"],
    )


@claim(
    "2.1",
    "perceptron",
    "Where the classes are not separable, the perceptron's training may never end.",
    figure="xor",
)
def may_not_end(results):
    made, weights = results["xor_mistakes"], results["xor_weights"]
    states = len(np.unique(weights, axis=0))
    share = results["mistakes"].sum(axis=1) / results["bound"]
    ended = (results["mistakes"][:, -1] == 0).mean()
    return holds_if(
        bool(made.min() >= 1 and states < len(weights) and share.max() <= 1),
        f"On XOR the rule makes {made.min()} to {made.max()} mistakes in each of {len(made)} "
        f"epochs; the weights take "
        f"{states} values over and over and stay within ±{np.abs(weights).max():g}. Where a plane "
        f"separates the "
        f"classes the rule ends: on {len(share)} draws the mistakes are at most {share.max():.2f} "
        f"of the bound (R/γ)², "
        f"and {ended:.1%} of them make none any more after {results['mistakes'].shape[1]} epochs.",
        fewest_mistakes_an_epoch=made.min(),
        values_of_the_weights=states,
        largest_weight=np.abs(weights).max(),
        largest_share_of_bound=share.max(),
        share_ended=ended,
    )


# perceptron_accuracy


FALL = 0.01  # of the mean test accuracy: the least that counts as a fall


LATE = 10  # epochs at the end, whose mean is compared with the best epoch


@claim(
    "2.2",
    "perceptron_accuracy",
    "A perceptron in training gets better on unseen examples in the beginning and worse again "
    "later.",
)
def rises_then_falls(results):
    last, half = results["last"], results["last"].shape[1] // 2
    peaks = (
        last[:, :half].mean(axis=1).argmax(axis=1)
    )  # chosen on half of the draws, judged on the others
    rises = [mean_interval(curves[:, 1] - curves[:, 0]) for curves in last]
    ends = last[:, half:, -LATE:].mean(axis=-1)
    falls = [
        mean_interval(curves[half:, peak] - end)
        for curves, peak, end in zip(last, peaks, ends, strict=True)
    ]
    jump, steady = (
        np.abs(np.diff(results[name][..., LATE:])).mean() for name in ("last", "averaged")
    )
    gain = mean_interval((results["averaged"][..., -1] - last[..., -1]).mean(axis=0))
    seen = sum(fall.above(0) is True for fall in falls)
    return holds_if(
        every(*(rise.above(0) for rise in rises), any_of(*(fall.above(FALL) for fall in falls))),
        f"Two classes in ten dimensions with means "
        f"{', '.join(f'{2 * d:g}' for d in results['distances'])} apart: the "
        f"mean test accuracy of {last.shape[1]} draws rises in the first epoch by "
        f"{', '.join(map(str, rises))}; from "
        f"its best epoch to the mean of the last {LATE} it falls by {', '.join(map(str, falls))}. "
        f"In {seen} of these "
        f"{len(falls)} that is more than chance, but only {FALL} and more is taken for a fall "
        f"that matters. In a "
        f"single run the accuracy jumps: by {100 * jump:.1f} points from one epoch to the next on "
        f"average, by "
        f"{100 * steady:.2f} with averaged weights, which end {gain} above the last ones.",
        rises=rises,
        falls=falls,
        best_epochs=peaks,
        jump=jump,
        jump_averaged=steady,
        gain_of_averaging=gain,
    )


# perceptron_rate


@claim(
    "2.3",
    "perceptron_rate",
    "A perceptron only learns well at a small enough learning rate.",
)
def needs_a_small_rate(results):
    rates, (zero, drawn), said = results["rates"], results["mistakes"], results["predictions"]
    differing = np.count_nonzero((said != said[:, :1]).any(axis=1))
    spread = np.ptp(zero, axis=1).max()
    costs = mean_interval(drawn[:, -1] - drawn[:, 0])
    return holds_if(
        any_of(bool(differing > 0), bool(spread > 0), costs.above(0)),
        f"From zero weights, rates {rates[0]:g} to {rates[-1]:g}: {differing} of "
        f"{said[:, 0].size} predictions on "
        f"overlapping classes differ, and the mistakes on {len(zero)} separable sets differ by "
        f"{spread} at most: "
        f"η only rescales w and b. From weights N(0, 1) the mistakes average "
        f"{', '.join(f'{m:.1f}' for m in drawn.mean(axis=0))} from the smallest rate to the "
        f"largest; largest minus "
        f"smallest: {costs}.",
        rates=rates,
        differing_predictions=differing,
        spread_from_zero=spread,
        mistakes_from_zero=zero.mean(axis=0),
        mistakes_from_random=drawn.mean(axis=0),
        largest_minus_smallest=costs,
    )


# perturbation


def slopes(results, method: str) -> np.ndarray:
    """The exponent of passes ∝ weights^exponent, one a seed."""
    passes = results["passes"][list(results["methods"]).index(method)]
    return np.polyfit(np.log(results["weights"]), np.log(passes), 1)[0]


@claim(
    "2.10",
    "perturbation",
    "To try random changes weight by weight costs very much: each one takes forward passes over "
    "the data.",
)
def one_weight_is_inefficient(results):
    growth, other = (
        mean_interval(slopes(results, name)) for name in ("one at a time", "backpropagation")
    )
    passes, weights = results["passes"], results["weights"]
    excess = mean_interval(np.log(passes[0, -1] / passes[2, -1]))
    return holds_if(
        every(growth.above(0.5), excess.above(np.log(10))),
        f"Forward passes until the loss of a linear unit is a tenth grow as the number of weights "
        f"to the power "
        f"{growth}, means over {passes.shape[2]} seeds; with backpropagated gradients, a step "
        f"counted as three passes, "
        f"to the power {other}. With {weights[-1]} weights it takes "
        f"{np.median(passes[0, -1]):.0f} passes (median), "
        f"{np.median(passes[0, -1]) / weights[-1]:.1f} for each weight, against "
        f"{np.median(passes[2, -1]):.0f} with "
        "backpropagation.",
        exponent=growth,
        exponent_of_backpropagation=other,
        weights=weights,
        median_passes=np.median(passes, axis=2),
    )


@claim(
    "2.12",
    "perturbation",
    "Changing all weights at once gains nothing: what one of them does is hidden by the others.",
)
def parallel_is_no_better(results):
    passes, weights = results["passes"], results["weights"]
    growth = mean_interval(slopes(results, "all in parallel"))
    difference = mean_interval(
        slopes(results, "all in parallel") - slopes(results, "one at a time")
    )
    factor = np.log2(passes[1] / passes[0])
    average = mean_interval(factor.mean(axis=0))
    return depends_on(
        {
            "the growth with the number of weights": difference.above(-0.5),
            "the passes at a given number": average.above(0),
        },
        f"In parallel the passes grow as the weights to the power {growth}, exponent minus that "
        f"of one at a time "
        f"{difference}, over {passes.shape[2]} seeds. log₂ of the passes in parallel over those "
        f"one at a time averages "
        f"{average}, a factor of {2**average.middle:.2f}: "
        f"{', '.join(f'{each:.2f}' for each in factor.mean(axis=1))} "
        f"for {', '.join(map(str, weights))} weights.",
        exponent=growth,
        difference=difference,
        log2_factor=average,
        log2_factor_by_weights=factor.mean(axis=1),
        weights=weights,
    )


# perturbation_late


@claim(
    "2.11",
    "perturbation_late",
    "Late in training a large random change of one weight almost always raises the loss.",
)
def late_large_ones_hurt(results):
    accepted, sigmas, loss = results["accepted"], results["sigmas"], results["loss"]
    late, early, small = (mean_interval(accepted[:, p, s]) for p, s in ((-1, -1), (0, -1), (-1, 0)))
    rarer = mean_interval(accepted[:, 0, -1] - accepted[:, -1, -1])
    return holds_if(
        every(late.below(0.1), rarer.above(0), small.above(0.4)),
        f"Share of changes of one weight that lower the loss, means over {len(accepted)} seeds: "
        f"with "
        f"σ = {sigmas[-1]:g} {early} at the start and {late} after {results['steps'][-1]} steps, "
        f"when the median loss "
        f"is {np.median(loss[:, -1]):.1e} of the start's; with σ = {sigmas[0]:g} {small} "
        f"even then.",
        late_large=late,
        early_large=early,
        late_small=small,
        sigmas=sigmas,
        shares=accepted.mean(axis=0),
        median_loss=np.median(loss, axis=0),
    )


# units_needed


def needed(results) -> np.ndarray:
    """Units of the smallest layer that reaches the error (inputs, seeds); the largest one's where
    none does.
    """
    there = results["fitted"] <= results["error"]
    return np.where(
        there.any(axis=-1), results["sizes"][there.argmax(axis=-1)], results["sizes"][-1]
    )


@claim(
    "2.8",
    "units_needed",
    "Two-layer networks approximate any continuous function on a bounded set; how many units does "
    "it take?",
)
def how_many_units(results):
    exponents = [
        np.polyfit(np.log(results["units"]), np.log(errors), 1)[0]
        for errors in results["interpolated"]
    ]
    powers = [
        f"{exponent:.2f} for {name}"
        for exponent, name in zip(exponents, results["names"], strict=True)
    ]
    expected = [exponent for _, exponent in units_needed.FUNCTIONS.values()]
    units = np.log2(needed(results))
    missed = np.count_nonzero((results["fitted"] > results["error"]).all(axis=-1), axis=1)
    steps = [mean_interval(step) for step in np.diff(units, axis=0)]
    return holds_if(
        every(bool(np.allclose(exponents, expected, rtol=0.1)), *(step.above(0) for step in steps)),
        f"With one input the largest error of {results['units'][0]} to {results['units'][-1]} "
        f"ReLU units falls as H to "
        f"the power {', '.join(powers)}: an "
        "error ε takes about ε^(−½) units where f is smooth. Random hidden layers with the best "
        "output layer reach a "
        f"relative error of {results['error']:g} on Π cos πxᵢ with "
        f"{', '.join(f'{2**each:.0f}' for each in units.mean(axis=1))} units (geometric means "
        f"over {units.shape[1]} "
        f"seeds) for {', '.join(map(str, results['inputs']))} inputs ({missed.sum()} of "
        f"{missed.size * units.shape[1]} "
        f"draws that never reach it count with the largest layer, {results['sizes'][-1]}); log₂ "
        f"of the factor from one "
        f"to the next: {', '.join(map(str, steps))}.",
        exponents=exponents,
        inputs=results["inputs"],
        units_needed=2 ** units.mean(axis=1),
        log2_factors=steps,
    )


# universal_approximation


@claim(
    "1.2",
    "universal_approximation",
    "Finitely many neurons in one hidden layer come as near to any continuous function as one "
    "likes.",
    figure="error",
)
def one_layer_approximates(results):
    units, built = results["units"], results["built"]
    bound = (2 * np.pi) ** 2 / (8 * units**2)
    exponent = np.polyfit(np.log(units), np.log(built), 1)[0]
    bounded = bool((built <= bound).all() and abs(exponent + 2) < 0.1)
    return depends_on(
        {
            "ReLU units on a bounded interval": bounded,
            "units that square": bool(results["squares"][-1] < results["squares"][0] / 2),
            "the whole line": bool(results["longer"][-1] < 0.5),
        },
        f"Interpolating sin 2πx on [0, 1] with {', '.join(map(str, units))} ReLU units misses it "
        f"by at most "
        f"{', '.join(f'{error:.3e}' for error in built)}, below max|f″|/8H² and falling as H to "
        f"the power "
        f"{exponent:.3f}. Units that square make a parabola however many there are: on |x| they "
        f"err by "
        f"{', '.join(f'{error:.4f}' for error in results['squares'])}. And {units[-1]} units "
        f"follow the sine on a "
        f"bounded interval only: on lengths {universal_approximation.LENGTHS[0]} to "
        f"{universal_approximation.LENGTHS[-1]} the error rises to "
        f"{results['longer'].max():.3g}.",
        units=units,
        built=built,
        bound=bound,
        exponent=exponent,
        squares=results["squares"],
        longer=results["longer"],
    )


@claim(
    "1.3",
    "universal_approximation",
    "The universal approximation theorem gives no method to find the parameters.",
    figure="error",
)
def theorem_gives_no_method(results):
    gaps = np.log10(results["trained"] / results["built"][:, None])
    each, growth = [mean_interval(gap) for gap in gaps], mean_interval(gaps[-1] - gaps[0])
    return holds_if(
        every(each[-1].above(0), growth.above(0)),
        f"log₁₀ of the largest error of trained networks over that of the built ones with as many "
        f"units: "
        f"{', '.join(map(str, each))} for {', '.join(map(str, results['units']))} units, means "
        f"over {gaps.shape[1]} "
        f"seeds; from the fewest units to the most it grows by {growth}. Weights that exist need "
        f"not be found.",
        gaps=each,
        growth=growth,
        units=results["units"],
    )


# why_deep


@claim(
    "3.4",
    "why_deep",
    "One hidden layer can approximate any continuous f: ℝ → [0, 1]; deep networks need fewer "
    "units for it.",
)
def fewer_units(results):
    depths, pieces = results["depths"], results["pieces"]
    exact = bool((pieces == 2**depths).all() and results["difference"].max() == 0)
    fewer = results["deep_units"] < pieces - 1  # pieces − 1 is what one hidden layer needs at least
    ever_after = bool(fewer[-1] and (np.diff(fewer.astype(int)) >= 0).all())
    line = bool(results["missed_beyond"].max() < 0.5)
    return depends_on(
        {"a bounded interval": exact and ever_after, "the whole line": line},
        f"The tent map folded L times is {results['deep_units'][-1]} ReLU units in depth at L = "
        f"{depths[-1]}: "
        f"{pieces[-1]} straight pieces on [0, 1], counted without rounding. One hidden layer "
        f"needs at least "
        f"{pieces[-1] - 1} units; with {results['shallow_units'][-1]} it is the same function, "
        f"difference "
        f"{results['difference'].max():g}. Deep is smaller from L = {depths[np.argmax(fewer)]} "
        f"on. Every finite ReLU "
        f"network runs straight beyond its last kink: from 1 to 2 these miss the wave that goes "
        f"on by "
        f"{results['missed_beyond'].min():.3g} or more.",
        depths=depths,
        pieces=pieces,
        deep_units=results["deep_units"],
        shallow_units=results["shallow_units"],
        missed_beyond=results["missed_beyond"],
    )


@claim(
    "1.19",
    "why_deep",
    "Why go deep? The slide has a heading and no answer; the answer tried here: depth multiplies "
    "pieces.",
)
def pieces_multiply(results):
    multiplied = results["pieces"][1:] / results["pieces"][:-1]
    added = np.diff(results["deep_units"])
    wide, deep = (mean_interval(np.log10(losses)) for losses in results["trained_loss"])
    return holds_if(
        bool((multiplied == 2).all() and (added == 2).all()),
        f"Each further layer of {added.max()} units multiplies the straight pieces by "
        f"{multiplied.min():g}; a unit "
        f"added to a single hidden layer adds one at most. This is what depth can represent; "
        f"training finds part of "
        f"it: on a tent map of few folds the log₁₀ of the test loss over the variance is {wide} "
        f"for hidden layers "
        f"{results['hidden'][0]} and {deep} for {results['hidden'][1]}, means over "
        f"{results['trained_loss'].shape[1]} "
        "seeds.",
        pieces=results["pieces"],
        deep_units=results["deep_units"],
        log_loss_wide=wide,
        log_loss_deep=deep,
    )


# xor


@claim(
    "2.5",
    "xor",
    "A nonlinearity at the output alone is not enough: g(Wx) cannot compute XOR.",
)
def output_nonlinearity(results):
    rows, best = (
        results["rows_right"][:, list(results["widths"]).index(0)],
        results["best_threshold_rows"],
    )
    return holds_if(
        bool(rows.max() <= 3 and best <= 3),
        f"The sigmoid of a linear map gets at most {rows.max():.0f} of 4 rows right, from "
        f"{rows.size} trained starts. "
        f"Any other increasing g decides like a threshold on Wx, of which none on a 21³ grid gets "
        f"more than {best} "
        "right. A g that rises and falls again would do: s(2 − s) with s = x₁ + x₂ is XOR.",
        most_rows=rows.max(),
        best_threshold_rows=best,
    )


@claim(
    "2.6",
    "xor",
    "A single threshold unit cannot learn XOR; one hidden layer can represent and learn it.",
)
def hidden_layer(results):
    best, shares = results["best_threshold_rows"], results["solved"].mean(axis=-1)
    a, w = np.unravel_index(shares.argmax(), shares.shape)
    solving = share_interval(results["solved"][a, w])
    error, fitted = results["exact_error"], results["least_squares"].round(12) + 0.0
    x, y = data.load("xor").train
    squared = np.mean((x @ fitted[:2] + fitted[2] - y) ** 2)
    flat = bool((fitted == [0, 0, 0.5]).all() and squared == 0.25)
    return holds_if(
        every(bool(best == 3), flat, bool(error == 0), solving.above(0.5)),
        f"A threshold unit gets {best} of 4 rows right at best on a 21³ grid, and least squares "
        f"finds (w₁, w₂, b) = "
        f"({', '.join(f'{v:g}' for v in fitted)}), the same answer for all rows, mean squared "
        f"error {squared:g}. "
        f"max(0, s) − 2 max(0, s − 1) with s = x₁ + x₂ is XOR, error {error:g}. Share of starts "
        f"that learn it with "
        f"{results['widths'][w]} hidden units: {solving}.",
        best_threshold_rows=best,
        exact_error=error,
        solving=solving,
        widths=results["widths"],
        shares=shares,
    )
