"""Make a Dataset of a table of named columns: `from_frame`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Unpack, overload

import numpy as np

from fnn import checks
from fnn.data.arrays import are_classes, numbered
from fnn.data.columns import Column, columns_from, features_from
from fnn.data.dataset import Dataset, from_parts, warn_of_constants, weights_of
from fnn.data.encoding import CLASSES, REAL, SEVERAL_LABELS, Encoding, label_dtype
from fnn.data.numbers import UNSCALED, Scaling, as_float, magnitude, mean_and_std
from fnn.data.owned import own
from fnn.data.parts import Parts, Sampling
from fnn.data.several_splits import Options, remedy_for_parts, sample_splits
from fnn.data.table import (
    BOOLEAN,
    CATEGORY,
    NUMBER,
    TEXT,
    Values,
    learnable,
    table_of,
    values_of,
)


class FrameOptions(Options, total=False):
    """The types of the options of `from_frame`, without `splits`."""

    task: str | None
    categorical: str


@overload
def from_frame(
    frame: Any,
    target: str | Sequence[str],
    *,
    splits: None = None,
    **options: Unpack[FrameOptions],
) -> Dataset: ...


@overload
def from_frame(
    frame: Any, target: str | Sequence[str], *, splits: Any, **options: Unpack[FrameOptions]
) -> list[Dataset]: ...


def from_frame(
    frame: Any,
    target: str | Sequence[str],
    *,
    task: str | None = None,
    categorical: str = "onehot",
    weights: Any = None,
    groups: Any = None,
    order: Any = None,
    validation: float = 0.15,
    test: float | None = None,
    seed: int | None = None,
    splits: Any = None,
    standardize: bool = True,
) -> Dataset | list[Dataset]:
    """Make a Dataset of a table.

    frame        a frame of pandas, polars or pyarrow, a dict of columns, or a list of dicts
    target       the column to predict, or a list of several; every other one is a feature, unless
                 it is named below
    task         "classification", "regression", or "multilabel" for several columns of booleans.
                 None: text, booleans and categories are classes, several columns of booleans are
                 labels, floats are real; whole numbers are classes where there are at most 20, each
                 met three times on average, and refused otherwise
    categorical  "onehot"; "refuse" refuses text and categories among the features by name, such as
                 those of an identifier
    weights, groups, order  the name of a column, or an array, as for `from_arrays`
    validation, test, seed, splits, standardize  as for `from_arrays`; classes are stratified

    Returns a Dataset, or a list of them where `splits` is given.

    Numbers are scaled by the training rows (standardize). Booleans are 0 and 1. A column of text,
    or one that its frame declares to be categories, becomes a feature for each category of the
    training rows. Another category in validation or test is refused: a network has no weight that
    learned it, so a result on such rows would say nothing, and new rows would be refused too.

    Classes become 0, 1, … in sorted order. Real targets are scaled by the training rows.
    `dataset.decode` and `run.predict` answer in the units of the targets, and the history has
    metrics in them, and squared and absolute errors of one target. Other losses, and the gradients,
    are of the scaled targets. A warning says where all training rows have one class or amount.

    Frames need the extra "frames" (narwhals); a dict of columns and a list of dicts need nothing.

    Raises ValueError, naming column, row, value and a remedy, for missing values, dates, numbers
    written as text, categories that no training row has, and columns that stand twice.

    >>> from fnn import data
    >>> rows = [
    ...     {"size": 1.0, "colour": "red", "sold": False},
    ...     {"size": 2.0, "colour": "blue", "sold": True},
    ... ] * 10
    >>> dataset = data.from_frame(rows, "sold")
    >>> dataset.encoding.feature_names, dataset.encoding.classes
    (['size', 'colour=blue', 'colour=red'], (False, True))
    >>> dataset.encode([{"size": 1.5, "colour": "red"}]).shape
    (1, 3)
    """
    checks.truth("standardize", standardize)
    table = table_of(frame, "frame")
    names = target_names(target, table)
    roles = {"weights": weights, "groups": groups, "order": order}
    extra_columns = names_of_roles(roles, names, table)
    per_row = values_of_roles(roles, extra_columns, table)
    features = feature_columns(table, (*names, *extra_columns.values()))
    check_categorical(categorical, features)
    if not features:
        others = ", ".join(sorted({*names, *extra_columns.values()}))
        raise ValueError(f"frame: no column is left as a feature beside {others}.")
    targets = {name: target_values(name, values_of(name, table[name]), task) for name in names}
    task = task_of(targets, task)
    y, classes = encoded_targets(targets, task)
    data = FrameData(
        features=features,
        targets=names,
        y=y,
        task=task,
        classes=classes,
        label_dtype=label_dtype(targets[names[0]].array, task) if task == CLASSES else "",
        extra_columns=tuple(extra_columns.values()),
        weights=per_row.get("weights"),
        weights_label=label_of_weights(extra_columns),
    )
    sampling = Sampling(
        y=y,
        groups=per_row.get("groups"),
        order=per_row.get("order"),
        validation=validation,
        test=test,
        seed=seed,
        stratify=True,
        classes=classes,
    )
    all_parts = sample_splits(splits, sampling)
    or_else = remedy_for_parts(splits, sampling)
    datasets = [dataset_of(data, parts, standardize, or_else) for parts in all_parts]
    warn_of_constants(datasets[0])
    if splits is None:
        return datasets[0]
    return datasets


class FrameData(NamedTuple):
    """The contents of a table.

    features       the columns of the features by name
    targets        the names of the targets
    y              the targets as numbers
    task           "classification", "regression" or "multilabel"
    classes        the classes in the order of their numbers; () for other tasks
    label_dtype    of the labels as they came; "" where there are none
    extra_columns  the names of the columns of weights, groups and order
    weights        one for each row; None: there are none
    weights_label  of the weights, in errors
    """

    features: dict[str, Values]
    targets: tuple[str, ...]
    y: np.ndarray
    task: str
    classes: tuple[Any, ...]
    label_dtype: str
    extra_columns: tuple[str, ...]
    weights: Any
    weights_label: str


def dataset_of(data: FrameData, parts: Parts, standardize: bool, or_else: str) -> Dataset:
    """Return the rows of a table in three splits, scaled by the training rows.

    or_else  how to get other parts, in errors
    """
    columns = columns_from(data.features, parts.train)
    coded = [column.coded(data.features[column.name]) for column in columns]
    scaling = UNSCALED
    if standardize:
        scaling = scaling_of_columns(columns, coded, parts)
    units, y = None, data.y
    if data.task == REAL:
        mean, std = mean_and_std(data.y, parts.train)
        units = Scaling(own(mean), own(std))
        y = as_float("y", units.of(data.y))
    encoding = Encoding(
        columns=columns,
        features=sum(len(column.features) for column in columns),
        scaling=scaling,
        targets=data.targets,
        task=data.task,
        classes=data.classes,
        units=units,
        label_dtype=data.label_dtype,
        beside=data.extra_columns,
    )
    weights = weights_of(
        data.weights, parts, y, data.classes, label=data.weights_label, or_else=or_else
    )

    def features(rows):
        return features_from(columns, coded, rows, scaling)

    return from_parts(features, y, parts, scaling=scaling, weights=weights, encoding=encoding)


# ---------------------------------------------------------------------------------------- features


def names_of_roles(
    roles: Mapping[str, Any], targets: Sequence[str], table: Mapping[str, Any]
) -> dict[str, str]:
    """Return the columns of weights, groups and order by role, where they are given by name.

    Raises ValueError for unknown columns, and for targets.
    """
    names = {}
    for role, value in roles.items():
        if value is None or not is_name(value, table):
            continue
        name = str(value)
        checks.lookup(role, name, table)
        if name in targets:
            raise ValueError(f"{role}: column {name!r} is a target, expected another one.")
        names[role] = name
    return names


def values_of_roles(
    roles: Mapping[str, Any], names: Mapping[str, str], table: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the values of weights, groups and order by role, from a column or as they came."""
    values = {}
    for role, value in roles.items():
        if role in names:
            name = names[role]
            values[role] = values_of(name, table[name]).array
        elif value is not None:
            values[role] = value
    return values


