"""Choose which rows are for training, validation and test: at random, by class, group or time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from fnn import checks
from fnn.data.table import CATEGORY, TEXT, column_of, values_of

Rows = Integer[np.ndarray, "rows"]

TRAIN, VALIDATION, TEST = range(3)
# A part of fewer or of more times the rows that were asked for is warned of.
FAR_FROM_SIZE = 2 / 3, 3 / 2


class Parts(NamedTuple):
    """The row numbers of each part. No row is in two of them."""

    train: Rows
    validation: Rows
    test: Rows


class Sampling(NamedTuple):
    """The arguments that decide which rows are in which part: see `from_arrays`.

    classes  the classes that the labels of y stand for; (): the labels themselves
    """

    y: np.ndarray
    groups: Any
    order: Any
    validation: float
    test: float | None
    seed: int | None
    stratify: bool
    classes: tuple[Any, ...] = ()


def sample_split(sampling: Sampling) -> Parts:
    """Return the rows of each part.

    Raises ValueError where a class would be missing from the training rows.
    """
    test, validation = sizes_of(len(sampling.y), sampling.validation, sampling.test)
    parts = sample_parts(sampling, test, validation)
    if is_labels(sampling.y):
        check_classes(sampling.y, parts, sampling.classes)
    return parts


def sample_parts(sampling: Sampling, test: int, validation: int) -> Parts:
    """Return parts of these sizes, by group, by time, by class or at random."""
    seed = checks.seed(sampling.seed)
    examples = len(sampling.y)
    has_groups = sampling.groups is not None
    has_order = sampling.order is not None
    if has_groups and has_order:
        raise ValueError("groups, order: got both, expected one of them.")
    if has_groups:
        groups = one_per_example("groups", sampling.groups, examples)
        return by_group(groups, test, validation, seed)
    if has_order:
        order = numbers_or_dates("order", sampling.order, examples)
        return by_order(order, test, validation)
    if is_labels(sampling.y) and sampling.stratify:
        return by_class(sampling.y, test, validation, seed)
    return at_random(examples, test, validation, seed)


def is_labels(y: np.ndarray) -> bool:
    """Return whether targets are class labels."""
    return y.ndim == 1 and y.dtype.kind in "iu"


def one_per_example(name: str, values: Any, examples: int) -> np.ndarray:
    """Return values that can be sorted, one for each example.

    Raises ValueError for missing values, and for another number of them.
    """
    column = column_of(name, values)
    array = values_of(name, column).array
    if array.shape != (examples,):
        raise ValueError(
            f"{name}: got shape {array.shape}, expected ({examples},), one for each example."
        )
    return array


def numbers_or_dates(name: str, values: Any, examples: int) -> np.ndarray:
    """Return numbers or dates, one for each example. Raises ValueError for text."""
    column = column_of(name, values)
    kind = values_of(name, column).kind
    if kind in (TEXT, CATEGORY):
        raise ValueError(
            f"{name}: got {kind}, which sorts by its letters, expected numbers or dates; convert "
            "it."
        )
    return one_per_example(name, values, examples)


def is_fraction(value: Any) -> bool:
    """Return whether a value is a float in (0, 1)."""
    is_float = isinstance(value, (float, np.floating))
    return is_float and bool(0 < value < 1)


def sizes_of(examples: int, validation: Any, test: Any) -> list[int]:
    """Return the sizes of the test and the validation part, in this order.

    validation, test  fractions of the examples, in (0, 1)

    Raises ValueError for fractions that leave a part empty.
    """
    fractions = {"test": test, "validation": validation}
    for name, fraction in fractions.items():
        if not is_fraction(fraction):
            raise ValueError(f"{name}: got {fraction!r}, expected a fraction in (0, 1).")
    if validation + test >= 1:
        raise ValueError(
            f"validation, test: got {validation} + {test}, expected a sum below 1: the rest is "
            "training."
        )
    sizes = {}
    for name, fraction in fractions.items():
        size = float(fraction) * examples
        sizes[name] = round(size)
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
    rng = np.random.default_rng(seed)
    order = rng.permutation(examples)
    ends = np.cumsum(sizes)
    return np.split(order, ends)


def at_random(examples: int, test: int, validation: int, seed: int) -> Parts:
    """Draw a random order and cut it: the test rows first, then those of the validation."""
    sizes = [test, validation]
    test_rows, validation_rows, train_rows = partition(examples, sizes, seed)
    return Parts(train_rows, validation_rows, test_rows)


def by_class(labels: np.ndarray, test: int, validation: int, seed: int) -> Parts:
    """Draw rows so that each class has its share of each part.

    labels  (examples,) of any type that can be sorted

    The sizes are exact. A class of one example is in the training rows. One of two is in the
    training rows and another part. One of three or more is in every part where there is room.

    Raises ValueError where a class would be missing from the training rows.
    """
    rng = np.random.default_rng(seed)
    examples = len(labels)
    order = rng.permutation(examples)
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    codes = codes.reshape(-1)
    train = examples - test - validation
    check_room(len(classes), train)
    test_counts, validation_counts = counts_by_class(counts, test, validation)
    codes_in_order = codes[order]
    part_of = np.full(examples, TRAIN)
    for code in range(len(classes)):
        is_member = codes_in_order == code
        members = order[is_member]
        test_end = test_counts[code]
        validation_end = test_end + validation_counts[code]
        test_rows = members[:test_end]
        validation_rows = members[test_end:validation_end]
        part_of[test_rows] = TEST
        part_of[validation_rows] = VALIDATION
    return rows_by_part(part_of, order)


def rows_by_part(part_of: np.ndarray, order: np.ndarray) -> Parts:
    """Return the rows of each part.

    part_of  the part of each row
    order    the row numbers in the order that the parts are to have
    """
    in_order = part_of[order]
    train = order[in_order == TRAIN]
    validation = order[in_order == VALIDATION]
    test = order[in_order == TEST]
    return Parts(train, validation, test)


def check_room(classes: int, train: int) -> None:
    """Refuse fewer training examples than classes."""
    if train < classes:
        raise ValueError(
            f"y: {classes} classes, but {train} training examples: a class would be missing "
            "from them. Make validation and test smaller, leave rare classes out, or pass y as "
            "floats if it is no class label."
        )


def counts_by_class(
    counts: np.ndarray, test: int, validation: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many examples of each class are for test and for validation.

    counts  of each class, among all examples
    """
    # One example stays for training; a class of three or more spares one for the validation too.
    all_but_one = counts - 1
    can_spare = counts > 2
    most = np.minimum(all_but_one, counts - 2 * can_spare)
    if most.sum() < test:
        most = all_but_one
    test_counts = shares(counts, test, most)
    left = counts - test_counts - 1
    validation_counts = shares(counts, validation, left)
    return test_counts, validation_counts


