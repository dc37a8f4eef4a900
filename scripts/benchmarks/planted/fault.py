"""What a planted fault is, and the two ways to make one: change the finished gradient, or replace a
step.
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

    causes   names by which the checker may call it, all of them true; empty where its vocabulary
             has none
    applies  the networks in which it can happen
    plant    case -> gradient(params, key) with the fault in it
    """

    name: str
    causes: frozenset[str]
    applies: Callable[[Network], bool]
    plant: Callable[[Case], Gradient]
    only_in_float64: bool = False


def always(network: Network) -> bool:
    """In every network."""
    return True


def fault(
    name: str,
    causes: str,
    plant: Callable,
    applies: Callable[[Network], bool] = always,
    **more: Any,
) -> Fault:
    """`causes` separated by " | "."""
    return Fault(name, frozenset(filter(None, causes.split(" | "))), applies, plant, **more)


def changed(
    change: Callable[[Case, list, np.random.Generator], list],
) -> Callable[[Case], Gradient]:
    """The right gradient, then change(case, gradient, rng); the rng starts afresh at each call."""

    def plant(case: Case) -> Gradient:
        def wrong(params, key=None):
            grads = [
                {name: np.array(g) for name, g in layer.items()}
                for layer in gradient(case, params, key)
            ]
            return change(case, grads, np.random.default_rng(case.seed))

        return wrong

    return plant


def replaced(steps: Callable[[Case], dict[str, Callable]]) -> Callable[[Case], Gradient]:
    """The backward pass with the steps that steps(case) names replaced."""

    def plant(case: Case) -> Gradient:
        return partial(gradient, case, steps=Steps()._replace(**steps(case)))

    return plant


def output_error(delta: Callable) -> Callable[[Case], dict[str, Callable]]:
    """For `replaced`: δ = scale · delta(network, p, y, z) / n at the output."""

    def output(case, tape, y):
        return case.scale * delta(case.network, tape[-1].a, y, tape[-1].z) / case.network.batch

    return lambda case: {"output": output}


def tensors_of(grads: list, names: str = "Wb", least: int = 1) -> list[tuple[int, str]]:
    """Tensors (layer, name) of ≥ least rows whose gradient is not zero, as that of a bias before
    batch norm is.
    """
    return [
        (k, name)
        for k, layer in enumerate(grads)
        for name in names
        if np.any(layer[name])
        and len(layer[name]) >= least
        and not (name == "b" and "gain" in layer)
    ]


def everywhere(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Case], Gradient]:
    """The same change of every tensor."""
    return changed(
        lambda case, grads, rng: [{name: change(g) for name, g in layer.items()} for layer in grads]
    )


def in_one(
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray],
    names: str = "Wb",
    least: int = 1,
) -> Callable[[Case], Gradient]:
    """A change of one random tensor of those that `tensors_of` finds."""

    def apply(case, grads, rng):
        found = tensors_of(grads, names, least)
        if found:
            k, name = found[rng.integers(len(found))]
            grads[k][name] = change(grads[k][name], rng)
        return grads

    return changed(apply)


def is_silent(truth: list, wrong: list) -> bool:
    """Whether a fault changed nothing at this point: no entry by more than 1e-9 of its tensor's
    largest.
    """
    pairs = zip(jax.tree.leaves(truth), jax.tree.leaves(wrong), strict=True)
    return all(
        np.shape(t) == np.shape(w)
        and bool(np.max(np.abs(np.asarray(t) - w)) <= 1e-9 * np.max(np.abs(t)))
        for t, w in pairs
    )
