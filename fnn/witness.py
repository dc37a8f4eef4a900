"""Evaluate a JAX function with NumPy in float64: what its program says, whatever a compiler does.

The function is traced, and every operation of the trace is carried out by NumPy, one after the
other, without fusion. Floating-point numbers of every width become float64. Operations that only
move numbers by index, sort them or draw random bits are handed to JAX, one at a time: there a
compiler has nothing to combine.

`Arithmetic` says what becomes of each result; `fnn.compiled` has one that rounds.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from fnn.numpy_rules import (
    BY_A_FUNCTION,
    BY_JAX,
    ELEMENTWISE,
    IN_OWN_DTYPE,
    SCATTERS,
    WITH_PARAMETERS,
)
from fnn.types import PyTree

Arrays = list[Any]  # NumPy arrays, and JAX's arrays of random keys


class Arithmetic:
    """What becomes of the result of each operation: here every floating-point one is float64."""

    def results(self, equation: Any, inputs: Arrays, outputs: Arrays) -> Arrays:
        """Return the outputs of an operation in the dtypes that the trace declares."""
        pairs = zip(outputs, equation.outvars, strict=True)
        return [as_declared(output, variable.aval) for output, variable in pairs]

    def turn(self, loop: Any, body: ClosedJaxpr, inputs: Arrays) -> None:
        """Take note of a turn of a loop: its equation, its body and what the body gets."""


EXACT = Arithmetic()


def evaluate(
    function: Callable[..., PyTree], *arguments: PyTree, arithmetic: Arithmetic = EXACT
) -> PyTree:
    """Return function(*arguments), computed by NumPy in float64.

    arguments  pytrees of arrays; typed random keys are allowed
    returns    the function's pytree, with NumPy arrays: float64, integers, booleans

    Raises NotImplementedError, naming the operation, for a function with one that has no witness:
    calls back into Python, reductions by a function of one's own, convolutions, complex numbers.
    """
    closed, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    outputs = evaluate_traced(closed, jax.tree.leaves(arguments), arithmetic)
    return jax.tree.unflatten(jax.tree.structure(shapes), outputs)


def evaluate_traced(
    closed: ClosedJaxpr, arguments: Sequence[Any], arithmetic: Arithmetic = EXACT
) -> Arrays:
    """Return the outputs of a function that is traced already, as `evaluate` computes them."""
    with jax.enable_x64(True), np.errstate(all="ignore"):
        return run(closed, [in_float64(leaf) for leaf in arguments], arithmetic)


def run(closed: ClosedJaxpr, arguments: Sequence[Any], arithmetic: Arithmetic) -> Arrays:
    """Return the outputs of a traced function."""
    constants = [in_float64(constant) for constant in closed.consts]
    return run_open(closed.jaxpr, constants, arguments, arithmetic)


def run_open(
    jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Any], arithmetic: Arithmetic
) -> Arrays:
    """Return the outputs of a traced function whose constants are given."""
    values = dict(zip(jaxpr.constvars, constants, strict=True))
    values |= dict(zip(jaxpr.invars, arguments, strict=True))

    def value_of(atom: Any) -> Any:
        return in_float64(atom.val) if isinstance(atom, Literal) else values[atom]

    for equation in jaxpr.eqns:
        inputs = [value_of(atom) for atom in equation.invars]
        outputs = apply(equation, inputs, arithmetic)
        values |= zip(equation.outvars, outputs, strict=True)
    return [value_of(atom) for atom in jaxpr.outvars]


def apply(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Return what one operation makes of its inputs, the functions that it calls in their turn."""
    name = equation.primitive.name
    if name in LOOPS:
        return LOOPS[name](equation, inputs, arithmetic)
    called = called_by(equation)
    if called is not None:
        return run(called, inputs, arithmetic)
    return arithmetic.results(equation, inputs, outputs_of(equation, inputs))


def called_by(equation: Any) -> ClosedJaxpr | None:
    """Return the function that an operation such as an inner jit calls, and None for others."""
    if equation.primitive.name == "call_hi_primitive":  # of JAX 0.12: it says what it stands for
        return expanded(equation)
    if equation.primitive.name not in CALLS:
        return None
    found = [equation.params[key] for key in CALLED if key in equation.params]
    return found[0] if isinstance(found[0], ClosedJaxpr) else ClosedJaxpr(found[0], [])