def shares(counts: np.ndarray, size: int, most: np.ndarray) -> np.ndarray:
    """Return how many of each class are among `size` rows: its rounded share, one at least.

    counts  of each class
    most    how many of each class may be taken, together `size` at least
    """
    ideal = counts * size / counts.sum()
    rounded_down = np.floor(ideal).astype(int)
    least = np.minimum(counts > 2, most)
    taken = np.clip(rounded_down, least, most)
    while taken.sum() < size:
        lack = ideal - taken
        has_more = taken < most
        candidates = np.where(has_more, lack, -np.inf)
        neediest = np.argmax(candidates)
        taken[neediest] += 1
    while taken.sum() > size:
        excess = taken - ideal
        has_any = taken > 0
        candidates = np.where(has_any, excess, -np.inf)
        richest = np.argmax(candidates)
        taken[richest] -= 1
    return taken


def by_group(groups: np.ndarray, test: int, validation: int, seed: int) -> Parts:
    """Draw whole groups, so that no group is in two parts. The sizes are near those asked for.

    groups  (examples,), such as the patient of each row

    A group that is larger than what a part lacks stays for training. Warns where no groups come
    near a size.

    Raises ValueError for fewer groups than parts.
    """
    names, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    codes = codes.reshape(-1)
    number = len(names)
    wanted = sizes_of_groups(counts, test, validation)
    least = len(wanted) + 1
    if number < least:
        raise ValueError(f"groups: got {number} group(s), expected {least} at least.")
    rng = np.random.default_rng(seed)
    order = rng.permutation(number)
    part_of_group = np.full(number, TRAIN)
    for part, size in wanted.items():
        is_free = part_of_group[order] == TRAIN
        free = order[is_free].tolist()
        # So many groups stay for the parts that come after this one.
        reserved = 2 if part == TEST and validation else 1
        chosen = groups_near(free, counts, size, len(free) - reserved)
        part_of_group[chosen] = part
    part_of_row = part_of_group[codes]
    in_given_order = np.arange(len(groups))
    parts = rows_by_part(part_of_row, in_given_order)
    warn_of_sizes("groups", parts, test, validation)
    return parts


def sizes_of_groups(counts: np.ndarray, test: int, validation: int) -> dict[int, float]:
    """Return the rows that each part is to have, by part, the test first.

    counts  of the rows of every group

    Where the groups that fit into a part have too few rows together, each part has its share.
    """
    sizes = {TEST: test, VALIDATION: validation}
    fits = counts < 2 * max(test, validation)
    rows = counts[fits].sum()
    share = min(1.0, rows / (test + validation))
    return {part: size * share for part, size in sizes.items() if size}


