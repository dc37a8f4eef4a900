"""How the outcomes of runs become the arrays of a `Sweep`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from fnn import tree
from fnn.data import Dataset
from fnn.runs.arrays import nan_array
from fnn.runs.driver import Group
from fnn.runs.monitor import Monitor
from fnn.runs.process import NEVER
from fnn.runs.results import THIS_PROCESS, Sweep
from fnn.runs.spec_groups import Builder
from fnn.runs.step import TrainState
from fnn.runs.sweep_collector import put_outputs, zeros
from fnn.runs.sweep_groups import SweepCall, parameters_of, sweep_groups
from fnn.runs.training import RunState
from fnn.types import PyTree

NOT_KEPT = None  # in place of parameters; no leaf for JAX


class SweepJob(NamedTuple):
    """What builds the groups of a sweep in another process."""

    builder: Builder
    datasets: Sequence[Dataset]
    call: SweepCall
    keep_params: bool = True

    def groups(self) -> list[Group]:
        """Build the groups."""
        groups = sweep_groups(self.builder, self.datasets, self.call)
        return groups if self.keep_params else [without_parameters(group) for group in groups]


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


def bytes_of_parameters(groups: Sequence[Group]) -> int:
    """Return the bytes of the parameters of all runs."""
    each = [tree.nbytes(parameters_of(like)) for like in likes_of(groups)]
    runs = [len(group.rows) * len(group.columns) for group in groups]
    return sum(number * nbytes for number, nbytes in zip(runs, each, strict=True))


def empty_sweep(
    call: Mapping[str, Any],
    rows: Sequence[Sequence[int]],
    likes: Sequence[RunState | None],
    retrain: Any,
) -> Sweep:
    """Make a sweep of which nothing is finished.

    call     the arguments of its `SweepCall`, by name
    rows     of each group, the rows of its settings
    likes    of each group, the shapes of one run, without parameters where they are not kept; None
             where they are not known
    retrain  what trains its runs again
    """
    splits = call.get("splits", 1)
    sides = (len(call["settings"]), len(call["seeds"]) * splits)
    outputs: list[PyTree | None] = [None] * len(call["settings"])
    history: dict[str, np.ndarray] = {}
    for some, like in zip(rows, likes, strict=True):
        if like is None:
            continue
        for name, leaf in like.history.items():
            if name not in history:
                history[name] = nan_array((*sides, *leaf.shape), leaf.dtype)
        for row in some if has_parameters(like) else ():
            outputs[row] = zeros(sides[1], parameters_of(like))
    best, stopped, diverged = (np.full(sides, NEVER, np.int32) for _ in range(3))
    return Sweep(
        settings=list(call["settings"]),
        seeds=list(call["seeds"]),
        splits=splits,
        history=history,
        finished=np.zeros(sides, bool),
        outputs=outputs,
        best_epoch=best,
        stopped_epoch=stopped,
        diverged_step=diverged,
        runs_per_vmap=tuple(each or 1 for each in call["runs_per_vmap"] or ()),
        monitor=Monitor(**call["plan"]["monitor"]),
        examples=dict(call["examples"]),
        retrain=retrain,
    )


def has_parameters(state: RunState) -> bool:
    """Return whether a state has its parameters."""
    return state.best.params is not NOT_KEPT


def runs_per_vmap_of(groups: Sequence[Group], settings: int) -> list[int]:
    """Return for each setting how many runs share a row."""
    shapes = {row: g.engine.shape for g in groups for row in g.rows}
    return [shapes[row].runs_per_vmap for row in range(settings)]


def without_parameters(group: Group) -> Group:
    """Return a group of whose outcome the parameters are not kept."""

    def outcome(state: RunState) -> RunState:
        results = group.outcome(state)
        best = results.best._replace(params=NOT_KEPT, state=NOT_KEPT)
        return results._replace(current=TrainState(NOT_KEPT, NOT_KEPT, NOT_KEPT), best=best)

    return group._replace(outcome=outcome)


def likes_of(groups: Sequence[Group]) -> list[RunState]:
    """Return for each group the shapes of what is kept of a run."""
    return [jax.eval_shape(group.outcome, group.engine.like) for group in groups]


def put_finished(sweep: Sweep, earlier: Sweep) -> None:
    """Put the runs of an earlier sweep into one that has its settings and seeds first."""
    corner = tuple(slice(side) for side in earlier.finished.shape)
    for name, values in earlier.history.items():
        sweep.history[name][corner] = values
    for name in ("finished", "best_epoch", "stopped_epoch", "diverged_step"):
        getattr(sweep, name)[corner] = getattr(earlier, name)
    if earlier.machine is not None:
        sweep.machines = list(earlier.machines)
        sweep.machine = np.full(sweep.finished.shape, THIS_PROCESS, np.int32)
        sweep.machine[corner] = earlier.machine
    for whole, kept in zip(sweep.outputs, earlier.outputs, strict=False):

        def write(leaf: np.ndarray, values: np.ndarray) -> None:
            leaf[corner[1]] = values

        if whole is not None and kept is not None:
            jax.tree.map(write, whole, kept)
