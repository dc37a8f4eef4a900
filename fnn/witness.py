"""Evaluate a JAX function with NumPy in float64: what its program says, whatever a compiler does.

The function is traced, and every operation of the trace is carried out by NumPy, one after the
other, without fusion. Floating-point numbers of every width become float64. Operations that only
move numbers by index, sort them or draw random bits are handed to JAX, one at a time: there a
compiler has nothing to combine.

`Arithmetic` says what becomes of each result; `fnn.compiled` has one that rounds.
"""

import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

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


# ----------------------------------------------------------------------------------- operations


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide; whole numbers are rounded towards zero."""
    if np.issubdtype(np.result_type(a, b), np.floating):
        return np.divide(a, b)
    divisor = np.where(b == 0, np.ones_like(b), b)
    below = np.floor_divide(a, divisor)
    is_below_zero = (below * divisor != a) & ((a < 0) != (divisor < 0))
    every_bit = np.invert(np.zeros_like(a))  # what XLA returns for a division by 0
    return np.where(b == 0, every_bit, below + is_below_zero.astype(below.dtype))


def remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return what a division leaves, with the sign of a; of whole numbers by 0 all of a."""
    if np.issubdtype(np.result_type(a, b), np.floating):
        return np.fmod(a, b)
    return np.where(b == 0, a, np.fmod(a, np.where(b == 0, np.ones_like(b), b)))


def select(which: np.ndarray, *cases: np.ndarray) -> np.ndarray:
    """Take each entry from the case that `which` names."""
    result = np.array(np.broadcast_to(cases[0], np.shape(cases[0])))
    for number, case in enumerate(cases[1:], start=1):
        result = np.where(np.asarray(which) == number, case, result)
    return result


def broadcast_in_dim(x: np.ndarray, *_, shape, broadcast_dimensions, **__) -> np.ndarray:
    """Put the axes of x at the given places of a larger shape."""
    sizes = [1] * len(shape)
    for size, place in zip(np.shape(x), broadcast_dimensions, strict=True):
        sizes[place] = size
    return np.broadcast_to(np.reshape(x, sizes), shape)


def dot_general(
    a: np.ndarray, b: np.ndarray, *, dimension_numbers, preferred_element_type, **_
) -> np.ndarray:
    """Sum products over contracted axes; batch axes come first in the result."""
    if a.dtype.kind != "f" and preferred_element_type is not None:  # int8 · int8 may be an int32
        a, b = a.astype(preferred_element_type), b.astype(preferred_element_type)
    (contracted_a, contracted_b), (batch_a, batch_b) = dimension_numbers
    letters = iter(string.ascii_letters)
    names_a = [next(letters) for _ in range(a.ndim)]
    names_b = [next(letters) for _ in range(b.ndim)]
    for i, j in zip((*batch_a, *contracted_a), (*batch_b, *contracted_b), strict=True):
        names_b[j] = names_a[i]
    batch = [names_a[i] for i in batch_a]
    free_a = [n for i, n in enumerate(names_a) if i not in (*batch_a, *contracted_a)]
    free_b = [n for j, n in enumerate(names_b) if j not in (*batch_b, *contracted_b)]
    result = "".join([*batch, *free_a, *free_b])
    equation = f"{''.join(names_a)},{''.join(names_b)}->{result}"
    return np.einsum(equation, a, b, optimize=True)  # by BLAS where it can


def iota(*_, shape, dimension, **__) -> np.ndarray:
    """Count along an axis."""
    sizes = [n if axis == dimension else 1 for axis, n in enumerate(shape)]
    return np.broadcast_to(np.arange(shape[dimension]).reshape(sizes), shape)


def pad(x: np.ndarray, value: np.ndarray, *, padding_config) -> np.ndarray:
    """Add (or cut, where negative) entries before, behind and between the entries of each axis."""
    for axis, (low, high, interior) in enumerate(padding_config):
        x = np.moveaxis(x, axis, 0)
        spread = np.full(((len(x) - 1) * (interior + 1) + 1 if len(x) else 0, *x.shape[1:]), value)
        spread[:: interior + 1] = x
        before = np.full((max(low, 0), *x.shape[1:]), value)
        behind = np.full((max(high, 0), *x.shape[1:]), value)
        whole = np.concatenate([before, spread, behind])
        x = np.moveaxis(whole[max(-low, 0) : len(whole) - max(-high, 0)], 0, axis)
    return x


def slice_(x: np.ndarray, *, start_indices, limit_indices, strides) -> np.ndarray:
    """Cut out a box with fixed corners."""
    steps = strides or (1,) * x.ndim
    return x[tuple(map(slice, start_indices, limit_indices, steps))]


def box(shape: Sequence[int], starts: Sequence[Any], sizes: Sequence[int]) -> tuple[slice, ...]:
    """Return the box of these sizes at these starts, moved inside the array as XLA moves it."""
    inside = [
        int(np.clip(int(s), 0, n - size)) for s, n, size in zip(starts, shape, sizes, strict=True)
    ]
    return tuple(slice(start, start + size) for start, size in zip(inside, sizes, strict=True))


