"""Gradient descent."""

from typing import NamedTuple

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.learning_rate import Count, LearningRate
from fnn.optim.shown import shown


class SGDState(NamedTuple):
    """Updates so far."""

    steps: Count


@shown
def sgd(learning_rate: LearningRate) -> optax.GradientTransformation:
    """θ ← θ − η g.

    Stochastic when g comes from a batch. No epsilon; no initial state but the count. Robbins &
    Monro 1951; all five documents (0.12, 0.14, 2.19, 3.5). Deviations: none.
    """
    rate.check(learning_rate)

    def init(params):
        return SGDState(rate.start(params))

    def update(grads, state, params=None):
        checks.gradients(grads, grads if params is None else params)
        eta = rate.at(learning_rate, state.steps)
        return tree.scale(-eta, grads), SGDState(optax.safe_increment(state.steps))

    return optax.GradientTransformation(init, update)
