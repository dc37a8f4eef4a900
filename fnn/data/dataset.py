"""Train, validation and test rows, and how one's own arrays become them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int32

from fnn import checks
from fnn.data import parts
from fnn.data.columns import CATEGORY, column_of, kind_of
from fnn.data.encoding import CLASSES, REAL, Encoding
from fnn.data.numbers import (
    AS_THEY_ARE,
    Scaling,
    as_float,
    check_range,
    features_of,
    statistics,
)
from fnn.data.owned import own
from fnn.data.parts import Parts


class Split(NamedTuple):
    """Examples and their targets: y holds int32 class labels, or floating targets for regression."""

    x: Float[np.ndarray, "examples features"]
    y: Int32[np.ndarray, "examples"] | Float[np.ndarray, "examples"] | Float[np.ndarray, "examples outputs"]

    def __repr__(self) -> str:
        return f"Split({', '.join(f'{name} {_shape(array)}' for name, array in self._asdict().items())})"


class Weights(NamedTuple):
    """How much each example of each split counts: numbers of at least 0, (examples,)."""

    train: Float[np.ndarray, "examples"]
    validation: Float[np.ndarray, "examples"]
    test: Float[np.ndarray, "examples"]

    def __repr__(self) -> str:
        return f"Weights({', '.join(f'{name} {_shape(array)}' for name, array in self._asdict().items())})"


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
    """

    train: Split
    validation: Split
    test: Split
    scaling: Scaling | None = None
    weights: Weights | None = None
    encoding: Encoding | None = None

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

    def __repr__(self) -> str:
        lines = [f"  {name:10}  x {_shape(x)}, y {_shape(y)}" for name, (x, y) in self.splits.items()]
        is_scaled = self.scaling is not None and self.scaling is not AS_THEY_ARE
        lines.append(f"  scaled      {'yes' if is_scaled else 'no'}")
        if self.weights is not None:
            lines.append("  weights     yes")
        return "\n".join(["Dataset(", *lines[:-1], f"{lines[-1]})"])


