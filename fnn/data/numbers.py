"""Scale numbers by the training rows, and hold them in the default float dtype."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from jaxtyping import Float

# How many rows are converted at once. A float64 copy of all rows would be twice as large as they.
ROWS_PER_BLOCK = 2**13
# Floats have every whole number up to this one.
LARGEST_WHOLE = 2.0**53


class Scaling(NamedTuple):
    """The mean and the standard deviation by which rows are scaled, in float64.

        x ← (x − mean)/std

    mean  (features,), or () for one of all features
    std   of the same shape

    >>> import numpy as np
    >>> from fnn.data import Scaling
    >>> scaling = Scaling(mean=np.array([1.0, 2.0]), std=np.array([1.0, 4.0]))
    >>> scaling.of(np.array([[2.0, 10.0]]))
    array([[1., 2.]])
    """

    mean: Float[np.ndarray, "features"] | Float[np.ndarray, ""]
    std: Float[np.ndarray, "features"] | Float[np.ndarray, ""]

    def of(self, x: np.ndarray) -> Float[np.ndarray, "examples features"]:
        """Return the scaled rows.

        x  (examples, features)
        """
        return (x.astype(np.float64) - self.mean) / self.std

    def to_json(self) -> dict[str, Any]:
        """Return the scaling as JSON, which keeps every digit."""
        mean = np.asarray(self.mean).tolist()
        std = np.asarray(self.std).tolist()
        return {"mean": mean, "std": std}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Make a scaling from the JSON of `to_json`."""
        mean = np.asarray(saved["mean"], np.float64)
        std = np.asarray(saved["std"], np.float64)
        return cls(mean, std)


UNSCALED = Scaling(np.zeros(()), np.ones(()))
"""The scaling of features that were left as they are on purpose."""


def scaling_by(x: np.ndarray, rows: np.ndarray | None, standardize: bool) -> Scaling:
    """Return the scaling of each feature by some rows; `UNSCALED` without standardize."""
    if not standardize:
        return UNSCALED
    mean, std = mean_and_std(x, rows)
    return Scaling(mean, std)


def scaling_of_columns(
    columns: Sequence[np.ndarray], rows: np.ndarray, standardize: bool
) -> Scaling:
    """Return the scaling of each column by some rows; `UNSCALED` without standardize."""
    if not standardize:
        return UNSCALED
    pairs = [mean_and_std(column, rows) for column in columns]
    means, stds = np.array(pairs, np.float64).T
    return Scaling(means, stds)


def as_float(name: str, values: np.ndarray) -> np.ndarray:
    """Return values in JAX's default float dtype.

    Raises ValueError for values that float32 cannot hold.
    """
    check_range(name, values)
    return values.astype(jax.dtypes.canonicalize_dtype(float))


def check_range(name: str, values: np.ndarray) -> None:
    """Refuse values that float32 cannot hold.

    They are refused under x64 too, so that data load under both dtypes or under none.
    """
    limit = float(np.finfo(np.float32).max)
    largest = magnitude(values)
    if largest > limit:
        raise ValueError(
            f"{name}: got a value of magnitude {largest:.3g}, expected at most {limit:.3g}; "
            "rescale it."
        )


def magnitude(values: np.ndarray) -> float:
    """Return the largest absolute value."""
    highest = float(np.max(values))
    lowest = float(np.min(values))
    return max(abs(highest), abs(lowest))


def check_whole(name: str, values: np.ndarray) -> None:
    """Refuse whole numbers so large that different ones would become the same float."""
    if values.dtype.kind not in "iu":
        return
    is_beyond = np.abs(values / LARGEST_WHOLE) > 1
    if np.any(is_beyond):
        raise ValueError(
            f"{name}: got whole numbers beyond 2⁵³, and different ones become the same float; "
            "subtract the smallest, or leave the column out if it is an identifier."
        )


def mean_and_std(
    x: np.ndarray, rows: np.ndarray | None = None, axis: int | None = 0
) -> tuple[Any, np.ndarray]:
    """Return the mean and the standard deviation in float64. The std of constants is 1.

    x     (examples, features) or (examples,)
    rows  the numbers of the rows to count; None: all
    axis  0: one pair for each feature; None: one pair for all of x
    """
    n = len(x) if rows is None else len(rows)
    count = n
    if axis is None:
        count = n * x[0].size

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, n, ROWS_PER_BLOCK):
            part = slice(start, start + ROWS_PER_BLOCK)
            if rows is None:
                yield x[part]
            else:
                yield x[rows[part]]

    total: Any = 0
    for block in blocks():
        total = total + np.sum(block, axis=axis, dtype=np.float64)
    mean = total / count
    squares: Any = 0
    for block in blocks():
        deviations = block.astype(np.float64) - mean
        squares = squares + np.sum(deviations**2, axis=axis)
    std = np.sqrt(squares / count)
    minima = [np.min(block, axis=axis) for block in blocks()]
    maxima = [np.max(block, axis=axis) for block in blocks()]
    least = np.min(minima, axis=0)
    most = np.max(maxima, axis=0)
    # Compared, because std == 0 fails: rounding gives a column of 0.1 a std of 1e-17, and
    # subnormal numbers that differ one of 0.
    is_constant = least == most
    # The rounded mean of equal large numbers is another number.
    exact_mean = np.where(is_constant, least, mean)
    has_no_spread = is_constant | (std == 0)
    return np.asarray(exact_mean), np.where(has_no_spread, 1.0, std)


def scaled_features(x: np.ndarray, rows: np.ndarray | slice, scaling: Scaling) -> np.ndarray:
    """Return some rows of x, scaled in float64, in JAX's default float dtype."""
    all_numbers = np.arange(len(x))
    numbers = all_numbers[rows]
    shape = (len(numbers), *x.shape[1:])
    dtype = jax.dtypes.canonicalize_dtype(float)
    scaled = np.empty(shape, dtype)
    for start in range(0, len(numbers), ROWS_PER_BLOCK):
        part = slice(start, start + ROWS_PER_BLOCK)
        block = x[numbers[part]]
        scaled_block = scaling.of(block)
        scaled[part] = as_float("x", scaled_block)
    return scaled
