"""Layers, one file each. A backward pass stands right below its forward pass.

Features flow forward, (features, batch), and cotangents of the same shape flow backward. Every
factory here returns an `fnn.Layer`: init, forward and backward, three pure functions.

    dense       z = W a + b; read it first
    activation  a = σ(z)
    batch_norm  each feature normalised over the batch
    dropout     units zeroed at random
    serial      one layer after another
    parts       the layers of a chain, each with its own parameters, state and key
    repeat      equal layers as one loop
    graph       any acyclic network of neurons
    padded      dense with a width that may be traced

A new layer is a file like dense.py and a name in the lists below; `fnn.check_network` checks its
backward pass. A new σ belongs to `fnn.activations`, a new rule for W to `fnn.initializers`.
"""

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

renamed(__name__, {"Width": "fnn.layers.MaskedWidth", "narrowed": "fnn.layers.unpad"})
