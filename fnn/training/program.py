"""A training run as functions of a seed: `begin` makes the start, `advance` trains on to an epoch.

`fnn.train` compiles them for one seed and `fnn.sweep` maps them over lanes. A run that is advanced in pieces is the
same bit for bit as one advanced at once, so the caller may stop between epochs, to report or to save. The data are
arguments; nothing is written, printed or decided in Python while it runs.

To look at every number of every step for one that is not finite would cost a quarter of the time of a small network.
`advance` looks once an epoch, and where it finds one it leaves the run before that epoch, as a suspect; `examine`
trains the epoch again step by step and stops before the step that went wrong. It is compiled when there is a suspect.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Integer, UInt32

from fnn import tree
from fnn.backprop import feature_major, target_of
from fnn.data import Dataset, Split
from fnn.data.shuffle import permutation
from fnn.training.evaluate import evaluate
from fnn.training.keys import RunKeys, run_keys
from fnn.training.step import NEVER, Learner, Tally, Task, guarded_step, step
from fnn.types import Loss, Params, State

Seed: TypeAlias = UInt32[Array, ""] | UInt32[np.ndarray, ""] | np.uint32
Step: TypeAlias = Callable[..., tuple[Learner, Tally]]  # (learner, tally, x, target, key, number)
Row = dict[str, Float[Array, ""]]
History = dict[str, Float[Array, "epochs"]]


class Plan(NamedTuple):
    """What shapes the program. Another plan is another compilation."""

    epochs: int
    batch_size: int
    patience: int | None = None


class Best(NamedTuple):
    """The parameters of the epoch with the lowest validation loss so far."""

    params: Params
    state: State
    loss: Float[Array, ""]
    epoch: Integer[Array, ""]


class Training(NamedTuple):
    """A run between two epochs.

    learner        parameters, state, optimizer state
    best           those of the best epoch
    epochs         how many have been trained
    diverged_step  the first step that was not finite, counted from 0; −1 if there was none
    active         whether another epoch would be trained: not diverged, still patient, not at the end
    suspect        whether the next epoch ends in numbers that are not finite
    history        name -> (plan.epochs,), NaN where nothing was trained and in the epoch that diverged
    """

    learner: Learner
    best: Best
    epochs: Integer[Array, ""]
    diverged_step: Integer[Array, ""]
    active: Bool[Array, ""]
    suspect: Bool[Array, ""]
    history: History


def begin(task: Task, plan: Plan, seed: Seed) -> Training:
    """The run of a seed before its first epoch."""
    params, state = task.net.init(run_keys(seed).init)
    none = jnp.int32(NEVER)
    training = Training(
        Learner(params, state, task.optimizer.init(params)),
        Best(params, state, jnp.array(jnp.inf), none),
        jnp.int32(0),
        none,
        jnp.array(True),
        jnp.array(False),
        {name: jnp.full(plan.epochs, jnp.nan) for name in metrics(task.loss)},
    )
    return tree.as_types_of(training, training)  # no weak types, which `advance` would return strong: another program


def advance(
    task: Task, plan: Plan, seed: Seed, dataset: Dataset, training: Training, until: Integer[Array, ""] | int
) -> Training:
    """The run after `until` epochs, or where it ended before, or before an epoch that makes it a suspect.

    Under vmap the loop lasts until every lane is there, and JAX keeps those that are from changing.
    """
    keys = run_keys(seed)
    dataset = prepared(task, keys, dataset)

    def unfinished(training: Training):
        return training.active & ~training.suspect & (training.epochs < until)

    def on(training: Training) -> Training:
        after = train_epoch(task, plan, keys, dataset, training, step_of(task))
        suspect = after.suspect | ~tree.all_finite(after.learner)
        return tree.where(suspect, training._replace(suspect=jnp.array(True)), after)

    return lax.while_loop(unfinished, on, training)


def examine(task: Task, plan: Plan, seed: Seed, dataset: Dataset, training: Training) -> Training:
    """A suspect after the epoch in question: ended before the step that is not finite, or cleared if there is none."""
    keys = run_keys(seed)
    dataset = prepared(task, keys, dataset)

    def on(training: Training) -> Training:
        after = train_epoch(task, plan, keys, dataset, training, partial(guarded_step, task))
        return after._replace(suspect=jnp.array(False))

    return lax.while_loop(lambda training: training.active & training.suspect, on, training)


def prepared(task: Task, keys: RunKeys, dataset: Dataset) -> Dataset:
    """The dataset with this run's training rows. What `prepare` returns as it was is not copied for every lane."""
    if task.prepare is None:
        return dataset
    return dataset._replace(train=Split(*task.prepare(keys.data, *map(jnp.asarray, dataset.train))))


