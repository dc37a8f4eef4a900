"""AdaDelta."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.learning_rate import Count, LearningRate
from fnn.optim.shown import shown
from fnn.types import Params


class AdadeltaState(NamedTuple):
    """Updates so far, E[g²] and E[Δθ²]."""

    steps: Count
    mean_square_gradient: Params
    mean_square_update: Params


@shown
def adadelta(
    learning_rate: LearningRate = 1.0,
    *,
    decay: float = 0.95,
    eps: float = 1e-6,
) -> optax.GradientTransformation:
    """Steps in the units of the parameters: the ratio of two running root mean squares.

    E[g²] ← ρ E[g²] + (1 − ρ) g²
    Δ = −√(E[Δ²] + ε)/√(E[g²] + ε) g
    E[Δ²] ← ρ E[Δ²] + (1 − ρ) Δ²
    θ ← θ + η Δ

    Epsilon stands inside both roots; both averages start at 0; ρ is `decay`. Zeiler 2012, with its
    ρ = 0.95 and ε = 1e-6. Deviations: the paper has no η, which is η = 1 here.
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    checks.positive("eps", eps)

    def init(params):
        return AdadeltaState(rate.start(params), tree.zeros_like(params), tree.zeros_like(params))

    def update(grads, state, params=None):
        checks.gradients(grads, state.mean_square_gradient)
        eta = rate.at(learning_rate, state.steps)
        _, squares, steps = state
        squares = tree.moving_average(decay, squares, tree.square(grads))
        delta = jax.tree.map(
            lambda g, E, D: -jnp.sqrt(D + eps) / jnp.sqrt(E + eps) * g, grads, squares, steps
        )
        steps = tree.moving_average(decay, steps, tree.square(delta))
        return tree.scale(eta, delta), AdadeltaState(
            optax.safe_increment(state.steps), squares, steps
        )

    return optax.GradientTransformation(init, update)
