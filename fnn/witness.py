"""Evaluate a JAX function by NumPy in float64, to know what its program says.

The function is traced. NumPy carries out every operation of the trace, one after the other, without
fusion: it is a witness that no compiler can mislead. Floating-point numbers of every width become
float64. JAX carries out the operations that only move numbers by index, sort them or draw random
bits, one at a time: a compiler has nothing to combine in a single operation.

An `Arithmetic` decides about each result: this module has one that keeps it in float64, and
`fnn.compiled` has one that rounds it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from fnn.numpy_rules import (
    BY_JAX,
    ELEMENTWISE,
    IN_OWN_DTYPE,
    REDUCTIONS_BY_A_FUNCTION,
    SCATTERS,
    WITH_PARAMETERS,
)
from fnn.types import PyTree

Arrays = list[Any]  # NumPy arrays, and JAX's arrays of random keys


class Arithmetic:
    """Decides about the result of each operation; this one makes floating-point ones float64."""

    def results(self, equation: Any, inputs: Arrays, outputs: Arrays) -> Arrays:
        """Return the outputs of an operation in the dtypes that the trace declares."""
        pairs = zip(outputs, equation.outvars, strict=True)
        return [as_declared(output, variable.aval) for output, variable in pairs]

    def turn(self, loop: Any, body: ClosedJaxpr, inputs: Arrays) -> None:
        """Observe a turn of a loop.

        loop    the equation of the loop
        body    the program of one turn
        inputs  the inputs of the body in this turn
        """


EXACT = Arithmetic()


def evaluate(
    function: Callable[..., PyTree], *arguments: PyTree, arithmetic: Arithmetic = EXACT
) -> PyTree:
    """Return function(*arguments), computed by NumPy in float64.

    function    a JAX function
    arguments   pytrees of arrays; typed random keys are allowed
    arithmetic  decides about the result of each operation; by default floating-point ones are
                float64

    Returns the pytree of the function with NumPy arrays: float64, integers, booleans.

    Raises NotImplementedError, naming the operation, for an operation that has no rule in
    `fnn.numpy_rules`: a call back into Python, a reduction by a function of the user's own, a
    convolution, an operation on complex numbers.

        >>> import jax.numpy as jnp
        >>> from fnn import witness
        >>> witness.evaluate(lambda x: jnp.sum(x * x), jnp.arange(4.0))
        array(14.)
    """
    trace = jax.make_jaxpr(function, return_shape=True)
    closed, shapes = trace(*arguments)
    leaves = jax.tree.leaves(arguments)
    outputs = evaluate_traced(closed, leaves, arithmetic)
    tree = jax.tree.structure(shapes)
    return jax.tree.unflatten(tree, outputs)


def evaluate_traced(
    closed: ClosedJaxpr, arguments: Sequence[Any], arithmetic: Arithmetic = EXACT
) -> Arrays:
    """Return the outputs of a function that is traced already, as `evaluate` computes them."""
    with jax.enable_x64(True), np.errstate(all="ignore"):
        inputs = [in_float64(leaf) for leaf in arguments]
        return evaluate_program(closed, inputs, arithmetic)


def evaluate_program(
    closed: ClosedJaxpr, arguments: Sequence[Any], arithmetic: Arithmetic
) -> Arrays:
    """Return the outputs of a traced program, whose arguments are float64 already."""
    jaxpr = closed.jaxpr
    constants = [in_float64(constant) for constant in closed.consts]
    values = dict(zip(jaxpr.constvars, constants, strict=True))
    values |= zip(jaxpr.invars, arguments, strict=True)

    def value_of(atom: Any) -> Any:
        if isinstance(atom, Literal):
            return in_float64(atom.val)
        return values[atom]

    for equation in jaxpr.eqns:
        inputs = [value_of(atom) for atom in equation.invars]
        outputs = evaluate_equation(equation, inputs, arithmetic)
        values |= zip(equation.outvars, outputs, strict=True)
    return [value_of(atom) for atom in jaxpr.outvars]


def evaluate_equation(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Return the outputs of one operation; of a call or a loop, those of the functions inside."""
    name = equation.primitive.name
    if name in LOOPS:
        run = LOOPS[name]
        return run(equation, inputs, arithmetic)
    called = called_by(equation)
    if called is not None:
        return evaluate_program(called, inputs, arithmetic)
    outputs = outputs_of(equation, inputs)
    return arithmetic.results(equation, inputs, outputs)


