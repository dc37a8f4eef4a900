"""The true backward pass of the loss, to be run again with a mistake in one of its steps.

Every value v of the loss has a cotangent δ_v = ∂loss/∂v. A mistake in a hand-written backward pass
is a wrong δ somewhere, and what lies below it follows by the right rules. So one compiled program
takes an error for each δ and returns the gradient that these errors make; it is the true one plus a
linear function of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import compiler
from fnn.gradcheck.flat_jaxpr import (
    FlatJaxpr,
    Operation,
    Variable,
    evaluate,
    flat_jaxpr_of,
    is_float,
    is_key,
)
from fnn.gradcheck.reference import Reference


class Backward(NamedTuple):
    """The gradient, a leaf each; δ of every value that is or depends on one; every value."""

    grads: list[np.ndarray]
    deltas: dict[Variable, np.ndarray]
    values: dict[Variable, Any]


Rule = Callable[[Backward], np.ndarray]
"""From a backward pass that is settled down to some value: the error of that value's δ."""


class Replay(NamedTuple):
    """run(errors, constants) -> Backward, with errors {value: error of its δ} and the constants
    that differ.
    """

    flat: FlatJaxpr
    right: Backward
    run: Callable[..., Backward]

    def with_rules(self, rules: Mapping[Variable, Rule]) -> Backward:
        """The backward pass in which each of these values gets the error that its rule makes of the
        δ's above it.
        """
        errors: dict[Variable, np.ndarray] = {}
        found = self.right
        for number in sorted(rules, reverse=True):
            errors[number] = rules[number](found)
            found = self.run(errors)
        return found

    def producer(self, number: Variable) -> Operation | None:
        """The operation that yields a value; None for a leaf or a constant."""
        return next((step for step in self.flat.operations if number in step.outputs), None)

    def consumers(self, number: Variable) -> list[Operation]:
        """The operations that take a value."""
        return [step for step in self.flat.operations if number in step.inputs]


def replay_of(reference: Reference, leaves: Sequence[np.ndarray]) -> Replay:
    """Compiles the backward pass and runs it once without a mistake."""
    flat = flat_jaxpr_of(reference.traced, open_all=False)

    def objective(leaves, probes, constants, errors):
        def probed(operation, inputs, outputs):
            pairs = zip(operation.outputs, outputs, strict=True)
            return [
                value + probes[number] if number in probes else value for number, value in pairs
            ]

        moved = [leaf + probes[number] for number, leaf in zip(flat.leaves, leaves, strict=True)]
        values = evaluate(flat, moved, constants, probed)
        wrong = sum(jnp.sum(error * values[number]) for number, error in errors.items())
        return values[flat.outputs[0]] + wrong, values

    @compiler.jit
    def program(leaves, constants, errors):
        zeros = jax.tree.map(jnp.zeros_like, errors)
        (grads, deltas), values = jax.grad(objective, (0, 1), has_aux=True)(
            leaves, zeros, constants, errors
        )
        return grads, deltas, values

    points = [jnp.asarray(leaf) for leaf in leaves]
    nothing = _probed(flat) | {
        n: np.zeros(np.shape(leaf)) for n, leaf in zip(flat.leaves, leaves, strict=True)
    }

    def run(
        errors: Mapping[Variable, Any], constants: Mapping[Variable, Any] | None = None
    ) -> Backward:
        observed = nothing | {
            number: np.asarray(error, np.float64) for number, error in errors.items()
        }
        grads, deltas, values = program(points, flat.constants | dict(constants or {}), observed)
        return Backward(jax.device_get(grads), jax.device_get(deltas), values)

    right = run({})
    return Replay(flat, right._replace(values=_to_host(right.values)), run)


def _probed(flat: FlatJaxpr) -> dict[Variable, np.ndarray]:
    """No error for any value that is computed from the leaves."""
    steps = [
        (n, v.aval)
        for step in flat.operations
        for n, v in zip(step.outputs, step.equation.outvars, strict=True)
    ]
    return {
        n: np.zeros(aval.shape, aval.dtype)
        for n, aval in steps
        if n in flat.dependent and is_float(aval)
    }


def _to_host(tree: Any) -> Any:
    """NumPy arrays; random keys stay what they are."""
    return jax.tree.map(lambda leaf: leaf if is_key(leaf) else np.asarray(leaf), tree)
