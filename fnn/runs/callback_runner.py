"""The callback runner: it calls the callbacks with the new epochs of each run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from fnn import checks
from fnn.callbacks import Callback, Record

Numbers = Integer[np.ndarray, "runs"]


class RunNames(NamedTuple):
    """Name the runs of a group.

    settings  the hyperparameters of each setting
    runs      the runs of one setting: each has its seed and, where there are several, its split

    With R runs for each setting, run number n is run n % R of setting n // R.
    """

    settings: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, int]]

    def of(self, number: int) -> dict[str, Any]:
        """Return the setting, the seed and the split of a run, by name."""
        setting, run = divmod(int(number), len(self.runs))
        return {"setting": dict(self.settings[setting]), **self.runs[run]}


class CallbackRunner:
    """Call the callbacks of a training with the epochs that are new to them.

    callbacks  functions of a list of records
    groups     the names of each group's runs

    A callback that raises does not end the run. A warning is given at once, the callback is not
    called again, and `finish` warns once more.
    """

    def __init__(self, callbacks: Sequence[Callback], groups: Sequence[RunNames]) -> None:
        self.callbacks = list(callbacks)
        self.groups = groups
        self.epochs_reported: dict[tuple[int, int], int] = {}
        self.failed: list[tuple[str, str]] = []

    def begin(self, group: int, numbers: Numbers, epochs: np.ndarray) -> None:
        """Note how many epochs each run of a block has done. Their records are not repeated."""
        for number, done in zip(numbers, epochs, strict=True):
            self.epochs_reported[group, int(number)] = int(done)

    def report(
        self,
        group: int,
        numbers: Numbers,
        epochs: np.ndarray,
        history: Mapping[str, np.ndarray],
    ) -> None:
        """Call every callback with the records of the epochs since the last report.

        epochs   (runs,) the number of epochs that each run has done
        history  name -> (runs, epochs)
        """
        block = group, numbers, epochs, history
        first_record = next(self.records(*block), None)
        if first_record is None:
            return
        for callback in list(self.callbacks):
            # Each callback gets records of its own, because it may change them.
            records = list(self.records(*block))
            try:
                callback(records)
            except Exception as error:  # the user's own code may raise any kind
                self._drop(callback, error)
        self.begin(group, numbers, epochs)

    def _drop(self, callback: Callback, error: Exception) -> None:
        """Warn about a callback that raised, and do not call it again."""
        self.callbacks.remove(callback)
        name = getattr(callback, "__qualname__", repr(callback))
        message = f"{type(error).__name__}: {error}"
        self.failed.append((name, message))
        checks.warn(
            f"callbacks: {name} raised {message}. It is not called again; the training goes on."
        )

    def records(
        self,
        group: int,
        numbers: Numbers,
        epochs: np.ndarray,
        history: Mapping[str, np.ndarray],
    ) -> Iterator[Record]:
        """Yield a record for each new epoch of each run."""
        run_names = self.groups[group]
        for place, (number, done) in enumerate(zip(numbers, epochs, strict=True)):
            first_new = self.epochs_reported.get((group, int(number)), 0)
            for epoch in range(first_new, int(done)):
                metrics = {name: float(values[place, epoch]) for name, values in history.items()}
                yield run_names.of(number) | {"epoch": epoch, "metrics": metrics}

    def finish(self) -> None:
        """Warn once more about the callbacks that raised."""
        for name, message in self.failed:
            checks.warn(
                f"callbacks: {name} raised {message} during the training, and missed the epochs "
                "that came after."
            )


def check_callbacks(callbacks: Sequence[Callback]) -> Sequence[Callback]:
    """Return the callbacks. Raises ValueError unless they are a sequence of functions."""
    if callable(callbacks) or not isinstance(callbacks, Sequence):
        raise ValueError(
            f"callbacks: got {callbacks!r}, expected a list of functions of a list of records, "
            "such as [fnn.callbacks.json_lines('log.jsonl')]."
        )
    for callback in callbacks:
        checks.function("callbacks", callback)
    return callbacks
