"""One example through many random networks: what the hand-written pass, automatic differentiation
and a formula say.

Vectors are columns (seeds, n, 1) and matrices (seeds, out, in), so that a formula of a document can
be copied as it stands; NumPy runs it on all networks at once.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import activations, diagnostics, layers, losses
from fnn.layers import DenseParams
from fnn.types import Layer, Loss


class Flow(NamedTuple):
    """Layer by layer, from the first: W, b, the pre-activation z, σ(z), σ′(z), ∂L/∂σ, δ = ∂L/∂z,
    and ∂L/∂W and ∂L/∂b by fnn and by autodiff. a[0] is the input, so that a[l] is what layer l + 1
    reads.
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
        """The largest relative difference between fnn's gradients and autodiff's."""
        pairs = zip(
            self.weight_gradients + self.bias_gradients,
            self.autodiff_weights + self.autodiff_biases,
            strict=True,
        )
        return max(float(relative_error(found, expected).max()) for found, expected in pairs)


def flow(
    widths: tuple[int, ...],
    activation: str,
    seeds: int = 1,
    *,
    output: str | None = None,
    example=None,
) -> Flow:
    """`seeds` networks with every weight, bias, input and target from N(0, 1) and ½Σ(y − a)²; where
    the output is softmax, with cross-entropy and a random label instead. Call it under enable_x64.

    output   activation of the last layer, that of all layers by default
    example  (params, x, y) of one network, instead of random ones
    """
    sigmas = [activation] * (len(widths) - 2) + [output or activation]
    net = chain(widths, sigmas)
    labels = output == "softmax"
    loss = losses.categorical_cross_entropy if labels else losses.squared_error

    draws = (
        drawn(net, widths, seeds, labels)
        if example is None
        else jax.tree.map(lambda leaf: leaf[None], example)
    )

    def one(params, x, y):
        signals, autodiff = gradients(net, loss, params, x, y)
        slopes = [diagonal(sigma, z) for sigma, z in zip(sigmas, signals.outputs[::2], strict=True)]
        return Flow(
            y[..., None],
            [part.W for part in params[::2]],
            [part.b for part in params[::2]],
            list(signals.outputs[::2]),
            [x[:, None], *signals.outputs[1::2]],
            slopes,
            list(signals.cotangents[1::2]),
            list(signals.cotangents[::2]),
            [part.W for part in signals.gradients[::2]],
            [part.b for part in signals.gradients[::2]],
            [part.W for part in autodiff[::2]],
            [part.b for part in autodiff[::2]],
        )

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(*draws))


def chain(widths: tuple[int, ...], activations: Sequence[str]) -> Layer:
    """A dense map and an activation for each layer, the identity too."""
    pairs = zip(widths[:-1], widths[1:], activations, strict=True)
    return layers.serial(
        *(part for m, n, sigma in pairs for part in (layers.dense(m, n), layers.activation(sigma)))
    )


def drawn(net: Layer, widths: tuple[int, ...], seeds: int, labels: bool):
    """Parameters, x and y, each with a leading axis of seeds."""
    rng = np.random.default_rng(0)
    shapes, _ = jax.eval_shape(net.init, jax.random.key(0))
    params = jax.tree.map(lambda leaf: rng.normal(size=(seeds, *leaf.shape)), shapes)
    x = rng.normal(size=(seeds, widths[0]))
    return (
        params,
        x,
        rng.integers(widths[-1], size=seeds) if labels else rng.normal(size=(seeds, widths[-1])),
    )


def gradients(net: Layer, loss: Loss, params, x, y):
    """fnn's backward pass and autodiff, of one example."""
    half = "half_sum" if loss is losses.squared_error else "sum"

    def value(params):
        return jnp.sum(loss.value(fnn.apply(net, params, x[None]), y[None])) * (
            0.5 if half == "half_sum" else 1
        )

    return diagnostics.signals(net, loss, params, x[None], y[None], reduction=half), jax.grad(
        value
    )(params)


def diagonal(activation: str, z):
    """σ′ of a column; of softmax ∂aᵢ/∂zᵢ, the diagonal of its Jacobian."""
    sigma = activations.get(activation)
    return (
        sigma.derivative(z)
        if sigma.product is None
        else jnp.diagonal(sigma.derivative(z[:, 0]))[:, None]
    )


def flat(*arrays: np.ndarray) -> np.ndarray:
    """All of them as one vector for each network, (seeds, entries)."""
    return np.concatenate([each.reshape(len(each), -1) for each in arrays], axis=1)


def refusal(call: Callable[[], object]) -> str:
    """What a call is refused with; "" if it is not."""
    try:
        call()
    except ValueError as error:
        return str(error).strip(" .")
    return ""


def refusal_of_layer(widths: tuple[int, ...], change: Callable[[DenseParams], DenseParams]) -> str:
    """What fnn says to a network whose backward pass returns a changed gradient of the
    first layer.
    """
    net = chain(widths, ["sigmoid"] * (len(widths) - 1))
    params, _ = net.init(jax.random.key(0))

    def backward(params, residuals, dy):
        (first, *others), dx = net.backward(params, residuals, dy)
        return (change(first), *others), dx

    wrong = fnn.value_and_grad(net._replace(backward=backward), losses.squared_error)
    return refusal(lambda: wrong(params, np.ones((1, widths[0])), np.ones((1, widths[-1]))))


def relative_error(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """‖found − expected‖/‖expected‖ for each network, (seeds,); 0 where they are equal, so that 0/0
    is none.
    """
    axes = tuple(range(1, np.ndim(expected)))
    difference = np.sqrt(np.sum((found - expected) ** 2, axis=axes))
    norm = np.sqrt(np.sum(np.square(expected), axis=axes))
    return np.divide(
        difference,
        norm,
        out=np.where(difference > 0, np.inf, 0.0),
        where=(difference > 0) & (norm > 0),
    )
