"""The loss of a network as a function of one vector, which holds all of its parameters."""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jax.flatten_util import ravel_pytree

import fnn
from fnn import data, losses


class Function(NamedTuple):
    """A differentiable function of a vector, and a way to draw a point: key -> vector."""

    value: Callable
    gradient: Callable
    draw_point: Callable


def loss_on_moons(net: fnn.Layer, rows: int) -> Function:
    """Return the squared error on the first two moons. A point is the initial parameters."""
    moons = data.load("moons").train
    x = moons.x[:rows].astype(float)
    y = moons.y[:rows].astype(float)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    params, _ = net.init(jax.random.key(0))
    _, unravel = ravel_pytree(params)

    def value(w):
        loss, _ = loss_and_gradient(unravel(w), x, y)
        return loss

    def gradient(w):
        _, grads = loss_and_gradient(unravel(w), x, y)
        return ravel_pytree(grads)[0]

    def draw_point(key):
        params, _ = net.init(key)
        return ravel_pytree(params)[0]

    return Function(value, gradient, draw_point)
