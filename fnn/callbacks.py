"""What `callbacks=` of `fnn.train` and `fnn.sweep` are told, and one that writes a file.

A callback is a function of a list of records, one for each epoch of each run since it was called
last. A record is a dict of plain numbers and texts:

    {"setting": {"learning_rate": 0.01}, "seed": 3, "epoch": 7, "metrics": {"train_loss": 0.21, …}}

`setting` is empty for `fnn.train`, `epoch` is counted from 0, and from the epoch in which a run
diverged its metrics are NaN. It is called between two chunks of epochs, in the order of the runs.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

Record: TypeAlias = Mapping[str, Any]
Callback: TypeAlias = Callable[[Sequence[Record]], None]


def json_lines(path: str | Path) -> Callback:
    """Return a callback that appends each record to a file, as a line of JSON.

    The folder of the file must exist. What JSON cannot hold becomes null (NaN and infinity) or a
    text (values of settings that are neither numbers nor texts).

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> json_lines(file)([{"setting": {}, "seed": 0, "epoch": 1, "metrics": {"train_loss": 0.5}}])
    >>> file.read_text()
    '{"setting": {}, "seed": 0, "epoch": 1, "metrics": {"train_loss": 0.5}}\\n'
    """
    file = Path(path)

    def write(records: Sequence[Record]) -> None:
        lines = [json.dumps(plain(record), default=str, ensure_ascii=False) for record in records]
        with file.open("a", encoding="utf-8") as opened:
            opened.writelines(f"{line}\n" for line in lines)

    return write


def plain(value: Any) -> Any:
    """Return a record of Python's own numbers, null in place of those that are not finite."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
