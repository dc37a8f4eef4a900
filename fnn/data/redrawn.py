"""Several splits of the same rows: drawn again and again, or folds."""

from collections.abc import Iterator
from typing import Any, TypedDict

import numpy as np

from fnn import checks
from fnn.data.parts import Draw, Parts, check_classes, drawn, is_labels, one_each, parts_of, times


class Options(TypedDict, total=False):
    """What `from_arrays` and `from_frame` take beside rows, targets and splits, for their types."""

    weights: Any
    groups: Any
    order: Any
    validation: float
    test: float
    seed: int
    standardize: bool


EXPECTED = (
    "expected a number of re-drawn splits, a splitter of scikit-learn such as KFold(5), or pairs "
    "(rows that are left, test rows)"
)


def several_parts(splits: Any, draw: Draw) -> list[Parts]:
    """Return the parts of several splits.

    splits  an int: so many are drawn, with seed, seed + 1, …; otherwise what gives the test rows of
            each, and the rows that are left, of which the validation rows are drawn
    """
    y, examples, seed = draw.y, len(draw.y), checks.seed(draw.seed)
    if isinstance(splits, (int, np.integer)) and not isinstance(splits, bool):
        if draw.order is not None:
            raise ValueError(
                f"splits: got {splits} with order=, by which nothing is drawn; pass folds, such as "
                "scikit-learn's TimeSeriesSplit(5)."
            )
        return [
            parts_of(draw._replace(seed=seed + number))
            for number in range(checks.count("splits", splits))
        ]
    given = {}
    if draw.groups is not None:
        given["groups"] = one_each("groups", draw.groups, examples)
    if draw.order is not None:
        given["order"] = times("order", draw.order, examples)
    size = validation_size(draw.validation, examples)
    found = []
    for number, (left, held_out) in enumerate(folds_of(splits, examples, y, given.get("groups"))):
        if size >= len(left):
            raise ValueError(
                f"splits: split {number} leaves {len(left)} rows for training and validation, "
                f"expected more than the {size} of the validation."
            )
        check_apart(number, given, left, held_out)
        own = {name: values[left] for name, values in given.items()}
        split = drawn(draw._replace(y=y[left], seed=seed + number, **own), 0, size)
        parts = Parts(left[split.train], left[split.validation], held_out)
        if is_labels(y):
            check_classes(y, parts, draw.classes)
        found.append(parts)
    if not found:
        raise ValueError(f"splits: got none, {EXPECTED}.")
    return found


def check_apart(
    number: int, given: dict[str, np.ndarray], left: np.ndarray, held_out: np.ndarray
) -> None:
    """Refuse folds that put a group on both sides, or test on what came before."""
    if "groups" in given:
        groups = given["groups"]
        if len(common := np.intersect1d(groups[left], groups[held_out])):
            raise ValueError(
                f"splits: split {number} has the group {common[0]} in the test rows and in the "
                "others; take a splitter by groups, such as GroupKFold."
            )
    if "order" in given:
        order = given["order"]
        if np.max(order[left]) > np.min(order[held_out]):
            raise ValueError(
                f"splits: split {number} tests rows that come before others that are trained on, "
                "by order=; sort the rows by it and take TimeSeriesSplit."
            )


def validation_size(validation: Any, examples: int) -> int:
    """Return how many rows are for validation: a fraction of all."""
    is_float = isinstance(validation, (float, np.floating))
    if not is_float or not 0 < validation < 1 or round(validation * examples) < 1:
        raise ValueError(
            f"validation: got {validation!r}, expected a fraction in (0, 1) of {examples} "
            "examples that makes one at least."
        )
    return round(float(validation) * examples)


def folds_of(
    splits: Any, examples: int, y: np.ndarray, groups: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows that are left and the test rows of each split."""
    if isinstance(splits, type):
        raise ValueError(f"splits: got the class {splits.__name__}, expected {splits.__name__}(5).")
    if hasattr(splits, "split") and not isinstance(splits, str):
        pairs = splits.split(np.zeros((examples, 1)), y, groups)
    elif hasattr(splits, "__iter__") and not isinstance(splits, (str, bytes, dict)):
        pairs = splits
    else:
        raise ValueError(f"splits: got {splits!r}, {EXPECTED}.")
    for number, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"splits: split {number} is {pair!r}, {EXPECTED}.")
        left, held_out = (rows_of(number, rows, examples) for rows in pair)
        if common := np.intersect1d(left, held_out).tolist():
            raise ValueError(
                f"splits: split {number} has row {common[0]} in the test rows and in the others."
            )
        yield left, held_out


def rows_of(number: int, rows: Any, examples: int) -> np.ndarray:
    """Return the numbers of rows; ValueError for other things, and for a row that stands twice."""
    array = np.asarray(rows)
    if array.dtype == bool and array.shape == (examples,):
        array = np.flatnonzero(array)
    is_right = array.ndim == 1 and array.size and array.dtype.kind in "iu"
    if not is_right or array.min() < 0 or array.max() >= examples:
        raise ValueError(
            f"splits: split {number} has {type(rows).__name__} {array.shape} {array.dtype}, "
            f"expected row numbers from 0 to {examples - 1}."
        )
    if len(np.unique(array)) < len(array):
        raise ValueError(f"splits: split {number} has a row twice, expected each once.")
    return array
