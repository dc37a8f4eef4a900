"""A planted fault, and the two ways to make one.

One changes the finished gradient. The other replaces a step of the backward pass.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from planted.backward import Steps, gradient
from planted.networks import Case, Network

Gradient = Callable[..., list]


class Fault(NamedTuple):
    """A kind of fault.

    causes           names that the checker may give, all of them true; empty if it has none for it
    applies          returns whether the fault can happen in a network
    plant            case -> gradient(params, key) with the fault in it
    only_in_float64  whether float32 rounding hides it
    """

    name: str
    causes: frozenset[str]
    applies: Callable[[Network], bool]
    plant: Callable[[Case], Gradient]
    only_in_float64: bool = False


def always(network: Network) -> bool:
    """Return True, for faults that can happen in every network."""
    return True


def fault(
    name: str,
    causes: str,
    plant: Callable,
    applies: Callable[[Network], bool] = always,
    **more: Any,
) -> Fault:
    """Make a fault. `causes` are separated by " | "."""
    names = frozenset(filter(None, causes.split(" | ")))
    return Fault(name, names, applies, plant, **more)


def changed(
    change: Callable[[Case, list, np.random.Generator], list],
) -> Callable[[Case], Gradient]:
    """Compute the right gradient, then change it by change(case, gradient, rng).

    The rng starts afresh at each call.
    """

    def plant(case: Case) -> Gradient:
        def wrong(params, key=None):
            grads = jax.tree.map(np.array, gradient(case, params, key))
            return change(case, grads, np.random.default_rng(case.seed))

        return wrong

    return plant


def replaced(steps: Callable[[Case], dict[str, Callable]]) -> Callable[[Case], Gradient]:
    """Replace the steps of the backward pass that steps(case) names."""

    def plant(case: Case) -> Gradient:
        return partial(gradient, case, steps=Steps()._replace(**steps(case)))

    return plant


def output_error(delta: Callable) -> Callable[[Case], dict[str, Callable]]:
    """Return the argument of `replaced` for another δ at the output.

    The other δ is

        scale · delta(network, p, y, z) / n.
    """

    def output(case, tape, y):
        return case.scale * delta(case.network, tape[-1].a, y, tape[-1].z) / case.network.batch

    return lambda case: {"output": output}


def tensors_of(grads: list, names: str = "Wb", least: int = 1) -> list[tuple[int, str]]:
    """Return the tensors (layer, name) of at least so many rows whose gradient is not zero.

    The gradient of a bias before batch norm is zero, but for rounding.
    """
    tensors = []
    for k, layer in enumerate(grads):
        for name in names:
            is_before_norm = name == "b" and "gain" in layer
            has_rows = len(layer[name]) >= least
            if np.any(layer[name]) and has_rows and not is_before_norm:
                tensors.append((k, name))
    return tensors


def everywhere(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Case], Gradient]:
    """Change every tensor in the same way."""
    return changed(lambda case, grads, rng: jax.tree.map(change, grads))


def in_one(
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    names: str = "Wb",
    least: int = 1,
) -> Callable[[Case], Gradient]:
    """Change one random tensor of those that `tensors_of` returns."""

    def change_one(case, grads, rng):
        tensors = tensors_of(grads, names, least)
        if tensors:
            k, name = tensors[rng.integers(len(tensors))]
            grads[k][name] = change(grads[k][name], rng)
        return grads

    return changed(change_one)


def is_silent(truth: list, wrong: list) -> bool:
    """Return whether a fault changed nothing at this point.

    It did not if no entry differs by more than 1e-9 of its tensor's largest.
    """
    for right, faulty in zip(jax.tree.leaves(truth), jax.tree.leaves(wrong), strict=True):
        if np.shape(right) != np.shape(faulty):
            return False
        largest_change = np.max(np.abs(np.asarray(right) - faulty))
        if not largest_change <= 1e-9 * np.max(np.abs(right)):
            return False
    return True
