"""How large the numbers of each layer are: where to look when a run diverges."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn.types import Features, Layer, Params, State


class LayerStatistics(NamedTuple):
    """The largest magnitudes of a layer's outputs on some examples and of its parameters (0 where it has none)."""

    layer: str
    output: float
    parameter: float

    def __str__(self) -> str:
        return f"{self.layer}: output {self.output:.3g}, parameter {self.parameter:.3g}"


def layer_statistics(net: Layer, params: Params, state: State, x: Features) -> list[LayerStatistics]:
    """Of every layer that runs one after the other in the network, in evaluation mode on x (features, batch)."""
    parts = net.parts or (net,)
    each = params if net.parts else (params,)
    states = state if net.parts and state else (state,) * len(parts)
    found = []
    for number, (part, own, mine) in enumerate(zip(parts, each, states, strict=True)):
        x, _, _ = part.forward(own, mine, x, key=None, train=False)
        sizes = [jnp.max(jnp.abs(leaf), initial=0) for leaf in jax.tree.leaves(own)]
        name = f"layer {number} ({part.name})"
        found.append(LayerStatistics(name, float(jnp.max(jnp.abs(x))), float(max(sizes, default=0))))
    return found
