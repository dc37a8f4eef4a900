"""Turn raw rows into the numbers of a network, and its outputs into the user's terms."""

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
from fnn.data.numbers import UNSCALED, Scaling, as_float
from fnn.data.owned import scaling_of
from fnn.data.table import is_list_of_dicts, table_of, values_of

CLASSES, REAL, SEVERAL_LABELS = "classification", "regression", "multilabel"
# np.load and the JSON of another file raise these.
UNREADABLE = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    EOFError,
    OSError,
    zipfile.BadZipFile,
)


class Encoding(NamedTuple):
    """The preprocessing of a Dataset, learned from its training rows.

    columns      the columns of the table; () where the rows were an array
    features     how many features the network takes
    scaling      of the features; None: they are taken as they are
    targets      the names of the targets
    task         "classification", "regression" or "multilabel"
    classes      the labels in the order of the network's outputs; () where each label is the number
                 of its output
    units        mean and std by which real targets were scaled; None: they were not
    label_dtype  of the labels as they came, such as "<i8", and of real targets that are all 0 or
                 1, which may be labels; "" for other targets
    beside       the columns of weights, groups and order, which new rows may have and need not

    >>> from fnn import data
    >>> rows = [{"size": float(i), "is_new": i > 9, "price": 2.0 * i} for i in range(20)]
    >>> encoding = data.from_frame(rows, "price").encoding
    >>> encoding.task, encoding.feature_names
    ('regression', ['size', 'is_new'])
    >>> encoding.encode([{"is_new": True, "size": 3.0}]).shape
    (1, 2)
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
              in any order; it may also have those of targets, weights, groups and order. For data
              that came as an array, an array (examples, features)

        Raises ValueError for missing or other columns, other kinds and unknown categories, and for
        rows of the Dataset itself, which are scaled already.
        """
        scaling = self.scaling
        if scaling is None:
            scaling = UNSCALED
        check_is_raw(rows, scaling)
        if not self.columns:
            x = self.rows_of_array(rows)
            return as_float("x", scaling.of(x))
        table = self.columns_of(rows)
        coded = []
        for column in self.columns:
            values = values_of(column.name, table[column.name])
            coded.append(column.coded(values))
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
        """Return the columns of a table. Raises ValueError for missing and for unknown ones."""
        names = [column.name for column in self.columns]
        is_table = isinstance(rows, Mapping) or is_list_of_dicts(rows) or is_frame(rows)
        if not is_table:
            raise ValueError(
                f"rows: got {type(rows).__name__}, expected the columns {', '.join(names)} by "
                "name: a frame, a dict of columns or a list of dicts."
            )
        table = table_of(rows, plain=True)
        allowed = {*names, *self.targets, *self.beside}
        missing = [name for name in names if name not in table]
        unknown = [name for name in table if name not in allowed]
        problems = []
        if missing:
            problems.append(f"{', '.join(missing)} missing")
        if unknown:
            problems.append(f"{', '.join(unknown)} unknown")
        if problems:
            raise ValueError(f"rows: column(s) {'; '.join(problems)}; expected {', '.join(names)}.")
        return table

    def decode(self, prediction: Any) -> np.ndarray:
        """Return the network's outputs in the user's terms.

        prediction  (examples, outputs), as fnn.apply returns it

        Classes give labels in the dtype that they came in: that of the largest output, or, of one
        output, the second class where it is above 0. Several labels give columns of booleans, or of
        0 and 1 where they came so. Real targets give numbers in the target's units.

        Raises ValueError for another number of outputs, and for NaN where labels are expected.
        """
        outputs = np.asarray(prediction)
        if outputs.ndim != 2:
            raise ValueError(
                f"prediction: got shape {outputs.shape}, expected (examples, outputs), as "
                "fnn.apply returns it."
            )
        if self.task == REAL:
            return self.amounts_of(outputs)
        check_no_nan(outputs)
        if self.task == SEVERAL_LABELS:
            self.check_outputs(outputs, len(self.targets))
            is_label = outputs > 0
            return is_label.astype(self.label_dtype or bool)
        return self.labels_of(outputs)

    def amounts_of(self, outputs: np.ndarray) -> np.ndarray:
        """Return real targets in their units: (examples,) of one target."""
        self.check_outputs(outputs, len(self.targets))
        values = outputs
        if self.units is not None:
            values = outputs * self.units.std + self.units.mean
        if len(self.targets) == 1:
            return values[:, 0]
        return values

    def labels_of(self, outputs: np.ndarray) -> np.ndarray:
        """Return the label of the largest output; of one output, whether it is above 0."""
        is_binary = outputs.shape[1] == 1 and len(self.classes) in (0, 2)
        if is_binary:
            is_second = outputs[:, 0] > 0
            numbers = is_second.astype(int)
        else:
            numbers = outputs.argmax(axis=1)
        if not self.classes:
            return self.whole_labels_of(numbers, outputs.shape[1])
        if not is_binary:
            self.check_outputs(outputs, len(self.classes))
        labels = np.array(self.classes, self.label_dtype or None)
        return labels[numbers]

    def whole_labels_of(self, numbers: np.ndarray, outputs: int) -> np.ndarray:
        """Return the numbers of outputs as labels, in the dtype that labels came in.

        Raises ValueError for more outputs than the dtype has labels.
        """
        dtype = np.dtype(self.label_dtype or int)
        largest = np.iinfo(dtype).max
        if outputs - 1 > largest:
            raise ValueError(
                f"prediction: got {outputs} outputs, expected no more than the labels of {dtype}."
            )
        return numbers.astype(dtype)

    def check_outputs(self, outputs: np.ndarray, expected: int) -> None:
        """Refuse a prediction with another number of outputs."""
        if outputs.shape[1] != expected:
            names = ", ".join(map(repr, self.classes or self.targets))
            raise ValueError(
                f"prediction: got {outputs.shape[1]} outputs, expected {expected}, for {names}."
            )

    def in_units(self, metric: str) -> str:
        """Return in which units a metric of the history is; "" where it has none.

        metric  its name, such as "train_loss"

        RMSE is in the units of one target, and so are losses that are squared or absolute errors.
        Several targets have no unit in common. A metric of one's own is computed from values in the
        units of each target.
        """
        if self.units is None or metric.endswith("_r2"):
            return ""
        words = f"in the units of {', '.join(self.targets)}"
        is_rmse = metric.endswith("_rmse")
        if not is_rmse and not metric.endswith("_loss"):
            return f"of values {words}"
        if len(self.targets) > 1:
            return "of the scaled targets"
        return words if is_rmse else f"squared and absolute errors {words}"

    @property
    def feature_names(self) -> list[str]:
        """Return a name for each feature: "column=category" of a category, "x0", … of an array."""
        if not self.columns:
            return [f"x{number}" for number in range(self.features)]
        names = []
        for column in self.columns:
            names += column.features
        return names

    def save(self, path: str | Path) -> None:
        """Write the encoding as an npz file of exactly this name, which `load_encoding` reads.

        It holds one array, the JSON of `to_json`, and nothing pickled. An older file is replaced
        when the new one is complete.

        Raises OSError where the file cannot be written.
        """
        text = json.dumps(self.to_json())
        array = np.frombuffer(text.encode(), np.uint8)
        buffer = io.BytesIO()
        np.savez(buffer, encoding=array)
        files.replace(Path(path), buffer.getvalue())

    def to_json(self) -> dict[str, Any]:
        """Return the encoding as JSON."""
        saved = self._asdict()
        for name in ("scaling", "units"):
            if saved[name] is not None:
                saved[name] = saved[name].to_json()
        return saved

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """Make an encoding from the JSON of `to_json`."""
        fields = dict(saved)
        for name in ("scaling", "units"):
            if saved[name] is not None:
                fields[name] = Scaling.from_json(saved[name])
        for name in ("targets", "classes", "beside"):
            fields[name] = tuple(saved.get(name, ()))
        columns = []
        for name, kind, categories in saved["columns"]:
            column = Column(name, kind, tuple(categories))
            columns.append(column)
        fields["columns"] = tuple(columns)
        return cls(**fields)


