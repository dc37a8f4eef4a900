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
from fnn.devices import IN_ORDER
from fnn.training.pace import Pace
from fnn.training.program import Training, advance, begin, examine
from fnn.training.refusals import check_run
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
                             finite; params and state are those before it (−1: there was none)
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
) -> Run:
    """Trains one network: init, epochs, evaluation and early stopping as one compiled program.

    Each epoch visits every training example once in an order drawn from the seed, in ⌈N/batch_size⌉ updates on the
    mean loss of a batch, the last one smaller where N is no multiple. After each epoch the validation and test splits
    are evaluated. With `patience`, training stops after that many epochs without a lower validation loss.
    prepare(key, x, y) -> (x, y), if given, changes the training rows once, by a key of the seed's own:
    fnn.data.label_noise makes one.

    The same net, loss and optimizer objects with the same sizes are compiled once, whatever the seed.
    Raises ValueError for everything that does not fit together, before anything is compiled; warns of a run that
    diverged.
    """
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    task = Task(net, loss, optimizer, prepare)
    plan = check_run(task, dataset, epochs, batch_size, patience)
    arguments = (task, plan, np.uint32(checks.seed(seed)))
    arrays = jax.tree.map(jnp.asarray, dataset._replace(scaling=None))

    def on(training: Training, until: np.int32) -> Training:
        return _advance(*arguments, arrays, training, until)

    def again(training: Training) -> Training:
        return _examine(*arguments, arrays, training)

    _advance.eval_shape(*arguments, arrays, _begin.eval_shape(*arguments), np.int32(0))  # what does not fit shows here
    first, begin_seconds = timed(lambda: jax.block_until_ready(_begin(*arguments)))
    _, compile_seconds = timed(lambda: _advance.lower(*arguments, arrays, first, np.int32(0)).compile())
    start = time.perf_counter()
    with tqdm(total=epochs, unit="epoch", disable=not progress) as bar:
        for training in Pace().chunks(on, again, first, epochs):
            done = int(training.epochs)
            bar.set_postfix(validation_loss=f"{training.history['validation_loss'][done - 1]:.4g}", refresh=False)
            bar.update(done - bar.n)
    run = run_of(training, begin_seconds + compile_seconds, time.perf_counter() - start)
    if run.diverged:
        warnings.warn(
            f"train: the run diverged in epoch {run.stopped_epoch + 1} of {epochs}; params are those before step "
            f"{run.diverged_step}, which was not finite. Lower the learning rate, scale x, or clip with "
            "fnn.optim.clip_by_global_norm.",
            stacklevel=2,
        )
    return run


_begin = jax.jit(begin, compiler_options=IN_ORDER, static_argnums=(0, 1))
_advance = jax.jit(advance, compiler_options=IN_ORDER, static_argnums=(0, 1), donate_argnums=4)
_examine = jax.jit(examine, compiler_options=IN_ORDER, static_argnums=(0, 1), donate_argnums=4)


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
