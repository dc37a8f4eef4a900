"""One update of the parameters, and the guard that stops a run before it diverges."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Integer

from fnn import reductions, tree
from fnn.backprop import Pass, backprop
from fnn.data import Scaling
from fnn.reductions import Reduction, Weights
from fnn.runs.in_units import for_loss
from fnn.runs.process import NEVER
from fnn.runs.updates import BatchObjective, compute_updates
from fnn.types import Features, Layer, Loss, Params, PRNGKey, PyTree, State, Target

TransformTrain: TypeAlias = Callable[[PRNGKey, Any, Any], tuple[Any, Any]]
"""(key, x, y) -> x, y of the same shapes and dtypes."""

Examples: TypeAlias = Integer[Array, ""] | None
"""The number of examples of a batch that count; the others fill it up. None: all count."""


class TrainSpec(NamedTuple):
    """Hold the parts of a training.

    net              the network
    loss             the loss on which it is trained
    optimizer        an optax gradient transformation
    transform_train  changes the training rows; None: they stay as they are
    """

    net: Layer
    loss: Loss
    optimizer: optax.GradientTransformation
    transform_train: TransformTrain | None = None


class TrainState(NamedTuple):
    """Hold the values that a step changes."""

    params: Params
    state: State
    optimizer_state: PyTree


class EpochMetrics(NamedTuple):
    """Hold sums over the examples of an epoch while it is trained.

    loss           the sum of the losses of the examples so far
    correct        the number of correct examples so far, or the sum of their weights
    finite         whether the objective of every step was finite
    diverged_step  the number of the step that was not finite, or NEVER
    """

    loss: Float[Array, ""]
    correct: Float[Array, ""]
    finite: Bool[Array, ""]
    diverged_step: Integer[Array, ""]

    @classmethod
    def zero(cls) -> "EpochMetrics":
        """Return the metrics before the first step."""
        zero = jnp.zeros(())
        return cls(zero, zero, jnp.array(True), jnp.int32(NEVER))


def step(
    spec: TrainSpec,
    before: TrainState,
    metrics: EpochMetrics,
    x: Features,
    target: Target,
    key: PRNGKey,
    examples: Examples = None,
    weights: Weights = None,
    units: Scaling | None = None,
) -> tuple[TrainState, EpochMetrics]:
    """Update the parameters on one batch, and add the batch to the metrics.

    The update is

        θ ← θ + optimizer(∂L/∂θ)

    where L is the mean loss of the batch plus the penalty.

    before    the state before the step
    metrics   the metrics of the epoch so far
    x         (features, batch)
    target    as `fnn.backprop.target_of` returns it
    key       draws the dropout masks
    examples  the number of examples that count; None: all
    weights   of the examples, with a mean of 1 over the epoch; None: all are 1. The mean loss of a
              batch of n examples is Σ wᵢ ℓᵢ / n. A batch whose weights are all 0 changes nothing
    units     mean and std by which the target was scaled: see `for_loss`
    """
    net, loss, optimizer, _ = spec
    params, state, optimizer_state = before
    mean = mean_of_batch(x.shape[1], examples, weights)

    def backprop_at(params: Params) -> Pass:
        return backprop(
            net, loss, mean, params, state, x, target, key=key, train=True, weights=weights
        )

    done = backprop_at(params)
    # Data of a wider dtype than the parameters make wider gradients.
    grads = tree.as_types_of(params, done.grads)
    batch = BatchObjective(backprop_at, done.value, grads)
    updates, optimizer_state = compute_updates(optimizer, batch, optimizer_state, params)
    new_params = optax.apply_updates(params, updates)
    after = TrainState(new_params, done.state, optimizer_state)
    if weights is not None:
        counts = sum_of_first(examples, weights) > 0
        after = tree.where(counts, after, before)

    correct = jnp.zeros(())
    if loss.matches is not None:
        matches = loss.matches(done.prediction, target)
        correct = sum_of_first(examples, matches, weights)
    losses = loss.forward(*for_loss(units, loss, done.prediction, target))
    added = metrics._replace(
        loss=metrics.loss + sum_of_first(examples, losses, weights),
        correct=metrics.correct + correct,
        finite=metrics.finite & jnp.isfinite(done.value),
    )
    return after, added


def stays_finite(before: TrainState, after: TrainState) -> Bool[Array, ""]:
    """Return whether parameters and state are finite, and the optimizer's state is sound.

    An optimizer's state is sound if each of its numbers is finite or unchanged. An infinity that
    was there before belongs to the rule, such as the best loss of a rule that has seen none yet.
    """
    optimizer_is_sound = tree.unchanged_or_finite(before.optimizer_state, after.optimizer_state)
    return tree.all_finite((after.params, after.state)) & optimizer_is_sound


def mean_of_batch(size: int, examples: Examples, weights: Weights) -> Reduction:
    """Return the reduction of the losses of a batch to their mean.

    size  the number of examples in the batch, with those that fill it up
    """
    if weights is None and examples is None:
        return reductions.mean
    counted = size if examples is None else examples
    return reductions.mean_of_first(counted)


def sum_of_first(
    examples: Examples, values: Float[Array, "batch"], weights: Weights = None
) -> Float[Array, ""]:
    """Sum the values of the first examples, multiplied by their weights.

    examples  the number of examples; None: all
    """
    if weights is not None:
        # 0 · ∞ would be NaN.
        values = jnp.where(weights > 0, weights * values, 0)
    if examples is not None:
        is_counted = jnp.arange(len(values)) < examples
        values = jnp.where(is_counted, values, 0)
    return jnp.sum(values, dtype=float)


def guarded_step(
    spec: TrainSpec,
    before: TrainState,
    metrics: EpochMetrics,
    x: Features,
    target: Target,
    key: PRNGKey,
    number: Integer[Array, ""],
    examples: Examples = None,
    weights: Weights = None,
    units: Scaling | None = None,
) -> tuple[TrainState, EpochMetrics]:
    """Take `step`, unless its loss, parameters, state or optimizer state are not finite.

    number  the number of the step, counted from 0 over all epochs

    A step that is not finite is not taken, and no step after it is. The metrics keep its number.
    (Adam with an infinite v would stand still and look trained.)
    """
    still_finite = metrics._replace(finite=jnp.array(True))
    proposed, added = step(spec, before, still_finite, x, target, key, examples, weights, units)
    is_good = added.finite & stays_finite(before, proposed)
    was_over = metrics.diverged_step != NEVER
    diverged_step = jnp.where(was_over | is_good, metrics.diverged_step, number)
    after = tree.where(was_over | ~is_good, before, proposed)
    return after, added._replace(diverged_step=diverged_step)