def encoding_of_arrays(
    features: int,
    y: np.ndarray,
    *,
    scaling: Scaling | None,
    columns: tuple[Column, ...] = (),
    classes: tuple[Any, ...] = (),
    original_y: np.ndarray | None = None,
) -> Encoding:
    """Return the encoding of rows that came as arrays or as frames of numbers.

    y           the targets as the losses take them
    original_y  the targets as they came; None: their dtype is not kept
    """
    targets: tuple[str, ...] = ("y",)
    if y.ndim == 2:
        targets = tuple(f"y{number}" for number in range(y.shape[1]))
    came = y if original_y is None else original_y
    task = task_of_array(came)
    dtype = ""
    if original_y is not None or task == REAL:
        dtype = label_dtype(came, task)
    return Encoding(
        columns=columns,
        features=features,
        scaling=scaling,
        targets=targets,
        task=task,
        classes=classes,
        label_dtype=dtype,
    )


def task_of_array(y: np.ndarray) -> str:
    """Return the task of targets as they came: floats are real, columns of others are labels."""
    if jax.dtypes.issubdtype(y.dtype, np.floating):
        return REAL
    if y.ndim == 2:
        return SEVERAL_LABELS
    return CLASSES


def label_dtype(y: np.ndarray, task: str) -> str:
    """Return the dtype of labels as they came, and of real targets that may be; "" for others."""
    if y.dtype.kind not in "biuUf":
        return ""
    if task == REAL:
        is_label = (y == 0) | (y == 1)
        if not is_label.all():
            return ""
    return y.dtype.str


