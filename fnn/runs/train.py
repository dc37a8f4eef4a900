"""Train one network: `fnn.train`.

The call is checked first. Then the run is compiled and driven as a block of one run by the engine
that sweeps use too, and its final state is returned as a `fnn.Run`.
"""

import math
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
from fnn.runs.run import Run, RunParts
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
    """Train one network, with evaluation and early stopping, as one compiled program.

    Each epoch visits every training example once, in an order drawn from the seed. It makes
    ⌈N/batch_size⌉ updates on the mean loss of a batch; the last batch is smaller where N is no
    multiple of batch_size. The validation and test splits are evaluated after each epoch.

    net                a network, such as fnn.mlp returns it
    loss               one of `fnn.losses`
    optimizer          one of `fnn.optim`, or any transformation of optax
    dataset            the training, validation and test splits: see `fnn.data`
    epochs             the largest number of epochs, with those of `start` included
    batch_size         training examples an update
    seed               the seed of all random numbers. None: 0, or the seed of the run in `start`
    start              a Run or parameters to start from, see below. None: fresh parameters
    patience           epochs without an improvement after which training stops. None: never
    monitor            the entry of the history that decides which epoch is the best
    mode               "min" where less of it is better, "max" where more is. None: by its name
    min_delta          an improvement must be larger than this
    metrics            name -> f(prediction, target), see below. None: no further metrics
    train_metrics      also compute the metrics on the training split after each epoch, as
                       "train_name". This takes another forward pass over it. The entry train_loss
                       stays the mean over the epoch while it was trained
    transform_train    (key, x, y) -> (x, y): changes the training rows once, by a key of the seed's
                       own. fnn.data.label_noise makes one. None: the rows stay as they are
    progress           show a progress bar
    checkpoint         a directory in which the run is saved, see below. None: it is not saved
    checkpoint_every   seconds between two savings
    checkpoint_epochs  also save after every so many epochs. None: by the clock alone
    callbacks          functions that receive the records of new epochs, between two chunks of
                       epochs: see `fnn.callbacks`. If one raises, a warning says so and the run
                       goes on

    Returns a `fnn.Run`: parameters after the last and after the best epoch, and the history.

    Raises ValueError for arguments that do not fit together, before anything is compiled, and
    fnn.checkpoint.InUse where another process uses the directory. Warns of a run that diverged.

    Start: a Run that fnn.train returned or fnn.load read goes on to `epochs`, with the bits of a
    run that never ended. Net, loss, optimizer, data, batch_size and monitor must be those that it
    had; patience may be larger. With parameters, or a pair (params, state) as net.init returns it,
    training begins there with a fresh state of the optimizer. These parameters are not evaluated,
    so the best epoch is one that was trained.

    Metrics: each is computed on the whole validation and test splits after each epoch, and the
    history has it as "validation_name" and "test_name". A function f is written with jax.numpy and
    returns one number. It receives the prediction (examples, outputs), as fnn.apply returns it, or
    (examples,) where there is one output and the target is (examples,). `fnn.metrics` has some;
    rmse and r2 are always there for a loss of regression.

    Checkpoint: the same call with the same directory goes on from the last saving, and ends bit
    for bit as a run that was never interrupted. `epochs` and `patience` may be larger than before;
    other arguments are refused. With a checkpoint, Ctrl-C and SIGTERM (exit status 143) end the run
    after a chunk of epochs, saved.

    Optimizer: one that takes extra arguments gets `value`, `grad` and `value_fn` of the batch
    (optax.lbfgs, optax.contrib.reduce_on_plateau), and `grad_fn` if it names it. For an optimizer
    that descends at other parameters than it evaluates at, see fnn.optim.evaluated_at.

    Compilation: equal programs are compiled once, for all seeds, also where net, loss and optimizer
    are made anew for each call. One program serves all epochs up to 32, to 64, to 128 and so on;
    patience is part of the program. Arrays of JAX and those that fnn.data makes (read-only) are
    placed on the device once; arrays that you may change are compared with those of the last call.

    >>> import fnn
    >>> xor = fnn.data.load("xor")
    >>> net = fnn.mlp((2, 4, 1))
    >>> adam = fnn.optim.adam(0.1)
    >>> loss = fnn.losses.sigmoid_cross_entropy
    >>> run = fnn.train(net, loss, adam, xor, epochs=30, batch_size=4, progress=False)
    >>> run.final("test_accuracy")
    1.0
    >>> run.history["train_loss"].shape
    (30,)
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
    call = TrainCall(spec, plan, dataset, seed, start)
    describe = call.describe
    journal = journal_of(
        checkpoint, checkpoint_every, checkpoint_epochs, describe, Journal(), resizes=True
    )
    taken = GroupCollector(call.numbers)
    with journal.opened():
        driver = Driver(
            [call.group],
            taken,
            journal,
            callback_runner=callback_runner,
            multiple=checkpoint_epochs,
            keep_going=False,
        )
        driver.restore()
        call.choose_start(taken, journal, str(checkpoint))
        with progress_bar("epoch", epochs, call.start.epochs, progress) as bar:
            driver.drive(bar)
    run = call.result(taken)
    call.warn_of(run)
    return run


class TrainCall:
    """One call of `fnn.train` whose arguments are checked.

    spec, plan  the network with its loss and optimizer, and the other arguments that shape programs
    start       the furthest known state of the run
    engine      the compiled program of the run
    group       the one run of that program, as the driver expects it
    numbers     (1,) the number of the run in its group
    """

    numbers = np.array([0])

    def __init__(
        self, spec: TrainSpec, plan: Plan, dataset: Dataset, seed: int, start: Run | PyTree | None
    ) -> None:
        self.spec = spec
        self.plan = plan
        self.dataset = dataset
        self.seed = seed
        self.origin = Origin(TrainingCall.of(spec, plan, dataset, seed))
        self.start = Start(start, self.origin, spec, plan)
        runs = Runs(np.array([seed], np.uint32), {})
        process = TrainProcess(ConstantBuilder(spec), plan)
        self.engine = engine_of(process, runs, 1, partial(on_devices, dataset))
        metrics = last_monitored(plan)
        self.group = Group(
            self.engine, runs, plan.epochs, self.start, metrics=metrics, on_host=False
        )

    def describe(self) -> Call:
        """Describe the call for a checkpoint directory."""
        fingerprint = self.origin.fingerprint()
        named = {"call": "fnn.train", **fingerprint.arguments, **self.start.fingerprint()}
        content = {
            "seed": self.seed,
            "epochs": self.plan.epochs,
            "origin": fingerprint._asdict(),
            "encoding": self.dataset.preprocessing.to_json(),
        }
        return Call(named, fingerprint.programs, "run", content)

    def choose_start(self, taken: GroupCollector, journal: Journal, directory: str) -> None:
        """Start at the furthest state among `start` and the outcomes that a directory has.

        A run that is ended there is left in `taken`, and saved if the directory has none yet.
        """
        restored = taken.outcomes  # one of each call that ended, with more epochs each
        if restored:
            furthest = max(restored, key=lambda state: int(state.epochs))
            self.start.take(furthest, directory)
        taken.outcomes = []
        if self.start.is_ended:
            ended = self.start.furthest
            taken.outcomes = [ended]
            if not restored:
                block = BlockId(0, taken.numbers, tuple(self.engine.shape))
                journal.save_finished(block, ended)

    def result(self, taken: GroupCollector) -> Run:
        """Return the outcome as a Run."""
        return run_of(
            taken.outcomes[0],
            self.seed,
            self.plan.epochs,
            self.origin,
            self.dataset.preprocessing,
            taken.compile_seconds,
            taken.run_seconds,
        )

    def warn_of(self, run: Run) -> None:
        """Warn of a run that diverged, and of one without a best epoch."""
        if run.diverged:
            checks.warn(describe_divergence(run, self.spec, self.plan, self.dataset))
        elif run.best_epoch == NEVER:
            checks.warn(
                f"train: {self.plan.monitor.metric} was never a finite number, so no epoch is the "
                "best; best_params are those of the start."
            )


def seed_of(seed: int | None, start: Any) -> int:
    """Return the seed of a call.

    Raises ValueError if `start` is a run with another seed.
    """
    if not isinstance(start, Run):
        return checks.seed(0 if seed is None else seed)
    if seed is not None and seed != start.seed:
        raise ValueError(
            f"seed: got {seed}, but the run in start has seed {start.seed}; leave seed out to go "
            "on."
        )
    return start.seed


def last_monitored(plan: Plan) -> Metrics:
    """Return a function of states that reports the monitored metric after each run's last epoch."""
    metric = plan.monitor.metric

    def report(state: RunState) -> dict[str, np.ndarray]:
        values = np.asarray(state.history[metric])
        epochs = np.asarray(state.epochs)
        last = np.maximum(epochs - 1, 0)[..., None]
        in_last = np.take_along_axis(values, last, axis=-1)
        return {metric: in_last[..., 0]}

    return report