def step_of(task: Task) -> Step:
    """`step` in the form of `guarded_step`."""
    return lambda learner, tally, x, target, key, number: step(task, learner, tally, x, target, key)


def metrics(loss: Loss) -> list[str]:
    """The names in a history."""
    kinds = ("loss",) if loss.correct is None else ("loss", "accuracy")
    return [f"{split}_{kind}" for split in ("train", "validation", "test") for kind in kinds]


def train_epoch(
    task: Task, plan: Plan, keys: RunKeys, dataset: Dataset, training: Training, take_step: Step
) -> Training:
    """One pass over the training data, the evaluation after it, and the decision whether to go on."""
    epoch = training.epochs
    learner, tally = train_steps(take_step, plan.batch_size, keys, dataset.train, training.learner, epoch)
    diverged = tally.diverged_step != NEVER
    row = epoch_row(task, learner, tally, dataset, diverged)

    improved = row["validation_loss"] < training.best.loss
    here = Best(learner.params, learner.state, row["validation_loss"], epoch)
    best = tree.where(improved, here, training.best)
    patient = plan.patience is None or epoch - best.epoch < plan.patience
    active = ~diverged & patient & (epoch + 1 < plan.epochs)
    history = {name: values.at[epoch].set(row[name]) for name, values in training.history.items()}
    return Training(learner, best, epoch + 1, tally.diverged_step, active, ~tally.finite, history)


def train_steps(take_step: Step, batch_size: int, keys: RunKeys, train: Split, learner: Learner, epoch):
    """⌈N/B⌉ updates in an order drawn for this epoch, every example once.

    A short last batch is a step of its own shape in the same program. Padding it with weight 0 would be one shape,
    but padded rows would enter the statistics of batch normalisation.
    """
    n = train.x.shape[0]
    full, rest = divmod(n, batch_size)
    order = permutation(jax.random.fold_in(keys.shuffle, epoch), n)
    first_step = epoch * (full + (rest > 0))

    def on_batch(carry, batch):
        learner, tally = carry
        number, rows = batch
        x, y = (jnp.asarray(a).at[rows].get(mode="promise_in_bounds") for a in train)
        number = first_step + number
        key = jax.random.fold_in(keys.noise, number)
        return take_step(learner, tally, feature_major(x), target_of(y), key, number), None

    zero = jnp.zeros(())
    carry = (learner, Tally(zero, zero, jnp.array(True), jnp.int32(NEVER)))
    if full:
        rows = order[: n - rest].reshape(full, batch_size)
        carry, _ = lax.scan(on_batch, carry, (jnp.arange(full, dtype=jnp.int32), rows))
    if rest:
        carry, _ = on_batch(carry, (full, order[n - rest :]))
    return carry


def epoch_row(task: Task, learner: Learner, tally: Tally, dataset: Dataset, diverged: Bool[Array, ""]) -> Row:
    """The history's entries for one epoch: NaN where it diverged."""
    n = dataset.train.x.shape[0]
    row = {"train_loss": tally.loss / n}
    if task.loss.correct is not None:
        row["train_accuracy"] = tally.correct / n
    for name, split in (("validation", dataset.validation), ("test", dataset.test)):
        for metric, value in evaluate(task.net, task.loss, learner.params, learner.state, split).items():
            row[f"{name}_{metric}"] = value
    return {name: jnp.where(diverged, jnp.nan, value) for name, value in row.items()}