def label_of_weights(names: Mapping[str, str]) -> str:
    """Return what weights are called in errors, with their column where they have one.

    names  from `names_of_roles`
    """
    if "weights" not in names:
        return "weights"
    return f"weights: column {names['weights']!r}"


def is_name(value: Any, table: Mapping[str, Any]) -> bool:
    """Return whether a value names a column, and is not a column itself."""
    if isinstance(value, str):
        return True
    is_number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return is_number and str(value) in table


def feature_columns(table: Mapping[str, Any], other_names: Sequence[str]) -> dict[str, Values]:
    """Return the values of all columns but those of other names."""
    features = {}
    for name, column in table.items():
        if name not in other_names:
            features[name] = learnable(name, values_of(name, column))
    return features


def check_categorical(categorical: str, features: Mapping[str, Values]) -> None:
    """Refuse text and categories among the features, where `categorical` is "refuse"."""
    checks.lookup("categorical", categorical, dict.fromkeys(("onehot", "refuse")))
    if categorical == "onehot":
        return
    for name, values in features.items():
        if values.kind in (TEXT, CATEGORY):
            raise ValueError(
                f"column {name!r}, row 0: got {str(values.array[0])!r}, a {values.kind}, which "
                'categorical="refuse" does not take; leave the column out, make numbers of it, or '
                'pass categorical="onehot".'
            )


