"""The collector of a sweep: it puts the outcomes of runs into the arrays of a `Sweep`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from fnn import checks
from fnn.callbacks import Callback
from fnn.runs.callback_runner import CallbackRunner, RunNames
from fnn.runs.dispatch import Dispatcher
from fnn.runs.driver import Driver, Failure, Group
from fnn.runs.interrupted import SAME, SweepFailed, SweepInterrupted
from fnn.runs.journal import Journal
from fnn.runs.process import NEVER
from fnn.runs.progress import progress_bar
from fnn.runs.results import THIS_PROCESS, Sweep
from fnn.runs.task import Job
from fnn.types import PyTree
from fnn.workers import Workers, workers_of
from fnn.workers.machine import machine, unlike
from fnn.workers.packing import Packed, pack

Places = tuple[Sequence[int], Sequence[int]]
"""The rows of a group's settings in a sweep, and the columns of their runs."""
Put = Callable[[Sweep, np.ndarray, np.ndarray, Any], None]
"""(sweep, rows, columns, outcome) -> None: put the outcome of runs at these rows and columns."""


class SweepCollector:
    """Put the outcomes of runs into a sweep, whose arrays are settings × (seeds × splits).

    places  for each group, the rows of its settings and the columns of its runs
    put     puts the outcome of runs into the sweep
    """

    def __init__(self, sweep: Sweep, places: Sequence[Places], put: Put) -> None:
        self.sweep = sweep
        self.places = [(np.array(rows), np.array(columns)) for rows, columns in places]
        self.put = put
        self.compile_seconds = 0.0
        self.run_seconds = 0.0

    def missing(self, group: int) -> np.ndarray:
        """Return the numbers of the runs of a group that are not finished."""
        rows, columns = self.places[group]
        return np.flatnonzero(~self.sweep.finished[np.ix_(rows, columns)])

    @property
    def machines(self) -> Sequence[Mapping[str, Any]]:
        """Return the machines that computed runs. This process is the first, if it computed any."""
        this_machine = [machine()] if was_computed_here(self.sweep) else []
        return [*this_machine, *self.sweep.machines]

    def receive(
        self,
        group: int,
        numbers: np.ndarray,
        outcome: PyTree,
        machine: Mapping[str, Any] | None = None,
    ) -> None:
        """Put in the outcome of some runs, and the machine of the worker that computed them."""
        self.put_results(group, numbers, outcome, machine, True)

    def put_results(
        self,
        group: int,
        numbers: np.ndarray,
        results: PyTree,
        machine: Mapping[str, Any] | None,
        finished: Any,
    ) -> None:
        """Put results of runs into the sweep, and last of all which of the runs are finished."""
        rows, columns = self.index(group, numbers)
        self.put(self.sweep, rows, columns, results)
        if machine is not None:
            put_machine(self.sweep, rows, columns, machine)
        self.sweep.finished[rows, columns] = finished

    def index(self, group: int, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and the column of each of some runs of a group."""
        rows, columns = self.places[group]
        return rows[numbers // len(columns)], columns[numbers % len(columns)]

    def failed(self, failure: Failure) -> tuple[list[tuple[int, int]], Exception]:
        """Return the runs of a block that failed, and the error.

        A run is (setting, seed), or (setting, seed, split) where there are several splits.
        """
        group, numbers, error = failure
        rows, columns = self.index(group, numbers)
        runs = []
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            name = self.sweep.name_of(column)
            runs.append((row, *name.values()))
        return runs, error


def places_of(groups: Sequence[Group]) -> list[Places]:
    """Return the rows and the columns of each group."""
    return [(group.rows, group.columns) for group in groups]


class WorkerJob(NamedTuple):
    """Hold workers and the packed job that builds the groups there."""

    workers: Workers
    job: Packed

    @classmethod
    def of(cls, workers: Workers | None, job: Job) -> Self | None:
        """Pack a job for workers, or return None where there are none.

        Raises ValueError for a job that cannot be sent.
        """
        if workers is None:
            return None
        return cls(workers, pack(job, workers.data_directory))


def run_missing(
    sweep: Sweep,
    groups: Sequence[Group],
    put: Put,
    journal: Journal,
    progress: bool = True,
    smaller_blocks: bool = False,
    *,
    job: Job,
    workers: Workers | None = None,
    callbacks: Sequence[Callback] = (),
) -> Sweep:
    """Run the missing runs of a sweep. A block that fails leaves the others to be run.

    job      builds the groups in another process
    workers  compute the runs; None: this process does
    """
    worker_job = WorkerJob.of(workers, job)
    if workers is None:
        warn_of_other_machines(sweep)
    if smaller_blocks:
        groups = [group._replace(engine=group.engine.with_one_row()) for group in groups]
    collector = SweepCollector(sweep, places_of(groups), put)

    def run_again(progress: bool, executor: Any, smaller_blocks: bool) -> Sweep:
        return run_missing(
            sweep,
            groups,
            put,
            journal,
            progress,
            smaller_blocks,
            job=job,
            workers=workers if executor == SAME else workers_of(executor),
            callbacks=callbacks,
        )

    runner = CallbackRunner(callbacks, names_of(sweep, groups)) if callbacks else None
    try:
        with journal.opened():
            driver = driver_of(groups, collector, journal, runner, worker_job, smaller_blocks)
            driver.restore()
            done = int(np.count_nonzero(sweep.finished))
            with progress_bar("run", sweep.finished.size, done, progress) as bar:
                failures = driver.drive(bar)
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(sweep, run_again, str(stop)) from stop
    finally:
        sweep.compile_seconds += collector.compile_seconds
        sweep.run_seconds += collector.run_seconds
    if failures:
        failed = [collector.failed(failure) for failure in failures]
        first_error = failures[0][-1]
        raise SweepFailed(sweep, failed, run_again) from first_error
    warn_of_runs_without_best(sweep)
    return sweep


def warn_of_runs_without_best(sweep: Sweep) -> None:
    """Warn where runs did not diverge, and yet the monitored metric was never finite."""
    if sweep.best_epoch is None:
        return
    has_none = (sweep.best_epoch == NEVER) & sweep.finished & ~sweep.diverged
    count = np.count_nonzero(has_none)
    if count:
        checks.warn(
            f"sweep: {sweep.monitor.metric} was never a finite number in {count} of "
            f"{has_none.size} runs, so no epoch of them is the best; summaries leave them out."
        )


def names_of(sweep: Sweep, groups: Sequence[Group]) -> list[RunNames]:
    """Return the names of each group's runs."""
    names = []
    for rows, columns in places_of(groups):
        settings = [sweep.settings[row] for row in rows]
        runs = [sweep.name_of(column) for column in columns]
        names.append(RunNames(settings, runs))
    return names


def driver_of(
    groups: Sequence[Group],
    collector: Any,
    journal: Journal,
    callback_runner: CallbackRunner | None,
    worker_job: WorkerJob | None,
    one_row: bool = False,
) -> Driver:
    """Return the driver of the groups, for this process or for workers."""
    if worker_job is None:
        return Driver(groups, collector, journal, callback_runner=callback_runner)
    workers, job = worker_job
    return Dispatcher(
        groups, collector, journal, job, workers, callback_runner=callback_runner, one_row=one_row
    )


def was_computed_here(sweep: Sweep) -> bool:
    """Return whether some of the runs were computed by this process, or one before it."""
    if sweep.machine is None:
        return bool(sweep.finished.any())
    not_by_workers = sweep.machine == THIS_PROCESS
    return bool((sweep.finished & not_by_workers).any())


def warn_of_other_machines(sweep: Sweep) -> None:
    """Warn where workers computed runs on a machine unlike this one, which computes the others."""
    for worker_machine in sweep.machines:
        if difference := unlike(worker_machine, machine()):
            checks.warn(
                "executor: some runs were computed by workers whose bits may be others: "
                f"{difference}. Sweep.machine says which."
            )


def put_machine(
    sweep: Sweep, rows: np.ndarray, columns: np.ndarray, machine: Mapping[str, Any]
) -> None:
    """Record which machine computed some runs of a sweep."""
    if sweep.machine is None:
        sweep.machine = np.full(sweep.finished.shape, THIS_PROCESS, np.int32)
    if machine not in sweep.machines:
        sweep.machines.append(dict(machine))
    sweep.machine[rows, columns] = sweep.machines.index(dict(machine))


def put_outputs(
    outputs: Sequence[PyTree | None], rows: np.ndarray, columns: np.ndarray, values: PyTree
) -> None:
    """Put the values of runs into the outputs of their settings, where outputs are kept.

    rows, columns  (runs,) the setting of each run, and its place among the setting's runs
    values         leaves (runs, …)
    """
    for row in np.unique(rows):
        of_row = rows == row

        def write(leaf: Any, all_values: Any, of_row: np.ndarray = of_row) -> None:
            leaf[columns[of_row]] = all_values[of_row]

        if outputs[row] is not None:
            jax.tree.map(write, outputs[row], values)


def zeros(runs: int, like: PyTree) -> PyTree:
    """Return zeros with leaves (runs, …), for leaves (…) of one run."""
    return jax.tree.map(lambda leaf: np.zeros((runs, *leaf.shape), leaf.dtype), like)
