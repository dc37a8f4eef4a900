"""Gradient descent with a velocity."""

from typing import Literal, NamedTuple

import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.learning_rate import Count, LearningRate
from fnn.optim.shown import shown
from fnn.types import Params


class MomentumState(NamedTuple):
    """Updates so far, and v."""

    steps: Count
    velocity: Params


@shown
def momentum(
    learning_rate: LearningRate,
    *,
    decay: float = 0.9,
    convention: Literal["library", "classical", "ema"] = "library",
) -> optax.GradientTransformation:
    """A decaying sum of past gradients instead of the last one. v₀ = 0; no epsilon.

    "library"    v ← α v + g,            θ ← θ − η v    what most libraries do (X5 iv)
    "classical"  v ← α v + η g,          θ ← θ − v      deep-learning notes and Piccoli (X5 ii ≡
                 iii)
    "ema"        v ← α v + (1 − α) g,    θ ← θ − η v    De Marzo (X5 i)

    α is `decay`. At a constant η library and classical are the same, and ema(η) is classical(η(1 −
    α)); under a schedule they differ, since classical keeps the η of the step at which a gradient
    came. The terminal step under a constant gradient is η g/(1 − α), for ema η g. Polyak 1964;
    claims 1.23, 3.9, 4.28. Deviations: Piccoli's v has the opposite sign.
    """
    rate.check(learning_rate)
    checks.fraction("decay", decay)
    velocity_after = checks.lookup("convention", convention, _CONVENTIONS)

    def init(params):
        return MomentumState(rate.start(params), tree.zeros_like(params))

    def update(grads, state, params=None):
        checks.gradients(grads, state.velocity)
        eta = rate.at(learning_rate, state.steps)
        velocity = velocity_after(decay, eta, state.velocity, grads)
        updates = tree.scale(-1 if convention == "classical" else -eta, velocity)
        return updates, MomentumState(optax.safe_increment(state.steps), velocity)

    return optax.GradientTransformation(init, update)


_CONVENTIONS = {
    "library": lambda alpha, eta, v, g: tree.accumulate(alpha, v, g),
    "classical": lambda alpha, eta, v, g: tree.accumulate(alpha, v, tree.scale(eta, g)),
    "ema": lambda alpha, eta, v, g: tree.moving_average(alpha, v, g),
}
