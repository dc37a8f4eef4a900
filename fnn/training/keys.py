"""The random numbers of a run, all from its seed."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, UInt32

from fnn.types import PRNGKey


class RunKeys(NamedTuple):
    """init draws the parameters, shuffle the order of epoch e by fold_in(shuffle, e), noise the dropout masks of
    step s by fold_in(noise, s), data what is random about the data. Keys that are derived by position never depend on
    how far a run is asked to go."""

    init: PRNGKey
    shuffle: PRNGKey
    noise: PRNGKey
    data: PRNGKey


def run_keys(seed: UInt32[Array, ""] | UInt32[np.ndarray, ""] | np.uint32) -> RunKeys:
    """The keys of a seed. A lane of a sweep uses these too, whatever its position."""
    key = jax.random.key(seed)
    return RunKeys(*(jax.random.fold_in(key, i) for i in range(4)))