def groups_near(codes: Sequence[int], counts: np.ndarray, size: float, most: int) -> list[int]:
    """Return groups, taken in turn, that have about `size` rows together; one at least.

    codes   the groups that may be taken
    counts  of the rows of every group
    most    how many groups may be taken

    A group that brings the rows no nearer to `size` is passed over. Where all are, the smallest is
    taken.
    """
    chosen: list[int] = []
    rows = 0
    for code in codes:
        more = rows + counts[code]
        is_nearer = abs(more - size) < abs(rows - size)
        if is_nearer and len(chosen) < most:
            chosen.append(code)
            rows = more
    if not chosen:
        sizes = counts[list(codes)]
        smallest = int(np.argmin(sizes))
        chosen.append(codes[smallest])
    return chosen


def by_order(order: np.ndarray, test: int, validation: int) -> Parts:
    """Cut by time: the latest rows are the test, those before them the validation.

    order  (examples,), numbers or dates

    Rows of one time are all in one part: a cut among them is moved to the nearest place between
    different times. Warns where that makes a part of another size.

    Raises ValueError for fewer different times than parts.
    """
    sequence = np.argsort(order, kind="stable")
    times = order[sequence]
    is_later = np.asarray(times[1:] != times[:-1], bool)
    starts = np.flatnonzero(is_later) + 1
    test_start = len(sequence) - test
    validation_start = test_start - validation
    cuts = [cut for cut in (validation_start, test_start) if cut < len(sequence)]
    if len(starts) < len(cuts):
        raise ValueError(
            f"order: got {len(starts) + 1} different value(s), expected {len(cuts) + 1} at least, "
            "so that no value is in two parts. Pass finer times, or the parts themselves to "
            "fnn.data.from_splits."
        )
    moved = cuts_between(cuts, starts)
    ends = [*moved, len(sequence)][:2]
    train_rows, validation_rows, test_rows = np.split(sequence, ends)
    parts = Parts(train_rows, validation_rows, test_rows)
    warn_of_sizes("order", parts, test, validation)
    return parts


def cuts_between(cuts: Sequence[int], starts: np.ndarray) -> list[int]:
    """Return the cuts, each moved to the nearest of `starts`, which stay different.

    cuts    places in a sequence, ascending
    starts  places where a cut may be, ascending, as many as cuts at least
    """
    moved: list[int] = []
    allowed = starts
    shift = 0
    for left in reversed(range(len(cuts))):
        # So many stay for the cuts before this one, which move along.
        candidates = allowed[left:]
        distances = np.abs(candidates - cuts[left] - shift)
        nearest = int(np.argmin(distances))
        place = int(candidates[nearest])
        moved.insert(0, place)
        shift = place - cuts[left]
        allowed = allowed[: left + nearest]
    return moved


def warn_of_sizes(name: str, parts: Parts, test: int, validation: int) -> None:
    """Warn where a part has far from the rows asked for: see FAR_FROM_SIZE.

    name  of the argument by which rows stay together
    """
    asked = {"validation": validation, "test": test}
    asked["train"] = sum(map(len, parts)) - test - validation
    sizes = {part: len(rows) for part, rows in parts._asdict().items()}
    lowest, highest = FAR_FROM_SIZE
    for part, size in asked.items():
        excess = abs(sizes[part] - size)
        is_far = not lowest * size <= sizes[part] <= highest * size
        if is_far and excess > 1:
            shown = ", ".join(f"{count} for {each}" for each, count in sizes.items())
            checks.warn(
                f"{name}: got {shown}, where {size} for {part} were asked for: rows of one value "
                "stay in one part. Split large groups or times, ask for other fractions, or pass "
                "the parts themselves to fnn.data.from_splits."
            )
            return


def check_classes(labels: np.ndarray, parts: Parts, classes: Sequence[Any] = ()) -> None:
    """Refuse parts whose training rows lack a class, and name it.

    classes  the classes that the labels stand for; (): the labels themselves
    """
    train_labels = labels[parts.train]
    in_train = np.unique(train_labels)
    distinct, counts = np.unique(labels, return_counts=True)
    for label, count in zip(distinct, counts, strict=True):
        if label not in in_train:
            if classes:
                label = classes[label]
            raise ValueError(
                f"y: class {label!s} has {count} example(s), none of them in the training rows. "
                "Leave the class out, join it with another, or split otherwise."
            )


def check_class_totals(
    labels: np.ndarray, weights: np.ndarray, classes: Sequence[Any] = ()
) -> None:
    """Refuse weights by which a class is never learned, and name it.

    labels   of the training rows
    weights  of the training rows
    classes  the classes that the labels stand for; (): the labels themselves
    """
    distinct = np.unique(labels)
    is_learned = np.isin(distinct, labels[weights > 0])
    if is_learned.all():
        return
    label = distinct[np.argmin(is_learned)]
    count = np.count_nonzero(labels == label)
    shown = classes[label] if classes else label
    raise ValueError(
        f"weights: class {shown!s} has {count} training row(s), all of weight 0, so that it is "
        "never learned. Give one of them a weight above 0, or leave the class out."
    )
