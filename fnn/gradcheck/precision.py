"""Find the precision in which a gradient computes, from its numbers."""

from collections.abc import Sequence

import numpy as np

from fnn.gradcheck.problem import Problem

FEW = 3  # numbers, below which nothing can be said

# Of the 24 bits of float32. In whole numbers and in fractions of few digits they are mostly zero.
LAST_BITS = 0xF


def precision_of(problem: Problem) -> str | None:
    """Return the narrow precision in which all of a gradient computes; None if it is wider.

    It is the dtype of its arrays, if all of them have the same narrow one. Arrays of float64
    compute in float32 if float32 can hold every number and most numbers use its last bits.
    Rounding leaves a bit there in 15 of 16 cases. Whole numbers, zeros and quantised data do not.
    """
    arrays = [np.asarray(leaf) for leaf in problem.given(problem.leaves)]
    dtypes = {str(array.dtype) for array in arrays}
    has_numbers = any(np.any(array) for array in arrays)
    for narrow in ("float32", "bfloat16"):
        if dtypes == {narrow} and has_numbers:
            return narrow
    return "float32" if are_of_float32(arrays) else None


def are_of_float32(arrays: Sequence[np.ndarray]) -> bool:
    """Return whether numbers are results of float32."""
    flat = [array.astype(np.float64).ravel() for array in arrays]
    numbers = np.concatenate(flat)
    is_telling = np.isfinite(numbers) & (numbers != 0)
    numbers = np.unique(numbers[is_telling])
    narrow = numbers.astype(np.float32)
    fits = np.array_equal(narrow.astype(np.float64), numbers)
    if len(numbers) < FEW or not fits:
        return False
    last_bits = narrow.view(np.uint32) & LAST_BITS
    return bool(np.mean(last_bits != 0) > 0.5)
