"""The dispatcher: a driver that sends blocks of runs to the workers of an executor."""

import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from typing import Any, NamedTuple

import jax
import numpy as np

from fnn import tree
from fnn.runs.callback_runner import CallbackRunner
from fnn.runs.driver import Driver, Failure, Group, Numbers, Report, whole_state
from fnn.runs.journal import BlockId, Journal
from fnn.runs.task import Answer, Task, check_arrays, jax_settings, named_leaves, run_task
from fnn.types import PyTree
from fnn.workers import Workers
from fnn.workers.cores import NoCores
from fnn.workers.machine import unlike
from fnn.workers.packing import Packed, WrongData

POLL = 0.2  # seconds between looks at signals and at the clock
LEAST_TASKS = 16  # of a group with enough rows of runs, so that no worker is long waited for
FEW_UNDER_WAY, MANY_UNDER_WAY = 16, 1000  # tasks
BYTES_UNDER_WAY = 2**28


class LostTask(RuntimeError):
    """Report a task that never came back, although it was sent again."""


class SentBlock(NamedTuple):
    """Describe a block of runs that is sent: its group, and the numbers of its runs."""

    group: int
    numbers: Numbers


class Dispatcher(Driver):
    """Run every missing run of some groups on the workers of an executor.

    job      builds equal groups on a worker
    workers  the executor, and how it is used
    one_row  whether the blocks of a worker have one row of runs

    A task is lost when its future raises, because an error of the task itself comes back in its
    answer. A task is also lost when no task has come back for `workers.timeout` seconds. A lost
    task is sent again. A second answer to the same task is dropped: it has the same bits.
    """

    def __init__(
        self,
        groups: Sequence[Group],
        collector: Any,
        journal: Journal,
        job: Packed,
        workers: Workers,
        *,
        callback_runner: CallbackRunner | None = None,
        one_row: bool = False,
    ) -> None:
        super().__init__(groups, collector, journal, callback_runner=callback_runner)
        self.job = job
        self.workers = workers
        self.one_row = one_row
        self.settings = jax_settings()
        self.most_under_way = self._most_under_way()
        self.blocks: list[SentBlock] = []
        self.waiting: deque[int] = deque()  # numbers of blocks that are to be sent
        self.under_way: dict[Future, int] = {}
        self.given_up: dict[Future, int] = {}  # were sent again; the first answer counts
        self.settled: set[int] = set()  # blocks that came back, or that failed
        self.times_sent: Counter[int] = Counter()
        self.answered: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self.worker_names: set[str] = set()  # of the workers that answered
        self.failures: list[Failure] = []
        self.fatal: Exception | None = None  # makes further answers useless

    def drive(self, on_chunk: Callable[[Report], None] | None = None) -> list[Failure]:
        """Run the missing runs, and return the blocks that failed.

        on_chunk  is called with a Report of every block that came back

        Raises an error of the user's own code on a worker, at once. Raises KeyboardInterrupt or
        SystemExit after a signal. Tasks that no worker has begun are cancelled then.
        """
        self.on_chunk = on_chunk
        self.blocks = list(self._missing_blocks())
        self.waiting = deque(range(len(self.blocks)))
        with self.stop:
            try:
                self._work()
            except (KeyboardInterrupt, SystemExit):
                self._receive_answers()
                raise
            finally:
                for future in [*self.under_way, *self.given_up]:
                    future.cancel()
        if self.callback_runner is not None:
            self.callback_runner.finish()
        return self.failures

    def _missing_blocks(self) -> Iterator[SentBlock]:
        for group_number, group in enumerate(self.groups):
            missing = self.collector.missing(group_number)
            size = self.workers.runs_per_task or runs_per_task(group, len(missing))
            for start in range(0, len(missing), size):
                yield SentBlock(group_number, missing[start : start + size])

    def _work(self) -> None:
        last_answer = time.monotonic()
        while len(self.settled) < len(self.blocks):
            try:
                self._send_waiting()
                future = self.answered.get(timeout=POLL)
                last_answer = time.monotonic()
                self._receive(future)
                if self.fatal is not None:
                    self._give_up(self.fatal)
            except queue.Empty:
                timeout = self.workers.timeout
                silence = time.monotonic() - last_answer
                if timeout is not None and silence > timeout:
                    self._send_again()
                    last_answer = time.monotonic()
            except BrokenExecutor as error:
                self._give_up(error)
            self.stop.raise_if_requested(self.journal.message(self.groups[0].epochs))

    # ---------------------------------------------------------------------------------- sending

    def _send_waiting(self) -> None:
        """Send as many blocks as may be under way."""
        while self.waiting and len(self.under_way) < self.most_under_way:
            block_number = self.waiting.popleft()
            if block_number in self.settled:
                continue
            task = self._task(self.blocks[block_number])
            try:
                future = self.workers.executor.submit(run_task, task)
            except Exception as error:  # shut down, no memory for a process, no connection
                raise BrokenExecutor(f"{type(error).__name__}: {error}") from error
            self.times_sent[block_number] += 1
            self.under_way[future] = block_number
            future.add_done_callback(self.answered.put)

    def _task(self, block: SentBlock) -> Task:
        group = self.groups[block.group]
        states = None
        if group.states is not None:
            states = jax.tree.leaves(group.states(block.numbers))
        return Task(
            self.job,
            self.settings,
            block.group,
            block.numbers,
            group.epochs,
            states,
            whole=group.outcome is whole_state,
            one_row=self.one_row,
            cores=self.workers.cores_per_worker,
        )

    def _most_under_way(self) -> int:
        """Return the largest number of tasks under way. Each is kept in memory until its answer."""
        bytes_of_task = len(self.job.content) + self._bytes_of_states()
        fitting = BYTES_UNDER_WAY // bytes_of_task
        return min(MANY_UNDER_WAY, max(FEW_UNDER_WAY, fitting))

    def _bytes_of_states(self) -> int:
        """Return the bytes of the states with which the largest task begins."""
        sizes = [
            group.engine.shape.runs * tree.nbytes(group.engine.like)
            for group in self.groups
            if group.states is not None
        ]
        return max(sizes, default=0)

    def _send_again(self) -> None:
        """Send the tasks that are under way again, since no answer has come.

        A task that can be cancelled was not begun, and does not count as lost. An answer to one of
        the others still counts, beside those to the tasks that are under way.
        """
        silent = self.under_way
        self.under_way = {}
        for future, block_number in silent.items():
            if block_number in self.settled:
                continue
            if future.cancel():
                self.times_sent[block_number] -= 1
                self.waiting.append(block_number)
                continue
            self.given_up[future] = block_number
            silence = f"no task came back for timeout={self.workers.timeout:g} seconds"
            self._lose(block_number, TimeoutError(silence))

    def _lose(self, block_number: int, error: BaseException) -> None:
        """Send a block again that was lost, or count it as failed after the last retry."""
        if self.times_sent[block_number] <= self.workers.retries:
            self.waiting.append(block_number)
            return
        cause = str(error) or "its worker was lost"
        message = f"sent {self.times_sent[block_number]} times: {type(error).__name__}: {cause}"
        self._fail(block_number, LostTask(message))

    def _give_up(self, error: Exception) -> None:
        """Take the answers that came, and count every other block as failed."""
        self._receive_answers()
        for block_number in range(len(self.blocks)):
            if block_number not in self.settled:
                self._fail(block_number, error)

    def _receive_answers(self) -> None:
        """Take the answers that came; whatever else came is left."""
        while not self.answered.empty():
            future = self.answered.get()
            has_answer = not future.cancelled() and future.exception() is None
            if has_answer and future.result().error is None:
                self._receive(future)

    def _fail(self, block_number: int, error: Exception) -> None:
        block = self.blocks[block_number]
        self.settled.add(block_number)
        self.failures.append((block.group, block.numbers, error))

    # -------------------------------------------------------------------------------- receiving

    def _receive(self, future: Future) -> None:
        block_number = self.under_way.pop(future, self.given_up.pop(future, None))
        if block_number is None or block_number in self.settled:
            return
        try:
            answer: Answer = future.result()
        except BrokenExecutor:
            raise
        except Exception as error:  # an executor may raise any kind
            self._lose(block_number, error)
            return
        self.worker_names.add(answer.worker)
        if answer.error is not None:
            self._receive_error(block_number, answer.error.error(answer.worker))
            return
        if difference := self._other_machine(answer):
            self._refuse(block_number, ValueError(difference))
            return
        try:
            outcome = self._outcome(self.blocks[block_number], answer)
        except WrongData as error:
            self._refuse(block_number, error)
            return
        self._keep(block_number, answer, outcome)

    def _receive_error(self, block_number: int, error: Exception) -> None:
        """Count a block as failed by the machine's fault; raise an error of the user's own code."""
        if isinstance(error, (WrongData, NoCores)):
            self._refuse(block_number, error)
            return
        if not isinstance(error, self.machine_errors):
            raise error
        self._fail(block_number, error)

    def _refuse(self, block_number: int, error: Exception) -> None:
        """Count a block as failed, and let nothing more be computed."""
        self._fail(block_number, error)
        self.fatal = error

    def _other_machine(self, answer: Answer) -> str:
        """Return how the machine of an answer differs from the first one, if that is refused."""
        machines = self.collector.machines
        if self.workers.mixed == "label" or not machines:
            return ""
        difference = unlike(machines[0], answer.machine)
        return difference and (
            "executor: this worker may compute other bits than the machine that computed runs "
            f"before: {difference}. Use workers of one kind (cores_per_worker= decides cpu_count), "
            "or fnn.Workers(executor, mixed='label') to record which machine computed which run"
        )

    def _keep(self, block_number: int, answer: Answer, outcome: PyTree) -> None:
        block = self.blocks[block_number]
        group = self.groups[block.group]
        self.settled.add(block_number)
        self.collector.receive(block.group, block.numbers, outcome, answer.machine)
        self.collector.compile_seconds += answer.compile_seconds
        self.collector.run_seconds += answer.run_seconds
        block_id = BlockId(block.group, block.numbers, tuple(group.engine.shape))
        self.journal.save_finished(block_id, outcome, answer.machine)
        if self.callback_runner is not None:
            self.callback_runner.report(block.group, block.numbers, outcome.epochs, outcome.history)
        self._report_block(block, outcome)

    def _outcome(self, block: SentBlock, answer: Answer) -> PyTree:
        """Return the outcome in an answer. Raises WrongData where it is not one of these runs."""
        if answer.job != self.job.checksum:
            raise WrongData("executor: an answer of another job came back.")
        like = self.groups[block.group].outcome_like(len(block.numbers))
        check_arrays(answer.arrays, like)
        leaves = [answer.arrays[name] for name in named_leaves(like)]
        return jax.tree.unflatten(jax.tree.structure(like), leaves)

    def _report_block(self, block: SentBlock, outcome: PyTree) -> None:
        if self.on_chunk is None:
            return
        group = self.groups[block.group]
        runs = len(block.numbers)
        workers = len(self.worker_names)
        names = "1 worker" if workers == 1 else f"{workers} workers"
        metrics = group.metrics(outcome)
        report = Report(
            group=block.group,
            groups=len(self.groups),
            where=f"{names}, {len(self.settled)} of {len(self.blocks)} blocks done",
            compiling=False,
            last_epoch=group.epochs,
            epochs=np.full(runs, group.epochs),
            active=np.zeros(runs, bool),
            metrics={name: np.asarray(values) for name, values in metrics.items()},
        )
        self.on_chunk(report)


def runs_per_task(group: Group, missing: int) -> int:
    """Return how many runs make a task: a block of one device, or fewer to make LEAST_TASKS."""
    shape = group.engine.shape
    missing_rows = -(-missing // shape.runs_per_vmap)
    rows = max(1, min(shape.rows, missing_rows // LEAST_TASKS))
    return shape.runs_per_vmap * rows
