"""Numbers as a network takes them: scaled by the training rows, in the default float dtype."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from jaxtyping import Float


class Scaling(NamedTuple):
    """x ← (x − mean)/std, in float64: one pair for each feature, or one for all."""

    mean: Float[np.ndarray, "features"] | Float[np.ndarray, ""]
    std: Float[np.ndarray, "features"] | Float[np.ndarray, ""]

    def of(self, x: np.ndarray) -> Float[np.ndarray, "examples features"]:
        """Return the scaled rows."""
        return (x.astype(np.float64) - self.mean) / self.std

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, which keeps every digit."""
        return {name: np.asarray(values).tolist() for name, values in self._asdict().items()}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Make it of JSON."""
        return cls(*(np.asarray(saved[name], np.float64) for name in cls._fields))


AS_THEY_ARE = Scaling(np.zeros(()), np.ones(()))
"""Of features that were left as they are on purpose."""


def as_float(name: str, values: np.ndarray) -> np.ndarray:
    """Return values in JAX's default float dtype. ValueError beyond float32's range."""
    check_range(name, values)
    return values.astype(jax.dtypes.canonicalize_dtype(float))


def check_range(name: str, values: np.ndarray) -> None:
    """Refuse what float32 cannot hold, under x64 too: data load under both dtypes or none."""
    limit = float(np.finfo(np.float32).max)
    largest = max(abs(float(np.max(values))), abs(float(np.min(values))))
    if largest > limit:
        raise ValueError(
            f"{name}: got a value of magnitude {largest:.3g}, expected at most {limit:.3g}; "
            "rescale it."
        )


def check_whole(name: str, values: np.ndarray) -> None:
    """Refuse whole numbers of which floats would join some."""
    if values.dtype.kind in "iu" and np.any(np.abs(values / 2.0**53) > 1):
        raise ValueError(
            f"{name}: got whole numbers beyond 2⁵³, of which floats join some; subtract the "
            "smallest, or leave the column out if it is an identifier."
        )


ROWS = 2**13  # at a time: a copy of all rows in float64 would be twice as large as they are


def statistics(
    x: np.ndarray, rows: np.ndarray | None = None, axis: int | None = 0
) -> tuple[Any, np.ndarray]:
    """Return mean and std in float64, the std of constants being 1; scalars for axis None.

    rows  of x, which are to be counted; None: all
    """
    n = len(x) if rows is None else len(rows)
    count = n if axis == 0 else n * x[0].size
    blocks = [slice(start, start + ROWS) for start in range(0, n, ROWS)]

    def block(part: slice) -> np.ndarray:
        return x[part] if rows is None else x[rows[part]]

    mean = sum(np.sum(block(part), axis=axis, dtype=np.float64) for part in blocks) / count
    squares = (np.sum((block(part).astype(np.float64) - mean) ** 2, axis=axis) for part in blocks)
    std = np.sqrt(sum(squares) / count)
    least = np.min([np.min(block(part), axis=axis) for part in blocks], axis=0)
    most = np.max([np.max(block(part), axis=axis) for part in blocks], axis=0)
    # Compared, not std == 0: rounding gives a column of 0.1 a std of 1e-17, subnormal numbers 0.
    is_constant = least == most
    mean = np.where(is_constant, least, mean)  # of large numbers the rounded mean is another
    return np.asarray(mean), np.where(is_constant | (std == 0), 1.0, std)


def features_of(x: np.ndarray, rows: np.ndarray | slice, scaling: Scaling) -> np.ndarray:
    """Return some rows of x, scaled in float64, in JAX's default float dtype."""
    numbers = np.arange(len(x))[rows]
    made = np.empty((len(numbers), *x.shape[1:]), jax.dtypes.canonicalize_dtype(float))
    for start in range(0, len(numbers), ROWS):
        part = slice(start, start + ROWS)
        made[part] = as_float("x", scaling.of(x[numbers[part]]))
    return made
