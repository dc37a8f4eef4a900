"""Telling callbacks what the runs of a block have done since they were told last."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from fnn import checks
from fnn.callbacks import Callback, Record

Numbers = Integer[np.ndarray, "runs"]


class Owners(NamedTuple):
    """Whose runs a group has: run number n is that of setting n // runs, and the run n % runs.

    runs  of each setting: its seed and, where there are several, its split, by name
    """

    settings: Sequence[Mapping[str, Any]]
    runs: Sequence[Mapping[str, int]]

    def of(self, number: int) -> dict[str, Any]:
        """Return what tells a run."""
        setting, run = divmod(int(number), len(self.runs))
        return {"setting": dict(self.settings[setting]), **self.runs[run]}


class Telling:
    """The callbacks of a call, and what they were told.

    groups  whose runs each group has

    A callback that raises does not end the run: it is warned of at once, is not called again, and
    `finish` warns of it once more.
    """

    def __init__(self, callbacks: Sequence[Callback], groups: Sequence[Owners]) -> None:
        self.callbacks = list(callbacks)
        self.groups = groups
        self.told: dict[tuple[int, int], int] = {}
        self.failed: list[tuple[str, str]] = []

    def begin(self, group: int, numbers: Numbers, epochs: np.ndarray) -> None:
        """Take note of how far the runs of a block are: those epochs were told before."""
        self.told |= {(group, int(n)): int(done) for n, done in zip(numbers, epochs, strict=True)}

    def tell(
        self,
        group: int,
        numbers: Numbers,
        epochs: np.ndarray,
        history: Mapping[str, np.ndarray],
    ) -> None:
        """Call every callback with the records of the epochs since it was told.

        epochs   (runs,) how many each run has done
        history  name -> (runs, epochs)
        """
        told = group, numbers, epochs, history
        if next(self.records(*told), None) is None:
            return
        for callback in list(self.callbacks):
            try:
                callback(list(self.records(*told)))  # of its own, which it may change
            except Exception as error:  # of whatever kind the user's own code raises
                self.callbacks.remove(callback)
                name = getattr(callback, "__qualname__", repr(callback))
                said = f"{type(error).__name__}: {error}"
                self.failed.append((name, said))
                checks.warn(
                    f"callbacks: {name} raised {said}. It is not called again; the "
                    "training goes on."
                )
        self.begin(group, numbers, epochs)

    def records(
        self,
        group: int,
        numbers: Numbers,
        epochs: np.ndarray,
        history: Mapping[str, np.ndarray],
    ) -> Iterator[Record]:
        """Yield a record for each new epoch of each run."""
        for place, (number, done) in enumerate(zip(numbers, epochs, strict=True)):
            for epoch in range(self.told.get((group, int(number)), 0), int(done)):
                metrics = {name: float(values[place, epoch]) for name, values in history.items()}
                yield self.groups[group].of(number) | {"epoch": epoch, "metrics": metrics}

    def finish(self) -> None:
        """Warn once more of callbacks that raised."""
        for name, said in self.failed:
            checks.warn(
                f"callbacks: {name} raised {said} during the training, and missed what came after."
            )


def checked(callbacks: Sequence[Callback]) -> Sequence[Callback]:
    """Return callbacks; ValueError for what is no sequence of functions."""
    if callable(callbacks) or not isinstance(callbacks, Sequence):
        raise ValueError(
            f"callbacks: got {callbacks!r}, expected a list of functions of a list of records, "
            "such as [fnn.callbacks.json_lines('log.jsonl')]."
        )
    for callback in callbacks:
        checks.function("callbacks", callback)
    return callbacks
