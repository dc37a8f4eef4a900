"""Gradient descent with a velocity."""

from typing import Literal, NamedTuple

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import Count, LearningRate
from fnn.types import Params


class MomentumState(NamedTuple):
    """The state of `momentum`: the number of updates so far, and v."""

    steps: Count
    velocity: Params


@optimizer_factory
def momentum(
    learning_rate: LearningRate,
    *,
    decay: float = 0.9,
    convention: Literal["library", "classical", "ema"] = "library",
) -> optax.GradientTransformation:
    """Return momentum: steps along a decaying sum of past gradients.

    "library"    v ← α v + g,            θ ← θ − η v    in most libraries (X5 iv)
    "classical"  v ← α v + η g,          θ ← θ − v      deep-learning notes, Piccoli (X5 ii ≡ iii)
    "ema"        v ← α v + (1 − α) g,    θ ← θ − η v    De Marzo (X5 i)

    learning_rate  η: a number above 0, a traced array, or an optax schedule
    decay          α in [0, 1)
    convention     one of the three above

    Epsilon     none
    Start       v₀ = 0
    Source      Polyak 1964; claims 1.23, 3.9, 4.28
    Deviations  Piccoli's v has the opposite sign

    At a constant η, "library" and "classical" are the same, and ema(η) is classical(η(1 − α)).
    Under a schedule they differ: "classical" keeps the η of the step at which a gradient came.
    Under a constant gradient the step tends to η g/(1 − α), and for "ema" to η g.

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.momentum(0.1, decay=0.5)
    >>> theta, g = jnp.array([1.0, 2.0]), jnp.array([5.0, -5.0])
    >>> first, state = optimizer.update(g, optimizer.init(theta), theta)
    >>> second, state = optimizer.update(g, state, theta)
    >>> print(first, second)
    [-0.5  0.5] [-0.75  0.75]
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    velocity_after = checks.lookup("convention", convention, _CONVENTIONS)

    def init(params):
        steps = rate.initial_count(params)
        return MomentumState(steps, velocity=tree.zeros_like(params))

    def update(grads, state, params=None):
        checks.gradients(grads, state.velocity)
        eta = rate.at(learning_rate, state.steps)
        velocity = velocity_after(decay, eta, state.velocity, grads)
        factor = -1 if convention == "classical" else -eta
        updates = tree.scale(factor, velocity)
        t = optax.safe_increment(state.steps)
        return updates, MomentumState(t, velocity)

    return optax.GradientTransformation(init, update)


def _library(alpha, eta, v, g):
    return tree.accumulate(alpha, v, g)


def _classical(alpha, eta, v, g):
    return tree.accumulate(alpha, v, tree.scale(eta, g))


def _ema(alpha, eta, v, g):
    return tree.moving_average(alpha, v, g)


_CONVENTIONS = {"library": _library, "classical": _classical, "ema": _ema}