def scaling_of_columns(
    columns: Sequence[Column], coded: Sequence[np.ndarray], parts: Parts
) -> Scaling:
    """Return mean and std of the numbers. Booleans and categories stay 0 and 1."""
    means, stds = [], []
    for column, values in zip(columns, coded, strict=True):
        mean, std = 0.0, 1.0
        if column.kind == NUMBER:
            mean, std = map(float, mean_and_std(values, parts.train))
        count = len(column.features)
        means += [mean] * count
        stds += [std] * count
    return Scaling(np.array(means), np.array(stds))


# ----------------------------------------------------------------------------------------- targets


def target_names(target: Any, table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the targets, as texts.

    Raises ValueError for unknown names, for the same name twice, and for none.
    """
    # A column of a MultiIndex is called by a tuple.
    is_one_column = str(target) in table
    names: tuple[str, ...] = (str(target),)
    if isinstance(target, list | tuple) and not is_one_column:
        names = tuple(map(str, target))
    if not names:
        raise ValueError("target: got no column, expected one at least.")
    for name in names:
        checks.lookup("target", name, table)
    if len(set(names)) < len(names):
        raise ValueError(f"target: got {', '.join(names)}, expected each column once.")
    return names


def target_values(name: str, values: Values, task: str | None) -> Values:
    """Return a target. Numbers written as text are labels only where the task says so."""
    if task == CLASSES and values.kind == TEXT:
        return values
    return learnable(name, values)


def task_of(targets: Mapping[str, Values], task: str | None) -> str:
    """Return the task, from the kinds of the targets where it is None.

    Raises ValueError for columns that the task cannot be learned from, and for columns that may
    mean several tasks.
    """
    kinds = {name: values.kind for name, values in targets.items()}
    if task is not None:
        check_task(kinds, task)
        return task
    if len(targets) > 1:
        return task_of_several(kinds)
    ((name, values),) = targets.items()
    if values.kind != NUMBER:
        return CLASSES
    if values.array.dtype.kind not in "iu":
        return REAL
    if are_classes(values.array):
        return CLASSES
    distinct = len(np.unique(values.array))
    raise ValueError(
        f"target: column {name!r} holds {distinct} different whole numbers, which may be classes "
        'or amounts; say which with task="classification" or task="regression".'
    )


def check_task(kinds: Mapping[str, str], task: str) -> None:
    """Refuse an unknown task, and one that cannot be learned from columns of these kinds."""
    checks.lookup("task", task, dict.fromkeys((CLASSES, REAL, SEVERAL_LABELS)))
    if task == CLASSES and len(kinds) > 1:
        raise ValueError(
            f"target: got {len(kinds)} columns for classification, expected one; several "
            'columns of booleans are task="multilabel".'
        )
    for name, kind in kinds.items():
        if kind in (TEXT, CATEGORY) and task != CLASSES:
            raise ValueError(
                f"target: column {name!r} holds {kind}, which {task} cannot learn; convert it to "
                'numbers, or pass task="classification" for one column of classes.'
            )


def task_of_several(kinds: Mapping[str, str]) -> str:
    """Return the task of several targets, which are all booleans or all numbers."""
    distinct = set(kinds.values())
    if distinct == {BOOLEAN}:
        return SEVERAL_LABELS
    if distinct != {NUMBER}:
        raise ValueError(
            f"target: got columns {kinds}, expected all booleans (labels) or all numbers; pass "
            'task="multilabel" for columns of 0 and 1, task="regression" for amounts.'
        )
    return REAL


def encoded_targets(targets: Mapping[str, Values], task: str) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return the targets as numbers, and the classes in the order of their numbers."""
    if task == CLASSES:
        (values,) = targets.values()
        return numbered(values.array)
    for name, values in targets.items():
        if task == SEVERAL_LABELS:
            check_booleans(name, values.array)
        check_squares(name, values.array)
    columns = [values.array.astype(np.float64) for values in targets.values()]
    y = np.column_stack(columns)
    if task == SEVERAL_LABELS:
        return as_float("y", y), ()
    if len(targets) == 1:
        return y[:, 0], ()
    return y, ()


def check_booleans(name: str, values: np.ndarray) -> None:
    """Refuse labels that are neither 0 nor 1."""
    is_boolean = np.isin(values, (0, 1))
    if not is_boolean.all():
        row = int(np.argmin(is_boolean))
        raise ValueError(
            f"column {name!r}, row {row}: got {values[row]}, expected a boolean for a label; pass "
            'task="regression" for amounts.'
        )


def check_squares(name: str, values: np.ndarray) -> None:
    """Refuse targets whose squared errors, in their units, would be beyond float32."""
    limit = float(np.sqrt(np.finfo(np.float32).max)) / 10
    largest = magnitude(values)
    if largest > limit:
        raise ValueError(
            f"column {name!r}: got a value of magnitude {largest:.3g}, expected at most "
            f"{limit:.2g}, so that float32 holds squared errors; rescale it."
        )
