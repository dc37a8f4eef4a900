"""Features and targets that come as arrays, or as frames of numbers."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Num, Shaped

from fnn import checks
from fnn.data.columns import Column, numeric_columns, side_by_side
from fnn.data.numbers import as_float, check_range, check_whole
from fnn.data.table import DATE, TEXT, Values, is_declared, learnable, table_of, values_of

MOST_CLASSES = 20  # of whole numbers that are taken as labels where nothing says what they are
FEWEST = 3  # examples a class then has on average


def features_of_array(
    x: Any, name: str = "x"
) -> tuple[Num[np.ndarray, "rows features"], tuple[Column, ...]]:
    """Return rows as numbers, and the columns where they came as a frame.

    x  an array, nested lists, an array of objects, or a frame; of numbers and booleans

    Raises ValueError for what is empty, not finite, beyond float32, of another shape or no number.
    """
    columns: tuple[Column, ...] = ()
    if is_frame(x):
        values = numeric_columns(name, table_of(x, name, plain=True))
        columns = tuple(Column(each, value.kind) for each, value in values.items())
        x = side_by_side(values)
    elif (listed := listed_objects(x)) is not None:
        if listed.ndim != 2 or 0 in listed.shape:
            raise ValueError(
                f"{name}: got shape {listed.shape}, expected (examples, features), one of each at "
                "least."
            )
        x = side_by_side(numeric_columns(name, columns_by_place(listed)))
    x = checks.numbers(name, x)
    checks.matrix(name, x)
    if x.dtype.kind not in "biu":
        checks.finite(name, x)
    check_range(name, x)
    check_whole(name, x)
    return x, columns


def is_frame(rows: Any) -> bool:
    """Return whether rows come as a frame."""
    return hasattr(type(rows), "columns")  # of the type: reading it is costly for a lazy frame


def listed_objects(values: Any) -> np.ndarray | None:
    """Return an array of objects or of text; None for numbers."""
    if isinstance(values, np.ma.MaskedArray) or not checks.is_concrete(values):
        return None
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length, which checks.numbers refuses
        return None
    return array if array.dtype.kind in "OSUT" else None


def targets_of_array(y: Any, name: str = "y") -> Shaped[np.ndarray, "..."]:
    """Return targets as an array of numbers or booleans, or of text.

    y  (examples,) or (examples, outputs), an array or a frame; one column of a frame is (examples,)

    Raises ValueError for what is empty, missing, not finite, or neither a number nor a label.
    """
    if is_frame(y):
        table = table_of(y, name, plain=True)
        if len(table) > 1:
            return targets_side_by_side(numeric_columns(name, table))
        ((each, column),) = table.items()
        return label_values(each, values_of(each, column))
    if is_declared(y):
        return label_values(name, values_of(name, y))
    listed = listed_objects(y)
    if listed is not None and listed.ndim == 1 and len(listed):
        return label_values(name, values_of(name, listed))
    if listed is not None and listed.ndim == 2 and 0 not in listed.shape:
        if values_of("0", listed[:, 0]).kind == TEXT:
            raise ValueError(
                f"{name}: got text of shape {listed.shape}, expected labels of shape (examples,); "
                "use y.ravel() for a column of labels."
            )
        return targets_side_by_side(numeric_columns(name, columns_by_place(listed)))
    array = checks.numbers(name, y)
    if 0 in array.shape:
        raise ValueError(
            f"{name}: got shape {array.shape}, which is empty; expected at least one target."
        )
    if jax.dtypes.issubdtype(array.dtype, np.floating):
        checks.targets(array, name)
    return array


def columns_by_place(array: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of an array by their number."""
    return {str(place): column for place, column in enumerate(array.T)}


def targets_side_by_side(columns: dict[str, Values]) -> np.ndarray:
    """Return several targets as a matrix, of whole numbers where all of them are."""
    if all(values.array.dtype.kind in "biu" for values in columns.values()):
        return np.column_stack([values.array for values in columns.values()])
    return side_by_side(columns)


def label_values(name: str, values: Values) -> np.ndarray:
    """Return one column of targets; refuses dates."""
    return learnable(name, values).array if values.kind == DATE else values.array


def coded_targets(y: np.ndarray, name: str = "y") -> tuple[np.ndarray, tuple[Any, ...]]:
    """Return targets as the losses take them, and the classes that whole numbers stand for.

    Text, and whole numbers that do not begin at 0, such as −1 and +1, are numbered in their order;
    not where they are many, as amounts are.
    """
    if y.dtype.kind == "U" or are_classes_that_do_not_begin_at_0(y):
        classes, codes = np.unique(y, return_inverse=True)
        return codes.reshape(-1).astype(np.int32), tuple(classes.tolist())
    if jax.dtypes.issubdtype(y.dtype, np.floating):
        return as_float(name, y.astype(np.float64)), ()
    return whole_labels(y, name), (False, True) if y.dtype.kind == "b" else ()


def are_classes_that_do_not_begin_at_0(y: np.ndarray) -> bool:
    """Return whether whole numbers are few, each met several times, and not 0, 1, …"""
    if y.dtype.kind not in "iu" or y.ndim != 1 or (y.min() >= 0 and 0 in y):
        return False
    distinct = len(np.unique(y))
    return distinct <= MOST_CLASSES and FEWEST * distinct <= len(y)


def whole_labels(y: np.ndarray, name: str) -> np.ndarray:
    """Return integers as int32 labels; refuses larger ones, and more than one per example."""
    if y.ndim != 1:
        raise ValueError(
            f"{name}: got integers of shape {y.shape}, expected labels of shape (examples,). Use "
            "y.argmax(axis=1) for one-hot rows, y.ravel() for a column, y.astype(float) for "
            "regression."
        )
    limits = np.iinfo(np.int32)
    for label in (int(y.min()), int(y.max())):
        if not limits.min <= label <= limits.max:
            raise ValueError(
                f"{name}: got label {label}, expected labels within int32, {limits.min} to "
                f"{limits.max}. Use classes, y = np.unique(y, return_inverse=True)."
            )
    return y.astype(np.int32)
