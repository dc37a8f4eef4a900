"""Hold the rows for training, validation and test."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int32

from fnn import checks
from fnn.data.arrays import object_array_of
from fnn.data.encoding import Encoding, encoding_of_arrays
from fnn.data.numbers import UNSCALED, Scaling, as_float, mean_and_std
from fnn.data.owned import own
from fnn.data.parts import Parts, check_class_totals, is_labels
from fnn.data.table import BOOLEAN, NUMBER, values_of


class Split(NamedTuple):
    """Examples and their targets.

    x  (examples, features), floating
    y  int32 class labels (examples,), or floating targets (examples,) or (examples, outputs)

    >>> import numpy as np
    >>> from fnn.data import Split
    >>> Split(np.zeros((5, 2), np.float32), np.zeros(5, np.int32))
    Split(x (5, 2) float32, y (5,) int32)
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
    """The numbers of a Dataset, without their description.

    train, validation, test  the splits
    weights  how much each example counts; None: all the same
    units    mean and std by which real targets were scaled: metrics are computed in their units;
             None: they were not scaled
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
    encoding  turns raw rows into features; None where the Dataset was made by hand
    rows      the numbers of the original rows in each split; None where the rows came as splits

    >>> from fnn import data
    >>> data.load("xor")
    Dataset(
      train       x (4, 2) float32, y (4,) int32
      validation  x (4, 2) float32, y (4,) int32
      test        x (4, 2) float32, y (4,) int32
      scaled      no)
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
        """Return the numbers that a program computes with."""
        units = None
        if self.encoding is not None and self.encoding.units is not None:
            mean, std = map(np.asarray, self.encoding.units)
            units = Scaling(mean, std)
        return Arrays(self.train, self.validation, self.test, self.weights, units)

    def scale(self, x: Any) -> Float[np.ndarray, "examples features"]:
        """Return new rows scaled as the training rows were, in JAX's default float dtype.

        x  (examples, features)

        Rows of a Dataset that was made with standardize=False stay as they are.

        Raises ValueError for another shape, and where the Dataset was made by hand, so that its
        scaling is not known.
        """
        if self.scaling is None:
            raise ValueError(
                "scale: this Dataset was made by hand, so how its rows were scaled is not known. "
                "Make it with fnn.data.from_splits or from_arrays, or scale new rows as you scaled "
                "those."
            )
        encoding = self.preprocessing._replace(columns=(), scaling=self.scaling)
        return encoding.encode(x)

    @property
    def preprocessing(self) -> Encoding:
        """Return the encoding. A Dataset made by hand takes new rows as its own are."""
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

    def _missing_classes(self) -> dict[str, list[str]]:
        """Return, by split, the classes of the training rows that have no example in it."""
        if not is_labels(self.train.y):
            return {}
        classes = self.preprocessing.classes
        in_train = np.unique(self.train.y)
        missing = {}
        for name, split in self.splits.items():
            labels = np.setdiff1d(in_train, split.y).tolist()
            if classes:
                labels = [classes[label] for label in labels]
            if labels:
                missing[name] = [str(label) for label in labels]
        return missing

    def __repr__(self) -> str:
        lines = ["Dataset("]
        for name, (x, y) in self.splits.items():
            lines.append(f"  {name:10}  x {shape(x)}, y {shape(y)}")
        is_unscaled = self.scaling is None or self.scaling is UNSCALED
        scaled = "no" if is_unscaled else "yes"
        lines.append(f"  scaled      {scaled}")
        if self.weights is not None:
            lines.append("  weights     yes")
        for name, labels in self._missing_classes().items():
            lines.append(f"  {name} has no example of {', '.join(labels)}")
        return "\n".join(lines) + ")"


def shapes(arrays: NamedTuple) -> str:
    """Return shape and dtype of each array, by name."""
    named = arrays._asdict().items()
    return ", ".join(f"{name} {shape(array)}" for name, array in named)


def shape(array: Any) -> str:
    """Return shape and dtype as text."""
    return f"{np.shape(array)} {getattr(array, 'dtype', '')}"


def from_parts(
    features: Callable[[np.ndarray], np.ndarray],
    y: np.ndarray,
    parts: Parts,
    *,
    scaling: Scaling,
    weights: Weights | None,
    encoding: Encoding,
) -> Dataset:
    """Return the rows of each part as a data set whose arrays are read-only.

    features  numbers of rows -> their features, (rows, features)
    y         the targets of all rows
    """
    train, validation, test = (Split(features(rows), y[rows]) for rows in parts)
    dataset = Dataset(
        train,
        validation,
        test,
        scaling=scaling,
        weights=weights,
        encoding=encoding,
        rows=parts,
    )
    return read_only(dataset)


def read_only(dataset: Dataset) -> Dataset:
    """Return a dataset whose arrays fnn made, read-only and remembered: see `own`."""
    scaling = dataset.scaling
    if scaling is UNSCALED:
        scaling = None

    def owned_split(split: Split) -> Split:
        return Split(own(split.x, scaling), own(split.y))

    owned = _each(dataset, owned_split)
    if owned.weights is None:
        return owned
    return owned._replace(weights=Weights(*map(own, owned.weights)))


def weights_of(
    weights: Any,
    split: Parts,
    y: np.ndarray,
    classes: Sequence[Any] = (),
    *,
    label: str = "weights",
    or_else: str = "",
) -> Weights | None:
    """Return the weights of each split.

    weights  (examples,), numbers of at least 0; None: there are none
    y        the targets of all rows
    classes  the classes that the labels stand for; (): the labels themselves
    label    of the weights, in errors
    or_else  how to get other splits, in errors

    Raises ValueError for other values, for a split of which all weights are 0, and for a class of
    which all training weights are 0.
    """
    if weights is None:
        return None
    array = weights_of_rows(weights, label)
    checks.weights(array, len(y))
    for name, rows in split._asdict().items():
        if not array[rows].any():
            raise ValueError(
                f"weights: all {len(rows)} of the {name} rows are 0, expected one above 0; give "
                f"one of them another weight{or_else}."
            )
    if is_labels(y):
        check_class_totals(y[split.train], array[split.train], classes)
    return Weights(*(as_float("weights", array[rows]) for rows in split))


def weights_of_rows(weights: Any, label: str) -> np.ndarray:
    """Return weights as an array. Raises ValueError for text, dates and negative numbers.

    label  of the weights, in errors
    """
    objects = object_array_of(weights)
    if objects is not None:
        values = values_of("weights", objects)
        if values.kind not in (NUMBER, BOOLEAN):
            raise ValueError(
                f"{label}, row 0: got {str(values.array[0])!r}, a {values.kind}, expected a number "
                "of at least 0; numbers written as text need astype(float)."
            )
        weights = values.array
    array = checks.numbers("weights", weights)
    is_negative = array < 0
    if is_negative.any():
        row = int(np.argmax(is_negative))
        value = array.flat[row]
        raise ValueError(
            f"{label}, row {row}: got {value}, expected a number of at least 0; 0 lets a row count "
            "for nothing."
        )
    return array


def warn_of_constants(dataset: Dataset) -> None:
    """Warn of targets that are equal in all training rows, and name them."""
    encoding = dataset.preprocessing
    y = dataset.train.y
    columns = y.reshape(len(y), -1).T
    for place, (name, column) in enumerate(zip(encoding.targets, columns, strict=True)):
        if column.min() < column.max():
            continue
        value = column[0]
        if encoding.units is not None:
            value = value * encoding.units.std.flat[place] + encoding.units.mean.flat[place]
        kind = "value"
        if is_labels(y):
            kind = "class"
            value = encoding.classes[value] if encoding.classes else value
        checks.warn(
            f"target {name}: all {len(y)} training rows have the {kind} {value!s}, so that a "
            f"network learns to answer it always. Check {name}, add rows with others, or leave it "
            "out."
        )


def standardise(dataset: Dataset, axis: int | None = 0) -> Dataset:
    """Scale the features by the mean and the std of the training rows.

        x ← (x − mean)/std

    axis  0: one pair for each feature; None: one pair for all
    """
    mean, std = mean_and_std(dataset.train.x, axis=axis)
    scaling = Scaling(mean, std)

    def scaled(split: Split) -> Split:
        x = scaling.of(split.x)
        return split._replace(x=as_float("x", x))

    encoding = dataset.preprocessing._replace(scaling=scaling)
    return _each(dataset, scaled)._replace(scaling=scaling, encoding=encoding)


def standardise_targets(dataset: Dataset) -> Dataset:
    """Scale each output by the mean and the std of the training rows.

    y ← (y − mean)/std
    """
    mean, std = mean_and_std(dataset.train.y, axis=0)
    units = Scaling(mean, std)

    def scaled(split: Split) -> Split:
        y = units.of(split.y)
        return split._replace(y=as_float("y", y))

    encoding = dataset.preprocessing._replace(units=units)
    return _each(dataset, scaled)._replace(encoding=encoding)


def _each(dataset: Dataset, f: Callable[[Split], Split]) -> Dataset:
    """Return the dataset with f applied to every split."""
    train, validation, test = map(f, dataset.splits.values())
    return dataset._replace(train=train, validation=validation, test=test)
