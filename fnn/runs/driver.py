"""The driver: the one host loop. It sends blocks to the engine, and the outcomes to the journal.

A block that is not finished begins, or resumes from the journal, and advances chunk by chunk.
Between two chunks the driver reports the progress in plain numbers, saves the state if it is due,
and obeys Ctrl-C and SIGTERM. A block that fails does not keep the others from being run.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Integer

from fnn.runs.blocks import Runs
from fnn.runs.callback_runner import CallbackRunner
from fnn.runs.chunks import ChunkScheduler, scheduler_of, unfinished
from fnn.runs.engine import Block, Engine, Shapes, shapes_after
from fnn.runs.journal import BlockId, Journal
from fnn.runs.signals import StopSignals
from fnn.types import ArrayLike, PyTree

Numbers = Integer[np.ndarray, "runs"]
Metrics = Callable[[Any], Mapping[str, ArrayLike]]
"""The state of a block -> {name: the latest value of each run}."""
Failure = tuple[int, Numbers, Exception]
"""A block that could not be run: its group, its runs, and the error."""


def whole_state(state: Any) -> Any:
    """Return the whole state. A run can go on from such an outcome."""
    return state


class Group(NamedTuple):
    """Describe the runs that one compiled program serves.

    runs     all of them; the number of a run is its place here
    epochs   the number of epochs at which every run ends
    start    changes the state of a block that was begun or restored into the one it starts from
    states   returns the states from which runs start, by their numbers: leaves (runs, …), on the
             host
    outcome  reduces the final state of a block, or of one run, to what is kept; by default the
             whole state
    metrics  returns {name: the latest value of each run} of a block's state, for reports
    rows     of a sweep: the rows of the settings
    columns  of a sweep: the places of its runs among all runs of a setting
    on_host  whether the outcome is brought to the host, with an axis for the runs
    """

    engine: Engine
    runs: Runs
    epochs: int
    start: Callable[[Any], Any] | None = None
    states: Callable[[Numbers], PyTree] | None = None
    outcome: Callable[[Any], PyTree] = whole_state
    metrics: Metrics = lambda state: {}
    rows: Sequence[int] = ()
    columns: Sequence[int] = ()
    on_host: bool = True

    def shapes_of_outcome(self) -> PyTree:
        """Return the shapes of the outcome of one run."""
        return shapes_after(self.outcome, Shapes.of(self.engine.like))

    def outcome_like(self, runs: int) -> PyTree:
        """Return the shapes of the outcome of so many runs."""
        one = self.shapes_of_outcome()
        if not self.on_host:
            return one
        return jax.tree.map(lambda leaf: np.empty((runs, *leaf.shape), leaf.dtype), one)


class GroupCollector:
    """Collect the outcomes of some runs of one group, block by block.

    numbers  the numbers of the runs
    """

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.outcomes: list[PyTree] = []
        self.compile_seconds = 0.0
        self.run_seconds = 0.0

    def missing(self, group: int) -> Numbers:
        """Return the numbers of the runs, or none where the outcomes came from a journal."""
        return self.numbers[:0] if self.outcomes else self.numbers

    def receive(self, group: int, numbers: Numbers, outcome: PyTree, machine: Any = None) -> None:
        """Take the outcome of a block."""
        self.outcomes.append(outcome)


class Report(NamedTuple):
    """Report the progress between two chunks, in plain numbers.

    group       the number of the program, counted from 0
    groups      the number of programs
    where       names the devices or the workers
    compiling   whether a program is being compiled; the fields below are empty then
    last_epoch  the number of epochs at which every run ends
    epochs      (runs,) how many epochs each run of the block has done
    active      (runs,) whether the run goes on
    metrics     {name: (runs,)} the latest values
    """

    group: int
    groups: int
    where: str
    compiling: bool
    last_epoch: int = 0
    epochs: Integer[np.ndarray, "runs"] = np.empty(0, int)
    active: Bool[np.ndarray, "runs"] = np.empty(0, bool)
    metrics: dict[str, np.ndarray] = {}  # noqa: RUF012 - nobody changes a report


class Driver:
    """Run every missing run of some groups.

    collector        says which runs are missing, takes the outcomes, and has two clocks,
                     compile_seconds and run_seconds: a `GroupCollector` or a `SweepCollector`
    callback_runner  calls the callbacks with every epoch; None: there are no callbacks
    multiple         a chunk also ends at each multiple of this number of epochs
    keep_going       whether a block that fails leaves the others to be run

    `drive` takes the groups in their order, and the blocks of a group in the order of
    `Engine.split`. The subclass in `fnn.runs.dispatch` overrides it: it cuts smaller blocks and
    sends them to other processes. Another scheduler would be a subclass too, and
    `fnn.runs.missing_runs.driver_of` chooses between them.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        collector: Any,
        journal: Journal,
        *,
        callback_runner: CallbackRunner | None = None,
        multiple: int | None = None,
        keep_going: bool = True,
    ) -> None:
        self.groups = groups
        self.collector = collector
        self.journal = journal
        self.callback_runner = callback_runner
        self.on_chunk: Callable[[Report], None] | None = None
        self.multiple = multiple
        # XLA's errors are RuntimeErrors.
        self.machine_errors = (RuntimeError, MemoryError) if keep_going else ()
        self.stop = StopSignals(journal.signals)

    def drive(self, on_chunk: Callable[[Report], None] | None = None) -> list[Failure]:
        """Run the missing runs, and return the blocks that failed.

        on_chunk  is called with a Report before and after compiling, and after every chunk

        Raises KeyboardInterrupt or SystemExit after a signal, when the block is saved.
        """
        self.on_chunk = on_chunk
        failures: list[Failure] = []
        with self.stop:
            for group_number in range(len(self.groups)):
                failures += self._run_group(group_number)
        if self.callback_runner is not None:
            self.callback_runner.finish()
        return failures

    def restore(self) -> None:
        """Give the collector the finished blocks that the journal has."""
        for block, read, machine in self.journal.finished():
            like = self.groups[block.group].outcome_like(len(block.runs))
            self.collector.receive(block.group, block.runs, read(like), machine)

    def _run_group(self, group_number: int) -> list[Failure]:
        group = self.groups[group_number]
        scheduler = scheduler_of(group.engine.program)
        failures: list[Failure] = []
        blocks = group.engine.split(self.collector.missing(group_number))
        try:
            if blocks:
                self._compile(group_number, blocks[0])
        except self.machine_errors as error:
            return [(group_number, numbers, error) for numbers in blocks]
        for numbers in blocks:
            try:
                self._run_block(group_number, numbers, scheduler)
            except self.machine_errors as error:
                # The error's frames are left out, because they would keep the block in memory.
                failures.append((group_number, numbers, error.with_traceback(None)))
        return failures

    def _compile(self, group_number: int, numbers: Numbers) -> None:
        group = self.groups[group_number]
        if group.engine.is_compiled():
            return
        self._report(group_number, compiling=True)
        start = time.perf_counter()
        group.engine.compile(group.runs.at(numbers))
        self.collector.compile_seconds += time.perf_counter() - start
        self._report(group_number, compiling=False)

    def _run_block(self, group_number: int, numbers: Numbers, scheduler: ChunkScheduler) -> None:
        start = time.perf_counter()
        group = self.groups[group_number]
        block = group.engine.block(group.runs.at(numbers))
        block_id = BlockId(group_number, numbers, tuple(group.engine.shape))

        state = self._first_state(group, block, block_id)
        if self.callback_runner is not None:
            self.callback_runner.begin(group_number, numbers, block.collect(state.epochs))
        chunks = scheduler.chunks(
            block.advance, block.locate_divergence, state, group.epochs, self.multiple
        )
        for state in chunks:
            self._between_chunks(group_number, block_id, block, state)

        outcome = group.outcome(state)
        if group.on_host:
            outcome = block.collect(outcome)
        self.collector.receive(group_number, numbers, outcome)
        self.collector.run_seconds += time.perf_counter() - start
        self.journal.save_finished(block_id, outcome)
        self.stop.raise_if_requested(self.journal.message(group.epochs))

    def _first_state(self, group: Group, block: Block, block_id: BlockId) -> Any:
        """Return the state from which a block advances: saved, given or begun."""
        saved = self.journal.progress(block_id, group.engine.block_like)
        if saved is not None:
            state = block.restore(saved)
        elif group.states is not None:
            state = block.place(group.states(block_id.runs))
        else:
            state = block.begin()
        if group.start is not None:
            state = block.restore(group.start(state))
        return state

    def _between_chunks(self, group_number: int, block_id: BlockId, block: Any, state: Any) -> None:
        group = self.groups[group_number]
        epochs = np.asarray(state.epochs)
        active = unfinished(state, group.epochs)
        if self.on_chunk is not None:
            progress = block.collect((epochs, active, group.metrics(state)))
            self._report(group_number, False, group.epochs, *progress)
        if self.callback_runner is not None:
            epochs_and_history = block.collect((state.epochs, state.history))
            self.callback_runner.report(group_number, block_id.runs, *epochs_and_history)
        if not active.any():
            # The block is saved as a finished one.
            return
        done = int(epochs.max())
        is_stopping = self.stop.requested is not None
        if is_stopping or self.journal.is_due(done):
            self.journal.save_progress(block_id, state)
        self.stop.raise_if_requested(self.journal.message(done))

    def _report(self, group_number: int, compiling: bool, *progress: Any) -> None:
        if self.on_chunk is None:
            return
        devices = self.groups[group_number].engine.shape.devices
        where = "1 device" if devices == 1 else f"{devices} devices"
        self.on_chunk(Report(group_number, len(self.groups), where, compiling, *progress))
