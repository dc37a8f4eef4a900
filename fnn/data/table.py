"""Tables of named columns: what each holds, and refusals that name column, row and value.

A table is a dict of columns, a list of dicts, or a frame of pandas, polars or pyarrow, which is
read through narwhals.
"""

import datetime
import numbers
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from fnn import checks

NUMBER, BOOLEAN, TEXT, CATEGORY, DATE = "number", "boolean", "text", "category", "date"
MOSTLY = 0.9  # of a text column that are numbers: the others stand for something that is missing
FRAMES = "frames"  # the extra

DECLARED = ("CategoricalDtype", "Categorical", "Enum", "DictionaryType")  # of any frame's columns
DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)

MISSING = (
    "Fill it in or leave the rows out: scikit-learn's SimpleImputer, or the frame's own fill and "
    "drop methods."
)


class Values(NamedTuple):
    """The values of a column, and what they are.

    kind   "number", "boolean", "text", "category" (declared by the frame, of text, numbers or
           booleans) or "date"
    array  none is missing, and numbers are finite
    """

    kind: str
    array: Shaped[np.ndarray, "rows"]


class Declared(NamedTuple):
    """The values of a column that its frame declares to be categories."""

    values: Sequence[Any]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)


# ------------------------------------------------------------------------------------- whole tables


def table_of(rows: Any, name: str = "rows", *, plain: bool = False) -> dict[str, Any]:
    """Return the columns of a table by name, their values not looked at: `values_of` reads them.

    plain  whether a frame may be read without narwhals where that is missing, as one of numbers
           and booleans can be

    Raises ValueError for no column, no row, names that stand twice and columns of unlike lengths.
    """
    if isinstance(rows, Mapping):
        check_names(name, rows)
        columns = {str(key): column_of(str(key), values) for key, values in rows.items()}
    elif is_list_of_dicts(rows):
        columns = of_dicts(rows, name)
    else:
        columns = of_frame(rows, name, plain=plain)
    if not columns:
        raise ValueError(f"{name}: got a table without columns, expected one at least.")
    lengths = {key: len(values) for key, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{name}: got columns of lengths {lengths}, expected equal ones.")
    if not next(iter(lengths.values())):
        raise ValueError(f"{name}: got a table without rows, expected one at least.")
    return columns


def check_names(name: str, columns: Iterable[Any]) -> None:
    """Refuse column names of which two are the same text."""
    texts = [str(each) for each in columns]
    if len(set(texts)) < len(texts):
        twice = next(each for place, each in enumerate(texts) if each in texts[:place])
        raise ValueError(f"{name}: column {twice!r} stands twice; rename one of them.")


def column_of(name: str, values: Any) -> Any:
    """Return a column that came by itself; refuses one value instead of one each row."""
    no_column = isinstance(values, str | bytes | Mapping | Set) or not isinstance(values, Iterable)
    if no_column or getattr(values, "ndim", 1) == 0:
        raise ValueError(
            f"column {name!r}: got {values!r}, expected one value each row; [{values!r}] for one "
            "row."
        )
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"column {name!r}: got a masked array, expected a plain one. {MISSING}")
    return values if hasattr(values, "__len__") else list(values)


def is_list_of_dicts(rows: Any) -> bool:
    """Return whether rows are given as dicts, one for each."""
    is_list = isinstance(rows, Sequence) and not isinstance(rows, str) and len(rows) > 0
    return is_list and all(isinstance(row, Mapping) for row in rows)


def of_dicts(rows: Sequence[Mapping[Any, Any]], name: str) -> dict[str, list]:
    """Return the columns of rows that have the same names."""
    names = list(rows[0])
    check_names(name, names)
    for number, row in enumerate(rows):
        if set(row) != set(names):
            raise ValueError(
                f"row {number}: got the names {sorted(map(str, row))}, expected "
                f"{sorted(map(str, names))}, those of row 0."
            )
    return {str(each): [row[each] for row in rows] for each in names}


