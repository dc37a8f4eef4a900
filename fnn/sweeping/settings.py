"""Settings: the rows of hyperparameters that a sweep visits, from a grid or from a list of points."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from fnn import checks

Setting: TypeAlias = dict[str, Any]
Hyper: TypeAlias = Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]]

MOST_SETTINGS = 2**20
STATISTICS = ("mean", "low", "high", "median", "min", "max")
METRICS = [f"{split}_{kind}" for split in ("train", "validation", "test") for kind in ("loss", "accuracy")]
TAKEN = ("metric", "setting", "seed", "epoch", *STATISTICS, "n", "diverged", *METRICS)
"""The other columns of a summary row and of a record."""

BATCH_SIZE = "batch_size"
"""The hyperparameter that sweeps read themselves, in place of their argument of this name."""


def settings_of(hyper: Hyper | None) -> list[Setting]:
    """A dict of lists gives every combination, the last name changing fastest; dicts in a list, or such as
    ParameterSampler draws, give these points; None gives one empty setting.

    Raises ValueError for names that are no strings or that the summary uses, points of different names, an empty list,
    numbers that are not finite or that JAX would change to infinity or zero, and other values that cannot be hashed.
    """
    if hyper is None:
        return [{}]
    if isinstance(hyper, Mapping):
        columns = {name: _values(name, values) for name, values in hyper.items()}
        if (size := math.prod(map(len, columns.values()))) > MOST_SETTINGS:
            raise ValueError(
                f"hyper: got {size} combinations, expected at most {MOST_SETTINGS}; take a list of points."
            )
        rows = [dict(zip(columns, values, strict=True)) for values in itertools.product(*columns.values())]
    else:
        rows = _points(hyper)
    for name in rows[0]:
        if not isinstance(name, str) or name in TAKEN:
            raise ValueError(f"hyper: got the name {name!r}, expected a string that is none of {', '.join(TAKEN)}.")
        check_column(name, [row[name] for row in rows])
    return rows


def _points(points: Any) -> list[Setting]:
    if isinstance(points, Iterable) and not isinstance(points, (str, bytes)):
        points = list(points)
    if (
        not isinstance(points, Sequence)
        or not points
        or not all(isinstance(point, Mapping) and set(point) == set(points[0]) for point in points)
    ):
        raise ValueError(
            f"hyper: got {points!r}, expected a dict of lists such as {{'learning_rate': [1e-3, 3e-3]}}, or a list of "
            "dicts with the same names, such as [{'learning_rate': 1e-3}, {'learning_rate': 3e-3}]."
        )
    return [{name: _plain(point[name]) for name in points[0]} for point in points]


def _values(name: Any, values: Any) -> list[Any]:
    column = f"hyper[{name!r}]"
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray, jax.Array)):
        raise ValueError(f"{column}: got {values!r}, expected a list of values.")
    if isinstance(values, (np.ndarray, jax.Array)) and values.ndim != 1:
        raise ValueError(f"{column}: got shape {np.shape(values)}, expected a list of values.")
    if len(values) == 0:
        raise ValueError(f"{column}: got an empty list, expected at least one value.")
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    """NumPy's and JAX's scalars as Python's."""
    return value.item() if isinstance(value, (np.generic, np.ndarray, jax.Array)) and np.ndim(value) == 0 else value


def is_number(value: Any) -> bool:
    """Whether a value can be traced: an int or a float, but no truth value, which is a choice between programs."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_column(name: str, values: list[Any]) -> None:
    """Refuses numbers that JAX would change and other values that cannot tell one program from another."""
    column = f"hyper[{name!r}]"
    if all(map(is_number, values)):
        array = checks.numbers(column, values)
        checks.finite(column, array)
        vanished = (array != 0) & (array.astype(jax.dtypes.canonicalize_dtype(array.dtype)) == 0)
        if vanished.any():
            raise ValueError(f"{column}: got {array[vanished][0]}, which JAX's default float dtype rounds to 0.")
        return
    for value in values:
        try:
            hash(value)
        except TypeError as error:
            raise ValueError(f"{column}: got {value!r}, expected something hashable, such as a tuple.") from error
        if isinstance(value, float) and value != value:
            raise ValueError(f"{column}: got NaN.")
