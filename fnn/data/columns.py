"""The columns of the training rows, and the features that they become."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Integer, Shaped

from fnn.data.numbers import Scaling, check_range, check_whole
from fnn.data.table import BOOLEAN, CATEGORY, DATE, NUMBER, TEXT, Values, parses, values_of

Coded = Shaped[np.ndarray, "rows"]  # numbers, or the places of categories


class Column(NamedTuple):
    """A column of the training rows.

    kind        "number", "boolean" or "category"
    categories  the values of a category, sorted: each becomes a feature that is 1 where it is met
    """

    name: str
    kind: str
    categories: tuple[Any, ...] = ()

    @property
    def features(self) -> list[str]:
        """Return the names of the features that it becomes."""
        if self.kind != CATEGORY:
            return [self.name]
        return [f"{self.name}={value}" for value in self.categories]

    def coded(self, values: Values) -> Coded:
        """Return numbers as they are, and of categories their places among `categories`.

        Raises ValueError for another kind, and for a category that the training rows did not have.
        """
        if self.kind == CATEGORY:
            return self.places(values)
        if values.kind != self.kind:
            raise ValueError(
                f"column {self.name!r}, row 0: got {str(values.array[0])!r}, a {values.kind}, "
                f"expected a {self.kind}, as in the training rows."
            )
        check_range(f"column {self.name!r}", values.array)
        check_whole(f"column {self.name!r}", values.array)
        return values.array

    def places(self, values: Values) -> Integer[np.ndarray, "rows"]:
        """Return the place of each value among the categories."""
        categories, array = np.array(self.categories), values.array
        unlike = family_of(array) != family_of(categories)
        place = np.zeros(len(array), int)
        if not unlike:
            place = np.minimum(np.searchsorted(categories, array), len(categories) - 1)
        known = np.zeros(len(array), bool) if unlike else categories[place] == array
        if not known.all():
            row = int(np.argmin(known))
            value = array[row].item() if isinstance(array[row], np.generic) else array[row]
            raise ValueError(
                f"column {self.name!r}, row {row}: got {value!r}, which is not among "
                f"the {len(categories)} categories of the training rows. Leave such rows out, or "
                "join rare categories before training."
            )
        return place


def family_of(array: np.ndarray) -> str:
    """Return "text", "boolean", "number" or "date": True is no 1 among categories."""
    families = {"U": TEXT, "b": BOOLEAN, "O": DATE, "M": DATE, "m": DATE}
    return families.get(array.dtype.kind, NUMBER)


def columns_from(
    table: Mapping[str, Values], train: Integer[np.ndarray, "rows"]
) -> tuple[Column, ...]:
    """Return the columns of a table, their categories those of the training rows."""
    found = []
    for name, values in table.items():
        is_category = values.kind in (TEXT, CATEGORY)
        categories = np.unique(values.array[train]).tolist() if is_category else ()
        kind = CATEGORY if is_category else values.kind
        found.append(Column(name, kind, tuple(categories)))
    return tuple(found)


def numeric_columns(name: str, table: Mapping[str, Any]) -> dict[str, Values]:
    """Return the values of a table of numbers and booleans; refuses other columns."""
    found = {each: values_of(each, column) for each, column in table.items()}
    for each, values in found.items():
        if values.kind not in (NUMBER, BOOLEAN):
            row = next((i for i, text in enumerate(values.array) if not parses(str(text))), 0)
            raise ValueError(
                f"{name}: column {each!r}, row {row}: got {str(values.array[row])!r}, a "
                f"{values.kind}, expected a number or a boolean. fnn.data.from_frame takes text "
                "and categories; numbers written as text need astype(float), dates an amount such "
                "as the days since a first one."
            )
        check_range(f"column {each!r}", values.array)
        check_whole(f"column {each!r}", values.array)
    return found


def side_by_side(columns: Mapping[str, Values]) -> np.ndarray:
    """Return columns of numbers and booleans as a matrix, floats as wide as the widest."""
    held = np.result_type(*map(float_dtype, columns.values()))
    first = next(iter(columns.values()))
    made = np.empty((len(first.array), len(columns)), held)
    for place, values in enumerate(columns.values()):
        made[:, place] = values.array
    return made


def float_dtype(values: Values) -> np.dtype:
    """Return a dtype that holds a column as floats."""
    if values.kind == BOOLEAN:
        return np.dtype(np.float16)
    return values.array.dtype if values.array.dtype.kind == "f" else np.dtype(np.float64)


def features_from(
    columns: Sequence[Column], coded: Sequence[Coded], rows: Any, scaling: Scaling
) -> Float[np.ndarray, "examples features"]:
    """Return the scaled features of some rows of a table, in JAX's default float dtype.

    coded  the columns in the same order, from `Column.coded`
    rows   what an array takes as the index of rows
    """
    widths = [len(column.features) for column in columns]
    mean, std = (np.broadcast_to(each, sum(widths)) for each in scaling)
    count = len(coded[0][rows])
    made = np.empty((count, sum(widths)), jax.dtypes.canonicalize_dtype(float))
    start = 0
    for column, width, values in zip(columns, widths, coded, strict=True):
        part = slice(start, start + width)
        own = Scaling(mean[part], std[part])
        if column.kind == CATEGORY:
            made[:, part] = own.of(np.zeros((1, width)))
            place = values[rows]
            made[np.arange(count), start + place] = ((1 - own.mean) / own.std)[place]
        else:
            scaled = own.of(values[rows][:, None])
            check_range(f"column {column.name!r}", scaled)
            made[:, part] = scaled
        start += width
    return made
