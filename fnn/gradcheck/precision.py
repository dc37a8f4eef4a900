"""In which precision a gradient computes, as its numbers show."""

from collections.abc import Sequence

import numpy as np

from fnn.gradcheck.problem import Problem

FEW = 3  # numbers, from which on something can be said
LAST_BITS = 0xF  # of the 24 of float32: mostly zero in whole numbers and in fractions of few digits


def precision_of(problem: Problem) -> str | None:
    """Return the narrow precision in which all of a gradient computes; None if it is wider.

    It is that of its arrays. Where these are of float64, it is float32 if every number is one of
    float32 and most use its last bits: in 15 of 16 cases rounding leaves some, and whole numbers,
    zeros and quantised data do not.
    """
    arrays = [np.asarray(leaf) for leaf in problem.given(problem.leaves)]
    observed = {str(array.dtype) for array in arrays}
    for narrow in ("float32", "bfloat16"):
        if observed == {narrow} and any(map(np.any, arrays)):
            return narrow
    return "float32" if are_of_float32(arrays) else None


def are_of_float32(arrays: Sequence[np.ndarray]) -> bool:
    """Return whether numbers are results of float32."""
    numbers = np.concatenate([array.astype(np.float64).ravel() for array in arrays])
    numbers = np.unique(numbers[np.isfinite(numbers) & (numbers != 0)])
    narrow = numbers.astype(np.float32)
    if len(numbers) < FEW or not np.array_equal(narrow.astype(np.float64), numbers):
        return False
    return bool(np.mean(narrow.view(np.uint32) & LAST_BITS != 0) > 0.5)
