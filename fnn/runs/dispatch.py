"""The dispatcher: a driver that sends blocks of runs to the workers of an executor."""

import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future
from typing import Any, NamedTuple

import jax
import numpy as np

from fnn import tree
from fnn.runs.driver import Driver, Failure, Group, Numbers, Report, whole
from fnn.runs.journal import BlockId, Journal
from fnn.runs.task import Answer, Task, check_arrays, jax_settings, named_leaves, run_task
from fnn.runs.telling import Telling
from fnn.types import PyTree
from fnn.workers import Workers
from fnn.workers.cores import NoCores
from fnn.workers.machine import unlike
from fnn.workers.packing import Packed, WrongData

POLL = 0.2  # seconds between looks at signals and at the clock
LEAST_TASKS = 16  # of a group, where it has so many rows of runs: the last worker is not waited for
FEW_UNDER_WAY, MANY_UNDER_WAY = 16, 1000  # tasks
BYTES_UNDER_WAY = 2**28


class Lost(RuntimeError):
    """A task that never came back, however often it was sent."""


class Sent(NamedTuple):
    """A block of runs as it is sent."""

    group: int
    numbers: Numbers


class Dispatcher(Driver):
    """Run every missing run of some groups on the workers of an executor.

    job  what builds equal groups on a worker

    A task is lost when its future raises, since what a task raises itself comes back as its answer,
    or when no task has come back for `workers.timeout` seconds. It is sent again. An answer that
    comes for a second time is dropped: it has the same bits.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        collector: Any,
        journal: Journal,
        job: Packed,
        workers: Workers,
        *,
        telling: Telling | None = None,
        one_row: bool = False,
    ) -> None:
        super().__init__(groups, collector, journal, telling=telling)
        self.job = job
        self.workers = workers
        self.one_row = one_row
        self.settings = jax_settings()
        self.most_under_way = self._most_under_way()
        self.blocks: list[Sent] = []
        self.waiting: deque[int] = deque()  # numbers of blocks that are to be sent
        self.under_way: dict[Future, int] = {}
        self.given_up: dict[Future, int] = {}  # sent again; whichever comes first counts
        self.settled: set[int] = set()  # blocks that came back, or are given up
        self.times_sent: Counter[int] = Counter()
        self.came: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self.names: set[str] = set()  # of workers that were heard of
        self.failures: list[Failure] = []
        self.fatal: Exception | None = None  # what makes further answers useless

    def drive(self, on_chunk: Callable[[Report], None] | None = None) -> list[Failure]:
        """Run what is missing, and return the blocks that failed.

        on_chunk  is called with a Report of every block that came back

        Raises what the user's own code raised on a worker, at once. Raises KeyboardInterrupt or
        SystemExit after a signal; tasks that no worker has begun are cancelled then.
        """
        self.on_chunk = on_chunk
        self.blocks = list(self._tasks())
        self.waiting = deque(range(len(self.blocks)))
        with self.stop:
            try:
                self._work()
            finally:
                for future in [*self.under_way, *self.given_up]:
                    future.cancel()
        if self.telling is not None:
            self.telling.finish()
        return self.failures

    def _tasks(self):
        """Yield the blocks that are missing."""
        for number, group in enumerate(self.groups):
            missing = self.collector.missing(number)
            size = self.workers.runs_per_task or runs_per_task(group, len(missing))
            for start in range(0, len(missing), size):
                yield Sent(number, missing[start : start + size])

    def _work(self) -> None:
        heard = time.monotonic()
        while len(self.settled) < len(self.blocks):
            try:
                self._send_waiting()
                future = self.came.get(timeout=POLL)
                heard = time.monotonic()
                self._receive(future)
                if self.fatal is not None:
                    self._give_up(self.fatal)
            except queue.Empty:
                timeout = self.workers.timeout
                if timeout is not None and time.monotonic() - heard > timeout:
                    self._send_again()
                    heard = time.monotonic()
            except BrokenExecutor as error:
                self._give_up(error)
            self.stop.raise_if_requested(self.journal.message(self.groups[0].epochs))

    # ---------------------------------------------------------------------------------- sending

    def _send_waiting(self) -> None:
        """Send as many blocks as may be under way."""
        while self.waiting and len(self.under_way) < self.most_under_way:
            number = self.waiting.popleft()
            if number in self.settled:
                continue
            task = self._task(self.blocks[number])
            try:
                future = self.workers.executor.submit(run_task, task)
            except Exception as error:  # shut down, no memory for a process, no connection
                raise BrokenExecutor(f"{type(error).__name__}: {error}") from error
            self.times_sent[number] += 1
            self.under_way[future] = number
            future.add_done_callback(self.came.put)

    def _task(self, block: Sent) -> Task:
        group = self.groups[block.group]
        states = None if group.states is None else jax.tree.leaves(group.states(block.numbers))
        return Task(
            self.job,
            self.settings,
            block.group,
            block.numbers,
            group.epochs,
            states,
            group.outcome is whole,
            self.one_row,
            self.workers.cores_per_worker,
        )

    def _most_under_way(self) -> int:
        """Return how many tasks are sent at most: they are kept in memory until they are back."""
        fitting = BYTES_UNDER_WAY // (len(self.job.content) + self._bytes_of_states())
        return min(MANY_UNDER_WAY, max(FEW_UNDER_WAY, fitting))

    def _bytes_of_states(self) -> int:
        """Return the bytes of the states that the largest task begins with."""
        going_on = [group for group in self.groups if group.states is not None]
        sizes = [group.engine.shape.runs * tree.nbytes(group.engine.like) for group in going_on]
        return max(sizes, default=0)

    def _send_again(self) -> None:
        """Send what is under way again, since nothing comes back.

        What can be cancelled was not begun, and is not counted as lost. The others are still
        listened to, beside those that are under way.
        """
        silent, self.under_way = self.under_way, {}
        for future, number in silent.items():
            if number in self.settled:
                continue
            if future.cancel():
                self.times_sent[number] -= 1
                self.waiting.append(number)
                continue
            self.given_up[future] = number
            silence = f"no task came back for timeout={self.workers.timeout:g} seconds"
            self._lose(number, TimeoutError(silence))

    def _lose(self, number: int, error: BaseException) -> None:
        """Send a block again that was lost, or give it up."""
        if self.times_sent[number] <= self.workers.retries:
            self.waiting.append(number)
            return
        block = self.blocks[number]
        said = str(error) or "its worker was lost"
        lost = Lost(f"sent {self.times_sent[number]} times: {type(error).__name__}: {said}")
        self._fail(number, block, lost)

    def _give_up(self, error: Exception) -> None:
        """Keep what came back, and count everything else as failed."""
        while not self.came.empty():
            future = self.came.get()
            if not future.cancelled() and future.exception() is None:
                self._receive(future)
        for number, block in enumerate(self.blocks):
            if number not in self.settled:
                self._fail(number, block, error)

    def _fail(self, number: int, block: Sent, error: Exception) -> None:
        self.settled.add(number)
        self.failures.append((block.group, block.numbers, error))

    # -------------------------------------------------------------------------------- receiving

    def _receive(self, future: Future) -> None:
        number = self.under_way.pop(future, self.given_up.pop(future, None))
        if number is None or number in self.settled:
            return
        try:
            answer: Answer = future.result()
        except BrokenExecutor:
            raise
        except Exception as error:  # of whatever kind the executor raises
            self._lose(number, error)
            return
        block = self.blocks[number]
        self.names.add(answer.worker)
        if answer.error is not None:
            raised = answer.error.error(answer.worker)
            if isinstance(raised, (WrongData, NoCores)):
                self._refuse(number, block, raised)
                return
            if not isinstance(raised, self.machine_errors):
                raise raised
            self._fail(number, block, raised)
            return
        if difference := self._other_machine(answer):
            self._refuse(number, block, ValueError(difference))
            return
        try:
            outcome = self._checked(block, answer)
        except WrongData as error:
            self._refuse(number, block, error)
            return
        self._keep(number, block, answer, outcome)

    def _refuse(self, number: int, block: Sent, error: Exception) -> None:
        """Count a block as failed, and let nothing more be computed."""
        self._fail(number, block, error)
        self.fatal = error

    def _other_machine(self, answer: Answer) -> str:
        """Return in what the machine of an answer differs from the others, if that is refused."""
        known = self.collector.machines
        if self.workers.mixed == "label" or not known:
            return ""
        difference = unlike(known[0], answer.machine)
        return difference and (
            f"executor: this worker may compute other bits than what computed runs before: "
            f"{difference}. Use workers of one kind (cores_per_worker= decides cpu_count), or "
            "fnn.Workers(executor, mixed='label') to keep which computed what"
        )

    def _keep(self, number: int, block: Sent, answer: Answer, outcome: PyTree) -> None:
        group = self.groups[block.group]
        self.settled.add(number)
        self.collector.receive(block.group, block.numbers, outcome, answer.machine)
        self.collector.compile_seconds += answer.compile_seconds
        self.collector.run_seconds += answer.run_seconds
        block_id = BlockId(block.group, block.numbers, tuple(group.engine.shape))
        self.journal.save_finished(block_id, outcome, answer.machine)
        if self.telling is not None:
            self.telling.tell(block.group, block.numbers, outcome.epochs, outcome.history)
        self._report_block(block, outcome)

    def _checked(self, block: Sent, answer: Answer) -> PyTree:
        """Return an outcome; WrongData where it is not one of these runs."""
        if answer.job != self.job.checksum:
            raise WrongData("executor: an answer of another job came back.")
        like = self.groups[block.group].outcome_like(len(block.numbers))
        check_arrays(answer.arrays, like)
        leaves = [answer.arrays[name] for name in named_leaves(like)]
        return jax.tree.unflatten(jax.tree.structure(like), leaves)

    def _report_block(self, block: Sent, outcome: PyTree) -> None:
        if self.on_chunk is None:
            return
        group, runs = self.groups[block.group], len(block.numbers)
        metrics = {name: np.asarray(values) for name, values in group.metrics(outcome).items()}
        workers = "1 worker" if len(self.names) == 1 else f"{len(self.names)} workers"
        where = f"{workers}, {len(self.settled)} of {len(self.blocks)} blocks done"
        ended = np.full(runs, group.epochs), np.zeros(runs, bool)
        told = Report(block.group, len(self.groups), where, False, group.epochs, *ended, metrics)
        self.on_chunk(told)


def runs_per_task(group: Group, missing: int) -> int:
    """Return how many runs make a task: a block of one device, less where there were few tasks."""
    shape = group.engine.shape
    rows = -(-missing // shape.runs_per_vmap)
    return shape.runs_per_vmap * max(1, min(shape.rows, rows // LEAST_TASKS))
