"""One update of the parameters, and the freezing of a run that diverged."""

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
from fnn.runs.updates import BatchObjective, updated
from fnn.types import Features, Layer, Loss, Params, PRNGKey, PyTree, State, Target

TransformTrain: TypeAlias = Callable[[PRNGKey, Any, Any], tuple[Any, Any]]
"""(key, x, y) -> x, y of the same shapes and dtypes."""

Examples: TypeAlias = Integer[Array, ""] | None
"""How many examples of a batch count; those behind fill it up. None: all."""


class TrainSpec(NamedTuple):
    """What is trained: a network, on a loss, by an optimizer, on rows that may be transformed."""

    net: Layer
    loss: Loss
    optimizer: optax.GradientTransformation
    transform_train: TransformTrain | None = None


class TrainState(NamedTuple):
    """What a step changes."""

    params: Params
    state: State
    optimizer_state: PyTree


class EpochMetrics(NamedTuple):
    """Sums over the examples of an epoch, as it is trained.

    loss, correct  sums over the examples so far
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
    """Take θ ← θ + optimizer(∂L/∂θ) on one batch, L the mean loss plus penalty.

    weights  of the examples, with a mean of 1 over the epoch: the loss of a batch is Σ wᵢ ℓᵢ by the
             number of its examples. A batch whose weights are all 0 changes nothing
    units    mean and std by which the target was scaled: see `for_loss`
    """
    net, loss, optimizer, _ = spec
    params, state, optimizer_state = before
    mean = mean_of_batch(x.shape[1], examples, weights)

    def passed_at(params: Params) -> Pass:
        return backprop(
            net, loss, mean, params, state, x, target, key=key, train=True, weights=weights
        )

    done = passed_at(params)
    grads = tree.as_types_of(params, done.grads)  # data wider than params make wider gradients
    batch = BatchObjective(passed_at, done.value, grads)
    updates, optimizer_state = updated(optimizer, batch, optimizer_state, params)
    after = TrainState(optax.apply_updates(params, updates), done.state, optimizer_state)
    if weights is not None:
        after = tree.where(sum_of_first(examples, weights) > 0, after, before)

    correct = jnp.zeros(())
    if loss.matches is not None:
        correct = sum_of_first(examples, loss.matches(done.prediction, target), weights)
    losses = loss.forward(*for_loss(units, loss, done.prediction, target))
    added = metrics._replace(
        loss=metrics.loss + sum_of_first(examples, losses, weights),
        correct=metrics.correct + correct,
        finite=metrics.finite & jnp.isfinite(done.value),
    )
    return after, added


def is_sound(before: TrainState, after: TrainState) -> Bool[Array, ""]:
    """Return whether parameters and state are finite, and the optimizer's state got no infinity.

    One that was there before is the rule's own: the best loss so far of a rule that waits for it.
    """
    own = tree.unchanged_or_finite(before.optimizer_state, after.optimizer_state)
    return tree.all_finite((after.params, after.state)) & own


def mean_of_batch(size: int, examples: Examples, weights: Weights) -> Reduction:
    """Return what makes one number of the losses of a batch."""
    if weights is None and examples is None:
        return reductions.mean
    return reductions.mean_of_first(size if examples is None else examples)


def sum_of_first(
    examples: Examples, values: Float[Array, "batch"], weights: Weights = None
) -> Float[Array, ""]:
    """Sum the values of so many examples, each as often as it counts; None: of all."""
    if weights is not None:
        values = jnp.where(weights > 0, weights * values, 0)  # 0 · ∞ is no number
    if examples is not None:
        values = jnp.where(jnp.arange(len(values)) < examples, values, 0)
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

    That step is not taken, nor is any after it; the metrics keep its number. (Adam with an
    infinite v would stand still and look trained.)
    """
    proposed, added = step(
        spec,
        before,
        metrics._replace(finite=jnp.array(True)),
        x,
        target,
        key,
        examples,
        weights,
        units,
    )
    is_good = added.finite & is_sound(before, proposed)
    was_over = metrics.diverged_step != NEVER
    diverged_step = jnp.where(was_over | is_good, metrics.diverged_step, number)
    after = tree.where(was_over | ~is_good, before, proposed)
    return after, added._replace(diverged_step=diverged_step)
