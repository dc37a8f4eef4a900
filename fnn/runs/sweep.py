"""Train over seeds and hyperparameters: `fnn.sweep`.

The arguments are checked, the builder is tried on every setting, and the settings that one program
serves form a group. `run_missing` then trains every run that is not finished.
"""

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
from fnn.runs.builder import Builder
from fnn.runs.callback_runner import check_callbacks
from fnn.runs.journal import Journal, journal_of
from fnn.runs.missing_runs import run_missing
from fnn.runs.prepared import prepare
from fnn.runs.refusals import check_names, one_process, plan_of
from fnn.runs.results import Sweep
from fnn.runs.settings import HyperValues, Setting, settings_of
from fnn.runs.splits import checked_splits, fewest_examples
from fnn.runs.sweep_arrays import put_states
from fnn.runs.sweep_groups import SweepCall
from fnn.runs.training import Plan
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

    builder           hyper -> (net, loss, optimizer), or (net, loss, optimizer, transform_train)
                      with the transform_train of fnn.train. hyper maps each name to a value
    dataset           a Dataset, or a list of them: splits of the same rows, as splits= of
                      fnn.data.from_arrays and from_frame makes them. Every setting and seed is
                      trained on each. Splits of equal sizes are runs of one program
    epochs            the largest number of epochs of a run
    batch_size        training examples an update; a hyperparameter of this name overrides it
    seeds             distinct whole numbers in [0, 2³²). The random numbers of a run come from its
                      seed alone, as in fnn.train(seed=), so settings share them
    hyper             name -> list of values, for every combination, the last name changing fastest;
                      or a list of points {name: value}, such as scikit-learn's ParameterSampler
                      draws. The builder must read every name but batch_size. Names of results (n,
                      min, epoch, test_loss, …) are refused. None: one setting without names
    runs_per_vmap     how many runs one vmapped row computes: 1, or a power of two of at least 8.
                      None: by the size of the network and the number of runs; 1 for up to 8 runs
    exact             exact=True means runs_per_vmap=1
    static            names of hyper that shape the program. None: found by trying the builder
    keep_params       keep the parameters of every run. None: if they fit into 256 MiB. Where they
                      are not kept, sweep.run(…) trains that run again, bit for bit the same
    progress          show a progress bar
    checkpoint        a directory in which the sweep is saved, see below. None: it is not saved
    checkpoint_every  seconds between two savings of the block under way
    executor          computes blocks of runs on its workers: any concurrent.futures.Executor, or a
                      fnn.Workers, which has more options. On equal machines the bits are those of
                      this process. None: this process computes them

    patience, monitor, mode, min_delta, metrics, train_metrics and callbacks are those of fnn.train.

    Returns a `fnn.Sweep`: the history of every run, tables, and the runs themselves.

    Raises ValueError for arguments that do not fit together, before anything is compiled. Raises
    `SweepInterrupted` after Ctrl-C, within a chunk of epochs or when the program is compiled; it
    has the finished runs and goes on from there. Raises `SweepFailed` at the end if blocks failed,
    because memory was short or because of another error of the machine; it has the finished runs
    and can train the failed ones again. A run that diverges or stops early is frozen, and the
    others go on.

    Hyperparameters: numbers are traced where the builder lets them be, so a learning rate, a decay
    or an initial scale costs no compilation. Each text, truth value or tuple makes a program of its
    own, and so does each number that the builder needs while it builds, such as a width. A
    fnn.layers.MaskedWidth is traced.

    Bits: with equal runs_per_vmap the bits of a run are the same in any sweep. With 1 they are
    those of fnn.train, if the builder's hyperparameters are constants; otherwise they agree to
    about 1e-6.

    Checkpoint: every finished block of runs is saved and, every checkpoint_every seconds, the block
    under way; with an executor, finished blocks alone. The same call with the same directory goes
    on from there, and ends bit for bit as a sweep that was never interrupted. SIGTERM ends it after
    a chunk of epochs, saved, with exit status 143. To add seeds and settings, load the directory
    with fnn.load and call extend. More epochs need another sweep, since the states of the
    optimizers are not kept.

    Compilation: equal programs are compiled once, also where the builder is a lambda that is
    written anew in each call, because tracing shows its program. Globals that a builder reads are
    read when it is first traced. Call fnn.use_all_devices() first to use every core.

    >>> import fnn
    >>> def builder(hyper):
    ...     adam = fnn.optim.adam(hyper["rate"])
    ...     return fnn.mlp((2, 4, 1)), fnn.losses.sigmoid_cross_entropy, adam
    >>> rates = {"rate": [0.001, 0.1]}
    >>> xor = fnn.data.load("xor")
    >>> sweep = fnn.sweep(
    ...     builder, xor, epochs=30, batch_size=4, seeds=range(2), hyper=rates, progress=False
    ... )
    >>> sweep.history["test_accuracy"].shape  # (settings, seeds, epochs)
    (2, 2, 30)
    >>> sweep.best()["rate"]
    0.1
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
    datasets = checked_splits(dataset)
    call = sweep_call(settings, checked_seeds, plan, datasets, static, per_vmap, checkpoint)
    new = prepare(builder, dataset, datasets, call, metrics, keep_params)
    describe = partial(new.call, "fnn.sweep")
    journal = journal_of(checkpoint, checkpoint_every, None, describe, Journal([signal.SIGINT]))
    return run_missing(
        new.empty,
        new.groups,
        put_states,
        journal,
        progress,
        job=new.job,
        workers=workers,
        callbacks=callbacks,
    )


def sweep_call(
    settings: Sequence[Setting],
    seeds: Sequence[int],
    plan: Plan,
    datasets: Sequence[Dataset],
    static: Sequence[str] | None,
    per_vmap: int | None,
    checkpoint: str | Path | None,
) -> SweepCall:
    """Return the arguments that shape the programs of a sweep.

    per_vmap  how many runs a vmapped row computes. None: as many as the directory of an earlier
              call says, since another version of fnn may choose other numbers; otherwise the size
              of each network decides
    """
    each_per_vmap: Sequence[int | None] | None = [per_vmap] * len(settings)
    if per_vmap is None:
        each_per_vmap = recorded(checkpoint, "fnn.sweep", "runs_per_vmap")
    examples = fewest_examples(datasets)
    splits = len(datasets)
    return SweepCall(settings, seeds, plan, examples, static, each_per_vmap, per_vmap, splits)
