"""Callbacks for `callbacks=` of `fnn.train` and `fnn.sweep`: the records they get, and a log file.

A callback is a function of a list of records. It is called between two chunks of epochs with one
record for each epoch of each run since its last call, in the order of the runs. A record is a dict
of plain numbers and texts:

    {"setting": {"learning_rate": 0.01}, "seed": 3, "epoch": 7, "metrics": {"train_loss": 0.21, …}}

setting  the hyperparameters of the run; empty for `fnn.train`
seed     the seed of the run
epoch    counted from 0
metrics  the entries of the history in this epoch; NaN from the epoch in which a run diverged
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

    path  the file; its folder must exist

    Values that JSON does not have become null (NaN and infinity) or a text (values of settings that
    are neither numbers nor texts).

    >>> import fnn, pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "log.jsonl"
    >>> write = fnn.callbacks.json_lines(file)
    >>> write([{"setting": {}, "seed": 0, "epoch": 1, "metrics": {"train_loss": 0.5}}])
    >>> file.read_text()
    '{"setting": {}, "seed": 0, "epoch": 1, "metrics": {"train_loss": 0.5}}\\n'
    """
    file = Path(path)

    def write(records: Sequence[Record]) -> None:
        lines = []
        for record in records:
            text = json.dumps(plain(record), default=str, ensure_ascii=False)
            lines.append(f"{text}\n")
        with file.open("a", encoding="utf-8") as opened:
            opened.writelines(lines)

    return write


def plain(value: Any) -> Any:
    """Return a record with Python's own numbers, and None for those that are not finite.

    >>> import fnn, numpy
    >>> fnn.callbacks.plain({"epoch": numpy.int32(3), "metrics": {"train_loss": numpy.nan}})
    {'epoch': 3, 'metrics': {'train_loss': None}}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
