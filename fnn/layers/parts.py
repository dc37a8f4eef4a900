"""The layers of a chain, each with its own parameters, state and key.

Layer i of a chain has the parameters params[i] and the state state[i], and draws its random numbers
from fold_in(key, i). A chain none of whose layers has a state has the state ().
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax

from fnn.types import Features, Layer, Params, PRNGKey, Residuals, State


class Part(NamedTuple):
    """A layer in its place in a chain."""

    layer: Layer
    params: Params
    state: State
    key: PRNGKey | None

    def forward(self, x: Features, *, train: bool) -> tuple[Features, State, Residuals]:
        """Return what the layer's forward pass returns: y, the new state and the residuals."""
        return self.layer.forward(self.params, self.state, x, key=self.key, train=train)


def split(
    layers: Sequence[Layer], params: Params, state: State, key: PRNGKey | None
) -> Iterator[Part]:
    """Yield the parts of a chain of these layers, in the order of the forward pass.

    Raises ValueError for a state that is not the chain's.
    """
    states = _states(state, len(layers))

    def part(i: int, layer: Layer) -> Part:
        part_key = None if key is None else jax.random.fold_in(key, i)
        return Part(layer, params[i], states[i], part_key)

    # lazy, so that a key is folded right before its layer runs
    return (part(i, layer) for i, layer in enumerate(layers))


def parts_of(
    net: Layer, params: Params, state: State, key: PRNGKey | None = None
) -> Iterator[Part]:
    """Yield the parts of a network in the order of the forward pass.

    A network without `parts` is its only part, with params, state and key as they are. Raises
    ValueError for a state that is not the network's.

    >>> import fnn, jax
    >>> from fnn.layers.parts import parts_of
    >>> net = fnn.mlp((2, 3, 1))
    >>> params, state = net.init(jax.random.key(0))
    >>> [part.layer.name for part in parts_of(net, params, state)]
    ['dense 2→3', 'relu', 'dense 3→1']
    """
    if not net.parts:
        return iter([Part(net, params, state, key)])
    return split(net.parts, params, state, key)


def _states(state: State, n: int) -> tuple[State, ...]:
    if not isinstance(state, tuple) or len(state) not in (0, n):
        raise ValueError(f"state: got {state!r}, expected the state that net.init returned.")
    return state or ((),) * n
