"""Make several splits of the same rows: sampled again and again, or folds."""

from collections.abc import Iterator
from typing import Any, TypedDict

import numpy as np

from fnn import checks
from fnn.data.parts import (
    Parts,
    Sampling,
    check_classes,
    is_fraction,
    is_labels,
    numbers_or_dates,
    one_per_example,
    sample_parts,
    sample_split,
)


class Options(TypedDict, total=False):
    """The types of the options that `from_arrays` and `from_frame` share, without `splits`."""

    weights: Any
    groups: Any
    order: Any
    validation: float
    test: float | None
    seed: int | None
    standardize: bool


TEST_FRACTION = 0.15
EXPECTED = (
    "expected a number of re-drawn splits, a splitter of scikit-learn such as KFold(5), or pairs "
    "(rows that are left, test rows)"
)


def sample_splits(splits: Any, sampling: Sampling) -> list[Parts]:
    """Return the parts of one split or of several.

    splits  None: one split is sampled; an int: so many are, with seed, seed + 1, …; a splitter of
            scikit-learn, or pairs (rows left, test rows): the validation rows are sampled from the
            rows left

    Raises ValueError for splits of another kind, and for folds that cannot be used.
    """
    check_is_used(splits, sampling)
    if sampling.test is None:
        sampling = sampling._replace(test=TEST_FRACTION)
    if sampling.seed is None:
        sampling = sampling._replace(seed=0)
    if splits is None:
        return [sample_split(sampling)]
    if is_number(splits):
        return sample_again(splits, sampling)
    return sample_folds(splits, sampling)


def is_number(splits: Any) -> bool:
    """Return whether several splits are drawn, as many as a number says."""
    return isinstance(splits, (int, np.integer)) and not isinstance(splits, bool)


def check_is_used(splits: Any, sampling: Sampling) -> None:
    """Refuse a fraction and a seed that would mean nothing."""
    are_folds = splits is not None and not is_number(splits)
    if are_folds and sampling.test is not None:
        raise ValueError(
            f"test: got {sampling.test!r} with folds, whose test rows are given, expected none; "
            "leave test out, or pass the number of splits to draw."
        )
    if sampling.order is not None and sampling.seed is not None:
        raise ValueError(
            f"seed: got {sampling.seed!r} with order=, by which nothing is drawn, expected none; "
            "leave seed out."
        )


def remedy_for_parts(splits: Any, sampling: Sampling) -> str:
    """Return how to get other rows in a part, as the end of a sentence."""
    if splits is not None and not is_number(splits):
        return ", or take other folds"
    if sampling.order is not None:
        return ", or ask for another fraction"
    return ", or draw the split with another seed"


def sample_again(splits: int, sampling: Sampling) -> list[Parts]:
    """Return the parts of so many splits, with seed, seed + 1, …"""
    seed = checks.seed(sampling.seed)
    if sampling.order is not None:
        raise ValueError(
            f"splits: got {splits} with order=, by which nothing is drawn; pass folds, such as "
            "scikit-learn's TimeSeriesSplit(5)."
        )
    seeds = range(seed, seed + checks.count("splits", splits))
    return [sample_split(sampling._replace(seed=each)) for each in seeds]


def sample_folds(splits: Any, sampling: Sampling) -> list[Parts]:
    """Return the parts of folds, whose validation rows are sampled from the rows left."""
    y = sampling.y
    seed = checks.seed(sampling.seed)
    by_example = values_by_example(sampling)
    size = validation_size(sampling.validation, len(y))
    folds = folds_of(splits, len(y), y, by_example.get("groups"))
    all_parts = []
    for number, (left, test_rows) in enumerate(folds):
        if size >= len(left):
            raise ValueError(
                f"splits: split {number} leaves {len(left)} rows for training and validation, "
                f"expected more than the {size} of the validation."
            )
        check_apart(number, by_example, left, test_rows)
        of_left = {name: values[left] for name, values in by_example.items()}
        of_fold = sampling._replace(y=y[left], seed=seed + number, **of_left)
        inner = sample_parts(of_fold, 0, size)
        parts = Parts(left[inner.train], left[inner.validation], test_rows)
        if is_labels(y):
            check_classes(y, parts, sampling.classes)
        all_parts.append(parts)
    if not all_parts:
        raise ValueError(f"splits: got none, {EXPECTED}.")
    return all_parts


