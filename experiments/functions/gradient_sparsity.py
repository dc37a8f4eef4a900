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

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import activations, data, diagnostics, losses


@dataclass(frozen=True)
class Config(Common):
    """The networks, He-initialised."""

    seeds: int = 128
    hidden: tuple[int, ...] = (64, 64, 64, 64)
    examples: int = 256
    """Digits that are put in."""


QUICK = Config(seeds=32, examples=128, quick=True)


def run(config: Config) -> Results:
    """Return zero_share (relu and elu, seeds, layers), the share of exact zeros among the σ′(z)."""
    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
    shares = [zero_share(config, name, keys) for name in ("relu", "elu")]
    return {"zero_share": np.array(shares)}


def zero_share(config: Config, activation: str, keys) -> np.ndarray:
    """Return the share of exact zeros among the σ′(z) of each layer, (seeds, layers)."""
    net = fnn.mlp((64, *config.hidden, 10), activation=activation)
    derivative = activations.get(activation).derivative
    digits = data.load("digits").train
    x = jnp.asarray(digits.x[: config.examples])
    y = jnp.asarray(digits.y[: config.examples])

    def shares_by_layer(key):
        params, _ = net.init(key)
        signals = diagnostics.signals(net, losses.softmax_cross_entropy, params, x, y)
        pre_activations = signals.outputs[0:-1:2]  # a dense part and its activation take turns
        shares = [jnp.mean(derivative(z) == 0) for z in pre_activations]
        return jnp.stack(shares)

    return np.asarray(jax.jit(jax.vmap(shares_by_layer))(keys))


def plot(results: Results, config: Config) -> Figures:
    """Draw the share of zeros by layer."""
    figure, (axis,) = draw.figure()
    depths = np.arange(1, len(config.hidden) + 1)
    relu, elu = results["zero_share"]
    draw.mean_band(axis, depths, relu, "ReLU", marker="o", **draw.LINES[0])
    draw.mean_band(axis, depths, elu, "ELU", marker="o", **draw.LINES[4])
    axis.set(
        xlabel="hidden layer",
        ylabel="share of f′ that is exactly 0",
        ylim=(-0.03, 0.7),
        title="at the start",
    )
    axis.set_xticks(depths)
    draw.legends([axis])
    return {"sparsity": figure}
