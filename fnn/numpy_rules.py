"""Compute each operation of a trace by NumPy: the rules, by the name of the operation.

An operation that only moves numbers by index, sorts them or draws random bits has a name in BY_JAX
and no rule. JAX carries it out, one at a time, where a compiler has nothing to combine.
"""

import string
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import numpy as np
import scipy.special
from jax import lax


def divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide; whole numbers are rounded towards zero."""
    dtype = np.result_type(a, b)
    is_floating = np.issubdtype(dtype, np.floating)
    if is_floating:
        return np.divide(a, b)
    divisor = without_zeros(b)
    below = np.floor_divide(a, divisor)
    product = below * divisor
    is_inexact = product != a
    is_negative = (a < 0) != (divisor < 0)
    is_rounded_down = is_inexact & is_negative
    quotient = below + is_rounded_down.astype(below.dtype)
    no_bit = np.zeros_like(a)
    every_bit = np.invert(no_bit)  # XLA returns it for a division by 0
    return np.where(b == 0, every_bit, quotient)


def remainder(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the remainder of a division, with the sign of a; of whole numbers by 0 all of a."""
    dtype = np.result_type(a, b)
    is_floating = np.issubdtype(dtype, np.floating)
    if is_floating:
        return np.fmod(a, b)
    divisor = without_zeros(b)
    result = np.fmod(a, divisor)
    return np.where(b == 0, a, result)


def without_zeros(b: np.ndarray) -> np.ndarray:
    """Return whole divisors with 1 in the place of 0."""
    ones = np.ones_like(b)
    return np.where(b == 0, ones, b)


def select(which: np.ndarray, *cases: np.ndarray) -> np.ndarray:
    """Take each entry from the case whose number `which` has there."""
    numbers = np.asarray(which)
    first, *others = cases
    broadcast = np.broadcast_to(first, np.shape(first))
    result = np.array(broadcast)
    for number, case in enumerate(others, start=1):
        is_case = numbers == number
        result = np.where(is_case, case, result)
    return result


def broadcast_in_dim(x: np.ndarray, *_, shape, broadcast_dimensions, **__) -> np.ndarray:
    """Put the axes of x at the given places of a larger shape."""
    sizes = [1] * len(shape)
    pairs = zip(np.shape(x), broadcast_dimensions, strict=True)
    for size, place in pairs:
        sizes[place] = size
    placed = np.reshape(x, sizes)
    return np.broadcast_to(placed, shape)


def dot_general(
    a: np.ndarray, b: np.ndarray, *, dimension_numbers, preferred_element_type, **_
) -> np.ndarray:
    """Sum products over contracted axes; batch axes come first in the result."""
    is_whole = a.dtype.kind != "f"
    if is_whole and preferred_element_type is not None:  # int8 · int8 may be an int32
        a = a.astype(preferred_element_type)
        b = b.astype(preferred_element_type)
    equation = einsum_equation(a.ndim, b.ndim, dimension_numbers)
    return np.einsum(equation, a, b, optimize=True)  # optimize uses BLAS where it can


def einsum_equation(ndim_a: int, ndim_b: int, dimension_numbers: Any) -> str:
    """Return the equation of a product, such as "ab,bc->ac", with a letter for each axis."""
    contracted, batch = dimension_numbers
    batch_a, batch_b = batch
    contracted_a, contracted_b = contracted
    shared_a = (*batch_a, *contracted_a)
    shared_b = (*batch_b, *contracted_b)
    letters = iter(string.ascii_letters)
    names_a = list(islice(letters, ndim_a))
    names_b = list(islice(letters, ndim_b))
    for i, j in zip(shared_a, shared_b, strict=True):
        names_b[j] = names_a[i]
    names = [names_a[i] for i in batch_a]
    names += [name for i, name in enumerate(names_a) if i not in shared_a]
    names += [name for j, name in enumerate(names_b) if j not in shared_b]
    axes_a = "".join(names_a)
    axes_b = "".join(names_b)
    axes_of_result = "".join(names)
    return f"{axes_a},{axes_b}->{axes_of_result}"


def iota(*_, shape, dimension, **__) -> np.ndarray:
    """Count along an axis."""
    length = shape[dimension]
    sizes = [1] * len(shape)
    sizes[dimension] = length
    counted = np.arange(length)
    along_axis = counted.reshape(sizes)
    return np.broadcast_to(along_axis, shape)


