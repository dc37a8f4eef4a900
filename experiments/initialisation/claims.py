"""The claims about initial weights and the signals through depth, and the rules that judge them.

A rule reads the results of the experiment that its claim names.
"""

import numpy as np

from experiments.claims import (
    Interval,
    claim,
    depends_on,
    every,
    holds_if,
    mean_interval,
    middles,
    named,
    share_interval,
)
from experiments.initialisation import (
    batch_normalisation,
    good_and_bad_starts,
    initialisers,
    mnist_densities,
    saturation,
    starting_again,
    symmetry,
    then_and_now,
    trainable_depth,
)
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    backward_factor,
    forward_factor,
    gradient_factor,
    per_layer,
    place,
)
from experiments.initialisation.variance_through_depth import KEEPS

VANISHED = 1e-3
"""A norm that falls below this share of what it was has vanished for practical purposes."""


# batch_normalisation


@claim(
    "2.25",
    "batch_normalisation",
    "Batch normalisation, before or after the activation, centres and normalises each input by "
    "the statistics of the mini-batch. Two learned vectors then scale and shift it.",
    code="training_errors",
)
def normalises(results):
    checked = ("mean", "variance", "affine", "running", "evaluation", "backward")
    errors = {name: float(results[name]) for name in checked}
    is_centred = errors["mean"] < 1e-6
    largest = max(error for name, error in errors.items() if name != "mean")
    accuracy = dict(zip(batch_normalisation.PLACEMENTS, results["accuracy"][:, -1], strict=True))
    learned = all(accuracy[name] > 0.9 for name in list(accuracy)[1:])
    shortcut = float(results["shortcut"])
    equations = (
        f"In float64 the mean is 0 to {errors['mean']:.0e}, and variance, scale and shift, "
        f"running statistics, evaluation and gradient are right to {largest:.0e}."
    )
    constants = f"With the statistics taken for constants the gradient is off by {shortcut:.0%}."
    training = f"Share of 200 training digits that are right: {named(accuracy, '.2f')}."
    return holds_if(
        every(is_centred, largest < 1e-10, bool(results["state_kept"]), learned),
        f"{equations} {constants} {training}",
        errors=errors,
        variance_below_one=results["below_one"],
        shortcut_error=shortcut,
        accuracy=accuracy,
    )


# good_and_bad_starts


@claim(
    "2.35",
    "good_and_bad_starts",
    "After 600 epochs a three-layer network separates with good initial weights and not with bad "
    "ones.",
    code="train_on_circles",
)
def good_and_bad(results):
    accuracy = dict(zip(good_and_bad_starts.GAINS, results["accuracy"], strict=True))
    good = accuracy["He"]
    leads = {
        name: mean_interval(good - values) for name, values in accuracy.items() if name != "He"
    }
    means = {name: values.mean() for name, values in accuracy.items()}
    epochs = results["loss"].shape[-1]
    setting = f"Test accuracy on circles after {epochs} epochs, mean of {len(good)} seeds"
    return depends_on(
        {name: lead.above(0.0) for name, lead in leads.items()},
        f"{setting}: {named(means, '.3f')}. He's lead: {named(leads)}.",
        accuracy=means,
        leads=leads,
    )


# gradient_flow


MODERATE = NAMES[:3]
"""The scales at which sigmoid and ReLU are compared: those that do not make ReLU explode."""


def straightness(delta: np.ndarray) -> float:
    """Return R² of a straight line through the mean log ‖∂L/∂z‖ over the layers.

    delta  (seeds, layers)
    """
    logarithm = np.log(delta).mean(axis=0)
    layers = np.arange(len(logarithm))
    return float(np.corrcoef(layers, logarithm)[0, 1] ** 2)


def predicted(results) -> np.ndarray:
    """Return √(n σ² E[f′²]) for each activation and scale, over all layers but the last."""
    slope = results["slope"][..., :-1].mean(axis=(2, 3))
    return np.sqrt(results["power"] * slope)


def hops_of(results) -> int:
    """Return how many layers the gradient crosses from the last hidden one to the first."""
    return results["delta"].shape[-1] - 1


