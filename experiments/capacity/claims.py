"""The claims about capacity: what networks can represent and learn, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

from math import comb

import numpy as np

from experiments.capacity import gates, units_needed, universal_approximation
from experiments.claims import (
    Answer,
    any_of,
    claim,
    depends_on,
    every,
    holds_if,
    listed,
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
    code="separable",
)
def nand_but_not_xor(results):
    separable = results["separable"]
    learned = results["learned"]
    nand = results["nand"]
    is_nand = (nand == gates.GATES[gates.NAND]).all()
    rule_agrees = (learned == separable[:, None]).all()
    not_xor = separable[gates.NAND] and not separable[gates.XOR]
    others = listed(gates.NAMES[gate] for gate in np.flatnonzero(~separable))
    always_learned = np.count_nonzero(learned.all(axis=1))
    return holds_if(
        bool(is_nand and rule_agrees and not_xor),
        f"A linear program finds weights for {separable.sum()} of the 16 gates, and proves that "
        f"there are none for {others or 'none'}. Rosenblatt's rule learns {always_learned} of them "
        f"from every one of {learned.shape[1]} orders. The unit with w = (−2, −2) and b = 3 gives "
        f"{nand.astype(int)} at the corners, and NAND is {gates.GATES[gates.NAND]}.",
        separable=separable,
        share_learned=learned.mean(axis=1),
        nand=nand,
    )


@claim(
    "3.3",
    "gates",
    "NAND makes every gate, yet a perceptron is not a composition of NAND gates.",
    figure="regions",
    code="closure",
)
def complete_but_no_composition(results):
    xor = results["xor"]
    reached = len(results["reached"])
    changed = results["changed_outputs"].max()
    is_xor = (xor == gates.GATES[gates.XOR]).all()
    no_single_unit = not results["separable"][gates.XOR]
    no_derivative = "derivative of the step" in str(results["gradient_refusal"])
    composition = (
        f"Compositions of NAND reach {reached} of 16 gates. Four NAND units give {xor.astype(int)} "
        f"at the corners, which is XOR and which no single unit does."
    )
    learning = (
        f"Descent cannot find them: to move every weight by up to 0.1 changes the outputs by "
        f"{changed:g} at most, and fnn refuses a derivative of the step."
    )
    return holds_if(
        bool(is_xor and reached == 16 and no_single_unit and no_derivative and changed == 0),
        f"{composition} {learning}",
        gates_reached=reached,
        xor=xor,
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
    code="compared",
)
def impossible_in_practice(results):
    inputs = results["inputs"]
    fitted = np.log10(results["polynomial"])
    trained = np.log10(results["network"])
    cases: dict[str, Answer] = {}
    for target, polynomials, networks in zip(TARGETS, fitted, trained, strict=True):
        intervals = [mean_interval(network) for network in networks]
        pairs = zip(intervals, polynomials, strict=True)
        network_is_better = [network.below(polynomial) for network, polynomial in pairs]
        cases |= stretches(target, inputs, network_is_better)
    few = fitted[0, 0]
    many = fitted[0, -1]
    with_few = mean_interval(trained[0, 0])
    with_many = mean_interval(trained[0, -1])
    pixels = comb(PIXELS + 3, 3)
    return depends_on(
        cases,
        f"log₁₀ of the test loss over the variance, polynomial against network, on a wave along "
        f"one direction: {few:.1f} against {with_few} with {inputs[0]} input, {many:.2f} against "
        f"{with_many} with {inputs[-1]}. A polynomial of degree 3 in {PIXELS} pixels has "
        f"{pixels:.3g} coefficients. The claim counts as true where the network is better.",
        inputs=inputs,
        degree=results["degree"],
        coefficients=results["coefficients"],
        network_parameters=results["network_parameters"],
        polynomial=results["polynomial"],
        network_geometric_mean=10 ** trained.mean(axis=-1),
    )


def stretches(target: str, inputs: np.ndarray, answers: list[Answer]) -> dict[str, Answer]:
    """Return the answers with names, one for each stretch of inputs with the same answer."""
    cases: dict[str, Answer] = {}
    begin = 0
    for end in range(len(answers)):
        is_last = end == len(answers) - 1
        if is_last or answers[end + 1] != answers[end]:
            cases[f"{target} of {stretch(inputs[begin], inputs[end])}"] = answers[end]
            begin = end + 1
    return cases


def stretch(first: int, last: int) -> str:
    """Return "1 input", "3 inputs" or "3 to 5 inputs"."""
    if first != last:
        return f"{first} to {last} inputs"
    return "1 input" if first == 1 else f"{first} inputs"


# perceptron


@claim(
    "3.1",
    "perceptron",
    "A perceptron gives 1 where Σ wᵢxᵢ + b ≥ 0 and 0 elsewhere: a threshold at a hyperplane.",
    figure="unit",
    code="unit_on_points",
)
def threshold(results):
    *w, b = results["unit"]
    formula = results["points"] @ np.array(w) + b >= 0
    unlike_formula = (results["predicted"] != formula) | (results["step_unit"] != formula)
    wrong = np.count_nonzero(unlike_formula)
    on_line = results["on_line"]
    return holds_if(
        wrong == 0 and bool((on_line == 1).all()),
        f"fnn.course.perceptron and a network of one step unit agree with the formula on "
        f"{len(formula) - wrong} of {len(formula)} random points. On the line itself, where the "
        f"sum is exactly 0, the answers are {on_line}.",
        disagreements=wrong,
        on_line=on_line,
    )


@claim(
    "2.1",
    "perceptron",
    "Where the classes are not separable, the perceptron's training may never end.",
    figure="xor",
    code="on_xor",
)
def may_not_end(results):
    made = results["xor_mistakes"]
    weights = results["xor_weights"]
    mistakes = results["mistakes"]
    states = len(np.unique(weights, axis=0))
    largest = np.abs(weights).max()
    share = (mistakes.sum(axis=1) / results["bound"]).max()
    ended = (mistakes[:, -1] == 0).mean()
    never_ends = made.min() >= 1 and states < len(weights)
    on_xor = (
        f"On XOR the rule makes {made.min()} to {made.max()} mistakes in each of {len(made)} "
        f"epochs. The weights take {states} values over and over, within ±{largest:g}."
    )
    separable = (
        f"Where a plane separates the classes the mistakes are at most {share:.2f} of the bound "
        f"(R/γ)², and {ended:.1%} of the draws make none in the last epoch."
    )
    return holds_if(
        bool(never_ends and share <= 1),
        f"{on_xor} {separable}",
        fewest_mistakes_an_epoch=made.min(),
        values_of_the_weights=states,
        largest_weight=largest,
        largest_share_of_bound=share,
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
    code="accuracies",
)
def rises_then_falls(results):
    last = results["last"]
    averaged = results["averaged"]
    half = last.shape[1] // 2
    best = last[:, :half].mean(axis=1).argmax(axis=1)  # chosen on half of the draws
    rises = [mean_interval(curves[:, 1] - curves[:, 0]) for curves in last]
    falls = []
    for curves, epoch in zip(last[:, half:], best, strict=True):
        late = curves[:, -LATE:].mean(axis=-1)
        falls.append(mean_interval(curves[:, epoch] - late))
    jump = np.abs(np.diff(last[..., LATE:])).mean()
    steady = np.abs(np.diff(averaged[..., LATE:])).mean()
    gains = averaged[..., -1] - last[..., -1]
    gain = mean_interval(gains.mean(axis=0))
    distances = listed(2 * results["distances"], "g")
    return depends_on(
        {
            "better in the beginning": every(*(rise.above(0) for rise in rises)),
            "worse again later": any_of(*(fall.above(FALL) for fall in falls)),
        },
        f"Better in the beginning: the mean test accuracy on classes {distances} apart rises in "
        f"the first epoch by {listed(rises)}. Worse again later: from the best epoch to the last "
        f"{LATE} it falls by {listed(falls)}, where {FALL} counts as a fall.",
        rises=rises,
        falls=falls,
        best_epochs=best,
        jump=jump,
        jump_averaged=steady,
        gain_of_averaging=gain,
    )


# perceptron_rate


@claim(
    "2.3",
    "perceptron_rate",
    "A perceptron only learns well at a small enough learning rate.",
    code="mistakes",
)
def needs_a_small_rate(results):
    rates = results["rates"]
    predictions = results["predictions"]
    from_zero, from_random = results["mistakes"]
    differ = (predictions != predictions[:, :1]).any(axis=1)
    differing = np.count_nonzero(differ)
    spread = np.ptp(from_zero, axis=1).max()
    costs = mean_interval(from_random[:, -1] - from_random[:, 0])
    means = from_random.mean(axis=0)
    return holds_if(
        any_of(bool(differing > 0), bool(spread > 0), costs.above(0)),
        f"From zero weights {differing} of {differ.size} predictions depend on the rate, and the "
        f"mistakes differ by {spread} at most: η only rescales w and b. From weights N(0, 1) there "
        f"are {means[0]:.1f} mistakes with the smallest rate, {rates[0]:g}, and {means[-1]:.1f} "
        f"with the largest, {rates[-1]:g}, a difference of {costs}.",
        rates=rates,
        differing_predictions=differing,
        spread_from_zero=spread,
        mistakes_from_zero=from_zero.mean(axis=0),
        mistakes_from_random=means,
        largest_minus_smallest=costs,
    )


# perturbation


def exponents(results, method: str) -> np.ndarray:
    """Return the exponent of passes ∝ weights^exponent, (seeds,)."""
    row = list(results["methods"]).index(method)
    log_passes = np.log(results["passes"][row])
    return np.polyfit(np.log(results["weights"]), log_passes, 1)[0]


@claim(
    "2.10",
    "perturbation",
    "To try random changes weight by weight costs very much: each one takes forward passes over "
    "the data.",
    code="best_of",
)
def one_weight_is_inefficient(results):
    growth = mean_interval(exponents(results, "one at a time"))
    descent = mean_interval(exponents(results, "backpropagation"))
    passes = results["passes"]
    weights = results["weights"]
    with_most = passes[:, -1]
    factor = with_most[0] / with_most[2]
    excess = mean_interval(np.log(factor))
    trying, _, descending = np.median(with_most, axis=1)
    return holds_if(
        every(growth.above(0.5), excess.above(np.log(10))),
        f"Forward passes until the loss of a linear unit is a tenth grow as the number of weights "
        f"to the power {growth}, and with backpropagation to the power {descent}. "
        f"With {weights[-1]} weights the medians are {trying:.0f} and {descending:.0f} passes.",
        exponent=growth,
        exponent_of_backpropagation=descent,
        weights=weights,
        median_passes=np.median(passes, axis=2),
    )


@claim(
    "2.12",
    "perturbation",
    "Changing all weights at once gains nothing: what one of them does is hidden by the others.",
    code="best_of",
)
def parallel_is_no_better(results):
    passes = results["passes"]
    weights = results["weights"]
    in_parallel = exponents(results, "all in parallel")
    growth = mean_interval(in_parallel)
    difference = mean_interval(in_parallel - exponents(results, "one at a time"))
    factor = np.log2(passes[1] / passes[0])
    average = mean_interval(factor.mean(axis=0))
    return depends_on(
        {
            "the growth with the number of weights": difference.above(-0.5),
            "the passes at a given number": average.above(0),
        },
        f"In parallel the passes grow as the weights to the power {growth}; minus the exponent of "
        f"one at a time this is {difference}. log₂ of the passes in parallel over those one at a "
        f"time averages {average}, a factor of {2**average.middle:.2f}.",
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
    code="helps",
)
def late_large_ones_hurt(results):
    accepted = results["accepted"]
    sigmas = results["sigmas"]
    large = accepted[:, :, -1]
    late = mean_interval(large[:, -1])
    early = mean_interval(large[:, 0])
    small = mean_interval(accepted[:, -1, 0])
    rarer = mean_interval(large[:, 0] - large[:, -1])
    loss = np.median(results["loss"], axis=0)
    return holds_if(
        every(late.below(0.1), rarer.above(0), small.above(0.4)),
        f"Of changes of one weight with σ = {sigmas[-1]:g} a share of {early} lowers the loss at "
        f"the start, and {late} after {results['steps'][-1]} steps, when the median loss is "
        f"{loss[-1]:.1e} of the start's. With σ = {sigmas[0]:g} the share is {small} even then.",
        late_large=late,
        early_large=early,
        late_small=small,
        sigmas=sigmas,
        shares=accepted.mean(axis=0),
        median_loss=loss,
    )


# units_needed


def needed(results) -> np.ndarray:
    """Return the units of the smallest layer that reaches the error, (inputs, seeds).

    They are the largest layer's where none does.
    """
    sizes = results["sizes"]
    reached = results["fitted"] <= results["error"]
    smallest = sizes[reached.argmax(axis=-1)]
    return np.where(reached.any(axis=-1), smallest, sizes[-1])


@claim(
    "2.8",
    "units_needed",
    "Two-layer networks approximate any continuous function on a bounded set; how many units does "
    "it take?",
    code="interpolation_error",
)
def how_many_units(results):
    log_units = np.log(results["units"])
    fits = [np.polyfit(log_units, np.log(errors), 1) for errors in results["interpolated"]]
    exponents = [fit[0] for fit in fits]
    expected = [exponent for _, exponent in units_needed.FUNCTIONS.values()]
    as_expected = bool(np.allclose(exponents, expected, rtol=0.1))
    log2_needed = np.log2(needed(results))
    factors = [mean_interval(step) for step in np.diff(log2_needed, axis=0)]
    means = 2 ** log2_needed.mean(axis=1)
    never_reached = (results["fitted"] > results["error"]).all(axis=-1)
    return holds_if(
        every(as_expected, *(factor.above(0) for factor in factors)),
        f"With one input the largest error of H ReLU units falls as H to the power "
        f"{listed(exponents, '.2f')} for {listed(results['names'])}. Random hidden layers reach a "
        f"relative error of {results['error']:g} on Π cos πxᵢ with {listed(means, '.0f')} units "
        f"for {listed(results['inputs'])} inputs, if a draw that never does counts as "
        f"{results['sizes'][-1]}.",
        exponents=exponents,
        inputs=results["inputs"],
        units_needed=means,
        share_of_draws_that_never_reach_it=never_reached.mean(axis=1),
        log2_factors=factors,
    )


# universal_approximation


@claim(
    "1.2",
    "universal_approximation",
    "Finitely many neurons in one hidden layer come as near to any continuous function as one "
    "likes.",
    figure="error",
    code="interpolation_error",
)
def one_layer_approximates(results):
    units = results["units"]
    built = results["built"]
    squares = results["squares"]
    longer = results["longer"]
    bound = (2 * np.pi) ** 2 / (8 * units**2)
    exponent = np.polyfit(np.log(units), np.log(built), 1)[0]
    bounded = (built <= bound).all() and abs(exponent + 2) < 0.1
    lengths = universal_approximation.LENGTHS
    return depends_on(
        {
            "ReLU units on a bounded interval": bool(bounded),
            "units that square": bool(squares[-1] < squares[0] / 2),
            "the whole line": bool(longer[-1] < 0.5),
        },
        f"{units[-1]} ReLU units miss sin 2πx on [0, 1] by at most {built[-1]:.3e}; the error is "
        f"below max|f″|/8H² and falls as H to the power {exponent:.3f}. As many units that square "
        f"make a parabola, which misses |x| by {squares[-1]:.4f}. On an interval of length "
        f"{lengths[-1]} the ReLU units miss the sine by {longer[-1]:.3g}.",
        units=units,
        built=built,
        bound=bound,
        exponent=exponent,
        squares=squares,
        longer=longer,
    )


@claim(
    "1.3",
    "universal_approximation",
    "The universal approximation theorem gives no method to find the parameters.",
    figure="error",
    code="trained_errors",
)
def theorem_gives_no_method(results):
    units = results["units"]
    ratio = results["trained"] / results["built"][:, None]
    log_ratio = np.log10(ratio)
    gaps = [mean_interval(row) for row in log_ratio]
    growth = mean_interval(log_ratio[-1] - log_ratio[0])
    return holds_if(
        every(gaps[-1].above(0), growth.above(0)),
        f"log₁₀ of the largest error of trained networks over that of the built ones is "
        f"{listed(gaps)} for {listed(units)} units. From the fewest units to the most it grows by "
        f"{growth}. Weights that exist need not be found.",
        gaps=gaps,
        growth=growth,
        units=units,
    )


# why_deep


@claim(
    "3.4",
    "why_deep",
    "One hidden layer can approximate any continuous f: ℝ → [0, 1]; deep networks need fewer "
    "units for it.",
    code="built_twice",
)
def fewer_units(results):
    depths = results["depths"]
    pieces = results["pieces"]
    deep = results["deep_units"]
    shallow = results["shallow_units"]
    missed = results["missed_beyond"]
    same_function = results["difference"].max() == 0
    exact = same_function and (pieces == 2**depths).all()
    fewer = deep < pieces - 1  # what one hidden layer needs at least
    never_again_more = (np.diff(fewer.astype(int)) >= 0).all()
    return depends_on(
        {
            "a bounded interval": bool(exact and fewer[-1] and never_again_more),
            "the whole line": bool(missed.max() < 0.5),
        },
        f"The tent map folded {depths[-1]} times is {deep[-1]} ReLU units in depth, and has "
        f"{pieces[-1]} straight pieces on [0, 1]. One hidden layer needs at least "
        f"{pieces[-1] - 1} units; with {shallow[-1]} it is the same function. Every finite ReLU "
        f"network runs straight beyond its last kink: beyond 1 these miss the wave by "
        f"{missed.min():.3g} or more.",
        depths=depths,
        pieces=pieces,
        deep_units=deep,
        shallow_units=shallow,
        missed_beyond=missed,
    )


@claim(
    "1.19",
    "why_deep",
    "Why go deep? The slide has a heading and no answer; the answer tried here: depth multiplies "
    "pieces.",
    code="built_twice",
)
def pieces_multiply(results):
    pieces = results["pieces"]
    units = results["deep_units"]
    hidden = results["hidden"]
    multiplied = pieces[1:] / pieces[:-1]
    added = np.diff(units)
    wide, deep = (mean_interval(np.log10(losses)) for losses in results["trained_loss"])
    return holds_if(
        bool((multiplied == 2).all() and (added == 2).all()),
        f"Each further layer of {added.max()} units multiplies the straight pieces by "
        f"{multiplied.min():g}; a unit added to a single hidden layer adds one at most. Training "
        f"finds part of it: the log₁₀ of the test loss over the variance is {wide} for hidden "
        f"layers {hidden[0]} and {deep} for {hidden[1]}.",
        pieces=pieces,
        deep_units=units,
        log_loss_wide=wide,
        log_loss_deep=deep,
    )


# xor


@claim(
    "2.5",
    "xor",
    "A nonlinearity at the output alone is not enough: g(Wx) cannot compute XOR.",
    code="best_threshold_rows",
)
def output_nonlinearity(results):
    no_hidden_layer = list(results["widths"]).index(0)
    rows = results["rows_right"][:, no_hidden_layer]
    best = results["best_threshold_rows"]
    return holds_if(
        bool(rows.max() <= 3 and best <= 3),
        f"The sigmoid of a linear map gets at most {rows.max():.0f} of 4 rows right, from "
        f"{rows.size} trained starts. Any other increasing g decides like a threshold on Wx, of "
        f"which none on a 21³ grid gets more than {best} right. A g that rises and falls again "
        f"would do: s(2 − s) with s = x₁ + x₂ is XOR.",
        most_rows=rows.max(),
        best_threshold_rows=best,
    )


@claim(
    "2.6",
    "xor",
    "A single threshold unit cannot learn XOR; one hidden layer can represent and learn it.",
    code="learn",
)
def hidden_layer(results):
    best = results["best_threshold_rows"]
    solved = results["solved"]
    error = results["exact_error"]
    shares = solved.mean(axis=-1)
    activation, width = np.unravel_index(shares.argmax(), shares.shape)
    solving = share_interval(solved[activation, width])
    *w, b = fitted = results["least_squares"].round(12) + 0.0
    x, y = data.load("xor").train
    residual = x @ np.array(w) + b - y
    squared = np.mean(residual**2)
    same_answer = bool((fitted == [0, 0, 0.5]).all() and squared == 0.25)
    return holds_if(
        every(bool(best == 3), same_answer, bool(error == 0), solving.above(0.5)),
        f"A threshold unit gets {best} of 4 rows right at best, and least squares finds "
        f"(w₁, w₂, b) = ({listed(fitted, 'g')}), the same answer for all rows. "
        f"max(0, s) − 2 max(0, s − 1) with s = x₁ + x₂ is XOR, error {error:g}. Share of starts "
        f"that learn it with {results['widths'][width]} hidden units: {solving}.",
        best_threshold_rows=best,
        exact_error=error,
        solving=solving,
        widths=results["widths"],
        shares=shares,
    )