def programs_in(value: Any) -> Iterator[tuple[Jaxpr, Sequence[Any]]]:
    """Yield a traced program and every function within it, each with its constants.

    value  a program, or a parameter of an operation, which may hold some
    """
    if isinstance(value, (tuple, list)):
        for each in value:
            yield from programs_in(each)
    elif isinstance(value, ClosedJaxpr):
        yield value.jaxpr, value.consts
        yield from programs_in([list(each.params.values()) for each in value.jaxpr.eqns])
    elif isinstance(value, Jaxpr):
        yield from programs_in(ClosedJaxpr(value, []))


def expanded(equation: Any) -> ClosedJaxpr:
    """Return the function that an operation stands for which JAX keeps whole until it compiles."""
    operation = equation.params["_prim"]
    avals = [atom.aval for atom in equation.invars]
    shapes = [jax.ShapeDtypeStruct(aval.shape, aval.dtype) for aval in avals]

    def function(*leaves: Any) -> list[Any]:
        return jax.tree.leaves(operation.expand(*jax.tree.unflatten(operation.in_tree, leaves)))

    return jax.make_jaxpr(function)(*shapes)


def outputs_of(equation: Any, inputs: Arrays) -> Arrays:
    """Return what an operation that calls no function makes of its inputs."""
    name, parameters = equation.primitive.name, equation.params
    if name in BY_A_FUNCTION:
        raise NotImplementedError(f"{name}: no witness in NumPy for a reduction by a function.")
    if name in ELEMENTWISE:
        return [ELEMENTWISE[name](*inputs)]
    if name in WITH_PARAMETERS:
        outputs = WITH_PARAMETERS[name](*inputs, **parameters)
        return outputs if isinstance(outputs, list) else [outputs]
    return by_jax(equation, inputs)


def by_jax(equation: Any, inputs: Arrays) -> Arrays:
    """Return what JAX makes of one operation alone, which only moves numbers or draws bits."""
    primitive = equation.primitive
    if primitive.name not in SCATTERS and primitive.name not in BY_JAX:
        place = place_of(equation)
        where = f" (at {place})" if place else ""
        raise NotImplementedError(f"{primitive.name}{where}: no witness in NumPy.")
    if primitive.name in IN_OWN_DTYPE:
        inputs = [
            np.asarray(value, dtype_of(atom))
            for value, atom in zip(inputs, equation.invars, strict=True)
        ]
    arguments = [value if is_key(value) else jnp.asarray(value) for value in inputs]
    if primitive.name == "scatter" and equation.params["update_jaxpr"] is not None:
        raise NotImplementedError("scatter: no witness in NumPy for an update by a function.")
    if primitive.name in SCATTERS:  # whose own parameters hold a function of narrower numbers
        names = ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")
        return [SCATTERS[primitive.name](*arguments, **{n: equation.params[n] for n in names})]
    outputs = primitive.bind(*arguments, **primitive.get_bind_params(equation.params))
    return list(outputs) if primitive.multiple_results else [outputs]