@claim("1.9", "gradient_flow", "The gradient of ReLU does not vanish.", code="flow")
def relu_keeps(results):
    hops = hops_of(results)
    line = VANISHED ** (1 / hops)
    factors = {f"weights of {name}": gradient_factor(results, "relu", name) for name in MODERATE}
    left = {name: factor.middle**hops for name, factor in factors.items()}
    measured = f"Factor a ReLU layer on the norm of the gradient: {named(factors)}."
    rest = (
        f"What is left after {hops} layers: {named(left, '.2g')}; vanished is below {VANISHED:g}."
    )
    reason = "Half of the units pass the gradient on; the weights must make up for the others."
    return depends_on(
        {name: factor.above(line) for name, factor in factors.items()},
        f"{measured} {rest} {reason}",
        factors=factors,
        left=left,
    )


@claim(
    "2.21",
    "gradient_flow",
    "The derivatives of the layers multiply; where they are large, the gradient grows "
    "exponentially.",
    code="flow",
)
def explodes(results):
    expected = predicted(results)
    factors, straight, errors = {}, {}, {}
    for position in np.ndindex(expected.shape):
        activation, scale = ACTIVATIONS[position[0]], NAMES[position[1]]
        factor = gradient_factor(results, activation, scale).middle
        if factor > 1.1:
            name = f"{activation} from {scale}"
            factors[name] = factor
            straight[name] = straightness(results["delta"][position])
            errors[name] = float(abs(np.log(factor / expected[position])))
    straightest = min(straight.values(), default=0)
    largest_error = max(errors.values(), default=0)
    is_exponential = bool(factors) and straightest > 0.99
    grows = f"It grows in {len(factors)} of {expected.size} pairs, by a factor a layer of "
    line = f"Its logarithm is linear in the depth, R² at least {straightest:.5f}, with the slope "
    slope = f"½ log(n σ² E[f′²]) to {largest_error:.3f}. That product must exceed 1; no f′ does."
    return holds_if(
        is_exponential and largest_error < 0.05,
        f"{grows}{named(factors, '.3g')}. {line}{slope}",
        factors=factors,
        straightness=straight,
        predicted=expected,
    )


@claim(
    "2.22",
    "gradient_flow",
    "The gradient can shrink exponentially on its way to the first layers, which are then left "
    "nearly unchanged.",
    figure="update",
    code="flow",
)
def vanishes(results):
    factors, straight, first_to_last = {}, {}, {}
    for name in MODERATE:
        position = place("sigmoid", name)
        update = results["update"][position]
        factors[name] = gradient_factor(results, "sigmoid", name)
        straight[name] = straightness(results["delta"][position])
        first_to_last[name] = mean_interval(np.log10(update[:, 0] / update[:, -1]))
    straightest = min(straight.values())
    slope = float(np.sqrt(results["slope"][ACTIVATIONS.index("sigmoid")].max()))
    shrinks = every(*(factor.below(1.0) for factor in factors.values()))
    hardly_moves = every(*(ratio.below(-3.0) for ratio in first_to_last.values()))
    layers = f"Sigmoid, factor a layer: {named(factors)}."
    line = f"R² of its logarithm is at least {straightest:.6f}."
    change = "A step changes the first layer, relative to its weights, by 10 to the power "
    ratios = ", ".join(f"{ratio.middle:.1f}" for ratio in first_to_last.values())
    bound = f"The root mean square of f′ is at most {slope:.4f}, and the product at most 0.25ⁿ."
    return holds_if(
        every(shrinks, straightest > 0.99, hardly_moves),
        f"{layers} {line} {change}{ratios} of what it changes the last. {bound}",
        factors=factors,
        straightness=straight,
        log10_first_to_last=first_to_last,
    )


@claim(
    "3.14",
    "gradient_flow",
    "Backpropagation multiplies components; where one is below 1 it cancels the gradient "
    "gradually.",
    code="flow",
)
def components_below_one(results):
    pairs = (
        ("sigmoid", "1/n"),
        ("tanh", "1/n"),
        ("tanh", "N(0, 1)"),
        ("sigmoid", "2/n"),
        ("relu", "2/n"),
    )
    hops = hops_of(results)
    slope_of = np.sqrt(results["slope"].mean(axis=(2, 3)))
    factors, slopes, left = {}, {}, {}
    for activation, scale in pairs:
        name = f"{activation} with {scale}"
        factors[name] = gradient_factor(results, activation, scale)
        slopes[name] = slope_of[place(activation, scale)]
        left[name] = factors[name].middle ** hops
    below_one = f"Root mean square of f′, below 1 in all of these: {named(slopes, '.2f')}."
    rest = f"What is left of the norm after {hops} layers: {named(left, '.2g')}."
    weights = "A layer cancels where it takes away a tenth; ‖W‖ can make up for f′."
    return depends_on(
        {name: factor.below(0.9) for name, factor in factors.items()},
        f"{below_one} {rest} {weights}",
        factors=factors,
        slopes=slopes,
        left=left,
    )


