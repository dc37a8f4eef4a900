"""Measure the noise floor of a gradient: how far rounding alone can move each entry.

The method is Monte Carlo arithmetic (Parker 1997). The traced gradient is evaluated several times,
with its inputs and the result of every rounding operation multiplied by

    1 + ε u,    u uniform in [−1, 1]

The spread of the results shows the effect of evaluating the same formula in another order. It
follows the operations themselves: a sum that cancels is noisy, a large array is not. With the ε of
float32 or bfloat16 it is the floor of a computation in that precision, measured in float64.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn import compiler
from fnn.gradcheck.flat_jaxpr import (
    FlatJaxpr,
    Operation,
    dtype_of,
    evaluate,
    is_float,
    is_for_numpy,
    is_key,
)

REPETITIONS = 4

# Where in a row of draws the successive operations start to read.
STRIDE, OFFSETS = 977, 8192

EXACT = frozenset(
    "abs and argmax argmin broadcast_in_dim ceil clamp concatenate convert_element_type copy "
    "dynamic_slice dynamic_update_slice eq expand_dims floor gather ge gt iota is_finite le lt max "
    "min ne neg not or pad real reduce_and reduce_max reduce_min reduce_or reshape rev round "
    "scatter select_n sign slice sort split squeeze stop_gradient transpose xor".split()
)
"""Operations that move or choose numbers without rounding them."""

JUMPING = frozenset("floor ceil round sign rem".split())
"""Operations on floating-point numbers that have jumps.

