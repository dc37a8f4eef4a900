"""A traced function as one flat list of operations, with calls opened, to be evaluated operation by
operation.

Three parts of the checker stand on it: the noise floor rounds every operation's result another way,
the search for kinks looks at every comparison, and the diagnosis asks what the gradient would be if
one step back were wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Literal
from jaxtyping import Array

Variable = (
    int  # of a value: constants and leaves come first, an operation's outputs after its inputs
)
CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where call-like operations keep what they call
OPAQUE = ("scan", "while", "cond")  # evaluated whole: what they call is not called just once
OWN_DERIVATIVE = ("custom_jvp_call", "custom_vjp_call", "custom_lin")  # opened, they would lose it


class Operation(NamedTuple):
    """One step: an equation of the trace, and the numbers of what goes in and comes out."""

    equation: Any
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]

    @property
    def name(self) -> str:
        """The primitive; for a function with a derivative rule of its own, that."""
        name = self.equation.primitive.name
        return "a function with a derivative of its own" if name in OWN_DERIVATIVE else name


class FlatJaxpr(NamedTuple):
    """A function of leaves. `constants` are the arrays it closes over; `dependent` values change
    with the leaves.
    """

    operations: tuple[Operation, ...]
    leaves: tuple[Variable, ...]
    literals: dict[Variable, Any]
    constants: dict[Variable, Any]
    outputs: tuple[Variable, ...]
    dependent: frozenset[Variable]


After = Callable[[Operation, list[Array], list[Array]], list[Array]]
"""after(operation, inputs, outputs) -> outputs"""


def flat_jaxpr_of(closed: ClosedJaxpr, *, open_all: bool = True) -> FlatJaxpr:
    """The flow of a traced function; open_all=False leaves functions with a derivative of their own
    closed.
    """
    operations: list[Operation] = []
    literals: dict[Variable, Any] = {}
    constants: dict[Variable, Any] = {}
    dependent: set[Variable] = set()
    last = 0

    def new() -> Variable:
        nonlocal last
        last += 1
        return last

    def constant(value: Any, store: dict[Variable, Any]) -> Variable:
        number = new()
        store[number] = value
        return number

    def walk(closed: ClosedJaxpr, arguments: Sequence[Variable]) -> list[Variable]:
        numbers = dict(
            zip(
                closed.jaxpr.constvars, (constant(c, constants) for c in closed.consts), strict=True
            )
        )
        numbers |= dict(zip(closed.jaxpr.invars, arguments, strict=True))

        def of(atom: Any) -> Variable:
            return constant(atom.val, literals) if isinstance(atom, Literal) else numbers[atom]

        for equation in closed.jaxpr.eqns:
            inputs = tuple(of(atom) for atom in equation.invars)
            inner = called(equation, open_all)
            outputs = (
                tuple(walk(inner, inputs))
                if inner is not None
                else tuple(new() for _ in equation.outvars)
            )
            if inner is None:
                operations.append(Operation(equation, inputs, outputs))
                dependent.update(outputs if dependent.intersection(inputs) else ())
            numbers |= dict(zip(equation.outvars, outputs, strict=True))
        return [of(atom) for atom in closed.jaxpr.outvars]

    leaves = tuple(new() for _ in closed.jaxpr.invars)
    dependent.update(leaves)
    outputs = tuple(walk(closed, leaves))
    return FlatJaxpr(tuple(operations), leaves, literals, constants, outputs, frozenset(dependent))


def called(equation: Any, open_all: bool) -> ClosedJaxpr | None:
    """What a call-like equation calls, or None for a step of its own."""
    name = equation.primitive.name
    if name in OPAQUE or (name in OWN_DERIVATIVE and not open_all):
        return None
    found = (equation.params.get(key) for key in CALLS)
    return next((inner for inner in found if isinstance(inner, ClosedJaxpr)), None)


def evaluate(
    flat: FlatJaxpr,
    leaves: Sequence[Array],
    constants: Mapping[Variable, Any],
    after: After = lambda operation, inputs, outputs: outputs,
) -> dict[Variable, Array]:
    """Every value of the flow, the outputs of each operation passing through `after`."""
    values = flat.literals | dict(constants) | dict(zip(flat.leaves, leaves, strict=True))
    for operation in flat.operations:
        inputs = [values[number] for number in operation.inputs]
        outputs = after(operation, inputs, apply(operation, inputs))
        values |= dict(zip(operation.outputs, outputs, strict=True))
    return values


def apply(operation: Operation, inputs: Sequence[Array]) -> list[Array]:
    """What an operation makes of its inputs."""
    primitive = operation.equation.primitive
    outputs = primitive.bind(*inputs, **primitive.get_bind_params(operation.equation.params))
    return list(outputs) if primitive.multiple_results else [outputs]


def is_float(value: Any) -> bool:
    """Whether a value, or what stands for one, is of floating-point numbers."""
    return jnp.issubdtype(dtype_of(value), jnp.floating)


def is_key(value: Any) -> bool:
    """Whether a value is a random key, or an array of keys."""
    return jnp.issubdtype(dtype_of(value), jax.dtypes.prng_key)


def dtype_of(value: Any) -> Any:
    """The dtype of an array, a number or an abstract value."""
    return value.dtype if hasattr(value, "dtype") else jnp.result_type(value)
