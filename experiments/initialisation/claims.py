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
    variance_through_depth,
)
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    forward_factor,
    gradient_factor,
    per_layer,
    place,
)

# batch_normalisation


@claim(
    "2.25",
    "batch_normalisation",
    "Batch normalisation, before or after the activation, centres and normalises each input by "
    "the statistics of the "
    "mini-batch, then scales and shifts it by two learned vectors.",
)
def normalises(results):
    r = {
        name: float(results[name])
        for name in ("mean", "variance", "affine", "running", "evaluation", "backward")
    }
    exact = max(r["variance"], r["affine"], r["running"], r["evaluation"], r["backward"])
    learned = results["accuracy"][1:, -1]
    rows = [
        f"{curve[-1]:.2f} {name}"
        for name, curve in zip(batch_normalisation.PLACEMENTS, results["accuracy"], strict=True)
    ]
    return holds_if(
        every(
            r["mean"] < 1e-6,
            exact < 1e-10,
            bool(results["state_kept"]),
            bool((learned > 0.9).all()),
        ),
        f"Float64: mean within {r['mean']:.0e} of 0, variance σ²/(σ² + ε) to {r['variance']:.0e} "
        f"(at most "
        f"{float(results['below_one']):.0e} below 1), running statistics {r['running']:.0e}, "
        f"evaluation by them "
        f"{r['evaluation']:.0e}, backward against autodiff {r['backward']:.0e} (off by "
        f"{float(results['shortcut']):.0%} with the statistics taken for constants). After the "
        f"same training a "
        f"64-100-100-100-10 network of sigmoid units is right on {', '.join(rows)} of 200 "
        f"training digits.",
        errors=r,
        accuracy=results["accuracy"][:, -1],
    )


# good_and_bad_starts


@claim(
    "2.35",
    "good_and_bad_starts",
    "After 600 epochs a three-layer network separates with good initial weights and not with bad "
    "ones.",
)
def good_and_bad(results):
    accuracy, names = results["accuracy"], list(good_and_bad_starts.GAINS)
    good = accuracy[names.index("He")]
    gaps = {
        name: mean_interval(good - values)
        for name, values in zip(names, accuracy, strict=True)
        if name != "He"
    }
    means = [f"{name} {values.mean():.3f}" for name, values in zip(names, accuracy, strict=True)]
    rows = [f"{name} {gap}" for name, gap in gaps.items()]
    return depends_on(
        {name: gap.above(0.0) for name, gap in gaps.items()},
        f"Test accuracy on circles, {len(good)} seeds, {results['loss'].shape[-1]} epochs: "
        f"{', '.join(means)}. He's "
        f"lead: {'; '.join(rows)}.",
        accuracy=accuracy.mean(axis=-1),
        gaps=gaps,
    )


# gradient_flow


SIGMOID_AND_RELU = NAMES[:3]
"""The scales at which they are compared: those that do not make ReLU explode."""


KEPT = 1e-3
"""A norm that falls below this share of what it was has vanished for practical purposes."""


def straightness(delta: np.ndarray) -> float:
    """R² of a straight line through the mean log ‖∂L/∂z_l‖ over l; delta is (seeds, layers)."""
    return float(np.corrcoef(np.arange(delta.shape[-1]), np.log(delta).mean(axis=0))[0, 1] ** 2)


def predicted(results) -> np.ndarray:
    """√(n σ² E[f′²]) for each activation and scale, the first layer's f′ to the last but one's."""
    return np.sqrt(results["power"] * results["slope"][..., :-1].mean(axis=(2, 3)))


