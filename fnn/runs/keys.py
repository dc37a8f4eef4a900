"""The random keys of a run, all derived from its seed."""

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
    data     is the key that transform_train gets for the training rows

    A key depends on the seed and on its position here. It does not depend on the number of epochs.
    """

    init: PRNGKey
    shuffle: PRNGKey
    noise: PRNGKey
    data: PRNGKey


def run_keys(seed: UInt32[Array, ""] | UInt32[np.ndarray, ""] | np.uint32) -> RunKeys:
    """Derive the keys of a seed. A run alone and a run of a sweep get the same keys."""
    key = jax.random.key(seed)
    return keys_from(key)


def keys_from(key: PRNGKey) -> RunKeys:
    """Derive the keys of a run from `jax.random.key(seed)`."""
    init, shuffle, noise, data = (jax.random.fold_in(key, position) for position in range(4))
    return RunKeys(init, shuffle, noise, data)
