"""RMSProp."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.learning_rate import Count, LearningRate
from fnn.optim.shown import shown
from fnn.types import Params


class RMSPropState(NamedTuple):
    """Updates so far, and E[g²]."""

    steps: Count
    mean_square: Params


@shown
def rmsprop(
    learning_rate: LearningRate, *, decay: float = 0.9, eps: float = 1e-8
) -> optax.GradientTransformation:
    """E[g²] ← γ E[g²] + (1 − γ) g²,  θ ← θ − η g/√(E[g²] + ε).

    Epsilon stands inside the root, as in `optax.rmsprop` and in the rule that Piccoli prints under
    the name AdaDelta (X10, 4.29); γ is `decay`; E₀ = 0. Hinton 2012 (lecture 6e). Deviations: none;
    no momentum.
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    checks.positive("eps", eps)

    def init(params):
        return RMSPropState(rate.start(params), tree.zeros_like(params))

    def update(grads, state, params=None):
        checks.gradients(grads, state.mean_square)
        eta = rate.at(learning_rate, state.steps)
        mean_square = tree.moving_average(decay, state.mean_square, tree.square(grads))
        scaled = jax.tree.map(lambda g, E: g / jnp.sqrt(E + eps), grads, mean_square)
        return tree.scale(-eta, scaled), RMSPropState(
            optax.safe_increment(state.steps), mean_square
        )

    return optax.GradientTransformation(init, update)
