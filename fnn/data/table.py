"""Read tables of named columns, and refuse wrong ones by column, row and value.

A table is a dict of columns, a list of dicts, or a frame of pandas, polars or pyarrow, which is
read through narwhals.
"""

import datetime
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from fnn import checks

NUMBER, BOOLEAN, TEXT, CATEGORY, DATE = "number", "boolean", "text", "category", "date"
# A text column in which this share are numbers is one of numbers with marks for missing values.
NUMBERS_WITH_GAPS = 0.9
# The extra of the package that installs narwhals.
FRAMES = "frames"

# The dtypes by which the frames of all three packages declare a column to be categories.
DECLARED = ("CategoricalDtype", "Categorical", "Enum", "DictionaryType")
DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)

MISSING = (
    "Fill it in or leave the rows out: scikit-learn's SimpleImputer, or the frame's own fill and "
    "drop methods."
)


class Values(NamedTuple):
    """The values of a column.

    kind   "number", "boolean", "text", "category" (declared by the frame, of text, numbers or
           booleans) or "date"
    array  (rows,); none is missing, and numbers are finite
    """

    kind: str
    array: Shaped[np.ndarray, "rows"]


class Declared(NamedTuple):
    """The values of a column that its frame declares to be categories."""

    values: Sequence[Any]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)


# ------------------------------------------------------------------------------------ whole tables


def table_of(rows: Any, name: str = "rows", *, plain: bool = False) -> dict[str, Any]:
    """Return the columns of a table by name. `values_of` reads their values.

    rows   a frame, a dict of columns or a list of dicts
    name   of the table, in errors
    plain  read a frame without narwhals where that is missing, as one of numbers and booleans can
           be read

    Raises ValueError for a table without columns or rows, and for columns of one name or of
    different lengths.
    """
    if isinstance(rows, Mapping):
        check_names(name, rows)
        columns = {str(key): column_of(str(key), values) for key, values in rows.items()}
    elif is_list_of_dicts(rows):
        columns = columns_of_dicts(rows, name)
    else:
        columns = columns_of_frame(rows, name, plain=plain)
    if not columns:
        raise ValueError(f"{name}: got a table without columns, expected one at least.")
    lengths = {key: len(values) for key, values in columns.items()}
    distinct = set(lengths.values())
    if len(distinct) > 1:
        raise ValueError(f"{name}: got columns of lengths {lengths}, expected equal ones.")
    if distinct == {0}:
        raise ValueError(f"{name}: got a table without rows, expected one at least.")
    return columns


def check_names(name: str, columns: Iterable[Any]) -> None:
    """Refuse two column names that are the same text."""
    seen = set()
    for text in map(str, columns):
        if text in seen:
            raise ValueError(f"{name}: column {text!r} stands twice; rename one of them.")
        seen.add(text)


def column_of(name: str, values: Any) -> Any:
    """Return a column that came by itself.

    Raises ValueError for one value instead of one value each row, and for a masked array.
    """
    is_no_column = isinstance(values, str | bytes | Mapping | Set)
    is_one_value = not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0
    if is_no_column or is_one_value:
        raise ValueError(
            f"column {name!r}: got {values!r}, expected one value each row; [{values!r}] for one "
            "row."
        )
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"column {name!r}: got a masked array, expected a plain one. {MISSING}")
    if hasattr(values, "__len__"):
        return values
    return list(values)


def is_list_of_dicts(rows: Any) -> bool:
    """Return whether the rows are a sequence of dicts, one for each row."""
    is_list = isinstance(rows, Sequence) and not isinstance(rows, str)
    if not is_list or len(rows) == 0:
        return False
    return all(isinstance(row, Mapping) for row in rows)


def columns_of_dicts(rows: Sequence[Mapping[Any, Any]], name: str) -> dict[str, list]:
    """Return the columns of rows. Raises ValueError for a row with other names than the first."""
    names = list(rows[0])
    check_names(name, names)
    for number, row in enumerate(rows):
        if set(row) != set(names):
            got = sorted(map(str, row))
            expected = sorted(map(str, names))
            raise ValueError(
                f"row {number}: got the names {got}, expected {expected}, those of row 0."
            )
    return {str(key): [row[key] for row in rows] for key in names}