def called_by(equation: Any) -> ClosedJaxpr | None:
    """Return the function that an operation such as an inner jit calls, and None for others."""
    name = equation.primitive.name
    if name == "call_hi_primitive":  # of JAX 0.12, which keeps the function in a form of its own
        return expanded(equation)
    if name not in CALLS:
        return None
    key = next(key for key in KEYS_OF_CALLS if key in equation.params)
    called = equation.params[key]
    if isinstance(called, ClosedJaxpr):
        return called
    return ClosedJaxpr(called, [])


def programs_in(value: Any) -> Iterator[tuple[Jaxpr, Sequence[Any]]]:
    """Yield a traced program and every function within it, each with its constants.

    value  a program, or a parameter of an operation, which may hold some
    """
    if isinstance(value, (tuple, list)):
        for item in value:
            yield from programs_in(item)
    elif isinstance(value, ClosedJaxpr):
        yield value.jaxpr, value.consts
        for equation in value.jaxpr.eqns:
            parameters = list(equation.params.values())
            yield from programs_in(parameters)
    elif isinstance(value, Jaxpr):
        closed = ClosedJaxpr(value, [])
        yield from programs_in(closed)


def expanded(equation: Any) -> ClosedJaxpr:
    """Return the function behind an operation that JAX keeps whole until it compiles."""
    operation = equation.params["_prim"]
    avals = [atom.aval for atom in equation.invars]
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]

    def function(*leaves: Any) -> list[Any]:
        arguments = jax.tree.unflatten(operation.in_tree, leaves)
        outputs = operation.expand(*arguments)
        return jax.tree.leaves(outputs)

    return jax.make_jaxpr(function)(*shapes)


def outputs_of(equation: Any, inputs: Arrays) -> Arrays:
    """Return the outputs of an operation that calls no function."""
    name = equation.primitive.name
    parameters = equation.params
    if name in REDUCTIONS_BY_A_FUNCTION:
        raise NotImplementedError(f"{name}: no witness in NumPy for a reduction by a function.")
    if any(map(is_key, inputs)):  # which NumPy cannot hold
        return by_jax(equation, inputs)
    if name in ELEMENTWISE:
        rule = ELEMENTWISE[name]
        output = rule(*inputs)
        return [output]
    if name in WITH_PARAMETERS:
        rule = WITH_PARAMETERS[name]
        outputs = rule(*inputs, **parameters)
        return outputs if isinstance(outputs, list) else [outputs]
    return by_jax(equation, inputs)


def has_rule(equation: Any) -> bool:
    """Return whether `outputs_of` can compute an operation."""
    name = equation.primitive.name
    if name == "scatter" and equation.params["update_jaxpr"] is not None:
        return False
    return name in ELEMENTWISE or name in WITH_PARAMETERS or name in SCATTERS or name in BY_JAX


def by_jax(equation: Any, inputs: Arrays) -> Arrays:
    """Return the outputs of an operation that only moves numbers or draws bits, computed by JAX.

    So are all operations on random keys.
    """
    primitive = equation.primitive
    name = primitive.name
    is_known = name in SCATTERS or name in BY_JAX
    if not is_known and not any(map(is_key, inputs)):
        place = place_of(equation)
        where = f" (at {place})" if place else ""
        raise NotImplementedError(f"{name}{where}: no witness in NumPy.")
    if name in IN_OWN_DTYPE:
        pairs = zip(inputs, equation.invars, strict=True)
        inputs = [np.asarray(value, dtype_of(atom)) for value, atom in pairs]
    arguments = [value if is_key(value) else jnp.asarray(value) for value in inputs]
    if name in SCATTERS:
        output = scatter(equation, arguments)
        return [output]
    parameters = primitive.get_bind_params(equation.params)
    outputs = primitive.bind(*arguments, **parameters)
    if primitive.multiple_results:
        return list(outputs)
    return [outputs]


