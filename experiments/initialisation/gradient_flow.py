"""What becomes of the gradient on its way back through thirty layers, before any training.

Question: Which activations and which scales of the weights make the gradient vanish or explode, and
          how fast?
Source:   De Marzo (claim 1.9), Sharif (2.21, 2.22) and the deep-learning notes (3.14, 3.15).
Command:  python -m experiments run gradient_flow
Expected: a layer multiplies the norm by √(n σ² E[f′²]). 30 layers of 100 units: ReLU 1.00 with He
          and 0.71 with 1/n, tanh 2.3 with N(0, 1); sigmoid 0.23 with 1/n and 0.32 with He.
Cost:     quick 8 s, full 25 s on 2 cores.
"""

import numpy as np
from matplotlib.figure import Figure

from experiments.claims import claim, depends_on, every, holds_if, mean_interval
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    Networks,
    flows,
    gradient_factor,
    place,
)
from fnn import plot as draw

SIGMOID_AND_RELU = NAMES[:3]
"""The scales at which they are compared: those that do not make ReLU explode."""
KEPT = 1e-3
"""A norm that falls below this share of what it was has vanished for practical purposes."""


Config = Networks
QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """`flows`: what is measured in every layer, (activations, scales, seeds, layers)."""
    return flows(seeds=config.seeds, depth=config.depth, width=config.width)


def straightness(delta: np.ndarray) -> float:
    """R² of a straight line through the mean log ‖∂L/∂z_l‖ over l; delta is (seeds, layers)."""
    return float(np.corrcoef(np.arange(delta.shape[-1]), np.log(delta).mean(axis=0))[0, 1] ** 2)


def predicted(results) -> np.ndarray:
    """√(n σ² E[f′²]) for each activation and scale, the first layer's f′ to the last but one's."""
    return np.sqrt(results["power"] * results["slope"][..., :-1].mean(axis=(2, 3)))


@claim("1.9", "The gradient of ReLU does not vanish.")
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


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Layer by layer, geometric means over networks: the backpropagated norm and the relative
    update.
    """
    figures = {}
    for name, field, label in (
        ("gradient", "delta", "‖∂L/∂z‖"),
        ("update", "update", "‖∂L/∂W‖/‖W‖"),
    ):
        figures[name], axes = draw.figure(rows=len(ACTIVATIONS), height=2.5)
        for axis, activation, of_scales in zip(axes, ACTIVATIONS, results[field], strict=True):
            for scale, values in zip(NAMES, of_scales, strict=True):
                curve = np.exp(np.log(values / values[:, -1:]).mean(axis=0))
                axis.plot(np.arange(1, len(curve) + 1), curve, label=scale)
            axis.set(yscale="log", ylabel=f"{label}, last = 1", title=activation)
        axes[0].legend(frameon=False, fontsize=7, ncols=2)
        axes[-1].set_xlabel("layer (1 is next to the input)")
    return figures
