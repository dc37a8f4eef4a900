"""What flows through deep square networks at initialisation, layer by layer, for the experiments
that ask about it.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from experiments.claims import Interval, mean_interval
from experiments.common import Common
from fnn import activations, initializers, layers, losses
from fnn.initializers import Initializer
from fnn.layers import DenseParams

ACTIVATIONS = ("tanh", "relu", "sigmoid", "elu")
SCALES = {
    "N(0, 0.01²)": lambda n: 0.01,
    "1/n": lambda n: n**-0.5,
    "2/n": lambda n: (2 / n) ** 0.5,
    "N(0, 0.3²)": lambda n: 0.3,
    "N(0, 1)": lambda n: 1.0,
}
"""The standard deviation of the weights for n units in every layer: Xavier's variance is 1/n then,
and He's is 2/n.
"""
NAMES = list(SCALES)
ROWS = 32
"""Inputs of a network, each N(0, 1) in all features, with labels at random."""
SATURATED = 5.0
"""Beyond it tanh′ is below 2e-4 and the sigmoid's derivative below 7e-3."""


@dataclass(frozen=True)
class Networks(Common):
    """The size of the networks and how many are drawn."""

    seeds: int = 100
    """Networks of each activation and scale."""
    depth: int = 30
    """Hidden layers."""
    width: int = 100


class Flow(NamedTuple):
    """Arrays (seeds, layers) of the hidden layers, in the order of the forward pass.

    mean, deviation  of the activations, over units and inputs
    signal           standard deviation of the activations over inputs: what is left of the
                     differences between them
    saturated        share of pre-activations beyond ±SATURATED
    slope            mean of σ′(z)²
    dead             share of units whose derivative is 0 for every input
    delta            ‖∂L/∂z‖, over units and inputs
    update           ‖∂L/∂W‖/‖W‖, the relative change of a layer by a step of rate 1
    """

    mean: Float[Array, "seeds layers"]
    deviation: Float[Array, "seeds layers"]
    signal: Float[Array, "seeds layers"]
    saturated: Float[Array, "seeds layers"]
    slope: Float[Array, "seeds layers"]
    dead: Float[Array, "seeds layers"]
    delta: Float[Array, "seeds layers"]
    update: Float[Array, "seeds layers"]


def weights(
    init: Initializer, *, seeds: int, depth: int, width: int
) -> Float[Array, "seeds layers_and_output width width"]:
    """The matrices of `seeds` networks of `depth` hidden layers; the last one is that of the output
    layer.
    """
    keys = jax.random.split(jax.random.key(0), (seeds, depth + 1))
    return jax.vmap(jax.vmap(lambda key: init(key, (width, width))))(keys)


@partial(jax.jit, static_argnames="activation")
def flow(W: Float[Array, "seeds layers_and_output width width"], *, activation: str) -> Flow:
    """Forward and backward through the networks with these matrices and biases of zero, softmax
    cross-entropy at the end: what `diagnostics.signals` finds, as loops over the layers, which
    compile in no time.
    """
    width, zeros = W.shape[-1], jnp.zeros(W.shape[-1])
    dense, sigma = layers.dense(width, width), layers.activation(activation)
    x_key, y_key = jax.random.split(jax.random.key(1))
    x, y = jax.random.normal(x_key, (width, ROWS)), jax.random.randint(y_key, (ROWS,), 0, width)

    def forward(a, matrix):
        z, _, of_dense = dense.forward(DenseParams(matrix, zeros), (), a)
        a, _, of_sigma = sigma.forward((), (), z)
        return a, (z, a, of_dense, of_sigma)

    def backward(da, layer):
        matrix, of_dense, of_sigma = layer
        _, dz = sigma.backward((), of_sigma, da)
        gradient, da = dense.backward(DenseParams(matrix, zeros), of_dense, dz)
        return da, (dz, gradient.W)

    def measure(W):
        last, (z, a, *residuals) = jax.lax.scan(
            forward, x, W[:-1]
        )  # z and a are (layers, units, inputs)
        top = DenseParams(W[-1], zeros)
        logits, _, of_top = dense.forward(top, (), last)
        _, da = dense.backward(
            top, of_top, losses.softmax_cross_entropy.gradient(logits.T, y).T / ROWS
        )
        _, (delta, gradient) = jax.lax.scan(backward, da, (W[:-1], *residuals), reverse=True)
        slopes = activations.get(activation).derivative(z)
        return Flow(
            mean=a.mean(axis=(1, 2)),
            deviation=a.std(axis=(1, 2)),
            signal=jnp.sqrt(a.var(axis=2).mean(axis=1)),
            saturated=(jnp.abs(z) > SATURATED).mean(axis=(1, 2)),
            slope=(slopes**2).mean(axis=(1, 2)),
            dead=(slopes == 0).all(axis=2).mean(axis=1),
            delta=jnp.linalg.norm(delta, axis=(1, 2)),
            update=jnp.linalg.norm(gradient, axis=(1, 2)) / jnp.linalg.norm(W[:-1], axis=(1, 2)),
        )

    return jax.lax.map(measure, W)


def per_layer(start: np.ndarray, end: np.ndarray, layers: int) -> Interval:
    """The factor that takes start (seeds,) to end (seeds,) in so many layers, its geometric mean
    over seeds.
    """
    logarithm = mean_interval(np.log(end / start) / layers)
    return Interval(*(float(np.exp(value)) for value in logarithm))


@cache
def flows(*, seeds: int, depth: int, width: int) -> dict[str, np.ndarray]:
    """In float64: the fields of `Flow` as (activations, scales, seeds, layers), and n σ² of each
    scale. Kept, because several experiments look at it.
    """
    sigmas = np.array([sigma(width) for sigma in SCALES.values()])
    with jax.enable_x64(True):
        W = weights(initializers.normal(1.0), seeds=seeds, depth=depth, width=width)
        found = [[flow(sigma * W, activation=name) for sigma in sigmas] for name in ACTIVATIONS]
        fields = {
            name: np.array([[getattr(each, name) for each in row] for row in found])
            for name in Flow._fields
        }
    return fields | {"power": width * sigmas**2}


def place(activation: str, scale: str) -> tuple[int, int]:
    """Where this pair stands in the arrays of `flows`."""
    return ACTIVATIONS.index(activation), NAMES.index(scale)


def gradient_factor(results, activation: str, scale: str) -> Interval:
    """By how much a layer multiplies the norm of the gradient on its way back."""
    delta = results["delta"][place(activation, scale)]
    return per_layer(delta[:, -1], delta[:, 0], delta.shape[1] - 1)


def forward_factor(results, activation: str, scale: str) -> Interval:
    """By how much a layer multiplies the standard deviation of the activations."""
    deviation = results["deviation"][place(activation, scale)]
    return per_layer(deviation[:, 0], deviation[:, -1], deviation.shape[1] - 1)
