"""The noise floor of a gradient: how far rounding alone can move each entry.

Monte Carlo arithmetic (Parker 1997): the traced gradient is evaluated again with the result of
every rounding operation multiplied by 1 + ε u, u uniform in [−1, 1], and so are its inputs. The
spread over a few repetitions is what evaluating the same formula in another order would do. It
follows the operations themselves: a sum that cancels is noisy, a large array is not. With the ε of
float32 or bfloat16 it is the floor for a computation in that precision, measured in float64.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn.gradcheck.flat_jaxpr import FlatJaxpr, dtype_of, evaluate, is_float, is_key

REPETITIONS = 4
STRIDE, OFFSETS = 977, 8192  # where the draws of successive places start

EXACT = frozenset(
    "abs and argmax argmin broadcast_in_dim ceil clamp concatenate convert_element_type copy eq "
    "expand_dims floor "
    "gather ge gt iota is_finite le lt max min ne neg not or pad real reduce_and reduce_max "
    "reduce_min reduce_or "
    "reshape rev round select_n sign slice sort split squeeze stop_gradient transpose xor "
    "dynamic_slice "
    "dynamic_update_slice scatter".split()
)
"""Operations that move or choose numbers without rounding them."""

JUMPING = frozenset("floor ceil round sign rem".split())
"""Operations on floating-point numbers with jumps. Where rounding takes one, it says nothing about
rounding.
"""


class Rounding(NamedTuple):
    """How values are rounded another way: by up to epsilon, `draws` saying by how much. Decisions,
    by the number of the value, are `decided` where `fixed`: rounding must not turn them over.
    """

    epsilon: Any
    draws: Any
    fixed: Any
    decided: dict[int, Any]


def rounded_again(
    flat: FlatJaxpr, leaves: Sequence[Array], rounding: Rounding, *, narrow: float
) -> tuple[list[Array], dict[int, Array]]:
    """The outputs of a flow with every rounding done another way, and its decisions: comparisons,
    indices, whole numbers. `narrow` is the share of its own rounding by which a value of a narrow
    dtype is moved at the least.
    """
    places = count()
    decisions: dict[int, Array] = {}

    def round_again(value):
        if not is_float(value):
            return value
        dtype = dtype_of(value)
        least = narrow * float(jnp.finfo(dtype).eps)
        epsilon = jnp.where(rounding.epsilon > 0, jnp.maximum(rounding.epsilon, least), 0.0)
        start = next(places) * STRIDE % OFFSETS
        u = rounding.draws[start : start + jnp.size(value)].reshape(jnp.shape(value))
        return value * (1 + epsilon * u).astype(dtype)

    def after(operation, inputs, outputs):
        name = operation.equation.primitive.name
        for number, value in zip(operation.outputs, outputs, strict=True):
            if not is_key(value) and (not is_float(value) or name in JUMPING):
                decisions[number] = value
        outputs = [
            jnp.where(rounding.fixed, rounding.decided[number], value)
            if number in decisions
            else value
            for number, value in zip(operation.outputs, outputs, strict=True)
        ]
        return outputs if name in EXACT else [round_again(value) for value in outputs]

    constants = {number: round_again(value) for number, value in flat.constants.items()}
    values = evaluate(flat, [round_again(leaf) for leaf in leaves], constants, after)
    return [values[number] for number in flat.outputs], decisions


class Repeated(NamedTuple):
    """A computation as it is, and repeated with roundings of a size, an element each."""

    exact: Any
    others: list[Any]


def repeated(
    evaluate: Any,
    flats: Sequence[FlatJaxpr],
    leaves: Sequence[np.ndarray],
    epsilons: Sequence[float],
) -> list[Any]:
    """What evaluate(leaves, rounding) makes of no rounding, and of every row of draws for every
    epsilon.

    It returns (result, decisions by flow); the decisions of the first call are those of all others.
    """
    rows = draws_for(flats, leaves)
    undecided = [_undecided(flat) for flat in flats]
    exact, decided = jax.device_get(
        evaluate(leaves, [Rounding(0.0, rows[0], False, each) for each in undecided])
    )
    return [
        Repeated(
            exact,
            [
                evaluate(leaves, [Rounding(e, row, True, each) for each in decided])[0]
                for row in rows
            ],
        )
        for e in epsilons
    ]


def _undecided(flat: FlatJaxpr) -> dict[int, np.ndarray]:
    """Something of the shape of every decision."""
    return {
        number: np.zeros(out.aval.shape, out.aval.dtype)
        for step in flat.operations
        for number, out in zip(step.outputs, step.equation.outvars, strict=True)
        if not is_key(out.aval)
        and (not is_float(out.aval) or step.equation.primitive.name in JUMPING)
    }


def draws_for(
    flats: Sequence[FlatJaxpr], leaves: Sequence[np.ndarray]
) -> Float[np.ndarray, "repetitions draws"]:
    """Numbers in [−1, 1], a row a repetition. Every place reads a piece of the row of its own size,
    from a start of its own: drawing them at each place would take several times as long to compile.
    """
    computed = (
        np.prod(out.aval.shape)
        for flat in flats
        for step in flat.operations
        for out in step.equation.outvars
    )
    constants = (np.size(constant) for flat in flats for constant in flat.constants.values())
    largest = max(map(int, (*computed, *constants, *map(np.size, leaves))))
    return np.random.default_rng(0).uniform(-1, 1, (REPETITIONS, largest + OFFSETS))


def noise_floor(
    exact: Sequence[np.ndarray], repeated: Sequence[Sequence[np.ndarray]]
) -> list[np.ndarray]:
    """For each output the root mean square deviation from `exact` over the repetitions, entry by
    entry; 0 where there is no finite number to deviate from.
    """
    return [
        np.sqrt(np.mean([_deviation(other, reference) ** 2 for other in others], axis=0))
        for reference, others in zip(exact, zip(*repeated, strict=True), strict=True)
    ]


def _deviation(other: np.ndarray, reference: np.ndarray) -> np.ndarray:
    other, reference = np.asarray(other, np.float64), np.asarray(reference, np.float64)
    both = np.isfinite(other) & np.isfinite(reference)
    return np.subtract(other, reference, out=np.zeros(reference.shape), where=both)
