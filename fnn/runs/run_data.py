"""The data of a run: its training rows, and the splits on which it is evaluated."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Integer

from fnn.data import Arrays, Scaling, Split
from fnn.reductions import Weights
from fnn.runs.evaluate import HeldOut, held_out
from fnn.runs.keys import RunKeys
from fnn.runs.step import TrainSpec

SPLIT = "split"  # the name of the hyperparameter that says which split a run has


class TrainRows(NamedTuple):
    """Hold the training rows of a run.

    rows   contain them
    size   the number of training rows
    first  the place of the first one in `rows`; None: they are all of `rows`
    """

    rows: Split
    size: int
    first: Integer[Array, ""] | None = None

    def take(self, places: Integer[Array, "batch"]) -> Split:
        """Return rows by their places among the training rows."""
        if self.first is not None:
            places = places + self.first.astype(places.dtype)
        arrays: list[Any] = [jnp.asarray(array) for array in self.rows]
        taken = [array.at[places].get(mode="promise_in_bounds") for array in arrays]
        return Split(*taken)

    def whole(self) -> Split:
        """Return all training rows."""
        if self.first is None:
            return self.rows
        arrays: list[Any] = [sliced(array, self.first, self.size) for array in self.rows]
        return Split(*arrays)


class SplitChoice(NamedTuple):
    """Choose the split of a run among splits of equal sizes, which lie one behind the other.

    split   the number of the run's split
    splits  the number of splits
    """

    split: Any = None
    splits: int = 1

    def rows_of(self, array: Any) -> Any:
        """Return the rows of the run's split."""
        if self.splits == 1:
            return array
        size = array.shape[0] // self.splits
        return sliced(array, self.split * size, size)

    def train_rows(self, rows: Split) -> TrainRows:
        """Return the training rows of the run's split. They are not copied."""
        size = rows.x.shape[0] // self.splits
        first = None if self.splits == 1 else self.split * size
        return TrainRows(rows, size, first)


ONLY_SPLIT = SplitChoice()


class RunData(NamedTuple):
    """Hold the data on which a run is trained and evaluated.

    train     the training rows
    held_out  the validation and the test split
    weights   of the training rows, with a mean of 1; None where all rows count the same
    units     mean and std by which real targets were scaled
    """

    train: TrainRows
    held_out: list[HeldOut]
    weights: Weights = None
    units: Scaling | None = None

    @property
    def training(self) -> HeldOut:
        """Return the training split in the form in which splits are evaluated."""
        sizes = {"train": self.train.size}
        return HeldOut(self.train.whole(), sizes, self.weights)


def data_of_run(
    spec: TrainSpec, keys: RunKeys, dataset: Arrays, choice: SplitChoice = ONLY_SPLIT
) -> RunData:
    """Return the data of a run, with its own training rows.

    An array that `transform_train` returns unchanged is not copied for every run. The training rows
    of one split among several are not copied either.
    """
    splits = {"validation": dataset.validation, "test": dataset.test}
    evaluated = {name: Split(*map(choice.rows_of, split)) for name, split in splits.items()}
    train = choice.train_rows(dataset.train)
    if spec.transform_train is not None:
        rows = map(jnp.asarray, train.whole())
        transformed = spec.transform_train(keys.data, *rows)
        train = TrainRows(Split(*transformed), train.size)
    units = dataset.units
    if units is not None and choice.splits > 1:
        own_units: Any = (jnp.asarray(each)[choice.split] for each in units)
        units = Scaling(*own_units)
    if dataset.weights is None:
        return RunData(train, held_out(evaluated), units=units)
    weights_of_splits = dataset.weights._asdict()
    weights = {
        name: jnp.asarray(choice.rows_of(values), float)
        for name, values in weights_of_splits.items()
    }
    train_weights = weights.pop("train")
    all_held_out = held_out(evaluated, weights)
    return RunData(train, all_held_out, train_weights / jnp.mean(train_weights), units)


def sliced(array: Any, first: Integer[Array, ""], size: int) -> Array:
    """Return `size` rows, beginning with the row `first`."""
    return lax.dynamic_slice_in_dim(jnp.asarray(array), first, size)
