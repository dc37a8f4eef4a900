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

from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    NAMES,
    Networks,
    flow,
    flows,
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