def scatter(equation: Any, arguments: Arrays) -> Any:
    """Return the output of a scatter, computed by JAX.

    The equation's own parameters cannot be passed on: they hold a function of narrower numbers.
    """
    name = equation.primitive.name
    parameters = equation.params
    if name == "scatter" and parameters["update_jaxpr"] is not None:
        raise NotImplementedError("scatter: no witness in NumPy for an update by a function.")
    carry_out = SCATTERS[name]
    return carry_out(
        *arguments,
        dimension_numbers=parameters["dimension_numbers"],
        indices_are_sorted=parameters["indices_are_sorted"],
        unique_indices=parameters["unique_indices"],
        mode=parameters["mode"],
    )


def in_float64(value: Any) -> Any:
    """Return a NumPy array, of float64 if the numbers are floating-point; keys stay keys."""
    if is_key(value):
        return value
    array = np.asarray(value)
    if is_real(array):
        return array.astype(np.float64)
    return array


def as_declared(value: Any, aval: Any) -> Any:
    """Return a value in the dtype of the trace, with float64 for every floating-point one."""
    if is_key(value):
        return value
    if jnp.issubdtype(aval.dtype, jnp.complexfloating):
        raise NotImplementedError("complex numbers have no witness in NumPy.")
    array = np.asarray(value)
    if is_real(aval):
        return array.astype(np.float64)
    is_whole = jnp.issubdtype(aval.dtype, jnp.integer)
    if is_whole and array.dtype.kind == "f":
        return to_integers(array, aval.dtype)
    return array.astype(aval.dtype)


