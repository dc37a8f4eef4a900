"""Read features and targets that come as arrays, or as frames of numbers."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Num, Shaped

from fnn import checks
from fnn.data.columns import Column, numeric_columns, stack_columns
from fnn.data.numbers import as_float, check_range, check_whole
from fnn.data.table import DATE, TEXT, Values, is_declared, learnable, table_of, values_of

# Whole numbers without a task are classes where there are at most MAX_CLASSES of them, and each has
# MIN_EXAMPLES_PER_CLASS examples on average.
MAX_CLASSES = 20
MIN_EXAMPLES_PER_CLASS = 3


def features_of_array(
    x: Any, name: str = "x"
) -> tuple[Num[np.ndarray, "rows features"], tuple[Column, ...]]:
    """Return rows as numbers, and the columns of a frame; () for other rows.

    x     an array, nested lists, an array of objects, or a frame; of numbers and booleans
    name  of x, in errors

    Raises ValueError for an array that is empty, not finite, beyond float32, of another shape or
    not of numbers.
    """
    columns: tuple[Column, ...] = ()
    if is_frame(x):
        values = numeric_columns(name, table_of(x, name, plain=True))
        columns = described(values)
        x = stack_columns(values)
    else:
        objects = object_array_of(x)
        if objects is not None:
            if objects.ndim != 2 or 0 in objects.shape:
                raise ValueError(
                    f"{name}: got shape {objects.shape}, expected (examples, features), one of "
                    "each at least."
                )
            x = stack_columns(numeric_columns(name, columns_by_place(objects)))
    x = checks.numbers(name, x)
    checks.matrix(name, x)
    is_whole = x.dtype.kind in "biu"
    if not is_whole:
        checks.finite(name, x)
    check_range(name, x)
    check_whole(name, x)
    return x, columns


def columns_of_numbers(
    frame: Any, name: str = "x"
) -> tuple[tuple[Column, ...], tuple[np.ndarray, ...]]:
    """Return the columns of a frame of numbers and booleans, and their values.

    name  of the frame, in errors

    Raises ValueError as `features_of_array` does.
    """
    values = numeric_columns(name, table_of(frame, name, plain=True))
    arrays = [column.array for column in values.values()]
    return described(values), tuple(arrays)


def described(columns: dict[str, Values]) -> tuple[Column, ...]:
    """Return the name and the kind of each column."""
    return tuple(Column(name, values.kind) for name, values in columns.items())


def is_frame(rows: Any) -> bool:
    """Return whether rows come as a frame."""
    # The type is asked, because reading the columns of a lazy frame is costly.
    return hasattr(type(rows), "columns")


def object_array_of(values: Any) -> np.ndarray | None:
    """Return values as an array of objects, of text or of dates; None for numbers."""
    if isinstance(values, np.ma.MaskedArray) or not checks.is_concrete(values):
        return None
    try:
        array = np.asarray(values)
    except ValueError:
        # Rows of different lengths, which checks.numbers refuses.
        return None
    if array.dtype.kind in "OSUTmM":
        return array
    return None


def targets_of_array(y: Any, name: str = "y") -> Shaped[np.ndarray, "..."]:
    """Return targets as an array of numbers or booleans, or of text.

    y     (examples,) or (examples, outputs), an array or a frame; one column of a frame is
          (examples,)
    name  of y, in errors

    Raises ValueError for targets that are empty, missing, not finite, or neither numbers nor
    labels.
    """
    if is_frame(y):
        return targets_of_frame(y, name)
    if is_declared(y):
        return label_values(name, values_of(name, y))
    objects = object_array_of(y)
    if objects is not None and objects.ndim == 1 and len(objects):
        return label_values(name, values_of(name, objects))
    if objects is not None and objects.ndim == 2 and 0 not in objects.shape:
        first_column = values_of("0", objects[:, 0])
        if first_column.kind == TEXT:
            raise ValueError(
                f"{name}: got text of shape {objects.shape}, expected labels of shape (examples,); "
                "use y.ravel() for a column of labels."
            )
        return stack_targets(numeric_columns(name, columns_by_place(objects)))
    array = checks.numbers(name, y)
    if 0 in array.shape:
        raise ValueError(
            f"{name}: got shape {array.shape}, which is empty; expected at least one target."
        )
    if jax.dtypes.issubdtype(array.dtype, np.floating):
        checks.targets(array, name)
    return array


def targets_of_frame(y: Any, name: str) -> np.ndarray:
    """Return the targets of a frame: (examples,) of one column, else (examples, outputs)."""
    table = table_of(y, name, plain=True)
    if len(table) > 1:
        return stack_targets(numeric_columns(name, table))
    ((key, column),) = table.items()
    return label_values(key, values_of(key, column))


def columns_by_place(array: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of an array by their number."""
    return {str(place): column for place, column in enumerate(array.T)}


