"""Equal layers one after another, as one loop."""

import jax
import jax.numpy as jnp

from fnn import checks, compiler
from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def repeat(layer: Layer, times: int) -> Layer:
    """x → layer → … → layer → y, `times` in all, each with parameters of its own: what
    serial(*[layer] * times) computes, compiled in the time of a few layers however many they are.

    Parameters, states and residuals are those of `layer` with an axis (times, …) in front. Layer i
    draws from fold_in(key, i). Raises ValueError for a layer whose outputs do not have the shape of
    its inputs.
    """
    checks.count("times", times)
    if not isinstance(layer, Layer):
        raise ValueError(f"repeat: got {layer!r}, expected a Layer such as fnn.layers.dense(8, 8).")

    def init(key):
        def of_layer(nothing, i):
            return nothing, layer.init(jax.random.fold_in(key, i))

        _, drawn = compiler.scan(of_layer, (), jnp.arange(times))
        return drawn

    def forward(params, state, x, *, key=None, train=False):
        def on(x, one):
            params, state, i = one
            layer_key = None if key is None else jax.random.fold_in(key, i)
            y, state, residuals = layer.forward(params, state, x, key=layer_key, train=train)
            if y.shape != x.shape:
                raise ValueError(
                    f"repeat: {layer.name} maps {x.shape} to {y.shape}, expected outputs as its "
                    f"inputs."
                )
            return y, (state, residuals)

        y, (state, residuals) = compiler.scan(on, x, (params, state, jnp.arange(times)))
        return y, state, residuals

    def backward(params, residuals, dy):
        def on(dy, one):
            params, residuals = one
            grads, dx = layer.backward(params, residuals, dy)
            return dx, grads

        dx, grads = compiler.scan(on, dy, (params, residuals), reverse=True)
        return grads, dx

    return Layer(init, forward, backward, f"{times} x {layer.name}", per_example=layer.per_example)