def in_float64(value: Any) -> Any:
    """Return a NumPy array, of float64 where the numbers are floating-point; keys stay keys."""
    if is_key(value):
        return value
    array = np.asarray(value)
    return array.astype(np.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array


def as_declared(value: Any, aval: Any) -> Any:
    """Return a value in the trace's dtype, every floating-point one being float64."""
    if is_key(value):
        return value
    if jnp.issubdtype(aval.dtype, jnp.complexfloating):
        raise NotImplementedError("complex numbers have no witness in NumPy.")
    array = np.asarray(value)
    if jnp.issubdtype(aval.dtype, jnp.floating):
        return array.astype(np.float64)
    if jnp.issubdtype(aval.dtype, jnp.integer) and array.dtype.kind == "f":
        return whole(array, aval.dtype)
    return array.astype(aval.dtype)


def whole(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Cut numbers to whole ones as XLA does: NaN becomes 0, what is too large the largest."""
    ends = jnp.iinfo(dtype)
    cut = np.trunc(np.nan_to_num(x, nan=0.0))
    inside = (cut >= ends.min) & (cut < float(ends.max))
    beyond = np.where(cut < 0, np.asarray(ends.min, dtype), np.asarray(ends.max, dtype))
    return np.where(inside, np.where(inside, cut, 0).astype(dtype), beyond)


def dtype_of(atom: Any) -> Any:
    """Return the dtype of a value in a trace."""
    return atom.aval.dtype


def place_of(equation: Any) -> str:
    """Return the file and line that an operation was written at, "" where unknown."""
    traceback = equation.source_info.traceback
    for frame in traceback.frames if traceback else []:
        path = frame.file_name.replace("\\", "/")
        if not any(
            part in path for part in ("/jax/", "/jaxlib/", "/fnn/compiled/", "/fnn/witness")
        ):
            return f"{path.rsplit('/', 1)[-1]}:{frame.line_num}"
    return ""


def is_key(value: Any) -> bool:
    """Return whether a value holds typed random keys."""
    dtype = getattr(value, "dtype", None)
    return dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)


# ---------------------------------------------------------------------------------------- loops


def scan(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Run the body of `lax.scan` once for every element of the arrays that it goes over.

    What is carried has the shape that it has in the body, and what is gone over or stacked has an
    axis more. (How the equation counts them differs between versions of JAX.)
    """
    jaxpr, length, reverse = (equation.params[name] for name in ("jaxpr", "length", "reverse"))
    num_carry = number_of_equal_shapes(equation.outvars, jaxpr.out_avals)
    num_arrays = len(inputs) - number_of_equal_shapes(equation.invars, jaxpr.in_avals)
    num_consts = len(inputs) - num_arrays - num_carry
    constants = inputs[:num_consts]
    carry = inputs[num_consts : num_consts + num_carry]
    arrays = inputs[num_consts + num_carry :]
    rows: list[Arrays] = [[]] * length
    for i in reversed(range(length)) if reverse else range(length):
        of_turn = [*constants, *carry, *(array[i] for array in arrays)]
        arithmetic.turn(equation, jaxpr, of_turn)
        outputs = run(jaxpr, of_turn, arithmetic)
        carry, rows[i] = outputs[:num_carry], outputs[num_carry:]
    empty = [np.zeros((0, *aval.shape), aval.dtype) for aval in jaxpr.out_avals[num_carry:]]
    stacked = [stack(column) for column in zip(*rows, strict=True)] if length else empty
    return [*carry, *stacked]


def number_of_equal_shapes(outside: Sequence[Any], inside: Sequence[Any]) -> int:
    """Count the values that have the same shape outside of a loop and in its body."""
    pairs = zip(outside, inside, strict=True)
    return sum(variable.aval.shape == aval.shape for variable, aval in pairs)


def stack(values: Sequence[Any]) -> Any:
    """Return values along a new first axis."""
    return jnp.stack(values) if is_key(values[0]) else np.stack(values)


def while_loop(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Run the body of `lax.while_loop` while its condition holds."""
    cond_jaxpr, body_jaxpr = equation.params["cond_jaxpr"], equation.params["body_jaxpr"]
    cond_nconsts, body_nconsts = equation.params["cond_nconsts"], equation.params["body_nconsts"]
    of_condition = inputs[:cond_nconsts]
    of_body = inputs[cond_nconsts : cond_nconsts + body_nconsts]
    carry = inputs[cond_nconsts + body_nconsts :]
    goes_on = run(cond_jaxpr, [*of_condition, *carry], arithmetic)[0]
    while np.any(goes_on):  # under vmap there are several loops; those that have ended stand still
        of_turn = [*of_body, *carry]
        arithmetic.turn(equation, body_jaxpr, of_turn)
        after = run(body_jaxpr, of_turn, arithmetic)
        carry = [keep_ended(goes_on, new, old) for new, old in zip(after, carry, strict=True)]
        goes_on = run(cond_jaxpr, [*of_condition, *carry], arithmetic)[0]
    return carry


def keep_ended(goes_on: np.ndarray, new: Any, old: Any) -> Any:
    """Return the new values of the loops that go on and the old ones of those that have ended."""
    if np.all(goes_on):
        return new
    mask = goes_on.reshape(goes_on.shape + (1,) * (np.ndim(new) - goes_on.ndim))
    return jnp.where(mask, new, old) if is_key(new) else np.where(mask, new, old)


def cond(equation: Any, inputs: Arrays, arithmetic: Arithmetic) -> Arrays:
    """Run the branch of `lax.cond` or `lax.switch` that the first input picks."""
    branches = equation.params["branches"]
    number = int(np.clip(int(inputs[0]), 0, len(branches) - 1))
    return run(branches[number], inputs[1:], arithmetic)


LOOPS: dict[str, Callable[..., Arrays]] = {"scan": scan, "while": while_loop, "cond": cond}

CALLS = frozenset(  # of a function that is part of the program
    "call checkpoint closed_call composite core_call core_closed_call custom_jvp_call "
    "custom_vjp_call custom_vjp_call_jaxpr jit pjit remat remat2".split()
)

CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where call-like operations keep what they call
