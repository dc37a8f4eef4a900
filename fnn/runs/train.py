"""`fnn.train`: one run."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from fnn import checks
from fnn.backprop import feature_major
from fnn.checkpoint.run_directory import Call
from fnn.data import Dataset
from fnn.runs.blocks import Runs
from fnn.runs.driver import Driver, Group, Taken
from fnn.runs.engine import engine_of
from fnn.runs.fingerprint import constants_of, dataset_fingerprint, program_fingerprint
from fnn.runs.journal import Journal, journal_of
from fnn.runs.layer_statistics import layer_statistics
from fnn.runs.placed import on_devices
from fnn.runs.process import NEVER, Hyper
from fnn.runs.progress import shown
from fnn.runs.refusals import check_run
from fnn.runs.run import Run
from fnn.runs.step import TrainSpec, TransformTrain
from fnn.runs.training import Plan, RunState, TrainProcess
from fnn.types import Layer, Loss, PyTree


def train(
    net: Layer,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    patience: int | None = None,
    transform_train: TransformTrain | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
    checkpoint_epochs: int | None = None,
) -> Run:
    """Train one network: init, epochs, evaluation and early stopping as one compiled program.

    Each epoch visits every training example once in an order drawn from the seed, in ⌈N/batch_size⌉
    updates on the mean loss of a batch, the last one smaller where N is no multiple. After each
    epoch the validation and test splits are evaluated. With `patience`, training stops after that
    many epochs without a lower validation loss. transform_train(key, x, y) -> (x, y), if given,
    changes the training rows once, by a key of the seed's own: fnn.data.label_noise makes one.

    checkpoint         a directory in which the run is saved, and from which it goes on when it is
                       started again with the same arguments; it ends bit for bit as one that was
                       never interrupted. Other arguments are refused. While it is saved so, Ctrl-C
                       and SIGTERM (exit status 143) end it after a chunk of epochs, saved
    checkpoint_every   seconds between two savings
    checkpoint_epochs  save after every so many epochs too

    Equal programs are compiled once, whatever the seed, also where net, loss and optimizer are made
    anew for each call. The numbers of arrays that you may change are compared with those of the
    last call; arrays of JAX, and those that fnn.data makes, which are read-only, are not looked at
    again. Raises ValueError for everything that does not fit together, before anything is compiled,
    and fnn.checkpoint.InUse where another process uses the directory; warns of a run that diverged.
    """
    spec = TrainSpec(net, loss, optimizer, transform_train)
    plan = check_run(spec, dataset, epochs, batch_size, patience)
    runs = Runs(np.array([checks.seed(seed)], np.uint32), {})
    process = TrainProcess(Constant(spec), plan)
    engine = engine_of(process, runs, 1, partial(on_devices, dataset))
    group = Group(engine, runs, epochs, metrics=latest_loss, on_host=False)

    def describe() -> Call:
        named: dict[str, Any] = {"call": "fnn.train", "seed": seed, **plan._asdict()}
        named |= {"float": str(jnp.result_type(float)), **dataset_fingerprint(dataset)}
        for part, value in spec._asdict().items():
            named |= constants_of(part, value)
        return Call(
            named,
            [program_fingerprint(p) for p in group.engine.trace_one()],
            "run",
            {"seed": int(seed)},
        )

    journal = journal_of(checkpoint, checkpoint_every, checkpoint_epochs, describe, Journal())
    taken = Taken(np.array([0]))
    with journal.opened():
        driver = Driver([group], taken, journal, multiple=checkpoint_epochs, keep_going=False)
        driver.restore()
        done = epochs if taken.outcomes else 0
        with shown("epoch", epochs, done, progress) as bar:
            driver.drive(bar)
    run = run_of(taken.outcomes[0], seed, taken.compile_seconds, taken.run_seconds)
    if run.diverged:
        checks.warn(describe_divergence(run, spec, plan, dataset))
    return run


class Constant(NamedTuple):
    """A builder whose spec does not depend on hyperparameters."""

    spec: TrainSpec

    def __call__(self, hyper: Hyper) -> TrainSpec:
        """Return the spec."""
        return self.spec


def latest_loss(state: RunState) -> dict[str, np.ndarray]:
    """Return the validation loss of each run after its last epoch."""
    losses = np.asarray(state.history["validation_loss"])
    last = np.maximum(np.asarray(state.epochs) - 1, 0)[..., None]
    return {"validation_loss": np.take_along_axis(losses, last, axis=-1)[..., 0]}


def run_of(
    state: RunState, seed: int, compile_seconds: float = 0.0, run_seconds: float = 0.0
) -> Run:
    """Return the final state as a Run, its history on the host."""
    current, best = on_device((state.current, state.best))
    return Run(
        params=current.params,
        state=current.state,
        best_params=best.params,
        best_state=best.state,
        best_epoch=int(best.epoch),
        stopped_epoch=int(state.epochs) - 1,
        diverged_step=int(state.diverged_step),
        history={name: np.array(values) for name, values in state.history.items()},
        seed=int(seed),
        optimizer_state=current.optimizer_state,
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
        f"before it, on the first rows, were in {largest}. Lower the learning rate, scale x, or "
        "clip with fnn.optim.clip_by_global_norm."
    )
