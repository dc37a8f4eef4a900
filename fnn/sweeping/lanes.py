"""Lanes: one (setting, seed) each, in the order settings × seeds."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Num, UInt32

Setting = dict[str, float]


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

    Raises ValueError for values that are not numbers, an empty list, NaN and infinity.
    """
    columns = {name: _numbers(name, values) for name, values in (hyper or {}).items()}
    return [dict(zip(columns, values, strict=True)) for values in itertools.product(*columns.values())]


def lanes_of(settings: Sequence[Setting], seeds: Sequence[int]) -> Lanes:
    """The lanes of settings × seeds."""
    names = settings[0]
    columns = {name: np.array([setting[name] for setting in settings]) for name in names}
    return Lanes(
        np.tile(np.array(seeds, np.uint32), len(settings)),
        {name: np.repeat(values, len(seeds)) for name, values in columns.items()},
    )


def _numbers(name: str, values: Any) -> list[float]:
    if isinstance(values, (str, bytes)) or np.ndim(values) != 1:
        raise ValueError(f"hyper[{name!r}]: got {values!r}, expected a list of numbers.")
    array = np.asarray(values)
    if array.size == 0:
        raise ValueError(f"hyper[{name!r}]: got an empty list, expected at least one number.")
    if array.dtype.kind not in "iufb":
        raise ValueError(
            f"hyper[{name!r}]: got {values!r}, expected numbers; what is not a number changes the program, so make "
            "one sweep for each."
        )
    if not np.isfinite(array).all():
        raise ValueError(f"hyper[{name!r}]: got {values!r}, expected finite numbers.")
    return array.tolist()