@claim(
    "3.15",
    "gradient_flow",
    "Vanishing gradients are a trouble of the sigmoid, which ReLU was designed to solve.",
    figure="gradient",
    code="flow",
)
def relu_instead_of_sigmoid(results):
    hops = hops_of(results)
    line = VANISHED ** (1 / hops)
    sigmoid = {scale: gradient_factor(results, "sigmoid", scale) for scale in MODERATE}
    relu = {scale: gradient_factor(results, "relu", scale) for scale in MODERATE}
    dead = mean_interval(results["dead"][place("relu", "2/n")].mean(axis=-1))
    cases = {}
    for scale in MODERATE:
        is_solved = every(sigmoid[scale].below(line), relu[scale].above(line))
        cases[f"weights of {scale}"] = is_solved
    factors = f"Factor a layer, sigmoid: {named(middles(sigmoid), '.3g')}; ReLU: "
    vanished = f"Below {line:.3g}, less than {VANISHED:g} is left after {hops} layers."
    units = f"With ReLU and 2/n, {dead} of the units have derivative 0 for all inputs."
    return depends_on(
        cases,
        f"{factors}{named(middles(relu), '.3g')}. {vanished} {units}",
        sigmoid=sigmoid,
        relu=relu,
        dead=dead,
    )


# initialisers


@claim(
    "X9",
    "initialisers",
    "The n of a variance of 1/n or 2/n is the layer's own units in one document, its inputs in "
    "the source that it cites, and the mean of both with Glorot.",
    figure="variances",
    code="variances",
)
def conventions(results):
    rules = initialisers.RULES
    printed = np.array(
        [[variance(*shape) for variance in rules.values()] for shape in initialisers.SHAPES]
    )
    variances = results["variance"].mean(axis=-1)
    error = float(np.abs(variances / printed - 1).max())
    all_differ = all(len(set(row.round(4))) == len(rules) for row in variances[1:])
    of_100_to_400 = dict(zip(rules, variances[1], strict=True))
    drawn = f"Variances from 100 to 400 units: {named(of_100_to_400, '.5f')}."
    exact = f"The five differ, and each is what its name says to {error:.1%}."
    document = "The document's form is fan_out. In layers of equal width only 1 and 2 are left."
    return holds_if(
        every(error < 0.02, all_differ),
        f"{drawn} {exact} {document}",
        variances=variances,
        expected=printed,
    )


@claim(
    "2.24",
    "initialisers",
    "The variance of a layer's outputs should equal that of its inputs, and that of the gradient "
    "likewise on its way back.",
    figure="variances",
    code="variances",
)
def both_variances(results):
    forward = results["forward"].mean(axis=-1)
    backward = results["backward"].mean(axis=-1)
    cases, ratios = {}, []
    for s, (out, into) in enumerate(initialisers.SHAPES):
        keeps_both = []
        for r in range(len(initialisers.RULES)):
            keeps_outputs = mean_interval(results["forward"][s, r]).within(*KEEPS)
            keeps_gradient = mean_interval(results["backward"][s, r]).within(*KEEPS)
            keeps_both.append(keeps_outputs and keeps_gradient)
        name = f"{into} to {out} units"
        cases[name] = any(keeps_both)
        pairs = zip(initialisers.RULES, forward[s], backward[s], strict=True)
        texts = [f"{rule} {first:.2f} and {second:.2f}" for rule, first, second in pairs]
        ratios.append(f"{name}: {', '.join(texts[:3])}")
    measured = f"Ratios of variance, forward and backward, of a linear layer: {'; '.join(ratios)}."
    return depends_on(
        cases,
        f"{measured} Both can be 1 only where a layer is as wide as the one before.",
        forward=forward,
        backward=backward,
    )


# mnist_densities


