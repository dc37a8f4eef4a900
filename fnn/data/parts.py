"""Which rows learn, which choose, which report: at random, by class, by group, by time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from fnn import checks
from fnn.data.table import CATEGORY, TEXT, column_of, values_of

Rows = Integer[np.ndarray, "rows"]


class Parts(NamedTuple):
    """The row numbers of each part; a row is in one at most."""

    train: Rows
    validation: Rows
    test: Rows


class Draw(NamedTuple):
    """What decides which rows are in which split: see `from_arrays`.

    classes  what the labels of y stand for; (): themselves
    """

    y: np.ndarray
    groups: Any
    order: Any
    validation: float
    test: float
    seed: int
    stratify: bool
    classes: tuple[Any, ...] = ()


def parts_of(draw: Draw) -> Parts:
    """Return which rows are in which split; refuses one without the training rows of a class."""
    test, validation = sizes_of(len(draw.y), draw.validation, draw.test)
    parts = drawn(draw, test, validation)
    if is_labels(draw.y):
        check_classes(draw.y, parts, draw.classes)
    return parts


def drawn(draw: Draw, test: int, validation: int) -> Parts:
    """Return splits of these sizes, by group, by time, by class or at random."""
    seed, examples = checks.seed(draw.seed), len(draw.y)
    if draw.groups is not None and draw.order is not None:
        raise ValueError("groups, order: got both, expected one of them.")
    if draw.groups is not None:
        return by_group(one_each("groups", draw.groups, examples), test, validation, seed)
    if draw.order is not None:
        return by_order(times("order", draw.order, examples), test, validation)
    if is_labels(draw.y) and draw.stratify:
        return by_class(draw.y, test, validation, seed)
    return at_random(examples, test, validation, seed)


def is_labels(y: np.ndarray) -> bool:
    """Return whether targets are class labels."""
    return y.ndim == 1 and y.dtype.kind in "iu"


def one_each(name: str, values: Any, examples: int) -> np.ndarray:
    """Return values that can be sorted, one for each example; refuses missing ones."""
    array = values_of(name, column_of(name, values)).array
    if array.shape != (examples,):
        raise ValueError(
            f"{name}: got shape {array.shape}, expected ({examples},), one for each example."
        )
    return array


def times(name: str, values: Any, examples: int) -> np.ndarray:
    """Return numbers or dates, one for each example; refuses text."""
    kind = values_of(name, column_of(name, values)).kind
    if kind in (TEXT, CATEGORY):
        raise ValueError(
            f"{name}: got {kind}, which sorts by its letters, expected numbers or dates; convert "
            "it."
        )
    return one_each(name, values, examples)


def sizes_of(examples: int, validation: Any, test: Any) -> list[int]:
    """Return how many are for test and validation; refuses fractions that leave a split empty."""
    fractions = {"test": test, "validation": validation}
    for name, fraction in fractions.items():
        is_float = isinstance(fraction, (float, np.floating))
        if not is_float or not 0 < fraction < 1:
            raise ValueError(f"{name}: got {fraction!r}, expected a fraction in (0, 1).")
    if validation + test >= 1:
        raise ValueError(
            f"validation, test: got {validation} + {test}, expected a sum below 1: the rest is "
            "training."
        )
    sizes = {name: round(float(fraction) * examples) for name, fraction in fractions.items()}
    sizes["train"] = examples - sum(sizes.values())
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(
                f"{name}: of {examples} examples, validation={validation} and test={test} leave "
                f"none for {name}; expected at least one in each split."
            )
    return [sizes["test"], sizes["validation"]]


def partition(examples: int, sizes: list[int], seed: int) -> list[np.ndarray]:
    """Return the row numbers in random order, cut into parts of these sizes and the rest."""
    return np.split(np.random.default_rng(seed).permutation(examples), np.cumsum(sizes))


def at_random(examples: int, test: int, validation: int, seed: int) -> Parts:
    """Draw a random order and cut it: the test rows first, then those of the validation."""
    of_test, of_validation, of_train = partition(examples, [test, validation], seed)
    return Parts(of_train, of_validation, of_test)


def by_class(labels: np.ndarray, test: int, validation: int, seed: int) -> Parts:
    """Draw rows so that each class has its share of each split.

    labels  (examples,) of any type that can be sorted

    The sizes are exact. A class of one example is in the training rows, one of two in the training
    rows and another split, and one of three or more in every split where there is room.
    Raises ValueError where a class would be missing from the training rows.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    codes = codes.reshape(-1)
    room = len(labels) - test - validation
    if room < len(classes):
        raise ValueError(
            f"y: {len(classes)} classes, but {room} training examples: a class would be missing "
            "from them. Make validation and test smaller, leave rare classes out, or pass y as "
            "floats if it is no class label."
        )
    spared = np.minimum(counts - 1, counts - 2 * (counts > 2))  # for the validation rows too
    first = shares(counts, test, spared if spared.sum() >= test else counts - 1)
    second = shares(counts, validation, counts - first - 1)
    found: list[list[Rows]] = [[], [], []]
    for code in range(len(classes)):
        own = order[codes[order] == code]
        cuts = [first[code], first[code] + second[code]]
        for part, rows in zip(found, np.split(own, cuts), strict=True):
            part.append(rows)
    of_test, of_validation, of_train = (np.concatenate(part) for part in found)
    mixed = np.argsort(order)  # the place of each row in the random order
    return Parts(*(part[np.argsort(mixed[part])] for part in (of_train, of_validation, of_test)))


