"""Random weights, very large ones and very small ones, before any training.

Question: Do very large weights leave no gradient, do very small ones map everything to 0, and what
          is random enough?
Source:   Adornetto (claims 0.21 to 0.23).
Command:  python -m experiments run saturation
Expected: with N(0, 1) 60% of the tanh units of a 30x100 network are saturated and yet the gradient
          grows by 2.3 a layer. With N(0, 0.01²) tanh and ReLU map to 0, sigmoids to ½, and the
          gradient vanishes with all.
Cost:     quick 8 s, full 25 s on 2 cores.
"""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.claims import Interval, claim, depends_on, every, holds_if, mean_interval
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    Networks,
    flow,
    flows,
    gradient_factor,
    place,
    weights,
)
from fnn import initializers
from fnn import plot as draw

DRAWS = {
    "N(0, 1)": (initializers.normal(1.0), 0, 1),
    "U(0, 1)": (initializers.uniform(0.0, 1.0), 1 / 2, 1 / 12),
    "U(-1, 1)": (initializers.uniform(-1.0, 1.0), 0, 1 / 3),
    "U(-0.05, 0.05)": (initializers.uniform(-0.05, 0.05), 0, 0.05**2 / 3),
}
"""What "Uniform()" may mean, and N(0, 1): an initialiser, its mean and its variance."""
KEPT = 1e-3
"""A norm that falls below this share of what it was has vanished for practical purposes."""


Config = Networks
QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """`flows`: what is measured in every layer, (activations, scales, seeds, layers); and in
    float64 mean, variance and rank of the W of each draw, with the norm of the gradient at the
    first layer of tanh networks (draws, seeds).
    """
    size = {"seeds": config.seeds, "depth": config.depth, "width": config.width}
    with jax.enable_x64(True):
        drawn = [weights(init, **size) for init, _, _ in DRAWS.values()]
        return flows(**size) | {
            "drawn_mean": np.array([W.mean() for W in drawn]),
            "drawn_variance": np.array([W.var() for W in drawn]),
            "drawn_rank": np.array([jnp.linalg.matrix_rank(W[0, 0]) for W in drawn]),
            "first_gradient": np.array([flow(W, activation="tanh").delta[:, 0] for W in drawn]),
            "width": np.array(config.width),
        }


@claim(
    "0.21",
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
    "0.22", "Very small weights map everything to 0, which is as bad as saturation: no gradient."
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
    "The simplest way to give the units different values is to draw W from Uniform() or N(0, 1).",
)
def simplest(results):
    mean, variance = results["drawn_mean"], results["drawn_variance"]
    _, expected_mean, expected = (np.array(each) for each in zip(*DRAWS.values(), strict=True))
    off = np.abs(mean - expected_mean) / np.sqrt(expected)
    right = bool((off < 0.01).all() and (np.abs(variance / expected - 1) < 0.01).all())
    different = bool((results["drawn_rank"] == results["width"]).all())
    first = results["first_gradient"].mean(axis=-1)
    rows = [f"{name} {size:.2g}" for name, size in zip(DRAWS, first, strict=True)]
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


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The root mean square of the activations and the share of saturated pre-activations, layer by
    layer.
    """
    figure, axes = draw.figure(rows=4, height=2.4)
    size = np.hypot(results["mean"], results["deviation"])
    for axis, activation, of_scales in zip(axes, ACTIVATIONS[:3], size, strict=False):
        for scale, values in zip(NAMES, of_scales, strict=True):
            axis.plot(np.arange(1, values.shape[1] + 1), values.mean(axis=0), label=scale)
        axis.set(yscale="log", ylabel="size of activations", title=activation)
    for activation in ("tanh", "sigmoid"):
        share = results["saturated"][place(activation, "N(0, 1)")].mean(axis=0)
        axes[3].plot(np.arange(1, len(share) + 1), share, label=activation)
    axes[3].set(xlabel="layer", ylabel="share beyond ±5", ylim=(0, 1), title="N(0, 1)")
    for axis in (axes[0], axes[3]):
        axis.legend(frameon=False, fontsize=7, ncols=2)
    return {"activations": figure}