Where rounding takes a jump, the change of the result says nothing about rounding.
"""


class Rounding(NamedTuple):
    """A way to round values differently.

    epsilon  the largest relative change
    draws    numbers in [−1, 1], by which it is multiplied
    fixed    whether the decisions are taken from `decided`, so that rounding does not reverse them
    decided  the decisions by the variables of the values
    """

    epsilon: Any
    draws: Any
    fixed: Any
    decided: dict[int, Any]


def rounded_again(
    flat: FlatJaxpr, leaves: Sequence[Array], rounding: Rounding, *, narrow: float, xp: Any = jnp
) -> tuple[list[Array], dict[int, Array]]:
    """Compute the outputs of a function with every rounding done in another way.

    narrow  the least change of a value of a narrow dtype, as a share of its own rounding
    xp      the library that computes, as for `evaluate`

    Returns the outputs and the decisions: comparisons, indices, whole numbers.
    """
    places = count()
    decisions: dict[int, Array] = {}

    def round_again(value):
        if not is_float(value):
            return value
        dtype = dtype_of(value)
        limits = jnp.finfo(dtype)
        least = narrow * float(limits.eps)
        at_least = xp.maximum(rounding.epsilon, least)
        epsilon = xp.where(rounding.epsilon > 0, at_least, 0.0)
        start = next(places) * STRIDE % OFFSETS
        end = start + np.size(value)
        draws = rounding.draws[start:end]
        u = draws.reshape(np.shape(value))
        factor = (1 + epsilon * u).astype(dtype)
        return value * factor

    def decide(operation, variable, value):
        if not _is_decision(operation, value):
            return value
        decisions[variable] = value
        decided = rounding.decided[variable]
        return xp.where(rounding.fixed, decided, value)

    def after(operation, inputs, outputs):
        pairs = zip(operation.outputs, outputs, strict=True)
        outputs = [decide(operation, variable, value) for variable, value in pairs]
        if operation.primitive in EXACT:
            return outputs
        return [round_again(value) for value in outputs]

    constants = {variable: round_again(value) for variable, value in flat.constants.items()}
    leaves = [round_again(leaf) for leaf in leaves]
    values = evaluate(flat, leaves, constants, after, xp)
    outputs = [values[variable] for variable in flat.outputs]
    return outputs, decisions


def _is_decision(operation: Operation, value: Any) -> bool:
    """Return whether rounding could turn an output into another number altogether."""
    if is_key(value):
        return False
    if not is_float(value):
        return True
    return operation.primitive in JUMPING


class Repeated(NamedTuple):
    """The result of a computation, and its results with other roundings of one size."""

    exact: Any
    others: list[Any]


def program_of(flats: Sequence[FlatJaxpr], evaluate: Callable) -> Callable:
    """Return the program (leaves, roundings) of some functions, for `repeated`.

    evaluate  (xp, leaves, roundings); NumPy carries it out where it can, otherwise it is compiled
    """
    if all(map(is_for_numpy, flats)):
        return partial(evaluate, np)
    return compiler.jit(partial(evaluate, jnp))


@np.errstate(all="ignore")  # NumPy would tell the user of what the loss only selects from
def repeated(
    evaluate: Any,
    flats: Sequence[FlatJaxpr],
    leaves: Sequence[np.ndarray],
    epsilons: Sequence[float],
) -> list[Repeated]:
    """Repeat a computation without rounding, and with every row of draws for every epsilon.

    evaluate  (leaves, a Rounding for each function) -> (result, the decisions of each function)
    flats     the functions that it computes

    The decisions of the first call are used in all others. Returns an element for each epsilon.
    """
    rows = draws_for(flats, leaves)
    unrounded = [Rounding(0.0, rows[0], False, _undecided(flat)) for flat in flats]
    computed = evaluate(leaves, unrounded)
    exact, decided = jax.device_get(computed)

    def with_rounding(epsilon, row):
        roundings = [Rounding(epsilon, row, True, decisions) for decisions in decided]
        result, _ = evaluate(leaves, roundings)
        return result

    results = []
    for epsilon in epsilons:
        others = [with_rounding(epsilon, row) for row in rows]
        results.append(Repeated(exact, others))
    return results


def _undecided(flat: FlatJaxpr) -> dict[int, np.ndarray]:
    """Return zeros in the shape of every decision."""
    zeros = {}
    for operation in flat.operations:
        outputs = operation.equation.outvars
        for variable, output in zip(operation.outputs, outputs, strict=True):
            aval = output.aval
            if _is_decision(operation, aval):
                zeros[variable] = np.zeros(aval.shape, aval.dtype)
    return zeros


def draws_for(
    flats: Sequence[FlatJaxpr], leaves: Sequence[np.ndarray]
) -> Float[np.ndarray, "repetitions draws"]:
    """Draw numbers in [−1, 1], a row for each repetition.

    Every rounding reads a piece of the row, of its own size and from its own start. To draw the
    numbers at each rounding would take several times as long to compile.
    """
    sizes = [*map(np.size, leaves)]
    for flat in flats:
        sizes += _sizes(flat)
    largest = max(int(size) for size in sizes)
    draws = largest + OFFSETS
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (REPETITIONS, draws))


def _sizes(flat: FlatJaxpr) -> Iterator[int]:
    """Yield the size of every value that is computed, and of every constant."""
    for operation in flat.operations:
        for output in operation.equation.outvars:
            shape = output.aval.shape
            yield np.prod(shape)
    for constant in flat.constants.values():
        yield np.size(constant)


def noise_floor(
    exact: Sequence[np.ndarray], repeated: Sequence[Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """Return for each output the root mean square deviation from `exact` over the repetitions.

    An entry is 0 where there is no finite number to deviate from.
    """
    floors = []
    by_output = zip(*repeated, strict=True)
    for reference, others in zip(exact, by_output, strict=True):
        with np.errstate(over="ignore"):
            squares = [_deviation(other, reference) ** 2 for other in others]
            mean_square = np.mean(squares, axis=0)
        floors.append(np.sqrt(mean_square))
    return floors


def _deviation(rounded: np.ndarray, reference: np.ndarray) -> np.ndarray:
    rounded = np.asarray(rounded, np.float64)
    reference = np.asarray(reference, np.float64)
    both_finite = np.isfinite(rounded) & np.isfinite(reference)
    zeros = np.zeros(reference.shape)
    return np.subtract(rounded, reference, out=zeros, where=both_finite)
