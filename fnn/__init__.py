"""fnn: feed-forward networks in JAX, from the equation to the sweep."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn import activations, data, initializers, layers, losses, optim, penalties, perceptron, perturbation
from fnn.activations import Activation
from fnn.backprop import apply, value_and_grad
from fnn.devices import use_all_devices
from fnn.mlp import mlp
from fnn.sweeping import Sweep, sweep
from fnn.training import Run, train
from fnn.types import Layer, Loss, Penalty

if TYPE_CHECKING:
    from fnn.gradcheck import check_gradient, check_network, check_vjp

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


def __getattr__(name: str) -> Any:
    """Loads the gradient checker when it is first asked for: it brings in parts of JAX that nothing else needs, a
    quarter of what importing fnn would cost."""
    if name in ("check_gradient", "check_network", "check_vjp"):
        return getattr(import_module("fnn.gradcheck"), name)
    raise AttributeError(f"module 'fnn' has no attribute {name!r}")
