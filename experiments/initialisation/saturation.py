"""Random weights, very large ones and very small ones, before any training.

Question: Do very large weights leave no gradient, do very small ones map everything to 0, and what
          is random enough?
Source:   Adornetto (claims 0.21 to 0.23).
Command:  python -m experiments run saturation
Expected: with N(0, 1) 60% of the tanh units of a 30x100 network are saturated, and yet the gradient
          grows by 2.3 a layer. With N(0, 0.01²) tanh and ReLU map to 0, sigmoids to ½, and the
          gradient vanishes with all.
Cost:     quick 8 s, full 25 s on 2 cores.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common import Figures, Results
from experiments.initialisation.initial_signals import (
    ACTIVATIONS,
    Networks,
    draw_scales,
    flow,
    flows,
    place,
    weights,
)
from fnn import initializers
from fnn import plot as draw


class Draw(NamedTuple):
    """An initialiser, its mean and its variance."""

    init: Callable
    mean: float
    variance: float


DRAWS = {
    "N(0, 1)": Draw(initializers.normal(1.0), 0, 1),
    "U(0, 1)": Draw(initializers.uniform(0.0, 1.0), 1 / 2, 1 / 12),
    "U(-1, 1)": Draw(initializers.uniform(-1.0, 1.0), 0, 1 / 3),
    "U(-0.05, 0.05)": Draw(initializers.uniform(-0.05, 0.05), 0, 0.05**2 / 3),
}
"""N(0, 1), and what "Uniform()" may mean."""


Config = Networks
QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> Results:
    """Measure every hidden layer, and the weights that each of DRAWS gives.

    The fields of `flow` are (activations, scales, seeds, layers).
    """
    size = {"seeds": config.seeds, "depth": config.depth, "width": config.width}
    measured = flows(flow, **size)
    return measured | simple_draws(**size) | {"width": np.array(config.width)}


def simple_draws(**size: int) -> Results:
    """Return mean, variance and rank of the W of each draw, (draws,), in float64.

    first_gradient is the norm of the gradient at the first layer of tanh networks, (draws, seeds).
    """
    rows = []
    with jax.enable_x64(True):
        for draw_of in DRAWS.values():
            W = weights(draw_of.init, **size)
            rank = jnp.linalg.matrix_rank(W[0, 0])
            first_gradient = flow(W, activation="tanh").delta[:, 0]
            rows.append((W.mean(), W.var(), rank, first_gradient))
        mean, variance, rank, first_gradient = zip(*rows, strict=True)
        return {
            "drawn_mean": np.array(mean),
            "drawn_variance": np.array(variance),
            "drawn_rank": np.array(rank),
            "first_gradient": np.array(first_gradient),
        }


def plot(results: Results, config: Config) -> Figures:
    """Draw the size of the activations and the share of saturated units, layer by layer.

    The size is the root mean square.
    """
    figure, axes = draw.figure(rows=4, height=2.4)
    size = np.hypot(results["mean"], results["deviation"]).mean(axis=2)
    for axis, activation, of_scales in zip(axes, ACTIVATIONS[:3], size, strict=False):
        draw_scales(axis, of_scales)
        axis.set(ylabel="size of activations", title=activation)
    for activation in ("tanh", "sigmoid"):
        share = results["saturated"][place(activation, "N(0, 1)")].mean(axis=0)
        axes[3].plot(np.arange(1, len(share) + 1), share, label=activation)
    axes[3].set(xlabel="layer", ylabel="share beyond ±5", ylim=(0, 1), title="N(0, 1)")
    axes[0].legend(frameon=False, fontsize=7, ncols=2)
    axes[3].legend(frameon=False, fontsize=7, ncols=2)
    return {"activations": figure}