def stack_targets(columns: dict[str, Values]) -> np.ndarray:
    """Return several targets as a matrix, of whole numbers where all of them are."""
    arrays = [values.array for values in columns.values()]
    if all(array.dtype.kind in "biu" for array in arrays):
        return np.column_stack(arrays)
    return stack_columns(columns)


def label_values(name: str, values: Values) -> np.ndarray:
    """Return one column of targets. Raises ValueError for dates."""
    if values.kind == DATE:
        learnable(name, values)
    return values.array


def coded_targets(y: np.ndarray, name: str = "y") -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return targets as the losses take them, and the classes that whole numbers stand for.

    Text is numbered in sorted order, and so are whole numbers that are classes and do not begin at
    0, such as −1 and +1. Many different whole numbers are amounts, and are not numbered. Columns of
    booleans, or of 0 and 1, are several labels, which become floats.
    """
    if y.dtype.kind == "U" or are_classes_not_from_0(y):
        return numbered(y)
    if jax.dtypes.issubdtype(y.dtype, np.floating):
        amounts = as_float(name, y.astype(np.float64))
        return amounts, ()
    if are_several_labels(y):
        check_no_one_hot(y, name)
        return as_float(name, y), ()
    labels = whole_labels(y, name)
    if y.dtype.kind == "b":
        return labels, (False, True)
    return labels, ()


def numbered(y: np.ndarray) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return labels by their places in sorted order, int32, and the sorted labels."""
    classes, codes = np.unique(y, return_inverse=True)
    places = codes.reshape(-1).astype(np.int32)
    return places, tuple(classes.tolist())


def are_classes(y: np.ndarray) -> bool:
    """Return whether whole numbers are few, and each is met several times."""
    distinct = len(np.unique(y))
    are_few = distinct <= MAX_CLASSES
    are_repeated = MIN_EXAMPLES_PER_CLASS * distinct <= len(y)
    return are_few and are_repeated


def are_classes_not_from_0(y: np.ndarray) -> bool:
    """Return whether targets are classes that are whole numbers, but not 0, 1, …"""
    if y.dtype.kind not in "iu" or y.ndim != 1:
        return False
    begins_at_0 = y.min() >= 0 and 0 in y
    return not begins_at_0 and are_classes(y)


def are_several_labels(y: np.ndarray) -> bool:
    """Return whether targets are columns of booleans, or several columns of integers 0 and 1."""
    if y.ndim != 2 or y.dtype.kind not in "biu":
        return False
    is_boolean = y.dtype.kind == "b"
    return is_boolean or (y.shape[1] > 1 and bool(np.isin(y, (0, 1)).all()))


def check_no_one_hot(y: np.ndarray, name: str) -> None:
    """Refuse several labels of which each row has exactly one, which are mostly one class."""
    is_one_hot = y.shape[1] > 1 and bool((y.sum(axis=1) == 1).all())
    if is_one_hot:
        kind = "booleans" if y.dtype.kind == "b" else "integers"
        raise ValueError(
            f"{name}: got {kind} of shape {y.shape} with a single one in each row, which may be "
            "classes or several labels; say which: y.argmax(axis=1) for classes, y.astype(float) "
            "for several labels."
        )


def whole_labels(y: np.ndarray, name: str) -> np.ndarray:
    """Return integers as int32 labels.

    Raises ValueError for labels outside int32, and for several labels per example.
    """
    if y.ndim != 1:
        raise ValueError(
            f"{name}: got integers of shape {y.shape}, expected labels of shape (examples,), or "
            "columns of 0 and 1 for several labels. Use y.ravel() for a column, y > 0 for several "
            "labels, y.astype(float) for regression."
        )
    limits = np.iinfo(np.int32)
    for label in (int(y.min()), int(y.max())):
        if not limits.min <= label <= limits.max:
            raise ValueError(
                f"{name}: got label {label}, expected labels within int32, {limits.min} to "
                f"{limits.max}. Use classes, y = np.unique(y, return_inverse=True)."
            )
    return y.astype(np.int32)