@claim(
    "1.9",
    "gradient_flow",
    "The gradient of ReLU does not vanish.",
)
def relu_keeps(results):
    factors = {name: gradient_factor(results, "relu", name) for name in SIGMOID_AND_RELU}
    hops = results["delta"].shape[-1] - 1
    return depends_on(
        {f"weights of {name}": f.above(KEPT ** (1 / hops)) for name, f in factors.items()},
        "Factor by which a ReLU layer of n units multiplies the norm of the gradient, for weights "
        "of N(0, 0.01²) and "
        "of variance 1/n and 2/n: "
        + "; ".join(f"{name} {f}, {f.middle**hops:.2g} over {hops}" for name, f in factors.items())
        + f". Below {KEPT:g} it has vanished. Half of the units pass the gradient on unchanged; "
        f"the scale of the "
        "weights must make up for the others.",
        factors=factors,
    )


@claim(
    "2.21",
    "gradient_flow",
    "The derivatives of the layers multiply; where they are large, the gradient grows "
    "exponentially.",
)
def explodes(results):
    measured = np.array(
        [[gradient_factor(results, a, name).middle for name in NAMES] for a in ACTIVATIONS]
    )
    exploding = [tuple(place) for place in np.argwhere(measured > 1.1)]
    straight = [straightness(results["delta"][place]) for place in exploding]
    errors = [float(abs(np.log(measured[p] / predicted(results)[p]))) for p in exploding]
    names = [f"{ACTIVATIONS[a]} {NAMES[s]}: ×{measured[a, s]:.3g}" for a, s in exploding]
    answer = bool(exploding) and min(straight) > 0.99 and max(errors) < 0.05
    return holds_if(
        answer,
        f"It grows in {len(exploding)} of {measured.size} pairs ({'; '.join(names)} a layer). The "
        f"logarithm of the "
        f"norm is linear in the depth (R² at least {min(straight, default=0):.5f}) with slope ½ "
        f"log(n σ² E[f′²]), "
        f"to {max(errors, default=0):.3f}. It is that product that must exceed 1; no derivative "
        f"here does.",
        factors=measured,
        predicted=predicted(results),
        straightness=straight,
    )


@claim(
    "2.22",
    "gradient_flow",
    "The gradient can shrink exponentially on its way to the first layers, which are then left "
    "nearly unchanged.",
    figure="update",
)
def vanishes(results):
    a, scales = ACTIVATIONS.index("sigmoid"), SIGMOID_AND_RELU
    factors = {name: gradient_factor(results, "sigmoid", name) for name in scales}
    straight = [straightness(results["delta"][a, s]) for s in range(3)]
    ratio = [
        mean_interval(np.log10(results["update"][a, s, :, 0] / results["update"][a, s, :, -1]))
        for s in range(3)
    ]
    slopes = np.sqrt(results["slope"][a].max())
    return holds_if(
        every(
            *(f.below(1.0) for f in factors.values()),
            min(straight) > 0.99,
            *(r.below(-3.0) for r in ratio),
        ),
        f"Sigmoid, factor a layer: {'; '.join(f'{name} {f}' for name, f in factors.items())}; R² "
        f"of the logarithm at "
        f"least {min(straight):.6f}. A step changes the first layer, relative to its weights, by "
        f"10 to the power "
        f"{', '.join(f'{r.middle:.1f}' for r in ratio)} of what it changes the last. The root "
        f"mean square of f′ is at "
        f"most {slopes:.4f} in any layer, so n of them multiply to at most 0.25ⁿ.",
        factors=factors,
        straightness=straight,
        log10_first_to_last=ratio,
    )


@claim(
    "3.14",
    "gradient_flow",
    "Backpropagation multiplies components; where one is below 1 it cancels the gradient "
    "gradually.",
)
def components_below_one(results):
    pairs = [
        ("sigmoid", "1/n"),
        ("tanh", "1/n"),
        ("tanh", "N(0, 1)"),
        ("sigmoid", "2/n"),
        ("relu", "2/n"),
    ]
    hops = results["delta"].shape[-1] - 1
    found = {f"{a} with {s}": gradient_factor(results, a, s) for a, s in pairs}
    slopes = np.sqrt(results["slope"].mean(axis=(2, 3)))
    rms = [slopes[place(a, s)] for a, s in pairs]
    rows = [
        f"{name} {r:.2f}, {f.middle**hops:.2g}"
        for (name, f), r in zip(found.items(), rms, strict=True)
    ]
    return depends_on(
        {name: f.below(0.9) for name, f in found.items()},
        f"Root mean square of f′, below 1 in all of these, and what is left of the norm after "
        f"{hops} layers: "
        f"{'; '.join(rows)}. It counts as cancelled where a layer takes away a tenth or more. The "
        f"other component is "
        "‖W‖, which can make up for f′ or more than that.",
        factors=found,
        slopes=slopes,
    )


