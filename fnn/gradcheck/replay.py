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
from fnn.gradcheck.flow import Flow, Number, Operation, evaluate, flow_of, is_float, is_key
from fnn.gradcheck.oracle import Truth


class Backward(NamedTuple):
    """The gradient, a leaf each; δ of every value that is or depends on one; every value."""

    grads: list[np.ndarray]
    deltas: dict[Number, np.ndarray]
    values: dict[Number, Any]


Rule = Callable[[Backward], np.ndarray]
"""From a backward pass that is settled down to some value: the error of that value's δ."""


class Replay(NamedTuple):
    """run(errors, constants) -> Backward, with errors {value: error of its δ} and the constants
    that differ.
    """

    flow: Flow
    right: Backward
    run: Callable[..., Backward]

    def mistaken(self, rules: Mapping[Number, Rule]) -> Backward:
        """The backward pass in which each of these values gets the error that its rule makes of the
        δ's above it.
        """
        errors: dict[Number, np.ndarray] = {}
        found = self.right
        for number in sorted(rules, reverse=True):
            errors[number] = rules[number](found)
            found = self.run(errors)
        return found

    def producer(self, number: Number) -> Operation | None:
        """The operation that yields a value; None for a leaf or a constant."""
        return next((step for step in self.flow.operations if number in step.outputs), None)

    def consumers(self, number: Number) -> list[Operation]:
        """The operations that take a value."""
        return [step for step in self.flow.operations if number in step.inputs]


def replay_of(truth: Truth, leaves: Sequence[np.ndarray]) -> Replay:
    """Compiles the backward pass and runs it once without a mistake."""
    flow = flow_of(truth.traced, open_all=False)

    def objective(leaves, probes, constants, errors):
        def probed(operation, inputs, outputs):
            pairs = zip(operation.outputs, outputs, strict=True)
            return [
                value + probes[number] if number in probes else value for number, value in pairs
            ]

        moved = [leaf + probes[number] for number, leaf in zip(flow.leaves, leaves, strict=True)]
        values = evaluate(flow, moved, constants, probed)
        wrong = sum(jnp.sum(error * values[number]) for number, error in errors.items())
        return values[flow.outputs[0]] + wrong, values

    @compiler.jit
    def program(leaves, constants, errors):
        zeros = jax.tree.map(jnp.zeros_like, errors)
        (grads, deltas), values = jax.grad(objective, (0, 1), has_aux=True)(
            leaves, zeros, constants, errors
        )
        return grads, deltas, values

    points = [jnp.asarray(leaf) for leaf in leaves]
    nothing = _probed(flow) | {
        n: np.zeros(np.shape(leaf)) for n, leaf in zip(flow.leaves, leaves, strict=True)
    }

    def run(
        errors: Mapping[Number, Any], constants: Mapping[Number, Any] | None = None
    ) -> Backward:
        given = nothing | {
            number: np.asarray(error, np.float64) for number, error in errors.items()
        }
        grads, deltas, values = program(points, flow.constants | dict(constants or {}), given)
        return Backward(jax.device_get(grads), jax.device_get(deltas), values)

    right = run({})
    return Replay(flow, right._replace(values=_to_host(right.values)), run)


def _probed(flow: Flow) -> dict[Number, np.ndarray]:
    """No error for any value that is computed from the leaves."""
    steps = [
        (n, v.aval)
        for step in flow.operations
        for n, v in zip(step.outputs, step.equation.outvars, strict=True)
    ]
    return {
        n: np.zeros(aval.shape, aval.dtype)
        for n, aval in steps
        if n in flow.dependent and is_float(aval)
    }


def _to_host(tree: Any) -> Any:
    """NumPy arrays; random keys stay what they are."""
    return jax.tree.map(lambda leaf: leaf if is_key(leaf) else np.asarray(leaf), tree)
