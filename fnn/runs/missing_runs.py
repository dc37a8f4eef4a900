"""Runs that a sweep has not finished: they are run here or by workers, and put into the sweep."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from fnn import checks
from fnn.callbacks import Callback
from fnn.runs.callback_runner import CallbackRunner, RunNames
from fnn.runs.dispatch import Dispatcher
from fnn.runs.driver import Driver, Group
from fnn.runs.interrupted import SAME, SweepFailed, SweepInterrupted
from fnn.runs.journal import Journal
from fnn.runs.process import NEVER
from fnn.runs.progress import progress_bar
from fnn.runs.results import Sweep
from fnn.runs.sweep_collector import Put, SweepCollector, places_of
from fnn.runs.task import Job
from fnn.workers import Workers, workers_of
from fnn.workers.machine import machine, unlike
from fnn.workers.packing import Packed, pack


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


def warn_of_other_machines(sweep: Sweep) -> None:
    """Warn where workers computed runs on a machine unlike this one, which computes the others."""
    for worker_machine in sweep.machines:
        if difference := unlike(worker_machine, machine()):
            checks.warn(
                "executor: some runs were computed by workers whose bits may be others: "
                f"{difference}. Sweep.machine says which."
            )
