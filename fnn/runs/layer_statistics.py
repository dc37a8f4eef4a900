"""The largest numbers of each layer: they show where a run diverges."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn.layers.parts import parts_of
from fnn.types import Features, Layer, Params, State


class LayerStatistics(NamedTuple):
    """Hold the largest magnitudes of a layer's outputs and of its parameters.

    layer      its number and its name
    output     the largest |output|
    parameter  the largest |parameter|; 0 where the layer has none
    """

    layer: str
    output: float
    parameter: float

    def __str__(self) -> str:
        return f"{self.layer}: output {self.output:.3g}, parameter {self.parameter:.3g}"


def layer_statistics(
    net: Layer, params: Params, state: State, x: Features
) -> list[LayerStatistics]:
    """Measure every layer of a chain of layers, in evaluation mode on x (features, batch)."""
    statistics = []
    for number, part in enumerate(parts_of(net, params, state)):
        x, _, _ = part.forward(x, train=False)
        leaves = jax.tree.leaves(part.params)
        largest = [jnp.max(jnp.abs(leaf), initial=0) for leaf in leaves]
        name = f"layer {number} ({part.layer.name})"
        output = float(jnp.max(jnp.abs(x)))
        parameter = float(max(largest, default=0))
        statistics.append(LayerStatistics(name, output, parameter))
    return statistics
