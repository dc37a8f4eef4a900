"""Describe the columns of the training rows, and turn columns into features."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Integer, Shaped

from fnn.data.numbers import Scaling, check_range, check_whole
from fnn.data.table import (
    BOOLEAN,
    CATEGORY,
    DATE,
    NUMBER,
    TEXT,
    Values,
    is_number_text,
    values_of,
)

# Numbers, or the places of categories.
Coded = Shaped[np.ndarray, "rows"]


class Column(NamedTuple):
    """A column of the training rows.

    name        of the column
    kind        "number", "boolean" or "category"
    categories  the values of a category, sorted; each becomes a feature that is 1 in its rows

    >>> from fnn.data import Column
    >>> Column("colour", "category", ("blue", "red")).features
    ['colour=blue', 'colour=red']
    """

    name: str
    kind: str
    categories: tuple[Any, ...] = ()

    @property
    def features(self) -> list[str]:
        """Return the names of the features that the column becomes."""
        if self.kind != CATEGORY:
            return [self.name]
        return [f"{self.name}={value}" for value in self.categories]

    def coded(self, values: Values) -> Coded:
        """Return numbers and booleans as they are, and categories as places in `categories`.

        Raises ValueError for another kind, and for a category that no training row has.
        """
        if self.kind == CATEGORY:
            return self.places(values)
        label = f"column {self.name!r}"
        array = values.array
        if values.kind != self.kind:
            raise ValueError(
                f"{label}, row 0: got {str(array[0])!r}, a {values.kind}, expected a {self.kind}, "
                "as in the training rows."
            )
        check_range(label, array)
        check_whole(label, array)
        return array

    def places(self, values: Values) -> Integer[np.ndarray, "rows"]:
        """Return the place of each value among the categories."""
        array = values.array
        categories = np.array(self.categories)
        place = np.zeros(len(array), int)
        is_category = np.zeros(len(array), bool)
        if kind_of_dtype(array) == kind_of_dtype(categories):
            last = len(categories) - 1
            place = np.minimum(np.searchsorted(categories, array), last)
            is_category = categories[place] == array
        if not is_category.all():
            row = int(np.argmin(is_category))
            value = array[row]
            if isinstance(value, np.generic):
                value = value.item()
            raise ValueError(
                f"column {self.name!r}, row {row}: got {value!r}, which is not among "
                f"the {len(categories)} categories of the training rows. Leave such rows out, or "
                "join rare categories before training."
            )
        return place


def kind_of_dtype(array: np.ndarray) -> str:
    """Return "text", "boolean", "number" or "date", so that True is not taken for the number 1."""
    kinds = {"U": TEXT, "b": BOOLEAN, "O": DATE, "M": DATE, "m": DATE}
    return kinds.get(array.dtype.kind, NUMBER)


def columns_from(
    table: Mapping[str, Values], train: Integer[np.ndarray, "rows"]
) -> tuple[Column, ...]:
    """Return the columns of a table. Their categories are those of the training rows.

    train  the numbers of the training rows
    """
    columns = []
    for name, values in table.items():
        if values.kind in (TEXT, CATEGORY):
            categories = np.unique(values.array[train]).tolist()
            columns.append(Column(name, CATEGORY, tuple(categories)))
        else:
            columns.append(Column(name, values.kind))
    return tuple(columns)


def numeric_columns(name: str, table: Mapping[str, Any]) -> dict[str, Values]:
    """Return the values of a table of numbers and booleans.

    Raises ValueError for columns of another kind.
    """
    columns = {key: values_of(key, column) for key, column in table.items()}
    for key, values in columns.items():
        if values.kind not in (NUMBER, BOOLEAN):
            raise no_number(name, key, values)
        label = f"column {key!r}"
        check_range(label, values.array)
        check_whole(label, values.array)
    return columns


def no_number(name: str, column: str, values: Values) -> ValueError:
    """Return the refusal of a column that is to be of numbers, with the first value that is not."""
    row = 0
    is_number = [is_number_text(str(value)) for value in values.array]
    if not all(is_number):
        row = is_number.index(False)
    return ValueError(
        f"{name}: column {column!r}, row {row}: got {str(values.array[row])!r}, a "
        f"{values.kind}, expected a number or a boolean. fnn.data.from_frame takes text "
        "and categories; numbers written as text need astype(float), dates an amount such "
        "as the days since a first one."
    )


def stack_columns(columns: Mapping[str, Values]) -> np.ndarray:
    """Return columns of numbers and booleans as a matrix of floats, as wide as the widest."""
    all_values = list(columns.values())
    dtypes = map(float_dtype, all_values)
    rows = len(all_values[0].array)
    matrix = np.empty((rows, len(columns)), np.result_type(*dtypes))
    for place, values in enumerate(all_values):
        matrix[:, place] = values.array
    return matrix


def float_dtype(values: Values) -> np.dtype:
    """Return a dtype that holds a column as floats."""
    if values.kind == BOOLEAN:
        return np.dtype(np.float16)
    if values.array.dtype.kind == "f":
        return values.array.dtype
    return np.dtype(np.float64)


def features_from(
    columns: Sequence[Column], coded: Sequence[Coded], rows: Any, scaling: Scaling
) -> Float[np.ndarray, "examples features"]:
    """Return the scaled features of some rows of a table, in JAX's default float dtype.

    coded    the columns in the same order, from `Column.coded`
    rows     an index of rows: a slice, or an array of numbers or booleans
    scaling  one pair for each feature, or one for all
    """
    widths = [len(column.features) for column in columns]
    width = sum(widths)
    mean = np.broadcast_to(scaling.mean, width)
    std = np.broadcast_to(scaling.std, width)
    count = len(coded[0][rows])
    dtype = jax.dtypes.canonicalize_dtype(float)
    features = np.empty((count, width), dtype)
    ends = np.cumsum(widths)
    for column, end, values in zip(columns, ends, coded, strict=True):
        part = slice(end - len(column.features), end)
        of_column = Scaling(mean[part], std[part])
        if column.kind == CATEGORY:
            write_one_hot(features[:, part], values[rows], of_column)
        else:
            as_matrix = values[rows][:, None]
            scaled = of_column.of(as_matrix)
            check_range(f"column {column.name!r}", scaled)
            features[:, part] = scaled
    return features


def write_one_hot(features: np.ndarray, places: np.ndarray, scaling: Scaling) -> None:
    """Write the scaled features of a category: 1 at the place of each row, 0 elsewhere.

    features  (examples, categories), overwritten
    places    (examples,)
    """
    examples, categories = features.shape
    zeros = np.zeros((1, categories))
    features[:] = scaling.of(zeros)
    scaled_ones = (1 - scaling.mean) / scaling.std
    features[np.arange(examples), places] = scaled_ones[places]