def of_frame(frame: Any, name: str, *, plain: bool) -> dict[str, Any]:
    """Return the columns of a frame of pandas, polars or pyarrow."""
    if isinstance(frame, np.ndarray | list | tuple) or frame is None:
        raise not_a_frame(frame, name)
    if hasattr(type(frame), "collect"):
        raise ValueError(f"{name}: got {type(frame).__name__}, expected its rows; use .collect().")
    names: Any = getattr(frame, "column_names", None)  # of pyarrow
    names = getattr(frame, "columns", ()) if names is None else names
    check_names(name, names)
    try:
        narwhals = checks.optional("narwhals", FRAMES)
    except ImportError:
        if plain:
            return {str(each): frame[each] for each in names}
        raise
    try:
        read = narwhals.from_native(frame, eager_only=True)
    except TypeError as error:
        raise not_a_frame(frame, name) from error
    return {
        str(each): column for each, column in zip(read.columns, read.iter_columns(), strict=True)
    }


def not_a_frame(frame: Any, name: str) -> ValueError:
    """Return the refusal of what is no table."""
    return ValueError(
        f"{name}: got {type(frame).__name__}, expected a frame of pandas, polars or pyarrow, a "
        "dict of columns, or a list of dicts."
    )


# ------------------------------------------------------------------------------------- one column


def values_of(name: str, column: Any) -> Values:
    """Return the values of a column.

    column  an array, a sequence, or a column of `table_of`

    Raises ValueError by row and value for what is missing, infinite, or of mixed or other kinds.
    """
    if type(column).__module__.startswith("narwhals"):
        column = of_series(name, column)
    if is_declared(column):
        column = Declared(column.to_pylist() if hasattr(column, "to_pylist") else list(column))
    if isinstance(column, Declared):
        values = values_of(name, object_array(column.values))
        return values if values.kind == DATE else values._replace(kind=CATEGORY)
    column = np.asarray(column) if hasattr(column, "__array__") else object_array(column)
    if column.ndim != 1:
        raise ValueError(f"column {name!r}: got shape {column.shape}, expected one value each row.")
    if column.dtype.kind in "OT":
        column = of_objects(name, column)
    kind = column.dtype.kind
    if kind in "mMO":
        if kind != "O" and np.isnat(column).any():
            raise missing_values(name, np.isnat(column))
        return Values(DATE, column)
    if kind == "U":
        return Values(TEXT, column)
    if kind == "b":
        return Values(BOOLEAN, column)
    if column.dtype == np.longdouble:
        raise ValueError(
            f"column {name!r}: got dtype {column.dtype}, expected at most 64 bits; use "
            "astype(float)."
        )
    if kind not in "iuf" and not checks.is_floating(column.dtype):
        raise ValueError(f"column {name!r}: got dtype {column.dtype}, expected numbers or text.")
    if kind not in "iu":
        check_numbers(name, column)
    return Values(NUMBER, column)


def is_declared(column: Any) -> bool:
    """Return whether a column of pandas, polars or pyarrow is declared to be categories."""
    dtype = getattr(column, "dtype", getattr(column, "type", None))
    return type(dtype).__name__ in DECLARED


def object_array(values: Iterable[Any]) -> np.ndarray:
    """Return values as an array of objects with one axis, also where they are sequences."""
    listed = list(values)
    array = np.empty(len(listed), object)
    for place, value in enumerate(listed):
        array[place] = value
    return array


def of_series(name: str, series: Any) -> Any:
    """Return the values of a column of a frame; refuses missing ones."""
    missing = np.asarray(series.is_null().to_numpy(), bool)
    if missing.any():
        raise missing_values(name, missing)
    kind = type(series.dtype).__name__
    if kind in DECLARED:
        return Declared(series.to_list())
    try:
        values = series.to_numpy()
    except Exception as error:  # each library has errors of its own
        raise ValueError(
            f"column {name!r}: got {series.dtype}, which cannot be made a NumPy array ({error}); "
            "cast it to a number, a boolean or a text, or leave the column out."
        ) from error
    if kind == "Boolean":
        return values.astype(bool)
    return values.astype(np.float64) if kind == "Decimal" else values


def check_numbers(name: str, array: np.ndarray) -> None:
    """Refuse NaN as missing, and infinity."""
    if np.isnan(array).any():
        raise missing_values(name, np.isnan(array))
    if np.isinf(array).any():
        row = int(np.argmax(np.isinf(array)))
        raise ValueError(f"column {name!r}, row {row}: got {array[row]}, expected finite numbers.")


