"""The collector of a sweep: it puts what the driver brings into the arrays of a `Sweep`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from fnn import checks
from fnn.callbacks import Callback
from fnn.runs.dispatch import Dispatcher
from fnn.runs.driver import Driver, Failure, Group
from fnn.runs.interrupted import SweepFailed, SweepInterrupted
from fnn.runs.journal import Journal
from fnn.runs.progress import shown
from fnn.runs.results import THIS_PROCESS, Sweep
from fnn.runs.task import Job
from fnn.runs.telling import Owners, Telling
from fnn.types import PyTree
from fnn.workers import Workers, workers_of
from fnn.workers.machine import machine, unlike
from fnn.workers.packing import Packed, pack

Places = tuple[Sequence[int], Sequence[int]]
"""The rows of settings in a sweep, and the columns of their runs."""
Put = Callable[[Sweep, np.ndarray, np.ndarray, Any], None]
"""(sweep, rows, columns, outcome): put in the outcome of runs, by setting and place there."""


class SweepCollector:
    """Puts the outcomes of runs, settings × (seeds × splits), into a sweep.

    places  of each group, the rows of its settings and the columns of its runs
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
        """Return the machines that computed runs, this process among them."""
        here = [machine()] if was_computed_here(self.sweep) else []
        return [*here, *self.sweep.machines]

    def receive(
        self,
        group: int,
        numbers: np.ndarray,
        outcome: PyTree,
        machine: Mapping[str, Any] | None = None,
    ) -> None:
        """Put in the outcome of runs of a group, and the machine of the worker that computed it."""
        rows, columns = self.index(group, numbers)
        self.put(self.sweep, rows, columns, outcome)
        if machine is not None:
            put_machine(self.sweep, rows, columns, machine)
        self.sweep.finished[rows, columns] = True

    def index(self, group: int, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rows and columns of runs of a group."""
        rows, columns = self.places[group]
        return rows[numbers // len(columns)], columns[numbers % len(columns)]

    def failed(self, failure: Failure) -> tuple[list[tuple[int, int]], Exception]:
        """Return the runs of a block that failed, as (setting, seed), and the error.

        Where there are several splits a run is (setting, seed, split).
        """
        group, numbers, error = failure
        rows, columns = self.index(group, numbers)
        names = [tuple(self.sweep.name_of(column).values()) for column in columns.tolist()]
        return [(row, *name) for row, name in zip(rows.tolist(), names, strict=True)], error


def places_of(groups: Sequence[Group]) -> list[Places]:
    """Return the rows and the columns of each group."""
    return [(group.rows, group.columns) for group in groups]


class Elsewhere(NamedTuple):
    """Where runs are computed, if not in this process.

    job  what builds the groups there
    """

    workers: Workers
    job: Packed

    @classmethod
    def of(cls, workers: Workers | None, job: Job) -> Self | None:
        """Pack a job for workers; ValueError for what cannot be sent. None where there are none."""
        return None if workers is None else cls(workers, pack(job, workers.data_directory))


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
    """Run what is missing of a sweep; a block that fails leaves the others to be run.

    job      what builds the groups in another process
    workers  where runs are computed; None: here
    """
    elsewhere = Elsewhere.of(workers, job)
    if workers is None:
        warn_of_other_machines(sweep)
    if smaller_blocks:
        groups = [group._replace(engine=group.engine.with_one_row()) for group in groups]
    collector = SweepCollector(sweep, places_of(groups), put)

    def again(progress: bool, smaller_blocks: bool, executor: Any) -> Sweep:
        other = workers if executor is None else workers_of(executor)
        return run_missing(
            sweep,
            groups,
            put,
            journal,
            progress,
            smaller_blocks,
            job=job,
            workers=other,
            callbacks=callbacks,
        )

    owners = [
        Owners([sweep.settings[row] for row in rows], [sweep.name_of(each) for each in columns])
        for rows, columns in places_of(groups)
    ]
    telling = Telling(callbacks, owners) if callbacks else None
    try:
        with journal.opened():
            driver = driver_of(groups, collector, journal, telling, elsewhere, smaller_blocks)
            driver.restore()
            done = int(np.count_nonzero(sweep.finished))
            with shown("run", sweep.finished.size, done, progress) as bar:
                failures = driver.drive(bar)
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(sweep, again, str(stop)) from stop
    finally:
        sweep.compile_seconds += collector.compile_seconds
        sweep.run_seconds += collector.run_seconds
    if failures:
        failed = [collector.failed(failure) for failure in failures]
        raise SweepFailed(sweep, failed, again) from failures[0][-1]
    return sweep


def driver_of(
    groups: Sequence[Group],
    collector: Any,
    journal: Journal,
    telling: Telling | None,
    elsewhere: Elsewhere | None,
    one_row: bool = False,
) -> Driver:
    """Return what drives the groups, here or elsewhere."""
    if elsewhere is None:
        return Driver(groups, collector, journal, telling=telling)
    workers, job = elsewhere
    return Dispatcher(groups, collector, journal, job, workers, telling=telling, one_row=one_row)


def was_computed_here(sweep: Sweep) -> bool:
    """Return whether this process, or one before it, computed some of the runs, and no worker."""
    by_workers = (
        np.zeros_like(sweep.finished) if sweep.machine is None else sweep.machine != THIS_PROCESS
    )
    return bool((sweep.finished & ~by_workers).any())


def warn_of_other_machines(sweep: Sweep) -> None:
    """Warn where workers computed runs on a machine unlike this one, which goes on."""
    for other in sweep.machines:
        if difference := unlike(other, machine()):
            checks.warn(
                "executor: some runs were computed by workers whose bits may be others: "
                f"{difference}. Sweep.machine says which."
            )


def put_machine(
    sweep: Sweep, rows: np.ndarray, columns: np.ndarray, machine: Mapping[str, Any]
) -> None:
    """Note which machine computed runs of a sweep."""
    if sweep.machine is None:
        sweep.machine = np.full(sweep.finished.shape, THIS_PROCESS, np.int32)
    if machine not in sweep.machines:
        sweep.machines.append(dict(machine))
    sweep.machine[rows, columns] = sweep.machines.index(dict(machine))


def put_outputs(
    outputs: Sequence[PyTree | None], rows: np.ndarray, columns: np.ndarray, values: PyTree
) -> None:
    """Put the values of runs, leaves (runs, …), into the outputs of their settings, if kept."""
    for row in np.unique(rows):
        is_here = rows == row

        def write(leaf: Any, some: Any, is_here: np.ndarray = is_here) -> None:
            leaf[columns[is_here]] = some[is_here]

        if outputs[row] is not None:
            jax.tree.map(write, outputs[row], values)


def zeros(runs: int, like: PyTree) -> PyTree:
    """Return zeros with leaves (runs, …) for the shapes of one run."""
    return jax.tree.map(lambda leaf: np.zeros((runs, *leaf.shape), leaf.dtype), like)