def shares(counts: np.ndarray, size: int, most: np.ndarray) -> np.ndarray:
    """Return how many of each class are among `size` rows: its share, rounded, one at least.

    counts  of each class; most  that may be taken of it, `size` of them together at least
    """
    ideal = counts * size / counts.sum()
    taken = np.clip(np.floor(ideal).astype(int), np.minimum(counts > 2, most), most)
    while taken.sum() < size:
        taken[np.argmax(np.where(taken < most, ideal - taken, -np.inf))] += 1
    while taken.sum() > size:
        taken[np.argmax(np.where(taken > 0, taken - ideal, -np.inf))] -= 1
    return taken


def by_group(groups: np.ndarray, test: int, validation: int, seed: int) -> Parts:
    """Draw whole groups: no group is in two splits, so that the sizes are near what was asked for.

    groups  (examples,), such as the patient of each row

    Raises ValueError for fewer groups than parts that are wanted.
    """
    names, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    codes = codes.reshape(-1)
    wanted = [(part, size) for part, size in ((2, test), (1, validation)) if size]
    if len(names) <= len(wanted):
        raise ValueError(f"groups: got {len(names)} group(s), expected {len(wanted) + 1} at least.")
    order = np.random.default_rng(seed).permutation(len(names))
    place = np.zeros(len(names), int)  # 0 train, 1 validation, 2 test
    for part, size in wanted:
        free = [code for code in order if place[code] == 0]
        taken = 0
        for code in free[: -2 if part == 2 else -1]:
            if taken == 0 or abs(taken + counts[code] - size) < abs(taken - size):
                place[code] = part
                taken += counts[code]
    rows = [np.flatnonzero(place[codes] == part) for part in range(3)]
    return Parts(*rows)


def by_order(order: np.ndarray, test: int, validation: int) -> Parts:
    """Cut by time: the latest rows are the test, those before them the validation.

    order  (examples,), numbers or dates; equal ones stay in the order of the rows
    """
    sequence = np.argsort(order, kind="stable")
    cut = len(sequence) - test
    train, middle, latest = np.split(sequence, [cut - validation, cut])
    return Parts(train, middle, latest)


def check_classes(labels: np.ndarray, parts: Parts, classes: Sequence[Any] = ()) -> None:
    """Refuse parts of which the training rows miss a class, naming it.

    classes  what the labels stand for; (): themselves
    """
    known = np.unique(labels[parts.train])
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if label not in known:
            raise ValueError(
                f"y: class {classes[label] if classes else label!s} has {count} example(s), none "
                "of them in the training rows. Leave the class out, join it with another, or split "
                "otherwise."
            )
