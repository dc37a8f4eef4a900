"""In which precision a gradient computes, as its numbers show."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from fnn.gradcheck.problem import Problem

MANY = 16  # numbers: whole ones and halves, which any precision has, say nothing


def precision_of(problem: Problem) -> str | None:
    """Return the narrow precision that has all numbers of a gradient; None if they are wider."""
    arrays = [np.asarray(leaf) for leaf in problem.hand(problem.leaves)]
    is_bfloat16 = {str(array.dtype) for array in arrays} == {"bfloat16"}
    if is_bfloat16 or (has_many(arrays) and are_numbers_of(arrays, "bfloat16")):
        return "bfloat16"
    return "float32" if are_numbers_of(arrays, "float32") else None


def are_numbers_of(arrays: Sequence[np.ndarray], dtype: str) -> bool:
    """Return whether a precision has every number of some arrays."""
    narrow = jnp.dtype(dtype)
    wide = [array.astype(np.float64) for array in arrays]
    return all(
        np.array_equal(each, each.astype(narrow).astype(np.float64), equal_nan=True)
        for each in wide
    )


def has_many(arrays: Sequence[np.ndarray]) -> bool:
    """Return whether there are many different numbers that are not small fractions."""
    numbers = np.unique(np.concatenate([array.astype(np.float64).ravel() for array in arrays]))
    return int(np.count_nonzero(numbers * 8 % 1)) >= MANY
