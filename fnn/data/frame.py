"""`from_frame`: a table of named columns as a Dataset."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, overload

import numpy as np

from fnn import checks
from fnn.data.arrays import FEWEST, MOST_CLASSES
from fnn.data.columns import Column, columns_from, features_from
from fnn.data.dataset import Dataset, Split, owned, weights_of
from fnn.data.encoding import CLASSES, REAL, SEVERAL_LABELS, Encoding, label_dtype
from fnn.data.numbers import AS_THEY_ARE, Scaling, as_float, statistics
from fnn.data.owned import own
from fnn.data.parts import Draw, Parts, parts_of
from fnn.data.redrawn import Options, several_parts
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
    """Those of `from_frame`."""

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
    test: float = 0.15,
    seed: int = 0,
    splits: Any = None,
    standardize: bool = True,
) -> Dataset | list[Dataset]:
    """Make a Dataset of a table: a frame of pandas, polars or pyarrow, a dict of columns, or dicts.

    target       the column that is predicted, or a list of several; every other one is a feature,
                 unless it is named below
    task         "classification", "regression", or "multilabel" for several columns of booleans.
                 None: text, booleans and categories are classes, several columns of booleans are
                 labels, floats are real; whole numbers are classes where there are at most 20, each
                 met three times on average, and refused otherwise
    categorical  "onehot"; "refuse" refuses text and categories among the features by name, such as
                 those of an identifier
    weights, groups, order  the name of a column, or an array, as for `from_arrays`
    validation, test, seed, splits, standardize  as for `from_arrays`; classes are stratified

    Numbers are scaled by the training rows (standardize), booleans are 0 and 1, and a column of
    text, or one that its frame declares to be categories, becomes a feature for each category. The
    categories are those of the training rows, and another one in validation or test is refused: a
    network has no weight that learned it, so that a result on such rows would say nothing, and new
    rows would be refused all the same. Classes become 0, 1, … in sorted order. Real targets are
    scaled by the training rows: `dataset.decode` and `run.predict` answer in their units, and the
    history has metrics in them, and squared and absolute errors of one target; other losses, and
    the gradients, are of the scaled targets. Raises ValueError, naming column, row, value and what
    to do, for missing values, dates, numbers written as text, categories that no training row has,
    and columns that stand twice. Frames need the extra "frames" (narwhals); a dict of columns and a
    list of dicts need nothing.
    """
    checks.truth("standardize", standardize)
    table = table_of(frame, "frame")
    names = target_names(target, table)
    given = {"weights": weights, "groups": groups, "order": order}
    others = {role: values for role, values in given.items() if values is not None}
    taken = {role: str(name) for role, name in others.items() if is_name(name, table)}
    for role, name in taken.items():
        checks.lookup(role, name, table)
        if name in names:
            raise ValueError(f"{role}: column {name!r} is a target, expected another one.")
        others[role] = values_of(name, table[name]).array
    features = {
        name: learnable(name, values_of(name, values))
        for name, values in table.items()
        if name not in names and name not in taken.values()
    }
    checks.lookup("categorical", categorical, dict.fromkeys(("onehot", "refuse")))
    for name, values in features.items() if categorical == "refuse" else ():
        if values.kind in (TEXT, CATEGORY):
            raise ValueError(
                f"column {name!r}, row 0: got {str(values.array[0])!r}, a {values.kind}, which "
                'categorical="refuse" does not take; leave the column out, make numbers of it, or '
                'pass categorical="onehot".'
            )
    if not features:
        beside = ", ".join(sorted({*names, *taken.values()}))
        raise ValueError(f"frame: no column is left as a feature beside {beside}.")
    goals = {name: goal_of(name, values_of(name, table[name]), task) for name in names}
    task = task_of(goals, task)
    y, classes = encoded_targets(goals, task)
    groups, order = others.get("groups"), others.get("order")
    draw = Draw(y, groups, order, validation, test, seed, True, classes)
    came = label_dtype(goals[names[0]].array, task)
    extra = tuple(taken.values())

    def made(split: Parts) -> Dataset:
        columns = columns_from(features, split.train)
        coded = [column.coded(features[column.name]) for column in columns]
        scaling = scaling_of(columns, coded, split) if standardize else AS_THEY_ARE
        units = Scaling(*map(own, statistics(y, split.train))) if task == REAL else None
        targets = y if units is None else as_float("y", units.of(y))
        width = sum(len(column.features) for column in columns)
        encoding = Encoding(columns, width, scaling, names, task, classes, units, came, extra)
        counts = weights_of(others.get("weights"), split, len(y))
        train, held_out, last = (
            Split(features_from(columns, coded, rows, scaling), targets[rows]) for rows in split
        )
        return owned(Dataset(train, held_out, last, scaling, counts, encoding, split))

    if splits is None:
        return made(parts_of(draw))
    return [made(split) for split in several_parts(splits, draw)]


def is_name(value: Any, table: Mapping[str, Any]) -> bool:
    """Return whether a value names a column, and is not itself one."""
    is_number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return isinstance(value, str) or (is_number and str(value) in table)


def target_names(target: Any, table: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the targets, as texts; refuses unknown ones, the same twice, and none."""
    several = isinstance(target, list | tuple) and str(target) not in table  # of a MultiIndex
    names = tuple(map(str, target)) if several else (str(target),)
    if not names:
        raise ValueError("target: got no column, expected one at least.")
    for name in names:
        checks.lookup("target", name, table)
    if len(set(names)) < len(names):
        raise ValueError(f"target: got {', '.join(names)}, expected each column once.")
    return names


