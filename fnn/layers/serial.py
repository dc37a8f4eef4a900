"""One layer after another."""

import jax

from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def serial(*layers: Layer) -> Layer:
    """x → layers[0] → … → layers[-1] → y. Parameters, states and residuals are tuples, one entry a
    layer; the state of a network without any state is (). Layer i draws from fold_in(key, i).
    """
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise ValueError(
                f"serial: got {layer!r} at position {i}, expected a Layer such as "
                f"fnn.layers.dense(2, 3)."
            )

    def init(key):
        pairs = [layer.init(jax.random.fold_in(key, i)) for i, layer in enumerate(layers)]
        return tuple(params for params, _ in pairs), _state(state for _, state in pairs)

    def forward(params, state, x, *, key=None, train=False):
        states = _states(state, len(layers))
        new_states, residuals = [], []
        for i, layer in enumerate(layers):
            layer_key = None if key is None else jax.random.fold_in(key, i)
            x, new_state, residual = layer.forward(
                params[i], states[i], x, key=layer_key, train=train
            )
            new_states.append(new_state)
            residuals.append(residual)
        return x, _state(new_states), tuple(residuals)

    def backward(params, residuals, dx):
        grads = []
        for i in reversed(range(len(layers))):
            grad, dx = layers[i].backward(params[i], residuals[i], dx)
            grads.append(grad)
        return tuple(reversed(grads)), dx

    return Layer(
        init, forward, backward, "serial", layers, all(layer.per_example for layer in layers)
    )


def _state(states):
    """(s₁, …, s_K), or () where no layer has any."""
    states = tuple(states)
    return states if jax.tree.leaves(states) else ()


def _states(state, n):
    if not isinstance(state, tuple) or len(state) not in (0, n):
        raise ValueError(f"state: got {state!r}, expected the state that net.init returned.")
    return state or ((),) * n
