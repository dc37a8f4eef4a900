"""The rounding that a right program may have, by evaluating it with rounding that is drawn.

A compiled program adds in an order of its own, takes its own approximation of tanh, and fuses
multiplications with additions. What becomes of that in the outputs depends on the function: a
difference of close numbers makes a large error of a small one. `Rounding` is arithmetic in which
each result is off by a drawn error of the size that a compiler may make there; how far the outputs
of several such evaluations lie from the exact ones is what a right program may be off.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.witness import Arithmetic, Arrays, outputs_of

ULPS = {
    name: ulps
    for ulps, names in {
        1: "add add_any one_minus_square sub mul square convert_element_type",
        2: "div sqrt rem",
        4: "exp exp2 log log2 rsqrt",
        8: "sin cos tanh logistic erf erfc expm1 log1p cbrt sinh cosh atan2 atan asin acos",
        16: "tan asinh acosh atanh",
        64: "erf_inv bessel_i0e bessel_i1e",
        1000: "igamma igammac polygamma regularized_incomplete_beta zeta",
    }.items()
    for name in names.split()
}
"""Units in the last place by which one operation of a right program may be off. What is not listed
does not round."""

COMPARISONS = frozenset(
    "eq ne lt le gt ge eq_to lt_to le_to argmax argmin sort floor ceil round sign".split()
)
"""Operations that make a jump of a rounding error in their inputs."""

OF_TWO = frozenset("eq ne lt le gt ge".split())
APART = 16  # units in the last place that rounding may set two equal numbers apart

ALLOWED = 8.0  # times the largest deviation that drawn rounding makes is what an output may be off
DIGITS = (1.0, 0.7, 1.3)
"""Factors with which a sum is tried: of equal numbers every addition is off by the same amount,
which depends on their last digits, and a right program may have others."""

MOST_TURNS = 100_000  # operations of one evaluation: drawn rounding may keep a loop from its end
MOST_TERMS = 2_000  # that are added one after the other
MOST_PRODUCTS = 2e7  # multiplications of one sum in order: a fraction of a second
TF32_EPSILON = 2.0**-10  # of the factors of a product on a GPU, at JAX's default precision


class Rounding(Arithmetic):
    """Arithmetic in the dtypes of the trace, with drawn rounding errors.

    generator  draws them
    amplitude  times the size that one operation may be off
    with_ties  also compares inputs that are off: a program that computes a number twice, with two
               roundings, may find it unequal to itself
    all_equal  compares numbers that rounding may have set apart as equal ones: a compiler that
               makes x of 3 x/3 finds it equal to x
    alike      every entry of a result is off in the same direction: what is computed alike from
               equal numbers stays equal
    """

    def __init__(
        self,
        generator: np.random.Generator,
        amplitude: float = 1.0,
        with_ties: bool = False,
        alike: bool = False,
        all_equal: bool = False,
    ) -> None:
        self.generator = generator
        self.amplitude = amplitude
        self.with_ties = with_ties
        self.alike = alike
        self.all_equal = all_equal
        self.operations = 0

    def results(self, equation: Any, inputs: Arrays, outputs: Arrays) -> Arrays:
        """Return the outputs of an operation, each off by a drawn error."""
        self.operations += 1
        if self.operations > MOST_TURNS:
            raise NotImplementedError("a loop does not end under other rounding.")
        if self.all_equal and equation.primitive.name in OF_TWO:
            a, b = inputs
            outputs = outputs_of(equation, joined(a, b, equation.invars[0].aval))
        elif (self.with_ties or self.all_equal) and equation.primitive.name in COMPARISONS:
            pairs = zip(inputs, equation.invars, strict=True)
            outputs = outputs_of(equation, [self.off(value, atom.aval) for value, atom in pairs])
        declared = super().results(equation, inputs, outputs)
        pairs = zip(declared, equation.outvars, strict=True)
        return [
            self.rounded(value, variable.aval.dtype, equation, inputs)
            if is_real(variable.aval)
            else value
            for value, variable in pairs
        ]

    def off(self, value: Any, aval: Any) -> Any:
        """Return an input that is off by a unit in its last place."""
        if not is_real(aval):
            return value
        epsilon = float(jnp.finfo(aval.dtype).eps)
        return value * (1 + self.amplitude * epsilon * self.draw(np.shape(value)))

    def rounded(self, value: np.ndarray, dtype: Any, equation: Any, inputs: Arrays) -> np.ndarray:
        """Return a number of the dtype near a result; numbers too small for the dtype may be 0."""
        numbers = jnp.finfo(dtype)
        error = size_of_error(equation, inputs, value, dtype)
        if error is not None:
            value = value + self.amplitude * error * self.draw(np.shape(value))
        narrow = np.asarray(value).astype(dtype).astype(np.float64)
        tiny = np.abs(narrow) < float(numbers.tiny)
        return np.where(tiny & (self.draw(np.shape(value)) < 0), 0.0, narrow)

    def draw(self, shape: tuple[int, ...]) -> np.ndarray:
        """Draw numbers between -1 and 1."""
        return self.generator.uniform(-1, 1, () if self.alike else shape)


def joined(a: Any, b: Any, aval: Any) -> Arrays:
    """Return two inputs of a comparison, made equal where rounding may have set them apart."""
    if not is_real(aval):
        return [a, b]
    largest = np.maximum(np.abs(a), np.abs(b))
    with np.errstate(invalid="ignore"):
        is_near = np.abs(a - b) <= APART * float(jnp.finfo(aval.dtype).eps) * largest
    return [a, np.where(is_near, a, b)]


def is_real(aval: Any) -> bool:
    """Return whether a value has floating-point numbers."""
    return hasattr(aval, "dtype") and jnp.issubdtype(aval.dtype, jnp.floating)


def size_of_error(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> Any:
    """Return how far a right result may be off, as an array like it; None where it is exact."""
    name = equation.primitive.name
    epsilon = float(jnp.finfo(dtype).eps) / 2
    if name in SUMS:
        return SUMS[name](equation, inputs, value, dtype)
    if name in ("cumprod", "cumlogsumexp"):
        return epsilon * inputs[0].shape[equation.params["axis"]] * np.abs(value)
    if name == "reduce_prod":
        return epsilon * np.size(inputs[0]) / max(1, np.size(value)) * np.abs(value)
    if name == "integer_pow":
        return epsilon * abs(equation.params["y"]) * np.abs(value)
    if name == "pow":  # exp(b log a): an error of the exponent is one of the result
        exponent = np.abs(np.log(np.maximum(np.abs(value), np.finfo(np.float64).tiny)))
        return epsilon * (16 + 2 * exponent) * np.abs(value)
    if name in ("lgamma", "digamma"):  # which have zeros, beside which no approximation is close
        return 64 * epsilon * (1 + np.abs(value)) * (1 + np.abs(inputs[0]))
    return epsilon * ULPS[name] * np.abs(value) if name in ULPS else None


# ----------------------------------------------------------------------------------------- sums


def error_of_sum(dtype: Any, terms: Any, magnitude: Any, in_order: Any) -> np.ndarray:
    """Return how far a sum may be off.

    terms      how many numbers are added
    magnitude  the sum of their absolute values
    in_order   by how much it is off where they are added one after the other
    """
    epsilon = float(jnp.finfo(dtype).eps) / 2
    in_any_order = epsilon * magnitude * (1 + 0.1 * np.sqrt(terms))
    return np.maximum(in_order / ALLOWED, in_any_order)


def wide_enough(dtype: Any) -> Any:
    """Return the dtype in which numbers are added: float32 for narrower ones."""
    return np.float32 if jnp.finfo(dtype).bits < 32 else dtype


def of_reduced(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far a sum over axes may be off."""
    (x,), axes = inputs, equation.params["axes"]
    terms = int(np.prod([x.shape[axis] for axis in axes]))
    if not terms:
        return np.zeros_like(value)
    rows = np.moveaxis(x, axes, range(-len(axes), 0)).reshape(*np.shape(value), terms)
    off = [np.abs(added_up(f * rows, dtype)[..., -1] / f - value) for f in DIGITS]
    return error_of_sum(dtype, terms, np.sum(np.abs(rows), -1), np.max(off, axis=0))