@claim(
    "3.15",
    "gradient_flow",
    "Vanishing gradients are a trouble of the sigmoid, which ReLU was designed to solve.",
    figure="gradient",
)
def relu_instead_of_sigmoid(results):
    hops = results["delta"].shape[-1] - 1
    sigmoid = {s: gradient_factor(results, "sigmoid", s) for s in SIGMOID_AND_RELU}
    relu = {s: gradient_factor(results, "relu", s) for s in SIGMOID_AND_RELU}
    line = KEPT ** (1 / hops)
    dead = mean_interval(results["dead"][place("relu", "2/n")].mean(axis=-1))
    return depends_on(
        {
            f"{'a variance of ' if '/' in s else ''}{s}": every(
                sigmoid[s].below(line), relu[s].above(line)
            )
            for s in SIGMOID_AND_RELU
        },
        "Factor a layer, sigmoid against ReLU: "
        + "; ".join(
            f"{s} {sigmoid[s].middle:.3g} against {relu[s].middle:.3g}" for s in SIGMOID_AND_RELU
        )
        + f". Below {line:.3g}, less than {KEPT:g} is left after {hops} layers. With ReLU and He "
        f"(2/n), {dead} of the "
        "units have derivative 0 for all inputs and pass nothing back.",
        sigmoid=sigmoid,
        relu=relu,
        dead=dead,
    )


# initialisers


KEEPS = (0.9, 1.1)
"""A variance is kept that a layer changes by less than a tenth."""


@claim(
    "X9",
    "initialisers",
    "The n of a variance of 1/n or 2/n is the layer's own units in one document, its inputs in "
    "the source that it "
    "cites, and the mean of both with Glorot.",
    figure="variances",
)
def conventions(results):
    printed = np.array(
        [
            [variance(*shape) for variance in initialisers.RULES.values()]
            for shape in initialisers.SHAPES
        ]
    )
    found = results["variance"].mean(axis=-1)
    error = float(np.abs(found / printed - 1).max())
    wide = dict(zip(initialisers.RULES, found[1], strict=True))
    return holds_if(
        every(
            error < 0.02,
            all(len(set(row.round(4))) == len(initialisers.RULES) for row in found[1:]),
        ),
        f"From 100 to 400 units the rules draw variances of "
        f"{', '.join(f'{name} {value:.5f}' for name, value in wide.items())}: five different "
        f"ones, each as its name "
        f"says, to {error:.1%}. The document's form is fan_out. Where layers are equally wide, "
        f"only the 1 and the 2 "
        "are left.",
        variances=found,
        expected=printed,
    )


@claim(
    "2.24",
    "initialisers",
    "The variance of a layer's outputs should equal that of its inputs, and that of the gradient "
    "likewise on its way "
    "back.",
    figure="variances",
)
def both_variances(results):
    cases, rows = {}, []
    for s, (out, into) in enumerate(initialisers.SHAPES):
        ratios = {
            n: [mean_interval(results[w][s, r]) for w in ("forward", "backward")]
            for r, n in enumerate(initialisers.RULES)
        }
        name = f"{into} to {out} units"
        cases[name] = any(
            forward.within(*KEEPS) and back.within(*KEEPS) for forward, back in ratios.values()
        )
        each = [
            f"{n} {ratios[n][0].middle:.2f} and {ratios[n][1].middle:.2f}"
            for n in ("lecun", "fan_out", "glorot")
        ]
        rows.append(f"{name}: {', '.join(each)}")
    return depends_on(
        cases,
        f"Ratios of variance, forward and backward, of a linear layer: {'; '.join(rows)}. Both "
        f"can be 1 only where a "
        "layer is as wide as the one before.",
        forward=results["forward"].mean(axis=-1),
        backward=results["backward"].mean(axis=-1),
    )


