"""Turn a traced function into one flat list of operations, and evaluate it operation by operation.

Calls are opened, so that the list holds primitives alone. Three parts of the checker use it: the
noise floor rounds every operation's result in another way, the search for kinks looks at every
comparison, and the diagnosis asks which gradient one wrong step of the backward pass would give.

Operations are carried out by JAX, or by NumPy, which need not compile them: for the gradient of a
small network that takes seconds, and the evaluations milliseconds.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal
from jaxtyping import Array

from fnn import witness

# The number of a value: an operation's outputs have larger numbers than its inputs.
Variable = int

# The parameters in which call-like operations keep the jaxpr that they call.
CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")

# Operations that are evaluated whole, since they do not call their jaxpr exactly once.
OPAQUE = ("scan", "while", "cond")

# Calls that would lose their derivative rule if they were opened.
OWN_DERIVATIVE = ("custom_jvp_call", "custom_vjp_call", "custom_lin")


class Operation(NamedTuple):
    """One equation of the trace, with the variables of its inputs and outputs."""

    equation: Any
    inputs: tuple[Variable, ...]
    outputs: tuple[Variable, ...]

    @property
    def primitive(self) -> str:
        """Return the name of the primitive."""
        return self.equation.primitive.name

    @property
    def name(self) -> str:
        """Return the name for explanations: the primitive, or that it has a derivative rule."""
        if self.primitive in OWN_DERIVATIVE:
            return "a function with a derivative of its own"
        return self.primitive


class FlatJaxpr(NamedTuple):
    """A function of leaves as a list of operations.

    operations  in the order of evaluation
    leaves      the variables of the arguments
    literals    the numbers that stand in the trace
    constants   the arrays that the function closes over
    outputs     the variables of the results
    dependent   the variables that change with the leaves
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
    """Flatten a traced function.

    open_all  whether functions with a derivative rule of their own are opened too
    """
    flattener = _Flattener(open_all)
    leaves = tuple(next(flattener.fresh) for _ in closed.jaxpr.invars)
    flattener.dependent.update(leaves)
    outputs = flattener.walk(closed, leaves)
    return FlatJaxpr(
        tuple(flattener.operations),
        leaves,
        flattener.literals,
        flattener.constants,
        tuple(outputs),
        frozenset(flattener.dependent),
    )


class _Flattener:
    """Collect the operations of a jaxpr and of the jaxprs that it calls."""

    def __init__(self, open_all: bool) -> None:
        self.open_all = open_all
        self.operations: list[Operation] = []
        self.literals: dict[Variable, Any] = {}
        self.constants: dict[Variable, Any] = {}
        self.dependent: set[Variable] = set()
        self.fresh = count(1)

    def walk(self, closed: ClosedJaxpr, arguments: Sequence[Variable]) -> list[Variable]:
        """Append the operations of a jaxpr and return the variables of its outputs."""
        jaxpr = closed.jaxpr
        constants = [self._stored(value, self.constants) for value in closed.consts]
        variables = dict(zip(jaxpr.constvars, constants, strict=True))
        variables |= dict(zip(jaxpr.invars, arguments, strict=True))

        def variable_of(atom: Any) -> Variable:
            if isinstance(atom, Literal):
                return self._stored(atom.val, self.literals)
            return variables[atom]

        for equation in jaxpr.eqns:
            inputs = tuple(variable_of(atom) for atom in equation.invars)
            inner = called(equation, self.open_all)
            if inner is None:
                outputs = self._append(equation, inputs)
            else:
                outputs = tuple(self.walk(inner, inputs))
            variables |= dict(zip(equation.outvars, outputs, strict=True))
        return [variable_of(atom) for atom in jaxpr.outvars]

    def _append(self, equation: Any, inputs: tuple[Variable, ...]) -> tuple[Variable, ...]:
        outputs = tuple(next(self.fresh) for _ in equation.outvars)
        self.operations.append(Operation(equation, inputs, outputs))
        if self.dependent.intersection(inputs):
            self.dependent.update(outputs)
        return outputs

    def _stored(self, value: Any, store: dict[Variable, Any]) -> Variable:
        variable = next(self.fresh)
        store[variable] = value
        return variable


def called(equation: Any, open_all: bool) -> ClosedJaxpr | None:
    """Return the jaxpr that a call-like equation calls, or None for an operation of its own."""
    name = equation.primitive.name
    stays_closed = name in OWN_DERIVATIVE and not open_all
    if name in OPAQUE or stays_closed:
        return None
    for parameter in CALLS:
        inner = equation.params.get(parameter)
        if isinstance(inner, ClosedJaxpr):
            return inner
    return None


def evaluate(
    flat: FlatJaxpr,
    leaves: Sequence[Array],
    constants: Mapping[Variable, Any],
    after: After = lambda operation, inputs, outputs: outputs,
    xp: Any = jnp,
) -> dict[Variable, Array]:
    """Compute every value of a function; `after` may replace the outputs of each operation.

    xp  the library that computes: jnp, or np for a function that `is_for_numpy`
    """
    arguments = dict(zip(flat.leaves, leaves, strict=True))
    values = flat.literals | dict(constants) | arguments
    apply = apply_by_jax
    if xp is np:
        apply = apply_by_numpy
        values = {variable: witness.in_float64(value) for variable, value in values.items()}
    for operation in flat.operations:
        inputs = [values[variable] for variable in operation.inputs]
        outputs = apply(operation, inputs)
        outputs = after(operation, inputs, outputs)
        values |= dict(zip(operation.outputs, outputs, strict=True))
    return values


def apply_by_jax(operation: Operation, inputs: Sequence[Array]) -> list[Array]:
    """Compute the outputs of one operation."""
    primitive = operation.equation.primitive
    params = primitive.get_bind_params(operation.equation.params)
    outputs = primitive.bind(*inputs, **params)
    return list(outputs) if primitive.multiple_results else [outputs]


def apply_by_numpy(operation: Operation, inputs: Sequence[Array]) -> list[Array]:
    """Compute the outputs of one operation in float64."""
    equation = operation.equation
    with np.errstate(all="ignore"):
        outputs = witness.outputs_of(equation, list(inputs))
    return witness.EXACT.results(equation, list(inputs), outputs)


def is_for_numpy(flat: FlatJaxpr) -> bool:
    """Return whether NumPy can compute a function: it has rules for all, and all is float64."""
    for operation in flat.operations:
        equation = operation.equation
        if not witness.has_rule(equation):
            return False
        for atom in (*equation.invars, *equation.outvars):
            dtype = atom.aval.dtype
            is_inexact = jnp.issubdtype(dtype, jnp.inexact)
            if is_inexact and dtype != np.float64:
                return False
    return True


def is_float(value: Any) -> bool:
    """Return whether an array or an abstract value holds floating-point numbers."""
    return jnp.issubdtype(dtype_of(value), jnp.floating)


def is_key(value: Any) -> bool:
    """Return whether a value is a random key, or an array of keys."""
    return jnp.issubdtype(dtype_of(value), jax.dtypes.prng_key)


def dtype_of(value: Any) -> Any:
    """Return the dtype of an array, a number or an abstract value."""
    return value.dtype if hasattr(value, "dtype") else jnp.result_type(value)
