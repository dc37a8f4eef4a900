"""`fnn.train`: one run."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn import checks
from fnn.backprop import feature_major
from fnn.callbacks import Callback
from fnn.checkpoint.run_directory import Call
from fnn.data import Dataset, Encoding
from fnn.metrics import Metric
from fnn.runs.blocks import Runs
from fnn.runs.callback_runner import CallbackRunner, RunNames, check_callbacks
from fnn.runs.driver import Driver, Group, GroupCollector, Metrics
from fnn.runs.engine import engine_of
from fnn.runs.journal import BlockId, Journal, journal_of
from fnn.runs.layer_statistics import layer_statistics
from fnn.runs.origin import ConstantBuilder, Origin, TrainingCall
from fnn.runs.placed import on_devices
from fnn.runs.process import NEVER
from fnn.runs.progress import progress_bar
from fnn.runs.refusals import check_run, plan_of
from fnn.runs.run import Run
from fnn.runs.start import Start
from fnn.runs.step import TrainSpec, TransformTrain
from fnn.runs.training import Plan, RunState, TrainProcess, trained
from fnn.types import Layer, Loss, Params, PyTree


def train(
    net: Layer,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seed: int | None = None,
    start: Run | Params | None = None,
    patience: int | None = None,
    monitor: str = "validation_loss",
    mode: str | None = None,
    min_delta: float = 0.0,
    metrics: Mapping[str, Metric] | None = None,
    train_metrics: bool = False,
    transform_train: TransformTrain | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
    checkpoint_epochs: int | None = None,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Train one network: init, epochs, evaluation and early stopping as one compiled program.

    Each epoch visits every training example once in an order drawn from the seed, in ⌈N/batch_size⌉
    updates on the mean loss of a batch, the last one smaller where N is no multiple. After each
    epoch the validation and test splits are evaluated.

    epochs             how many at most, those of `start` included
    seed               of all random numbers; None: 0, or that of the run in `start`
    start              a Run of this function, finished or loaded: it goes on to `epochs`, with the
                       bits of a run that was never ended. Net, loss, optimizer, data, batch_size
                       and monitor are those that it had; patience may be larger. Or parameters, or
                       a pair (params, state) as net.init returns it: training begins there, with a
                       fresh state of the optimizer. They are not evaluated: the best epoch is one
                       that was trained
    patience           training stops after so many epochs without an improvement
    monitor            the entry of the history that decides which epoch is the best, and what is an
                       improvement
    mode               whether less or more of it is better, "min" or "max"; None: by its name
    min_delta          by how much more than this it has to be better, for an improvement
    metrics            name -> f(prediction, target), computed on the whole validation and test
                       splits after each epoch: "validation_name", "test_name" in the history.
                       f is written with jax.numpy and returns one number; prediction is (examples,
                       outputs), as fnn.apply returns it, or (examples,) where there is one output
                       and target is (examples,). `fnn.metrics` has some; rmse and r2 are always
                       there where the loss is one of regression
    train_metrics      compute them on the training split too, "train_name", of the network after
                       the epoch, which takes another forward pass over it; train_loss stays the
                       mean over the epoch as it was trained
    transform_train    (key, x, y) -> (x, y) changes the training rows once, by a key of the seed's
                       own: fnn.data.label_noise makes one
    checkpoint         a directory in which the run is saved, and from which it goes on when it is
                       started again with the same arguments; it ends bit for bit as one that was
                       never interrupted. It also goes on where `epochs` or `patience` are larger
                       than before. Other arguments are refused. While it is saved so, Ctrl-C and
                       SIGTERM (exit status 143) end it after a chunk of epochs, saved
    checkpoint_every   seconds between two savings
    checkpoint_epochs  save after every so many epochs too
    callbacks          functions that are told every epoch, between two chunks of epochs: see
                       `fnn.callbacks`. One that raises is warned of and does not end the run

    An optimizer that takes extra arguments gets `value`, `grad` and `value_fn` of the batch
    (optax.lbfgs, optax.contrib.reduce_on_plateau), and `grad_fn` where it names it. Where it
    descends at other parameters than it evaluates at, see fnn.optim.evaluated_at.

    Equal programs are compiled once, whatever the seed, also where net, loss and optimizer are made
    anew for each call, and for all epochs up to 32, to 64, to 128 and so on; patience is part of
    the program. The numbers of arrays that you may change are compared with those of the last call;
    arrays of JAX, and those that fnn.data makes, which are read-only, are not looked at again.
    Raises ValueError for everything that does not fit together, before anything is compiled, and
    fnn.checkpoint.InUse where another process uses the directory; warns of a run that diverged.
    """
    spec = TrainSpec(net, loss, optimizer, transform_train)
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
    check_run(spec, dataset, plan)
    seed = seed_of(seed, start)
    callbacks = check_callbacks(callbacks)
    callback_runner = (
        CallbackRunner(callbacks, [RunNames([{}], [{"seed": seed}])]) if callbacks else None
    )
    origin = Origin(TrainingCall.of(spec, plan, dataset, seed))
    beginning = Start(start, origin, spec, plan)
    runs = Runs(np.array([seed], np.uint32), {})
    process = TrainProcess(ConstantBuilder(spec), plan)
    engine = engine_of(process, runs, 1, partial(on_devices, dataset))
    group = Group(engine, runs, epochs, beginning, metrics=latest(plan), on_host=False)

    def describe() -> Call:
        fingerprint = origin.fingerprint()
        named = {"call": "fnn.train", **fingerprint.arguments, **beginning.fingerprint()}
        encoding = dataset.preprocessing.to_json()
        content = {"seed": seed, "epochs": epochs, "origin": fingerprint._asdict()}
        content["encoding"] = encoding
        return Call(named, fingerprint.programs, "run", content)

    journal = journal_of(
        checkpoint, checkpoint_every, checkpoint_epochs, describe, Journal(), resizes=True
    )
    taken = GroupCollector(np.array([0]))
    with journal.opened():
        driver = Driver(
            [group],
            taken,
            journal,
            callback_runner=callback_runner,
            multiple=checkpoint_epochs,
            keep_going=False,
        )
        driver.restore()
        known = bool(taken.outcomes)
        if known:  # one for each call that ended, with more epochs each
            furthest = max(taken.outcomes, key=lambda state: int(state.epochs))
            beginning.take(furthest, str(checkpoint))
        taken.outcomes = [beginning.furthest] if beginning.is_ended else []
        if beginning.is_ended and not known:
            journal.save_finished(
                BlockId(0, taken.numbers, tuple(engine.shape)), beginning.furthest
            )
        with progress_bar("epoch", epochs, beginning.epochs, progress) as bar:
            driver.drive(bar)
    seconds = taken.compile_seconds, taken.run_seconds
    run = run_of(taken.outcomes[0], seed, epochs, origin, dataset.preprocessing, *seconds)
    if run.diverged:
        checks.warn(describe_divergence(run, spec, plan, dataset))
    elif run.best_epoch == NEVER:
        checks.warn(
            f"train: {plan.monitor.metric} was never a finite number, so no epoch is the best; "
            "best_params are those of the start."
        )
    return run