# mnist_densities


@claim(
    "2.33",
    "mnist_densities",
    "From N(0, 1) the outputs of the layers of a tanh network pile up at -1 and 1.",
    figure="densities",
)
def piled_up(results):
    shares = [mean_interval(values) for values in results["saturated"][0].T]
    seeds, layers = results["saturated"].shape[1:]
    return holds_if(
        every(*(share.above(0.5) for share in shares)),
        f"After {results['epochs']} epochs on {results['dataset']}, {seeds} seeds, the share of "
        f"activations beyond "
        f"±{mnist_densities.SATURATED} is {', '.join(f'{share.middle:.2f}' for share in shares)} "
        f"in the {layers} "
        f"hidden layers, "
        f"against at most {results['saturated'][1].mean(axis=0).max():.2f} from Xavier weights.",
        saturated=shares,
    )


@claim(
    "2.34",
    "mnist_densities",
    "With Xavier weights the outputs of all layers stay spread out, so that the gradient no "
    "longer vanishes.",
    figure="densities",
)
def spread_out(results):
    drift = mean_interval(results["deviation"][1, :, -1] / results["deviation"][1, :, 0])
    arriving = mean_interval(results["arriving"][1])
    gap = mean_interval(results["loss"][0] - results["loss"][1])
    saturated = mean_interval(results["saturated"][1].max(axis=-1))
    accuracy = [mean_interval(values) for values in results["accuracy"]]
    return holds_if(
        every(drift.within(0.5, 2.0), arriving.above(0.1), gap.above(0.0)),
        f"On {results['dataset']}, {results['loss'].shape[1]} seeds, after {results['epochs']} "
        f"epochs: the deviation "
        f"of the last layer's outputs is {drift} times that of the first; the gradient has "
        f"{arriving} times the norm "
        f"at the first hidden layer that it has at the last. The test loss is {gap} below that "
        f"from N(0, 1), the "
        f"accuracy {accuracy[1]} against {accuracy[0]}. Training saturates {saturated} of a layer "
        f"even so.",
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
    "gradient is then "
    "practically zero.",
)
def saturated(results):
    beyond = mean_interval(results["saturated"][place("tanh", "N(0, 1)")].mean(axis=-1))
    others = results["saturated"][place("sigmoid", "N(0, 1)")].mean()
    tanh, sigmoid = (
        gradient_factor(results, "tanh", "N(0, 1)"),
        gradient_factor(results, "sigmoid", "N(0, 1)"),
    )
    hops = results["delta"].shape[-1] - 1
    left = {
        name: Interval(*(v**hops for v in each))
        for name, each in (("tanh", tanh), ("sigmoid", sigmoid))
    }
    cases = {"the derivative of most tanh units": beyond.above(0.5)} | {
        f"the gradient through the {name} layers": each.below(KEPT) for name, each in left.items()
    }
    return depends_on(
        cases,
        f"N(0, 1), {hops + 1} layers, {results['delta'].shape[2]} networks: {beyond} of the tanh "
        f"units lie beyond ±5, "
        f"where tanh′ < 2e-4. Yet the gradient is multiplied by {tanh} in each tanh layer, since "
        f"the other units meet "
        f"weights just as large, and by {sigmoid} in each sigmoid layer ({others:.2f} of its "
        f"units beyond ±5). "
        f"Practically zero is below {KEPT:g} after {hops} layers.",
        saturated=beyond,
        tanh=tanh,
        sigmoid=sigmoid,
    )


