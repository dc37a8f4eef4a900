"""Journals: they keep the blocks of a run or a sweep, so that a later call can resume them.

A journal stores pytrees under the id of their block, and restores them into given shapes. It has
three forms: off, in memory, and in a directory. A directory contains:

arguments.json  the arguments of the call
call/           the objects that `fnn.load` needs
finished/       each finished block, as a step of `fnn.checkpoint.store`
progress/       the last two states of the block under way; workers save none

A journal also says which signals end the work: Ctrl-C, and SIGTERM where there is a directory.
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
MACHINE = "machine"  # the key of the worker's machine, beside a block
NOTHING: Mapping[str, Any] = MappingProxyType({})
KEPT = 2  # states of a block under way: one is left should the disk spoil the other


class BlockId(NamedTuple):
    """Identify a block: by the number of its group, the numbers of its runs, and its shape."""

    group: int
    runs: Integer[np.ndarray, "runs"]
    shape: tuple[int, ...]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the id as arrays, which are saved beside the state."""
        return {name: np.array(value) for name, value in self._asdict().items()}

    def is_in(self, arrays: dict[str, np.ndarray]) -> bool:
        """Return whether saved arrays are the id of this block."""
        own = self.arrays()
        return all(np.array_equal(arrays[name], array) for name, array in own.items())


class Journal:
    """Keep the block that a signal stops, in memory. Finished blocks are in the results already.

    signals  are obeyed between chunks. Without any, the journal is off and Ctrl-C ends a run at
             once
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
        of the worker that computed it. The machine is None where this process computed it.
        """
        return iter(())

    def progress(self, block: BlockId, like: Callable[[], PyTree]) -> PyTree | None:
        """Return the saved state of an unfinished block, or None where nothing was saved.

        like  is called for the shapes of the state
        """
        if self.block is None or not self.block[0].is_in(block.arrays()):
            return None
        _, state = self.block
        self.block = None
        return state

    def is_due(self, epochs: int) -> bool:
        """Return whether to save a block that has done so many epochs."""
        return False

    def save_progress(self, block: BlockId, state: PyTree) -> None:
        """Keep the state of an unfinished block."""
        self.block = block, state

    def save_finished(self, block: BlockId, outcome: PyTree, machine: Any = None) -> None:
        """Keep the outcome of a finished block, and the machine that computed it."""

    def message(self, epochs: int) -> str:
        """Return the message after Ctrl-C, when so many epochs are done."""
        return ""


class DirectoryJournal(Journal):
    """Keep everything in a directory, from which another process can resume.

    path      the directory
    seconds   the block under way is saved when so many seconds have passed since the last time
    epochs    it is saved after every multiple of so many epochs too; None: after none
    describe  returns the description of the call, by which a later call is compared with it
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
            group = int(arrays["id/group"])
            shape = tuple(int(size) for size in arrays["id/shape"])
            block = BlockId(group, arrays["id/runs"], shape)
            machine = stored.manifest.about.get(MACHINE)
            yield block, partial(self._outcome, stored, block), machine

    def progress(self, block: BlockId, like: Callable[[], PyTree]) -> PyTree | None:  # noqa: D102
        steps = store.steps(self.under_way.path)
        if not steps:
            return None
        latest = self.under_way.read(steps[-1])
        saved_id = {name: latest.arrays[f"id/{name}"] for name in block.arrays()}
        if not block.is_in(saved_id):
            # The saved block is finished, or has another shape now. Its runs begin anew.
            return None
        return self._outcome(latest, block, like())

    def is_due(self, epochs: int) -> bool:  # noqa: D102
        is_multiple = self.epochs is not None and epochs % self.epochs == 0
        seconds_since = time.monotonic() - self.last
        return is_multiple or seconds_since >= self.seconds

    def save_progress(self, block: BlockId, state: PyTree) -> None:  # noqa: D102
        self._save(self.under_way, block, state, keep=KEPT)

    def save_finished(  # noqa: D102
        self, block: BlockId, outcome: PyTree, machine: Any = None
    ) -> None:
        about = {} if machine is None else {MACHINE: machine}
        step = self._save(self.done, block, outcome, about=about)
        self.read.add(step)

    def message(self, epochs: int) -> str:  # noqa: D102
        counted = "1 epoch" if epochs == 1 else f"{epochs} epochs"
        return f"saved after {counted} in {self.path}; the same call goes on from there"

    def _save(
        self,
        directory: RunDirectory,
        block: BlockId,
        tree: PyTree,
        keep: int | None = None,
        about: Mapping[str, Any] = NOTHING,
    ) -> int:
        """Save a pytree as the next step of a directory, and return the step's number."""
        steps = store.steps(directory.path)
        step = steps[-1] + 1 if steps else 0
        directory.save(step, {"id": block.arrays(), "tree": tree}, keep, about)
        self.last = time.monotonic()
        return step

    def _outcome(self, stored: store.Stored, block: BlockId, like: PyTree) -> PyTree:
        shapes = {"id": block.arrays(), "tree": like}
        restored = stored.tree(shapes, shapes_as_saved=self.resizes)
        return restored["tree"]


def journal_of(
    checkpoint: str | Path | None,
    every: float,
    epochs: int | None,
    describe: Callable[[], Call],
    otherwise: Journal,
    resizes: bool = False,
) -> Journal:
    """Return the journal of a call: in the directory `checkpoint`, or `otherwise` without one.

    Raises ValueError for an argument that is no directory, no seconds or no epochs.
    """
    directory = checked_directory(checkpoint, every)
    if epochs is not None:
        checks.count("checkpoint_epochs", epochs)
    if directory is None:
        return otherwise
    return DirectoryJournal(directory, float(every), epochs, describe, resizes)


def checked_directory(checkpoint: str | Path | None, every: float) -> Path | None:
    """Return a directory for checkpoints, every so many seconds; None without one.

    Raises ValueError for an argument that is no directory or no seconds.
    """
    checks.positive("checkpoint_every", every)
    if checkpoint is None:
        return None
    if not isinstance(checkpoint, (str, Path)) or checkpoint == "":
        raise ValueError(f"checkpoint: got {checkpoint!r}, expected a directory, or None.")
    return Path(checkpoint)
