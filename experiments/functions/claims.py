"""The claims about activations, losses and layers, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import math

import numpy as np

from experiments.claims import (
    claim,
    depends_on,
    every,
    holds_if,
    listed,
    mean_interval,
    share_interval,
)
from experiments.functions import linear_layers, neuron, regression_targets, relu_at_zero
from experiments.functions.activation_functions import FORMULAS, RELU, SIGMOID, SOFTPLUS, TANH
from experiments.functions.printed_losses import NAMES


def largest(values: np.ndarray) -> float:
    """Return the largest size of an entry."""
    return np.abs(values).max()


# activation_functions


@claim(
    "1.8",
    "activation_functions",
    "Hidden activations are max(0, x), ELU with a free α, tanh and 1/(1 + e⁻ˣ).",
    figure="curves",
    code="curves",
)
def formulas(results):
    hidden = slice(RELU, SIGMOID + 1)
    values = np.abs(results["values"] - results["printed"])
    slopes = np.abs(results["slopes"] - results["autodiff"])
    jumps = results["elu_jumps"]
    alphas = results["alphas"]
    value_error = values[hidden].max()
    slope_error = slopes[hidden].max()
    jump_error = largest(jumps - (1 - alphas))
    printed = value_error < 1e-12 and slope_error < 1e-12
    accuracy = (
        f"On [−6, 6] in float64 the values differ from the printed formulas by at most "
        f"{value_error:.1e}, and the slopes from automatic differentiation by {slope_error:.1e}."
    )
    kink = (
        f"The slope of ELU jumps at 0 by {listed(jumps.round(6) + 0.0, '.3g')} "
        f"for α = {listed(alphas, 'g')}: it is smooth for α = 1 only."
    )
    return holds_if(
        bool(printed and jump_error < 1e-5),
        f"{accuracy} {kink}",
        value_error=value_error,
        slope_error=slope_error,
        elu_jumps=jumps,
    )


@claim(
    "2.26",
    "activation_functions",
    "tanh and the sigmoid saturate, with range (0, 1) both of them; ReLU does not saturate.",
    figure="curves",
    code="tails",
)
def saturation(results):
    both = [TANH, SIGMOID]
    ends = results["tails"][1]
    slopes = results["tail_slopes"][1]
    flat = np.abs(slopes) < 1e-12
    values = results["values"]
    inside = ((values > 0) & (values < 1)).all(axis=1)
    from_zero_to_one = inside & np.isclose(ends, [0, 1], atol=1e-12).all(axis=1)
    tanh, sigmoid = (listed(ends[function], "g") for function in both)
    steepest = largest(slopes[both])
    left, right = slopes[RELU]
    return depends_on(
        {
            "the saturation of tanh and the sigmoid": bool(flat[both].all()),
            "their range (0, 1)": bool(from_zero_to_one[both].all()),
            "ReLU without saturation": not flat[RELU].any(),
        },
        f"At ±1000 the slopes of tanh and the sigmoid are {steepest:.1g} at most. "
        f"Between these ends the sigmoid runs over ({sigmoid}), and tanh over ({tanh}). "
        f"The slope of ReLU is {left:g} at −1000 and {right:g} at 1000.",
        ends=ends,
        slopes_at_1000=slopes,
    )


@claim(
    "4.15",
    "activation_functions",
    "Gates are the sigmoid, tanh, ReLU and log(1 + eˣ), a smooth version of ReLU.",
    figure="softplus",
    code="curves",
)
def smooth_relu(results):
    values = results["values"]
    slope_error = largest(results["slopes"][SOFTPLUS] - values[SIGMOID])
    gap = values[SOFTPLUS] - values[RELU]
    at_zero = float(results["softplus_at_zero"])
    is_log_two = abs(at_zero - math.log(2)) < 1e-15
    above_relu = bool((gap > 0).all() and gap.max() <= at_zero)
    finite_values = np.isfinite(results["tails"]).all()
    finite_slopes = np.isfinite(results["tail_slopes"]).all()
    overflows = ~np.isfinite(results["printed_tails"][1]).all(axis=1)
    overflowing = [name for name, flows in zip(FORMULAS, overflows, strict=True) if flows]
    smooth = (
        f"The slope of log(1 + eˣ) is the sigmoid to {slope_error:.1e}. "
        f"It exceeds ReLU by {at_zero:.6f} = ln 2 at 0 and by less elsewhere, {gap[0]:.4f} at −6."
    )
    overflow = (
        f"Stable forms are finite at ±1000. Computed from exponentials in float64, "
        f"{' and '.join(overflowing) or 'none'} overflow there."
    )
    return holds_if(
        every(slope_error < 1e-12, is_log_two, above_relu, finite_values, finite_slopes),
        f"{smooth} {overflow}",
        slope_error=slope_error,
        gap_at_zero=at_zero,
        tails=results["tails"],
        printed_tails=results["printed_tails"],
    )


# cross_entropy


def errors(results, name: str) -> tuple[float, float]:
    """Return the largest distances of the backward pass from (p − t)/N and from autodiff."""
    gradient = results[name]
    from_formula = largest(gradient - results[f"{name}_expected"])
    from_autodiff = largest(gradient - results[f"{name}_autodiff"])
    return float(from_formula), float(from_autodiff)


@claim(
    "1.17",
    "cross_entropy",
    "Binary cross-entropy, −(1/N) Σ t log p + (1 − t) log(1 − p), is the loss of one sigmoid "
    "output.",
    code="two_classes",
)
def binary(results):
    formula, autodiff = errors(results, "binary")
    on_logits = ("on_logits", "slope_on_logits", "on_negative_logits")
    finite = all(np.isfinite(results[name]).all() for name in on_logits)
    largest = results["on_logits"][-1]
    infinite = results["logit"][~np.isfinite(results["on_probabilities"])]
    first_infinite = infinite.min(initial=np.inf)
    gradient = (
        f"In float64 the gradient in the logit is (p − t)/N to {formula:.0e} and that of "
        f"automatic differentiation to {autodiff:.0e}."
    )
    overflow = (
        f"In float32 the form on logits is finite at ±10,000, {largest:g} for a wrong answer; "
        f"the printed form on probabilities is infinite from a logit of {first_infinite:g}."
    )
    return holds_if(
        every(formula < 1e-12, autodiff < 1e-12, finite),
        f"{gradient} {overflow}",
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
    code="two_forms",
)
def categorical(results):
    formula, autodiff = errors(results, "categorical")
    apart = float(abs(results["sum_form"] - results["true_class_form"]))
    soft = float(abs(results["soft_sum_form"] - results["soft_class_form"]))
    forms = (
        f"The two forms differ by {apart:.1g} for one-hot targets, and by {soft:.3f} for soft "
        f"targets, to which the second does not apply."
    )
    gradient = (
        f"With softmax the gradient in the logits is (p − t)/N to {formula:.0e}, and that of "
        f"automatic differentiation to {autodiff:.0e}."
    )
    return holds_if(
        every(apart < 1e-12, formula < 1e-12, autodiff < 1e-12),
        f"{forms} {gradient}",
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
    code="zero_share",
)
def sparsity(results):
    relu, elu = results["zero_share"].mean(axis=-1)
    share = mean_interval(relu)
    return holds_if(
        every(share.above(0.25), bool(elu.max() == 0)),
        f"At the start of networks on digits the share of derivatives that are exactly 0 is "
        f"{share} with ReLU and at most {elu.max():g} with ELU, in {len(relu)} draws.",
        relu=share,
        elu=elu.max(),
    )


# kinds_of_learning


@claim(
    "4.1",
    "kinds_of_learning",
    "Supervised learning has a ground truth, a real number in regression (the price of a house) "
    "or a class label in classification (sportif or not); unsupervised learning has none.",
    code="trained",
)
def kinds(results):
    r_squared = mean_interval(results["r_squared"])
    accuracy = mean_interval(results["accuracy"])
    explained = mean_interval(results["explained"])
    majority = float(results["majority"])
    prices = len(np.unique(results["prices"][:, 1]))
    labels = np.unique(results["logits"] > 0).size
    number = r_squared.above(0.5), prices > 100
    label = accuracy.above(majority), labels == 2
    return holds_if(
        every(*number, *label, explained.above(0.5)),
        f"The price has R² {r_squared} on test rows, with {prices} different predictions. "
        f"The label, one of {labels}, is right for {accuracy} of the people, and the commoner one "
        f"would be for {majority:.3f}. Without a ground truth, an autoencoder finds two numbers "
        f"that tell {explained} of the variance of eight.",
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
    code="product",
)
def one_map(results):
    error = results["product_error"].max()
    rank = results["rank"].max(axis=1)
    narrowest = results["narrowest"]
    chains = listed("-".join(map(str, sizes)) for sizes in linear_layers.CHAINS)
    return holds_if(
        bool(error < 1e-12 and (rank <= narrowest).all()),
        f"Linear networks {chains} with random weights and biases equal one matrix W_L … W₁ and "
        f"one bias to a relative {error:.0e} in float64. The ranks of the products are "
        f"{listed(rank)}, the narrowest widths {listed(narrowest)}.",
        error=error,
        rank=rank,
        narrowest=narrowest,
    )


@claim(
    "4.17",
    "linear_layers",
    "Two linear layers fit a curve only with a ReLU between them.",
    figure="fits",
    code="trained",
)
def with_relu(results):
    line = float(results["least_squares"])
    ends = results["loss"][..., -1] / line
    without, between = (mean_interval(end) for end in ends)
    same = largest(ends[0] - 1)
    return holds_if(
        every(bool(same < 1e-2), between.below(0.1)),
        f"On sin 2x the best straight line has a mean squared error of {line:.4f}. Two linear "
        f"layers end at {without} times that, each start within {same:.0e}. With ReLU between "
        f"them they end at {between} times that.",
        without=without,
        with_relu=between,
        least_squares=line,
    )


# loss_scales


@claim(
    "X4",
    "loss_scales",
    "A squared loss is half the sum, the sum or the mean of the squares, by document: the "
    "gradients differ by constant factors, for which the learning rate can make up.",
    code="descend",
)
def scales(results):
    half, total, mean = results["gradients"]
    n = int(results["examples"])
    size = largest(total)
    of_half = largest(total - 2 * half) / size
    of_mean = largest(total - n * mean) / size
    scaled_rates = results["together"]
    same_rate = results["apart"]
    together = largest(scaled_rates - scaled_rates[:1])
    apart = largest(same_rate - same_rate[:1])
    return holds_if(
        every(of_half < 1e-12, of_mean < 1e-12, together < 1e-9),
        f"The gradient of the sum is twice that of half the sum (relative error {of_half:.1g}) "
        f"and N = {n} times that of the mean ({of_mean:.1g}). With rates scaled the other way the "
        f"weights along gradient descent agree to {together:.1g}. With the same rate they end up "
        f"to {apart:.2g} apart.",
        ratio_errors=[of_half, of_mean],
        scaled_rates=together,
        same_rate=apart,
    )


# neuron


@claim(
    "2.42",
    "neuron",
    "A neuron passes the weighted sum of its inputs and a bias through an activation function; "
    "gradient descent follows the slope of the loss down to its minimum.",
    code="descend",
)
def neuron_learns(results):
    loss = results["loss"]
    error = largest(results["outputs"] - results["sums"])
    falls = np.diff(loss) <= 1e-15
    distance = largest(results["path"][-1] - results["least_squares"])
    return holds_if(
        every(error < 1e-12, falls.all(), distance < 1e-6),
        f"A neuron of two inputs equals the sum written out to {error:.1e} for "
        f"{listed(neuron.GATES)}. On the mean squared error of a linear neuron {falls.mean():.0%} "
        f"of {falls.size} steps go down or stay, and the end is {distance:.1e} from least squares.",
        error=error,
        distance=distance,
        loss=loss[[0, 1, 10, -1]],
    )


# outliers


@claim(
    "1.15",
    "outliers",
    "Outliers weigh heavily in the mean squared error.",
    code="fit",
)
def squared(results):
    fits = results["fits"][0]
    shifts = fits - fits[:, :1]
    n = results["points"].shape[-1]
    farthest = results["distances"][-1]
    error = largest(shifts - results["distances"] / n)
    spread = results["points"][:, 0].std(axis=-1).mean()
    at_farthest = shifts[:, -1]
    return holds_if(
        bool(error < 1e-6 and at_farthest.min() > 3 * spread),
        f"One of {n} points of standard deviation {spread:.2f} moved by Δ shifts the fitted "
        f"constant by Δ/{n} within {error:.0e}. The shift is {at_farthest.mean():.1f} at Δ = "
        f"{farthest:g}, far beyond all other points.",
        shift=shifts.mean(axis=0),
        error=error,
    )


@claim(
    "1.16",
    "outliers",
    "Outliers weigh less in the mean absolute error.",
    code="fit",
)
def absolute(results):
    fits = results["fits"]
    distances = results["distances"]
    shifts = np.abs(fits - fits[:, :, :1])
    squared, absolute, huber = shifts.max(axis=1)
    less = (absolute < 0.1 * squared)[distances > 0].all()
    printed = results["without_bars"]
    farthest = results["constants"][-1]
    has_minimum = printed[-1] >= printed[0] or printed[-1] > 0.5 * farthest
    a_minimum = "a minimum" if has_minimum else "no minimum"
    return depends_on(
        {"the formula with bars": bool(less), "the formula as printed": bool(has_minimum)},
        f"Moving one point by {distances[-1]:g} shifts the constant of the absolute error by "
        f"{absolute[-1]:.2g}, of Huber's by {huber[-1]:.2g}, of the squared error by "
        f"{squared[-1]:.3g}. Printed without the bars of |y − ŷ|, the formula has {a_minimum}: it "
        f"is {printed[-1]:.3g} at a constant of {farthest:g}.",
        absolute=absolute,
        huber=huber,
        squared=squared,
        without_bars=printed,
    )


# output_activations


@claim(
    "1.12",
    "output_activations",
    "Outputs are linear for regression, a sigmoid for two classes and softmax for more, where "
    "each lies in (0, 1) and can be read as a probability.",
    code="two_logits",
)
def probabilities(results):
    smaller = results["smaller"]
    larger = results["larger"]
    inside = (smaller > 0) & (larger < 1)
    near = results["gaps"] <= 10
    sums = results["sum_error"]
    shift = results["shift_error"]
    sigmoid = results["sigmoid_error"]
    sums_to_one = bool((sums < [1e-6, 1e-7]).all())
    sound = sums_to_one and bool(shift < 1e-12 and sigmoid < 1e-14)
    reaches_one = first(larger == 1)
    reaches_zero = first(smaller == 0)
    return depends_on(
        {
            "logits up to 10 apart": sound and bool(inside[:, near].all()),
            "logits up to 1000 apart": sound and bool(inside.all()),
        },
        f"Softmax sums to 1 within {sums[0]:.0e} in float32, and for two classes it is the sigmoid "
        f"of the difference to {sigmoid:.0e}. The outputs round to exactly 1 and 0 when logits "
        f"are {reaches_one[0]} and {reaches_zero[0]} apart in float32, {reaches_one[1]} and "
        f"{reaches_zero[1]} in float64.",
        sum_error=sums,
        shift_error=shift,
        sigmoid_error=sigmoid,
        reaches_one=reaches_one,
        reaches_zero=reaches_zero,
    )


def first(reached: np.ndarray) -> list[int | None]:
    """Return the first gap at which each row is True, None if it never is. Gaps are 0, 1, 2, …"""
    return [int(np.argmax(row)) if row.any() else None for row in reached]


# regression_targets


@claim(
    "4.20",
    "regression_targets",
    "Quiz: of bus arrival, age, time zone and house price, only the time zone is no regression.",
    code="both_errors",
)
def not_a_regression(results):
    names = list(regression_targets.TARGETS)
    regression, classification = np.moveaxis(results["errors"], -1, 0)
    log_ratio = np.log(regression / classification)[:, 0]
    ratios = {name: mean_interval(row) for name, row in zip(names, log_ratio, strict=True)}
    zone = names.index("time zone")
    others = [ratio.below(0) for name, ratio in ratios.items() if name != "time zone"]
    given, exchanged = regression[zone].mean(axis=-1)
    each = listed(f"{ratio} for {name}" for name, ratio in ratios.items())
    return holds_if(
        every(ratios["time zone"].above(0), *others),
        f"Logarithm of the squared error of a regression net over that of a classification net, "
        f"on synthetic sets: {each}. If the zones exchange their numbers, the error of the "
        f"regression net goes from {given:.2g} to {exchanged:.2g} of the variance.",
        log_ratios=ratios,
        regression=dict(zip(names, regression.mean(axis=-1), strict=True)),
        classification=dict(zip(names, classification.mean(axis=-1), strict=True)),
    )


# relu_at_zero


@claim(
    "X11",
    "relu_at_zero",
    "ReLU′(0) is a convention: the left derivative, the right one or something between.",
)
def conventions(results):
    slopes = results["slopes"]
    autodiff = results["autodiff"]
    at_zero = slopes[:, 2]
    elsewhere = np.ptp(slopes[:, [0, 1, 3, 4]], axis=0).max()
    in_use = set(autodiff.tolist()) >= {0.0, 0.5, 1.0}
    by_function = zip(relu_at_zero.AUTODIFF, autodiff, strict=True)
    jax = listed(f"{slope:g} for {name}" for name, slope in by_function)
    return holds_if(
        every(bool((at_zero == [0, 0.5, 1]).all()), elsewhere == 0, in_use),
        f"The named choices {listed(relu_at_zero.CHOICES)} take {listed(at_zero, 'g')} at 0 and "
        f"agree everywhere else. Automatic differentiation in JAX takes {jax}.",
        choices=at_zero,
        jax=autodiff,
    )


@claim(
    "4.16",
    "relu_at_zero",
    "ReLU has no derivative at 0, so the left or the right one is assigned arbitrarily.",
    code="trained",
)
def arbitrary(results):
    weights = results["weights"]
    xor = relu_at_zero.TABLES.index("xor")
    differences = np.abs(weights - weights[:, :1])
    apart = differences.max(axis=(1, -1))  # (tables, seeds)
    meets_zero = results["zeros"].any(axis=(1, -1))
    with_zero = apart[meets_zero]
    without = apart[~meets_zero]
    solved = [share_interval(right) for right in results["right"][xor]]
    shares = zip(meets_zero.mean(axis=1), relu_at_zero.TABLES, strict=True)
    met = listed(f"{share:.0%} on {table}" for share, table in shares)
    return depends_on(
        {
            "starts that never meet an exact 0": all_equal(without),
            "starts that do": all_equal(with_zero),
        },
        f"From the same starts with 0, ½ and 1, a pre-activation is exactly 0 in {met}. "
        f"The weights differ by {without.max(initial=0):g} where none is, and by up to "
        f"{with_zero.max(initial=0):.2g} where one is. "
        f"Shares of starts that learn XOR: {listed(solved)}.",
        largest_difference=apart.max(axis=1),
        starts_with_zeros=meets_zero.mean(axis=1),
        solved=solved,
    )


def all_equal(differences: np.ndarray) -> bool | None:
    """Return whether all differences are 0, None if there are none."""
    return bool((differences == 0).all()) if differences.size else None


# training_objective


@claim(
    "2.13",
    "training_objective",
    "Training minimises Σ ½(t − z)² by gradient descent; any other loss can take its place, and a "
    "regulariser may be added.",
    code="regularised",
)
def any_loss(results):
    error = results["gradient_error"].max()
    objective = results["objective"]
    falls = objective[..., -1] < objective[..., 0]
    none, l1, l2 = np.moveaxis(results["weights"], 1, 0)  # each (losses, seeds, weights)
    squares = (none**2).sum(axis=-1)
    squares_of_l2 = (l2**2).sum(axis=-1)
    log_ratio = np.log(squares_of_l2 / squares)
    zeros_of_l1 = (np.abs(l1) < 0.01).mean(axis=-1)
    zeros_of_none = (np.abs(none) < 0.01).mean(axis=-1)
    smaller = mean_interval(log_ratio.mean(axis=0))
    zeros = mean_interval((zeros_of_l1 - zeros_of_none).mean(axis=0))
    return holds_if(
        every(error < 1e-10, bool(falls.all()), smaller.below(0), zeros.above(0)),
        f"For the squared, the absolute and Huber's error, alone, with L1 and with L2, gradients "
        f"equal automatic differentiation to {error:.0e} and the objective falls in "
        f"{falls.mean():.0%} of the runs. L2 changes the logarithm of Σw² by {smaller}. "
        f"L1 raises the share of weights below 0.01 by {zeros}.",
        gradient_error=error,
        log_ratio_of_squares=smaller,
        more_zeros=zeros,
    )


# what_makes_a_loss


QUIZ = ("e³", "log e", "sin e", "1/e", "5e² − 2")


def names_of(mask: np.ndarray) -> str:
    """Return the names of the candidates for which it is so."""
    return listed(np.array(NAMES)[mask]) or "none"


@claim(
    "4.4",
    "what_makes_a_loss",
    "A loss must not have several minima as a function of the network's output.",
    figure="minima",
    code="descend",
)
def several_minima(results):
    minima = results["minima"]
    works = results["works"]
    several = minima > 1
    wrong = (np.abs(results["ends"]) >= 0.05).mean(axis=1)
    line = results["loss_between"][25:126]  # from one network to the other
    shares = [f"{share:.0%} on {name}" for share, name in zip(wrong, NAMES, strict=True)]
    missed = listed(np.array(shares)[several])
    none_works = not (several & works).any()
    return holds_if(
        every(several.any(), none_works, (minima[works] == 1).all()),
        f"Descent ends at a wrong prediction from a share of the starts, {missed}, which have "
        f"several minima. Those that always arrive, {names_of(works)}, have one. "
        f"In the weights even e² has several: {max(line[0], line[-1]):g} at a network and at the "
        f"one with its units exchanged, {line.max():.3g} between.",
        minima=minima,
        wrong_ends=wrong,
        barrier=line.max(),
    )


@claim(
    "4.19",
    "what_makes_a_loss",
    "A loss is continuous and has a single minimum; the squared and the absolute error are "
    "examples.",
    code="scan",
)
def examples(results):
    rows = [NAMES.index("e²"), NAMES.index("|e|")]
    continuous = results["continuous"]
    slopes = results["differentiable"]
    minima = results["minima"][rows]
    good = continuous[rows] & (minima == 1) & results["minimum_at_zero"][rows]
    smooth = listed(NAMES[row] for row in rows if slopes[row]) or "none"
    return holds_if(
        every(*good),
        f"Scanned on [−10, 10], e² and |e| are continuous and have {minima[0]} and {minima[1]} "
        f"minimum each, at 0. Only the slope of {smooth} does not jump: |e| is not differentiable "
        f"at 0.",
        continuous=continuous[rows],
        minima=minima,
        differentiable=slopes[rows],
    )


@claim(
    "4.21",
    "what_makes_a_loss",
    "Quiz: a loss must be continuous everywhere and have at least one minimum or maximum.",
    code="scan",
)
def properties(results):
    works = results["works"]
    continuous = results["continuous"]
    slopes = results["differentiable"]
    answer = continuous & (results["minima"] >= 1)
    options = {
        "differentiable": slopes,
        "continuous": continuous,
        "differentiable with one minimum": slopes & (results["minima"] == 1),
        "continuous with at least one minimum": answer,
    }
    needed = [name for name, has in options.items() if not (works & ~has).any()]
    enough = [name for name, has in options.items() if not (has & ~works).any()]
    is_needed = works.any() and not (works & ~answer).any()
    is_enough = not (answer & ~works).any()
    return depends_on(
        {"necessity": bool(is_needed), "sufficiency": bool(is_enough)},
        f"Descent arrives from every start on {names_of(works)}. "
        f"Necessary: {'; '.join(needed) or 'none'}. Sufficient: {'; '.join(enough) or 'none'}. "
        f"Continuous with a minimum and of no use: {names_of(answer & ~works)}.",
        works=works,
        **{name.replace(" ", "_"): has for name, has in options.items()},
    )


@claim(
    "4.25",
    "what_makes_a_loss",
    "Quiz: of e³, log e, sin e, 1/e and 5e² − 2 only the last can be used as a loss.",
    figure="minima",
    code="descend",
)
def quiz(results):
    rows = [NAMES.index(name) for name in QUIZ]
    offered = np.isin(NAMES, QUIZ)
    defined = results["defined"]
    minima = results["minima"]
    usable = results["continuous"] & results["minimum_at_zero"] & results["works"]
    return holds_if(
        names_of(offered & usable) == "5e² − 2",
        f"Scanned on [−10, 10], not defined everywhere: {names_of(offered & ~defined)}; "
        f"without a minimum: {names_of(offered & (minima == 0))}; "
        f"with several: {names_of(offered & (minima > 1))}. "
        f"Continuous with a minimum at 0 that descent finds: {names_of(offered & usable)}.",
        defined=defined[rows],
        continuous=results["continuous"][rows],
        minima=minima[rows],
        works=results["works"][rows],
    )
