"""The collector of a sweep: it puts what the driver brings into the arrays of a `Sweep`."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

from fnn.callbacks import Callback
from fnn.runs.driver import Driver, Failure, Group
from fnn.runs.interrupted import SweepFailed, SweepInterrupted
from fnn.runs.journal import Journal
from fnn.runs.progress import shown
from fnn.runs.results import Sweep
from fnn.runs.telling import Owners, Telling
from fnn.types import PyTree

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

    def receive(self, group: int, numbers: np.ndarray, outcome: PyTree) -> None:
        """Put in the outcome of runs of a group."""
        rows, columns = self.index(group, numbers)
        self.put(self.sweep, rows, columns, outcome)
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


def run_missing(
    sweep: Sweep,
    groups: Sequence[Group],
    put: Put,
    journal: Journal,
    progress: bool = True,
    smaller_blocks: bool = False,
    callbacks: Sequence[Callback] = (),
) -> Sweep:
    """Run what is missing of a sweep; a block that fails leaves the others to be run."""
    if smaller_blocks:
        groups = [group._replace(engine=group.engine.with_one_row()) for group in groups]
    collector = SweepCollector(sweep, places_of(groups), put)
    again = partial(run_missing, sweep, groups, put, journal, callbacks=callbacks)
    owners = [
        Owners([sweep.settings[row] for row in rows], [sweep.name_of(each) for each in columns])
        for rows, columns in places_of(groups)
    ]
    telling = Telling(callbacks, owners) if callbacks else None
    try:
        with journal.opened():
            driver = Driver(groups, collector, journal, telling=telling)
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
