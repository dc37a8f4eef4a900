"""The arrays of a `Sweep`: they are made empty, and the outcomes of runs are put into them."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np

from fnn import tree
from fnn.data import Dataset
from fnn.runs.arrays import nan_array
from fnn.runs.builder import Builder
from fnn.runs.driver import Group
from fnn.runs.engine import MOST_PROGRAMS
from fnn.runs.monitor import Monitor
from fnn.runs.process import NEVER
from fnn.runs.results import THIS_PROCESS, Sweep
from fnn.runs.step import TrainState
from fnn.runs.sweep_collector import put_outputs, zeros
from fnn.runs.sweep_groups import SweepCall, parameters_of, sweep_groups
from fnn.runs.training import RunState
from fnn.types import PyTree

NOT_KEPT = None  # stands in place of parameters; it is no leaf for JAX


class SweepJob(NamedTuple):
    """Build the groups of a sweep in another process.

    keep_params  whether the parameters of the runs are kept
    """

    builder: Builder
    datasets: Sequence[Dataset]
    call: SweepCall
    keep_params: bool = True

    def groups(self) -> list[Group]:
        """Build the groups."""
        groups = sweep_groups(self.builder, self.datasets, self.call)
        if self.keep_params:
            return groups
        return [without_parameters(group) for group in groups]


def put_states(sweep: Sweep, rows: np.ndarray, columns: np.ndarray, outcome: RunState) -> None:
    """Put the final states of runs into a sweep."""
    assert sweep.best_epoch is not None
    assert sweep.stopped_epoch is not None
    assert sweep.diverged_step is not None
    for name, values in outcome.history.items():
        sweep.history[name][rows, columns] = values
    sweep.best_epoch[rows, columns] = outcome.best.epoch
    sweep.stopped_epoch[rows, columns] = outcome.epochs - 1
    sweep.diverged_step[rows, columns] = outcome.diverged_step
    put_outputs(sweep.outputs, rows, columns, parameters_of(outcome))


def bytes_of_parameters(groups: Sequence[Group], likes: Sequence[RunState]) -> int:
    """Return the bytes of the parameters of all runs.

    likes  for each group, the shapes of one run
    """
    total = 0
    for group, like in zip(groups, likes, strict=True):
        runs = len(group.rows) * len(group.columns)
        total += runs * tree.nbytes(parameters_of(like))
    return total


def empty_sweep(
    call: Mapping[str, Any],
    rows: Sequence[Sequence[int]],
    likes: Sequence[RunState | None],
    retrain: Any,
) -> Sweep:
    """Make a sweep without any finished run.

    call     the arguments of its `SweepCall`, by name
    rows     for each group, the rows of its settings
    likes    for each group, the shapes of one run, without parameters where they are not kept; None
             where they are not known
    retrain  trains runs of the sweep again
    """
    splits = call.get("splits", 1)
    runs = len(call["seeds"]) * splits
    shape = (len(call["settings"]), runs)
    history, outputs = empty_arrays(shape, rows, likes)
    return Sweep(
        settings=list(call["settings"]),
        seeds=list(call["seeds"]),
        splits=splits,
        history=history,
        finished=np.zeros(shape, bool),
        outputs=outputs,
        best_epoch=np.full(shape, NEVER, np.int32),
        stopped_epoch=np.full(shape, NEVER, np.int32),
        diverged_step=np.full(shape, NEVER, np.int32),
        runs_per_vmap=tuple(each or 1 for each in call["runs_per_vmap"] or ()),
        monitor=Monitor(**call["plan"]["monitor"]),
        examples=dict(call["examples"]),
        retrain=retrain,
    )


def empty_arrays(
    shape: tuple[int, int],
    rows: Sequence[Sequence[int]],
    likes: Sequence[RunState | None],
) -> tuple[dict[str, np.ndarray], list[PyTree | None]]:
    """Make the history and the outputs of a sweep of this shape. See `empty_sweep`."""
    settings, runs = shape
    history: dict[str, np.ndarray] = {}
    outputs: list[PyTree | None] = [None] * settings
    for rows_of_group, like in zip(rows, likes, strict=True):
        if like is None:
            continue
        for name, leaf in like.history.items():
            if name not in history:
                history[name] = nan_array((*shape, *leaf.shape), leaf.dtype)
        if has_parameters(like):
            for row in rows_of_group:
                outputs[row] = zeros(runs, parameters_of(like))
    return history, outputs


def has_parameters(state: RunState) -> bool:
    """Return whether a state has its parameters."""
    return state.best.params is not NOT_KEPT


def runs_per_vmap_of(groups: Sequence[Group], settings: int) -> list[int]:
    """Return for each setting how many runs share a row of a block."""
    shapes = {row: group.engine.shape for group in groups for row in group.rows}
    return [shapes[row].runs_per_vmap for row in range(settings)]


def without_parameters(group: Group) -> Group:
    """Return the group with outcomes that have no parameters."""
    return group._replace(outcome=parameterless(group.outcome))


@lru_cache(MOST_PROGRAMS)  # one function for all calls, so that its shapes are remembered
def parameterless(results_of_state: Callable[[RunState], RunState]) -> Callable:
    """Return a function that leaves out the parameters of results."""

    def outcome(state: RunState) -> RunState:
        results = results_of_state(state)
        best = results.best._replace(params=NOT_KEPT, state=NOT_KEPT)
        current = TrainState(NOT_KEPT, NOT_KEPT, NOT_KEPT)
        return results._replace(current=current, best=best)

    return outcome


def likes_of(groups: Sequence[Group]) -> list[RunState]:
    """Return for each group the shapes of the outcome of one run."""
    return [group.shapes_of_outcome() for group in groups]


def put_finished(sweep: Sweep, earlier: Sweep) -> None:
    """Put the runs of an earlier sweep into one that begins with its settings and seeds."""
    corner = tuple(slice(side) for side in earlier.finished.shape)
    for name, values in earlier.history.items():
        sweep.history[name][corner] = values
    for name in ("finished", "best_epoch", "stopped_epoch", "diverged_step"):
        getattr(sweep, name)[corner] = getattr(earlier, name)
    if earlier.machine is not None:
        sweep.machines = list(earlier.machines)
        sweep.machine = np.full(sweep.finished.shape, THIS_PROCESS, np.int32)
        sweep.machine[corner] = earlier.machine
    _, columns = corner

    def write(leaf: np.ndarray, values: np.ndarray) -> None:
        leaf[columns] = values

    for outputs, earlier_outputs in zip(sweep.outputs, earlier.outputs, strict=False):
        if outputs is not None and earlier_outputs is not None:
            jax.tree.map(write, outputs, earlier_outputs)
