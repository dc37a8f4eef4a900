"""Columns of a table: what kind they are, and refusals that name column, row and value.

A table is a dict of columns, a list of dicts, or a frame of pandas, polars or pyarrow, which is
read through narwhals.
"""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fnn import checks

NUMBER, BOOLEAN, CATEGORY = "number", "boolean", "category"
MOSTLY = 0.9  # of a text column that are numbers: the others stand for something that is missing
FRAMES = "frames"  # the extra

MISSING = (
    "Fill it in or leave the rows out: scikit-learn's SimpleImputer, or the frame's own fill and "
    "drop methods."
)


def columns_of(rows: Any, name: str = "rows") -> dict[str, np.ndarray]:
    """Return the columns of a table by name, each of numbers, booleans or text.

    Raises ValueError for other values, missing ones, dates, and names that stand twice.
    """
    if isinstance(rows, Mapping):
        given = {str(key): values for key, values in rows.items()}
    elif is_list_of_dicts(rows):
        given = of_dicts(rows)
    else:
        given = of_frame(rows, name)
    if not given:
        raise ValueError(f"{name}: got a table without columns, expected one at least.")
    columns = {key: column_of(key, values) for key, values in given.items()}
    lengths = {key: len(values) for key, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name}: got columns of lengths {lengths}, expected equal ones.")
    if not next(iter(lengths.values())):
        raise ValueError(f"{name}: got a table without rows, expected one at least.")
    return columns


def is_list_of_dicts(rows: Any) -> bool:
    """Return whether rows are given as dicts, one for each."""
    is_list = isinstance(rows, Sequence) and not isinstance(rows, str) and len(rows) > 0
    return is_list and all(isinstance(row, Mapping) for row in rows)


def of_dicts(rows: Sequence[Mapping[str, Any]]) -> dict[str, list]:
    """Return the columns of rows that have the same names."""
    names = list(rows[0])
    for number, row in enumerate(rows):
        if set(row) != set(names):
            raise ValueError(
                f"row {number}: got the names {sorted(map(str, row))}, expected "
                f"{sorted(map(str, names))}, those of row 0."
            )
    return {str(name): [row[name] for row in rows] for name in names}


def of_frame(frame: Any, name: str) -> dict[str, Any]:
    """Return the columns of a frame of pandas, polars or pyarrow."""
    narwhals = checks.optional("narwhals", FRAMES)
    names = getattr(frame, "column_names", None) or getattr(frame, "columns", None)
    if names is not None:
        texts = [str(each) for each in names]
        twice = sorted({each for each in texts if texts.count(each) > 1})
        if twice:
            raise ValueError(f"{name}: column {twice[0]!r} stands twice; rename one of them.")
    try:
        read = narwhals.from_native(frame, eager_only=True)
    except TypeError as error:
        raise ValueError(
            f"{name}: got {type(frame).__name__}, expected a frame of pandas, polars or pyarrow, a "
            "dict of columns, or a list of dicts."
        ) from error
    return {str(each): of_series(str(each), read[each], narwhals) for each in read.columns}


def of_series(name: str, series: Any, narwhals: Any) -> np.ndarray:
    """Return the values of a column of a frame; refuses missing ones and dates."""
    missing = np.asarray(series.is_null().to_numpy(), bool)
    if missing.any():
        raise missing_values(name, missing)
    dtype = series.dtype
    if dtype.is_temporal():
        raise dates(name, dtype)
    values = series.to_numpy()
    if isinstance(dtype, narwhals.Categorical | narwhals.Enum):
        return np.asarray(values.tolist(), object)
    if dtype == narwhals.Boolean:
        return values.astype(bool)
    return values.astype(np.float64) if isinstance(dtype, narwhals.Decimal) else values


