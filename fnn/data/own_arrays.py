"""Make a Dataset of one's own arrays: `from_arrays` and `from_splits`."""

from typing import Any, NamedTuple, Unpack, overload

import jax
import numpy as np
from jaxtyping import Num, Shaped

from fnn import checks
from fnn.data.arrays import (
    coded_targets,
    columns_of_numbers,
    features_of_array,
    is_frame,
    targets_of_array,
)
from fnn.data.columns import Column, features_from
from fnn.data.dataset import (
    Dataset,
    Split,
    Weights,
    from_parts,
    read_only,
    shape,
    warn_of_constants,
    weights_of,
    weights_of_rows,
)
from fnn.data.encoding import encoding_of_arrays
from fnn.data.numbers import mean_and_std, scaled_features, scaling_by, scaling_of_columns
from fnn.data.parts import (
    Parts,
    Sampling,
    at_random,
    check_classes,
    is_labels,
    sizes_of,
)
from fnn.data.several_splits import Options, remedy_for_parts, sample_splits

# A network hardly learns targets whose mean or std is above this, or whose std is below 1/this.
FAR_FROM_1 = 100.0


class ArrayOptions(Options, total=False):
    """The types of the options of `from_arrays`, without `splits`."""

    stratify: bool


@overload
def from_arrays(
    x: Any, y: Any, *, splits: None = None, **options: Unpack[ArrayOptions]
) -> Dataset: ...


@overload
def from_arrays(
    x: Any, y: Any, *, splits: Any, **options: Unpack[ArrayOptions]
) -> list[Dataset]: ...


def from_arrays(
    x: Any,
    y: Any,
    *,
    weights: Any = None,
    groups: Any = None,
    order: Any = None,
    validation: float = 0.15,
    test: float | None = None,
    seed: int | None = None,
    splits: Any = None,
    standardize: bool = True,
    stratify: bool = True,
) -> Dataset | list[Dataset]:
    """Split x and y into a Dataset.

    x            (examples, features): an array of numbers or booleans, also of Python objects, or a
                 frame of such columns, by which new rows are then taken
    y            (examples,) or (examples, outputs): as x, or labels of any type
    weights      (examples,), at least 0: how much each example counts in losses and metrics
    groups       (examples,), such as the patient of each row: no group is in two splits, whose
                 sizes are then near those asked for; a warning says where they are not
    order        (examples,), such as the time of each row: the latest are the test, those before
                 them the validation. No time is in two splits: a cut among equal times is moved to
                 the nearest place between different ones
    validation, test  fractions of the examples, in (0, 1), rounded to whole examples; the rest is
                 for training. test=None: 0.15; folds have their own test rows and refuse another
    seed         of the random split; equal seeds give equal splits. None: 0; `order`, by which
                 nothing is drawn, refuses another
    splits       makes several splits of the same rows, as a list of Datasets, which fnn.sweep
                 takes. A number: so many are drawn, with seed, seed + 1, …; a splitter of
                 scikit-learn, such as StratifiedKFold(5), or pairs (rows left, test rows): folds,
                 and the validation rows are drawn from the rows left
    standardize  scales each feature by its mean and std, those of the training rows, in float64:
                 x ← (x − mean)/std; a feature that is constant there is divided by 1
    stratify     gives each class its share of each split: a class of three examples is in all

    Returns a Dataset, or a list of them where `splits` is given. Its arrays are read-only, so that
    they are copied to the devices once; `dataset._replace(train=…)` exchanges them.

    Whole and boolean y become int32 labels. Labels 0, 1, … stay as they are. Others (text; −1 and
    +1; 1, 2, 3) become their places in sorted order where there are at most 20, each met three
    times on average. Columns of booleans, or of the integers 0 and 1, are several labels, which
    become floats. `dataset.decode` gives labels back as they came.

    A loss for amounts takes floating y, which stays as it is; a warning says where its mean or std
    is above 100 or its std below 0.01. Floats of 0 and 1 are labels for a loss of probabilities:
    `run.predict` gives them back. A warning says where all training rows have one target. Floating
    results have JAX's default dtype: float32, or float64 where x64 is enabled.

    Raises ValueError for arrays that are empty, not finite, not numbers or of other shapes, for
    labels outside int32, for classes that would be missing from the training rows, and for
    fractions that leave a split without examples.

    >>> import numpy as np
    >>> from fnn import data
    >>> x = np.arange(40.0).reshape(20, 2)
    >>> y = ["even", "odd"] * 10
    >>> dataset = data.from_arrays(x, y, validation=0.2, test=0.2)
    >>> dataset
    Dataset(
      train       x (12, 2) float32, y (12,) int32
      validation  x (4, 2) float32, y (4,) int32
      test        x (4, 2) float32, y (4,) int32
      scaled      yes)
    >>> dataset.decode(np.array([[2.0, -1.0], [0.0, 1.0]]))
    array(['even', 'odd'], dtype='<U4')
    >>> len(data.from_arrays(x, y, splits=3))
    3
    """
    data = read_arrays(x, y)
    checks.truth("standardize", standardize)
    checks.truth("stratify", stratify)
    sampling = Sampling(
        y=data.y,
        groups=groups,
        order=order,
        validation=validation,
        test=test,
        seed=seed,
        stratify=stratify,
        classes=data.classes,
    )
    all_parts = sample_splits(splits, sampling)
    warn_of_scale(data.original_y[all_parts[0].train])
    datasets = []
    for parts in all_parts:
        counts = weights_of(
            weights, parts, data.y, data.classes, or_else=remedy_for_parts(splits, sampling)
        )
        datasets.append(dataset_of(data, parts, standardize, counts))
    warn_of_constants(datasets[0])
    if splits is None:
        return datasets[0]
    return datasets


