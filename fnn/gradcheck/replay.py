"""Run the true backward pass of the loss again, with an error in one of its steps.

Every value v of the loss has a cotangent δ_v = ∂loss/∂v. A mistake in a hand-written backward pass
makes some δ wrong, and everything below that δ follows by the right rules. So one compiled program
takes an error for each δ and returns the gradient that these errors make. That gradient is the true
one plus a linear function of the errors.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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

Errors = Mapping[Variable, np.ndarray]
"""variable -> the error of its δ"""


class Backward(NamedTuple):
    """A backward pass.

    grads   the gradient, a leaf each
    deltas  δ of every leaf and of every value that depends on one
    values  every value of the forward pass
    """

    grads: list[np.ndarray]
    deltas: dict[Variable, np.ndarray]
    values: dict[Variable, Any]


Rule = Callable[[Backward], np.ndarray]
"""Computes the error of one δ from a backward pass that is settled above it."""


class Replay(NamedTuple):
    """The backward pass of a loss as a program.

    flat       the loss
    producers  the operation that yields each value
    right      the pass without an error
    run        run(errors, constants) -> Backward; constants replace some of those of the loss
    """

    flat: FlatJaxpr
    producers: dict[Variable, Operation]
    right: Backward
    run: Callable[..., Backward]

    @property
    def grads(self) -> list[np.ndarray]:
        """Return the true gradient."""
        return self.right.grads

    @property
    def deltas(self) -> dict[Variable, np.ndarray]:
        """Return the true δ's."""
        return self.right.deltas

    @property
    def values(self) -> dict[Variable, Any]:
        """Return the values of the forward pass."""
        return self.right.values

    def with_rules(self, rules: Mapping[Variable, Rule]) -> Backward:
        """Run the backward pass with the errors that rules make of the δ's above them."""
        errors: dict[Variable, np.ndarray] = {}
        backward = self.right
        for variable in sorted(rules, reverse=True):
            errors[variable] = rules[variable](backward)
            backward = self.run(errors)
        return backward

    def producer(self, variable: Variable) -> Operation | None:
        """Return the operation that yields a value; None for a leaf or a constant."""
        return self.producers.get(variable)

    def sums(self) -> Iterator[tuple[Variable, Sequence[int]]]:
        """Yield the arrays with a δ that the loss sums up, and the axes, the last sum first."""
        for operation in reversed(self.flat.operations):
            if operation.primitive != "reduce_sum":
                continue
            summed = operation.inputs[0]
            if summed in self.deltas:
                parameters = operation.equation.params
                yield summed, parameters["axes"]


def replay_of(reference: Reference, leaves: Sequence[np.ndarray]) -> Replay:
    """Compile the backward pass and run it once without an error."""
    flat = flat_jaxpr_of(reference.traced, open_all=False)
    program = _program(flat)
    # What most runs share is put on the device once: that takes longer than the pass itself.
    points = jax.device_put(leaves)
    no_errors = jax.device_put(_no_errors(flat, leaves))
    own_constants = {variable: jnp.asarray(value) for variable, value in flat.constants.items()}

    def run(errors: Errors, constants: Mapping[Variable, Any] | None = None) -> Backward:
        all_errors = dict(no_errors)
        for variable, error in errors.items():
            all_errors[variable] = np.asarray(error, np.float64)
        all_constants = own_constants
        if constants is not None:
            all_constants = all_constants | dict(constants)
        grads, deltas, values = program(points, all_constants, all_errors)
        grads, deltas = jax.device_get((grads, deltas))
        return Backward(grads, deltas, values)

    right = run({})
    values = _to_host(right.values)
    right = right._replace(values=values)
    producers = _producers(flat)
    return Replay(flat, producers, right, run)


def _producers(flat: FlatJaxpr) -> dict[Variable, Operation]:
    producers: dict[Variable, Operation] = {}
    for operation in flat.operations:
        for variable in operation.outputs:
            producers[variable] = operation
    return producers


def _program(flat: FlatJaxpr) -> Callable:
    """Compile (leaves, constants, errors) -> gradient, δ's and values."""

    def objective(leaves, probes, constants, errors):
        """Add a probe to every value: the derivative by a probe is δ of its value."""

        def probed(operation, inputs, outputs):
            moved = []
            for variable, value in zip(operation.outputs, outputs, strict=True):
                if variable in probes:
                    value = value + probes[variable]
                moved.append(value)
            return moved

        pairs = zip(flat.leaves, leaves, strict=True)
        moved = [leaf + probes[variable] for variable, leaf in pairs]
        values = evaluate(flat, moved, constants, probed)
        # The derivative of this sum adds each error to the δ of its value.
        extra: Any = 0
        for variable, error in errors.items():
            products = error * values[variable]
            extra = extra + jnp.sum(products)
        (loss,) = flat.outputs
        return values[loss] + extra, values

    @compiler.jit
    def program(leaves, constants, errors):
        zeros = jax.tree.map(jnp.zeros_like, errors)
        derivatives = jax.grad(objective, (0, 1), has_aux=True)
        (grads, deltas), values = derivatives(leaves, zeros, constants, errors)
        return grads, deltas, values

    return program


def _no_errors(flat: FlatJaxpr, leaves: Sequence[np.ndarray]) -> dict[Variable, np.ndarray]:
    """Return a zero error for every value that is computed from the leaves, and for these."""
    errors = {}
    for operation in flat.operations:
        outputs = operation.equation.outvars
        for variable, output in zip(operation.outputs, outputs, strict=True):
            aval = output.aval
            if variable in flat.dependent and is_float(aval):
                errors[variable] = np.zeros(aval.shape, aval.dtype)
    for variable, leaf in zip(flat.leaves, leaves, strict=True):
        shape = np.shape(leaf)
        errors[variable] = np.zeros(shape)
    return errors


def _to_host(tree: Any) -> Any:
    """Return NumPy arrays; random keys are kept."""

    def to_host(leaf):
        if is_key(leaf):
            return leaf
        return np.asarray(leaf)

    return jax.tree.map(to_host, tree)
