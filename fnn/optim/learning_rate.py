"""Take the learning rate of an optimizer: a number, a traced array, or an optax schedule.

A schedule is a function from the count of updates so far to a rate.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Integer

from fnn import checks
from fnn.types import Params

LearningRate: TypeAlias = float | Array | Callable[[Array], Array]
Count: TypeAlias = Integer[Array, ""]


def check(learning_rate: LearningRate) -> None:
    """Refuse a concrete rate that is not finite and above zero. Tracers and schedules pass."""
    if not callable(learning_rate):
        checks.positive("learning_rate", learning_rate)


def at(learning_rate: LearningRate, count: Count) -> Array | float:
    """Return η for the update that follows `count` updates."""
    if callable(learning_rate):
        return learning_rate(count)
    return learning_rate


def initial_count(params: Params) -> Count:
    """Return a count of 0 updates. Refuse integer parameters, which updates would not move."""
    checks.floating("params", params)
    return jnp.zeros((), jnp.int32)
