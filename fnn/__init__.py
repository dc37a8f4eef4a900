"""fnn: feed-forward networks in JAX, from the equation to the sweep."""

from fnn import activations, data, initializers, layers, losses, optim, penalties, perceptron, perturbation
from fnn.activations import Activation
from fnn.backprop import apply, value_and_grad
from fnn.devices import use_all_devices
from fnn.gradcheck import check_gradient, check_network, check_vjp
from fnn.mlp import mlp
from fnn.sweeping import Sweep, sweep
from fnn.training import Run, train
from fnn.types import Layer, Loss, Penalty

__all__ = [
    "Activation",
    "Layer",
    "Loss",
    "Penalty",
    "Run",
    "Sweep",
    "activations",
    "apply",
    "check_gradient",
    "check_network",
    "check_vjp",
    "data",
    "initializers",
    "layers",
    "losses",
    "mlp",
    "optim",
    "penalties",
    "perceptron",
    "perturbation",
    "sweep",
    "train",
    "use_all_devices",
    "value_and_grad",
]
