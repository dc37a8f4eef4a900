"""AdaGrad: a rate for each parameter that only falls."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import Count, LearningRate
from fnn.types import Params


class AdagradState(NamedTuple):
    """The state of `adagrad`: the number of updates so far, and G = Σ g²."""

    steps: Count
    sum_of_squares: Params


@optimizer_factory
def adagrad(
    learning_rate: LearningRate, *, initial_accumulator: float = 0.0, eps: float = 1e-8
) -> optax.GradientTransformation:
    """Return AdaGrad, in which each parameter has a rate that only falls.

    G ← G + g²
    θ ← θ − η g/√(ε + G)

    learning_rate        η: a number above 0, a traced array, or an optax schedule
    initial_accumulator  G₀, at least 0
    eps                  ε, above 0

    Epsilon     inside the root, as Piccoli prints it
    Start       G₀ = initial_accumulator
    Source      Duchi, Hazan & Singer 2011; claim 4.29
    Deviations  the diagonal of the paper's G; no momentum, which the tables of 1.24 and 4.31 claim

    It equals `optax.adagrad` with optax's start (0.1) and eps (1e-7).

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.adagrad(0.1)
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([4.0, -0.5]), optimizer.init(theta), theta)
    >>> print(updates, state.sum_of_squares)
    [-0.1  0.1] [16.    0.25]
    """
    rate.check(learning_rate)
    checks.non_negative("initial_accumulator", initial_accumulator)
    checks.positive("eps", eps)

    def init(params):
        steps = rate.initial_count(params)
        return AdagradState(steps, tree.full_like(params, initial_accumulator))

    def step(g, G):
        root = jnp.sqrt(eps + G)
        return g / root

    def update(grads, state, params=None):
        checks.gradients(grads, state.sum_of_squares)
        eta = rate.at(learning_rate, state.steps)
        squares = tree.square(grads)
        G = tree.add(state.sum_of_squares, squares)
        steps = jax.tree.map(step, grads, G)
        updates = tree.scale(-eta, steps)
        t = optax.safe_increment(state.steps)
        return updates, AdagradState(t, G)

    return optax.GradientTransformation(init, update)
