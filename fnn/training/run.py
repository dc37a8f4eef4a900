"""`fnn.train`: check, compile, run."""

import time
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from fnn import checks
from fnn.data import Dataset
from fnn.training.program import Outcome, trajectory
from fnn.training.progress import epoch_bar
from fnn.training.refusals import check_run
from fnn.types import Layer, Loss, Params, State

REPORTS = 100  # messages to the progress bar in a run, at most


class Run(NamedTuple):
    """A trained network.

    params, state            after the last epoch that was trained
    best_params, best_state  after the epoch with the lowest validation loss, `best_epoch` (−1: there was none)
    history                  name -> (epochs,): train_loss, validation_loss, test_loss, and for classification
                             train_accuracy, validation_accuracy, test_accuracy. The training entries are means over
                             the epoch as it was trained; NaN from the epoch in which the run diverged, and after an
                             early stop
    stopped_epoch            the last epoch that was trained
    diverged                 whether a step's loss, parameters, state or optimizer state were not finite; params and
                             state are those before that step
    compile_seconds, run_seconds
    """

    params: Params
    state: State
    best_params: Params
    best_state: State
    best_epoch: int
    stopped_epoch: int
    diverged: bool
    history: dict[str, Float[np.ndarray, "epochs"]]
    compile_seconds: float
    run_seconds: float

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
    progress: bool = True,
) -> Run:
    """Trains one network: init, epochs, evaluation and early stopping as one compiled program.

    Each epoch visits every training example once in an order drawn from the seed, in ⌈N/batch_size⌉ updates on the
    mean loss of a batch, the last one smaller where N is no multiple. After each epoch the validation and test splits
    are evaluated. With `patience`, training stops after that many epochs without a lower validation loss.

    The same net, loss and optimizer objects with the same sizes are compiled once, whatever the seed.
    Raises ValueError for everything that does not fit together, before anything is compiled; warns of a run that
    diverged.
    """
    plan = check_run(net, loss, optimizer, dataset, epochs, batch_size, patience)
    seed = checks.seed(seed)
    if progress:
        plan = plan._replace(report_every=-(-epochs // REPORTS))
    arrays = jax.tree.map(jnp.asarray, dataset._replace(scaling=None))
    with epoch_bar(epochs, progress) as bar:
        arguments = (net, loss, optimizer, plan, np.uint32(seed), arrays, np.int32(bar))
        _, compile_seconds = timed(lambda: _program.lower(*arguments).compile())
        outcome, run_seconds = timed(lambda: jax.block_until_ready(_program(*arguments)))
    run = run_of(outcome, compile_seconds, run_seconds)
    if run.diverged:
        warnings.warn(
            f"train: the run diverged in epoch {run.stopped_epoch + 1} of {epochs}; params are those before the step "
            "that was not finite. Lower the learning rate, scale x, or clip with fnn.optim.clip_by_global_norm.",
            stacklevel=2,
        )
    return run


_program = jax.jit(trajectory, static_argnums=(0, 1, 2, 3))


def run_of(outcome: Outcome, compile_seconds: float, run_seconds: float) -> Run:
    """The outcome with its history and numbers on the host."""
    return Run(
        outcome.params,
        outcome.state,
        outcome.best_params,
        outcome.best_state,
        int(outcome.best_epoch),
        int(outcome.stopped_epoch),
        bool(outcome.diverged),
        {name: np.asarray(values) for name, values in outcome.history.items()},
        compile_seconds,
        run_seconds,
    )


def timed(work):
    """The result of work() and the seconds it took."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