def column_of(name: str, values: Any, *, labels: bool = False) -> np.ndarray:
    """Return one column as numbers, booleans or text.

    labels  whether texts may be numbers, as "0" and "1"

    Raises ValueError for what is missing, infinite, a date, or of no such kind, by row and value.
    """
    array = values if isinstance(values, np.ndarray) else np.array(list(values), object)
    if array.ndim != 1:
        raise ValueError(f"column {name!r}: got shape {array.shape}, expected one value each row.")
    if array.dtype.kind in "mM":
        raise dates(name, array.dtype)
    if array.dtype.kind in "OT":
        array = of_objects(name, array)
    if array.dtype.kind in "SU":
        return array.astype(str) if labels else of_text(name, array.astype(str))
    if array.dtype.kind == "b" or array.dtype.kind in "iu":
        return array
    if array.dtype.kind != "f":
        raise ValueError(f"column {name!r}: got dtype {array.dtype}, expected numbers or text.")
    if np.isnan(array).any():
        raise missing_values(name, np.isnan(array))
    if np.isinf(array).any():
        row = int(np.argmax(np.isinf(array)))
        raise ValueError(f"column {name!r}, row {row}: got {array[row]}, expected finite numbers.")
    return array


def of_objects(name: str, array: np.ndarray) -> np.ndarray:
    """Return objects that are all of one kind as an array of that kind."""
    missing = np.array([is_missing(value) for value in array], bool)
    if missing.any():
        raise missing_values(name, missing)
    kinds = (
        ((bool, np.bool_), bool),
        ((numbers.Integral, np.bool_), None),
        ((numbers.Real, np.bool_), np.float64),
        ((str,), str),
    )
    for types, dtype in kinds:
        if all(isinstance(value, types) for value in array):
            if dtype is None:
                return whole_numbers(array)
            return np.array(array.tolist(), dtype)
    first = type(array[0])
    for row, value in enumerate(array):
        if not isinstance(value, numbers.Real | np.bool_ | str):
            raise ValueError(
                f"column {name!r}, row {row}: got {value!r} of type {type(value).__name__}, "
                "expected a number, a boolean or a text; make it one, or leave the column out."
            )
        if isinstance(value, str) != issubclass(first, str):
            raise ValueError(
                f"column {name!r}, row {row}: got {value!r} among values of type "
                f"{first.__name__}; expected all numbers or all texts."
            )
    raise ValueError(f"column {name!r}: got a mixture of types, expected one.")


def whole_numbers(array: np.ndarray) -> np.ndarray:
    """Return Python's whole numbers as int64, or as floats where they are larger."""
    try:
        return np.array([int(value) for value in array], np.int64)
    except OverflowError:
        return np.array([float(value) for value in array])


def of_text(name: str, array: np.ndarray) -> np.ndarray:
    """Return a text column; refuses one of numbers with something else between them."""
    is_number = np.array([parses(value) for value in array], bool)
    if len(array) > 1 and is_number.all():
        raise ValueError(
            f"column {name!r}: every value is a number written as text, such as {array[0]!r}; "
            "convert it with astype(float), or give it letters if it is a category."
        )
    if is_number.mean() >= MOSTLY:
        row = int(np.argmin(is_number))
        raise ValueError(
            f"column {name!r}, row {row}: got {str(array[row])!r} in a column of numbers written "
            f"as text. If it stands for a missing value: {MISSING[0].lower()}{MISSING[1:]}"
        )
    return array


def parses(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_missing(value: Any) -> bool:
    """Return whether a value stands for nothing: None, NaN, pandas' NA and NaT."""
    if value is None:
        return True
    if isinstance(value, numbers.Real):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")


def missing_values(name: str, missing: np.ndarray) -> ValueError:
    """Return the refusal of a column in which values are missing."""
    return ValueError(
        f"column {name!r}: {int(missing.sum())} of {len(missing)} values are missing, the first in "
        f"row {int(np.argmax(missing))}. {MISSING}"
    )


def dates(name: str, dtype: Any) -> ValueError:
    """Return the refusal of a column of dates."""
    return ValueError(
        f"column {name!r}: got dates ({dtype}), expected numbers, booleans or text. Make numbers "
        "of them, such as the days since a first one, the month or the hour."
    )


def kind_of(values: np.ndarray) -> str:
    """Return what a column is: numbers, booleans or categories."""
    return {"b": BOOLEAN, "U": CATEGORY}.get(values.dtype.kind, NUMBER)
