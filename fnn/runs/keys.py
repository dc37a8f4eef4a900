"""The random numbers of a run, all from its seed."""

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, UInt32

from fnn.types import PRNGKey


class RunKeys(NamedTuple):
    """Hold the four keys of a run.

    init     draws the parameters
    shuffle  draws the order of epoch e, as fnn.data.shuffle.permutation(shuffle, n, e)
    noise    draws the dropout masks of step s, by fold_in(noise, s)
    data     draws what is random about the training rows

    Keys are derived by position, so they do not depend on how many epochs are asked for.
    """

    init: PRNGKey
    shuffle: PRNGKey
    noise: PRNGKey
    data: PRNGKey


def run_keys(seed: UInt32[Array, ""] | UInt32[np.ndarray, ""] | np.uint32) -> RunKeys:
    """Derive the keys of a seed, alone or in a sweep."""
    return keys_from(jax.random.key(seed))


def keys_from(key: PRNGKey) -> RunKeys:
    """Derive the keys of a run from `jax.random.key(seed)`."""
    return RunKeys(*(jax.random.fold_in(key, i) for i in range(4)))
