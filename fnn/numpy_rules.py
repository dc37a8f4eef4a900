"""What NumPy makes of each operation of a trace, by the operation's name.

An operation that only moves numbers by index, sorts them or draws random bits is named alone: JAX
carries it out, one at a time, where a compiler has nothing to combine.
"""

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special
from jax import lax


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


def split(x: np.ndarray, *, sizes, axis) -> list[np.ndarray]:
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
