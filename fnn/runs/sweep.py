"""`fnn.sweep`: the same training over seeds and hyperparameters."""

import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from fnn import checks, tree
from fnn.checkpoint.run_directory import Call, recorded
from fnn.data import Dataset
from fnn.runs.arrays import nan_array
from fnn.runs.blocks import check_runs_per_vmap
from fnn.runs.driver import Group
from fnn.runs.fingerprint import seeds_fingerprint
from fnn.runs.journal import Journal, journal_of
from fnn.runs.process import NEVER
from fnn.runs.results import Sweep
from fnn.runs.retraining import Retraining
from fnn.runs.settings import HyperValues, settings_of
from fnn.runs.spec_groups import Builder
from fnn.runs.step import TrainState
from fnn.runs.sweep_collector import put_outputs, run_missing, zeros
from fnn.runs.sweep_groups import (
    SweepCall,
    parameters_of,
    results_of,
    sweep_groups,
)
from fnn.runs.training import RunState
from fnn.types import PyTree

NOT_KEPT = None  # in place of parameters; no leaf for JAX
BYTES_KEPT = 2**28  # of parameters, unless the caller says otherwise


def sweep(
    builder: Builder,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seeds: Iterable[int],
    hyper: HyperValues | None = None,
    patience: int | None = None,
    runs_per_vmap: int | None = None,
    exact: bool = False,
    static: Sequence[str] | None = None,
    keep_params: bool | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
) -> Sweep:
    """Train one network for each setting and seed, as blocks of runs of one compiled program.

    builder        hyper -> (net, loss, optimizer), or (net, loss, optimizer, transform_train) with
                   the transform_train of fnn.train; hyper maps each name to a value. Numbers are
                   traced where the builder lets them be: a learning rate, a decay, an initial scale
                   cost no compilation. Names, truth values, tuples, and the numbers that it needs
                   while it builds, such as a width, make a program for each of their values; a
                   fnn.layers.Width is traced
    hyper          name -> values, for every combination, the last name changing fastest; or a list
                   of points {name: value}, such as scikit-learn's ParameterSampler draws. The
                   builder reads them all; batch_size may be one, and overrides the argument. Names
                   of results (n, min, epoch, test_loss, …) are taken
    seeds          distinct whole numbers in [0, 2³²). A run's random numbers come from its seed
                   alone, as in fnn.train(seed=), so settings share them
    runs_per_vmap  how many runs one vmapped row computes: 1, or a power of two of at least 8; None:
                   by the size of the network and the number of runs, 1 for up to eight. At equal
                   numbers the bits of a run are the same in any sweep; with 1 they are those of
                   fnn.train, where the builder's hyperparameters are constants (otherwise equal to
                   about 1e-6)
    exact          exact=True is the same as runs_per_vmap=1
    static         names of hyper that shape the program; None: found out by trying
    keep_params    keep the parameters of every run (None: if they fit into 256 MiB); where they are
                   not kept, sweep.run(…) trains that run again, bit for bit the same
    checkpoint     a directory in which every finished block of runs is saved and, every
                   checkpoint_every seconds, the block under way; started again with the same
                   arguments the sweep goes on from there, and ends bit for bit as one that was
                   never interrupted. SIGTERM ends it after a chunk of epochs, saved, with status
                   143

    The other arguments are those of fnn.train. Call fnn.use_all_devices() first to use every core.
    A run that diverges or stops early is frozen and the others go on. Ctrl-C ends within a chunk of
    epochs, or when the program is compiled, with a `SweepInterrupted`, which has what was finished
    and goes on from there. Raises ValueError before anything is compiled.

    Blocks that fail, for want of memory or with another error of the machine, do not keep the
    others from being trained: a `SweepFailed` at the end has those that were finished, and trains
    the failed runs again if asked.

    Equal programs are compiled once, also where the builder is a lambda that is written in each
    call: tracing it shows what it computes. What a builder reads from globals is read when it is
    traced first.
    """
    checked_seeds = checks.seeds(seeds)
    per_vmap = check_runs_per_vmap(runs_per_vmap, exact)
    if keep_params is not None:
        checks.truth("keep_params", keep_params)
    settings = settings_of(hyper)
    each = [per_vmap] * len(settings)
    if per_vmap is None:  # an earlier version or call may have chosen other numbers
        each = recorded(checkpoint, "fnn.sweep", "runs_per_vmap")
    call = SweepCall(settings, checked_seeds, epochs, batch_size, patience, static, each)
    groups = sweep_groups(builder, dataset, call)
    call = call._replace(runs_per_vmap=runs_per_vmap_of(groups, len(settings)))
    retraining = Retraining(call, groups, (builder, dataset))
    rows = [group.rows for group in groups]
    likes = [group.engine.like for group in groups]
    if keep_params is None:
        keep_params = bytes_of_parameters(likes, rows, len(checked_seeds)) <= BYTES_KEPT
    if not keep_params:
        groups = [group._replace(outcome=without_parameters) for group in groups]
        likes = [without_parameters(like) for like in likes]

    def describe() -> Call:
        named, programs = retraining.fingerprint()
        options = {
            "call": "fnn.sweep",
            "epochs": epochs,
            "batch_size": batch_size,
            "patience": patience,
            "runs_per_vmap": call.runs_per_vmap,
            "keep_params": keep_params,
            "seeds": seeds_fingerprint(checked_seeds),
        }
        content = {"rows": rows, "retrain": retraining.to_json()}
        return Call(options | named, programs, "sweep", content)

    journal = journal_of(checkpoint, checkpoint_every, None, describe, Journal([signal.SIGINT]))
    empty = empty_sweep(retraining, rows, likes)
    return run_missing(empty, groups, put_states, journal, progress)


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


