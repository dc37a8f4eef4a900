"""The claims about activations, losses and layers, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import math

import numpy as np

from experiments.claims import claim, depends_on, every, holds_if, mean_interval, share_interval
from experiments.functions import (
    activation_functions,
    linear_layers,
    neuron,
    regression_targets,
    relu_at_zero,
    training_objective,
)
from experiments.functions.printed_losses import NAMES

# activation_functions


@claim(
    "1.8",
    "activation_functions",
    "Hidden activations are max(0, x), ELU with a free α, tanh and 1/(1 + e⁻ˣ).",
    figure="curves",
)
def formulas(results):
    hidden = slice(activation_functions.RELU, activation_functions.SIGMOID + 1)
    value_error = np.abs(results["values"] - results["printed"])[hidden].max()
    slope_error = np.abs(results["slopes"] - results["autodiff"])[hidden].max()
    jump_error = np.abs(results["elu_jumps"] - (1 - results["alphas"])).max()
    jumps = ", ".join(f"{jump + 0.0:.3g}" for jump in results["elu_jumps"].round(6))
    return holds_if(
        bool(value_error < 1e-12 and slope_error < 1e-12 and jump_error < 1e-5),
        f"On {len(results['x'])} points of [−6, 6] in float64 the values differ from the printed "
        f"formulas by at most "
        f"{value_error:.1e} and the slopes from automatic differentiation by {slope_error:.1e}. "
        f"The slope of ELU "
        f"jumps at 0 by {jumps} for α = {', '.join(f'{alpha:g}' for alpha in results['alphas'])}: "
        f"it is smooth for "
        "α = 1 only.",
        value_error=value_error,
        slope_error=slope_error,
        elu_jumps=results["elu_jumps"],
    )


@claim(
    "2.26",
    "activation_functions",
    "tanh and the sigmoid saturate, with range (0, 1) both of them; ReLU does not saturate.",
    figure="curves",
)
def saturation(results):
    low, high = results["values"].min(axis=1), results["values"].max(axis=1)
    unit = (low > 0) & (high < 1)
    slopes = results["tail_slopes"][1]
    flat = (np.abs(slopes) < 1e-12).any(axis=1)
    return holds_if(
        every(
            *unit[[activation_functions.TANH, activation_functions.SIGMOID]],
            *flat[[activation_functions.TANH, activation_functions.SIGMOID]],
            not flat[activation_functions.RELU],
        ),
        f"Both saturate, but their ranges differ: on [−6, 6] the sigmoid runs from "
        f"{low[activation_functions.SIGMOID]:.5f} to "
        f"{high[activation_functions.SIGMOID]:.5f}, tanh from "
        f"{low[activation_functions.TANH]:.5f} to {high[activation_functions.TANH]:.5f}, so that "
        f"it is (−1, "
        f"1). The slope of ReLU "
        f"is {slopes[activation_functions.RELU, 0]:g} at −1000 and "
        f"{slopes[activation_functions.RELU, 1]:g} at 1000: it saturates on its "
        f"negative side.",
        lowest=low,
        highest=high,
        slopes_at_1000=slopes,
    )


@claim(
    "4.15",
    "activation_functions",
    "Gates are the sigmoid, tanh, ReLU and log(1 + eˣ), a smooth version of ReLU.",
    figure="softplus",
)
def smooth_relu(results):
    slope_error = np.abs(
        results["slopes"][activation_functions.SOFTPLUS]
        - results["values"][activation_functions.SIGMOID]
    ).max()
    gap = (
        results["values"][activation_functions.SOFTPLUS]
        - results["values"][activation_functions.RELU]
    )
    at_zero = float(results["softplus_at_zero"])
    finite = bool(np.isfinite(results["tails"]).all() and np.isfinite(results["tail_slopes"]).all())
    overflow = [
        name
        for name, tail in zip(
            activation_functions.FORMULAS, results["printed_tails"][1], strict=True
        )
        if ~np.isfinite(tail).all()
    ]
    smooth = (
        slope_error < 1e-12
        and (gap > 0).all()
        and gap.max() <= at_zero
        and abs(at_zero - math.log(2)) < 1e-15
    )
    return holds_if(
        bool(smooth and finite),
        f"The slope of log(1 + eˣ) is the sigmoid to {slope_error:.1e}; it exceeds ReLU by "
        f"{at_zero:.6f} = ln 2 at 0 "
        f"and by less elsewhere, {gap[0]:.4f} at −6. Stable forms are finite at ±1000; computed "
        f"from exponentials, "
        f"{' and '.join(overflow) or 'none'} overflow there in float64.",
        slope_error=slope_error,
        gap_at_zero=at_zero,
        tails=results["tails"],
        printed_tails=results["printed_tails"],
    )


# cross_entropy


def errors(results, name: str) -> tuple[float, float]:
    """The largest distance of the backward pass from (p − t)/N and from automatic
    differentiation.
    """
    expected, autodiff = results[f"{name}_expected"], results[f"{name}_autodiff"]
    return float(np.abs(results[name] - expected).max()), float(
        np.abs(results[name] - autodiff).max()
    )


@claim(
    "1.17",
    "cross_entropy",
    "Binary cross-entropy, −(1/N) Σ t log p + (1 − t) log(1 − p), is the loss of one sigmoid "
    "output.",
)
def binary(results):
    formula, autodiff = errors(results, "binary")
    finite = all(
        np.isfinite(results[name]).all()
        for name in ("on_logits", "slope_on_logits", "on_negative_logits")
    )
    infinite = results["logit"][~np.isfinite(results["on_probabilities"])]
    return holds_if(
        every(formula < 1e-12, autodiff < 1e-12, finite),
        f"On {len(results['binary'])} examples in float64 its gradient in the logit is (p − t)/N "
        f"to {formula:.0e} and "
        f"that of automatic differentiation to {autodiff:.0e}. In float32 the form on logits is "
        f"finite at ±10,000, "
        f"{results['on_logits'][-1]:g} for a wrong answer; the printed form on probabilities is "
        f"infinite from a logit "
        f"of {infinite.min() if infinite.size else np.inf:g}.",
        formula_error=formula,
        autodiff_error=autodiff,
        first_infinite=infinite[:1],
    )


@claim(
    "1.18",
    "cross_entropy",
    "Categorical cross-entropy, −(1/N) Σ Σ t log p over examples and classes, equals −(1/N) Σ log "
    "p of the true class.",
    figure="categorical",
)
def categorical(results):
    formula, autodiff = errors(results, "categorical")
    apart = float(abs(results["sum_form"] - results["true_class_form"]))
    soft = float(abs(results["soft_sum_form"] - results["soft_class_form"]))
    return holds_if(
        every(apart < 1e-12, formula < 1e-12, autodiff < 1e-12),
        f"The two forms differ by {apart:.1g} for one-hot targets ({results['sum_form']:.6f}), "
        f"and by {soft:.3f} for "
        f"soft targets, to which the second does not apply. With softmax the gradient in the "
        f"logits is (p − t)/N to "
        f"{formula:.0e}, and that of automatic differentiation to {autodiff:.0e}.",
        apart=apart,
        apart_for_soft_targets=soft,
        formula_error=formula,
        autodiff_error=autodiff,
    )


# gradient_sparsity


@claim(
    "1.10",
    "gradient_sparsity",
    "With ELU in place of ReLU the gradient is not sparse.",
)
def sparsity(results):
    relu, elu = results["zero_share"].mean(axis=-1)
    share = mean_interval(relu)
    return holds_if(
        every(share.above(0.25), bool(elu.max() == 0)),
        f"At the start of networks with {results['zero_share'].shape[-1]} hidden layers on "
        f"digits, {len(relu)} draws, "
        f"the share of derivatives that are exactly 0 is {share} with ReLU and at most "
        f"{elu.max():g} with ELU.",
        relu=share,
        elu=elu.max(),
    )


# kinds_of_learning


@claim(
    "4.1",
    "kinds_of_learning",
    "Supervised learning has a ground truth, a real number in regression (the price of a house) "
    "or a class label in "
    "classification (sportif or not); unsupervised learning has none.",
)
def kinds(results):
    r_squared, accuracy, explained = (
        mean_interval(results[name]) for name in ("r_squared", "accuracy", "explained")
    )
    majority, values = float(results["majority"]), len(np.unique(results["prices"][:, 1]))
    labels = np.unique(results["logits"] > 0).size
    return holds_if(
        every(
            r_squared.above(0.5),
            accuracy.above(majority),
            explained.above(0.5),
            values > 100,
            labels == 2,
        ),
        f"Test rows, {len(results['r_squared'])} starts: the price has R² {r_squared}, with "
        f"{values} different values "
        f"predicted for {len(results['prices'])} houses. The label, one of {labels}, is right for "
        f"{accuracy} of the "
        f"people, and the commoner one would be for {majority:.3f}. Without a ground truth, an "
        f"autoencoder finds two "
        f"numbers that tell {explained} of the variance of eight.",
        r_squared=r_squared,
        accuracy=accuracy,
        majority=majority,
        explained=explained,
    )


# linear_layers


@claim(
    "2.4",
    "linear_layers",
    "Stacked linear layers gain nothing: together they are one linear map.",
    figure="fits",
)
def one_map(results):
    error, rank, narrowest = (
        results["product_error"].max(),
        results["rank"].max(axis=1),
        results["narrowest"],
    )
    chains = ", ".join("-".join(map(str, sizes)) for sizes in linear_layers.CHAINS)
    return holds_if(
        bool(error < 1e-12 and (rank <= narrowest).all()),
        f"Linear networks {chains} with {results['rank'].shape[1]} draws of weights and biases "
        f"each equal one matrix "
        f"W_L … W₁ and one bias to a relative {error:.0e} in float64. The rank of the product is "
        f"{', '.join(map(str, rank))}, the narrowest width {', '.join(map(str, narrowest))}.",
        error=error,
        rank=rank,
        narrowest=narrowest,
    )


@claim(
    "4.17",
    "linear_layers",
    "Two linear layers fit a curve only with a ReLU between them.",
    figure="fits",
)
def with_relu(results):
    line = float(results["least_squares"])
    without, with_relu = (mean_interval(loss[:, -1] / line) for loss in results["loss"])
    same = np.abs(results["loss"][0, :, -1] / line - 1).max()
    return holds_if(
        every(bool(same < 1e-2), with_relu.below(0.1)),
        f"On sin 2x the best straight line has a mean squared error of {line:.4f}. Two linear "
        f"layers end at {without} "
        f"times that, each of {results['loss'].shape[1]} starts within {same:.0e}; with ReLU "
        f"between them the same "
        f"layers end at {with_relu} times that.",
        without=without,
        with_relu=with_relu,
        least_squares=line,
    )


# loss_scales


@claim(
    "X4",
    "loss_scales",
    "A squared loss is half the sum, the sum or the mean of the squares, by document: the "
    "gradients differ by constant "
    "factors, for which the learning rate can make up.",
)
def scales(results):
    half, total, mean = results["gradients"]
    n = int(results["examples"])
    size = np.abs(total).max()
    errors = np.abs(total - 2 * half).max() / size, np.abs(total - n * mean).max() / size
    together = np.abs(results["together"] - results["together"][:1]).max()
    apart = np.abs(results["apart"] - results["apart"][:1]).max()
    return holds_if(
        every(max(errors) < 1e-12, together < 1e-9),
        f"The gradient of the sum is twice that of half the sum (relative error {errors[0]:.1g}) "
        f"and N = {n} times "
        f"that of the mean ({errors[1]:.1g}). With rates scaled the other way the weights along "
        f"gradient descent agree "
        f"to {together:.1g}; with the same rate the weights end up to {apart:.2g} apart.",
        ratio_errors=errors,
        scaled_rates=together,
        same_rate=apart,
    )


# neuron


@claim(
    "2.42",
    "neuron",
    "A neuron passes the weighted sum of its inputs and a bias through an activation function; "
    "gradient descent "
    "follows the slope of the loss down to its minimum.",
)
def neuron_learns(results):
    error = np.abs(results["outputs"] - results["sums"]).max()
    falls = np.diff(results["loss"]) <= 1e-15
    distance = np.abs(results["path"][-1] - results["least_squares"]).max()
    return holds_if(
        every(error < 1e-12, falls.all(), distance < 1e-6),
        f"A neuron of two inputs equals the sum written out to {error:.1e} for "
        f"{', '.join(neuron.GATES)}. On the mean squared "
        f"error of a linear neuron {falls.mean():.0%} of {falls.size} steps go down or stay, and "
        f"the end is "
        f"{distance:.1e} from least squares {results['least_squares'].round(4)}.",
        error=error,
        distance=distance,
        loss=results["loss"][[0, 1, 10, -1]],
    )


# outliers


@claim(
    "1.15",
    "outliers",
    "Outliers weigh heavily in the mean squared error.",
)
def squared(results):
    shifts = results["fits"][0] - results["fits"][0, :, :1]
    n, farthest = results["points"].shape[-1], results["distances"][-1]
    error = np.abs(shifts - results["distances"] / n).max()
    spread = results["points"][:, 0].std(axis=-1).mean()
    return holds_if(
        bool(error < 1e-6 and shifts[:, -1].min() > 3 * spread),
        f"One of {n} points of standard deviation {spread:.2f} moved by Δ shifts the fitted "
        f"constant by Δ/{n} within "
        f"{error:.0e}, in {len(shifts)} draws: {shifts[:, -1].mean():.1f} at Δ = {farthest:g}, "
        f"far beyond all other "
        "points.",
        shift=shifts.mean(axis=0),
        error=error,
    )


@claim(
    "1.16",
    "outliers",
    "Outliers weigh less in the mean absolute error.",
)
def absolute(results):
    squared, absolute, huber = np.abs(results["fits"] - results["fits"][:, :, :1]).max(axis=1)
    beyond = results["distances"] > 0
    falls = results["without_bars"]
    bounded = falls[-1] >= falls[0] or falls[-1] > 0.5 * results["constants"][-1]
    return depends_on(
        {
            "the formula with bars": bool((absolute < 0.1 * squared)[beyond].all()),
            "the formula as printed": bool(bounded),
        },
        f"Moving one point by {results['distances'][-1]:g} shifts the constant of the absolute "
        f"error by "
        f"{absolute[-1]:.2g}, of Huber's by {huber[-1]:.2g}, of the squared error by "
        f"{squared[-1]:.3g}. Printed "
        f"without the bars of |y − ŷ|, the formula has no minimum: {falls[-1]:.3g} at a constant "
        f"of "
        f"{results['constants'][-1]:g}.",
        absolute=absolute,
        huber=huber,
        squared=squared,
        without_bars=falls,
    )


# output_activations


@claim(
    "1.12",
    "output_activations",
    "Outputs are linear for regression, a sigmoid for two classes and softmax for more, where "
    "each lies in (0, 1) and "
    "can be read as a probability.",
)
def probabilities(results):
    inside = (results["smaller"] > 0) & (results["larger"] < 1)
    near = results["gaps"] <= 10
    sums = results["sum_error"]
    small = results["shift_error"] < 1e-12 and results["sigmoid_error"] < 1e-14
    sound = small and bool((sums < [1e-6, 1e-7]).all())
    reaches_one, reaches_zero = first(results["larger"] == 1), first(results["smaller"] == 0)
    return depends_on(
        {
            "logits up to 10 apart": bool(sound and inside[:, near].all()),
            "logits up to 1000 apart": bool(sound and inside.all()),
        },
        f"Softmax sums to 1 within {sums[0]:.0e} in float32 and {sums[1]:.0e} in float64, a shift "
        f"of all logits "
        f"changes it by {results['shift_error']:.0e}, and for two classes it is the sigmoid of "
        f"their difference to "
        f"{results['sigmoid_error']:.0e}. The outputs round to exactly 1 and 0 when logits are "
        f"{reaches_one[0]} and "
        f"{reaches_zero[0]} apart in float32, {reaches_one[1]} and {reaches_zero[1]} in float64. "
        f"As printed, without "
        f"a shift, it is {results['printed'][1]:g} for logits 0 and 1000.",
        sum_error=results["sum_error"],
        shift_error=results["shift_error"],
        sigmoid_error=results["sigmoid_error"],
        reaches_one=reaches_one,
        reaches_zero=reaches_zero,
    )


def first(there: np.ndarray) -> list[int | None]:
    """The first gap of each type at which it is so; None if it never is. Gaps are 0, 1, 2, …"""
    return [int(np.argmax(row)) if row.any() else None for row in there]


# regression_targets


TIME_ZONE = 2


@claim(
    "4.20",
    "regression_targets",
    "Quiz: of bus arrival, age, time zone and house price, only the time zone is no regression.",
)
def not_a_regression(results):
    labels = ~results["continuous"]
    counts = ", ".join(
        f"{n} for {name}"
        for n, name in zip(results["different"], regression_targets.TARGETS, strict=True)
    )
    jumps = (
        ", ".join(
            name for name, label in zip(regression_targets.TARGETS, labels, strict=True) if label
        )
        or "none"
    )
    return holds_if(
        bool(labels[TIME_ZONE] and labels.sum() == 1),
        "A matter of definition: each target is modelled as a function of its cause, not "
        "measured. Different values "
        f"on {10 * len(results['cause'])} points: {counts}. In jumps that a finer scan does not "
        f"shrink, from one label "
        f"to the next: {jumps}.",
        different=results["different"],
        continuous=results["continuous"],
    )


# relu_at_zero


@claim(
    "X11",
    "relu_at_zero",
    "ReLU′(0) is a convention: the left derivative, the right one or something between.",
)
def conventions(results):
    slopes, found = results["slopes"], results["autodiff"]
    elsewhere = np.ptp(slopes[:, [0, 1, 3, 4]], axis=0).max()
    several = set(found.tolist()) >= {0.0, 0.5, 1.0}
    chosen = [
        f"{value:g} for {name}" for name, value in zip(relu_at_zero.AUTODIFF, found, strict=True)
    ]
    return holds_if(
        every(bool((slopes[:, 2] == [0, 0.5, 1]).all()), elsewhere == 0, several),
        f"The named choices {', '.join(relu_at_zero.CHOICES)} take "
        f"{', '.join(f'{s:g}' for s in slopes[:, 2])} "
        f"at 0 and agree "
        "everywhere else. Automatic differentiation in JAX takes "
        f"{', '.join(chosen)}.",
        choices=slopes[:, 2],
        jax=found,
    )


@claim(
    "4.16",
    "relu_at_zero",
    "ReLU has no derivative at 0, so the left or the right one is assigned arbitrarily.",
)
def arbitrary(results):
    apart = np.abs(results["weights"] - results["weights"][:, :1]).max(
        axis=(1, -1)
    )  # (tables, seeds)
    met = results["zeros"].any(axis=(1, -1))
    same = [bool((apart[which] == 0).all()) if which.any() else None for which in (~met, met)]
    solved = [share_interval(right) for right in results["right"][relu_at_zero.TABLES.index("xor")]]
    shares = ", ".join(
        f"{share:.0%} on {table}"
        for share, table in zip(met.mean(axis=1), relu_at_zero.TABLES, strict=True)
    )
    return depends_on(
        {"starts that never meet an exact 0": same[0], "starts that do": same[1]},
        f"Trained with 0, ½ and 1 from the same {met.shape[1]} starts. A pre-activation is "
        f"exactly 0 in {shares}: on "
        f"XOR row (0, 0) makes it so while biases are 0. Weights differ by "
        f"{apart[~met].max(initial=0):g} where none is, and by up to "
        f"{apart[met].max(initial=0):.2g} where one is. "
        f"Share of starts that learn XOR with 0, ½, 1: {'; '.join(map(str, solved))}.",
        largest_difference=apart.max(axis=1),
        starts_with_zeros=met.mean(axis=1),
        solved=solved,
    )


# training_objective


@claim(
    "2.13",
    "training_objective",
    "Training minimises Σ ½(t − z)² by gradient descent; any other loss can take its place, and a "
    "regulariser may be "
    "added.",
)
def any_loss(results):
    error = results["gradient_error"].max()
    falls = results["objective"][..., -1] < results["objective"][..., 0]
    none, l1, l2 = np.moveaxis(results["weights"], 1, 0)  # each (losses, seeds, weights)
    smaller = mean_interval(np.log((l2**2).sum(axis=-1) / (none**2).sum(axis=-1)).mean(axis=0))
    zeros = mean_interval(
        ((np.abs(l1) < 0.01).mean(axis=-1) - (np.abs(none) < 0.01).mean(axis=-1)).mean(axis=0)
    )
    return holds_if(
        every(error < 1e-10, bool(falls.all()), smaller.below(0), zeros.above(0)),
        f"{', '.join(loss.name.replace('_', ' ') for loss in training_objective.LOSSES)}, each "
        f"alone, with L1 and "
        f"with L2, in "
        f"{falls.shape[-1]} starts: gradients equal automatic differentiation to {error:.0e} and "
        f"the objective falls "
        f"in {falls.mean():.0%} of the runs. L2 changes the logarithm of Σw² by {smaller}; L1 "
        f"raises the share of "
        f"weights below 0.01 by {zeros}.",
        gradient_error=error,
        log_ratio_of_squares=smaller,
        more_zeros=zeros,
    )


# what_makes_a_loss


QUIZ = ("e³", "log e", "sin e", "1/e", "5e² − 2")


def named(mask: np.ndarray) -> str:
    """The candidates for which it is so."""
    return ", ".join(np.array(NAMES)[mask]) or "none"


@claim(
    "4.4",
    "what_makes_a_loss",
    "A loss must not have several minima as a function of the network's output.",
    figure="minima",
)
def several_minima(results):
    several, right = results["minima"] > 1, results["works"]
    wrong = (np.abs(results["ends"]) >= 0.05).mean(axis=1)
    ends = results["loss_between"][[25, 125]]
    return holds_if(
        every(several.any(), not (several & right).any(), (results["minima"][right] == 1).all()),
        f"From starts in [−6, 6], descent ends at a wrong prediction in "
        f"{', '.join(f'{wrong[i]:.0%} of them on {NAMES[i]}' for i in np.flatnonzero(several))}, "
        f"which have several "
        f"minima on [−10, 10]; those that always arrive, {named(right)}, have one. In the weights "
        f"even e² has several: "
        f"{ends.max():g} at a 1-2-1 network and at the one with its units exchanged, "
        f"{results['loss_between'][25:126].max():.3g} between.",
        minima=results["minima"],
        wrong_ends=wrong,
        barrier=results["loss_between"][25:126].max(),
    )


@claim(
    "4.19",
    "what_makes_a_loss",
    "A loss is continuous and has a single minimum; the squared and the absolute error are "
    "examples.",
)
def examples(results):
    rows = [NAMES.index("e²"), NAMES.index("|e|")]
    good = results["continuous"] & (results["minima"] == 1) & results["minimum_at_zero"]
    return holds_if(
        every(*good[rows]),
        f"Scanned on [−10, 10], e² and |e| are continuous and have {results['minima'][rows[0]]} "
        f"and "
        f"{results['minima'][rows[1]]} minimum each, at 0. Slopes that do not jump: "
        f"{named(results['differentiable'] & np.isin(NAMES, ['e²', '|e|']))} only, so |e| is not "
        f"differentiable at 0.",
        continuous=results["continuous"][rows],
        minima=results["minima"][rows],
        differentiable=results["differentiable"][rows],
    )


@claim(
    "4.21",
    "what_makes_a_loss",
    "Quiz: a loss must be continuous everywhere and have at least one minimum or maximum.",
)
def properties(results):
    works, continuous, slopes = results["works"], results["continuous"], results["differentiable"]
    options = {
        "differentiable": slopes,
        "continuous": continuous,
        "differentiable with one minimum": slopes & (results["minima"] == 1),
        "continuous with at least one minimum": continuous & (results["minima"] >= 1),
    }
    needed = [name for name, has in options.items() if not (works & ~has).any()]
    enough = [name for name, has in options.items() if not (has & ~works).any()]
    answer = list(options)[3]
    return depends_on(
        {"necessity": bool(works.any() and answer in needed), "sufficiency": answer in enough},
        f"Descent arrives from every start on {named(works)}. Necessary, as all of these are so: "
        f"{'; '.join(needed) or 'none'}. Sufficient, as nothing else is so: "
        f"{'; '.join(enough) or 'none'}. Continuous "
        f"with a minimum and of no use: {named(options[answer] & ~works)}.",
        works=works,
        **{name.replace(" ", "_"): has for name, has in options.items()},
    )


@claim(
    "4.25",
    "what_makes_a_loss",
    "Quiz: of e³, log e, sin e, 1/e and 5e² − 2 only the last can be used as a loss.",
    figure="minima",
)
def quiz(results):
    rows = [NAMES.index(name) for name in QUIZ]
    usable = results["continuous"] & results["minimum_at_zero"] & results["works"]
    lines = "; ".join(
        f"{NAMES[i]} {'' if results['defined'][i] else 'not '}defined everywhere, minima: "
        f"{results['minima'][i]}"
        for i in rows
    )
    return holds_if(
        [NAMES[i] for i in rows if usable[i]] == ["5e² − 2"],
        f"Scanned on [−10, 10]: {lines}. Of these, continuous with a minimum at 0 that descent "
        f"finds: "
        f"{', '.join(NAMES[i] for i in rows if usable[i]) or 'none'}.",
        defined=results["defined"][rows],
        continuous=results["continuous"][rows],
        minima=results["minima"][rows],
        works=results["works"][rows],
    )
