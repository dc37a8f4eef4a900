"""AdaGrad."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.learning_rate import Count, LearningRate
from fnn.optim.shown import shown
from fnn.types import Params


class AdagradState(NamedTuple):
    """Updates so far, and G = Σ g²."""

    steps: Count
    sum_of_squares: Params


@shown
def adagrad(
    learning_rate: LearningRate, *, initial_accumulator: float = 0.0, eps: float = 1e-8
) -> optax.GradientTransformation:
    """G ← G + g²,  θ ← θ − η g/√(ε + G): a rate for each parameter that only falls.

    Epsilon stands inside the root, as Piccoli prints it; G₀ = initial_accumulator. Duchi, Hazan &
    Singer 2011; claim 4.29. Deviations: the diagonal of the paper's G; no momentum, whatever the
    tables of 1.24 and 4.31 say. Equal to `optax.adagrad` for optax's start (0.1) and eps (1e-7).
    """
    rate.check(learning_rate)
    checks.non_negative("initial_accumulator", initial_accumulator)
    checks.positive("eps", eps)

    def init(params):
        return AdagradState(rate.start(params), tree.full_like(params, initial_accumulator))

    def update(grads, state, params=None):
        checks.gradients(grads, state.sum_of_squares)
        eta = rate.at(learning_rate, state.steps)
        G = tree.add(state.sum_of_squares, tree.square(grads))
        scaled = jax.tree.map(lambda g, G: g / jnp.sqrt(eps + G), grads, G)
        return tree.scale(-eta, scaled), AdagradState(optax.safe_increment(state.steps), G)

    return optax.GradientTransformation(init, update)
