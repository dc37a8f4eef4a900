"""fnn: feed-forward networks in JAX, from the equation to the sweep."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn.mlp import mlp  # now, and not when asked for: importing the module later would put it in the function's place

if TYPE_CHECKING:
    from fnn import (
        activations,
        checkpoint,
        constructions,
        data,
        descent,
        diagnostics,
        export,
        initializers,
        layers,
        losses,
        optim,
        penalties,
        perceptron,
        perturbation,
        surfaces,
    )
    from fnn.activations import Activation
    from fnn.backprop import apply, value_and_grad
    from fnn.compiled import check_compiled
    from fnn.devices import use_all_devices
    from fnn.gradcheck import check_gradient, check_network, check_vjp
    from fnn.sweeping import FunctionSweep, Sweep, SweepFailed, SweepInterrupted, sweep, sweep_function
    from fnn.training import Run, train
    from fnn.types import Layer, Loss, Penalty

__all__ = [
    "Activation",
    "FunctionSweep",
    "Layer",
    "Loss",
    "Penalty",
    "Run",
    "Sweep",
    "SweepFailed",
    "SweepInterrupted",
    "activations",
    "apply",
    "check_compiled",
    "check_gradient",
    "check_network",
    "check_vjp",
    "checkpoint",
    "constructions",
    "data",
    "descent",
    "diagnostics",
    "export",
    "initializers",
    "layers",
    "losses",
    "mlp",
    "optim",
    "penalties",
    "perceptron",
    "perturbation",
    "surfaces",
    "sweep",
    "sweep_function",
    "train",
    "use_all_devices",
    "value_and_grad",
]

_HOMES = {
    "fnn.activations": ("Activation",),
    "fnn.backprop": ("apply", "value_and_grad"),
    "fnn.compiled": ("check_compiled",),
    "fnn.devices": ("use_all_devices",),
    "fnn.gradcheck": ("check_gradient", "check_network", "check_vjp"),
    "fnn.sweeping": ("FunctionSweep", "Sweep", "SweepFailed", "SweepInterrupted", "sweep", "sweep_function"),
    "fnn.training": ("Run", "train"),
    "fnn.types": ("Layer", "Loss", "Penalty"),
}


def __getattr__(name: str) -> Any:
    """Loads a part when it is first asked for (PEP 562): all of them at once cost a third of importing JAX, most of it
    one garbage collection that they set off among JAX's objects."""
    for module, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(module), name)
            return value
    if name in __all__:
        return import_module(f"fnn.{name}")
    raise AttributeError(f"module 'fnn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
