"""One update of the parameters, and the freezing of a run that diverged."""

from typing import NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from fnn import reductions, tree
from fnn.backprop import backprop
from fnn.types import Features, Layer, Loss, Params, PRNGKey, PyTree, State, Target


class Learner(NamedTuple):
    """What a step changes."""

    params: Params
    state: State
    optimizer_state: PyTree


class Tally(NamedTuple):
    """Sums over the examples of an epoch as it is trained, and whether a step went wrong."""

    loss: Float[Array, ""]
    correct: Float[Array, ""]
    diverged: Bool[Array, ""]


def step(
    net: Layer,
    loss: Loss,
    optimizer: optax.GradientTransformation,
    learner: Learner,
    tally: Tally,
    x: Features,
    target: Target,
    key: PRNGKey,
) -> tuple[Learner, Tally]:
    """θ ← θ + optimizer(∂L/∂θ) on one batch, L the mean loss plus penalty.

    The first step whose loss, or whose new parameters, state or optimizer state, are not finite is not taken, nor is
    any after it: the learner stays as it was. (Adam with an infinite v would stand still for good and look trained.)
    The select costs nothing measurable, and lanes beside this one do not notice.
    """
    done = backprop(net, loss, reductions.mean, learner.params, learner.state, x, target, key=key, train=True)
    grads = tree.as_types_of(learner.params, done.grads)  # data wider than the parameters make wider gradients
    updates, optimizer_state = optimizer.update(grads, learner.optimizer_state, learner.params)
    proposed = Learner(optax.apply_updates(learner.params, updates), done.state, optimizer_state)

    sound = jnp.isfinite(done.value) & tree.all_finite(proposed)
    diverged = tally.diverged | ~sound
    correct = jnp.zeros(()) if loss.correct is None else jnp.sum(loss.correct(done.prediction, target), dtype=float)
    value = jnp.sum(loss.value(done.prediction, target), dtype=float)
    tally = Tally(tally.loss + value, tally.correct + correct, diverged)
    return tree.where(diverged, learner, proposed), tally
