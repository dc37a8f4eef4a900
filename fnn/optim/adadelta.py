"""AdaDelta: steps in the units of the parameters."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import Count, LearningRate
from fnn.types import Params


class AdadeltaState(NamedTuple):
    """The state of `adadelta`: the number of updates so far, E[g²] and E[Δ²]."""

    steps: Count
    mean_square_gradient: Params
    mean_square_update: Params


@optimizer_factory
def adadelta(
    learning_rate: LearningRate = 1.0,
    *,
    decay: float = 0.95,
    eps: float = 1e-6,
) -> optax.GradientTransformation:
    """Return AdaDelta, whose steps have the units of the parameters.

    E[g²] ← ρ E[g²] + (1 − ρ) g²
    Δ = −√(E[Δ²] + ε)/√(E[g²] + ε) g
    E[Δ²] ← ρ E[Δ²] + (1 − ρ) Δ²
    θ ← θ + η Δ

    learning_rate  η: a number above 0, a traced array, or an optax schedule
    decay          ρ in [0, 1)
    eps            ε, above 0

    Epsilon     inside both roots
    Start       both averages at 0
    Source      Zeiler 2012, with its ρ = 0.95 and ε = 1e-6
    Deviations  the paper has no η, which is η = 1 here

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.adadelta(eps=0.01)
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([4.0, -0.5]), optimizer.init(theta), theta)
    >>> print(updates.round(3))
    [-0.44400004  0.333     ]
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    checks.positive("eps", eps)

    def init(params):
        steps = rate.initial_count(params)
        return AdadeltaState(steps, tree.zeros_like(params), tree.zeros_like(params))

    def step(g, E, D):
        numerator = -jnp.sqrt(D + eps)
        denominator = jnp.sqrt(E + eps)
        return numerator / denominator * g

    def update(grads, state, params=None):
        checks.gradients(grads, state.mean_square_gradient)
        eta = rate.at(learning_rate, state.steps)
        E, D = state.mean_square_gradient, state.mean_square_update
        E = tree.moving_average(decay, E, tree.square(grads))
        delta = jax.tree.map(step, grads, E, D)
        D = tree.moving_average(decay, D, tree.square(delta))
        updates = tree.scale(eta, delta)
        t = optax.safe_increment(state.steps)
        return updates, AdadeltaState(t, E, D)

    return optax.GradientTransformation(init, update)