def to_integers(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Convert floating-point numbers to integers as XLA does.

    Fractions are cut off, NaN becomes 0, and a number beyond the dtype its smallest or largest one.
    """
    limits = jnp.iinfo(dtype)
    without_nan = np.nan_to_num(x, nan=0.0)
    cut = np.trunc(without_nan)
    is_above = cut >= limits.min
    is_below = cut < float(limits.max)
    is_inside = is_above & is_below
    inside = np.where(is_inside, cut, 0)
    converted = inside.astype(dtype)
    smallest = np.asarray(limits.min, dtype)
    largest = np.asarray(limits.max, dtype)
    is_negative = cut < 0
    clipped = np.where(is_negative, smallest, largest)
    return np.where(is_inside, converted, clipped)


def dtype_of(atom: Any) -> Any:
    """Return the dtype of a value in a trace."""
    return atom.aval.dtype


def place_of(equation: Any) -> str:
    """Return the file and line at which an operation was written, "" where they are unknown."""
    traceback = equation.source_info.traceback
    if not traceback:
        return ""
    for frame in traceback.frames:
        path = frame.file_name.replace("\\", "/")
        if any(part in path for part in INSIDE):
            continue
        file_name = path.rsplit("/", 1)[-1]
        return f"{file_name}:{frame.line_num}"
    return ""


INSIDE = ("/jax/", "/jaxlib/", "/fnn/compiled/", "/fnn/witness")
"""Parts of the paths of files that trace operations but do not write them."""


def is_real(value: Any) -> bool:
    """Return whether a value has floating-point numbers."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jnp.floating)


def is_key(value: Any) -> bool:
    """Return whether a value holds typed random keys."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)


def scan(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Run the body of `lax.scan` once for every element of the arrays that it scans.

    A carried value has the same shape outside and in the body. A scanned or stacked array has one
    axis more outside. (Versions of JAX differ in how the equation counts them, so that they are
    counted by their shapes.)
    """
    body = equation.params["jaxpr"]
    length = equation.params["length"]
    num_carry = number_of_equal_shapes(equation.outvars, body.out_avals)
    num_unscanned = number_of_equal_shapes(equation.invars, body.in_avals)
    num_consts = num_unscanned - num_carry
    constants = inputs[:num_consts]
    carry = inputs[num_consts:num_unscanned]
    arrays = inputs[num_unscanned:]
    order = range(length)
    if equation.params["reverse"]:
        order = order[::-1]
    rows: list[Arrays] = [[]] * length
    for i in order:
        elements = [array[i] for array in arrays]
        inputs_of_turn = [*constants, *carry, *elements]
        arithmetic.turn(equation, body, inputs_of_turn)
        outputs = evaluate_program(body, inputs_of_turn, arithmetic)
        carry = outputs[:num_carry]
        rows[i] = outputs[num_carry:]
    if not length:
        avals = body.out_avals[num_carry:]
        empty = [np.zeros((0, *aval.shape), aval.dtype) for aval in avals]
        return [*carry, *empty]
    columns = zip(*rows, strict=True)
    stacked = [stack(column) for column in columns]
    return [*carry, *stacked]


def number_of_equal_shapes(outside: Sequence[Any], inside: Sequence[Any]) -> int:
    """Count the values that have the same shape outside of a loop and in its body."""
    shapes = [variable.aval.shape for variable in outside]
    pairs = zip(shapes, inside, strict=True)
    return sum(shape == aval.shape for shape, aval in pairs)


def stack(values: Sequence[Any]) -> Any:
    """Return values along a new first axis."""
    if is_key(values[0]):
        return jnp.stack(values)
    return np.stack(values)


def while_loop(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Run the body of `lax.while_loop` while its condition holds."""
    parameters = equation.params
    condition = parameters["cond_jaxpr"]
    body = parameters["body_jaxpr"]
    first_of_body = parameters["cond_nconsts"]
    first_of_carry = first_of_body + parameters["body_nconsts"]
    constants_of_condition = inputs[:first_of_body]
    constants_of_body = inputs[first_of_body:first_of_carry]
    carry = inputs[first_of_carry:]

    def goes_on(carry: Arrays) -> np.ndarray:
        inputs = [*constants_of_condition, *carry]
        (holds,) = evaluate_program(condition, inputs, arithmetic)
        return holds

    active = goes_on(carry)
    while np.any(active):  # under vmap there are several loops; those that have ended stand still
        inputs_of_turn = [*constants_of_body, *carry]
        arithmetic.turn(equation, body, inputs_of_turn)
        updated = evaluate_program(body, inputs_of_turn, arithmetic)
        pairs = zip(updated, carry, strict=True)
        carry = [keep_ended(active, new, old) for new, old in pairs]
        active = goes_on(carry)
    return carry


def keep_ended(active: np.ndarray, new: Any, old: Any) -> Any:
    """Return the new values of the loops that are active and the old ones of those that ended."""
    if np.all(active):
        return new
    missing_axes = np.ndim(new) - active.ndim
    further_axes = (1,) * missing_axes
    mask = active.reshape(active.shape + further_axes)
    if is_key(new):
        return jnp.where(mask, new, old)
    return np.where(mask, new, old)


def cond(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Run the branch of `lax.cond` or `lax.switch` that the first input picks."""
    branches = equation.params["branches"]
    index, *arguments = inputs
    last = len(branches) - 1
    clipped = np.clip(int(index), 0, last)
    branch = branches[int(clipped)]
    return evaluate_program(branch, arguments, arithmetic)


LOOPS: dict[str, Callable[..., Arrays]] = {"scan": scan, "while": while_loop, "cond": cond}

CALLS = frozenset(
    "call checkpoint closed_call composite core_call core_closed_call custom_jvp_call "
    "custom_vjp_call custom_vjp_call_jaxpr jit pjit remat remat2".split()
)
"""Operations that call a function which is part of the program."""

KEYS_OF_CALLS = ("jaxpr", "call_jaxpr", "fun_jaxpr")
"""Parameters in which calls keep their function."""
