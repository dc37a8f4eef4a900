"""The noise floor of a gradient: how far rounding alone can move each entry.

Monte Carlo arithmetic (Parker 1997): the traced gradient is evaluated again with the result of every rounding
operation multiplied by 1 + ε u, u uniform in [−1, 1], and so are its inputs. The spread over a few repetitions is
what evaluating the same formula in another order would do. It follows the operations themselves: a sum that cancels is
noisy, a large array is not. With the ε of float32 or bfloat16 it is the floor for a computation in that precision,
measured in float64.
"""

from collections.abc import Sequence
from itertools import count

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from fnn.gradcheck.flow import Flow, evaluate, is_float

REPETITIONS = 4
STRIDE, OFFSETS = 977, 8192  # where the draws of successive places start; coprime, so that all starts differ

EXACT = frozenset(
    "abs and argmax argmin broadcast_in_dim ceil clamp concatenate convert_element_type copy eq expand_dims floor "
    "gather ge gt iota is_finite le lt max min ne neg not or pad real reduce_and reduce_max reduce_min reduce_or "
    "reshape rev round select_n sign slice sort split squeeze stop_gradient transpose xor dynamic_slice "
    "dynamic_update_slice scatter".split()
)
"""Operations that move or choose numbers without rounding them."""


def rounded_again(
    flow: Flow, leaves: Sequence[Array], epsilon: Float[Array, ""], draws: Float[Array, "draws"]
) -> list[Array]:
    """The outputs of a flow with every rounding done another way, by up to `epsilon`; with 0 as they are."""
    places = count()

    def round_again(value):
        if not is_float(value):
            return value
        start = next(places) * STRIDE % OFFSETS
        u = draws[start : start + jnp.size(value)].reshape(jnp.shape(value))
        return value * (1 + epsilon * u).astype(jnp.result_type(value))

    def after(operation, inputs, outputs):
        return outputs if operation.equation.primitive.name in EXACT else [round_again(value) for value in outputs]

    constants = {number: round_again(value) for number, value in flow.constants.items()}
    values = evaluate(flow, [round_again(leaf) for leaf in leaves], constants, after)
    return [values[number] for number in flow.outputs]


def draws_for(flow: Flow, leaves: Sequence[np.ndarray]) -> Float[np.ndarray, "repetitions draws"]:
    """Numbers in [−1, 1] for `rounded_again`, a row a repetition. Every place reads a piece of the row of its own size,
    from a start of its own: drawing them at each place would take several times as long to compile."""
    computed = (np.prod(out.aval.shape) for step in flow.operations for out in step.equation.outvars)
    largest = max(map(int, (*computed, *map(np.size, leaves), *map(np.size, flow.constants.values()))))
    return np.random.default_rng(0).uniform(-1, 1, (REPETITIONS, largest + OFFSETS))


def noise_floor(exact: Sequence[np.ndarray], repeated: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """For each output the root mean square deviation from `exact` over the repetitions, entry by entry; 0 where there
    is no finite number to deviate from."""
    return [
        np.sqrt(np.mean([_deviation(other, truth) ** 2 for other in others], axis=0))
        for truth, others in zip(exact, zip(*repeated, strict=True), strict=True)
    ]


def _deviation(other: np.ndarray, truth: np.ndarray) -> np.ndarray:
    other, truth = np.asarray(other, np.float64), np.asarray(truth, np.float64)
    both = np.isfinite(other) & np.isfinite(truth)
    return np.subtract(other, truth, out=np.zeros(truth.shape), where=both)