@claim(
    "0.22",
    "saturation",
    "Very small weights map everything to 0, which is as bad as saturation: no gradient.",
)
def mapped_to_zero(results):
    small = NAMES.index("N(0, 0.01²)")
    outputs = np.hypot(results["mean"], results["deviation"])[:3, small, :, -1].mean(axis=-1)
    factors = [gradient_factor(results, name, NAMES[small]) for name in ACTIVATIONS[:3]]
    hops = results["delta"].shape[-1] - 1
    cases = {
        name: every(bool(size < 1e-6), f.below(KEPT ** (1 / hops)))
        for name, size, f in zip(ACTIVATIONS[:3], outputs, factors, strict=True)
    }
    rows = [
        f"{n}: {o:.1e}, ×{f}" for n, o, f in zip(ACTIVATIONS[:3], outputs, factors, strict=True)
    ]
    return depends_on(
        cases,
        f"σ = 0.01, activations (root mean square) after {hops + 1} layers and the gradient's "
        f"factor a layer: "
        f"{'; '.join(rows)}. Sigmoids go to ½, not to 0; the gradient vanishes with all three.",
        outputs=outputs,
        factors=factors,
    )


@claim(
    "0.23",
    "saturation",
    "The simplest way to give the units different values is to draw W from Uniform() or N(0, 1).",
)
def simplest(results):
    mean, variance = results["drawn_mean"], results["drawn_variance"]
    _, expected_mean, expected = (
        np.array(each) for each in zip(*saturation.DRAWS.values(), strict=True)
    )
    off = np.abs(mean - expected_mean) / np.sqrt(expected)
    right = bool((off < 0.01).all() and (np.abs(variance / expected - 1) < 0.01).all())
    different = bool((results["drawn_rank"] == results["width"]).all())
    first = results["first_gradient"].mean(axis=-1)
    rows = [f"{name} {size:.2g}" for name, size in zip(saturation.DRAWS, first, strict=True)]
    return holds_if(
        every(right, different),
        f"All of them give {results['width']} units independent weights, with mean and variance "
        f"to 1% of what their "
        f"names say. The range of Uniform() is not stated, and it decides: the norm of the "
        f"gradient at the first layer "
        f"of a deep tanh network is {', '.join(rows)}.",
        mean=mean,
        variance=variance,
    )


# starting_again


SOLVED = 0.05
"""A loss on XOR below which all four rows are right with confidence; the next minimum is above
log(2) / 2 = 0.35.
"""


K = 10
"""Starts in a group of which the best is kept."""


@claim(
    "0.24",
    "starting_again",
    "Where gradient descent starts decides where it ends.",
    figure="starts",
)
def crucial(results):
    values = results["loss"]
    low, middle, high = np.percentile(values, [5, 50, 95])
    repeat = float(np.abs(values - results["again"]).max())
    return holds_if(
        bool(high - low > 0.1 and high - low > 100 * repeat),
        f"Loss of {len(values)} starts of a 2-2-1 network on XOR after training: 5th, 50th and "
        f"95th percentile "
        f"{low:.4f}, {middle:.4f} and {high:.4f}, standard deviation {values.std():.3f}. The same "
        f"start again ends "
        f"within {repeat:g} of itself.",
        percentiles=np.array([low, middle, high]),
        deviation=values.std(),
        repeat=repeat,
    )


