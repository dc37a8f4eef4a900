"""Draw the rounding errors that a right program may have.

A compiled program adds numbers in an order of its own, approximates tanh in its own way, and fuses
multiplications with additions. The function decides how much this changes its outputs: a difference
of close numbers turns a small error into a large one. `Rounding` is arithmetic that gives each
result a drawn error, of the size that a compiler may make there. The outputs of several such
evaluations scatter around the exact ones, and a right program may be off by as much.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.witness import Arithmetic, Arrays, is_real, outputs_of

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
"""Operation → the units in the last place by which one of a right program may be off. Operations
that are not listed do not round."""

JUMPS = frozenset(
    "eq ne lt le gt ge eq_to lt_to le_to argmax argmin sort top_k floor ceil round sign rem".split()
)
"""Operations that turn a rounding error of their inputs into a jump of their result. A conversion
to whole numbers is one too."""

COMPARISONS = frozenset("eq ne lt le gt ge".split())
"""The jumps that compare two numbers."""

STEPS = {"floor": 1.0, "ceil": 1.0, "round": 0.5, "convert_element_type": 1.0}
"""Operation → the distance of the numbers at which it may jump, which are multiples of it."""

DIFFERENCES = frozenset("add add_any sub".split())
"""Operations whose result may be far smaller than their operands, and as wrong as these."""

APART = 16  # units in the last place by which rounding may set two equal numbers apart

ALLOWED = 8.0
"""An output may be off by this many times the largest deviation that was drawn, in a program whose
jumps may add up in more ways than are drawn."""

SMOOTH = 4.0
"""The same in a program without jumps. Of 130 right ones none was off by 1.3 times as much."""

DIGITS = (1.0, 0.6, 0.7, 0.83, 0.9, 1.1, 1.3, 1.7)
"""Factors by which the terms of a sum are scaled to try the sum. With equal terms every addition is
off by the same amount. That amount depends on their last digits, and a right program may have
others."""

MOST_ROUNDED = 100_000  # operations of one evaluation: drawn rounding may keep a loop from its end
MOST_TERMS = 2_000  # terms that are added one after the other
MOST_PRODUCTS = 2e7  # multiplications of one sum in order, which take a fraction of a second
TF32_EPSILON = 2.0**-10  # of the factors of a product on a GPU, at JAX's default precision


class Rounding(Arithmetic):
    """Arithmetic in the dtypes of the trace, with drawn rounding errors.

    generator  draws the errors
    amplitude  the errors are this many times as large as those that one operation may have
    with_ties  also perturb the inputs of comparisons: a program that computes a number twice, with
               two roundings, may find it unequal to itself
    alike      draw one direction for all entries of a result, so that results computed alike from
               equal numbers stay equal
    all_equal  compare numbers that rounding may have set apart as if they were equal, and floor
               those beside a whole number as if they were it: a compiler that simplifies 3 (x/3) to
               x finds it equal to x
    flush      read numbers too small for their dtype as 0, as XLA may read them
    twice      give the operands of sums and differences errors of their own: a program that fuses
               them with the operations before computes an operand twice, or does not round it. Then
               x − max x is not 0 where x is the maximum
    """

    def __init__(
        self,
        generator: np.random.Generator,
        amplitude: float = 1.0,
        with_ties: bool = False,
        alike: bool = False,
        all_equal: bool = False,
        twice: bool = False,
        flush: bool = False,
    ) -> None:
        self.generator = generator
        self.amplitude = amplitude
        self.with_ties = with_ties
        self.alike = alike
        self.all_equal = all_equal
        self.twice = twice
        self.flush = flush
        self.operations = 0

    def results(self, equation: Any, inputs: Arrays, outputs: Arrays) -> Arrays:
        """Return the outputs of an operation, each with a drawn error."""
        self.operations += 1
        if self.operations > MOST_ROUNDED:
            raise NotImplementedError("a loop does not end under other rounding.")
        name = equation.primitive.name
        jumps = is_jump(equation)
        if self.flush and any(map(has_subnormal, inputs, equation.invars)):
            inputs = list(map(flushed, inputs, equation.invars))
            outputs = outputs_of(equation, inputs)
        if self.all_equal and name in COMPARISONS:
            first = equation.invars[0]
            compared = equalized(inputs, first.aval)
            outputs = outputs_of(equation, compared)
        elif self.all_equal and name in STEPS and jumps:
            (variable,) = equation.invars
            (x,) = inputs
            outputs = outputs_of(equation, [snapped(x, STEPS[name], variable.aval)])
        elif self.all_equal and name == "rem":
            x, step = inputs
            on_multiples = snapped(x, step, equation.invars[0].aval)
            outputs = outputs_of(equation, [on_multiples, step])
        elif self.twice and name in DIFFERENCES:
            own = self.perturbed_inputs(equation, inputs)
            outputs = outputs_of(equation, own)
        elif jumps and (self.with_ties or self.all_equal):
            compared = self.perturbed_inputs(equation, inputs)
            outputs = outputs_of(equation, compared)
        exact = super().results(equation, inputs, outputs)
        results = []
        for value, variable in zip(exact, equation.outvars, strict=True):
            aval = variable.aval
            if is_real(aval):
                value = self.rounded(value, aval.dtype, equation, inputs)
            results.append(value)
        return results

    def perturbed_inputs(self, equation: Any, inputs: Arrays) -> Arrays:
        """Return the inputs of an operation, each entry changed by up to one unit."""
        pairs = zip(inputs, equation.invars, strict=True)
        return [self.perturbed(value, atom.aval) for value, atom in pairs]

    def perturbed(self, value: Any, aval: Any) -> Any:
        """Return an input with each entry changed by up to one unit in its last place."""
        if not is_real(aval):
            return value
        epsilon = epsilon_of(aval.dtype)
        shape = np.shape(value)
        drawn = self.draw(shape)
        factor = 1 + self.amplitude * epsilon * drawn
        return value * factor

    def rounded(self, value: np.ndarray, dtype: Any, equation: Any, inputs: Arrays) -> np.ndarray:
        """Return numbers of the dtype near a result; numbers too small for the dtype may be 0."""
        error = error_size(equation, inputs, value, dtype)
        if error is not None:
            drawn = self.draw(np.shape(value))
            value = value + self.amplitude * error * drawn
        in_dtype = np.asarray(value).astype(dtype)
        narrow = in_dtype.astype(np.float64)
        limits = jnp.finfo(dtype)
        tiny = float(limits.tiny)
        is_too_small = np.abs(narrow) < tiny
        shape = np.shape(value)
        is_flushed = self.draw(shape) < 0
        is_zero = is_too_small & is_flushed
        return np.where(is_zero, 0.0, narrow)

    def draw(self, shape: tuple[int, ...]) -> np.ndarray:
        """Draw numbers between -1 and 1."""
        size = () if self.alike else shape
        return self.generator.uniform(-1, 1, size)


def equalized(pair: Arrays, aval: Any) -> Arrays:
    """Return the two inputs of a comparison, made equal where rounding may have set them apart."""
    a, b = pair
    if not is_real(aval):
        return [a, b]
    epsilon = epsilon_of(aval.dtype)
    size_a = np.abs(a)
    size_b = np.abs(b)
    largest = np.maximum(size_a, size_b)
    with np.errstate(invalid="ignore"):
        distance = np.abs(a - b)
        is_near = distance <= APART * epsilon * largest
    equal = np.where(is_near, a, b)
    return [a, equal]


def is_jump(equation: Any) -> bool:
    """Return whether an operation turns a rounding error of its inputs into a jump."""
    name = equation.primitive.name
    if name == "convert_element_type":
        return is_real(equation.invars[0].aval) and not is_real(equation.outvars[0].aval)
    return name in JUMPS


def has_subnormal(value: Any, atom: Any) -> bool:
    """Return whether an input has numbers too small for its dtype, other than 0."""
    if not is_real(atom.aval):
        return False
    tiny = float(jnp.finfo(atom.aval.dtype).tiny)
    magnitude = np.abs(value)
    return bool(np.any((magnitude < tiny) & (magnitude > 0)))


def flushed(value: Any, atom: Any) -> Any:
    """Return an input with 0 for numbers too small for its dtype, as XLA may read them."""
    if not has_subnormal(value, atom):
        return value
    tiny = float(jnp.finfo(atom.aval.dtype).tiny)
    return np.where(np.abs(value) < tiny, 0.0, value)


def snapped(x: Any, step: Any, aval: Any) -> Any:
    """Return numbers, with those that rounding may have set apart from a multiple of a step on it.

    step  1, 0.5, or the divisors of x
    """
    if not is_real(aval):
        return x
    epsilon = epsilon_of(aval.dtype)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        multiple = step * np.round(x / step)
        is_near = np.abs(x - multiple) <= APART * epsilon * np.abs(x)
    return np.where(is_near, multiple, x)


def epsilon_of(dtype: Any) -> float:
    """Return the distance from 1 to the next number of a dtype."""
    limits = jnp.finfo(dtype)
    return float(limits.eps)


def error_size(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> Any:
    """Return how far a right result may be off, in its shape; None where it is exact."""
    name = equation.primitive.name
    parameters = equation.params
    if name in SUMS:
        error_of = SUMS[name]
        return error_of(equation, inputs, value, dtype)
    epsilon = epsilon_of(dtype) / 2
    magnitude = np.abs(value)
    if name in ("cumprod", "cumlogsumexp"):
        axis = parameters["axis"]
        terms = inputs[0].shape[axis]
        return epsilon * terms * magnitude
    if name == "reduce_prod":
        factors = np.size(inputs[0])
        results = max(1, np.size(value))
        return epsilon * factors / results * magnitude
    if name == "integer_pow":
        exponent = parameters["y"]
        return epsilon * abs(exponent) * magnitude
    if name == "pow":
        return error_of_power(value, epsilon)
    if name in ("lgamma", "digamma"):  # close to their zeros no approximation is good
        argument = np.abs(inputs[0])
        return 64 * epsilon * (1 + magnitude) * (1 + argument)
    if name in ULPS:
        ulps = ULPS[name]
        return epsilon * ulps * magnitude
    return None


def error_of_power(value: np.ndarray, epsilon: float) -> np.ndarray:
    """Return how far a power may be off.

    A power is exp(b log a): an error of the exponent b log a is an error of the result.
    """
    magnitude = np.abs(value)
    smallest = np.finfo(np.float64).tiny
    positive = np.maximum(magnitude, smallest)
    exponent = np.abs(np.log(positive))
    units = 16 + 2 * exponent
    return epsilon * units * magnitude


def error_of_sum(dtype: Any, terms: Any, magnitude: Any, in_order: Any) -> np.ndarray:
    """Return how far a sum may be off.

    terms      how many numbers are added
    magnitude  the sum of their absolute values
    in_order   the error when they are added one after the other
    """
    epsilon = epsilon_of(dtype) / 2
    growth = 1 + 0.1 * np.sqrt(terms)
    in_any_order = epsilon * magnitude * growth
    return np.maximum(in_order / SMOOTH, in_any_order)


def sum_dtype(dtype: Any) -> Any:
    """Return the dtype in which numbers are added: float32 for narrower ones."""
    limits = jnp.finfo(dtype)
    if limits.bits < 32:
        return np.float32
    return dtype


def error_of_reduce_sum(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far a sum over axes may be off."""
    (x,) = inputs
    axes = equation.params["axes"]
    lengths = [x.shape[axis] for axis in axes]
    terms = int(np.prod(lengths))
    if not terms:
        return np.zeros_like(value)
    last_axes = range(-len(axes), 0)
    rows = np.moveaxis(x, axes, last_axes)
    rows = rows.reshape(*np.shape(value), terms)
    errors = []
    for factor in DIGITS:
        scaled = running_sums(factor * rows, dtype)
        totals = scaled[..., -1]
        sums = totals / factor
        error = np.abs(sums - value)
        errors.append(error)
    absolute = np.abs(rows)
    magnitude = np.sum(absolute, -1)
    in_order = np.max(errors, axis=0)
    return error_of_sum(dtype, terms, magnitude, in_order)


