"""One update of the parameters, and the freezing of a run that diverged."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Integer

from fnn import reductions, tree
from fnn.backprop import backprop
from fnn.types import Features, Layer, Loss, Params, PRNGKey, PyTree, State, Target

NEVER = -1  # the number of a step that did not happen


Prepare: TypeAlias = Callable[[PRNGKey, Any, Any], tuple[Any, Any]]  # key, x, y -> x, y of the same shapes


class Task(NamedTuple):
    """What is trained, on what loss, by what rule, and on what becomes of the training rows before it."""

    net: Layer
    loss: Loss
    optimizer: optax.GradientTransformation
    prepare: Prepare | None = None


class Learner(NamedTuple):
    """What a step changes."""

    params: Params
    state: State
    optimizer_state: PyTree


class Tally(NamedTuple):
    """Sums over the examples of an epoch as it is trained, whether the objective of every step was finite, and the
    number of the step that went wrong, or NEVER."""

    loss: Float[Array, ""]
    correct: Float[Array, ""]
    finite: Bool[Array, ""]
    diverged_step: Integer[Array, ""]


def step(
    task: Task, learner: Learner, tally: Tally, x: Features, target: Target, key: PRNGKey
) -> tuple[Learner, Tally]:
    """θ ← θ + optimizer(∂L/∂θ) on one batch, L the mean loss plus penalty."""
    net, loss, optimizer, _ = task
    done = backprop(net, loss, reductions.mean, learner.params, learner.state, x, target, key=key, train=True)
    grads = tree.as_types_of(learner.params, done.grads)  # data wider than the parameters make wider gradients
    updates, optimizer_state = optimizer.update(grads, learner.optimizer_state, learner.params)
    correct = jnp.zeros(()) if loss.correct is None else jnp.sum(loss.correct(done.prediction, target), dtype=float)
    value = jnp.sum(loss.value(done.prediction, target), dtype=float)
    return (
        Learner(optax.apply_updates(learner.params, updates), done.state, optimizer_state),
        tally._replace(
            loss=tally.loss + value, correct=tally.correct + correct, finite=tally.finite & jnp.isfinite(done.value)
        ),
    )


def guarded_step(
    task: Task, learner: Learner, tally: Tally, x: Features, target: Target, key: PRNGKey, number: Integer[Array, ""]
) -> tuple[Learner, Tally]:
    """`step`, unless its loss or its new parameters, state or optimizer state are not finite. That step is not taken,
    nor is any after it; the tally keeps its `number`. (Adam with an infinite v would stand still and look trained.)"""
    proposed, added = step(task, learner, tally._replace(finite=jnp.array(True)), x, target, key)
    sound = added.finite & tree.all_finite(proposed)
    earlier = tally.diverged_step != NEVER
    diverged_step = jnp.where(earlier | sound, tally.diverged_step, number)
    return tree.where(earlier | ~sound, learner, proposed), added._replace(diverged_step=diverged_step)
