"""What turns raw rows into the numbers of a network, and its outputs into the user's terms."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import jax
import numpy as np
from jaxtyping import Float

from fnn.checkpoint import files
from fnn.data.arrays import features_of_array, is_frame
from fnn.data.columns import Column, features_from
from fnn.data.numbers import AS_THEY_ARE, Scaling, as_float
from fnn.data.owned import scaling_of
from fnn.data.table import is_list_of_dicts, table_of, values_of

CLASSES, REAL, SEVERAL_LABELS = "classification", "regression", "multilabel"


class Encoding(NamedTuple):
    """The preprocessing of a Dataset, learned from its training rows.

    columns   of the table; () where the rows were an array
    features  how many the network takes
    scaling   of the features; None: they are taken as they are
    targets   the names of what is predicted
    task      "classification", "regression" or "multilabel"
    classes   the labels, by their number in the network's output; () where they are that number
    units     mean and std by which real targets were scaled; None: they were not
    label_dtype  of labels as they came, such as "<i8"; "" where there are none
    beside    the columns of weights, groups and order, which new rows may have and need not
    """

    columns: tuple[Column, ...]
    features: int
    scaling: Scaling | None
    targets: tuple[str, ...]
    task: str
    classes: tuple[Any, ...] = ()
    units: Scaling | None = None
    label_dtype: str = ""
    beside: tuple[str, ...] = ()

    def encode(self, rows: Any) -> Float[np.ndarray, "examples features"]:
        """Return raw rows as the network takes them, in JAX's default float dtype.

        rows  a frame, a dict of columns or a list of dicts with the columns of the training rows,
              in any order; targets, weights, groups and order may stand beside them; for data
              that came as an array, an array (examples, features)

        Raises ValueError for missing or other columns, other kinds, unknown categories, and for
        rows of the Dataset itself, which are scaled already.
        """
        scaling = AS_THEY_ARE if self.scaling is None else self.scaling
        check_is_raw(rows, scaling)
        if not self.columns:
            return as_float("x", scaling.of(self.rows_of_array(rows)))
        table = self.columns_of(rows)
        coded = [
            column.coded(values_of(column.name, table[column.name])) for column in self.columns
        ]
        return features_from(self.columns, coded, slice(None), scaling)

    def rows_of_array(self, rows: Any) -> np.ndarray:
        """Return the rows of an array as they are."""
        if isinstance(rows, Mapping) or is_list_of_dicts(rows):
            raise ValueError(
                "rows: got columns by name, expected an array (examples, features), as the "
                "training rows were; fnn.data.from_frame keeps the names."
            )
        x, _ = features_of_array(rows)
        if x.shape[1] != self.features:
            raise ValueError(
                f"x: got {x.shape[1]} features, expected {self.features}, those of the training "
                "rows."
            )
        return x

    def columns_of(self, rows: Any) -> dict[str, Any]:
        """Return the columns of a table that has those of the training rows, and no others."""
        names = [column.name for column in self.columns]
        if not (isinstance(rows, Mapping) or is_list_of_dicts(rows) or is_frame(rows)):
            raise ValueError(
                f"rows: got {type(rows).__name__}, expected the columns {', '.join(names)} by "
                "name: a frame, a dict of columns or a list of dicts."
            )
        table = table_of(rows, plain=True)
        missing = [name for name in names if name not in table]
        extra = [name for name in table if name not in (*names, *self.targets, *self.beside)]
        if missing or extra:
            parts = [f"{', '.join(missing)} missing"] * bool(missing)
            parts += [f"{', '.join(extra)} unknown"] * bool(extra)
            raise ValueError(f"rows: column(s) {'; '.join(parts)}; expected {', '.join(names)}.")
        return table

    def decode(self, prediction: Any) -> np.ndarray:
        """Return the network's outputs (examples, outputs) in the user's terms.

        Labels for classes (the largest output; of one output whether it is above 0) in the dtype
        that they came in, columns of booleans for several labels, and numbers in the target's
        units. Raises ValueError for another number of outputs, and for NaN where labels are to be
        read off.
        """
        outputs = np.asarray(prediction)
        if outputs.ndim != 2:
            raise ValueError(
                f"prediction: got shape {outputs.shape}, expected (examples, outputs), as "
                "fnn.apply returns it."
            )
        if self.task == REAL:
            self.check_outputs(outputs, len(self.targets))
            values = outputs if self.units is None else outputs * self.units.std + self.units.mean
            return values[:, 0] if len(self.targets) == 1 else values
        if np.isnan(outputs).any():
            row = int(np.argwhere(np.isnan(outputs))[0][0])
            raise ValueError(f"prediction, row {row}: got nan, expected numbers; did it diverge?")
        if self.task == SEVERAL_LABELS:
            self.check_outputs(outputs, len(self.targets))
            return outputs > 0
        return self.labels_of(outputs)

    def labels_of(self, outputs: np.ndarray) -> np.ndarray:
        """Return the label of the largest output; of one output whether it is above 0."""
        is_one = outputs.shape[1] == 1 and len(self.classes) in (0, 2)
        numbers = (outputs[:, 0] > 0).astype(int) if is_one else outputs.argmax(axis=1)
        if not self.classes:
            held = np.dtype(self.label_dtype or int)
            if outputs.shape[1] - 1 > np.iinfo(held).max:
                raise ValueError(
                    f"prediction: got {outputs.shape[1]} outputs, expected no more than the labels "
                    f"of {held}."
                )
            return numbers.astype(held)
        if not is_one:
            self.check_outputs(outputs, len(self.classes))
        return np.array(self.classes, self.label_dtype or None)[numbers]

    def check_outputs(self, outputs: np.ndarray, expected: int) -> None:
        """Refuse a prediction of another number of outputs."""
        if outputs.shape[1] != expected:
            raise ValueError(
                f"prediction: got {outputs.shape[1]} outputs, expected {expected}, for "
                f"{', '.join(map(repr, self.classes or self.targets))}."
            )

    def in_units(self, metric: str) -> str:
        """Say in whose units an entry of a history is; "" where it has none.

        Losses are in units where they are squared or absolute errors of one target.
        """
        if self.units is None or metric.endswith("_r2"):
            return ""
        words = f"in the units of {', '.join(self.targets)}"
        if not metric.endswith("_loss"):
            return words
        several = len(self.targets) > 1
        return "of the scaled targets" if several else f"squared and absolute errors {words}"

    @property
    def feature_names(self) -> list[str]:
        """Return a name for each feature, "column=category" for that of a category."""
        if not self.columns:
            return [f"x{number}" for number in range(self.features)]
        return [name for column in self.columns for name in column.features]

    def save(self, path: str | Path) -> None:
        """Write it as an npz file of exactly this name, which `load_encoding` reads.

        It holds one array, the JSON of `to_json`, and nothing pickled. An older file is replaced
        when the new one is complete. Raises OSError where it cannot be written.
        """
        opened = io.BytesIO()
        np.savez(opened, encoding=np.frombuffer(json.dumps(self.to_json()).encode(), np.uint8))
        files.replace(Path(path), opened.getvalue())

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
        texts = {name: tuple(saved.get(name, ())) for name in ("targets", "classes", "beside")}
        return cls(**{**saved, **scales, **texts, "columns": columns})


def encoding_of_arrays(
    features: int,
    y: np.ndarray,
    *,
    scaling: Scaling | None,
    columns: tuple[Column, ...] = (),
    classes: tuple[Any, ...] = (),
    given: np.ndarray | None = None,
) -> Encoding:
    """Return the encoding of rows that came as arrays or as frames of numbers.

    given  the targets y as they came; None: as they are
    """
    names = ("y",) if y.ndim == 1 else tuple(f"y{number}" for number in range(y.shape[1]))
    task = REAL if jax.dtypes.issubdtype(y.dtype, np.floating) else CLASSES
    came = "" if given is None else label_dtype(given, task)
    return Encoding(columns, features, scaling, names, task, classes, None, came)


def label_dtype(y: np.ndarray, task: str) -> str:
    """Return the dtype of labels as they came, "" of other targets."""
    return y.dtype.str if task == CLASSES and y.dtype.kind in "biuUf" else ""


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


def load_encoding(path: str | Path) -> Encoding:
    """Read what `Encoding.save` wrote; nothing in the file is executed.

    Raises ValueError for another or a damaged file, FileNotFoundError where there is none.
    """
    content = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as opened:
            return Encoding.from_json(json.loads(opened["encoding"].tobytes()))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        EOFError,
        OSError,
        zipfile.BadZipFile,
    ) as error:
        raise ValueError(
            f"{path}: got a file that holds no encoding ({error}), expected one that Encoding.save "
            "wrote; save it again."
        ) from error


def check_is_raw(rows: Any, scaling: Scaling) -> None:
    """Refuse rows of a Dataset that were scaled in this way: they would be scaled twice."""
    known = scaling_of(rows)
    if known is not None and all(map(np.array_equal, known, scaling)):
        raise ValueError(
            "rows: these are rows of a Dataset, which are scaled already; pass raw rows, or these "
            "to fnn.apply(net, params, x, state=state)."
        )
