"""RMSProp: steps of the gradient over its running root mean square."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import Count, LearningRate
from fnn.types import Params


class RMSPropState(NamedTuple):
    """The state of `rmsprop`: the number of updates so far, and E[g²]."""

    steps: Count
    mean_square: Params


@optimizer_factory
def rmsprop(
    learning_rate: LearningRate, *, decay: float = 0.9, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Return RMSProp: the gradient over its running root mean square.

    E[g²] ← γ E[g²] + (1 − γ) g²
    θ ← θ − η g/√(E[g²] + ε)

    learning_rate  η: a number above 0, a traced array, or an optax schedule
    decay          γ in [0, 1)
    eps            ε, above 0

    Epsilon     inside the root, as in `optax.rmsprop` and in the rule that Piccoli prints under the
                name AdaDelta (X10, 4.29)
    Start       E₀ = 0
    Source      Hinton 2012 (lecture 6e)
    Deviations  none; no momentum

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.rmsprop(0.1, decay=0.75)
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([4.0, -0.5]), optimizer.init(theta), theta)
    >>> print(updates, state.mean_square)
    [-0.2  0.2] [4.     0.0625]
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    checks.positive("eps", eps)

    def init(params):
        steps = rate.initial_count(params)
        return RMSPropState(steps, mean_square=tree.zeros_like(params))

    def step(g, E):
        root = jnp.sqrt(E + eps)
        return g / root

    def update(grads, state, params=None):
        checks.gradients(grads, state.mean_square)
        eta = rate.at(learning_rate, state.steps)
        squares = tree.square(grads)
        mean_square = tree.moving_average(decay, state.mean_square, squares)
        steps = jax.tree.map(step, grads, mean_square)
        updates = tree.scale(-eta, steps)
        t = optax.safe_increment(state.steps)
        return updates, RMSPropState(t, mean_square)

    return optax.GradientTransformation(init, update)