@claim(
    "2.33",
    "mnist_densities",
    "From N(0, 1) the outputs of the layers of a tanh network pile up at -1 and 1.",
    figure="densities",
    code="train",
)
def piled_up(results):
    normal, xavier = results["saturated"]
    shares = [mean_interval(values) for values in normal.T]
    xavier_share = xavier.mean(axis=0).max()
    texts = ", ".join(f"{share.middle:.2f}" for share in shares)
    line = mnist_densities.SATURATED
    setting = f"After {results['epochs']} epochs on {results['dataset']}, {len(normal)} seeds"
    return holds_if(
        every(*(share.above(0.5) for share in shares)),
        f"{setting}, the share of activations beyond ±{line} is {texts} in the hidden layers. "
        f"From Xavier weights it is at most {xavier_share:.2f}.",
        saturated=shares,
        saturated_from_xavier=xavier_share,
    )


@claim(
    "2.34",
    "mnist_densities",
    "With Xavier weights the outputs of all layers stay spread out, so that the gradient no "
    "longer vanishes.",
    figure="densities",
    code="train",
)
def spread_out(results):
    deviation = results["deviation"][1]
    drift = mean_interval(deviation[:, -1] / deviation[:, 0])
    arriving = mean_interval(results["arriving"][1])
    normal_loss, xavier_loss = results["loss"]
    gap = mean_interval(normal_loss - xavier_loss)
    saturated = mean_interval(results["saturated"][1].max(axis=-1))
    normal, xavier = (mean_interval(values) for values in results["accuracy"])
    setting = f"On {results['dataset']}, {len(xavier_loss)} seeds"
    spread = f"the deviation of the last layer's outputs is {drift} times that of the first, and "
    gradient = f"the gradient at the first layer has {arriving} times the norm at the last."
    losses = f"The test loss is {gap} below that from N(0, 1), the accuracy {xavier} against "
    return holds_if(
        every(drift.within(0.5, 2.0), arriving.above(0.1), gap.above(0.0)),
        f"{setting}: {spread}{gradient} {losses}{normal}. {saturated} of a layer saturates.",
        drift=drift,
        arriving=arriving,
        saturated=saturated,
        loss_gap=gap,
    )


# saturation


@claim(
    "0.21",
    "saturation",
    "Very large weights saturate functions with asymptotes, such as tanh and the sigmoid, and the "
    "gradient is then practically zero.",
    code="flow",
)
def saturated(results):
    hops = hops_of(results)
    beyond = mean_interval(results["saturated"][place("tanh", "N(0, 1)")].mean(axis=-1))
    sigmoid_beyond = results["saturated"][place("sigmoid", "N(0, 1)")].mean()
    tanh = gradient_factor(results, "tanh", "N(0, 1)")
    sigmoid = gradient_factor(results, "sigmoid", "N(0, 1)")
    line = VANISHED ** (1 / hops)
    cases = {
        "the derivative of most tanh units": beyond.above(0.5),
        "the gradient through the tanh layers": tanh.below(line),
        "the gradient through the sigmoid layers": sigmoid.below(line),
    }
    units = f"N(0, 1): {beyond} of the tanh units lie beyond ±5, where tanh′ < 2e-4."
    other = f"Yet a tanh layer multiplies the gradient by {tanh}, through the other units."
    layers = f"A sigmoid layer multiplies it by {sigmoid}."
    zero = f"Practically zero is below {VANISHED:g} after {hops} layers."
    return depends_on(
        cases,
        f"{units} {other} {layers} {zero}",
        saturated=beyond,
        saturated_sigmoids=sigmoid_beyond,
        tanh=tanh,
        sigmoid=sigmoid,
    )


@claim(
    "0.22",
    "saturation",
    "Very small weights map everything to 0, which is as bad as saturation: no gradient.",
    code="flow",
)
def mapped_to_zero(results):
    hops = hops_of(results)
    line = VANISHED ** (1 / hops)
    small = NAMES[0]
    size_of = np.hypot(results["mean"], results["deviation"])[..., -1].mean(axis=-1)
    cases, sizes, factors = {}, {}, {}
    for activation in ACTIVATIONS[:3]:
        size = float(size_of[place(activation, small)])
        factor = gradient_factor(results, activation, small)
        cases[activation] = every(size < 1e-6, factor.below(line))
        sizes[activation], factors[activation] = size, factor
    outputs = f"Root mean square of the activations after {hops + 1} layers of {small}: "
    gradient = f"The gradient's factor a layer: {named(factors)}."
    return depends_on(
        cases,
        f"{outputs}{named(sizes, '.1e')}. {gradient} Sigmoids go to ½, not to 0.",
        outputs=sizes,
        factors=factors,
    )


