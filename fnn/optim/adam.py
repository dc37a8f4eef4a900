"""Adam."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.learning_rate import Count, LearningRate
from fnn.optim.shown import shown
from fnn.types import Params


class AdamState(NamedTuple):
    """Updates so far, and the running means of g and g²."""

    steps: Count
    m: Params
    v: Params


@shown
def adam(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    bias_correction: bool = True,
) -> optax.GradientTransformation:
    """m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  θ ← θ − η m̂/(√v̂ + ε),  m̂ = m/(1 − β₁ᵗ),
    v̂ = v/(1 − β₂ᵗ).

    Epsilon stands outside the root, after the bias correction; m₀ = v₀ = 0. Kingma & Ba 2015,
    algorithm 1; claims 4.30, X10. Piccoli prints the averages alone, and g where g² belongs (√v is
    NaN at once for g < 0); with bias_correction=False the corrected averages are used as they are
    printed, m̂ = m and v̂ = v, whose first step is (1 − β₁)/√(1 − β₂) = 3.162 times Kingma's.
    Deviations: none.
    """
    rate.check(learning_rate)
    checks.fraction("b1", b1)
    checks.fraction("b2", b2)
    checks.positive("eps", eps)
    checks.truth("bias_correction", bias_correction)

    def init(params):
        return AdamState(rate.start(params), tree.zeros_like(params), tree.zeros_like(params))

    def update(grads, state, params=None):
        checks.gradients(grads, state.m)
        eta = rate.at(learning_rate, state.steps)
        t = optax.safe_increment(state.steps)
        m = tree.moving_average(b1, state.m, grads)
        v = tree.moving_average(b2, state.v, tree.square(grads))
        power = jnp.asarray(t, float)
        m_hat = tree.scale(1 / (1 - b1**power), m) if bias_correction else m
        v_hat = tree.scale(1 / (1 - b2**power), v) if bias_correction else v
        scaled = jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + eps), m_hat, v_hat)
        return tree.scale(-eta, scaled), AdamState(t, m, v)

    return optax.GradientTransformation(init, update)