def bytes_of_parameters(
    likes: Sequence[RunState], rows: Sequence[Sequence[int]], seeds: int
) -> int:
    """Return the bytes of the parameters of all runs."""
    each = [tree.nbytes(parameters_of(like)) for like in likes]
    return sum(len(some) * seeds * nbytes for some, nbytes in zip(rows, each, strict=True))


def empty_sweep(
    retraining: Retraining, rows: Sequence[Sequence[int]], likes: Sequence[RunState | None]
) -> Sweep:
    """Make a sweep of which nothing is finished.

    rows   of each group, the rows of its settings
    likes  of each group, the shapes of one run, without parameters where they are not kept; None
           where they are not known
    """
    call = retraining.call
    sides = (len(call.settings), len(call.seeds))
    outputs: list[PyTree | None] = [None] * len(call.settings)
    history: dict[str, np.ndarray] = {}
    for some, like in zip(rows, likes, strict=True):
        if like is None:
            continue
        for name, leaf in like.history.items():
            if name not in history:
                history[name] = nan_array((*sides, *leaf.shape), leaf.dtype)
        for row in some if has_parameters(like) else ():
            outputs[row] = zeros(len(call.seeds), parameters_of(like))
    best, stopped, diverged = (np.full(sides, NEVER, np.int32) for _ in range(3))
    return Sweep(
        settings=list(call.settings),
        seeds=list(call.seeds),
        history=history,
        finished=np.zeros(sides, bool),
        outputs=outputs,
        best_epoch=best,
        stopped_epoch=stopped,
        diverged_step=diverged,
        runs_per_vmap=tuple(each or 1 for each in call.runs_per_vmap or ()),
        retrain=retraining,
    )


def has_parameters(state: RunState) -> bool:
    """Return whether a state has its parameters."""
    return state.best.params is not NOT_KEPT


def runs_per_vmap_of(groups: Sequence[Group], settings: int) -> list[int]:
    """Return for each setting how many runs share a row."""
    shapes = {row: g.engine.shape for g in groups for row in g.rows}
    return [shapes[row].runs_per_vmap for row in range(settings)]


def without_parameters(state: RunState) -> RunState:
    """Return what is kept of a state besides the parameters."""
    best = state.best._replace(params=NOT_KEPT, state=NOT_KEPT)
    current = TrainState(NOT_KEPT, NOT_KEPT, NOT_KEPT)
    return results_of(state)._replace(current=current, best=best)
