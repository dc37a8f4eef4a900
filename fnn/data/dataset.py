"""Train, validation and test rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int32

from fnn import checks
from fnn.data.encoding import Encoding, encoding_of_arrays
from fnn.data.numbers import AS_THEY_ARE, Scaling, as_float, statistics
from fnn.data.owned import own
from fnn.data.parts import Parts, is_labels
from fnn.data.table import values_of


class Split(NamedTuple):
    """Examples and their targets.

    y  int32 class labels, or floating targets for regression
    """

    x: Float[np.ndarray, "examples features"]
    y: (
        Int32[np.ndarray, "examples"]
        | Float[np.ndarray, "examples"]
        | Float[np.ndarray, "examples outputs"]
    )

    def __repr__(self) -> str:
        return f"Split({shapes(self)})"


class Weights(NamedTuple):
    """How much each example of each split counts: numbers of at least 0, (examples,)."""

    train: Float[np.ndarray, "examples"]
    validation: Float[np.ndarray, "examples"]
    test: Float[np.ndarray, "examples"]

    def __repr__(self) -> str:
        return f"Weights({shapes(self)})"


class Arrays(NamedTuple):
    """The numbers of a Dataset, without what describes them.

    units  mean and std by which real targets were scaled: metrics are computed in their units
    """

    train: Split
    validation: Split
    test: Split
    weights: Weights | None = None
    units: Scaling | None = None


class Dataset(NamedTuple):
    """Rows to learn from (`train`), to choose by (`validation`) and to report once (`test`).

    scaling   how the features were scaled; None where the Dataset was made by hand
    weights   how much each example counts; None: all the same
    encoding  what turned raw rows into features; None where the Dataset was made by hand
    rows      which of the rows that were given are in which split; None where they came as splits
    """

    train: Split
    validation: Split
    test: Split
    scaling: Scaling | None = None
    weights: Weights | None = None
    encoding: Encoding | None = None
    rows: Parts | None = None

    @property
    def splits(self) -> dict[str, Split]:
        """Return the splits by name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def arrays(self) -> "Arrays":
        """Return what a program computes with."""
        units = None if self.encoding is None else self.encoding.units
        units = None if units is None else Scaling(*map(np.asarray, units))
        return Arrays(self.train, self.validation, self.test, self.weights, units)

    def scale(self, x: Any) -> Float[np.ndarray, "examples features"]:
        """Return new rows scaled as the training rows were, in JAX's default float dtype.

        Where they were left as they are (standardize=False) so are new ones.
        Raises ValueError for what is not (examples, features of the training rows), and where the
        Dataset was made by hand, so that nothing is known of its scaling.
        """
        if self.scaling is None:
            raise ValueError(
                "scale: this Dataset was made by hand, so how its rows were scaled is not known. "
                "Make it with fnn.data.from_splits or from_arrays, or scale new rows as you scaled "
                "those."
            )
        columns = self.preprocessing._replace(columns=(), scaling=self.scaling)
        return columns.encode(x)

    @property
    def preprocessing(self) -> Encoding:
        """Return the encoding; of a Dataset made by hand one that takes rows as its own are."""
        if self.encoding is not None:
            return self.encoding
        x, y = self.train
        return encoding_of_arrays(x.shape[1], y, scaling=self.scaling)

    def encode(self, rows: Any) -> Float[np.ndarray, "examples features"]:
        """Return raw rows as the network takes them: see `Encoding.encode`."""
        return self.preprocessing.encode(rows)

    def decode(self, prediction: Any) -> np.ndarray:
        """Return the network's outputs in the user's terms: see `Encoding.decode`."""
        return self.preprocessing.decode(prediction)

    def _without(self) -> dict[str, list[str]]:
        """Return the classes of the training rows that another split has no example of."""
        if not is_labels(self.train.y):
            return {}
        known, classes = np.unique(self.train.y), self.preprocessing.classes
        missing = {name: np.setdiff1d(known, split.y) for name, split in self.splits.items()}
        return {
            name: [str(classes[label] if classes else label) for label in labels]
            for name, labels in missing.items()
            if len(labels)
        }

    def __repr__(self) -> str:
        lines = [f"  {name:10}  x {shape(x)}, y {shape(y)}" for name, (x, y) in self.splits.items()]
        is_scaled = self.scaling is not None and self.scaling is not AS_THEY_ARE
        lines.append(f"  scaled      {'yes' if is_scaled else 'no'}")
        if self.weights is not None:
            lines.append("  weights     yes")
        for name, labels in self._without().items():
            lines.append(f"  {name} has no example of {', '.join(labels)}")
        return "\n".join(["Dataset(", *lines[:-1], f"{lines[-1]})"])


def shapes(arrays: NamedTuple) -> str:
    """Return shape and dtype of each array, by name."""
    return ", ".join(f"{name} {shape(array)}" for name, array in arrays._asdict().items())


def shape(array: Any) -> str:
    """Return shape and dtype as text."""
    return f"{np.shape(array)} {getattr(array, 'dtype', '')}"


def owned(dataset: Dataset) -> Dataset:
    """Return the dataset, whose arrays were made here and are read-only from now on."""
    scaling = None if dataset.scaling is AS_THEY_ARE else dataset.scaling
    made = _each(dataset, lambda split: Split(own(split.x, scaling), own(split.y)))
    return made._replace(weights=None if made.weights is None else Weights(*map(own, made.weights)))


def weights_of(weights: Any, split: Parts, examples: int) -> Weights | None:
    """Return the weights of each split; refuses what is no number to count by."""
    if weights is None:
        return None
    is_object = getattr(getattr(weights, "dtype", None), "kind", "") == "O"
    array = checks.numbers("weights", values_of("weights", weights).array if is_object else weights)
    checks.weights(array, examples)
    for name, rows in split._asdict().items():
        if not array[rows].any():
            raise ValueError(
                f"weights: all {len(rows)} of the {name} rows are 0; draw the split with another "
                "seed."
            )
    return Weights(*(as_float("weights", array[rows]) for rows in split))


def standardise(dataset: Dataset, axis: int | None = 0) -> Dataset:
    """Scale x ← (x − mean)/std by the training mean and std.

    axis  0: by the feature; None: one pair for all
    """
    scaling = Scaling(*statistics(dataset.train.x, axis=axis))
    encoding = dataset.preprocessing._replace(scaling=scaling)
    return _each_x(dataset, scaling.of)._replace(scaling=scaling, encoding=encoding)


def standardise_targets(dataset: Dataset) -> Dataset:
    """Scale y ← (y − mean)/std by the training mean and std, by the output."""
    units = Scaling(*statistics(dataset.train.y, axis=0))
    scaled = _each(dataset, lambda split: split._replace(y=as_float("y", units.of(split.y))))
    return scaled._replace(encoding=dataset.preprocessing._replace(units=units))


def _each_x(dataset: Dataset, f: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """Apply f to every split's x, and keep it in JAX's default float dtype."""
    return _each(dataset, lambda split: split._replace(x=as_float("x", f(split.x))))


def _each(dataset: Dataset, f: Callable[[Split], Split]) -> Dataset:
    train, validation, test = map(f, dataset.splits.values())
    return dataset._replace(train=train, validation=validation, test=test)
