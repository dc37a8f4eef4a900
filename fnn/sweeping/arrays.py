"""Arrays for results, in memory or, where they are large, in a file that is deleted with them."""

import math
import tempfile
from typing import Any

import numpy as np

BYTES_IN_MEMORY = 2**28


def nothing_yet(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """NaN everywhere."""
    if math.prod(shape) * np.dtype(dtype).itemsize <= BYTES_IN_MEMORY:
        return np.full(shape, np.nan, dtype)
    with tempfile.TemporaryFile() as file:  # the mapping keeps the file, which has no name, until it is gone itself
        array = np.memmap(file, dtype, "w+", shape=shape)
    array[:] = np.nan
    return array
