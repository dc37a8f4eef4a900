"""A learning rate is a number, a traced array, or an optax schedule from the update count to a
rate.
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
    """Refuses a concrete rate that is not finite and above zero. Tracers and schedules pass."""
    if not callable(learning_rate):
        checks.positive("learning_rate", learning_rate)


def at(learning_rate: LearningRate, count: Count) -> Array | float:
    """η for the update after `count` updates."""
    return learning_rate(count) if callable(learning_rate) else learning_rate


def start(params: Params) -> Count:
    """No update yet, of parameters that are checked: whole ones would stand still."""
    checks.floating("params", params)
    return jnp.zeros((), jnp.int32)
