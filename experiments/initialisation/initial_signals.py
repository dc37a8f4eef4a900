"""Signals in deep square networks at initialisation, layer by layer, for several experiments."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes

from experiments.claims import Interval, mean_interval
from experiments.common import Common, Results
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
"""The standard deviation of the weights for n units in every layer.

Xavier's variance is 1/n there, and He's is 2/n.
"""
NAMES = list(SCALES)
ROWS = 32
"""Inputs of a network, each N(0, 1) in all features. Their labels are random."""
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


# ----------------------------------------------------------------------------------------- networks


def weights(
    init: Initializer, *, seeds: int, depth: int, width: int
) -> Float[Array, "seeds layers_and_output width width"]:
    """Draw the matrices of `seeds` networks of `depth` hidden layers and an output layer."""
    keys = jax.random.split(jax.random.key(0), (seeds, depth + 1))
    draw = jax.vmap(jax.vmap(lambda key: init(key, (width, width))))
    return draw(keys)


@partial(jax.jit, static_argnames="activation")
def flow(W: Float[Array, "seeds layers_and_output width width"], *, activation: str) -> Flow:
    """Run networks with these matrices and biases of zero forward and backward, and measure them.

    The loss is softmax cross-entropy. The passes are those of `diagnostics.signals`, as loops over
    the layers, which compile faster.
    """
    x, y = examples(W.shape[-1])

    def measure(W):
        z, a, logits, residuals = forward_pass(W, x, activation)
        delta, gradient = backward_pass(W, logits, y, residuals, activation)
        slope = activations.get(activation).derivative(z)
        return Flow(
            mean=a.mean(axis=(1, 2)),
            deviation=a.std(axis=(1, 2)),
            signal=jnp.sqrt(a.var(axis=2).mean(axis=1)),
            saturated=(jnp.abs(z) > SATURATED).mean(axis=(1, 2)),
            slope=(slope**2).mean(axis=(1, 2)),
            dead=(slope == 0).all(axis=2).mean(axis=1),
            delta=norms(delta),
            update=norms(gradient) / norms(W[:-1]),
        )

    return jax.lax.map(measure, W)


def examples(width: int):
    """Draw the inputs (width, ROWS) and their labels (ROWS,)."""
    x_key, y_key = jax.random.split(jax.random.key(1))
    x = jax.random.normal(x_key, (width, ROWS))
    y = jax.random.randint(y_key, (ROWS,), 0, width)
    return x, y


def forward_pass(W, x, activation: str):
    """Return z and a of the hidden layers, (layers, units, inputs), the logits, and residuals."""
    width = len(x)
    zeros = jnp.zeros(width)
    dense = layers.dense(width, width)
    sigma = layers.activation(activation)

    def layer(a, W):
        z, _, dense_residuals = dense.forward(DenseParams(W, zeros), (), a)
        a, _, sigma_residuals = sigma.forward((), (), z)
        return a, (z, a, dense_residuals, sigma_residuals)

    last, (z, a, *hidden) = jax.lax.scan(layer, x, W[:-1])
    logits, _, output = dense.forward(DenseParams(W[-1], zeros), (), last)
    return z, a, logits, (hidden, output)


def backward_pass(W, logits, y, residuals, activation: str):
    """Return ∂L/∂z (layers, units, inputs) and ∂L/∂W (layers, units, units) of hidden layers."""
    width = len(logits)
    zeros = jnp.zeros(width)
    dense = layers.dense(width, width)
    sigma = layers.activation(activation)
    hidden, output = residuals

    def layer(da, W_and_residuals):
        W, dense_residuals, sigma_residuals = W_and_residuals
        _, dz = sigma.backward((), sigma_residuals, da)
        gradient, da = dense.backward(DenseParams(W, zeros), dense_residuals, dz)
        return da, (dz, gradient.W)

    dz = losses.softmax_cross_entropy.gradient(logits.T, y).T / ROWS
    _, da = dense.backward(DenseParams(W[-1], zeros), output, dz)
    _, (delta, gradient) = jax.lax.scan(layer, da, (W[:-1], *hidden), reverse=True)
    return delta, gradient


def norms(matrices):
    """Return the norm of each matrix, (layers,)."""
    return jnp.linalg.norm(matrices, axis=(1, 2))


@cache
def flows(measure: Callable[..., Flow], *, seeds: int, depth: int, width: int) -> Results:
    """Return the fields of `Flow` as (activations, scales, seeds, layers), and n σ² of each scale.

    It is in float64. The cache serves the experiments that look at the same networks.

    measure  `flow`
    """
    sigmas = np.array([sigma(width) for sigma in SCALES.values()])
    with jax.enable_x64(True):
        W = weights(initializers.normal(1.0), seeds=seeds, depth=depth, width=width)
        rows = []
        for name in ACTIVATIONS:
            of_scales = [measure(sigma * W, activation=name) for sigma in sigmas]
            rows.append(stacked(of_scales))
        fields = stacked(rows)._asdict()
    return fields | {"power": width * sigmas**2}


def stacked(of_rows: list[Flow]) -> Flow:
    """Stack each field of several flows."""
    fields = zip(*of_rows, strict=True)
    return Flow._make(np.array(values) for values in fields)


# ---------------------------------------------------------------------------------- for the claims


def place(activation: str, scale: str) -> tuple[int, int]:
    """Return the position of this pair in the arrays of `flows`."""
    return ACTIVATIONS.index(activation), NAMES.index(scale)


def per_layer(start: np.ndarray, end: np.ndarray, layers: int) -> Interval:
    """Return the factor a layer that takes start (seeds,) to end (seeds,) in so many layers.

    It is the geometric mean over seeds.
    """
    logarithm = mean_interval(np.log(end / start) / layers)
    return Interval(*(float(np.exp(value)) for value in logarithm))


def backward_factor(delta: Float[np.ndarray, "seeds layers"]) -> Interval:
    """Return by how much a layer multiplies the norm of the gradient on its way back."""
    return per_layer(delta[:, -1], delta[:, 0], delta.shape[1] - 1)


def gradient_factor(results, activation: str, scale: str) -> Interval:
    """Return by how much a layer multiplies the norm of the gradient, for this pair."""
    return backward_factor(results["delta"][place(activation, scale)])


def forward_factor(results, activation: str, scale: str) -> Interval:
    """Return by how much a layer multiplies the standard deviation of the activations."""
    deviation = results["deviation"][place(activation, scale)]
    return per_layer(deviation[:, 0], deviation[:, -1], deviation.shape[1] - 1)


# --------------------------------------------------------------------------------- for the figures


def draw_scales(axis: Axes, curves: Float[np.ndarray, "scales layers"]) -> None:
    """Draw one curve over the layers for each scale, on a logarithmic axis."""
    for scale, curve in zip(NAMES, curves, strict=True):
        axis.plot(np.arange(1, len(curve) + 1), curve, label=scale)
    axis.set(yscale="log")