def split_at_random(x: Any, y: Any, *, standardize: bool = True) -> Dataset:
    """Split x and y as `from_arrays` does with its defaults, but without regard to classes."""
    data = read_arrays(x, y)
    test, validation = sizes_of(len(data.y), 0.15, 0.15)
    parts = at_random(len(data.y), test, validation, seed=0)
    return dataset_of(data, parts, standardize)


def from_splits(train: Any, validation: Any, test: Any, *, standardize: bool = True) -> Dataset:
    """Make a Dataset of rows that are split already.

    train, validation, test  each (x, y), or each (x, y, weights): x (examples, features), y
                 (examples,) or (examples, outputs) and weights (examples,), as for `from_arrays`;
                 the columns of frames are taken by name
    standardize  scales each feature by its mean and std, those of the training rows

    Raises ValueError for splits of different features or targets, and for a class that the training
    rows lack.

    >>> import numpy as np
    >>> from fnn import data
    >>> x, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    >>> data.from_splits((x, y), (x, y), (x[:2], y[:2])).test
    Split(x (2, 2) float32, y (2,) int32)
    """
    tuples = {"train": train, "validation": validation, "test": test}
    checks.truth("standardize", standardize)
    _check_tuples(tuples)
    raw_x = {name: part[0] for name, part in tuples.items()}
    raw_y = {name: part[1] for name, part in tuples.items()}
    xs, columns = _features_of_splits(raw_x)
    ys = _targets_of_splits(raw_y, xs)
    original_y = np.concatenate(list(ys.values()))
    y, classes = coded_targets(original_y)
    ends = np.cumsum([len(x) for x in xs.values()])
    numbers = np.arange(ends[-1])
    rows = Parts(*np.split(numbers, ends[:-1]))
    if is_labels(y):
        check_classes(y, rows, classes)
    warn_of_scale(original_y[rows.train])
    scaling = scaling_by(xs["train"], None, standardize)
    encoding = encoding_of_arrays(
        xs["train"].shape[1],
        y,
        scaling=scaling,
        columns=columns,
        classes=classes,
        original_y=original_y,
    )
    splits = []
    for x, part in zip(xs.values(), rows, strict=True):
        features = scaled_features(x, slice(None), scaling)
        splits.append(Split(features, y[part]))
    train_split, validation_split, test_split = splits
    weights = None
    if len(train) == 3:
        weights = _weights_of_splits(tuples, rows, y, classes)
    dataset = Dataset(
        train_split,
        validation_split,
        test_split,
        scaling=scaling,
        weights=weights,
        encoding=encoding,
    )
    warn_of_constants(dataset)
    return read_only(dataset)


def _check_tuples(tuples: dict[str, Any]) -> None:
    """Refuse splits that are not all (x, y) or all (x, y, weights)."""
    for name, part in tuples.items():
        if not isinstance(part, (tuple, list)) or len(part) not in (2, 3):
            raise ValueError(
                f"{name}: got {type(part).__name__}, expected (x, y) or (x, y, weights)."
            )
        expected = len(tuples["train"])
        if len(part) != expected:
            raise ValueError(f"{name}: got {len(part)} arrays, expected {expected}, as for train.")


def _features_of_splits(raw_x: dict[str, Any]) -> tuple[dict[str, np.ndarray], tuple[Column, ...]]:
    """Return the features of each split, in the order of the columns of the training rows."""
    xs: dict[str, np.ndarray] = {}
    expected: tuple[Column, ...] = ()
    for name, x in raw_x.items():
        xs[name], columns = features_of_array(x, f"{name}.x")
        if name == "train":
            expected = columns
        features = xs[name].shape[1]
        expected_features = xs["train"].shape[1]
        if features != expected_features:
            raise ValueError(
                f"{name}.x: got {features} features, expected {expected_features}, those of train."
            )
        _check_columns(name, columns, expected)
        names = [column.name for column in columns]
        in_order = [column.name for column in expected]
        if names != in_order:
            places = [names.index(each) for each in in_order]
            xs[name] = xs[name][:, places]
    return xs, expected


