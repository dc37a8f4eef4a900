"""Rules for drawing the weights of one layer.

Question: What does each rule draw, and does it keep the variance of a layer's outputs and of its
          gradient?
Source:   Between the documents (claim X9) and Sharif (2.24).
Command:  python -m experiments run initialisers
Expected: five variances with n the inputs, the outputs or both. Where a layer is not as wide as the
          one before, 1/n keeps one of the two variances and Glorot's rule a bit of each.
Cost:     5 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from experiments.common import Common, Figures, Results
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
"""The variance that each rule prints."""
ROWS = 64
"""Inputs of a layer, each N(0, 1) in all features."""


@dataclass(frozen=True)
class Config(Common):
    """How many are drawn."""

    seeds: int = 100
    """Matrices of each shape and rule."""


QUICK = Config(seeds=30, quick=True)


def run(config: Config) -> Results:
    """Return the variance of W and the ratios of variance, (shapes, rules, seeds), in float64."""
    keys = jax.random.split(jax.random.key(2), config.seeds)
    measured = np.empty((len(SHAPES), len(RULES), 3, config.seeds))
    with jax.enable_x64(True):
        for s, shape in enumerate(SHAPES):
            for r, rule in enumerate(RULES):
                measured[s, r] = variances(keys, shape, rule)
    variance, forward, backward = np.moveaxis(measured, 2, 0)
    return {"variance": variance, "forward": forward, "backward": backward}


def variances(keys, shape: tuple[int, int], rule: str) -> np.ndarray:
    """Return var(W), var(z)/var(a) and var(∂L/∂a)/var(∂L/∂z) of a linear layer, (3, seeds)."""
    out, into = shape
    layer = layers.dense(into, out, init=rule)

    def of_layer(key):
        keys = jax.random.split(key, 3)
        params, state = layer.init(keys[0])
        a = jax.random.normal(keys[1], (into, ROWS))
        dz = jax.random.normal(keys[2], (out, ROWS))
        z, _, residuals = layer.forward(params, state, a)
        _, da = layer.backward(params, residuals, dz)
        return jnp.array([params.W.var(), z.var() / a.var(), da.var() / dz.var()])

    return np.asarray(jax.vmap(of_layer)(keys)).T


def plot(results: Results, config: Config) -> Figures:
    """Draw the ratios of variance of one linear layer for each shape and rule."""
    figure, axes = draw.figure(rows=len(SHAPES), height=2.4)
    forward = results["forward"].mean(axis=-1)
    backward = results["backward"].mean(axis=-1)
    places = np.arange(len(RULES))
    for s, axis in enumerate(axes):
        out, into = SHAPES[s]
        axis.plot(places, forward[s], "o", label="forward")
        axis.plot(places + 0.1, backward[s], "s", label="backward")
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set(yscale="log", ylabel="variance out / in", ylim=(0.15, 12))
        axis.set_title(f"{into} to {out} units, linear")
        axis.set_xticks(places, list(RULES))
        axis.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["¼", "½", "1", "2", "4", "8"])
        axis.minorticks_off()
    axes[0].legend(frameon=False, ncols=2)
    return {"variances": figure}