def columns_of_frame(frame: Any, name: str, *, plain: bool) -> dict[str, Any]:
    """Return the columns of a frame of pandas, polars or pyarrow."""
    if isinstance(frame, np.ndarray | list | tuple) or frame is None:
        raise not_a_frame(frame, name)
    if hasattr(type(frame), "collect"):
        raise ValueError(f"{name}: got {type(frame).__name__}, expected its rows; use .collect().")
    # pyarrow's `columns` are the columns themselves.
    names: Any = getattr(frame, "column_names", None)
    if names is None:
        names = getattr(frame, "columns", ())
    check_names(name, names)
    try:
        narwhals = checks.optional("narwhals", FRAMES)
    except ImportError:
        if plain:
            return {str(key): frame[key] for key in names}
        raise
    try:
        read = narwhals.from_native(frame, eager_only=True)
    except TypeError as error:
        raise not_a_frame(frame, name) from error
    pairs = zip(read.columns, read.iter_columns(), strict=True)
    return {str(key): column for key, column in pairs}


def not_a_frame(frame: Any, name: str) -> ValueError:
    """Return the refusal of an object that is no table."""
    return ValueError(
        f"{name}: got {type(frame).__name__}, expected a frame of pandas, polars or pyarrow, a "
        "dict of columns, or a list of dicts."
    )


# ------------------------------------------------------------------------------------- one column


def values_of(name: str, column: Any) -> Values:
    """Return the values of a column.

    name    of the column, in errors
    column  an array, a sequence, or a column of `table_of`

    Raises ValueError, naming row and value, for values that are missing, infinite, of different
    kinds or of a kind that is neither number, boolean, text nor date.
    """
    if type(column).__module__.startswith("narwhals"):
        column = values_of_series(name, column)
    if is_declared(column):
        is_pyarrow = hasattr(column, "to_pylist")
        column = Declared(column.to_pylist() if is_pyarrow else list(column))
    if isinstance(column, Declared):
        values = values_of(name, object_array(column.values))
        if values.kind == DATE:
            return values
        return values._replace(kind=CATEGORY)
    array = np.asarray(column) if hasattr(column, "__array__") else object_array(column)
    if array.ndim != 1:
        raise ValueError(f"column {name!r}: got shape {array.shape}, expected one value each row.")
    if array.dtype.kind in "OT":
        array = values_of_objects(name, array)
    return Values(kind_of(name, array), array)


def kind_of(name: str, array: np.ndarray) -> str:
    """Return the kind of a column, by its dtype.

    Raises ValueError for missing and infinite values, and for dtypes that are none of the kinds.
    """
    kind = array.dtype.kind
    if kind in "mM":
        missing = np.isnat(array)
        if missing.any():
            raise missing_values(name, missing)
    # `values_of_objects` leaves no other objects than dates.
    if kind in "mMO":
        return DATE
    if kind == "U":
        return TEXT
    if kind == "b":
        return BOOLEAN
    if array.dtype == np.longdouble:
        raise ValueError(
            f"column {name!r}: got dtype {array.dtype}, expected at most 64 bits; use "
            "astype(float)."
        )
    if kind in "iu":
        return NUMBER
    if kind != "f" and not checks.is_floating(array.dtype):
        raise ValueError(f"column {name!r}: got dtype {array.dtype}, expected numbers or text.")
    check_finite(name, array)
    return NUMBER


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


def values_of_series(name: str, series: Any) -> Any:
    """Return the values of a column of a frame. Raises ValueError for missing ones."""
    missing = np.asarray(series.is_null().to_numpy(), bool)
    if missing.any():
        raise missing_values(name, missing)
    kind = type(series.dtype).__name__
    if kind in DECLARED:
        return Declared(series.to_list())
    try:
        values = series.to_numpy()
    # Each of the libraries raises errors of its own.
    except Exception as error:
        raise ValueError(
            f"column {name!r}: got {series.dtype}, which cannot be made a NumPy array ({error}); "
            "cast it to a number, a boolean or a text, or leave the column out."
        ) from error
    if kind == "Boolean":
        return values.astype(bool)
    if kind == "Decimal":
        return values.astype(np.float64)
    return values


def check_finite(name: str, array: np.ndarray) -> None:
    """Refuse NaN, which stands for a missing value, and infinity."""
    missing = np.isnan(array)
    if missing.any():
        raise missing_values(name, missing)
    is_infinite = np.isinf(array)
    if is_infinite.any():
        row = int(np.argmax(is_infinite))
        raise ValueError(f"column {name!r}, row {row}: got {array[row]}, expected finite numbers.")


def values_of_objects(name: str, array: np.ndarray) -> np.ndarray:
    """Return objects that are all of one kind as an array of that kind. Dates stay objects."""
    missing = np.array([is_missing(value) for value in array], bool)
    if missing.any():
        raise missing_values(name, missing)
    values = array.tolist()
    converters: tuple[tuple[Any, Callable[[], np.ndarray]], ...] = (
        ((bool, np.bool_), lambda: np.array(values, bool)),
        ((numbers.Integral, np.bool_), lambda: whole_numbers(name, values)),
        ((numbers.Real, np.bool_), lambda: np.array(values, np.float64)),
        ((str,), lambda: texts(name, values)),
        (DATES, lambda: dates(name, array, values)),
    )
    for types, convert in converters:
        if all(isinstance(value, types) for value in array):
            return convert()
    raise mixed_values(name, array)