def goal_of(name: str, values: Values, task: str | None) -> Values:
    """Return a target; text of numbers is a label only where the task is said to be that."""
    return values if task == CLASSES and values.kind == TEXT else learnable(name, values)


def task_of(goals: Mapping[str, Values], task: str | None) -> str:
    """Return what is to be learned; refuses what the columns cannot be, and what they may mean."""
    kinds = {name: values.kind for name, values in goals.items()}
    if task is not None:
        checks.lookup("task", task, dict.fromkeys((CLASSES, REAL, SEVERAL_LABELS)))
        if task == CLASSES and len(goals) > 1:
            raise ValueError(
                f"target: got {len(goals)} columns for classification, expected one; several "
                'columns of booleans are task="multilabel".'
            )
        labels = [name for name, kind in kinds.items() if kind in (TEXT, CATEGORY)]
        if labels and task != CLASSES:
            raise ValueError(
                f"target: column {labels[0]!r} holds {kinds[labels[0]]}, which {task} cannot "
                "learn; convert it to numbers."
            )
        return task
    if len(goals) > 1:
        if set(kinds.values()) == {BOOLEAN}:
            return SEVERAL_LABELS
        if set(kinds.values()) != {NUMBER}:
            raise ValueError(
                f"target: got columns {kinds}, expected all booleans (labels) or all numbers."
            )
        return REAL
    ((name, values),) = goals.items()
    if values.kind != NUMBER:
        return CLASSES
    if values.array.dtype.kind not in "iu":
        return REAL
    distinct = len(np.unique(values.array))
    if distinct <= MOST_CLASSES and FEWEST * distinct <= len(values.array):
        return CLASSES
    raise ValueError(
        f"target: column {name!r} holds {distinct} different whole numbers, which may be classes "
        'or amounts; say which with task="classification" or task="regression".'
    )


def encoded_targets(goals: Mapping[str, Values], task: str) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return the targets as numbers, and the classes in the order of their numbers."""
    if task == CLASSES:
        (values,) = goals.values()
        classes, codes = np.unique(values.array, return_inverse=True)
        return codes.reshape(-1).astype(np.int32), tuple(classes.tolist())
    for name, values in goals.items():
        is_label = np.isin(values.array, (0, 1))
        if task == SEVERAL_LABELS and not is_label.all():
            row = int(np.argmin(is_label))
            raise ValueError(
                f"column {name!r}, row {row}: got {values.array[row]}, expected a boolean for a "
                "label."
            )
        check_squares(name, values.array)
    y = np.column_stack([values.array.astype(np.float64) for values in goals.values()])
    if task == SEVERAL_LABELS:
        return as_float("y", y), ()
    return (y[:, 0] if len(goals) == 1 else y), ()


def check_squares(name: str, values: np.ndarray) -> None:
    """Refuse targets whose squared errors, in their units, would be beyond float32."""
    limit = float(np.sqrt(np.finfo(np.float32).max)) / 10
    largest = max(abs(float(np.max(values))), abs(float(np.min(values))))
    if largest > limit:
        raise ValueError(
            f"column {name!r}: got a value of magnitude {largest:.3g}, expected at most "
            f"{limit:.2g}, so that float32 holds squared errors; rescale it."
        )


def scaling_of(columns: Sequence[Column], coded: Sequence[np.ndarray], split: Parts) -> Scaling:
    """Return mean and std of the numbers; booleans and categories stay 0 and 1."""
    means, stds = [], []
    for column, values in zip(columns, coded, strict=True):
        is_number = column.kind == NUMBER
        mean, std = statistics(values, split.train) if is_number else (0.0, 1.0)
        means += [float(mean)] * len(column.features)
        stds += [float(std)] * len(column.features)
    return Scaling(np.array(means), np.array(stds))