def run_of(
    state: RunState,
    seed: int,
    epochs: int,
    origin: Origin,
    encoding: Encoding | None,
    compile_seconds: float = 0.0,
    run_seconds: float = 0.0,
) -> Run:
    """Return a final state as a Run, with a history of `epochs` epochs on the host."""
    on_devices = as_jax_arrays((state.current, state.best, state.evaluated))
    current, best, evaluated = on_devices
    params, network_state = trained(state._replace(current=current, evaluated=evaluated))
    history = {name: np.array(values[:epochs]) for name, values in state.history.items()}
    call = origin.call
    parts = RunParts() if call is None else RunParts(lambda: (call.spec.net, call.spec.loss))
    return Run(
        params=params,
        state=network_state,
        best_params=best.params,
        best_state=best.state,
        best_epoch=int(best.epoch),
        stopped_epoch=int(state.epochs) - 1,
        diverged_step=int(state.diverged_step),
        history=history,
        seed=int(seed),
        optimizer_state=current.optimizer_state,
        descent_params=None if params is current.params else current.params,
        origin=origin,
        parts=parts,
        encoding=encoding,
        compile_seconds=compile_seconds,
        run_seconds=run_seconds,
    )


def as_jax_arrays(values: PyTree) -> PyTree:
    """Return values as JAX's arrays. Those that were read from a file are NumPy's."""
    if all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(values)):
        return values
    return jax.tree.map(jnp.asarray, values)