def seed_of(seed: int | None, start: Any) -> int:
    """Return the seed of a call; ValueError for another than that of the run in `start`."""
    if not isinstance(start, Run):
        return checks.seed(0 if seed is None else seed)
    if seed is not None and seed != start.seed:
        raise ValueError(
            f"seed: got {seed}, but the run in start has seed {start.seed}; leave seed out to go "
            "on."
        )
    return start.seed


def latest(plan: Plan) -> Metrics:
    """Return what reports the value of each run after its last epoch of what is monitored."""

    def of_last_epoch(state: RunState) -> dict[str, np.ndarray]:
        values = np.asarray(state.history[plan.monitor.metric])
        last = np.maximum(np.asarray(state.epochs) - 1, 0)[..., None]
        return {plan.monitor.metric: np.take_along_axis(values, last, axis=-1)[..., 0]}

    return of_last_epoch


def run_of(
    state: RunState,
    seed: int,
    epochs: int,
    origin: Origin,
    encoding: Encoding | None,
    compile_seconds: float = 0.0,
    run_seconds: float = 0.0,
) -> Run:
    """Return the final state as a Run, its history of so many epochs on the host."""
    current, best, evaluated = on_device((state.current, state.best, state.evaluated))
    params, network_state = trained(state._replace(current=current, evaluated=evaluated))
    return Run(
        params=params,
        state=network_state,
        best_params=best.params,
        best_state=best.state,
        best_epoch=int(best.epoch),
        stopped_epoch=int(state.epochs) - 1,
        diverged_step=int(state.diverged_step),
        history={name: np.array(values[:epochs]) for name, values in state.history.items()},
        seed=int(seed),
        optimizer_state=current.optimizer_state,
        descent_params=None if params is current.params else current.params,
        origin=origin,
        encoding=encoding,
        compile_seconds=compile_seconds,
        run_seconds=run_seconds,
    )


def on_device(values: PyTree) -> PyTree:
    """Return values as JAX's arrays: those that came from a file are NumPy's."""
    is_here = all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(values))
    return values if is_here else jax.tree.map(jnp.asarray, values)


def describe_divergence(run: Run, spec: TrainSpec, plan: Plan, dataset: Dataset) -> str:
    """Say when a run diverged, where its numbers were largest before, and what to do."""
    x = feature_major(jnp.asarray(dataset.train.x[: plan.batch_size]))
    layers = layer_statistics(spec.net, run.params, run.state, x)
    largest = max(layers, key=lambda each: max(each.output, each.parameter))
    steps = -(-len(dataset.train.x) // plan.batch_size)
    best = "the start" if run.best_epoch == NEVER else f"epoch {run.best_epoch + 1}"
    return (
        f"train: the run diverged in epoch {run.stopped_epoch + 1} of {plan.epochs}; step "
        f"{run.diverged_step} of the run, {run.diverged_step % steps} of the epoch, was not "
        f"finite. params are those before it, best_params those of {best}. The largest magnitudes "
        f"before it, on the first rows, were in {largest}. Lower the learning rate, "
        f"{advice_on_scales(dataset)}or clip with fnn.optim.clip_by_global_norm."
    )


def advice_on_scales(dataset: Dataset) -> str:
    """Say which of x and y to scale: what is larger than numbers of mean 0 and deviation 1 are."""
    is_real = np.issubdtype(dataset.train.y.dtype, np.floating)
    arrays = {"x": dataset.train.x} | ({"y": dataset.train.y} if is_real else {})
    sizes = {name: float(np.max(np.abs(np.asarray(array)))) for name, array in arrays.items()}
    large = [f"scale {name} (up to {size:.3g}), " for name, size in sizes.items() if size > 10]
    return "".join(large)
