"""The collector of a sweep: it puts the outcomes of runs into the arrays of a `Sweep`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from fnn.runs.driver import Failure, Group
from fnn.runs.results import THIS_PROCESS, Sweep
from fnn.types import PyTree
from fnn.workers.machine import machine

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


def was_computed_here(sweep: Sweep) -> bool:
    """Return whether some of the runs were computed by this process, or one before it."""
    if sweep.machine is None:
        return bool(sweep.finished.any())
    not_by_workers = sweep.machine == THIS_PROCESS
    return bool((sweep.finished & not_by_workers).any())


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