def running_sums(rows: np.ndarray, dtype: Any) -> np.ndarray:
    """Return the running sums of each row, computed one addition after the other in a dtype."""
    wide = sum_dtype(dtype)
    terms = rows.astype(wide)
    sums = np.cumsum(terms, axis=-1, dtype=wide)
    return sums.astype(np.float64)


def error_of_cumsum(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far each number of a running sum may be off."""
    (x,) = inputs
    axis = equation.params["axis"]
    is_reversed = equation.params["reverse"]
    terms = x.shape[axis]
    wide = sum_dtype(dtype)

    def flip(array):
        if not is_reversed:
            return array
        return np.flip(array, axis)

    ordered = flip(x)
    numbers = ordered.astype(wide)
    sums = np.cumsum(numbers, axis, dtype=wide)
    absolute = np.abs(ordered)
    magnitude = np.cumsum(absolute, axis)
    in_order = np.abs(flip(sums) - value)
    return error_of_sum(dtype, terms, flip(magnitude), in_order)


def error_of_dot_general(
    equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any
) -> np.ndarray:
    """Return how far a product of matrices may be off."""
    a, b = (np.asarray(factor, np.float64) for factor in inputs)
    contracted, batch = equation.params["dimension_numbers"]
    a = as_stack(a, batch[0], contracted[0])  # (batch, rows, terms)
    b = as_stack(b, batch[1], contracted[1])
    terms = a.shape[2]
    absolute_a = np.abs(a)
    absolute_b = np.abs(b)
    magnitudes = times_turned(absolute_a, absolute_b)
    magnitude = magnitudes.reshape(np.shape(value))
    if is_tf32(equation, dtype):
        return TF32_EPSILON * magnitude
    exact = np.reshape(value, magnitudes.shape)
    wide = sum_dtype(dtype)
    products = product_in_order(a, b, wide)
    errors = np.abs(products - exact)
    in_order = errors.reshape(magnitude.shape)
    return error_of_sum(dtype, terms, magnitude, in_order)


def as_stack(x: np.ndarray, batch: Any, contracted: Any) -> np.ndarray:
    """Return an array as (batch, free, contracted), each of these one axis."""
    named = (*batch, *contracted)
    free = [axis for axis in range(x.ndim) if axis not in named]
    sizes = []
    for axes in (batch, free, contracted):
        lengths = [x.shape[axis] for axis in axes]
        size = int(np.prod(lengths))
        sizes.append(size)
    order = (*batch, *free, *contracted)
    ordered = np.transpose(x, order)
    return ordered.reshape(sizes)


def product_in_order(a: np.ndarray, b: np.ndarray, dtype: Any) -> np.ndarray:
    """Return Σ_k a[…, k] b[…, k], one term added after the other.

    A large product adds several terms at once, and its error is multiplied by their number.
    """
    batches, rows, terms = a.shape
    columns = b.shape[1]
    products = batches * rows * columns * terms
    by_products = products / MOST_PRODUCTS
    by_terms = terms / MOST_TERMS
    at_least = np.ceil(max(by_products, by_terms))
    at_once = int(at_least) or 1
    a = a.astype(dtype)
    b = b.astype(dtype)
    shape = (batches, rows, columns)
    total = np.zeros(shape, dtype)
    for start in range(0, terms, at_once):
        end = start + at_once
        block_of_a = a[:, :, start:end]
        block_of_b = b[:, :, start:end]
        total = total + times_turned(block_of_a, block_of_b)
    if at_once == 1:
        return total
    wide_a = a.astype(np.float64)
    wide_b = b.astype(np.float64)
    exact = times_turned(wide_a, wide_b)
    error = total - exact
    return exact + at_once * error


def times_turned(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a bᵀ for each pair of two stacks of matrices."""
    return a @ b.swapaxes(1, 2)


def is_tf32(equation: Any, dtype: Any) -> bool:
    """Return whether a GPU may shorten the factors of a product."""
    if jax.default_backend() == "cpu":
        return False
    precision = equation.params.get("precision")
    is_default = precision is None or "DEFAULT" in str(precision)
    return is_default and dtype == jnp.float32


def error_of_window_sum(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far a sum over windows may be off."""
    window = equation.params["window_dimensions"]
    terms = float(np.prod(window))
    absolute = np.abs(inputs[0])
    (magnitude,) = outputs_of(equation, [absolute])
    return error_of_sum(dtype, terms, magnitude, 0.0)


def error_of_scatter(equation: Any, inputs: Arrays, value: np.ndarray, dtype: Any) -> np.ndarray:
    """Return how far the numbers may be off to which a scatter adds others."""
    operand, indices, updates = inputs
    absolute_operand = np.abs(operand)
    absolute_updates = np.abs(updates)
    (magnitude,) = outputs_of(equation, [absolute_operand, indices, absolute_updates])
    magnitude = np.asarray(magnitude)
    zeros = np.zeros_like(operand)
    ones = np.ones_like(updates)
    (added,) = outputs_of(equation, [zeros, indices, ones])
    terms = 1 + np.abs(added)
    epsilon = epsilon_of(dtype)
    in_order = epsilon * terms * magnitude / 4
    return error_of_sum(dtype, terms, magnitude, in_order)


SUMS = {
    "reduce_sum": error_of_reduce_sum,
    "cumsum": error_of_cumsum,
    "dot_general": error_of_dot_general,
    "reduce_window_sum": error_of_window_sum,
    "scatter-add": error_of_scatter,
    "scatter-sub": error_of_scatter,
}
"""Sum → how far it may be off: (equation, inputs, exact value, dtype) → an array like the value."""
