"""Arrays for results, in memory or, where they are large, in a file that is deleted with them."""

import math
import tempfile
from typing import Any

import jax.numpy as jnp
import numpy as np

BYTES_IN_MEMORY = 2**28


def nan_array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array of NaN (of zeros, for a dtype without NaN)."""
    fill = np.nan if jnp.issubdtype(dtype, jnp.inexact) else 0
    if math.prod(shape) * np.dtype(dtype).itemsize <= BYTES_IN_MEMORY:
        return np.full(shape, fill, dtype)
    with tempfile.TemporaryFile() as file:  # has no name; the mapping keeps it until it is gone
        array = np.memmap(file, dtype, "w+", shape=shape)
    array[:] = fill
    return array
