"""Journals: they keep the blocks of a run or a sweep, so that another call goes on where it was.

A journal stores pytrees under the id of their block, and restores them into given shapes. It comes
in three forms: off, in memory, and in a directory. A directory has `arguments.json`, what the call
was; `call/`, what `fnn.load` needs of it; `finished/`, a step for each finished block; and
`progress/`, the last two states of the block under way.
"""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Self

import numpy as np
from jaxtyping import Integer

from fnn import checks
from fnn.checkpoint import store
from fnn.checkpoint.run_directory import Call, RunDirectory, run_directory
from fnn.types import PyTree

FINISHED, PROGRESS = "finished", "progress"
MACHINE = "machine"  # in what stands beside a block: the worker's
NOTHING: Mapping[str, Any] = MappingProxyType({})
KEPT = 2  # states of a block under way: one is left should the disk spoil the other


class BlockId(NamedTuple):
    """What tells a block: the number of its group, the numbers of its runs, and its shape."""

    group: int
    runs: Integer[np.ndarray, "runs"]
    shape: tuple[int, ...]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the id as arrays, which are saved beside the state."""
        return {name: np.array(value) for name, value in self._asdict().items()}

    def is_in(self, arrays: dict[str, np.ndarray]) -> bool:
        """Return whether saved arrays are those of this block."""
        return all(np.array_equal(arrays[name], a) for name, a in self.arrays().items())


class Journal:
    """Keeps the block that a signal stops, in memory; finished blocks are in the results already.

    signals  those that are obeyed between chunks; with none, the journal is off and Ctrl-C ends a
             run at once
    """

    def __init__(self, signals: Sequence[int] = ()) -> None:
        self.signals = signals
        self.block: tuple[BlockId, PyTree] | None = None

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Hold the journal open for one call."""
        yield self

    def finished(self) -> Iterator[tuple[BlockId, Callable[[PyTree], PyTree], Any]]:
        """Return the finished blocks that this process does not have yet.

        Each comes with a function that restores its outcome into given shapes, and with the machine
        of the worker that computed it; None where this process did.
        """
        return iter(())

    def progress(self, block: BlockId, like: Callable[[], PyTree]) -> PyTree | None:
        """Return the state of an unfinished block as it was saved; None if it was not.

        like  returns its shapes
        """
        if self.block is None or not self.block[0].is_in(block.arrays()):
            return None
        (_, state), self.block = self.block, None
        return state

    def is_due(self, epochs: int) -> bool:
        """Return whether to save a block with so many epochs done."""
        return False

    def save_progress(self, block: BlockId, state: PyTree) -> None:
        """Keep the state of an unfinished block."""
        self.block = block, state

    def save_finished(self, block: BlockId, outcome: PyTree, machine: Any = None) -> None:
        """Keep the outcome of a finished block, and what computed it."""

    def message(self, epochs: int) -> str:
        """Return what to say after Ctrl-C, with so many epochs done."""
        return ""


class DirectoryJournal(Journal):
    """Keeps everything in a directory, from which another process can go on.

    path      the directory
    seconds   save the block under way when so many have passed since the last time
    epochs    save it after every multiple of so many epochs too
    describe  returns what is called, to tell whether a later call is the same
    resizes   a later call may have states of other shapes: a run that goes on to more epochs
    """

    def __init__(
        self,
        path: str | Path,
        seconds: float,
        epochs: int | None,
        describe: Callable[[], Call],
        resizes: bool = False,
    ) -> None:
        super().__init__((signal.SIGINT, signal.SIGTERM))
        self.resizes = resizes
        self.path = path
        self.seconds = seconds
        self.epochs = epochs
        self.describe = describe
        self.read: set[int] = set()  # finished steps that this process has

    @contextmanager
    def opened(self) -> Iterator[Self]:
        """Lock the directory, and refuse one that belongs to a call with other arguments."""
        with run_directory(self.path, self.describe()) as directory:
            self.done = directory.inner(FINISHED)
            self.unread = set(store.steps(self.done.path)) - self.read
            self.under_way = directory.inner(PROGRESS)
            self.last = time.monotonic()
            yield self

    def finished(self):  # noqa: D102
        for step in sorted(self.unread):
            stored = self.done.read(step)
            self.read.add(step)
            arrays = stored.arrays
            shape = tuple(int(size) for size in arrays["id/shape"])
            block = BlockId(int(arrays["id/group"]), arrays["id/runs"], shape)
            machine = stored.manifest.about.get(MACHINE)
            yield block, partial(self._outcome, stored, block), machine

    def progress(self, block: BlockId, like: Callable[[], PyTree]) -> PyTree | None:  # noqa: D102
        known = store.steps(self.under_way.path)
        if not known:
            return None
        stored = self.under_way.read(known[-1])
        saved_id = {name: stored.arrays[f"id/{name}"] for name in block.arrays()}
        if not block.is_in(saved_id):
            return None  # it is finished, or has another shape now: its runs begin anew
        return self._outcome(stored, block, like())

    def is_due(self, epochs: int) -> bool:  # noqa: D102
        is_multiple = self.epochs is not None and epochs % self.epochs == 0
        return is_multiple or time.monotonic() - self.last >= self.seconds

    def save_progress(self, block: BlockId, state: PyTree) -> None:  # noqa: D102
        self._save(self.under_way, block, state, keep=KEPT)

    def save_finished(  # noqa: D102
        self, block: BlockId, outcome: PyTree, machine: Any = None
    ) -> None:
        about = {} if machine is None else {MACHINE: machine}
        self.read.add(self._save(self.done, block, outcome, about=about))

    def message(self, epochs: int) -> str:  # noqa: D102
        return f"saved after {epochs} epochs in {self.path}; the same call goes on from there"

    def _save(
        self,
        directory: RunDirectory,
        block: BlockId,
        tree: PyTree,
        keep: int | None = None,
        about: Mapping[str, Any] = NOTHING,
    ) -> int:
        known = store.steps(directory.path)
        step = known[-1] + 1 if known else 0
        directory.save(step, {"id": block.arrays(), "tree": tree}, keep, about)
        self.last = time.monotonic()
        return step

    def _outcome(self, stored: store.Stored, block: BlockId, like: PyTree) -> PyTree:
        whole = {"id": block.arrays(), "tree": like}
        return stored.tree(whole, shapes_as_saved=self.resizes)["tree"]


def journal_of(
    checkpoint: str | Path | None,
    every: float,
    epochs: int | None,
    describe: Callable[[], Call],
    otherwise: Journal,
    resizes: bool = False,
) -> Journal:
    """Return the journal of a call; ValueError for what is no directory, seconds or epochs."""
    checks.positive("checkpoint_every", every)
    if epochs is not None:
        checks.count("checkpoint_epochs", epochs)
    if checkpoint is None:
        return otherwise
    if not isinstance(checkpoint, (str, Path)) or checkpoint == "":
        raise ValueError(f"checkpoint: got {checkpoint!r}, expected a directory, or None.")
    return DirectoryJournal(checkpoint, float(every), epochs, describe, resizes)
