"""`fnn.train`: check, compile, run."""

import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from fnn import checks, compiler
from fnn.backprop import feature_major
from fnn.checkpoint.run_directory import text_of
from fnn.data import Dataset
from fnn.training.keeping import checked_saving, described, keeping
from fnn.training.pace import Pace
from fnn.training.program import Plan, Training, advance, begin, examine
from fnn.training.refusals import check_run
from fnn.training.statistics import layer_statistics
from fnn.training.step import NEVER, Prepare, Task
from fnn.types import Layer, Loss, Params, State


class Run(NamedTuple):
    """A trained network.

    params, state            after the last epoch that was trained
    best_params, best_state  after the epoch with the lowest validation loss, `best_epoch` (−1: there was none)
    history                  name -> (epochs,): train_loss, validation_loss, test_loss, and for classification
                             train_accuracy, validation_accuracy, test_accuracy. The training entries are means over
                             the epoch as it was trained; NaN from the epoch in which the run diverged, and after an
                             early stop
    stopped_epoch            the last epoch that was trained
    diverged_step            the first step, counted from 0, whose loss, parameters, state or optimizer state were not
                             finite; params and state are those before it (−1: there was none). Looked for in every
                             step of an epoch that has a loss that is not finite or ends in such numbers: an infinity
                             of the optimizer's state that is gone at the end of its epoch is not one
    compile_seconds, run_seconds
    """

    params: Params
    state: State
    best_params: Params
    best_state: State
    best_epoch: int
    stopped_epoch: int
    diverged_step: int
    history: dict[str, Float[np.ndarray, "epochs"]]
    compile_seconds: float
    run_seconds: float

    @property
    def diverged(self) -> bool:
        """Whether the run ended because a step was not finite."""
        return self.diverged_step != NEVER

    def final(self, metric: str) -> float:
        """A history entry at the last epoch that was trained; NaN if the run diverged in it."""
        return float(checks.lookup("metric", metric, self.history)[self.stopped_epoch])

    def __repr__(self) -> str:
        epochs = len(next(iter(self.history.values())))
        ended = " (diverged)" if self.diverged else ""
        metrics = ", ".join(f"{name} {self.final(name):.4g}" for name in self.history)
        return f"Run({self.stopped_epoch + 1} of {epochs} epochs{ended}, best_epoch {self.best_epoch}; {metrics})"


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
    prepare: Prepare | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
    checkpoint_epochs: int | None = None,
) -> Run:
    """Trains one network: init, epochs, evaluation and early stopping as one compiled program.

    Each epoch visits every training example once in an order drawn from the seed, in ⌈N/batch_size⌉ updates on the
    mean loss of a batch, the last one smaller where N is no multiple. After each epoch the validation and test splits
    are evaluated. With `patience`, training stops after that many epochs without a lower validation loss.
    prepare(key, x, y) -> (x, y), if given, changes the training rows once, by a key of the seed's own:
    fnn.data.label_noise makes one.

    checkpoint         a directory in which the run is saved, and from which it goes on when it is started again with
                       the same arguments; it ends bit for bit as one that was never interrupted. Other arguments are
                       refused. While it is saved so, Ctrl-C and SIGTERM (exit status 143) end it after the chunk of
                       epochs at hand, saved
    checkpoint_every   seconds between two savings
    checkpoint_epochs  save after every so many epochs too

    The same net, loss and optimizer objects with the same sizes are compiled once, whatever the seed.
    Raises ValueError for everything that does not fit together, before anything is compiled, and
    fnn.checkpoint.InUse where another process uses the directory; warns of a run that diverged.
    """
    task = Task(net, loss, optimizer, prepare)
    plan = check_run(task, dataset, epochs, batch_size, patience)
    saving = checked_saving(checkpoint, checkpoint_every, checkpoint_epochs)
    identity = (task, plan, np.uint32(checks.seed(seed)))
    arrays = jax.tree.map(jnp.asarray, dataset._replace(scaling=None))
    like = _begin.eval_shape(*identity)
    _advance.eval_shape(*identity, arrays, like, np.int32(0))  # what does not fit shows here

    def describe() -> tuple[dict, list[str]]:
        programs = _begin.trace(*identity), _advance.trace(*identity, arrays, like, np.int32(0))
        return {"call": "fnn.train", "seed": seed} | described(plan, dataset), [text_of(each) for each in programs]

    with keeping(checkpoint, saving, describe, like) as (saved, through):
        run = _run(identity, arrays, saved, through, saving.epochs, progress)
    if run.diverged:
        warnings.warn(_of_divergence(run, task, plan, dataset), stacklevel=2)
    return run


def _run(
    identity: tuple[Task, Plan, np.uint32], arrays: Dataset, saved: Training | None, through: Callable,
    multiple: int | None, progress: bool,
) -> Run:  # fmt: skip
    """Compiles and trains, from the start or from what was saved."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    def on(training: Training, until: np.int32) -> Training:
        return _advance(*identity, arrays, training, until)

    def again(training: Training) -> Training:
        return _examine(*identity, arrays, training)

    def compiled(training: Training) -> None:
        if training.active:
            _advance.lower(*identity, arrays, training, np.int32(0)).compile()

    epochs = identity[1].epochs
    training, begin_seconds = timed(lambda: jax.block_until_ready(_begin(*identity)) if saved is None else saved)
    _, compile_seconds = timed(lambda: compiled(training))
    start = time.perf_counter()
    with tqdm(total=epochs, initial=int(training.epochs), unit="epoch", disable=not progress) as bar:
        for training in through(Pace().chunks(on, again, training, epochs, multiple)):  # noqa: B020
            done = int(training.epochs)
            bar.set_postfix(validation_loss=f"{training.history['validation_loss'][done - 1]:.4g}", refresh=False)
            bar.update(done - bar.n)
    return run_of(training, begin_seconds + compile_seconds, time.perf_counter() - start)


def _of_divergence(run: Run, task: Task, plan: Plan, dataset: Dataset) -> str:
    """When a run diverged, where its numbers were largest before, and what to do."""
    x = feature_major(jnp.asarray(dataset.train.x[: plan.batch_size]))
    layers = layer_statistics(task.net, run.params, run.state, x)
    largest = max(layers, key=lambda each: max(each.output, each.parameter))
    steps = -(-len(dataset.train.x) // plan.batch_size)
    best = "the start" if run.best_epoch == NEVER else f"epoch {run.best_epoch + 1}"
    return (
        f"train: the run diverged in epoch {run.stopped_epoch + 1} of {plan.epochs}; step {run.diverged_step} of the "
        f"run, {run.diverged_step % steps} of the epoch, was not finite. params are those before it, best_params those "
        f"of {best}. The largest magnitudes before it, on the first rows, were in {largest}. Lower the learning rate, "
        "scale x, or clip with fnn.optim.clip_by_global_norm."
    )


_begin = compiler.jit(begin, static_argnums=(0, 1))
_advance = compiler.jit(advance, static_argnums=(0, 1), donate_argnums=4)
_examine = compiler.jit(examine, static_argnums=(0, 1), donate_argnums=4)


def run_of(training: Training, compile_seconds: float, run_seconds: float) -> Run:
    """What a training has come to, with its history and numbers on the host."""
    learner, best = training.learner, training.best
    return Run(
        learner.params,
        learner.state,
        best.params,
        best.state,
        int(best.epoch),
        int(training.epochs) - 1,
        int(training.diverged_step),
        {name: np.asarray(values) for name, values in training.history.items()},
        compile_seconds,
        run_seconds,
    )


def timed(work):
    """The result of work() and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
