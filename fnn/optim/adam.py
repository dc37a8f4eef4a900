"""Adam: running means of g and g², corrected for their start at 0."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim import learning_rate as rate
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import Count, LearningRate
from fnn.types import Params


class AdamState(NamedTuple):
    """The state of `adam`: the number of updates so far, and the running means of g and g²."""

    steps: Count
    m: Params
    v: Params


@optimizer_factory
def adam(
    learning_rate: LearningRate,
    *,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    bias_correction: bool = True,
) -> optax.GradientTransformation:
    """Return Adam: the running mean of g over the root of the running mean of g².

    m ← β₁ m + (1 − β₁) g
    v ← β₂ v + (1 − β₂) g²
    m̂ = m/(1 − β₁ᵗ)
    v̂ = v/(1 − β₂ᵗ)
    θ ← θ − η m̂/(√v̂ + ε)

    learning_rate    η: a number above 0, a traced array, or an optax schedule
    b1               β₁ in [0, 1)
    b2               β₂ in [0, 1)
    eps              ε, above 0
    bias_correction  False: m̂ = m and v̂ = v, as Piccoli prints it

    Epsilon     outside the root, after the bias correction
    Start       m₀ = v₀ = 0
    Source      Kingma & Ba 2015, algorithm 1; claims 4.30, X10
    Deviations  none

    Piccoli prints the averages alone, whose first step is (1 − β₁)/√(1 − β₂) = 3.162 times
    Kingma's. He also prints g in place of g², with which √v is NaN at once for g < 0.

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.adam(0.1)
    >>> theta = jnp.array([1.0, 2.0])
    >>> updates, state = optimizer.update(jnp.array([4.0, -0.5]), optimizer.init(theta), theta)
    >>> print(updates)
    [-0.1  0.1]
    """
    rate.check(learning_rate)
    checks.fraction("b1", b1)
    checks.fraction("b2", b2)
    checks.positive("eps", eps)
    checks.truth("bias_correction", bias_correction)

    def init(params):
        steps = rate.initial_count(params)
        return AdamState(steps, m=tree.zeros_like(params), v=tree.zeros_like(params))

    def step(m_hat, v_hat):
        root = jnp.sqrt(v_hat)
        return m_hat / (root + eps)

    def update(grads, state, params=None):
        checks.gradients(grads, state.m)
        eta = rate.at(learning_rate, state.steps)
        t = optax.safe_increment(state.steps)
        m = tree.moving_average(b1, state.m, grads)
        v = tree.moving_average(b2, state.v, tree.square(grads))
        power = jnp.asarray(t, float)
        m_hat, v_hat = m, v
        if bias_correction:
            m_factor = 1 / (1 - b1**power)
            m_hat = tree.scale(m_factor, m)
            v_factor = 1 / (1 - b2**power)
            v_hat = tree.scale(v_factor, v)
        steps = jax.tree.map(step, m_hat, v_hat)
        updates = tree.scale(-eta, steps)
        return updates, AdamState(t, m, v)

    return optax.GradientTransformation(init, update)