def dynamic_slice(x: np.ndarray, *starts: Any, slice_sizes) -> np.ndarray:
    """Cut out a box at starts that are computed."""
    return x[box(x.shape, starts, slice_sizes)]


def dynamic_update_slice(x: np.ndarray, update: np.ndarray, *starts: Any) -> np.ndarray:
    """Replace a box at starts that are computed, in a copy."""
    changed = x.copy()
    changed[box(x.shape, starts, update.shape)] = update
    return changed


def split(x: np.ndarray, *, sizes, axis) -> Arrays:
    """Cut an axis into pieces of these sizes."""
    return np.split(x, np.cumsum(sizes)[:-1], axis)


def shift_right_logical(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Shift bits to the right and fill up with zeros."""
    unsigned = np.dtype(f"uint{8 * x.dtype.itemsize}")
    bits = x.dtype.itemsize * 8
    shifted = np.right_shift(x.view(unsigned), np.minimum(by, bits - 1).astype(unsigned))
    return np.where(by >= bits, 0, shifted).view(unsigned).astype(x.dtype)


def stack_of(*xs: np.ndarray, axis, **_) -> np.ndarray:
    """Put arrays beside each other along a new axis."""
    return np.stack(xs, axis)


def in_total_order(compare: Callable) -> Callable:
    """Return a comparison in which -0 is below 0 and NaN above all numbers."""

    def compared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        def keys(x: np.ndarray) -> np.ndarray:
            if x.dtype.kind != "f":
                return x
            bits = np.asarray(x, np.float64).view(np.int64)
            return np.where(bits < 0, np.iinfo(np.int64).min - bits - 1, bits)

        return compare(keys(np.asarray(a)), keys(np.asarray(b)))

    return compared


def reduced_window(reduce: Callable, start: Callable) -> Callable:
    """Return the operation that reduces over windows of an array that may have holes."""

    def over_windows(
        x: np.ndarray, *, window_dimensions, window_strides, padding, base_dilation, window_dilation
    ) -> np.ndarray:
        holes = [dilation - 1 for dilation in base_dilation]
        config = [(low, high, hole) for (low, high), hole in zip(padding, holes, strict=True)]
        whole = pad(x, start(x.dtype), padding_config=config)
        spans = [(n - 1) * d + 1 for n, d in zip(window_dimensions, window_dilation, strict=True)]
        windows = np.lib.stride_tricks.sliding_window_view(whole, spans)
        taken = tuple(slice(None, None, step) for step in (*window_strides, *window_dilation))
        return reduce(windows[taken], axis=tuple(range(x.ndim, 2 * x.ndim)))

    return over_windows


def lowest(dtype: np.dtype) -> Any:
    """Return the number below all others of a dtype."""
    if dtype.kind == "b":
        return False
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """Return the number above all others of a dtype."""
    if dtype.kind == "b":
        return True
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


def running(accumulate: Callable) -> Callable:
    """Return the operation that accumulates along an axis, from its end where reverse."""

    def along(x: np.ndarray, *, axis, reverse) -> np.ndarray:
        ordered = np.flip(x, axis) if reverse else x
        result = accumulate(ordered, axis=axis)
        return np.flip(result, axis) if reverse else result

    return along


def reduced(reduce: Callable) -> Callable:
    """Return the operation that reduces over axes."""
    return lambda x, *, axes, **_: reduce(x, axis=tuple(axes))


def reduced_from(reduce: Callable, start: Callable) -> Callable:
    """Return the operation that reduces over axes from a start, which is all there is of none."""
    return lambda x, *, axes, **_: reduce(x, axis=tuple(axes), initial=start(x.dtype))


def away_from_zero(x: np.ndarray) -> np.ndarray:
    """Round to the nearest whole number, halves away from zero."""
    cut = np.trunc(x)
    return np.where(np.abs(x - cut) >= 0.5, cut + np.copysign(1.0, x), cut)


def position(find: Callable) -> Callable:
    """Return the operation that finds the place of an extreme entry; NaN counts as extreme."""
    return lambda x, *, axes, **_: find(x, axis=axes[0])


BY_A_FUNCTION = ("reduce", "reduce_window")  # which is called for pairs of numbers

CALLS = frozenset(
    "call checkpoint closed_call composite core_call core_closed_call custom_jvp_call "
    "custom_vjp_call custom_vjp_call_jaxpr jit pjit remat remat2".split()
)

CALLED = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where call-like operations keep what they call

SCATTERS: dict[str, Callable] = {
    "scatter": lax.scatter,
    "scatter-add": lax.scatter_add,
    "scatter-sub": lax.scatter_sub,
    "scatter-mul": lax.scatter_mul,
    "scatter-min": lax.scatter_min,
    "scatter-max": lax.scatter_max,
}

IN_OWN_DTYPE = frozenset(["bitcast_convert_type", "nextafter"])  # about the bits of a number

BY_JAX = (
    frozenset(
        "gather sort top_k random_bits random_clone random_fold_in random_seed random_split "
        "random_unwrap random_wrap threefry2x32 philox2x32 philox4x32 iota_2x32_shape clz empty "
        "mulhi population_count reduce_precision reduce_xor platform_index "
        "shift_right_arithmetic".split()
    )
    | IN_OWN_DTYPE
)

LOOPS: dict[str, Callable[..., Arrays]] = {"scan": scan, "while": while_loop, "cond": cond}

ELEMENTWISE: dict[str, Callable] = {
    name: getattr(np, name)
    for name in (
        "abs add cos cosh exp exp2 expm1 floor log log1p sign sin sinh sqrt square tan "
        "tanh"
    ).split()
} | {
    "acos": np.arccos, "acosh": np.arccosh, "add_any": np.add, "and": np.bitwise_and,
    "asin": np.arcsin,
    "asinh": np.arcsinh, "atan": np.arctan, "atan2": np.arctan2, "atanh": np.arctanh,
    "bessel_i0e": scipy.special.i0e, "bessel_i1e": scipy.special.i1e,
    "cbrt": np.cbrt, "ceil": np.ceil, "clamp": lambda low, x, high: np.clip(x, low, high),
    "copy": np.copy, "copy_p": np.copy, "div": divide, "eq": np.equal,
    "eq_to": in_total_order(np.equal), "erf": scipy.special.erf,
    "erf_inv": scipy.special.erfinv, "erfc": scipy.special.erfc, "ge": np.greater_equal,
    "gt": np.greater, "is_finite": np.isfinite, "le": np.less_equal,
    "igamma": scipy.special.gammainc, "igammac": scipy.special.gammaincc,
    "le_to": in_total_order(np.less_equal), "lt_to": in_total_order(np.less), "log2": np.log2,
    "lgamma": scipy.special.gammaln, "digamma": scipy.special.digamma,
    "logistic": scipy.special.expit, "lt": np.less, "max": np.maximum, "min": np.minimum,
    "mul": np.multiply, "ne": np.not_equal, "neg": np.negative, "not": np.invert,
    "one_minus_square": lambda x: (1 - x) * (1 + x),
    "or": np.bitwise_or, "polygamma": scipy.special.polygamma, "pow": np.power,
    "real": np.real, "rem": remainder,
    "regularized_incomplete_beta": scipy.special.betainc,
    "rsqrt": lambda x: 1 / np.sqrt(x), "select_n": select, "stop_gradient": np.copy,
    "shift_left": np.left_shift,
    "shift_right_logical": shift_right_logical, "sub": np.subtract, "xor": np.bitwise_xor,
    "zeta": scipy.special.zeta,
}  # fmt: skip

WITH_PARAMETERS: dict[str, Callable] = {
    "argmax": position(np.argmax),
    "argmin": position(np.argmin),
    "broadcast_in_dim": broadcast_in_dim,
    "concatenate": lambda *xs, dimension: np.concatenate(xs, dimension),
    "convert_element_type": lambda x, **_: x,  # as_declared converts
    "cumlogsumexp": running(np.logaddexp.accumulate),
    "cummax": running(np.maximum.accumulate),
    "cummin": running(np.minimum.accumulate),
    "cumprod": running(np.cumprod),
    "cumsum": running(np.cumsum),
    "device_put": lambda *xs, **_: list(xs),
    "dot_general": dot_general,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, dimensions),
    "integer_pow": lambda x, *, y: x ** np.float64(y) if x.dtype.kind == "f" else x**y,
    "iota": iota,
    "name": lambda x, **_: x,
    "optimization_barrier": lambda *xs: list(xs),
    "pad": pad,
    "reduce_and": reduced(np.bitwise_and.reduce),
    "reduce_max": reduced_from(np.max, lowest),
    "reduce_min": reduced_from(np.min, highest),
    "reduce_or": reduced(np.bitwise_or.reduce),
    "reduce_prod": reduced(np.prod),
    "reduce_sum": reduced(np.sum),
    "reshape": lambda x, *, new_sizes, **_: np.reshape(x, new_sizes),
    "rev": lambda x, *, dimensions: np.flip(x, dimensions),
    "round": lambda x, *, rounding_method: (
        np.round(x) if int(rounding_method) else away_from_zero(x)
    ),
    "reduce_window_max": reduced_window(np.max, lowest),
    "reduce_window_min": reduced_window(np.min, highest),
    "reduce_window_sum": reduced_window(np.sum, lambda dtype: dtype.type(0)),
    "slice": slice_,
    "split": split,
    "stack": stack_of,
    "squeeze": lambda x, *, dimensions: np.squeeze(x, dimensions),
    "tile": lambda x, *, reps: np.tile(x, reps),
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "unstack": lambda x, *, axis, **_: list(np.moveaxis(x, axis, 0)),
}
