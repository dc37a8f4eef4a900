"""The driver: the one host loop. It takes blocks to the engine and what comes out to the journal.

For every block that is not finished it begins, or takes up what the journal has, and advances chunk
by chunk. Between two chunks it tells what has happened, in plain numbers, saves if it is time, and
obeys Ctrl-C and SIGTERM. A block that fails does not keep the others from being run.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Integer

from fnn.runs.blocks import Runs
from fnn.runs.chunks import ChunkScheduler, scheduler_of
from fnn.runs.engine import Engine
from fnn.runs.journal import BlockId, Journal
from fnn.runs.signals import StopSignals
from fnn.runs.telling import Telling
from fnn.types import ArrayLike, PyTree

Numbers = Integer[np.ndarray, "runs"]
Metrics = Callable[[Any], Mapping[str, ArrayLike]]
"""The state of a block -> {name: the latest value of each run}."""
Failure = tuple[int, Numbers, Exception]
"""A block that could not be run: its group, its runs, and the error."""


def whole(state: Any) -> Any:
    """Return the whole state: an outcome from which a run goes on."""
    return state


class Group(NamedTuple):
    """The runs that one compiled program serves.

    runs     all of them; a run's number is its place here
    rows     of a sweep: the rows of the settings
    columns  of a sweep: the places of its runs among all runs of a setting
    epochs   at which every run ends
    start    the state of a block that was begun, or restored -> that in which it starts
    states   numbers of runs -> the states that these start from, leaves (runs, …), on the host
    outcome  the final state of a block, or of one run -> what is kept of it; all by default
    on_host  whether that is brought to the host, with an axis for the runs
    metrics  the state of a block -> {name: the latest value of each run}, for reports
    """

    engine: Engine
    runs: Runs
    epochs: int
    start: Callable[[Any], Any] | None = None
    states: Callable[[Numbers], PyTree] | None = None
    outcome: Callable[[Any], PyTree] = whole
    metrics: Metrics = lambda state: {}
    rows: Sequence[int] = ()
    columns: Sequence[int] = ()
    on_host: bool = True

    def outcome_like(self, runs: int) -> PyTree:
        """Return the shapes of the outcome of so many runs."""
        one = jax.eval_shape(self.outcome, self.engine.like)
        if not self.on_host:
            return one
        return jax.tree.map(lambda leaf: np.empty((runs, *leaf.shape), leaf.dtype), one)


class Taken:
    """A collector: it takes the outcomes of some runs of one group, block by block."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.outcomes: list[PyTree] = []
        self.compile_seconds = 0.0
        self.run_seconds = 0.0

    def missing(self, group: int) -> Numbers:
        """Return the numbers of the runs, unless they came from a journal."""
        return self.numbers[:0] if self.outcomes else self.numbers

    def receive(self, group: int, numbers: Numbers, outcome: PyTree, machine: Any = None) -> None:
        """Take the outcome of a block."""
        self.outcomes.append(outcome)


