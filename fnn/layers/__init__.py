"""Layers: each module holds one, its backward pass right below its forward pass."""

from fnn.layers.activation import activation
from fnn.layers.batch_norm import BatchNormParams, BatchNormState, batch_norm
from fnn.layers.dense import DenseParams, dense
from fnn.layers.dropout import dropout
from fnn.layers.graph import Depth, depth, graph
from fnn.layers.padded import MaskedWidth, padded, unpad
from fnn.layers.repeat import repeat
from fnn.layers.serial import serial
from fnn.renamed import renamed

__all__ = [
    "BatchNormParams",
    "BatchNormState",
    "DenseParams",
    "Depth",
    "MaskedWidth",
    "activation",
    "batch_norm",
    "dense",
    "depth",
    "dropout",
    "graph",
    "padded",
    "repeat",
    "serial",
    "unpad",
]

__getattr__ = renamed(__name__, {"Width": "fnn.layers.MaskedWidth", "narrowed": "fnn.layers.unpad"})