def _shape(array: Any) -> str:
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

    x, y         arrays of numbers or booleans, also of Python objects, or frames of such columns;
                 y may be labels of any type
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
    text becomes the numbers 0, 1, … in the order of the alphabet, and `dataset.decode` gives it
    back. Floating y stays as it is, and a warning says where its scale is far from 1. Floating
    results have JAX's default dtype: float32, or float64 where x64 is enabled. Raises ValueError
    for arrays that are empty, not finite, not numbers or of other shapes, for labels outside int32,
    for classes that would be missing from the training rows, and for fractions that leave a split
    without examples.
    """
    x, (y, classes) = _checked_x(x), _checked_y(y)
    checks.pairs(x, y)
    checks.truth("standardize", standardize)
    checks.truth("stratify", stratify)
    split = parts_of(
        len(x), y, groups=groups, order=order, validation=validation, test=test, seed=seed, stratify=stratify
    )
    encoding = encoding_of(x, y, classes)
    scaling = Scaling(*statistics(x, split.train)) if standardize else AS_THEY_ARE
    warn_of_scale(y[split.train])
    return dataset_of(x, y, split, scaling, encoding, weights_of(weights, split, len(x)))


def split_at_random(x: Any, y: Any, *, standardize: bool = True) -> Dataset:
    """Do what `from_arrays` does with 15% of the rows for validation and test each, whatever the classes."""
    x, (y, classes) = _checked_x(x), _checked_y(y)
    of_test, of_validation = _split_sizes(len(x), 0.15, 0.15)
    split = parts.at_random(len(x), of_test, of_validation, seed=0)
    scaling = Scaling(*statistics(x, split.train)) if standardize else AS_THEY_ARE
    return dataset_of(x, y, split, scaling, encoding_of(x, y, classes))


def from_splits(train: Any, validation: Any, test: Any, *, standardize: bool = True) -> Dataset:
    """Make a Dataset of parts that are given, each a pair (x, y), scaled by the training rows.

    x (examples, features), y (examples,) or (examples, outputs) and standardize are as for
    `from_arrays`. Raises ValueError for parts of unlike features, and for a class that the training
    part does not have.
    """
    names = ("train", "validation", "test")
    for name, part in zip(names, (train, validation, test), strict=True):
        if not isinstance(part, (tuple, list)) or len(part) != 2:
            raise ValueError(f"{name}: got {type(part).__name__}, expected a pair (x, y).")
    xs = [_checked_x(part[0], f"{name}.x") for name, part in zip(names, (train, validation, test), strict=True)]
    for name, x in zip(names, xs, strict=True):
        if x.shape[1] != xs[0].shape[1]:
            raise ValueError(f"{name}.x: got {x.shape[1]} features, expected {xs[0].shape[1]}, those of train.")
    given = [_target_array(part[1], f"{name}.y") for name, part in zip(names, (train, validation, test), strict=True)]
    sizes = np.cumsum([len(x) for x in xs])
    for name, x, y in zip(names, xs, given, strict=True):
        checks.pairs(x, y, f"{name}.x", f"{name}.y")
        if y.shape[1:] != given[0].shape[1:] or y.dtype.kind != given[0].dtype.kind:
            raise ValueError(
                f"{name}.y: got {_shape(y)}, expected the outputs and the kind of train's, {_shape(given[0])}."
            )
    y, classes = _checked_y(np.concatenate(given))
    split = Parts(*np.split(np.arange(sizes[-1]), sizes[:-1]))
    if is_labels(y):
        parts.check_classes(np.array(classes)[y] if classes else y, split)
    x = np.concatenate(xs)
    scaling = Scaling(*statistics(x, split.train)) if standardize else AS_THEY_ARE
    return dataset_of(x, y, split, scaling, encoding_of(x, y, classes))


def dataset_of(
    x: np.ndarray,
    y: np.ndarray,
    split: Parts,
    scaling: Scaling,
    encoding: Encoding,
    weights: Weights | None = None,
) -> Dataset:
    """Return the rows of x, scaled, and of y in three splits."""
    train, validation, test = (Split(features_of(x, rows, scaling), y[rows]) for rows in split)
    encoding = encoding._replace(scaling=scaling)
    return owned(Dataset(train, validation, test, scaling, weights, encoding))


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
) -> Parts:
    """Return which rows are in which split; refuses one without the training rows of a class."""
    of_test, of_validation = _split_sizes(examples, validation, test)
    seed = checks.seed(seed)
    if groups is not None and order is not None:
        raise ValueError("groups, order: got both, expected one of them.")
    if groups is not None:
        split = parts.by_group(_one_each("groups", groups, examples), of_test, of_validation, seed)
    elif order is not None:
        split = parts.by_order(_one_each("order", order, examples), of_test, of_validation)
    elif is_labels(y) and stratify:
        return parts.by_class(y, of_test, of_validation, seed)
    else:
        split = parts.at_random(examples, of_test, of_validation, seed)
    if is_labels(y):
        parts.check_classes(y, split)
    return split


def is_labels(y: np.ndarray) -> bool:
    """Return whether targets are class labels."""
    return y.ndim == 1 and y.dtype.kind in "iu"


def _one_each(name: str, values: Any, examples: int) -> np.ndarray:
    """The values as an array that can be sorted, one for each example."""
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = column_of(name, array)
    if array.shape != (examples,):
        raise ValueError(f"{name}: got shape {array.shape}, expected ({examples},), one for each example.")
    missing = np.isnat(array) if array.dtype.kind in "mM" else array != array
    if missing.any():
        raise ValueError(f"{name}: row {int(np.argmax(missing))} is missing, expected a value for each example.")
    return array


def weights_of(weights: Any, split: Parts, examples: int) -> Weights | None:
    """Return the weights of each split; refuses what is no number to count by."""
    if weights is None:
        return None
    checks.weights(weights, examples)
    array = np.asarray(weights)
    for name, rows in split._asdict().items():
        if not array[rows].any():
            raise ValueError(f"weights: all {len(rows)} of the {name} rows are 0; draw the split with another seed.")
    return Weights(*(as_float("weights", array[rows]) for rows in split))


def with_class_weights(dataset: Dataset, weights: Any = "balanced") -> Dataset:
    """Return the dataset in which every example counts by its class, times the weight it has.

    weights  {label: weight}, labels as they were given; or "balanced": n/(classes · n of the class)
             of the training rows, so that every class counts as much as any other

    They count in training, validation and test. Raises ValueError for targets that are no labels,
    and for labels that are missing from `weights` or from the training rows.
    """
    if not is_labels(dataset.train.y):
        raise ValueError(f"class weights: got targets {_shape(dataset.train.y)}, expected class labels (examples,).")
    labels, counts = np.unique(dataset.train.y, return_counts=True)
    names = np.array(dataset.preprocessing.classes or tuple(range(int(labels.max()) + 1)))
    known = names[labels].tolist()
    if isinstance(weights, str):
        checks.lookup("class weights", weights, {"balanced": None})
        by_label = counts.sum() / (len(labels) * counts)
    else:
        missing = [name for name in known if name not in weights]
        extra = [name for name in weights if name not in known]
        if missing or extra:
            raise ValueError(
                f"class weights: got the labels {list(weights)}, expected {known}, those of the training rows."
            )
        by_label = np.array([weights[name] for name in known], np.float64)
    found = []
    for name, split in dataset.splits.items():
        before = 1.0 if dataset.weights is None else getattr(dataset.weights, name)
        place = np.searchsorted(labels, split.y)
        counts_of = as_float("weights", by_label[np.minimum(place, len(labels) - 1)] * before)
        checks.weights(counts_of, len(split.y), f"class weights of {name}")
        found.append(counts_of)
    return dataset._replace(weights=Weights(*map(own, found)))


def encoding_of(x: np.ndarray, y: np.ndarray, classes: tuple[Any, ...]) -> Encoding:
    """Return the encoding of rows that came as arrays, before they are scaled."""
    names = ("y",) if y.ndim == 1 else tuple(f"y{i}" for i in range(y.shape[1]))
    return Encoding((), x.shape[1], None, names, CLASSES if is_labels(y) else REAL, classes)


FAR_FROM_1 = 100.0  # times, from which on a network hardly learns a target


def warn_of_scale(y: np.ndarray) -> None:
    """Warn of real targets that a network hardly learns as they are."""
    if is_labels(y):
        return
    mean, std = float(np.max(np.abs(np.mean(y, axis=0)))), np.std(y, axis=0)
    varying = std[std > 0] if np.ndim(std) else np.array([std])[std > 0]
    small = float(np.min(varying, initial=1.0)) < 1 / FAR_FROM_1
    if max(mean, float(np.max(std))) > FAR_FROM_1 or small:
        checks.warn(
            f"y: got targets of mean {mean:.3g} and standard deviation {float(np.max(std)):.3g}; a network learns "
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


def _checked_x(x: Any, name: str = "x") -> np.ndarray:
    """The rows as numbers; object arrays and frames of numbers and booleans too."""
    if hasattr(x, "columns") or getattr(getattr(x, "dtype", None), "kind", "") == "O":
        x = _matrix_of(x, np.asarray(x), name)
    x = checks.numbers(name, x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    checks.features(x, name)
    check_range(name, x)
    return x


def _matrix_of(given: Any, array: np.ndarray, name: str) -> np.ndarray:
    """The columns of a frame or of an array of objects, side by side."""
    if array.dtype.kind != "O":
        return array
    if array.ndim != 2:
        raise ValueError(f"{name}: got shape {array.shape}, expected (examples, features).")
    names = [str(column) for column in getattr(given, "columns", range(array.shape[1]))]
    columns = []
    for column, objects in zip(names, array.T, strict=True):
        values = column_of(column, objects)
        if kind_of(values) == CATEGORY:
            raise ValueError(
                f"{name}: column {column!r} holds text, such as {str(values[0])!r} in row 0, expected numbers. "
                "fnn.data.from_frame takes it as a category."
            )
        columns.append(values.astype(np.float64))
    return np.column_stack(columns)


def _target_array(y: Any, name: str = "y") -> np.ndarray:
    """The targets as an array of numbers, booleans or text."""
    array = np.asarray(y)
    if hasattr(y, "columns") and array.ndim == 2:
        array = array[:, 0] if array.shape[1] == 1 else _matrix_of(y, array, name)
        y = array
    if array.dtype.kind in "OSUT" and array.ndim == 1 and len(array):
        return column_of(name, array, labels=True)
    return array if array.dtype.kind in "OSUT" else checks.numbers(name, y)


def _checked_y(y: Any) -> tuple[np.ndarray, tuple[Any, ...]]:
    """The targets, and the classes where labels were text."""
    y = _target_array(y)
    if y.dtype.kind == "U" and y.ndim == 1:
        classes, codes = np.unique(y, return_inverse=True)
        return codes.reshape(-1).astype(np.int32), tuple(classes.tolist())
    y = checks.numbers("y", y)
    if 0 in y.shape:
        raise ValueError(f"y: got shape {y.shape}, which is empty; expected at least one target.")
    if not jax.dtypes.issubdtype(y.dtype, np.floating):
        return _labels(y), ()
    checks.targets(y)
    return as_float("y", y.astype(np.float64)), ()


def _labels(y: np.ndarray) -> np.ndarray:
    """Integers as int32 labels; refuses those that would not survive, and anything but one label per example."""
    if y.ndim != 1:
        raise ValueError(
            f"y: got integers of shape {y.shape}, expected labels of shape (examples,). Use y.argmax(axis=1) for "
            "one-hot rows, y.ravel() for a column, y.astype(float) for regression."
        )
    limits = np.iinfo(np.int32)
    for label in (int(y.min()), int(y.max())):
        if not limits.min <= label <= limits.max:
            raise ValueError(
                f"y: got label {label}, expected labels within int32, {limits.min} to {limits.max}. "
                "Use classes, y = np.unique(y, return_inverse=True)."
            )
    return y.astype(np.int32)


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
