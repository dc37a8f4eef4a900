"""Rules for drawing the weights of one layer.

Question: What does each rule draw, and does it keep the variance of a layer's outputs and of its
          gradient?
Source:   Between the documents (claim X9) and Sharif (2.24).
Command:  python -m experiments run initialisers
Expected: five variances with n the inputs, the outputs or both; where a layer is not as wide as the
          one before, 1/n keeps one of the two variances and Glorot's rule a bit of each.
Cost:     5 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common
from fnn import layers
from fnn import plot as draw

SHAPES = ((100, 100), (400, 100), (100, 400))  # (out, in)
RULES = {
    "fan_out": lambda out, into: 1 / out,
    "lecun": lambda out, into: 1 / into,
    "glorot": lambda out, into: 2 / (out + into),
    "he": lambda out, into: 2 / into,
    "he_fan_out": lambda out, into: 2 / out,
}


@dataclass(frozen=True)
class Config(Common):
    """How many are drawn."""

    seeds: int = 100
    """Matrices of each shape and rule."""


QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64, of single linear layers, (shapes, rules, seeds): the variance of W and the ratios
    of variance.
    """
    with jax.enable_x64(True):
        singles = np.array(
            [[through(config.seeds, shape, name) for name in RULES] for shape in SHAPES]
        )
    return {name: singles[:, :, i] for i, name in enumerate(("variance", "forward", "backward"))}


def through(seeds: int, shape: tuple[int, int], rule: str) -> np.ndarray:
    """Variance of W, of outputs over inputs, of the gradient after over before; (3, seeds), of
    linear layers.
    """
    out, into = shape
    layer = layers.dense(into, out, init=rule)

    def one(key):
        keys = jax.random.split(key, 3)
        params, state = layer.init(keys[0])
        a, dz = jax.random.normal(keys[1], (into, 64)), jax.random.normal(keys[2], (out, 64))
        z, _, residuals = layer.forward(params, state, a)
        _, da = layer.backward(params, residuals, dz)
        return jnp.array([params.W.var(), z.var() / a.var(), da.var() / dz.var()])

    return np.asarray(jax.vmap(one)(jax.random.split(jax.random.key(2), seeds))).T


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Ratios of variance of one linear layer for each shape and rule."""
    figure, axes = draw.figure(rows=len(SHAPES), height=2.4)
    for s, (axis, (out, into)) in enumerate(zip(axes, SHAPES, strict=True)):
        for w, (way, marker) in enumerate((("forward", "o"), ("backward", "s"))):
            axis.plot(
                np.arange(len(RULES)) + 0.1 * w, results[way][s].mean(axis=-1), marker, label=way
            )
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set(
            yscale="log",
            ylabel="variance out / in",
            title=f"{into} to {out} units, linear",
            ylim=(0.15, 12),
        )
        axis.set_xticks(range(len(RULES)), list(RULES))
        axis.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["¼", "½", "1", "2", "4", "8"])
        axis.minorticks_off()
    axes[0].legend(frameon=False, ncols=2)
    return {"variances": figure}
