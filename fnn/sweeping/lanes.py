"""Lanes: one (setting, seed) each, in the order settings × seeds."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Num, UInt32

from fnn import checks

Setting = dict[str, float]

STATISTICS = ("mean", "low", "high", "median", "min", "max")
TAKEN = ("metric", "setting", *STATISTICS, "n", "diverged", "validation_loss")
"""The other columns of a summary row."""

WHAT_IS_NO_NUMBER = "What is not a number changes the program, so make one sweep for each."


class Lanes(NamedTuple):
    """What differs between the runs of a sweep: arrays with one entry a lane."""

    seeds: UInt32[np.ndarray, "lanes"]
    hyper: dict[str, Num[np.ndarray, "lanes"]]

    def padded(self, start: int, size: int) -> "Lanes":
        """Lanes start to start + size; past the end the last lane again, so that a block never changes shape."""
        index = np.minimum(np.arange(start, start + size), len(self.seeds) - 1)
        return Lanes(self.seeds[index], {name: values[index] for name, values in self.hyper.items()})


def settings_of(hyper: Mapping[str, Sequence[float]] | None) -> list[Setting]:
    """Every combination of the values, the last name changing fastest; one empty setting where there are none.

    Raises ValueError for names that are no strings or that the summary uses, values that are not numbers or that JAX
    would change to infinity or zero, an empty list, NaN and infinity.
    """
    hyper = {} if hyper is None else hyper
    if not isinstance(hyper, Mapping):
        raise ValueError(f"hyper: got {hyper!r}, expected a dict such as {{'learning_rate': [1e-3, 3e-3]}}.")
    for name in hyper:
        if not isinstance(name, str) or name in TAKEN:
            raise ValueError(f"hyper: got the name {name!r}, expected a string that is none of {', '.join(TAKEN)}.")
    columns = {name: _numbers(name, values) for name, values in hyper.items()}
    return [dict(zip(columns, values, strict=True)) for values in itertools.product(*columns.values())]


def lanes_of(settings: Sequence[Setting], seeds: Sequence[int]) -> Lanes:
    """The lanes of settings × seeds."""
    names = settings[0]
    columns = {name: np.array([setting[name] for setting in settings]) for name in names}
    return Lanes(
        np.tile(np.array(seeds, np.uint32), len(settings)),
        {name: np.repeat(values, len(seeds)) for name, values in columns.items()},
    )


class Recorded(dict):
    """The hyperparameters of a lane, remembering which of them the builder read."""

    def __init__(self, values: Mapping[str, Any]):
        super().__init__(values)
        self.read: set[str] = set()

    def __missing__(self, name):
        raise ValueError(
            f"builder: asks for hyper[{name!r}], but hyper has {', '.join(map(repr, self)) or 'no names'}."
        )

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        """As dict.get."""
        self.read.add(name)
        return super().get(name, default)

    def __iter__(self):
        self.read |= dict.keys(self)
        return super().__iter__()

    def values(self):
        """As dict.values."""
        self.read |= dict.keys(self)
        return super().values()

    def items(self):
        """As dict.items."""
        self.read |= dict.keys(self)
        return super().items()


def _numbers(name: str, values: Any) -> list[float]:
    column = f"hyper[{name!r}]"
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray, jax.Array)):
        raise ValueError(f"{column}: got {values!r}, expected a list of numbers.")
    array = checks.numbers(column, values, f" {WHAT_IS_NO_NUMBER}")
    if array.ndim != 1:
        raise ValueError(f"{column}: got shape {array.shape}, expected a list of numbers.")
    if array.size == 0:
        raise ValueError(f"{column}: got an empty list, expected at least one number.")
    if any(isinstance(value, (bool, np.bool_)) for value in values):
        raise ValueError(f"{column}: got {values!r}, expected numbers, not truth values. {WHAT_IS_NO_NUMBER}")
    checks.finite(column, array)
    vanished = (array != 0) & (array.astype(jax.dtypes.canonicalize_dtype(array.dtype)) == 0)
    if vanished.any():
        raise ValueError(f"{column}: got {array[vanished][0]}, which JAX's default float dtype rounds to 0.")
    return array.tolist()