class Report(NamedTuple):
    """What the driver tells between two chunks, in plain numbers.

    group, groups  the number of the program, counted from 0, and how many there are
    where          on what the block runs
    compiling      whether a program is being compiled; what follows is empty then
    epochs         (runs,) of each run of the block: epochs done, of `last_epoch`
    active         (runs,) whether it goes on
    metrics        {name: (runs,)} their latest values
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

    collector   says which runs are missing, takes the outcomes, and has two clocks,
                compile_seconds and run_seconds: a `Taken`, or a `SweepCollector`
    telling     the callbacks that are told every epoch; None: there are none
    multiple    chunks also end at the multiples of this number of epochs
    keep_going  whether a block that fails leaves the others to be run

    `_run_group` decides which block comes next. `fnn.runs.dispatch` sends blocks to other processes
    in its place.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        collector: Any,
        journal: Journal,
        *,
        telling: Telling | None = None,
        multiple: int | None = None,
        keep_going: bool = True,
    ) -> None:
        self.groups = groups
        self.collector = collector
        self.journal = journal
        self.telling = telling
        self.on_chunk: Callable[[Report], None] | None = None
        self.multiple = multiple
        self.machine_errors = (RuntimeError, MemoryError) if keep_going else ()  # XLA's are Runtime
        self.stop = StopSignals(journal.signals)

    def drive(self, on_chunk: Callable[[Report], None] | None = None) -> list[Failure]:
        """Run what is missing, and return the blocks that failed.

        on_chunk  is called with a Report before and after compiling, and after every chunk

        Raises KeyboardInterrupt or SystemExit after a signal, when the block is saved.
        """
        self.on_chunk = on_chunk
        failures: list[Failure] = []
        with self.stop:
            for number in range(len(self.groups)):
                failures += self._run_group(number)
        if self.telling is not None:
            self.telling.finish()
        return failures

    def restore(self) -> None:
        """Give the collector the finished blocks that the journal has."""
        for block, read, machine in self.journal.finished():
            like = self.groups[block.group].outcome_like(len(block.runs))
            self.collector.receive(block.group, block.runs, read(like), machine)

    def _run_group(self, number: int) -> list[Failure]:
        group = self.groups[number]
        scheduler = scheduler_of(group.engine.program)
        failures: list[Failure] = []
        blocks = group.engine.split(self.collector.missing(number))
        try:
            if blocks:
                self._compile(number, blocks[0])
        except self.machine_errors as error:
            return [(number, numbers, error) for numbers in blocks]
        for numbers in blocks:
            try:
                self._run_block(number, numbers, scheduler)
            except self.machine_errors as error:
                # without its frames, which would keep the block in memory
                failures.append((number, numbers, error.with_traceback(None)))
        return failures

    def _compile(self, number: int, numbers: Numbers) -> None:
        group = self.groups[number]
        if group.engine.is_compiled():
            return
        self._report(number, compiling=True)
        start = time.perf_counter()
        group.engine.compile(group.runs.at(numbers))
        self.collector.compile_seconds += time.perf_counter() - start
        self._report(number, compiling=False)

    def _run_block(self, number: int, numbers: Numbers, scheduler: ChunkScheduler) -> None:
        start = time.perf_counter()
        group = self.groups[number]
        block = group.engine.block(group.runs.at(numbers))
        block_id = BlockId(number, numbers, tuple(group.engine.shape))

        saved = self.journal.progress(block_id, group.engine.block_like)
        if saved is not None:
            state = block.restore(saved)
        elif group.states is not None:
            state = block.place(group.states(numbers))
        else:
            state = block.begin()
        if group.start is not None:
            state = block.restore(group.start(state))
        if self.telling is not None:
            self.telling.begin(number, numbers, block.collect(state.epochs))
        chunks = scheduler.chunks(
            block.advance, block.locate_divergence, state, group.epochs, self.multiple
        )
        for state in chunks:
            self._between_chunks(number, block_id, block, state)

        outcome = group.outcome(state)
        if group.on_host:
            outcome = block.collect(outcome)
        self.collector.receive(number, numbers, outcome)
        self.collector.run_seconds += time.perf_counter() - start
        self.journal.save_finished(block_id, outcome)
        self.stop.raise_if_requested(self.journal.message(group.epochs))

    def _between_chunks(self, number: int, block_id: BlockId, block: Any, state: Any) -> None:
        group = self.groups[number]
        epochs = np.asarray(state.epochs)
        active = np.asarray(state.active) & (epochs < group.epochs)
        if self.on_chunk is not None:
            told = block.collect((epochs, active, group.metrics(state)))
            self._report(number, False, group.epochs, *told)
        if self.telling is not None:
            done_and_history = block.collect((state.epochs, state.history))
            self.telling.tell(number, block_id.runs, *done_and_history)
        if not active.any():
            return  # it is saved as finished
        done = int(epochs.max())
        requested = self.stop.requested is not None
        if requested or self.journal.is_due(done):
            self.journal.save_progress(block_id, state)
        self.stop.raise_if_requested(self.journal.message(done))

    def _report(self, number: int, compiling: bool, *told: Any) -> None:
        if self.on_chunk is not None:
            devices = self.groups[number].engine.shape.devices
            where = "1 device" if devices == 1 else f"{devices} devices"
            self.on_chunk(Report(number, len(self.groups), where, compiling, *told))
