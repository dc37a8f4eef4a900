"""The data of a run: its training rows, and what it is evaluated with."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Integer

from fnn.data import Arrays, Scaling, Split
from fnn.reductions import Weights
from fnn.runs.evaluate import HeldOut, held_out
from fnn.runs.keys import RunKeys
from fnn.runs.step import TrainSpec

SPLIT = "split"  # the name by which a run is told which split it has


class TrainRows(NamedTuple):
    """The training rows of a run: so many, from the first on; None: all of them."""

    rows: Split
    size: int
    first: Integer[Array, ""] | None = None

    def take(self, places: Integer[Array, "batch"]) -> Split:
        """Return rows by their places among those of the run."""
        if self.first is not None:
            places = places + self.first.astype(places.dtype)
        arrays: list[Any] = [jnp.asarray(array) for array in self.rows]
        return Split(*(array.at[places].get(mode="promise_in_bounds") for array in arrays))

    def whole(self) -> Split:
        """Return all of them."""
        if self.first is None:
            return self.rows
        arrays: Any = (sliced(array, self.first, self.size) for array in self.rows)
        return Split(*arrays)


class Among(NamedTuple):
    """Which split a run has, of so many of equal sizes that lie one behind the other."""

    split: Any = None
    splits: int = 1

    def own(self, array: Any) -> Any:
        """Return the rows of the run's split."""
        if self.splits == 1:
            return array
        size = array.shape[0] // self.splits
        return sliced(array, self.split * size, size)

    def train(self, rows: Split) -> TrainRows:
        """Return the training rows of the run's split, which stay where they are."""
        size = rows.x.shape[0] // self.splits
        return TrainRows(rows, size, None if self.splits == 1 else self.split * size)


ALONE = Among()


class RunData(NamedTuple):
    """What a run is trained on and evaluated with.

    weights  of the training rows, with a mean of 1; None where all count the same
    units    mean and std by which real targets were scaled
    """

    train: TrainRows
    held_out: list[HeldOut]
    weights: Weights = None
    units: Scaling | None = None

    @property
    def training(self) -> HeldOut:
        """Return the training split as one that is evaluated."""
        return HeldOut(self.train.whole(), {"train": self.train.size}, self.weights)


def data_of_run(spec: TrainSpec, keys: RunKeys, dataset: Arrays, among: Among = ALONE) -> RunData:
    """Return the data with this run's training rows.

    What `transform_train` returns as it was is not copied for every run, and neither are the
    training rows of one split among several.
    """
    evaluated = {"validation": dataset.validation, "test": dataset.test}
    evaluated = {name: Split(*map(among.own, split)) for name, split in evaluated.items()}
    train = among.train(dataset.train)
    if spec.transform_train is not None:
        transformed = spec.transform_train(keys.data, *map(jnp.asarray, train.whole()))
        train = TrainRows(Split(*transformed), train.size)
    units = dataset.units
    if units is not None and among.splits > 1:
        pair: Any = (jnp.asarray(each)[among.split] for each in units)
        units = Scaling(*pair)
    if dataset.weights is None:
        return RunData(train, held_out(evaluated), units=units)
    weights = {
        name: jnp.asarray(among.own(w), float) for name, w in dataset.weights._asdict().items()
    }
    own = weights.pop("train")
    return RunData(train, held_out(evaluated, weights), own / jnp.mean(own), units)


def sliced(array: Any, first: Integer[Array, ""], size: int) -> Array:
    """Return so many rows, from the first on."""
    return lax.dynamic_slice_in_dim(jnp.asarray(array), first, size)
