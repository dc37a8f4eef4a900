"""Lanes: one (setting, seed) each."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Num, UInt32

from fnn.sweeping.settings import Setting


class Lanes(NamedTuple):
    """What differs between the runs of one program: arrays with one entry a lane."""

    seeds: UInt32[np.ndarray, "*lanes"]
    hyper: dict[str, Num[np.ndarray, "*lanes"]]

    def at(self, index: np.ndarray) -> "Lanes":
        """The lanes of these numbers, in the shape of `index`."""
        return Lanes(self.seeds[index], {name: values[index] for name, values in self.hyper.items()})


def lanes_of(settings: Sequence[Setting], names: Sequence[str], seeds: Sequence[int]) -> Lanes:
    """settings × seeds, the seeds changing fastest, with the hyperparameters of these names."""
    columns = {name: np.array([setting[name] for setting in settings]) for name in names}
    return Lanes(
        np.tile(np.array(seeds, np.uint32), len(settings)),
        {name: np.repeat(values, len(seeds)) for name, values in columns.items()},
    )