def added_up(rows: np.ndarray, dtype: Any) -> np.ndarray:
    """Return the sums of the first numbers of each row, one added after the other in a dtype."""
    wide = wide_enough(dtype)
    return np.cumsum(rows.astype(wide), axis=-1, dtype=wide).astype(np.float64)


def of_running(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far each number of a running sum may be off."""
    (x,), axis = inputs, equation.params["axis"]
    terms = x.shape[axis]
    flip = (lambda a: np.flip(a, axis)) if equation.params["reverse"] else (lambda a: a)
    added = flip(np.cumsum(flip(x).astype(wide_enough(dtype)), axis, dtype=wide_enough(dtype)))
    magnitude = flip(np.cumsum(np.abs(flip(x)), axis))
    return error_of_sum(dtype, terms, magnitude, np.abs(added - value))


def of_product(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far a product of matrices may be off."""
    a, b = (np.asarray(factor, np.float64) for factor in inputs)
    (contracted_a, contracted_b), (batch_a, batch_b) = equation.params["dimension_numbers"]
    a = as_stack(a, batch_a, contracted_a)  # (batch, rows, terms)
    b = as_stack(b, batch_b, contracted_b)
    terms = a.shape[-1]
    magnitude = (np.abs(a) @ np.abs(b).swapaxes(1, 2)).reshape(np.shape(value))
    if is_tf32(equation, dtype):
        return TF32_EPSILON * magnitude
    exact = np.reshape(value, (len(a), a.shape[1], b.shape[1]))
    off = np.abs(added_in_order(a, b, wide_enough(dtype)) - exact).reshape(np.shape(value))
    return error_of_sum(dtype, terms, magnitude, off)


def as_stack(x: np.ndarray, batch: Any, contracted: Any) -> np.ndarray:
    """Return an array as (batch, free, contracted), each of these one axis."""
    free = [axis for axis in range(x.ndim) if axis not in (*batch, *contracted)]
    sizes = [int(np.prod([x.shape[i] for i in axes])) for axes in (batch, free, contracted)]
    return np.transpose(x, (*batch, *free, *contracted)).reshape(sizes)


def added_in_order(a: np.ndarray, b: np.ndarray, dtype: Any) -> np.ndarray:
    """Return Σ_k a[…, k] b[…, k], one term added after the other.

    Of large products several terms are added at once, and the error is taken that many times.
    """
    terms = a.shape[-1]
    products = len(a) * a.shape[1] * b.shape[1] * terms
    at_once = int(np.ceil(max(products / MOST_PRODUCTS, terms / MOST_TERMS))) or 1
    a, b = a.astype(dtype), b.astype(dtype)
    total = np.zeros((len(a), a.shape[1], b.shape[1]), dtype)
    for start in range(0, terms, at_once):
        here = slice(start, start + at_once)
        total = total + a[:, :, here] @ b[:, :, here].swapaxes(1, 2)
    if at_once == 1:
        return total
    exact = a.astype(np.float64) @ b.astype(np.float64).swapaxes(1, 2)
    return exact + at_once * (total - exact)


def is_tf32(equation: Any, dtype: Any) -> bool:
    """Return whether a GPU may shorten the factors of a product."""
    precision = equation.params.get("precision")
    default = precision is None or "DEFAULT" in str(precision)
    return jax.default_backend() != "cpu" and default and dtype == jnp.float32


def of_windows(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far a sum over windows may be off."""
    terms = float(np.prod(equation.params["window_dimensions"]))
    (magnitude,) = outputs_of(equation, [np.abs(inputs[0])])
    return error_of_sum(dtype, terms, magnitude, 0.0)


def of_scattered(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far numbers may be off to which others were added at computed places."""
    operand, indices, updates = inputs
    (magnitude,) = outputs_of(equation, [np.abs(operand), indices, np.abs(updates)])
    none, ones = np.zeros_like(operand), np.ones_like(updates)
    terms = 1 + np.abs(outputs_of(equation, [none, indices, ones])[0])
    in_order = float(jnp.finfo(dtype).eps) * terms * np.asarray(magnitude) / 4
    return error_of_sum(dtype, terms, np.asarray(magnitude), in_order)


SUMS = {
    "reduce_sum": of_reduced,
    "cumsum": of_running,
    "dot_general": of_product,
    "reduce_window_sum": of_windows,
    "scatter-add": of_scattered,
    "scatter-sub": of_scattered,
}