def pad(x: np.ndarray, value: np.ndarray, *, padding_config) -> np.ndarray:
    """Add (or cut, where negative) entries before, behind and between the entries of each axis."""
    for axis, (low, high, interior) in enumerate(padding_config):
        rows = np.moveaxis(x, axis, 0)
        padded = pad_rows(rows, value, low, high, interior)
        x = np.moveaxis(padded, 0, axis)
    return x


def pad_rows(x: np.ndarray, value: np.ndarray, low: int, high: int, interior: int) -> np.ndarray:
    """Add (or cut, where negative) rows before, behind and between those of x."""
    row = x.shape[1:]
    step = interior + 1
    length = 0
    if len(x):
        last = len(x) - 1
        length = last * step + 1
    spread = np.full((length, *row), value)
    spread[::step] = x
    added_before = max(low, 0)
    added_behind = max(high, 0)
    before = np.full((added_before, *row), value)
    behind = np.full((added_behind, *row), value)
    padded = np.concatenate([before, spread, behind])
    start = max(-low, 0)
    cut_behind = max(-high, 0)
    end = len(padded) - cut_behind
    return padded[start:end]


def slice_(x: np.ndarray, *, start_indices, limit_indices, strides) -> np.ndarray:
    """Cut out a box with fixed corners."""
    steps = strides
    if not steps:
        steps = (1,) * x.ndim
    slices = map(slice, start_indices, limit_indices, steps)
    return x[tuple(slices)]


def box(shape: Sequence[int], starts: Sequence[Any], sizes: Sequence[int]) -> tuple[slice, ...]:
    """Return the box of these sizes at these starts, moved inside the array as XLA moves it."""
    slices = []
    for start, length, size in zip(starts, shape, sizes, strict=True):
        last = length - size
        clipped = np.clip(int(start), 0, last)
        inside = int(clipped)
        end = inside + size
        slices.append(slice(inside, end))
    return tuple(slices)


def dynamic_slice(x: np.ndarray, *starts: Any, slice_sizes) -> np.ndarray:
    """Cut out a box at computed starts."""
    place = box(x.shape, starts, slice_sizes)
    return x[place]


def dynamic_update_slice(x: np.ndarray, update: np.ndarray, *starts: Any) -> np.ndarray:
    """Replace a box at computed starts, in a copy."""
    place = box(x.shape, starts, update.shape)
    changed = x.copy()
    changed[place] = update
    return changed


def split(x: np.ndarray, *, sizes, axis) -> list[np.ndarray]:
    """Cut an axis into pieces of these sizes."""
    ends = np.cumsum(sizes)
    return np.split(x, ends[:-1], axis)