def values_by_example(sampling: Sampling) -> dict[str, np.ndarray]:
    """Return "groups" and "order" as arrays (examples,), where they were passed."""
    examples = len(sampling.y)
    values = {}
    if sampling.groups is not None:
        values["groups"] = one_per_example("groups", sampling.groups, examples)
    if sampling.order is not None:
        values["order"] = numbers_or_dates("order", sampling.order, examples)
    return values


def check_apart(
    number: int, by_example: dict[str, np.ndarray], left: np.ndarray, test_rows: np.ndarray
) -> None:
    """Refuse a fold with one group on both sides, and one that tests rows before training rows.

    number      of the fold, in errors
    by_example  from `values_by_example`
    """
    if "groups" in by_example:
        groups = by_example["groups"]
        common = np.intersect1d(groups[left], groups[test_rows])
        if len(common):
            raise ValueError(
                f"splits: split {number} has the group {common[0]} in the test rows and in the "
                "others; take a splitter by groups, such as GroupKFold."
            )
    if "order" in by_example:
        order = by_example["order"]
        last_left = np.max(order[left])
        first_test = np.min(order[test_rows])
        if last_left > first_test:
            raise ValueError(
                f"splits: split {number} tests rows that come before others that are trained on, "
                "by order=; sort the rows by it and take TimeSeriesSplit."
            )
        if last_left == first_test:
            raise ValueError(
                f"splits: split {number} has rows of {first_test!s} in the test rows and in the "
                "others, by order=; pass pairs (rows that are left, test rows), cut between "
                "different values."
            )


def validation_size(validation: Any, examples: int) -> int:
    """Return how many rows are for validation.

    validation  a fraction of all rows, in (0, 1)

    Raises ValueError for other values, and for a fraction that makes no row.
    """
    size = 0
    if is_fraction(validation):
        size = round(float(validation) * examples)
    if size < 1:
        raise ValueError(
            f"validation: got {validation!r}, expected a fraction in (0, 1) of {examples} "
            "examples that makes one at least."
        )
    return size


def folds_of(
    splits: Any, examples: int, y: np.ndarray, groups: np.ndarray | None
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows that are left and the test rows of each fold.

    Raises ValueError for folds of another kind, and for rows on both sides.
    """
    if isinstance(splits, type):
        raise ValueError(f"splits: got the class {splits.__name__}, expected {splits.__name__}(5).")
    if hasattr(splits, "split") and not isinstance(splits, str):
        x = np.zeros((examples, 1))
        pairs = splits.split(x, y, groups)
    elif hasattr(splits, "__iter__") and not isinstance(splits, (str, bytes, dict)):
        pairs = splits
    else:
        raise ValueError(f"splits: got {splits!r}, {EXPECTED}.")
    for number, pair in enumerate(pairs):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise ValueError(f"splits: split {number} is {pair!r}, {EXPECTED}.")
        left = rows_of(number, pair[0], examples)
        test_rows = rows_of(number, pair[1], examples)
        common = np.intersect1d(left, test_rows)
        if len(common):
            raise ValueError(
                f"splits: split {number} has row {common[0]} in the test rows and in the others."
            )
        yield left, test_rows


def rows_of(number: int, rows: Any, examples: int) -> np.ndarray:
    """Return the numbers of rows.

    number  of the fold, in errors
    rows    row numbers, or a boolean for each example

    Raises ValueError for other values, and for a row that stands twice.
    """
    array = np.asarray(rows)
    if array.dtype == bool and array.shape == (examples,):
        array = np.flatnonzero(array)
    are_integers = array.ndim == 1 and array.size > 0 and array.dtype.kind in "iu"
    are_rows = are_integers and array.min() >= 0 and array.max() < examples
    if not are_rows:
        raise ValueError(
            f"splits: split {number} has {type(rows).__name__} {array.shape} {array.dtype}, "
            f"expected row numbers from 0 to {examples - 1}."
        )
    if len(np.unique(array)) < len(array):
        raise ValueError(f"splits: split {number} has a row twice, expected each once.")
    return array
