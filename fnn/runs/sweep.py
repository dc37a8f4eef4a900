"""`fnn.sweep`: the same training over seeds and hyperparameters."""

import signal
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from fnn import checks
from fnn.callbacks import Callback
from fnn.checkpoint.run_directory import recorded
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.runs.blocks import check_runs_per_vmap
from fnn.runs.callback_runner import check_callbacks
from fnn.runs.journal import Journal, journal_of
from fnn.runs.prepared import prepare
from fnn.runs.refusals import check_names, one_process, plan_of
from fnn.runs.results import Sweep
from fnn.runs.settings import HyperValues, settings_of
from fnn.runs.spec_groups import Builder
from fnn.runs.splits import checked_splits, fewest_examples
from fnn.runs.sweep_arrays import put_states
from fnn.runs.sweep_collector import run_missing
from fnn.runs.sweep_groups import SweepCall
from fnn.workers import Workers, workers_of


def sweep(
    builder: Builder,
    dataset: Dataset | Sequence[Dataset],
    *,
    epochs: int,
    batch_size: int,
    seeds: Iterable[int],
    hyper: HyperValues | None = None,
    patience: int | None = None,
    monitor: str = "validation_loss",
    mode: str | None = None,
    min_delta: float = 0.0,
    metrics: Mapping[str, Metric] | None = None,
    train_metrics: bool = False,
    runs_per_vmap: int | None = None,
    exact: bool = False,
    static: Sequence[str] | None = None,
    keep_params: bool | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
    callbacks: Sequence[Callback] = (),
    executor: Executor | Workers | None = None,
) -> Sweep:
    """Train one network for each setting and seed, as blocks of runs of one compiled program.

    builder        hyper -> (net, loss, optimizer), or (net, loss, optimizer, transform_train) with
                   the transform_train of fnn.train; hyper maps each name to a value. Numbers are
                   traced where the builder lets them be: a learning rate, a decay, an initial scale
                   cost no compilation. Names, truth values, tuples, and the numbers that it needs
                   while it builds, such as a width, make a program for each of their values; a
                   fnn.layers.MaskedWidth is traced
    dataset        a Dataset, or a list of them: splits of the same rows, as the splits= of
                   fnn.data.from_arrays and from_frame makes them. Every setting and seed is trained
                   on each; those of equal sizes are runs of one program
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
                   143. More seeds and settings: fnn.load of the directory, and extend. More epochs
                   are another sweep, since the optimizers' states are not kept

    executor       computes blocks of runs on its workers: any concurrent.futures.Executor, or a
                   fnn.Workers that says more. Bits are those of this process on equal machines

    The other arguments are those of fnn.train: patience, monitor, mode, min_delta, metrics,
    train_metrics and callbacks too. Call fnn.use_all_devices() first to use every core.
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
    callbacks = check_callbacks(callbacks)
    workers = workers_of(executor)
    one_process("fnn.sweep")
    if keep_params is not None:
        checks.truth("keep_params", keep_params)
    plan = plan_of(
        epochs=epochs,
        batch_size=batch_size,
        patience=patience,
        monitor=monitor,
        mode=mode,
        min_delta=min_delta,
        metrics=metrics,
        train_metrics=train_metrics,
    )
    settings = settings_of(hyper)
    check_names(settings[0], plan)
    each = [per_vmap] * len(settings)
    if per_vmap is None:  # an earlier version or call may have chosen other numbers
        each = recorded(checkpoint, "fnn.sweep", "runs_per_vmap")
    datasets = checked_splits(dataset)
    call = SweepCall(
        settings,
        checked_seeds,
        plan,
        fewest_examples(datasets),
        static,
        each,
        per_vmap,
        len(datasets),
    )
    found = prepare(builder, dataset, datasets, call, metrics, keep_params)
    describe = partial(found.call, "fnn.sweep")
    journal = journal_of(checkpoint, checkpoint_every, None, describe, Journal([signal.SIGINT]))
    return run_missing(
        found.empty,
        found.groups,
        put_states,
        journal,
        progress,
        job=found.job,
        workers=workers,
        callbacks=callbacks,
    )