def mixed_values(name: str, array: np.ndarray) -> ValueError:
    """Return the refusal of objects of different kinds, naming the first that does not fit."""
    first = array[0]
    for row, value in enumerate(array):
        if not isinstance(value, (numbers.Real, np.bool_, str, *DATES)):
            return ValueError(
                f"column {name!r}, row {row}: got {value!r} of type {type(value).__name__}, "
                "expected a number, a boolean or a text; make it one, or leave the column out."
            )
        if kind_of_object(value) != kind_of_object(first):
            return ValueError(
                f"column {name!r}, row {row}: got {value!r} among values of type "
                f"{type(first).__name__}; expected all numbers or all texts."
            )
    return ValueError(f"column {name!r}: got a mixture of types, expected one.")


def kind_of_object(value: Any) -> str:
    """Return "text", "date" or "number", which includes booleans."""
    if isinstance(value, str):
        return TEXT
    if isinstance(value, DATES):
        return DATE
    return NUMBER


def whole_numbers(name: str, values: Sequence[Any]) -> np.ndarray:
    """Return whole numbers as int64.

    Raises ValueError for larger ones, which floats would join.
    """
    limits = np.iinfo(np.int64)
    for row, value in enumerate(values):
        if not limits.min <= value <= limits.max:
            raise ValueError(
                f"column {name!r}, row {row}: got {value}, expected whole numbers that int64 "
                "holds; make them floats."
            )
    return np.array([int(value) for value in values], np.int64)


def texts(name: str, values: Sequence[str]) -> np.ndarray:
    """Return texts as an array. Raises ValueError for those that NumPy would shorten."""
    for row, value in enumerate(values):
        if value.endswith("\0"):
            raise ValueError(
                f"column {name!r}, row {row}: got {value!r}, whose last character is NUL, expected "
                "text without it; NumPy cuts it off."
            )
    return np.array(values, str)


def dates(name: str, array: np.ndarray, values: Sequence[Any]) -> np.ndarray:
    """Return dates as they are. Raises ValueError for those that cannot be compared."""
    try:
        max(values)
    except TypeError as error:
        raise ValueError(
            f"column {name!r}: got dates that cannot be compared ({error}), expected all of one "
            "type, with or without a time zone."
        ) from error
    return array


def is_missing(value: Any) -> bool:
    """Return whether a value marks a missing one: None, NaN, or pandas' NA and NaT."""
    if value is None:
        return True
    if isinstance(value, numbers.Real):
        return bool(value != value)
    if isinstance(value, np.datetime64 | np.timedelta64):
        return bool(np.isnat(value))
    return type(value).__name__ in ("NAType", "NaTType")


def missing_values(name: str, missing: np.ndarray) -> ValueError:
    """Return the refusal of a column in which values are missing."""
    count = int(missing.sum())
    first = int(np.argmax(missing))
    return ValueError(
        f"column {name!r}: {count} of {len(missing)} values are missing, the first in row {first}. "
        f"{MISSING}"
    )


# ----------------------------------------------------------------------- columns that are learned


def learnable(name: str, values: Values) -> Values:
    """Return the values of a column that is a feature or a target.

    Raises ValueError for dates, and for text of which all or nearly all are numbers.
    """
    if values.kind == DATE:
        raise ValueError(
            f"column {name!r}: got dates such as {values.array[0]!s}, expected numbers, booleans "
            "or text. Make numbers of them, such as the days since a first one, the month or the "
            "hour."
        )
    if values.kind == TEXT:
        check_no_numbers(name, values.array)
    return values


def check_no_numbers(name: str, array: np.ndarray) -> None:
    """Refuse a text column of numbers, and name the first value that is none."""
    is_number = np.array([is_number_text(value) for value in array], bool)
    if is_number.all():
        raise ValueError(
            f"column {name!r}: every value is a number written as text, such as {str(array[0])!r} "
            "in row 0; convert it with astype(float), or give it letters if it is a category."
        )
    if is_number.mean() >= NUMBERS_WITH_GAPS:
        row = int(np.argmin(is_number))
        remedy = MISSING[0].lower() + MISSING[1:]
        raise ValueError(
            f"column {name!r}, row {row}: got {str(array[row])!r} in a column of numbers written "
            f"as text. If it stands for a missing value: {remedy}"
        )


def is_number_text(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