def of_objects(name: str, array: np.ndarray) -> np.ndarray:
    """Return objects that are all of one kind as an array of that kind, dates as they are."""
    missing = np.array([is_missing(value) for value in array], bool)
    if missing.any():
        raise missing_values(name, missing)
    kinds: tuple[tuple[Any, Any], ...] = (
        ((bool, np.bool_), lambda values: np.array(values, bool)),
        ((numbers.Integral, np.bool_), lambda values: whole_numbers(name, values)),
        ((numbers.Real, np.bool_), lambda values: np.array(values, np.float64)),
        ((str,), lambda values: texts(name, values)),
        (DATES, lambda values: dates(name, array, values)),
    )
    for types, made in kinds:
        if all(isinstance(value, types) for value in array):
            return made(array.tolist())
    first = type(array[0])
    for row, value in enumerate(array):
        if not isinstance(value, (numbers.Real, np.bool_, str, *DATES)):
            raise ValueError(
                f"column {name!r}, row {row}: got {value!r} of type {type(value).__name__}, "
                "expected a number, a boolean or a text; make it one, or leave the column out."
            )
        if family(value) != family(array[0]):
            raise ValueError(
                f"column {name!r}, row {row}: got {value!r} among values of type "
                f"{first.__name__}; expected all numbers or all texts."
            )
    raise ValueError(f"column {name!r}: got a mixture of types, expected one.")


def family(value: Any) -> str:
    """Return which values may stand in a column beside this one."""
    if isinstance(value, str):
        return TEXT
    return DATE if isinstance(value, DATES) else NUMBER


def whole_numbers(name: str, values: Sequence[Any]) -> np.ndarray:
    """Return whole numbers as int64; refuses larger ones, of which a float would join some."""
    limits = np.iinfo(np.int64)
    for row, value in enumerate(values):
        if not limits.min <= value <= limits.max:
            raise ValueError(
                f"column {name!r}, row {row}: got {value}, expected whole numbers that int64 "
                "holds; make them floats."
            )
    return np.array([int(value) for value in values], np.int64)


def texts(name: str, values: Sequence[str]) -> np.ndarray:
    """Return texts as an array; refuses those that NumPy would shorten."""
    for row, value in enumerate(values):
        if value.endswith("\0"):
            raise ValueError(
                f"column {name!r}, row {row}: got {value!r}, whose last character is NUL, expected "
                "text without it; NumPy cuts it off."
            )
    return np.array(values, str)


def dates(name: str, array: np.ndarray, values: Sequence[Any]) -> np.ndarray:
    """Return dates as they are; refuses those that cannot be compared with each other."""
    try:
        max(values)
    except TypeError as error:
        raise ValueError(
            f"column {name!r}: got dates that cannot be compared ({error}), expected all of one "
            "type, with or without a time zone."
        ) from error
    return array


def is_missing(value: Any) -> bool:
    """Return whether a value stands for nothing: None, NaN, pandas' NA and NaT."""
    if value is None:
        return True
    if isinstance(value, numbers.Real):
        return bool(value != value)
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return type(value).__name__ in ("NAType", "NaTType")


def missing_values(name: str, missing: np.ndarray) -> ValueError:
    """Return the refusal of a column in which values are missing."""
    return ValueError(
        f"column {name!r}: {int(missing.sum())} of {len(missing)} values are missing, the first in "
        f"row {int(np.argmax(missing))}. {MISSING}"
    )


# ------------------------------------------------------------------------ columns that are learned


def learnable(name: str, values: Values) -> Values:
    """Return the values of a column to learn from or to predict.

    Raises ValueError for dates, and for text that is numbers, all or nearly all of it.
    """
    if values.kind == DATE:
        raise ValueError(
            f"column {name!r}: got dates such as {values.array[0]!s}, expected numbers, booleans "
            "or text. Make numbers of them, such as the days since a first one, the month or the "
            "hour."
        )
    if values.kind == TEXT:
        refuse_numbers(name, values.array)
    return values


def refuse_numbers(name: str, array: np.ndarray) -> None:
    """Refuse a text column of numbers, naming what else is between them."""
    is_number = np.array([parses(value) for value in array], bool)
    if is_number.all():
        raise ValueError(
            f"column {name!r}: every value is a number written as text, such as {str(array[0])!r} "
            "in row 0; convert it with astype(float), or give it letters if it is a category."
        )
    if is_number.mean() >= MOSTLY:
        row = int(np.argmin(is_number))
        raise ValueError(
            f"column {name!r}, row {row}: got {str(array[row])!r} in a column of numbers written "
            f"as text. If it stands for a missing value: {MISSING[0].lower()}{MISSING[1:]}"
        )


def parses(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
