"""One example through many random networks: the hand-written pass, autodiff, and a formula's terms.

Vectors are columns (seeds, n, 1) and matrices are (seeds, out, in). So a formula of a document can
be copied as it stands, and NumPy runs it on all networks at once.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.backprop.errors import relative_error
from fnn import activations, diagnostics, layers, losses
from fnn.layers import DenseParams
from fnn.types import Layer, Loss


class Flow(NamedTuple):
    """What one example leaves in every layer, from the first: one list entry a layer.

    y                  the target
    z, a               pre-activations and σ(z); a[0] is the input, so that layer l + 1 reads a[l]
    slope              σ′(z)
    d_output, delta    ∂L/∂σ(z) and δ = ∂L/∂z
    *_gradients        ∂L/∂W and ∂L/∂b by fnn
    autodiff_*         the same by autodiff
    """

    y: np.ndarray
    W: list[np.ndarray]
    b: list[np.ndarray]
    z: list[np.ndarray]
    a: list[np.ndarray]
    slope: list[np.ndarray]
    d_output: list[np.ndarray]
    delta: list[np.ndarray]
    weight_gradients: list[np.ndarray]
    bias_gradients: list[np.ndarray]
    autodiff_weights: list[np.ndarray]
    autodiff_biases: list[np.ndarray]

    @property
    def autodiff_error(self) -> float:
        """Return the largest relative difference between fnn's gradients and autodiff's."""
        by_fnn = self.weight_gradients + self.bias_gradients
        by_autodiff = self.autodiff_weights + self.autodiff_biases
        errors = map(relative_error, by_fnn, by_autodiff)
        return max(float(error.max()) for error in errors)


def largest_autodiff_error(flows: Sequence[Flow]) -> np.ndarray:
    """Return the largest relative difference between fnn and autodiff in several flows."""
    errors = [flow.autodiff_error for flow in flows]
    return np.array(max(errors))


def flow(
    widths: tuple[int, ...],
    activation: str,
    seeds: int = 1,
    *,
    output: str | None = None,
    example=None,
) -> Flow:
    """Return what one example leaves in each of `seeds` random networks.

    Every weight, bias, input and target is from N(0, 1), and the loss is ½Σ(y − a)². With softmax
    outputs the loss is cross-entropy, and the target is a random label. Call it under enable_x64.

    output   activation of the last layer, that of all layers by default
    example  (params, x, y) of one network, instead of random ones
    """
    sigmas = [activation] * (len(widths) - 2)
    sigmas.append(output or activation)
    net = chain(widths, sigmas)
    has_labels = output == "softmax"
    loss = losses.categorical_cross_entropy if has_labels else losses.squared_error
    if example is None:
        networks = draw_networks(net, widths, seeds, has_labels)
    else:
        networks = jax.tree.map(lambda leaf: leaf[None], example)
    of_one = partial(flow_of_one, net, loss, sigmas)
    flows = jax.jit(jax.vmap(of_one))(*networks)
    return jax.tree.map(np.asarray, flows)


def chain(widths: Sequence[int], activations: Sequence[str]) -> Layer:
    """Return a network of a dense map and an activation for each layer, the identity too."""
    parts = []
    for n_in, n_out, sigma in zip(widths[:-1], widths[1:], activations, strict=True):
        parts.append(layers.dense(n_in, n_out))
        parts.append(layers.activation(sigma))
    return layers.serial(*parts)


def draw_networks(net: Layer, widths: tuple[int, ...], seeds: int, has_labels: bool):
    """Return parameters, inputs and targets, each with a leading axis of seeds."""
    rng = np.random.default_rng(0)
    shapes, _ = jax.eval_shape(net.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: rng.normal(size=(seeds, *leaf.shape)), shapes)
    x = rng.normal(size=(seeds, widths[0]))
    if has_labels:
        return params, x, rng.integers(widths[-1], size=seeds)
    return params, x, rng.normal(size=(seeds, widths[-1]))


def flow_of_one(net, loss, sigmas, params, x, y):
    """Return what one example (n,) leaves in one network."""
    reduction = "half_sum" if loss is losses.squared_error else "sum"
    signals: Any = diagnostics.signals(net, loss, params, x[None], y[None], reduction=reduction)
    autodiff = gradient_by_autodiff(net, loss, params, x, y)
    z = list(signals.outputs[::2])
    slopes = [diagonal_slope(sigma, z_l) for sigma, z_l in zip(sigmas, z, strict=True)]
    return Flow(
        y=y[..., None],
        W=weights(params),
        b=biases(params),
        z=z,
        a=[x[:, None], *signals.outputs[1::2]],
        slope=slopes,
        d_output=list(signals.cotangents[1::2]),
        delta=list(signals.cotangents[::2]),
        weight_gradients=weights(signals.gradients),
        bias_gradients=biases(signals.gradients),
        autodiff_weights=weights(autodiff),
        autodiff_biases=biases(autodiff),
    )


def gradient_by_autodiff(net: Layer, loss: Loss, params, x, y):
    """Return autodiff's gradient of the loss of one example."""
    factor = 0.5 if loss is losses.squared_error else 1

    def value(params):
        prediction = fnn.apply(net, params, x[None])
        return jnp.sum(loss.value(prediction, y[None])) * factor

    return jax.grad(value)(params)


def diagonal_slope(activation: str, z):
    """Return σ′ of a column; for softmax ∂aᵢ/∂zᵢ, the diagonal of its Jacobian."""
    sigma = activations.get(activation)
    if sigma.product is None:
        return sigma.derivative(z)
    jacobian = sigma.derivative(z[:, 0])
    return jnp.diagonal(jacobian)[:, None]


def weights(params) -> list:
    """Return the W of each dense map of a chain."""
    return [part.W for part in params[::2]]


def biases(params) -> list:
    """Return the b of each dense map of a chain."""
    return [part.b for part in params[::2]]


def dense(W, b) -> DenseParams:
    """Return parameters of a dense layer from lists of numbers."""
    return DenseParams(jnp.array(W, float), jnp.array(b, float))
