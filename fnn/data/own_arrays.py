"""`from_arrays` and `from_splits`: one's own arrays as a Dataset."""

from typing import Any, NamedTuple, Unpack, overload

import numpy as np
from jaxtyping import Num, Shaped

from fnn import checks
from fnn.data.arrays import coded_targets, features_of_array, targets_of_array
from fnn.data.columns import Column
from fnn.data.dataset import Dataset, Split, Weights, owned, shape, weights_of
from fnn.data.encoding import encoding_of_arrays
from fnn.data.numbers import AS_THEY_ARE, Scaling, features_of, statistics
from fnn.data.parts import Draw, Parts, at_random, check_classes, is_labels, parts_of, sizes_of
from fnn.data.redrawn import Options, several_parts

FAR_FROM_1 = 100.0  # times, from which on a network hardly learns a target


class ArrayOptions(Options, total=False):
    """Those of `from_arrays`."""

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
    test: float = 0.15,
    seed: int = 0,
    splits: Any = None,
    standardize: bool = True,
    stratify: bool = True,
) -> Dataset | list[Dataset]:
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
    splits       several splits of the same rows, as a list of Datasets, which fnn.sweep takes. A
                 number: so many are drawn, with seed, seed + 1, …; a splitter of scikit-learn, such
                 as StratifiedKFold(5), or pairs (rows left, test rows): folds, of whose other rows
                 the validation rows are drawn (`test` means nothing then)
    standardize  x ← (x − mean)/std by the feature, from the training rows alone, in float64; a
                 feature that is constant there is divided by 1
    stratify     each class has its share of each split: a class of three examples is in all of them

    The arrays are read-only: what cannot change is copied to the devices once.
    `dataset._replace(train=…)` exchanges them. Whole and boolean y become int32 labels: 0, 1, … as
    they are, others (text; −1 and +1; 1, 2, 3) by their places in sorted order where there are at
    most 20, each met three times on average, and `dataset.decode` gives labels back as they came.
    A loss for amounts wants floating y. Floating y stays as it is, and a warning says
    where its mean or std is above 100 or its std below 0.01. Floating results have JAX's default
    dtype: float32, or float64 where x64 is enabled. Raises ValueError for arrays that are empty,
    not finite, not numbers or of other shapes, for labels outside int32, for classes that would be
    missing from the training rows, and for fractions that leave a split without examples.
    """
    read = read_arrays(x, y)
    checks.truth("standardize", standardize)
    checks.truth("stratify", stratify)
    draw = Draw(read.y, groups, order, validation, test, seed, stratify, read.classes)
    each = [parts_of(draw)] if splits is None else several_parts(splits, draw)
    warn_of_scale(read.y[each[0].train])
    made = [
        dataset_of(read, split, standardize, weights_of(weights, split, len(read.x)))
        for split in each
    ]
    return made[0] if splits is None else made


def split_at_random(x: Any, y: Any, *, standardize: bool = True) -> Dataset:
    """Do what `from_arrays` does with 15% for validation and test each, whatever the classes."""
    read = read_arrays(x, y)
    of_test, of_validation = sizes_of(len(read.x), 0.15, 0.15)
    split = at_random(len(read.x), of_test, of_validation, seed=0)
    return dataset_of(read, split, standardize)


def from_splits(train: Any, validation: Any, test: Any, *, standardize: bool = True) -> Dataset:
    """Make a Dataset of parts that are given, each (x, y) or all (x, y, weights).

    They are scaled by the training rows. x (examples, features), y (examples,) or (examples,
    outputs), weights (examples,) and standardize are as for `from_arrays`; the columns of frames
    are taken by name. Raises ValueError for parts of unlike features or targets, and for a class
    that the training part does not have.
    """
    given = {"train": train, "validation": validation, "test": test}
    checks.truth("standardize", standardize)
    for name, part in given.items():
        if not isinstance(part, (tuple, list)) or len(part) not in (2, 3):
            raise ValueError(
                f"{name}: got {type(part).__name__}, expected (x, y) or (x, y, weights)."
            )
        if len(part) != len(train):
            raise ValueError(
                f"{name}: got {len(part)} arrays, expected {len(train)}, as for train."
            )
    xs, columns = _features_of_parts({name: part[0] for name, part in given.items()})
    ys = {name: targets_of_array(part[1], f"{name}.y") for name, part in given.items()}
    for name, y in ys.items():
        checks.pairs(xs[name], y, f"{name}.x", f"{name}.y")
        if y.shape[1:] != ys["train"].shape[1:] or y.dtype.kind != ys["train"].dtype.kind:
            raise ValueError(
                f"{name}.y: got {shape(y)}, expected the outputs and the kind of train's, "
                f"{shape(ys['train'])}."
            )
    together = np.concatenate(list(ys.values()))
    y, classes = coded_targets(together)
    ends = np.cumsum([len(x) for x in xs.values()])
    rows = Parts(*np.split(np.arange(ends[-1]), ends[:-1]))
    if is_labels(y):
        check_classes(y, rows, classes)
    warn_of_scale(y[rows.train])
    scaling = Scaling(*statistics(xs["train"])) if standardize else AS_THEY_ARE
    encoding = encoding_of_arrays(
        xs["train"].shape[1], y, scaling=scaling, columns=columns, classes=classes, given=together
    )
    learned, held_out, last = (
        Split(features_of(x, slice(None), scaling), y[part])
        for x, part in zip(xs.values(), rows, strict=True)
    )
    counts = None
    if len(train) == 3:
        each = {name: np.asarray(part[2]) for name, part in given.items()}
        for name, array in each.items():
            if array.shape != (len(xs[name]),):
                raise ValueError(
                    f"{name}: got weights of shape {array.shape}, expected ({len(xs[name])},), one "
                    "for each example."
                )
        counts = weights_of(np.concatenate(list(each.values())), rows, len(y))
    return owned(Dataset(learned, held_out, last, scaling, counts, encoding))


def _features_of_parts(given: dict[str, Any]) -> tuple[dict[str, np.ndarray], tuple[Column, ...]]:
    """Return the features of each part, in the order of the columns of the training part."""
    xs: dict[str, np.ndarray] = {}
    expected: tuple[Column, ...] = ()
    for name, x in given.items():
        xs[name], columns = features_of_array(x, f"{name}.x")
        if name == "train":
            expected = columns
        if xs[name].shape[1] != xs["train"].shape[1]:
            raise ValueError(
                f"{name}.x: got {xs[name].shape[1]} features, expected {xs['train'].shape[1]}, "
                "those of train."
            )
        names, wanted = ([column.name for column in each] for each in (columns, expected))
        if sorted(names) != sorted(wanted):
            raise ValueError(
                f"{name}.x: got the columns {names or 'of an array'}, expected "
                f"{wanted or 'an array'}, as in train."
            )
        for column in columns:
            kind = next(each.kind for each in expected if each.name == column.name)
            if column.kind != kind:
                raise ValueError(
                    f"{name}.x: column {column.name!r} is a {column.kind}, expected a {kind}, as "
                    "in train."
                )
        if names != wanted:
            xs[name] = xs[name][:, [names.index(each) for each in wanted]]
    return xs, expected


class Read(NamedTuple):
    """What x and y hold.

    x        the rows as numbers
    columns  of a frame; () where they came as an array
    given    the targets as they came
    y        as the losses take them
    classes  what the labels in y stand for; (): themselves
    """

    x: Num[np.ndarray, "rows features"]
    columns: tuple[Column, ...]
    given: Shaped[np.ndarray, "..."]
    y: Num[np.ndarray, "..."]
    classes: tuple[Any, ...]


def read_arrays(x: Any, y: Any) -> Read:
    """Return what x and y hold; refuses what is no number, and unlike lengths."""
    (rows, columns), given = features_of_array(x), targets_of_array(y)
    coded, classes = coded_targets(given)
    checks.pairs(rows, coded)
    return Read(rows, columns, given, coded, classes)


def dataset_of(
    read: Read, split: Parts, standardize: bool, weights: Weights | None = None
) -> Dataset:
    """Return the rows in three splits, scaled by the training rows."""
    x, columns, given, y, classes = read
    scaling = Scaling(*statistics(x, split.train)) if standardize else AS_THEY_ARE
    encoding = encoding_of_arrays(
        x.shape[1], y, scaling=scaling, columns=columns, classes=classes, given=given
    )
    train, validation, test = (Split(features_of(x, rows, scaling), y[rows]) for rows in split)
    return owned(Dataset(train, validation, test, scaling, weights, encoding, split))


def warn_of_scale(y: np.ndarray) -> None:
    """Warn of real targets that a network hardly learns as they are."""
    if is_labels(y):
        return
    means, stds = statistics(y)
    mean, std, least = np.max(np.abs(means)), np.max(stds), np.min(stds)
    if max(mean, std) > FAR_FROM_1 or least < 1 / FAR_FROM_1:
        shown = min(std, least) if least < 1 / FAR_FROM_1 else std
        checks.warn(
            f"y: got targets of mean {mean:.3g} and standard deviation {shown:.3g}; a network "
            "learns those of about 1. Scale them, y = (y - y.mean(axis=0)) / y.std(axis=0), and "
            "scale predictions back; fnn.data.from_frame does both."
        )