@claim(
    "2.18",
    "starting_again",
    "There are local minima; training again from other random weights helps.",
    figure="best-of-k",
)
def start_again(results):
    values = results["loss"]
    once = share_interval(values < SOLVED)
    groups = values[: len(values) // K * K].reshape(-1, K).min(axis=1)
    best = share_interval(groups < SOLVED)
    curve = np.array([starting_again.best_of(values, k) for k in range(1, 21)])
    stuck = values[values >= SOLVED]
    return holds_if(
        every(
            once.below(1.0 - 1e-9),
            bool(best.low > once.high),
            bool((np.diff(curve) <= 1e-12).all()),
        ),
        f"{once} of the starts reach a loss below {SOLVED:g}; the others end at "
        f"{stuck.min(initial=np.inf):.2f} or "
        f"above, in a minimum or on a plateau that they have not left. Of {K} starts the best "
        f"does in {best} of the "
        "groups. Expected lowest loss of 1, 2, 5, 10 and 20 starts: "
        f"{', '.join(f'{curve[k - 1]:.3g}' for k in (1, 2, 5, 10, 20))}.",
        once=once,
        best=best,
        curve=curve,
    )


# symmetry


LEARNT = 0.95
"""A start has improved the network when it brings the loss below this share of what guessing costs,
log 2.
"""


def rank(singular: np.ndarray) -> np.ndarray:
    """How many singular values are not rounding."""
    return (singular > 1e-10).sum(axis=-1)


@claim(
    "0.20",
    "symmetry",
    "From zeros or any constant the hidden units get equal gradients and stay symmetric.",
    figure="rows",
)
def symmetric(results):
    equal, ranks = results["difference"][:, :2], rank(results["singular"])
    still = [
        name
        for name, moved in zip(symmetry.ACTIVATIONS, results["moved"][:, 0], strict=True)
        if (moved[:3] == 0).all()
    ]
    steps = results["loss"].shape[-1] - 1
    return holds_if(
        every(
            bool((equal < 1e-12).all()),
            bool((ranks[:, :2] <= 1).all()),
            bool((ranks[:, 2] == 2).all()),
        ),
        f"Over {steps} steps two rows of W₁ differ by {equal.max():.1g} at most from zeros or ½; "
        f"its rank is at most "
        f"{ranks[:, :2].max()}, and {ranks[:, 2].min()} from random weights. From zeros, only the "
        f"output bias ever "
        f"moves with {' and '.join(still) or 'none of the activations'}.",
        difference=equal,
        ranks=ranks,
        moved=results["moved"],
    )


@claim(
    "2.31",
    "symmetry",
    "From zeros, and from any constant, 600 epochs of training bring no improvement.",
    figure="loss",
)
def no_improvement(results):
    last, random = results["loss"][:, :2, -1], results["random_loss"]
    guess = float(np.log(2))
    cases = {
        f"{name} from {start}": bool(last[a, s] > LEARNT * guess)
        for a, name in enumerate(symmetry.ACTIVATIONS)
        for s, start in enumerate(list(symmetry.STARTS)[:2])
    }
    reached = [
        f"{name} {mean_interval(values)}"
        for name, values in zip(symmetry.ACTIVATIONS, random, strict=True)
    ]
    return depends_on(
        cases,
        f"Loss on circles after {results['loss'].shape[-1] - 1} epochs, guessing being "
        f"{guess:.3f}: "
        + "; ".join(f"{name} {loss:.3f}" for name, loss in zip(cases, last.ravel(), strict=True))
        + f"; mean of {random.shape[1]} random starts: {'; '.join(reached)}. No improvement means "
        f"above "
        f"{LEARNT:g} of guessing.",
        loss=last,
        random=[mean_interval(values) for values in random],
    )


# then_and_now


@claim(
    "4.33",
    "then_and_now",
    "Threshold units came first, backpropagation later; deep networks were hard to train then, "
    "and better designs "
    "such as normalisation and other nonlinearities have changed that.",
)
def history(results):
    right = bool((results["gates"] == then_and_now.TRUTH).all())
    learned = bool((results["mistakes"][:, -1] == 0).all())
    gap = mean_interval(results["loss"][0, :, -1] - results["loss"][1, :, -1])
    old, new = (mean_interval(values) for values in results["accuracy"][:, :, -1])
    seeds, epochs = results["loss"].shape[1:]
    return holds_if(
        every(right, learned, gap.above(0.0), old.below(0.5), new.above(0.9)),
        f"Threshold units with given weights compute {', '.join(then_and_now.GATES)}, and "
        f"perceptrons learn "
        f"them without mistakes. "
        f"The same deep network on digits after {epochs} epochs, {seeds} seeds: accuracy {old} "
        f"with sigmoids, "
        f"U(-0.3, 0.3) and momentum at its best rate, {new} with batch normalisation, ReLU, He "
        f"and Adam, whose test "
        f"loss is {gap} lower.",
        old=old,
        new=new,
        loss_gap=gap,
    )


# trainable_depth


GAP = 0.05
"""A network is unsuitable whose test accuracy is that far below the one with ReLU."""


@claim(
    "1.11",
    "trainable_depth",
    "tanh and the sigmoid are not suitable for dense layers, where the gradient vanishes "
    "with them.",
)
def unsuitable(results):
    best, depths = trainable_depth.at_best_scale(results["accuracy"]), results["depths"]
    behind = {
        name: [mean_interval(gap) for gap in best[0] - one]
        for name, one in zip(trainable_depth.ACTIVATIONS[1:], best[1:], strict=True)
    }
    cases = {
        f"{name} at depth {depth}": gap.above(GAP)
        for name, gaps in behind.items()
        for depth, gap in zip(depths, gaps, strict=True)
    }
    crossover = {
        name: next(
            (f"{d}" for d, gap in zip(depths, gaps, strict=True) if gap.above(GAP)),
            f"more than {depths[-1]}",
        )
        for name, gaps in behind.items()
    }
    means = [
        f"{name} {', '.join(f'{mean:.3f}' for mean in values.mean(axis=-1))}"
        for name, values in zip(trainable_depth.ACTIVATIONS, best, strict=True)
    ]
    return depends_on(
        cases,
        f"Test accuracy on digits with the best scale, {best.shape[-1]} seeds, with "
        f"{', '.join(map(str, depths))} hidden layers: {'; '.join(means)}. Unsuitable is what "
        f"falls {GAP:g} behind "
        f"ReLU, from {' and '.join(f'{d} ({name})' for name, d in crossover.items())} hidden "
        f"layers on.",
        behind=behind,
        crossover=crossover,
    )


@claim(
    "2.32",
    "trainable_depth",
    "N(0, σ²) with σ = 0.01 does well in small networks and fails in deeper ones.",
    figure="accuracy",
)
def small_sigma(results):
    small = results["accuracy"][
        :2, :, list(trainable_depth.SIGMAS).index("N(0, 0.01²)")
    ]  # ReLU and tanh
    best = results["accuracy"][:2, -1].mean(axis=-1).max(axis=-1)
    shallow = [mean_interval(values) for values in small[:, 0]]
    deep = [mean_interval(values) for values in small[:, -1]]
    factors = [
        per_layer(each[:, 0], each[:, -1], each.shape[1] - 1) for each in results["deviation"]
    ]
    fails = [mean_interval(b - s).above(0.3) for b, s in zip(best, small[:, -1], strict=True)]
    return holds_if(
        every(*(interval.above(0.85) for interval in shallow), *fails),
        f"Test accuracy with σ = 0.01, ReLU and tanh: {shallow[0]} and {shallow[1]} with "
        f"{results['depths'][0]} hidden "
        f"layer, {deep[0]} and {deep[1]} with {results['depths'][-1]}, where the best scale has "
        f"{best[0]:.3f} and "
        f"{best[1]:.3f}. 100 units multiply the activations by {factors[0]} a layer with tanh, "
        f"{factors[1]} with ReLU.",
        shallow=shallow,
        deep=deep,
        factors=factors,
    )


# variance_through_depth


@claim(
    "2.36",
    "variance_through_depth",
    "A good start keeps the mean of the activations at zero and their variance equal in all "
    "layers.",
)
def mean_and_variance(results):
    pairs = {"tanh": "1/n", "relu": "2/n", "sigmoid": "1/n"}
    cases, rows = {}, []
    for activation, name in pairs.items():
        pair = place(activation, name)
        mean = mean_interval(
            (results["mean"] / np.hypot(results["mean"], results["deviation"]))[pair].mean(axis=-1)
        )
        kept = forward_factor(results, activation, name)
        cases[f"{activation} with {name}"] = every(
            mean.within(-0.1, 0.1), kept.within(*variance_through_depth.KEEPS)
        )
        rows.append(
            f"{activation} with {name}: mean {mean.middle:.2f}, deviation ×{kept.middle:.3f} a "
            f"layer"
        )
    return depends_on(
        cases,
        f"Mean over root mean square, and the standard deviation: {'; '.join(rows)}. The variance "
        f"can be kept with "
        "each, but the activations of ReLU and sigmoid are never negative, so their mean cannot "
        "be zero.",
        rows=rows,
    )


@claim(
    "2.37",
    "variance_through_depth",
    "A variance of 1/n works with tanh, and ReLU needs 2/n instead.",
)
def xavier_and_he(results):
    pairs = (("tanh", "1/n"), ("relu", "2/n"), ("relu", "1/n"))
    both = {
        pair: (forward_factor(results, *pair), gradient_factor(results, *pair)) for pair in pairs
    }
    kept = [
        every(*(factor.within(*variance_through_depth.KEEPS) for factor in factors))
        for factors in both.values()
    ]
    rows = [f"{a} with {n}: {forward} and {back}" for (a, n), (forward, back) in both.items()]
    wrong = None if kept[2] is None else not kept[2]
    return holds_if(
        every(kept[0], kept[1], wrong),
        f"Factor a layer of the activations' deviation, forward, and of the gradient, backward, "
        f"over "
        f"{results['delta'].shape[-1]} layers: {'; '.join(rows)}.",
        factors=list(both.values()),
    )


@claim(
    "4.34",
    "variance_through_depth",
    "Too small weights make the gradient vanish, too large ones make it explode, and a variance "
    "fit to the width "
    "avoids both.",
)
def notes(results):
    fits = {"tanh": "1/n", "relu": "2/n", "sigmoid": "1/n"}
    cases, rows = {}, []
    for activation, fit in fits.items():
        small, right, large = (
            gradient_factor(results, activation, name) for name in ("N(0, 0.01²)", fit, "N(0, 1)")
        )
        cases[activation] = every(
            small.below(variance_through_depth.KEEPS[0]),
            right.within(*variance_through_depth.KEEPS),
            large.above(variance_through_depth.KEEPS[1]),
        )
        rows.append(
            f"{activation} {small.middle:.3g}, {right.middle:.3g} ({fit}), {large.middle:.3g}"
        )
    return depends_on(
        cases,
        f"Factor of the gradient a layer with N(0, 0.01²), the variance that fits, and N(0, 1): "
        f"{'; '.join(rows)}. The "
        "sigmoid's derivative is at most ¼, so the gradient vanishes with 1/n too and does not "
        "explode with N(0, 1).",
        rows=rows,
    )


# weights_or_gradients


@claim(
    "2.23",
    "weights_or_gradients",
    "Vanishing gradients show in the weights, which decay exponentially towards zero in training.",
)
def weights_shrink(results):
    changed = results["weights"][:, -1] / results["weights"][:, 0]
    intervals = [mean_interval(values) for values in changed.T]
    first, last = results["gradients"][:, 0, 0], results["gradients"][:, 0, -2]
    layers = results["gradients"].shape[-1] - 2  # between the last hidden layer and the first
    factor = per_layer(last, first, layers)
    seeds, steps, _ = results["weights"].shape
    return holds_if(
        every(*(interval.below(0.5) for interval in intervals)),
        f"Sigmoid, {layers + 1} hidden layers, {seeds} seeds: after {steps} epochs the norms of "
        f"the weights are "
        f"{min(i.low for i in intervals):.3f} to {max(i.high for i in intervals):.3f} times what "
        f"they were. What "
        f"shrinks is the gradient, to {factor} times its norm a layer on its way back: it is "
        f"{last.mean():.1e} at "
        f"the last hidden layer and {first.mean():.1e} at the first.",
        weights=intervals,
        gradient_factor=factor,
    )
