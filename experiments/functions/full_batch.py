"""Gradient descent on all examples at once, as several experiments of this topic use it."""

from collections.abc import Callable

import jax

import fnn
from fnn.types import Params


def gradient_of(
    net: fnn.Layer, loss: fnn.Loss, x, y, reduction: str = "mean"
) -> Callable[[Params], Params]:
    """Return the function params -> ∂L/∂params on all examples."""
    loss_and_gradient = fnn.value_and_grad(net, loss, reduction=reduction)

    def gradient(params):
        _, grads = loss_and_gradient(params, x, y)
        return grads

    return gradient


def last_of(path: Params) -> Params:
    """Return the parameters after the last step of a path."""
    return jax.tree.map(lambda leaf: leaf[-1], path)