def describe_divergence(run: Run, spec: TrainSpec, plan: Plan, dataset: Dataset) -> str:
    """Say when a run diverged, where its numbers were largest before, and what to do."""
    x = feature_major(jnp.asarray(dataset.train.x[: plan.batch_size]))
    layers = layer_statistics(spec.net, run.params, run.state, x)
    largest = max(layers, key=lambda layer: max(layer.output, layer.parameter))
    steps_an_epoch = math.ceil(len(dataset.train.x) / plan.batch_size)
    step_in_epoch = run.diverged_step % steps_an_epoch
    best = "the start" if run.best_epoch == NEVER else f"epoch {run.best_epoch + 1}"
    return (
        f"train: the run diverged in epoch {run.stopped_epoch + 1} of {plan.epochs}; step "
        f"{run.diverged_step} of the run, {step_in_epoch} of the epoch, was not finite. params "
        f"are those before it, best_params those of {best}. The largest magnitudes before it, on "
        f"the first rows, were in {largest}. Lower the learning rate, {advice_on_scales(dataset)}"
        "or clip with fnn.optim.clip_by_global_norm."
    )


def advice_on_scales(dataset: Dataset) -> str:
    """Say which of x and y to scale, and return "" where no entry is above 10 in magnitude.

    Entries of mean 0 and standard deviation 1 are hardly ever so large.
    """
    arrays = {"x": dataset.train.x}
    if np.issubdtype(dataset.train.y.dtype, np.floating):
        arrays["y"] = dataset.train.y
    advice = ""
    for name, array in arrays.items():
        size = float(np.max(np.abs(np.asarray(array))))
        if size > 10:
            advice += f"scale {name} (up to {size:.3g}), "
    return advice