@claim(
    "0.23",
    "saturation",
    "The simplest way to give the units different values is to draw W from Uniform() or N(0, 1).",
    code="simple_draws",
)
def simplest(results):
    draws = saturation.DRAWS
    mean = np.array([drawn.mean for drawn in draws.values()])
    variance = np.array([drawn.variance for drawn in draws.values()])
    mean_error = np.abs(results["drawn_mean"] - mean) / np.sqrt(variance)
    variance_error = np.abs(results["drawn_variance"] / variance - 1)
    is_right = bool((mean_error < 0.01).all() and (variance_error < 0.01).all())
    differ = bool((results["drawn_rank"] == results["width"]).all())
    gradient = dict(zip(draws, results["first_gradient"].mean(axis=-1), strict=True))
    units = f"All draws give {results['width']} units independent weights."
    moments = "Mean and variance are what their names say, to 1%."
    ranges = "The range of Uniform() decides: norm of the gradient at the first of the tanh layers"
    return holds_if(
        every(is_right, differ),
        f"{units} {moments} {ranges}: {named(gradient, '.2g')}.",
        mean=results["drawn_mean"],
        variance=results["drawn_variance"],
        first_gradient=gradient,
    )


# starting_again


SOLVED = 0.05
"""A loss on XOR below which all four rows are right with confidence.

The next place where descent ends has a loss of log(2) / 2 = 0.35.
"""
RARE = 0.02
"""A share of starts up to which local minima would not matter."""
GROUP = 10
"""Starts of which the best is kept."""
LOWEST = 0.1
"""A loss, with its penalty, up to which a place is the lowest: that is 0.055."""
AT_REST = 1e-6
"""A norm of the gradient, and a length of Newton's step, up to which a place is stationary."""
CURVED = 1e-6
"""An eigenvalue of the Hessian above it is positive, and not rounding."""


@claim(
    "0.24",
    "starting_again",
    "Where gradient descent starts decides where it ends.",
    figure="starts",
    code="trained",
)
def crucial(results):
    loss = results["loss"]
    low, middle, high = np.percentile(loss, [5, 50, 95])
    repeat = float(np.abs(loss - results["again"]).max())
    spread = high - low
    ends = f"{low:.4f}, {middle:.4f} and {high:.4f}"
    return holds_if(
        bool(spread > 0.1 and spread > 100 * repeat),
        f"Loss on XOR after training from {len(loss)} starts, 5th, 50th and 95th percentile: "
        f"{ends}. The same start again ends within {repeat:g} of itself.",
        percentiles=[low, middle, high],
        deviation=loss.std(),
        repeat=repeat,
    )


