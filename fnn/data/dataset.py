"""Train, validation and test rows, and how one's own arrays become them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int32

from fnn import checks
from fnn.data import parts
from fnn.data.arrays import coded_targets, features_of_array, targets_of_array
from fnn.data.columns import Column
from fnn.data.encoding import CLASSES, REAL, Encoding
from fnn.data.numbers import (
    AS_THEY_ARE,
    Scaling,
    as_float,
    features_of,
    statistics,
)
from fnn.data.owned import own
from fnn.data.parts import Parts
from fnn.data.table import CATEGORY, TEXT, column_of, values_of


class Split(NamedTuple):
    """Examples and their targets: y holds int32 class labels, or floating targets for regression."""

    x: Float[np.ndarray, "examples features"]
    y: Int32[np.ndarray, "examples"] | Float[np.ndarray, "examples"] | Float[np.ndarray, "examples outputs"]

    def __repr__(self) -> str:
        return f"Split({', '.join(f'{name} {shape(array)}' for name, array in self._asdict().items())})"


class Weights(NamedTuple):
    """How much each example of each split counts: numbers of at least 0, (examples,)."""

    train: Float[np.ndarray, "examples"]
    validation: Float[np.ndarray, "examples"]
    test: Float[np.ndarray, "examples"]

    def __repr__(self) -> str:
        return f"Weights({', '.join(f'{name} {shape(array)}' for name, array in self._asdict().items())})"


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
    """Rows in three splits: `train` to learn from, `validation` to choose by, `test` to report once.

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
        """Name -> split."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def arrays(self) -> "Arrays":
        """What a program computes with."""
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
        """The encoding; of a Dataset made by hand one that takes rows as its own are."""
        if self.encoding is not None:
            return self.encoding
        x, y = self.train
        task = REAL if jax.dtypes.issubdtype(y.dtype, np.floating) else CLASSES
        names = ("y",) if y.ndim == 1 else tuple(f"y{i}" for i in range(y.shape[1]))
        return Encoding((), x.shape[1], self.scaling, names, task)

    def encode(self, rows: Any) -> Float[np.ndarray, "examples features"]:
        """Return raw rows as the network takes them: see `Encoding.encode`."""
        return self.preprocessing.encode(rows)

    def decode(self, prediction: Any) -> np.ndarray:
        """Return the network's outputs in the user's terms: see `Encoding.decode`."""
        return self.preprocessing.decode(prediction)

    def _without(self) -> dict[str, list[str]]:
        """The classes of the training rows that another split has no example of."""
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
        lines += [f"  {name} has no example of {', '.join(labels)}" for name, labels in self._without().items()]
        return "\n".join(["Dataset(", *lines[:-1], f"{lines[-1]})"])


def shape(array: Any) -> str:
    """Return shape and dtype as text."""
    return f"{np.shape(array)} {getattr(array, 'dtype', '')}"


def from_arrays(
    x: Any,
    y: Any,
    *,
    weights: Any = None,
    groups: Any = None,
    order: Any = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    standardize: bool = True,
    stratify: bool = True,
) -> Dataset:
    """Split x (examples, features) and y (examples,) or (examples, outputs) into a Dataset.

    x, y         arrays of numbers or booleans, also of Python objects, or frames of such columns,
                 which new rows are then taken by; y may be labels of any type
    weights      (examples,), at least 0: how much each example counts in losses and metrics
    groups       (examples,), such as the patient of each row: no group is in two splits, whose
                 sizes are then near what was asked for
    order        (examples,), such as the time of each row: the latest are the test, those before
                 them the validation
    validation, test  fractions of the examples, in (0, 1), rounded to whole examples; the rest is
                 for training
    seed         equal seeds give equal splits
    standardize  x ← (x − mean)/std by the feature, from the training rows alone, in float64; a
                 feature that is constant there is divided by 1
    stratify     each class has its share of each split: a class of three examples is in all of them

    The arrays are read-only: what cannot change is copied to the devices once.
    `dataset._replace(train=…)` exchanges them. Whole and boolean y become int32 labels as they are;
    text becomes the numbers 0, 1, … in the order of the alphabet, and `dataset.decode` gives labels
    back as they came. Floating y stays as it is, and a warning says where its mean or std is above
    100 or its std below 0.01. Floating results have JAX's default dtype: float32, or float64 where
    x64 is enabled. Raises ValueError for arrays that are empty, not finite, not numbers or of other
    shapes, for labels outside int32, for classes that would be missing from the training rows, and
    for fractions that leave a split without examples.
    """
    (x, columns), given = features_of_array(x), targets_of_array(y)
    y, classes = coded_targets(given)
    checks.pairs(x, y)
    checks.truth("standardize", standardize)
    checks.truth("stratify", stratify)
    split = parts_of(
        len(x),
        y,
        groups=groups,
        order=order,
        validation=validation,
        test=test,
        seed=seed,
        stratify=stratify,
        classes=classes,
    )
    scaling = Scaling(*statistics(x, split.train)) if standardize else AS_THEY_ARE
    encoding = encoding_of(x, y, given, columns, classes)._replace(scaling=scaling)
    warn_of_scale(y[split.train])
    weights = weights_of(weights, split, len(x))
    train, held_out, last = (Split(features_of(x, rows, scaling), y[rows]) for rows in split)
    return owned(Dataset(train, held_out, last, scaling, weights, encoding, split))


def split_at_random(x: Any, y: Any, *, standardize: bool = True) -> Dataset:
    """Do what `from_arrays` does with 15% of the rows for validation and test each, whatever the classes."""
    (x, columns), given = features_of_array(x), targets_of_array(y)
    y, classes = coded_targets(given)
    of_test, of_validation = _split_sizes(len(x), 0.15, 0.15)
    split = parts.at_random(len(x), of_test, of_validation, seed=0)
    scaling = Scaling(*statistics(x, split.train)) if standardize else AS_THEY_ARE
    encoding = encoding_of(x, y, given, columns, classes)._replace(scaling=scaling)
    train, held_out, last = (Split(features_of(x, rows, scaling), y[rows]) for rows in split)
    return owned(Dataset(train, held_out, last, scaling, None, encoding, split))


def from_splits(train: Any, validation: Any, test: Any, *, standardize: bool = True) -> Dataset:
    """Make a Dataset of parts that are given, each a pair (x, y), scaled by the training rows.

    x (examples, features), y (examples,) or (examples, outputs) and standardize are as for
    `from_arrays`; the columns of frames are taken by name. Raises ValueError for parts of unlike
    features or targets, and for a class that the training part does not have.
    """
    given = {"train": train, "validation": validation, "test": test}
    checks.truth("standardize", standardize)
    for name, part in given.items():
        if not isinstance(part, (tuple, list)) or len(part) != 2:
            raise ValueError(f"{name}: got {type(part).__name__}, expected a pair (x, y).")
    xs, columns = _features_of_parts({name: part[0] for name, part in given.items()})
    ys = {name: targets_of_array(part[1], f"{name}.y") for name, part in given.items()}
    for name, y in ys.items():
        checks.pairs(xs[name], y, f"{name}.x", f"{name}.y")
        if y.shape[1:] != ys["train"].shape[1:] or y.dtype.kind != ys["train"].dtype.kind:
            raise ValueError(
                f"{name}.y: got {shape(y)}, expected the outputs and the kind of train's, {shape(ys['train'])}."
            )
    together = np.concatenate(list(ys.values()))
    y, classes = coded_targets(together)
    ends = np.cumsum([len(x) for x in xs.values()])
    rows = Parts(*np.split(np.arange(ends[-1]), ends[:-1]))
    if is_labels(y):
        parts.check_classes(y, rows, classes)
    warn_of_scale(y[rows.train])
    scaling = Scaling(*statistics(xs["train"])) if standardize else AS_THEY_ARE
    encoding = encoding_of(xs["train"], y, together, columns, classes)._replace(scaling=scaling)
    learned, held_out, last = (
        Split(features_of(x, slice(None), scaling), y[part]) for x, part in zip(xs.values(), rows, strict=True)
    )
    return owned(Dataset(learned, held_out, last, scaling, None, encoding))


def _features_of_parts(given: dict[str, Any]) -> tuple[dict[str, np.ndarray], tuple[Column, ...]]:
    """The features of each part, in the order of the columns of the training part."""
    xs: dict[str, np.ndarray] = {}
    expected: tuple[Column, ...] = ()
    for name, x in given.items():
        xs[name], columns = features_of_array(x, f"{name}.x")
        if name == "train":
            expected = columns
        if xs[name].shape[1] != xs["train"].shape[1]:
            raise ValueError(
                f"{name}.x: got {xs[name].shape[1]} features, expected {xs['train'].shape[1]}, those of train."
            )
        names, wanted = ([column.name for column in each] for each in (columns, expected))
        if sorted(names) != sorted(wanted):
            raise ValueError(
                f"{name}.x: got the columns {names or 'of an array'}, expected {wanted or 'an array'}, as in train."
            )
        for column in columns:
            kind = next(each.kind for each in expected if each.name == column.name)
            if column.kind != kind:
                raise ValueError(
                    f"{name}.x: column {column.name!r} is a {column.kind}, expected a {kind}, as in train."
                )
        if names != wanted:
            xs[name] = xs[name][:, [names.index(each) for each in wanted]]
    return xs, expected


def owned(dataset: Dataset) -> Dataset:
    """Return the dataset, whose arrays were made here and are read-only from now on."""
    made = _each(dataset, lambda split: Split(*map(own, split)))
    return made._replace(weights=None if made.weights is None else Weights(*map(own, made.weights)))


def parts_of(
    examples: int,
    y: np.ndarray,
    *,
    groups: Any,
    order: Any,
    validation: float,
    test: float,
    seed: int,
    stratify: bool,
    classes: tuple[Any, ...] = (),
) -> Parts:
    """Return which rows are in which split; refuses one without the training rows of a class.

    classes  what the labels of y stand for; (): themselves
    """
    of_test, of_validation = _split_sizes(examples, validation, test)
    seed = checks.seed(seed)
    if groups is not None and order is not None:
        raise ValueError("groups, order: got both, expected one of them.")
    if groups is not None:
        split = parts.by_group(one_each("groups", groups, examples), of_test, of_validation, seed)
    elif order is not None:
        kind = values_of("order", column_of("order", order)).kind
        if kind in (TEXT, CATEGORY):
            raise ValueError(f"order: got {kind}, which sorts by its letters, expected numbers or dates; convert it.")
        split = parts.by_order(one_each("order", order, examples), of_test, of_validation)
    elif is_labels(y) and stratify:
        return parts.by_class(y, of_test, of_validation, seed)
    else:
        split = parts.at_random(examples, of_test, of_validation, seed)
    if is_labels(y):
        parts.check_classes(y, split, classes)
    return split


def is_labels(y: np.ndarray) -> bool:
    """Return whether targets are class labels."""
    return y.ndim == 1 and y.dtype.kind in "iu"


def one_each(name: str, values: Any, examples: int) -> np.ndarray:
    """Return values that can be sorted, one for each example; refuses missing ones."""
    array = values_of(name, column_of(name, values)).array
    if array.shape != (examples,):
        raise ValueError(f"{name}: got shape {array.shape}, expected ({examples},), one for each example.")
    return array


def weights_of(weights: Any, split: Parts, examples: int) -> Weights | None:
    """Return the weights of each split; refuses what is no number to count by."""
    if weights is None:
        return None
    is_object = getattr(getattr(weights, "dtype", None), "kind", "") == "O"
    array = checks.numbers("weights", values_of("weights", weights).array if is_object else weights)
    checks.weights(array, examples)
    for name, rows in split._asdict().items():
        if not array[rows].any():
            raise ValueError(f"weights: all {len(rows)} of the {name} rows are 0; draw the split with another seed.")
    return Weights(*(as_float("weights", array[rows]) for rows in split))


def encoding_of(
    x: np.ndarray,
    y: np.ndarray,
    given: np.ndarray,
    columns: tuple[Column, ...],
    classes: tuple[Any, ...],
) -> Encoding:
    """Return the encoding of rows that came as arrays or frames of numbers, before they are scaled.

    given  the targets y as they came
    """
    names = ("y",) if y.ndim == 1 else tuple(f"y{i}" for i in range(y.shape[1]))
    task = CLASSES if is_labels(y) else REAL
    return Encoding(columns, x.shape[1], None, names, task, classes, None, label_dtype(given, task))


def label_dtype(y: np.ndarray, task: str) -> str:
    """Return the dtype of labels as they came, "" of other targets."""
    return y.dtype.str if task == CLASSES and y.dtype.kind in "biuUf" else ""


FAR_FROM_1 = 100.0  # times, from which on a network hardly learns a target


def warn_of_scale(y: np.ndarray) -> None:
    """Warn of real targets that a network hardly learns as they are."""
    if is_labels(y):
        return
    mean, std = (np.max(np.abs(each)) for each in statistics(y))
    least = np.min(statistics(y)[1])
    if max(mean, std) > FAR_FROM_1 or least < 1 / FAR_FROM_1:
        shown = min(std, least) if least < 1 / FAR_FROM_1 else std
        checks.warn(
            f"y: got targets of mean {mean:.3g} and standard deviation {shown:.3g}; a network learns "
            "those of about 1. Scale them, y = (y - y.mean(axis=0)) / y.std(axis=0), and scale predictions back; "
            "fnn.data.from_frame does both."
        )


def partition(examples: int, sizes: list[int], seed: int) -> list[np.ndarray]:
    """The row numbers in random order, cut into parts of these sizes and the rest: each row is in exactly one."""
    return np.split(np.random.default_rng(seed).permutation(examples), np.cumsum(sizes))


def standardise(dataset: Dataset, axis: int | None = 0) -> Dataset:
    """x ← (x − mean)/std with the training mean and std: by the feature (axis 0), or one pair for all (axis None)."""
    scaling = Scaling(*statistics(dataset.train.x, axis=axis))
    encoding = dataset.preprocessing._replace(scaling=scaling)
    return _each_x(dataset, scaling.of)._replace(scaling=scaling, encoding=encoding)


def standardise_targets(dataset: Dataset) -> Dataset:
    """y ← (y − mean)/std with the training mean and std, by the output."""
    units = Scaling(*statistics(dataset.train.y, axis=0))
    scaled = _each(dataset, lambda split: split._replace(y=as_float("y", units.of(split.y))))
    return scaled._replace(encoding=dataset.preprocessing._replace(units=units))


def _each_x(dataset: Dataset, f: Callable[[np.ndarray], np.ndarray]) -> Dataset:
    """f of every split's x, in JAX's default float dtype."""
    return _each(dataset, lambda split: split._replace(x=as_float("x", f(split.x))))


def _each(dataset: Dataset, f: Callable[[Split], Split]) -> Dataset:
    return dataset._replace(train=f(dataset.train), validation=f(dataset.validation), test=f(dataset.test))


def _split_sizes(examples: int, validation: Any, test: Any) -> list[int]:
    """Numbers of test and validation examples; refuses fractions that leave any split empty."""
    fractions = {"test": test, "validation": validation}
    for name, fraction in fractions.items():
        if isinstance(fraction, bool) or not isinstance(fraction, (float, np.floating)) or not 0 < fraction < 1:
            raise ValueError(f"{name}: got {fraction!r}, expected a fraction in (0, 1).")
    if validation + test >= 1:
        raise ValueError(f"validation, test: got {validation} + {test}, expected a sum below 1: the rest is training.")
    sizes = {name: round(float(fraction) * examples) for name, fraction in fractions.items()}
    sizes["train"] = examples - sum(sizes.values())
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(
                f"{name}: of {examples} examples, validation={validation} and test={test} leave none for {name}; "
                "expected at least one in each split."
            )
    return [sizes["test"], sizes["validation"]]
