"""Arrays for results: in memory, or in a temporary file where they are large."""

import math
import tempfile
from typing import Any

import jax.numpy as jnp
import numpy as np

BYTES_IN_MEMORY = 2**28


def nan_array(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return an array full of NaN, or of zeros where the dtype has no NaN.

    An array of more than BYTES_IN_MEMORY is mapped to a temporary file. The file is deleted with
    the array.
    """
    has_nan = jnp.issubdtype(dtype, jnp.inexact)
    fill = np.nan if has_nan else 0
    nbytes = math.prod(shape) * np.dtype(dtype).itemsize
    if nbytes <= BYTES_IN_MEMORY:
        return np.full(shape, fill, dtype)
    with tempfile.TemporaryFile() as file:
        # The file has no name. The mapping keeps it until the array is deleted.
        array = np.memmap(file, dtype, "w+", shape=shape)
    array[:] = fill
    return array
