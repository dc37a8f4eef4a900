"""The noise floor of a gradient: how far rounding alone can move each entry.

Monte Carlo arithmetic (Parker 1997): the traced gradient is evaluated again with the result of every rounding
operation multiplied by 1 + ε u, u uniform in [−1, 1], and so are its inputs. The spread over a few repetitions is
what evaluating the same formula in another order would do. It follows the operations themselves: a sum that cancels is
noisy, a large array is not. With the ε of float32 or bfloat16 it is the floor for a computation in that precision,
measured in float64.
"""

from collections.abc import Sequence
from itertools import count

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr
from jaxtyping import Array, Float, UInt32

from fnn.gradcheck.interpreter import inner_function, interpret

REPETITIONS = 4

EXACT = frozenset(
    "abs and argmax argmin broadcast_in_dim ceil clamp concatenate convert_element_type copy eq expand_dims floor "
    "gather ge gt iota is_finite le lt max min ne neg not or pad real reduce_and reduce_max reduce_min reduce_or "
    "reshape rev round select_n sign slice sort split squeeze stop_gradient transpose xor dynamic_slice "
    "dynamic_update_slice scatter".split()
)
"""Operations that move or choose numbers without rounding them."""


def noise_floor(closed: ClosedJaxpr, arguments: Sequence[Array], exact: Sequence[Array], epsilon: float) -> list[Array]:
    """For each output the root mean square deviation from `exact`, entry by entry, under roundings of size epsilon."""

    def squared_deviations(repetition):
        numbers = count()

        def round_again(value):
            if not jnp.issubdtype(jnp.result_type(value), jnp.floating):
                return value
            u = uniform(repetition, next(numbers), jnp.shape(value))
            return value * (1 + epsilon * u).astype(jnp.result_type(value))

        def hook(place, equation, inputs, apply):
            outputs = apply(*inputs)
            rounds = inner_function(equation) is None and equation.primitive.name not in EXACT
            return [round_again(value) for value in outputs] if rounds else outputs

        noisy_constants = ClosedJaxpr(closed.jaxpr, [round_again(c) for c in closed.consts])
        noisy = interpret(noisy_constants, [round_again(a) for a in arguments], hook)
        return [(jnp.asarray(value) - truth) ** 2 for value, truth in zip(noisy, exact, strict=True)]

    squares = jax.lax.map(squared_deviations, jnp.arange(1, REPETITIONS + 1, dtype=jnp.uint32))
    return [jnp.sqrt(jnp.mean(square, axis=0)) for square in squares]


def uniform(repetition: UInt32[Array, ""], number: int, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Numbers in [−1, 1] by hashing each position. jax.random's are better, and take ten times as long to compile at
    the dozens of places where they would be drawn."""
    size = 1
    for n in shape:
        size *= n
    x = jnp.arange(size, dtype=jnp.uint32).reshape(shape) + repetition * jnp.uint32((2654435761 * (number + 1)) % 2**32)
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return (x ^ (x >> 16)).astype(float) * 2.0**-31 - 1.0
