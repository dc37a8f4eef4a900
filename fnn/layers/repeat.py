"""Equal layers one after another, as one loop."""

import jax
import jax.numpy as jnp

from fnn import checks, compiler
from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def repeat(layer: Layer, times: int) -> Layer:
    """Return the chain x → layer → … → layer → y of `times` layers, each with its own parameters.

    layer  a layer whose outputs have the shape of its inputs
    times  number of layers, at least 1

    It computes what serial(*[layer] * times) computes, and compiles in the time of a few layers.
    Parameters, states and residuals are those of `layer` with an axis (times, …) in front. Layer i
    draws from fold_in(key, i). Raises ValueError for a layer whose outputs have another shape than
    its inputs.

    >>> import fnn, jax
    >>> net = fnn.layers.repeat(fnn.layers.dense(4, 4), 3)
    >>> params, state = jax.eval_shape(net.init, jax.random.key(0))
    >>> print(params.W.shape, params.b.shape)
    (3, 4, 4) (3, 4)
    """
    checks.count("times", times)
    if not isinstance(layer, Layer):
        raise ValueError(f"repeat: got {layer!r}, expected a Layer such as fnn.layers.dense(8, 8).")

    def init(key):
        def init_layer(nothing, i):
            return nothing, layer.init(jax.random.fold_in(key, i))

        _, params_and_state = compiler.scan(init_layer, (), jnp.arange(times))
        return params_and_state

    def forward(params, state, x, *, key=None, train=False):
        def forward_layer(x, part):
            params, state, i = part
            layer_key = None if key is None else jax.random.fold_in(key, i)
            y, state, residuals = layer.forward(params, state, x, key=layer_key, train=train)
            _check_shape(layer, x, y)
            return y, (state, residuals)

        parts = (params, state, jnp.arange(times))
        y, (state, residuals) = compiler.scan(forward_layer, x, parts)
        return y, state, residuals

    def backward(params, residuals, dy):
        def backward_layer(dy, part):
            params, residuals = part
            grads, dx = layer.backward(params, residuals, dy)
            return dx, grads

        parts = (params, residuals)
        dx, grads = compiler.scan(backward_layer, dy, parts, reverse=True)
        return grads, dx

    name = f"{times} x {layer.name}"
    return Layer(init, forward, backward, name, per_example=layer.per_example)


def _check_shape(layer: Layer, x, y) -> None:
    if y.shape != x.shape:
        raise ValueError(
            f"repeat: {layer.name} maps {x.shape} to {y.shape}, expected outputs as its inputs."
        )
