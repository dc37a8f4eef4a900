"""A whole training run as one function of a seed: init, epochs of steps, evaluation, early stopping.

`fnn.train` compiles it for one seed and `fnn.sweep` maps it over lanes. The data are arguments; nothing is written,
printed or decided in Python while it runs.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Bool, Float, Integer, UInt32

from fnn import tree
from fnn.backprop import feature_major, target_of
from fnn.data import Dataset, Split
from fnn.data.shuffle import permutation
from fnn.training import progress
from fnn.training.evaluate import evaluate
from fnn.training.keys import RunKeys, run_keys
from fnn.training.step import Learner, Tally, step
from fnn.types import Layer, Loss, Params, State

History = dict[str, Float[Array, "epochs"]]


class Plan(NamedTuple):
    """What shapes the program. Another plan is another compilation."""

    epochs: int
    batch_size: int
    patience: int | None = None
    report_every: int | None = None  # epochs between two messages to a progress bar


class Best(NamedTuple):
    """The parameters of the epoch with the lowest validation loss so far."""

    params: Params
    state: State
    loss: Float[Array, ""]
    epoch: Integer[Array, ""]


class Outcome(NamedTuple):
    """What a run leaves behind. `stopped_epoch` is the last epoch that was trained; from there on, or from the epoch
    in which it diverged, the history is NaN."""

    params: Params
    state: State
    best_params: Params
    best_state: State
    best_epoch: Integer[Array, ""]
    stopped_epoch: Integer[Array, ""]
    diverged: Bool[Array, ""]
    history: History


class Carry(NamedTuple):
    """What an epoch hands to the next."""

    learner: Learner
    best: Best
    stopped_epoch: Integer[Array, ""]
    diverged: Bool[Array, ""]
    active: Bool[Array, ""]


def trajectory(
    net: Layer,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    plan: Plan,
    seed: UInt32[Array, ""] | UInt32[np.ndarray, ""],
    dataset: Dataset,
    bar: Integer[Array, ""] | int = 0,
) -> Outcome:
    """The run of one seed, from init to the last epoch. `bar` is the number of the progress bar that a plan with
    `report_every` reports to."""
    keys = run_keys(seed)
    params, state = net.init(keys.init)
    none_yet = jnp.int32(-1)
    carry = Carry(
        Learner(params, state, optimizer.init(params)),
        Best(params, state, jnp.array(jnp.inf), none_yet),
        none_yet,
        jnp.array(False),
        jnp.array(True),
    )

    def train_one(carry: Carry, epoch):
        carry, row = train_epoch(net, loss, optimizer, plan, keys, dataset, carry, epoch)
        if plan.report_every is not None:
            progress.report(bar, epoch, row["validation_loss"], plan.report_every)
        return carry, row

    def skip_one(carry: Carry, epoch):
        row = jax.eval_shape(train_one, carry, epoch)[1]
        return carry, tree.full_like(row, jnp.nan)

    def one_epoch(carry: Carry, epoch):
        # Alone, a run that has stopped skips the rest. Under vmap, cond becomes a select, which freezes the lane.
        return lax.cond(carry.active, train_one, skip_one, carry, epoch)

    carry, history = lax.scan(one_epoch, carry, jnp.arange(plan.epochs, dtype=jnp.int32))
    learner, best, stopped_epoch, diverged, _ = carry
    return Outcome(learner.params, learner.state, best.params, best.state, best.epoch, stopped_epoch, diverged, history)


def train_epoch(net, loss, optimizer, plan, keys: RunKeys, dataset, carry: Carry, epoch) -> tuple[Carry, History]:
    """One pass over the training data, the evaluation after it, and the decision whether to go on."""
    learner, tally = train_steps(net, loss, optimizer, plan.batch_size, keys, dataset.train, carry.learner, epoch)
    row = epoch_row(net, loss, learner, tally, dataset)
    diverged = tally.diverged

    improved = row["validation_loss"] < carry.best.loss
    here = Best(learner.params, learner.state, row["validation_loss"], epoch)
    best = tree.where(improved, here, carry.best)
    patient = plan.patience is None or epoch - best.epoch < plan.patience
    return Carry(learner, best, epoch, diverged, ~diverged & patient), row


def train_steps(net, loss, optimizer, batch_size: int, keys: RunKeys, train: Split, learner: Learner, epoch):
    """⌈N/B⌉ updates in an order drawn for this epoch, every example once.

    A short last batch is a step of its own shape in the same program. Padding it with weight 0 would be one shape,
    but padded rows would enter the statistics of batch normalisation.
    """
    n = train.x.shape[0]
    full, rest = divmod(n, batch_size)
    order = permutation(jax.random.fold_in(keys.shuffle, epoch), n)
    first_step = epoch * (full + (rest > 0))

    def one_step(carry, batch):
        learner, tally = carry
        number, rows = batch
        x, y = (jnp.asarray(a).at[rows].get(mode="promise_in_bounds") for a in train)
        key = jax.random.fold_in(keys.noise, first_step + number)
        return step(net, loss, optimizer, learner, tally, feature_major(x), target_of(y), key), None

    zero = jnp.zeros(())
    carry = (learner, Tally(zero, zero, jnp.array(False)))
    if full:
        rows = order[: n - rest].reshape(full, batch_size)
        carry, _ = lax.scan(one_step, carry, (jnp.arange(full, dtype=jnp.int32), rows))
    if rest:
        carry, _ = one_step(carry, (full, order[n - rest :]))
    return carry


def epoch_row(net, loss, learner: Learner, tally: Tally, dataset: Dataset) -> History:
    """The history's entries for one epoch: NaN where it diverged."""
    n = dataset.train.x.shape[0]
    row = {"train_loss": tally.loss / n}
    if loss.correct is not None:
        row["train_accuracy"] = tally.correct / n
    for name, split in (("validation", dataset.validation), ("test", dataset.test)):
        for metric, value in evaluate(net, loss, learner.params, learner.state, split).items():
            row[f"{name}_{metric}"] = value
    return {name: jnp.where(tally.diverged, jnp.nan, value) for name, value in row.items()}