def shift_right_logical(x: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Shift bits to the right and fill up with zeros."""
    bits = 8 * x.dtype.itemsize
    unsigned = np.dtype(f"uint{bits}")
    pattern = x.view(unsigned)
    distance = np.minimum(by, bits - 1)
    distance = distance.astype(unsigned)
    shifted = np.right_shift(pattern, distance)
    is_empty = by >= bits
    filled = np.where(is_empty, 0, shifted)
    return filled.view(unsigned).astype(x.dtype)


def stack(*xs: np.ndarray, axis, **_) -> np.ndarray:
    """Put arrays beside each other along a new axis."""
    return np.stack(xs, axis)


def in_total_order(compare: Callable) -> Callable:
    """Return a comparison in which -0 is below 0 and NaN above all numbers."""

    def compared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        keys_a = total_order_keys(a)
        keys_b = total_order_keys(b)
        return compare(keys_a, keys_b)

    return compared


def total_order_keys(x: np.ndarray) -> np.ndarray:
    """Return whole numbers in the total order of floating-point ones; other numbers as they are."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return x
    wide = np.asarray(x, np.float64)
    bits = wide.view(np.int64)
    smallest = np.iinfo(np.int64).min
    reversed_order = smallest - bits - 1
    return np.where(bits < 0, reversed_order, bits)


def reduce_window(reduce: Callable, start: Callable) -> Callable:
    """Return the operation that reduces over windows of an array that may have holes.

    reduce  the reduction, such as np.max
    start   (dtype) → the number that pads the array
    """

    def over_windows(
        x: np.ndarray, *, window_dimensions, window_strides, padding, base_dilation, window_dilation
    ) -> np.ndarray:
        config = []
        for (low, high), dilation in zip(padding, base_dilation, strict=True):
            interior = dilation - 1
            config.append((low, high, interior))
        filling = start(x.dtype)
        padded = pad(x, filling, padding_config=config)
        spans = []
        for size, dilation in zip(window_dimensions, window_dilation, strict=True):
            span = (size - 1) * dilation + 1
            spans.append(span)
        windows = np.lib.stride_tricks.sliding_window_view(padded, spans)
        steps = (*window_strides, *window_dilation)
        every_step = tuple(slice(None, None, step) for step in steps)
        windows = windows[every_step]
        window_axes = tuple(range(x.ndim, 2 * x.ndim))
        return reduce(windows, axis=window_axes)

    return over_windows


def lowest(dtype: np.dtype) -> Any:
    """Return the number below all others of a dtype."""
    if dtype.kind == "b":
        return False
    if dtype.kind == "f":
        return -np.inf
    return np.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """Return the number above all others of a dtype."""
    if dtype.kind == "b":
        return True
    if dtype.kind == "f":
        return np.inf
    return np.iinfo(dtype).max


def zero(dtype: np.dtype) -> Any:
    """Return the zero of a dtype."""
    return dtype.type(0)


def cumulative(accumulate: Callable) -> Callable:
    """Return the operation that accumulates along an axis, from its end if `reverse`."""

    def along(x: np.ndarray, *, axis, reverse) -> np.ndarray:
        if not reverse:
            return accumulate(x, axis=axis)
        from_end = np.flip(x, axis)
        result = accumulate(from_end, axis=axis)
        return np.flip(result, axis)

    return along


def reduction(reduce: Callable) -> Callable:
    """Return the operation that reduces over axes."""

    def over_axes(x: np.ndarray, *, axes, **_) -> np.ndarray:
        return reduce(x, axis=tuple(axes))

    return over_axes


def reduction_from(reduce: Callable, start: Callable) -> Callable:
    """Return the operation that reduces over axes, with a start for empty ones.

    reduce  the reduction, such as np.max
    start   (dtype) → the number that the reduction of no numbers is
    """

    def over_axes(x: np.ndarray, *, axes, **_) -> np.ndarray:
        initial = start(x.dtype)
        return reduce(x, axis=tuple(axes), initial=initial)

    return over_axes


def index_of(find: Callable) -> Callable:
    """Return the operation that finds the index of an extreme entry; NaN counts as extreme."""

    def along_axis(x: np.ndarray, *, axes, **_) -> np.ndarray:
        return find(x, axis=axes[0])

    return along_axis


def round_(x: np.ndarray, *, rounding_method) -> np.ndarray:
    """Round to the nearest whole number: halves to the even one, or away from zero."""
    to_even = int(rounding_method)
    if to_even:
        return np.round(x)
    return round_away_from_zero(x)


def round_away_from_zero(x: np.ndarray) -> np.ndarray:
    """Round to the nearest whole number, halves away from zero."""
    cut = np.trunc(x)
    fraction = np.abs(x - cut)
    is_half_or_more = fraction >= 0.5
    one = np.copysign(1.0, x)
    further = cut + one
    return np.where(is_half_or_more, further, cut)


def integer_pow(x: np.ndarray, *, y) -> np.ndarray:
    """Raise to a fixed whole power."""
    if x.dtype.kind == "f":
        exponent = np.float64(y)
        return x**exponent
    return x**y


REDUCTIONS_BY_A_FUNCTION = ("reduce", "reduce_window")
"""Operations that call a function for pairs of numbers. They have no rule."""

SCATTERS: dict[str, Callable] = {
    "scatter": lax.scatter,
    "scatter-add": lax.scatter_add,
    "scatter-sub": lax.scatter_sub,
    "scatter-mul": lax.scatter_mul,
    "scatter-min": lax.scatter_min,
    "scatter-max": lax.scatter_max,
}

IN_OWN_DTYPE = frozenset(["bitcast_convert_type", "nextafter"])
"""Operations on the bits of numbers, which need the dtype that the trace has."""

BY_JAX = (
    frozenset(
        "gather sort top_k random_bits random_clone random_fold_in random_seed random_split "
        "random_unwrap random_wrap threefry2x32 philox2x32 philox4x32 iota_2x32_shape clz empty "
        "mulhi population_count reduce_precision reduce_xor platform_index "
        "shift_right_arithmetic".split()
    )
    | IN_OWN_DTYPE
)

ELEMENTWISE: dict[str, Callable] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "add": np.add,
    "add_any": np.add,
    "and": np.bitwise_and,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "atanh": np.arctanh,
    "bessel_i0e": scipy.special.i0e,
    "bessel_i1e": scipy.special.i1e,
    "cbrt": np.cbrt,
    "ceil": np.ceil,
    "clamp": lambda low, x, high: np.clip(x, low, high),
    "copy": np.copy,
    "copy_p": np.copy,
    "cos": np.cos,
    "cosh": np.cosh,
    "digamma": scipy.special.digamma,
    "div": divide,
    "eq": np.equal,
    "eq_to": in_total_order(np.equal),
    "erf": scipy.special.erf,
    "erf_inv": scipy.special.erfinv,
    "erfc": scipy.special.erfc,
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "floor": np.floor,
    "ge": np.greater_equal,
    "gt": np.greater,
    "igamma": scipy.special.gammainc,
    "igammac": scipy.special.gammaincc,
    "is_finite": np.isfinite,
    "le": np.less_equal,
    "le_to": in_total_order(np.less_equal),
    "lgamma": scipy.special.gammaln,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "logistic": scipy.special.expit,
    "lt": np.less,
    "lt_to": in_total_order(np.less),
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "neg": np.negative,
    "not": np.invert,
    "one_minus_square": lambda x: (1 - x) * (1 + x),
    "or": np.bitwise_or,
    "polygamma": scipy.special.polygamma,
    "pow": np.power,
    "real": np.real,
    "regularized_incomplete_beta": scipy.special.betainc,
    "rem": remainder,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "select_n": select,
    "shift_left": np.left_shift,
    "shift_right_logical": shift_right_logical,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "square": np.square,
    "stop_gradient": np.copy,
    "sub": np.subtract,
    "tan": np.tan,
    "tanh": np.tanh,
    "xor": np.bitwise_xor,
    "zeta": scipy.special.zeta,
}
"""Operation → its rule: the inputs → the output."""

