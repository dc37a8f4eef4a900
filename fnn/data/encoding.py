"""What turns raw rows into the numbers of a network, and its outputs into the user's terms."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from jaxtyping import Float

from fnn import checks
from fnn.data.columns import BOOLEAN, CATEGORY, NUMBER, columns_of, kind_of
from fnn.data.numbers import Scaling, as_float

CLASSES, REAL, SEVERAL_LABELS = "classification", "regression", "multilabel"


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

    def encode(self, values: np.ndarray) -> Float[np.ndarray, "examples features"]:
        """Return the features of some rows.

        Raises ValueError for another kind, and for a category that the training rows did not have.
        """
        if kind_of(values) != self.kind and not (self.kind == CATEGORY and self.is_of_numbers):
            raise ValueError(
                f"column {self.name!r}: got {kind_of(values)} values such as {values[0]!r}, "
                f"expected {self.kind}, as in the training rows."
            )
        if self.kind != CATEGORY:
            return values.astype(np.float64)[:, None]
        categories = np.array(self.categories)
        place = np.minimum(np.searchsorted(categories, values), len(categories) - 1)
        known = categories[place] == values
        if not known.all():
            row = int(np.argmin(known))
            raise ValueError(
                f"column {self.name!r}, row {row}: got the category {values[row]!s}, which is not "
                f"among the {len(self.categories)} of the training rows. Leave such rows out, or "
                "join rare categories before training."
            )
        features = np.zeros((len(values), len(categories)))
        features[np.arange(len(values)), place] = 1
        return features

    @property
    def is_of_numbers(self) -> bool:
        """Return whether the categories are numbers or booleans."""
        return bool(self.categories) and not isinstance(self.categories[0], str)


class Encoding(NamedTuple):
    """The preprocessing of a Dataset, learned from its training rows.

    columns   of the table; () where the rows were an array
    features  how many the network takes
    scaling   of the features; None: they are taken as they are
    targets   the names of what is predicted
    task      "classification", "regression" or "multilabel"
    classes   the labels, by their number in the network's output; () where they are that number
    units     mean and std by which real targets were scaled; None: they were not
    """

    columns: tuple[Column, ...]
    features: int
    scaling: Scaling | None
    targets: tuple[str, ...]
    task: str
    classes: tuple[Any, ...] = ()
    units: Scaling | None = None

    def encode(self, rows: Any) -> Float[np.ndarray, "examples features"]:
        """Return raw rows as the network takes them, in JAX's default float dtype.

        rows  a frame, a dict of columns or a list of dicts with the columns of the training rows,
              in any order; for data that came as an array, an array (examples, features)

        Raises ValueError for missing or other columns, other kinds, and unknown categories.
        """
        raw = self.features_of_table(rows) if self.columns else self.features_of_array(rows)
        return as_float("x", raw if self.scaling is None else self.scaling.of(raw))

    def features_of_array(self, rows: Any) -> np.ndarray:
        """Return the rows of an array as they are."""
        x = checks.numbers("x", rows).astype(np.float64)
        checks.features(x)
        if x.shape[1] != self.features:
            raise ValueError(
                f"x: got {x.shape[1]} features, expected {self.features}, those of the training "
                "rows."
            )
        return x

    def features_of_table(self, rows: Any) -> np.ndarray:
        """Return the features of a table, its columns taken by name."""
        names = [column.name for column in self.columns]
        if isinstance(rows, np.ndarray):
            raise ValueError(
                f"rows: got an array, expected the columns {', '.join(names)} by name: a frame, a "
                "dict of columns or a list of dicts."
            )
        given = columns_of(rows)
        missing = [name for name in names if name not in given]
        extra = [name for name in given if name not in names and name not in self.targets]
        if missing or extra:
            parts = [f"{', '.join(missing)} missing"] * bool(missing)
            parts += [f"{', '.join(extra)} unknown"] * bool(extra)
            raise ValueError(f"rows: column(s) {'; '.join(parts)}; expected {', '.join(names)}.")
        return np.hstack([column.encode(given[column.name]) for column in self.columns])

    def decode(self, prediction: Any) -> np.ndarray:
        """Return the network's outputs (examples, outputs) in the user's terms.

        Labels for classes (the largest output; of one output whether it is above 0), columns of
        booleans for several labels, and numbers in the target's units.
        """
        outputs = np.asarray(prediction)
        if outputs.ndim != 2:
            raise ValueError(
                f"prediction: got shape {outputs.shape}, expected (examples, outputs), as "
                "fnn.apply returns it."
            )
        if self.task == SEVERAL_LABELS:
            return outputs > 0
        if self.task == CLASSES:
            is_one = outputs.shape[1] == 1
            numbers = (outputs[:, 0] > 0).astype(int) if is_one else outputs.argmax(axis=1)
            return np.array(self.classes)[numbers] if self.classes else numbers
        values = outputs if self.units is None else outputs * self.units.std + self.units.mean
        return values[:, 0] if len(self.targets) == 1 and values.shape[1] == 1 else values

    @property
    def feature_names(self) -> list[str]:
        """Return a name for each feature, "column=category" for that of a category."""
        if not self.columns:
            return [f"x{number}" for number in range(self.features)]
        return [name for column in self.columns for name in column.features]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        scales = {"scaling": self.scaling, "units": self.units}
        saved = {name: None if s is None else s.to_json() for name, s in scales.items()}
        return self._asdict() | saved

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Make it of JSON."""
        scales = {
            name: None if saved[name] is None else Scaling.from_json(saved[name])
            for name in ("scaling", "units")
        }
        columns = tuple(
            Column(name, kind, tuple(categories)) for name, kind, categories in saved["columns"]
        )
        texts = {name: tuple(saved[name]) for name in ("targets", "classes")}
        return cls(**{**saved, **scales, **texts, "columns": columns})


class Described:
    """An encoding as a part of the structure of a tree: JAX sees no numbers in it."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Described) and (
            self.encoding is other.encoding or self.encoding.to_json() == other.encoding.to_json()
        )

    def __hash__(self) -> int:
        return hash((self.encoding.features, self.encoding.targets))


jax.tree_util.register_pytree_node(
    Encoding, lambda encoding: ((), Described(encoding)), lambda described, _: described.encoding
)


def columns_from(table: Mapping[str, np.ndarray], train: Sequence[int] | np.ndarray):
    """Return the columns of a table, their categories those of the training rows.

    Raises ValueError where another row has a category that no training row has.
    """
    found = []
    for name, values in table.items():
        kind = kind_of(values)
        categories = np.unique(values[train]).tolist() if kind == CATEGORY else ()
        found.append(Column(name, kind, tuple(categories)))
    return tuple(found)


__all__ = [
    "BOOLEAN",
    "CATEGORY",
    "CLASSES",
    "NUMBER",
    "REAL",
    "SEVERAL_LABELS",
    "Column",
    "Encoding",
    "columns_from",
]
