"""`from_frame`: a table of named columns as a Dataset."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fnn import checks
from fnn.data.columns import BOOLEAN, CATEGORY, columns_of, kind_of
from fnn.data.dataset import Dataset, Weights, owned, parts_of, weights_of
from fnn.data.dataset import Split as Rows
from fnn.data.encoding import (
    CLASSES,
    REAL,
    SEVERAL_LABELS,
    Column,
    Encoding,
    columns_from,
)
from fnn.data.numbers import AS_THEY_ARE, Scaling, as_float, check_range, features_of, statistics
from fnn.data.owned import own
from fnn.data.parts import Parts

MOST_CLASSES = 20  # of whole numbers that are taken as labels unless `task` says so
FEWEST = 3  # examples a class then has on average


def from_frame(
    frame: Any,
    target: str | Sequence[str],
    *,
    task: str | None = None,
    weights: str | None = None,
    groups: str | None = None,
    order: str | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
    standardize: bool = True,
) -> Dataset:
    """Make a Dataset of a table: a frame of pandas, polars or pyarrow, or a dict of columns.

    target       the column that is predicted, or several; every other one is a feature, unless it
                 is named below
    task         "classification", "regression", or "multilabel" for several columns of booleans.
                 None: text, booleans and categories are classes, several columns of booleans are
                 labels, numbers with a fraction are real; whole numbers are classes where there are
                 at most 20, each met three times on average, and refused otherwise
    weights, groups, order  columns as for `from_arrays`
    validation, test, seed, standardize  as for `from_arrays`; classes are stratified

    Numbers are scaled by the training rows (standardize), booleans are 0 and 1, and a column of
    text or categories becomes a feature for each category of the training rows. Classes become 0,
    1, … in sorted order. Real targets are scaled by the training rows: `dataset.decode` and
    `run.predict` answer in their units, and so does the metric "rmse"; losses are those of the
    scaled targets. Raises ValueError, naming column, row, value and what to do, for missing values,
    dates, numbers written as text, categories that no training row has, and columns that stand
    twice. Frames need the extra "frames" (narwhals); a dict of columns needs nothing.
    """
    checks.truth("standardize", standardize)
    table = columns_of(frame, "frame")
    names = (target,) if isinstance(target, str) else tuple(target)
    named = {"weights": weights, "groups": groups, "order": order}
    others = {role: table[_known(role, name, table)] for role, name in named.items() if name}
    taken = {*names, *(name for name in named.values() if name)}
    for name in names:
        _known("target", name, table)
    features = {name: values for name, values in table.items() if name not in taken}
    if not features:
        raise ValueError(
            f"frame: no column is left as a feature beside {', '.join(sorted(taken))}."
        )

    goals = {name: table[name] for name in names}
    task = task_of(goals, task)
    y, classes = encoded_targets(goals, task)
    examples = len(y)
    split = parts_of(
        examples,
        y,
        groups=others.get("groups"),
        order=others.get("order"),
        validation=validation,
        test=test,
        seed=seed,
        stratify=True,
    )
    columns = columns_from(features, split.train)
    x = matrix_of(columns, features)
    scaling = scaling_of(columns, x, split) if standardize else AS_THEY_ARE
    units = Scaling(*map(own, statistics(y, split.train))) if task == REAL else None
    y = y if units is None else as_float("y", units.of(y))
    encoding = Encoding(columns, x.shape[1], scaling, names, task, classes, units)
    counts: Weights | None = weights_of(others.get("weights"), split, examples)
    train, held_out, last = (Rows(features_of(x, rows, scaling), y[rows]) for rows in split)
    return owned(Dataset(train, held_out, last, scaling, counts, encoding))


def _known(role: str, name: Any, table: Mapping[str, np.ndarray]) -> str:
    """Return a name that is a column of the table; refuses others with the closest one."""
    checks.lookup(role, name, table)
    return name


def task_of(goals: Mapping[str, np.ndarray], task: str | None) -> str:
    """Return what is to be learned; refuses what the columns cannot be, and what they may mean."""
    kinds = {name: kind_of(values) for name, values in goals.items()}
    if task is not None:
        checks.lookup("task", task, dict.fromkeys((CLASSES, REAL, SEVERAL_LABELS)))
        if task == CLASSES and len(goals) > 1:
            raise ValueError(
                f"target: got {len(goals)} columns for classification, expected one; several "
                'columns of booleans are task="multilabel".'
            )
        text = [name for name, kind in kinds.items() if kind == CATEGORY]
        if text and task != CLASSES:
            raise ValueError(f"target: column {text[0]!r} holds text, which {task} cannot learn.")
        return task
    if len(goals) > 1:
        if set(kinds.values()) == {BOOLEAN}:
            return SEVERAL_LABELS
        if CATEGORY in kinds.values() or BOOLEAN in kinds.values():
            raise ValueError(
                f"target: got columns {kinds}, expected all booleans (labels) or all numbers."
            )
        return REAL
    ((name, values),) = goals.items()
    if kinds[name] in (BOOLEAN, CATEGORY):
        return CLASSES
    if values.dtype.kind == "f":
        return REAL
    distinct = len(np.unique(values))
    if distinct <= MOST_CLASSES and FEWEST * distinct <= len(values):
        return CLASSES
    raise ValueError(
        f"target: column {name!r} holds {distinct} different whole numbers, which may be classes "
        'or amounts; say which with task="classification" or task="regression".'
    )


def encoded_targets(
    goals: Mapping[str, np.ndarray], task: str
) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return the targets as numbers, and the classes in the order of their numbers."""
    if task == CLASSES:
        (values,) = goals.values()
        classes, codes = np.unique(values, return_inverse=True)
        return codes.reshape(-1).astype(np.int32), tuple(classes.tolist())
    for name, values in goals.items():
        if task == SEVERAL_LABELS and not np.isin(values, (0, 1)).all():
            row = int(np.argmin(np.isin(values, (0, 1))))
            raise ValueError(
                f"column {name!r}, row {row}: got {values[row]}, expected a boolean for a label."
            )
    y = np.column_stack([values.astype(np.float64) for values in goals.values()])
    check_range("y", y)
    y = y[:, 0] if len(goals) == 1 else y
    return (as_float("y", y) if task == SEVERAL_LABELS else y), ()


def matrix_of(columns: Sequence[Column], table: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the features of all rows side by side."""
    x = np.hstack([column.encode(table[column.name]) for column in columns])
    check_range("x", x)
    return x


def scaling_of(columns: Sequence[Column], x: np.ndarray, split: Parts) -> Scaling:
    """Return mean and std of the numbers; booleans and categories stay 0 and 1."""
    mean, std = statistics(x, split.train)
    is_number = [
        column.kind not in (BOOLEAN, CATEGORY) for column in columns for _ in column.features
    ]
    return Scaling(np.where(is_number, mean, 0.0), np.where(is_number, std, 1.0))