def _check_columns(name: str, columns: tuple[Column, ...], expected: tuple[Column, ...]) -> None:
    """Refuse other columns than those of the training rows, and columns of another kind."""
    kinds = {column.name: column.kind for column in columns}
    expected_kinds = {column.name: column.kind for column in expected}
    if set(kinds) != set(expected_kinds):
        raise ValueError(
            f"{name}.x: got the columns {list(kinds) or 'of an array'}, expected "
            f"{list(expected_kinds) or 'an array'}, as in train."
        )
    for column, kind in kinds.items():
        if kind != expected_kinds[column]:
            raise ValueError(
                f"{name}.x: column {column!r} is a {kind}, expected a {expected_kinds[column]}, as "
                "in train."
            )


def _targets_of_splits(raw_y: dict[str, Any], xs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the targets of each split.

    Raises ValueError for another number of targets than rows, and for other outputs or another kind
    than the training rows have.
    """
    ys = {name: targets_of_array(y, f"{name}.y") for name, y in raw_y.items()}
    train = ys["train"]
    for name, y in ys.items():
        checks.pairs(xs[name], y, f"{name}.x", f"{name}.y")
        has_same_outputs = y.shape[1:] == train.shape[1:]
        is_same_kind = y.dtype.kind == train.dtype.kind
        if not has_same_outputs or not is_same_kind:
            raise ValueError(
                f"{name}.y: got {shape(y)}, expected the outputs and the kind of train's, "
                f"{shape(train)}."
            )
    return ys


def _weights_of_splits(
    tuples: dict[str, Any], rows: Parts, y: np.ndarray, classes: tuple[Any, ...]
) -> Weights | None:
    """Return the weights of each split. Raises ValueError for another number than rows."""
    arrays = []
    for (name, part), numbers in zip(tuples.items(), rows, strict=True):
        array = weights_of_rows(part[2], f"{name}: weights")
        if array.shape != (len(numbers),):
            raise ValueError(
                f"{name}: got weights of shape {array.shape}, expected ({len(numbers)},), one "
                "for each example."
            )
        arrays.append(array)
    together = np.concatenate(arrays)
    return weights_of(together, rows, y, classes)


class ArrayData(NamedTuple):
    """The contents of x and y.

    x           the rows as numbers; None where they came as a frame
    columns     of a frame; () where the rows came as an array
    coded       the values of the columns
    original_y  the targets as they came
    y           the targets as the losses take them
    classes     the classes that the labels in y stand for; (): the labels themselves
    """

    x: Num[np.ndarray, "rows features"] | None
    columns: tuple[Column, ...]
    coded: tuple[np.ndarray, ...]
    original_y: Shaped[np.ndarray, "..."]
    y: Num[np.ndarray, "..."]
    classes: tuple[Any, ...]


def read_arrays(x: Any, y: Any) -> ArrayData:
    """Return the contents of x and y.

    Raises ValueError for values that are no numbers, and for different lengths.
    """
    rows = None
    columns: tuple[Column, ...] = ()
    coded: tuple[np.ndarray, ...] = ()
    if is_frame(x):
        columns, coded = columns_of_numbers(x)
    else:
        rows, _ = features_of_array(x)
    original_y = targets_of_array(y)
    targets, classes = coded_targets(original_y)
    checks.pairs(coded[0] if columns else rows, targets)
    return ArrayData(rows, columns, coded, original_y, targets, classes)


def dataset_of(
    data: ArrayData, parts: Parts, standardize: bool, weights: Weights | None = None
) -> Dataset:
    """Return the rows in three splits, scaled by the training rows.

    The columns of a frame are scaled one by one, so that no second copy of all rows is made.
    """
    if data.x is None:
        scaling = scaling_of_columns(data.coded, parts.train, standardize)
    else:
        scaling = scaling_by(data.x, parts.train, standardize)
    encoding = encoding_of_arrays(
        len(data.columns) if data.x is None else data.x.shape[1],
        data.y,
        scaling=scaling,
        columns=data.columns,
        classes=data.classes,
        original_y=data.original_y,
    )

    def features(rows):
        if data.x is None:
            return features_from(data.columns, data.coded, rows, scaling)
        return scaled_features(data.x, rows, scaling)

    return from_parts(features, data.y, parts, scaling=scaling, weights=weights, encoding=encoding)


def warn_of_scale(y: np.ndarray) -> None:
    """Warn of real targets that a network hardly learns as they are.

    y  the targets as they came
    """
    if not jax.dtypes.issubdtype(y.dtype, np.floating):
        return
    means, stds = mean_and_std(y)
    mean = np.max(np.abs(means))
    std, least = np.max(stds), np.min(stds)
    is_small = least < 1 / FAR_FROM_1
    if is_small or max(mean, std) > FAR_FROM_1:
        shown = std
        if is_small:
            shown = min(std, least)
        checks.warn(
            f"y: got targets of mean {mean:.3g} and standard deviation {shown:.3g}; a network "
            "learns those of about 1. Scale them, y = (y - y.mean(axis=0)) / y.std(axis=0), and "
            "scale predictions back; fnn.data.from_frame does both."
        )
