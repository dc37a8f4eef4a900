"""What the documents say of the optimizers, with numbers."""

import itertools

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import optim
from fnn.course import printed as printed_form


def first_update(optimizer, g):
    g = jnp.asarray(g)
    return np.asarray(optimizer.update(g, optimizer.init(g), jnp.zeros_like(g))[0])


# 4.31: has momentum, has a rate for each parameter. Piccoli's table has momentum for AdaGrad and
# AdaDelta too, and De
# Marzo (1.24) for RMSProp; their rules have none.
FLAGS = {
    "sgd": (optim.sgd(0.1), False, False),
    "momentum library": (optim.momentum(0.1), True, False),
    "momentum classical": (optim.momentum(0.1, convention="classical"), True, False),
    "momentum ema": (optim.momentum(0.1, convention="ema"), True, False),
    "nesterov library": (optim.nesterov(0.1), True, False),
    "nesterov lookahead": (optim.nesterov(0.1, form="lookahead"), True, False),
    "adagrad": (optim.adagrad(0.1), False, True),
    "adadelta": (optim.adadelta(), False, True),
    "adadelta printed": (printed_form.adadelta(0.1), False, True),
    "rmsprop": (optim.rmsprop(0.1), False, True),
    "adam": (optim.adam(0.1), True, True),
    "adam uncorrected": (optim.adam(0.1, bias_correction=False), True, True),
    "adamw": (optim.adamw(0.1), True, True),
}


@pytest.mark.parametrize(("optimizer", "has_momentum", "has_own_rates"), FLAGS.values(), ids=FLAGS)
def test_1_24_and_4_31_flags_follow_from_the_updates(x64, optimizer, has_momentum, has_own_rates):
    """Momentum moves on when the gradient is 0; one rate for all keeps the proportions of the
    gradient.
    """
    state = optimizer.init(jnp.zeros(2))
    updates, state = optimizer.update(jnp.array([1.0, 100.0]), state, jnp.zeros(2))
    coasting, _ = optimizer.update(jnp.zeros(2), state, jnp.zeros(2))
    assert bool(coasting.any()) == has_momentum
    proportion = float(updates[1] / updates[0])
    assert proportion == pytest.approx(1 if has_own_rates else 100, abs=1e-4)


def test_2_27_the_step_is_the_rate_times_the_gradient(x64):
    """A cliff throws far, a plateau hardly moves."""
    g = np.array([1e-8, -1.0, 1e8])
    np.testing.assert_array_equal(np.abs(first_update(optim.sgd(0.1), g)), 0.1 * np.abs(g))


def test_4_27_smaller_batches_fluctuate_more(x64):
    """Over all batches of B of N gradients drawn without replacement: variance η² S/B · (N − B)/(N
    − 1).
    """
    gradients = np.random.default_rng(2).normal(size=6)
    S = gradients.var()
    for B in range(1, 7):
        batches = [np.mean(batch) for batch in itertools.combinations(gradients, B)]
        variance = first_update(optim.sgd(0.1), batches).var()
        assert variance == pytest.approx(0.1**2 * S / B * (6 - B) / 5, rel=1e-12, abs=1e-30)


@pytest.mark.every(2)
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9])
def test_4_28_terminal_gain_is_one_over_one_minus_alpha(x64, alpha):
    """Under a constant gradient g the step tends to η g/(1 − α), and to η g in De Marzo's form."""
    sum_gain, mean_gain = 1 / (1 - alpha), 1
    for optimizer, gain in [
        (optim.momentum(0.1, decay=alpha), sum_gain),
        (optim.momentum(0.1, decay=alpha, convention="classical"), sum_gain),
        (optim.momentum(0.1, decay=alpha, convention="ema"), mean_gain),
        (optim.nesterov(0.1, decay=alpha), sum_gain),
        (optim.nesterov(0.1, decay=alpha, form="lookahead"), sum_gain),
    ]:
        g = jnp.array([3.0])
        state = optimizer.init(g)
        for _ in range(400):
            updates, state = optimizer.update(g, state)
        np.testing.assert_allclose(updates, -0.1 * gain * g, rtol=1e-12)


def test_4_28_momentum_leaves_a_saddle_sooner(x64):
    """x² − y² from (1, 1e-3), until |y| > 1: the more α, the fewer steps."""

    def steps_to_leave(optimizer):
        x = jnp.array([1.0, 1e-3])
        state = optimizer.init(x)
        for step in range(1, 500):
            updates, state = optimizer.update(jnp.array([2.0, -2.0]) * x, state)
            x = optax.apply_updates(x, updates)
            if abs(x[1]) > 1:
                return step
        raise AssertionError("still at the saddle")

    counts = [steps_to_leave(optim.momentum(0.01, decay=alpha)) for alpha in (0.0, 0.5, 0.9)]
    assert steps_to_leave(optim.sgd(0.01)) == counts[0]
    assert counts[0] > counts[1] > counts[2]


def test_4_29_three_printed_forms_of_adagrad_agree(x64):
    """η/√(εI + diag(G)) · g with G = Σ g gᵀ; the expanded matrices; and one line for each
    parameter.
    """
    eta, eps = 0.1, 1e-8
    optimizer = optim.adagrad(eta, eps=eps)
    state, G = optimizer.init(jnp.zeros(4)), np.zeros((4, 4))
    for g in np.random.default_rng(3).normal(size=(5, 4)):
        G = G + np.outer(g, g)
        values, vectors = np.linalg.eigh(eps * np.eye(4) + np.diag(np.diag(G)))
        compact = -eta * (vectors @ np.diag(values**-0.5) @ vectors.T) @ g
        expanded = (
            -eta
            * np.linalg.inv(np.sqrt(np.diag([eps] * 4) + np.diag([G[i, i] for i in range(4)])))
            @ g
        )
        by_parameter = np.array([-eta / np.sqrt(eps + G[i, i]) * g[i] for i in range(4)])
        updates, state = optimizer.update(jnp.array(g), state)
        for form in (compact, expanded, by_parameter):
            np.testing.assert_allclose(updates, form, rtol=0, atol=1e-15)


@pytest.mark.parametrize("g", [-1.0, 1.0, 1e3])
def test_4_30_first_step_of_adam(x64, g):
    """Kingma's is one rate long whatever g; without the bias correction it is (1 − β₁)/√(1 − β₂) =
    3.162 rates.
    """
    lr, eps = (
        1e-3,
        1e-12,
    )  # the default epsilon shortens the steps by 1e-8, which would hide smaller errors
    kingma = first_update(optim.adam(lr, eps=eps), [g])
    uncorrected = first_update(optim.adam(lr, eps=eps, bias_correction=False), [g])
    np.testing.assert_allclose(kingma, [-np.sign(g) * lr], rtol=1e-10)
    np.testing.assert_allclose(
        uncorrected, [-np.sign(g) * lr * (1 - 0.9) / np.sqrt(1 - 0.999)], rtol=1e-10
    )
    assert f"{abs(uncorrected[0]) / lr:.3f}" == "3.162"


def test_4_30_printed_velocity_of_adam_has_no_root_for_a_negative_gradient(x64):
    """Piccoli prints v ← β₂ v + (1 − β₂) g, with g where g² belongs."""
    g, b1, b2 = -1.0, 0.9, 0.999
    m, v = (1 - b1) * g, (1 - b2) * g
    with np.errstate(invalid="ignore"):
        assert np.isnan(m / (np.sqrt(v) + 1e-8))
    assert np.isfinite(first_update(optim.adam(0.1, bias_correction=False), [g])).all()