def check_no_nan(outputs: np.ndarray) -> None:
    """Refuse outputs (examples, outputs) with NaN, which stand for no label."""
    is_nan = np.isnan(outputs)
    if is_nan.any():
        row = int(np.argwhere(is_nan)[0][0])
        raise ValueError(f"prediction, row {row}: got nan, expected numbers; did it diverge?")


class StaticEncoding:
    """An encoding as a part of the structure of a pytree, so that JAX sees no numbers in it."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StaticEncoding):
            return False
        if self.encoding is other.encoding:
            return True
        return self.encoding.to_json() == other.encoding.to_json()

    def __hash__(self) -> int:
        return hash((self.encoding.features, self.encoding.targets))


jax.tree_util.register_pytree_node(
    Encoding,
    lambda encoding: ((), StaticEncoding(encoding)),
    lambda static, _: static.encoding,
)


def load_encoding(path: str | Path) -> Encoding:
    """Read a file of `Encoding.save`. Nothing in it is executed.

    path  of the file

    Raises ValueError for another or a damaged file, and FileNotFoundError where there is none.

    >>> import tempfile
    >>> from fnn import data
    >>> encoding = data.load("xor").preprocessing
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     encoding.save(f"{folder}/xor.npz")
    ...     data.load_encoding(f"{folder}/xor.npz").task
    'classification'
    """
    content = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            saved = json.loads(archive["encoding"].tobytes())
        return Encoding.from_json(saved)
    except UNREADABLE as error:
        raise ValueError(
            f"{path}: got a file that holds no encoding ({error}), expected one that Encoding.save "
            "wrote; save it again."
        ) from error


def check_is_raw(rows: Any, scaling: Scaling) -> None:
    """Refuse rows of a Dataset that were scaled in this way: they would be scaled twice."""
    done = scaling_of(rows)
    if done is not None and all(map(np.array_equal, done, scaling)):
        raise ValueError(
            "rows: these are rows of a Dataset, which are scaled already; pass raw rows, or these "
            "to fnn.apply(net, params, x, state=state)."
        )
