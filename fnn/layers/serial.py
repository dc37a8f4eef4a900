"""One layer after another."""

import jax

from fnn.layers.parts import split
from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def serial(*layers: Layer) -> Layer:
    """Return the chain x → layers[0] → … → layers[-1] → y.

    layers  in the order of the forward pass

    Parameters, states and residuals are tuples with one entry a layer. The state of a chain none of
    whose layers has a state is (). Layer i draws from fold_in(key, i). Raises ValueError for what
    is not a Layer.

    >>> import fnn, jax, jax.numpy as jnp
    >>> net = fnn.layers.serial(fnn.layers.dense(2, 3), fnn.layers.activation("relu"))
    >>> params, state = net.init(jax.random.key(0))
    >>> y, state, residuals = net.forward(params, state, jnp.ones((2, 5)))
    >>> print(y.shape, len(params), state)
    (3, 5) 2 ()
    """
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"serial: got {layer!r} at position {i}, expected a Layer such as "
                "fnn.layers.dense(2, 3)."
            )

    def init(key):
        all_params, states = [], []
        for i, layer in enumerate(layers):
            params, state = layer.init(jax.random.fold_in(key, i))
            all_params.append(params)
            states.append(state)
        return tuple(all_params), _joint_state(states)

    def forward(params, state, x, *, key=None, train=False):
        new_states, residuals = [], []
        for part in split(layers, params, state, key):
            x, new_state, residual = part.forward(x, train=train)
            new_states.append(new_state)
            residuals.append(residual)
        return x, _joint_state(new_states), tuple(residuals)

    def backward(params, residuals, dx):
        grads = []
        for i in reversed(range(len(layers))):
            layer = layers[i]
            grad, dx = layer.backward(params[i], residuals[i], dx)
            grads.append(grad)
        grads.reverse()
        return tuple(grads), dx

    per_example = all(layer.per_example for layer in layers)
    return Layer(init, forward, backward, "serial", layers, per_example)


def _joint_state(states):
    """Return (s₁, …, s_K), or () where no layer has a state."""
    has_state = jax.tree.leaves(states)
    return tuple(states) if has_state else ()