WITH_PARAMETERS: dict[str, Callable] = {
    "argmax": index_of(np.argmax),
    "argmin": index_of(np.argmin),
    "broadcast_in_dim": broadcast_in_dim,
    "concatenate": lambda *xs, dimension: np.concatenate(xs, dimension),
    "convert_element_type": lambda x, **_: x,  # as_declared converts
    "cumlogsumexp": cumulative(np.logaddexp.accumulate),
    "cummax": cumulative(np.maximum.accumulate),
    "cummin": cumulative(np.minimum.accumulate),
    "cumprod": cumulative(np.cumprod),
    "cumsum": cumulative(np.cumsum),
    "device_put": lambda *xs, **_: list(xs),
    "dot_general": dot_general,
    "dynamic_slice": dynamic_slice,
    "dynamic_update_slice": dynamic_update_slice,
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, dimensions),
    "integer_pow": integer_pow,
    "iota": iota,
    "name": lambda x, **_: x,
    "optimization_barrier": lambda *xs: list(xs),
    "pad": pad,
    "reduce_and": reduction(np.bitwise_and.reduce),
    "reduce_max": reduction_from(np.max, lowest),
    "reduce_min": reduction_from(np.min, highest),
    "reduce_or": reduction(np.bitwise_or.reduce),
    "reduce_prod": reduction(np.prod),
    "reduce_sum": reduction(np.sum),
    "reshape": lambda x, *, new_sizes, **_: np.reshape(x, new_sizes),
    "rev": lambda x, *, dimensions: np.flip(x, dimensions),
    "round": round_,
    "reduce_window_max": reduce_window(np.max, lowest),
    "reduce_window_min": reduce_window(np.min, highest),
    "reduce_window_sum": reduce_window(np.sum, zero),
    "slice": slice_,
    "split": split,
    "stack": stack,
    "squeeze": lambda x, *, dimensions: np.squeeze(x, dimensions),
    "tile": lambda x, *, reps: np.tile(x, reps),
    "transpose": lambda x, *, permutation: np.transpose(x, permutation),
    "unstack": lambda x, *, axis, **_: list(np.moveaxis(x, axis, 0)),
}
"""Operation → its rule: the inputs and the parameters of the equation → one output or a list."""
