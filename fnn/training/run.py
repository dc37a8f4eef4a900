"""`fnn.train`: check, compile, run."""

import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Float

from fnn import checks
from fnn.backprop import outputs_of
from fnn.data import Dataset
from fnn.training.program import Outcome, Plan, trajectory
from fnn.training.progress import epoch_bar
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
    diverged                 whether a step's loss or parameters were not finite; params are those before that step
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
    Raises ValueError for everything that does not fit together, before anything is compiled.
    """
    plan = check_run(net, loss, optimizer, dataset, epochs, batch_size, patience)
    seed = checks.seed(seed)
    if progress:
        plan = plan._replace(report_every=-(-epochs // REPORTS))
    arrays = jax.tree.map(jnp.asarray, dataset)
    with epoch_bar(epochs, progress) as bar:
        arguments = (net, loss, optimizer, plan, np.uint32(seed), arrays, np.int32(bar))
        _, compile_seconds = timed(lambda: _program.lower(*arguments).compile())
        outcome, run_seconds = timed(lambda: jax.block_until_ready(_program(*arguments)))
    return run_of(outcome, compile_seconds, run_seconds)


_program = jax.jit(trajectory, static_argnums=(0, 1, 2, 3))


def check_run(
    net: Layer,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    dataset: Dataset,
    epochs: int,
    batch_size: int,
    patience: int | None,
) -> Plan:
    """Every refusal that `train` and `sweep` share."""
    checks.threefry()
    check_parts(net, loss, optimizer)
    plan = Plan(checks.count("epochs", epochs), checks.count("batch_size", batch_size))
    if patience is not None:
        plan = plan._replace(patience=checks.count("patience", patience))
    check_dataset(dataset)
    n = len(dataset.train.x)
    if plan.batch_size > n:
        raise ValueError(f"batch_size: got {batch_size} for {n} training examples, expected at most {n}.")
    check_fit(net, loss, dataset)
    return plan


def check_parts(net: Any, loss: Any, optimizer: Any) -> None:
    """Refuses what is not a Layer, a Loss and an optimizer, in this order."""
    if not isinstance(net, Layer):
        raise ValueError(f"net: got {net!r}, expected a Layer such as fnn.mlp((64, 32, 10)).")
    if not isinstance(loss, Loss):
        raise ValueError(f"loss: got {loss!r}, expected a Loss such as fnn.losses.softmax_cross_entropy.")
    if not (hasattr(optimizer, "init") and hasattr(optimizer, "update")):
        raise ValueError(f"optimizer: got {optimizer!r}, expected one such as fnn.optim.adam(1e-3).")


def check_dataset(dataset: Any) -> None:
    """Refuses splits that are empty, do not match each other or hold NaN or infinity."""
    if not isinstance(dataset, Dataset):
        raise ValueError(
            f"dataset: got {type(dataset).__name__}, expected a Dataset; make one with fnn.data.from_arrays(x, y)."
        )
    for name, split in dataset._asdict().items():
        checks.examples(split.x, split.y, f"{name}.x", f"{name}.y")
        if np.shape(split.x)[1:] != np.shape(dataset.train.x)[1:] or np.shape(split.y)[1:] != dataset.train.y.shape[1:]:
            raise ValueError(
                f"{name}: got x {np.shape(split.x)} and y {np.shape(split.y)}, which do not match train's "
                f"{np.shape(dataset.train.x)} and {np.shape(dataset.train.y)}."
            )


def check_fit(net: Layer, loss: Loss, dataset: Dataset) -> None:
    """Refuses a network, a loss and data that do not fit together, by tracing the shapes and reading the targets."""
    params, state = jax.eval_shape(net.init, jax.random.key(0))
    outputs = outputs_of(net, params, state, dataset.train.x.shape[1])
    for name, split in dataset._asdict().items():
        n = min(2, len(split.y))
        prediction = jax.ShapeDtypeStruct((outputs, n), jnp.result_type(float))
        jax.eval_shape(loss.value, prediction, np.asarray(split.y[:n]).T)
        if loss.check is not None:
            try:
                loss.check(np.asarray(split.y).T, outputs)
            except ValueError as error:
                raise ValueError(f"{name}.{error}") from error


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
