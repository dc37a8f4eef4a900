"""fnn: feed-forward networks in JAX, from the equation to the sweep.

In go a network, a loss, an optimizer and a data set. They are plain values: a `Layer` and a `Loss`
hold pure functions, an optimizer is a transformation of optax, a `Dataset` holds arrays. Out comes
a `Run` of one network or a `Sweep` of many: parameters, a history in NumPy arrays, and tables. The
gradients are written by hand, and `gradcheck` compares them with automatic differentiation.

    >>> import fnn
    >>> xor = fnn.data.load("xor")
    >>> net = fnn.mlp((2, 4, 1))
    >>> loss = fnn.losses.sigmoid_cross_entropy
    >>> adam = fnn.optim.adam(0.1)
    >>> run = fnn.train(net, loss, adam, xor, epochs=30, batch_size=4, progress=False)
    >>> run.predict([[0, 0], [0, 1], [1, 0], [1, 1]])
    array([0, 1, 1, 0])

The modules in the order of reading:

types                         Layer, Loss, Penalty, and the types of their arguments
activations, initializers     σ with σ′, and the distributions of W
layers, mlp                   layers with a forward and a backward pass, and chains of them
losses, metrics, penalties    functions to minimise and functions to measure
backprop                      `apply` and `value_and_grad`: the equations of a network
optim                         rules of descent
data                          data sets: splits, encoding, the order of the examples
runs                          `train`, `sweep`, `sweep_function`, `train_step`, `load`: one engine
racing, optimizing, workers   `race`, `optimize`, and the work of other machines
figures, diagnostics, export  pictures, the signals within a network, other file formats
gradcheck, compiled, doctor   checks of a gradient, of a compiled program, of a machine
checkpoint                    files that are written whole or not at all
course                        rules and constructions of the course alone
sklearn                       estimators for scikit-learn

A new layer goes into layers/, a new rule of descent into optim/, a data set into data/registry.py,
an activation, a loss or a metric into its module.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fnn.mlp import mlp  # at once: a later import of the module fnn.mlp would replace the function
from fnn.renamed import refuse

if TYPE_CHECKING:
    from fnn import (
        activations,
        callbacks,
        checkpoint,
        course,
        data,
        diagnostics,
        export,
        figures,
        gradcheck,
        initializers,
        layers,
        losses,
        metrics,
        optim,
        penalties,
    )
    from fnn.activations import Activation
    from fnn.backprop import apply, value_and_grad
    from fnn.compiled import check_compiled
    from fnn.devices import use_all_devices
    from fnn.gradcheck import check_gradient, check_network, check_vjp
    from fnn.optimizing.optimize import OptimizeFailed, OptimizeInterrupted, optimize
    from fnn.optimizing.result import Optimized
    from fnn.racing.errors import RaceFailed, RaceInterrupted
    from fnn.racing.race import race
    from fnn.racing.result import Race
    from fnn.runs.interrupted import SweepFailed, SweepInterrupted
    from fnn.runs.load import load
    from fnn.runs.results import Sweep
    from fnn.runs.run import Run
    from fnn.runs.sweep import sweep
    from fnn.runs.sweep_function import sweep_function
    from fnn.runs.train import train
    from fnn.runs.train_step import train_step
    from fnn.types import Layer, Loss, Penalty
    from fnn.workers import Workers

__all__ = [
    "Activation",
    "Layer",
    "Loss",
    "OptimizeFailed",
    "OptimizeInterrupted",
    "Optimized",
    "Penalty",
    "Race",
    "RaceFailed",
    "RaceInterrupted",
    "Run",
    "Sweep",
    "SweepFailed",
    "SweepInterrupted",
    "Workers",
    "activations",
    "apply",
    "callbacks",
    "check_compiled",
    "check_gradient",
    "check_network",
    "check_vjp",
    "checkpoint",
    "course",
    "data",
    "diagnostics",
    "export",
    "figures",
    "gradcheck",
    "initializers",
    "layers",
    "load",
    "losses",
    "metrics",
    "mlp",
    "optim",
    "optimize",
    "penalties",
    "race",
    "sweep",
    "sweep_function",
    "train",
    "train_step",
    "use_all_devices",
    "value_and_grad",
]

_HOMES = {
    "fnn.activations": ("Activation",),
    "fnn.backprop": ("apply", "value_and_grad"),
    "fnn.compiled": ("check_compiled",),
    "fnn.devices": ("use_all_devices",),
    "fnn.gradcheck": ("check_gradient", "check_network", "check_vjp"),
    "fnn.optimizing.optimize": ("OptimizeFailed", "OptimizeInterrupted", "optimize"),
    "fnn.optimizing.result": ("Optimized",),
    "fnn.racing.errors": ("RaceFailed", "RaceInterrupted"),
    "fnn.racing.race": ("race",),
    "fnn.racing.result": ("Race",),
    "fnn.runs.interrupted": ("SweepFailed", "SweepInterrupted"),
    "fnn.runs.load": ("load",),
    "fnn.runs.results": ("Sweep",),
    "fnn.runs.run": ("Run",),
    "fnn.runs.sweep": ("sweep",),
    "fnn.runs.sweep_function": ("sweep_function",),
    "fnn.runs.train": ("train",),
    "fnn.runs.train_step": ("train_step",),
    "fnn.types": ("Layer", "Loss", "Penalty"),
    "fnn.workers": ("Workers",),
}
"""Module -> the names that fnn takes from it."""

_refuse = refuse(
    __name__,
    {
        "constructions": "fnn.course.constructions",
        "descent": "fnn.course.descent",
        "perceptron": "fnn.course.perceptron",
        "perturbation": "fnn.course.perturbation",
        "surfaces": "fnn.course.surfaces",
        "FunctionSweep": "fnn.Sweep, which sweeps of networks and of functions share",
        "sweeping": "fnn.runs; its figures are fnn.figures",
        "training": "fnn.runs",
    },
)


if not TYPE_CHECKING:  # a type checker would take fnn for a module that has any name

    def __getattr__(name: str) -> Any:
        """Import a part of fnn when it is first asked for (PEP 562).

        Importing all parts at once takes a third of the time of importing JAX. Most of it is one
        garbage collection that they set off among JAX's objects.
        """
        for module, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(module), name)
                return value
        if name in __all__:
            return import_module(f"fnn.{name}")
        return _refuse(name)


def __dir__() -> list[str]:
    return __all__