@claim(
    "2.18",
    "starting_again",
    "There are local minima. Training again from other random weights helps.",
    figure="best-of-k",
    code="settle",
)
def start_again(results):
    loss, settled_loss = results["loss"], results["settled_loss"]
    is_at_rest = np.maximum(results["gradient"], results["newton_step"]) < AT_REST
    is_minimum = is_at_rest & (results["lowest"] > CURVED)
    is_local = is_minimum & (settled_loss > LOWEST)
    local = share_interval(is_local)
    once = share_interval(loss < SOLVED)
    groups = loss[: len(loss) // GROUP * GROUP].reshape(-1, GROUP)
    best = share_interval(groups.min(axis=1) < SOLVED)
    curve = np.array([starting_again.best_of(loss, k) for k in range(1, 21)])
    helps = every(once.below(1 - 1e-9), best.low > once.high)
    minima = f"{local} of the starts settle in a local minimum that is not the lowest."
    if is_local.any():
        lowest_local, lowest = settled_loss[is_local].min(), settled_loss.min()
        minima += f" Its loss is {lowest_local:.3f}, the lowest of all {lowest:.3f}."
    means = " There ‖∇L‖ and Newton's step are rounding, and the Hessian has positive eigenvalues."
    again = (
        f"{once} of the starts reach a loss below {SOLVED:g}, and the best of {GROUP} in {best}."
    )
    return depends_on(
        {"local minima": local.above(RARE), "training again": helps},
        f"{minima}{means} {again}",
        local_minima=local,
        at_rest=share_interval(is_at_rest),
        losses_of_local_minima=np.unique(settled_loss[is_local].round(3)),
        once=once,
        best_of_group=best,
        expected_lowest_of_1_to_20=curve,
    )


# symmetry


LEARNT = 0.95
"""A start improves the network that brings the loss below this share of what guessing costs.

Guessing costs log 2.
"""


def rank(singular: np.ndarray) -> np.ndarray:
    """Return how many singular values are not rounding."""
    return (singular > 1e-10).sum(axis=-1)


@claim(
    "0.20",
    "symmetry",
    "From zeros or any constant the hidden units get equal gradients and stay symmetric.",
    figure="rows",
    code="descend",
)
def symmetric(results):
    steps = results["loss"].shape[-1] - 1
    difference = results["difference"][:, :2]
    ranks = rank(results["singular"])
    equal_ranks, random_ranks = ranks[:, :2], ranks[:, 2]
    stay_equal = bool((difference < 1e-12).all())
    is_low = bool((equal_ranks <= 1).all())
    is_full = bool((random_ranks == 2).all())
    moved_from_zeros = dict(zip(symmetry.ACTIVATIONS, results["moved"][:, 0], strict=True))
    still = [name for name, moved in moved_from_zeros.items() if not moved[:3].any()]
    rows = f"Over {steps} steps two rows of W₁ differ by {difference.max():.1g} at most."
    of_W1 = (
        f"Its rank is at most {equal_ranks.max()}, and {random_ranks.min()} from random weights."
    )
    bias = f"From zeros only the output bias moves with {' and '.join(still) or 'none'}."
    return holds_if(
        every(stay_equal, is_low, is_full),
        f"{rows} {of_W1} {bias}",
        difference=difference,
        ranks=ranks,
        moved=results["moved"],
    )


@claim(
    "2.31",
    "symmetry",
    "From zeros, and from any constant, 600 epochs of training bring no improvement.",
    figure="loss",
    code="descend",
)
def no_improvement(results):
    epochs = results["loss"].shape[-1] - 1
    guess = float(np.log(2))
    last, random = {}, {}
    for a, activation in enumerate(symmetry.ACTIVATIONS):
        random[activation] = mean_interval(results["random_loss"][a])
        for s, start in enumerate(list(symmetry.STARTS)[:2]):
            last[f"{activation} from {start}"] = results["loss"][a, s, -1]
    losses = f"Loss on circles after {epochs} epochs: {named(last, '.3f')}."
    line = f"Guessing costs {guess:.3f}; no improvement means above {LEARNT:g} of it."
    return depends_on(
        {name: bool(loss > LEARNT * guess) for name, loss in last.items()},
        f"{losses} {line} Mean of random starts: {named(random)}.",
        loss=last,
        random=random,
    )


# then_and_now


@claim(
    "4.33",
    "then_and_now",
    "Threshold units came first, backpropagation later. Deep networks were hard to train then, "
    "and better designs such as normalisation and other nonlinearities have changed that.",
    code="train_both",
)
def history(results):
    compute = bool((results["gates"] == then_and_now.TRUTH).all())
    learn = bool((results["mistakes"][:, -1] == 0).all())
    then_loss, now_loss = results["loss"][:, :, -1]
    gap = mean_interval(then_loss - now_loss)
    then, now = (mean_interval(values) for values in results["accuracy"][:, :, -1])
    seeds, epochs = results["loss"].shape[1:]
    gates = f"Threshold units compute {', '.join(then_and_now.GATES)}, and perceptrons learn them."
    recipes = f"A deep network on digits, {epochs} epochs, {seeds} seeds: accuracy {then} with "
    old = f"sigmoids, U(-0.3, 0.3) and momentum, {now} with batch normalisation, ReLU, He and Adam."
    return holds_if(
        every(compute, learn, gap.above(0.0), then.below(0.5), now.above(0.9)),
        f"{gates} {recipes}{old}",
        old=then,
        new=now,
        loss_gap=gap,
    )


# trainable_depth


GAP = 0.05
"""A network is unsuitable whose test accuracy is that far below the best one with ReLU."""


def crossover_depth(depths: list[int], gaps: list[Interval]) -> float:
    """Return the first depth with a gap above GAP, infinity if there is none."""
    for depth, gap in zip(depths, gaps, strict=True):
        if gap.above(GAP):
            return depth
    return np.inf


@claim(
    "1.11",
    "trainable_depth",
    "tanh and the sigmoid are not suitable for dense layers, where the gradient vanishes with "
    "them.",
    code="trained",
)
def unsuitable(results):
    depths = [int(depth) for depth in results["depths"]]
    relu, *others = trainable_depth.at_best_scale(results["accuracy"])
    hops = hops_of(results)
    line = VANISHED ** (1 / hops)
    cases, gaps, factors, crossover = {}, {}, {}, {}
    for activation, accuracy in zip(trainable_depth.ACTIVATIONS[1:], others, strict=True):
        gaps[activation] = [mean_interval(gap) for gap in relu - accuracy]
        crossover[activation] = crossover_depth(depths, gaps[activation])
        for depth, gap in zip(depths, gaps[activation], strict=True):
            cases[f"the accuracy of {activation} at depth {depth}"] = gap.above(GAP)
    for a, activation in enumerate(trainable_depth.ACTIVATIONS):
        for s, start in enumerate(trainable_depth.STARTS):
            name = f"{activation} from {start}"
            factors[name] = backward_factor(results["delta"][a, s])
            if activation != "relu":
                cases[f"the gradient through {name}"] = factors[name].below(line)
    deepest = {name: gap[-1] for name, gap in gaps.items()}
    accuracy = (
        f"Test accuracy below ReLU's with {depths[-1]} hidden layers, each at its best scale: "
    )
    gradient = f"Factor a layer on the gradient: {named(middles(factors), '.3f')}."
    lines = f"Unsuitable is {GAP:g} behind, vanished below {VANISHED:g} after {hops} layers."
    evidence = f"{accuracy}{named(deepest)}. {gradient} {lines}"
    return depends_on(
        cases,
        evidence,
        behind_relu=gaps,
        unsuitable_from_depth=crossover,
        gradient_factors=factors,
    )


@claim(
    "2.32",
    "trainable_depth",
    "N(0, σ²) with σ = 0.01 does well in small networks and fails in deeper ones.",
    figure="accuracy",
    code="trained",
)
def small_sigma(results):
    first, last = results["depths"][0], results["depths"][-1]
    scale = list(trainable_depth.SIGMAS).index("N(0, 0.01²)")
    shallow, deep, best, lags = {}, {}, {}, {}
    for a, activation in enumerate(trainable_depth.ACTIVATIONS[:2]):
        accuracy = results["accuracy"][a]
        shallow[activation] = mean_interval(accuracy[0, scale])
        deep[activation] = mean_interval(accuracy[-1, scale])
        best[activation] = accuracy[-1].mean(axis=-1).max()
        lags[activation] = mean_interval(best[activation] - accuracy[-1, scale])
    factors = {}
    for activation, deviation in zip(("tanh", "relu"), results["deviation"], strict=True):
        hops = deviation.shape[1] - 1
        factors[activation] = per_layer(deviation[:, 0], deviation[:, -1], hops)
    works = every(*(accuracy.above(0.85) for accuracy in shallow.values()))
    fails = every(*(lag.above(0.3) for lag in lags.values()))
    small = f"Test accuracy with σ = 0.01 and {first} hidden layer: {named(shallow)}."
    large = f"With {last}: {named(deep)}; at the best scale: {named(best, '.3f')}."
    signals = f"Factor a layer of 100 units on the activations: {named(factors)}."
    return holds_if(
        every(works, fails),
        f"{small} {large} {signals}",
        shallow=shallow,
        deep=deep,
        best=best,
        factors=factors,
    )


# variance_through_depth


FITTING = {"tanh": "1/n", "relu": "2/n", "sigmoid": "1/n"}
"""The scale that fits an activation: Xavier's or He's."""


@claim(
    "2.36",
    "variance_through_depth",
    "A good start keeps the mean of the activations at zero and their variance equal in all "
    "layers.",
    code="flow",
)
def mean_and_variance(results):
    mean_to_size = results["mean"] / np.hypot(results["mean"], results["deviation"])
    cases, means, factors = {}, {}, {}
    for activation, scale in FITTING.items():
        name = f"{activation} with {scale}"
        means[name] = mean_interval(mean_to_size[place(activation, scale)].mean(axis=-1))
        factors[name] = forward_factor(results, activation, scale)
        is_zero = means[name].within(-0.1, 0.1)
        cases[name] = every(is_zero, factors[name].within(*KEEPS))
    mean = f"Mean of the activations over their root mean square: {named(middles(means), '.2f')}."
    deviation = f"Factor a layer on the deviation: {named(middles(factors), '.3f')}."
    return depends_on(
        cases,
        f"{mean} {deviation} ReLU and sigmoid are never negative, so their mean cannot be 0.",
        mean_over_root_mean_square=means,
        deviation_factors=factors,
    )


@claim(
    "2.37",
    "variance_through_depth",
    "A variance of 1/n works with tanh, and ReLU needs 2/n instead.",
    code="flow",
)
def xavier_and_he(results):
    kept, forward, backward = {}, {}, {}
    for activation, scale in (("tanh", "1/n"), ("relu", "2/n"), ("relu", "1/n")):
        name = f"{activation} with {scale}"
        forward[name] = forward_factor(results, activation, scale)
        backward[name] = gradient_factor(results, activation, scale)
        kept[name] = every(forward[name].within(*KEEPS), backward[name].within(*KEEPS))
    xavier_fails_relu = None if kept["relu with 1/n"] is None else not kept["relu with 1/n"]
    layers = results["delta"].shape[-1]
    activations = f"Factor a layer on the activations' deviation, {layers} layers: "
    return holds_if(
        every(kept["tanh with 1/n"], kept["relu with 2/n"], xavier_fails_relu),
        f"{activations}{named(forward)}. On the gradient: {named(backward)}.",
        forward_factors=forward,
        backward_factors=backward,
    )


@claim(
    "4.34",
    "variance_through_depth",
    "Too small weights make the gradient vanish, too large ones make it explode, and a variance "
    "fit to the width avoids both.",
    code="flow",
)
def notes(results):
    cases = {}
    small, fit, large = {}, {}, {}
    for activation, scale in FITTING.items():
        small[activation] = gradient_factor(results, activation, "N(0, 0.01²)")
        fit[activation] = gradient_factor(results, activation, scale)
        large[activation] = gradient_factor(results, activation, "N(0, 1)")
        vanishes = small[activation].below(KEEPS[0])
        explodes = large[activation].above(KEEPS[1])
        cases[activation] = every(vanishes, fit[activation].within(*KEEPS), explodes)
    factors = f"Factor a layer on the gradient, N(0, 0.01²): {named(middles(small), '.3g')}."
    others = f"Fitting variance: {named(middles(fit), '.3g')}. N(0, 1): "
    return depends_on(
        cases,
        f"{factors} {others}{named(middles(large), '.3g')}. The sigmoid's derivative is below ¼.",
        small=small,
        fitting=fit,
        large=large,
    )


# weights_or_gradients


@claim(
    "2.23",
    "weights_or_gradients",
    "Vanishing gradients show in the weights, which decay exponentially towards zero in training.",
    code="descend",
)
def weights_shrink(results):
    weights, gradients = results["weights"], results["gradients"]
    change_of_layers = weights[:, -1] / weights[:, 0]
    changes = [mean_interval(change) for change in change_of_layers.T]
    least = min(change.low for change in changes)
    most = max(change.high for change in changes)
    at_start = gradients[:, 0]
    first, last = at_start[:, 0], at_start[:, -2]  # of the hidden layers
    hops = gradients.shape[-1] - 2
    factor = per_layer(last, first, hops)
    setting = f"Sigmoid, {hops + 1} hidden layers, {weights.shape[1]} epochs"
    norms = f"the norms of the weights end at {least:.3f} to {most:.3f} times what they were."
    gradient = f"The gradient shrinks, to {factor} times its norm a layer on its way back: "
    ends = f"{last.mean():.1e} at the last hidden layer, {first.mean():.1e} at the first."
    return holds_if(
        every(*(change.below(0.5) for change in changes)),
        f"{setting}: {norms} {gradient}{ends}",
        weights=changes,
        gradient_factor=factor,
    )
