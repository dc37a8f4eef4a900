"""The settings of a sweep, one dict of hyperparameters each, from a grid or a list of points."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np

from fnn import checks
from fnn.runs.blocks import Runs

Setting: TypeAlias = dict[str, Any]
HyperValues: TypeAlias = Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]]

MOST_SETTINGS = 2**20
STATISTICS = ("mean", "low", "high", "median", "min", "max")
KINDS = ("loss", "accuracy", "rmse", "r2")
METRICS = [f"{split}_{kind}" for split in ("train", "validation", "test") for kind in KINDS]
RESERVED_NAMES = (
    *("metric", "setting", "seed", "split", "machine", "epoch", "best_epoch"),
    *(*STATISTICS, "n", "diverged"),
    *METRICS,
)
"""The other columns of a summary row and of a record, which no hyperparameter may be called."""

BATCH_SIZE = "batch_size"
"""The hyperparameter that sweeps read themselves, instead of their argument of this name."""


def settings_of(hyper: HyperValues | None) -> list[Setting]:
    """List the settings of a grid, or of a list of points.

    hyper  name -> list of values gives every combination, the last name changing fastest. A list of
           dicts, such as ParameterSampler draws, gives these points. None gives one setting without
           names

    Raises ValueError for names that are not strings or that the summary uses, points of different
    names, an empty list, numbers that are not finite or that JAX would change to infinity or zero,
    and other values that cannot be hashed.
    """
    if hyper is None:
        return [{}]
    rows = _grid(hyper) if isinstance(hyper, Mapping) else _points(hyper)
    for name in rows[0]:
        if not isinstance(name, str) or name in RESERVED_NAMES:
            raise ValueError(
                f"hyper: got the name {name!r}, expected a string that is none of "
                f"{', '.join(RESERVED_NAMES)}."
            )
        check_column(name, [row[name] for row in rows])
    return rows


def runs_of(settings: Sequence[Setting], names: Sequence[str], seeds: Sequence[int]) -> Runs:
    """Return settings × seeds, the seeds changing fastest, with the hyperparameters of `names`."""
    seeds_once = np.array(seeds, np.uint32)
    all_seeds = np.tile(seeds_once, len(settings))
    hyper = {}
    for name in names:
        values = [setting[name] for setting in settings]
        hyper[name] = np.repeat(np.array(values), len(seeds))
    return Runs(all_seeds, hyper)


def _grid(hyper: Mapping[str, Any]) -> list[Setting]:
    columns = {name: _values(name, values) for name, values in hyper.items()}
    size = math.prod(map(len, columns.values()))
    if size > MOST_SETTINGS:
        raise ValueError(
            f"hyper: got {size} combinations, expected at most {MOST_SETTINGS}; take a list of "
            "points."
        )
    combinations = itertools.product(*columns.values())
    return [dict(zip(columns, values, strict=True)) for values in combinations]


def _points(points: Any) -> list[Setting]:
    if isinstance(points, Iterable) and not isinstance(points, (str, bytes)):
        points = list(points)
    if not _are_points(points):
        raise ValueError(
            f"hyper: got {points!r}, expected a dict of lists such as "
            "{'learning_rate': [1e-3, 3e-3]}, or a list of dicts with the same names, such as "
            "[{'learning_rate': 1e-3}, {'learning_rate': 3e-3}]."
        )
    names = list(points[0])
    return [{name: _python_scalar(point[name]) for name in names} for point in points]


def _are_points(points: Any) -> bool:
    """Return whether a value is a sequence of one dict at least, all with the same names."""
    if not isinstance(points, Sequence) or not points:
        return False
    if not all(isinstance(point, Mapping) for point in points):
        return False
    return all(set(point) == set(points[0]) for point in points)


def _values(name: Any, values: Any) -> list[Any]:
    column = f"hyper[{name!r}]"
    is_array = isinstance(values, (np.ndarray, jax.Array))
    is_text = isinstance(values, (str, bytes))
    is_listed = is_array or isinstance(values, Sequence)
    if is_text or not is_listed:
        raise ValueError(f"{column}: got {values!r}, expected a list of values.")
    if is_array and values.ndim != 1:
        raise ValueError(f"{column}: got shape {np.shape(values)}, expected a list of values.")
    if len(values) == 0:
        raise ValueError(f"{column}: got an empty list, expected at least one value.")
    return [_python_scalar(value) for value in values]


def _python_scalar(value: Any) -> Any:
    """Return a scalar of NumPy or JAX as Python's, and any other value as it is."""
    if not isinstance(value, (np.generic, np.ndarray, jax.Array)):
        return value
    return value.item() if np.ndim(value) == 0 else value


def is_number(value: Any) -> bool:
    """Return whether a value can be traced. A truth value cannot: it chooses between programs."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_column(name: str, values: list[Any]) -> None:
    """Refuse numbers that JAX would change, and values that cannot tell programs apart."""
    column = f"hyper[{name!r}]"
    if all(map(is_number, values)):
        _check_numbers(column, values)
        return
    for value in values:
        try:
            hash(value)
        except TypeError as error:
            raise ValueError(
                f"{column}: got {value!r}, expected something hashable, such as a tuple."
            ) from error
        if isinstance(value, float) and math.isnan(value):
            raise ValueError(f"{column}: got NaN, expected a number.")


def _check_numbers(column: str, values: list[Any]) -> None:
    array = checks.numbers(column, values)
    checks.finite(column, array)
    in_jax = array.astype(jax.dtypes.canonicalize_dtype(array.dtype))
    vanished = (array != 0) & (in_jax == 0)
    if vanished.any():
        raise ValueError(
            f"{column}: got {array[vanished][0]}, which JAX's default float dtype rounds to 0."
        )
