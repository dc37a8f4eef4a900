"""Gradient descent: θ ← θ − η g."""

from typing import NamedTuple

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import Count, LearningRate


class SGDState(NamedTuple):
    """The state of `sgd`: the number of updates so far."""

    steps: Count


@optimizer_factory
def sgd(learning_rate: LearningRate) -> optax.GradientTransformation:
    """Return gradient descent. It is stochastic where g comes from a batch.

    θ ← θ − η g

    learning_rate  η: a number above 0, a traced array, or an optax schedule

    Epsilon     none
    Start       no state but the count of updates
    Source      Robbins & Monro 1951; all five documents (0.12, 0.14, 2.19, 3.5)
    Deviations  none

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.sgd(0.1)
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([5.0, -5.0]), optimizer.init(theta), theta)
    >>> print(updates)
    [-0.5  0.5]
    """
    rate.check(learning_rate)

    def init(params):
        return SGDState(rate.initial_count(params))

    def update(grads, state, params=None):
        like = grads if params is None else params
        checks.gradients(grads, like)
        eta = rate.at(learning_rate, state.steps)
        updates = tree.scale(-eta, grads)
        t = optax.safe_increment(state.steps)
        return updates, SGDState(t)

    return optax.GradientTransformation(init, update)
