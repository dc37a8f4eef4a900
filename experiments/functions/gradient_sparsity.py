"""Exact zeros among the derivatives of the hidden units, with ReLU and with ELU.

Question: What share of the derivatives of the hidden units is exactly zero at the start?
Source:   De Marzo (claim 1.10).
Command:  python -m experiments run gradient_sparsity
Expected: about half of them with ReLU in every layer, none with ELU.
Cost:     about 5 s on 2 cores, quick 3 s.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
from fnn import activations, data, diagnostics, losses


@dataclass(frozen=True)
class Config(Common):
    """The networks, He-initialised."""

    seeds: int = 128
    hidden: tuple[int, ...] = (64, 64, 64, 64)
    examples: int = 256
    """Digits that are put in."""


QUICK = Config(seeds=32, examples=128, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """zero_share (relu and elu, seeds, layers) among the σ′(z)."""
    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
    return {"zero_share": np.array([zero_share(config, name, keys) for name in ("relu", "elu")])}


def zero_share(config: Config, activation: str, keys) -> np.ndarray:
    """The share of exact zeros among the σ′(z) of each layer, (seeds, layers)."""
    net, rows = fnn.mlp((64, *config.hidden, 10), activation=activation), data.load("digits").train
    x, y = jnp.asarray(rows.x[: config.examples]), jnp.asarray(rows.y[: config.examples])
    derivative = activations.get(activation).derivative

    def one(key):
        outputs = diagnostics.signals(
            net, losses.softmax_cross_entropy, net.init(key)[0], x, y
        ).outputs
        pre_activations = outputs[0:-1:2]  # a dense part and its activation take turns
        return jnp.stack([jnp.mean(derivative(z) == 0) for z in pre_activations])

    return np.asarray(jax.jit(jax.vmap(one))(keys))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The share of zeros by layer."""
    figure, (axis,) = draw.figure()
    depths = np.arange(1, len(config.hidden) + 1)
    for share, name, style in zip(
        results["zero_share"], ("ReLU", "ELU"), (draw.LINES[0], draw.LINES[4]), strict=True
    ):
        draw.mean_band(axis, depths, share, name, marker="o", **style)
    axis.set(
        xlabel="hidden layer",
        ylabel="share of f′ that is exactly 0",
        ylim=(-0.03, 0.7),
        title="at the start",
    )
    axis.set_xticks(depths)
    axis.legend(frameon=False, fontsize=8)
    return {"sparsity": figure}
