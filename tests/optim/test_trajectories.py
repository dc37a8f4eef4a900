"""20 float64 steps of every rule against optax and against NumPy recurrences; X5, X6 and the claims
about paths.

The gradient is that of an ill-conditioned, coupled quadratic plus a quartic term, so that each
trajectory is a closed loop: an error at one step is felt at all the later ones. It is evaluated by
NumPy for both sides, and the rules run op by op, so that where two equations demand the same
arithmetic the numbers are the same to the last bit.
"""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from fnn import optim
from fnn.course import printed as printed_form
from tests.optim import recurrences as paper

STEPS = 20
START = np.random.default_rng(0).normal(size=10)
_Q, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(10, 10)))
CURVATURE = _Q @ np.diag(np.geomspace(0.05, 5.0, 10)) @ _Q.T


def gradient(x):
    """∇(½ xᵀ A x + ¼ · 0.2 Σ x⁴), with the condition number of A 100."""
    return CURVATURE @ x + 0.2 * x**3


def as_tree(x):
    """A matrix, a vector and a scalar."""
    return {"W": jnp.array(x[:6].reshape(2, 3)), "b": jnp.array(x[6:9]), "s": jnp.array(x[9])}


def run(optimizer, params, gradient=gradient, steps=STEPS):
    """The ravelled parameters after each step, and the last parameters and state."""
    state, points = optimizer.init(params), []
    for _ in range(steps):
        flat, unravel = ravel_pytree(params)
        updates, state = optimizer.update(unravel(gradient(np.asarray(flat))), state, params)
        params = optax.apply_updates(params, updates)
        points.append(np.asarray(ravel_pytree(params)[0]))
    return np.array(points), params, state


def points(optimizer):
    return run(optimizer, as_tree(START))[0]


def printed(recurrence, eta):
    """The first 20 points of a recurrence of optim_recurrences."""
    return np.array(list(islice(recurrence(START, eta, gradient), STEPS)))


class Rule(NamedTuple):
    ours: Callable[[Any], optax.GradientTransformation]
    paper: Callable[..., Any]
    theirs: Callable[[Any], optax.GradientTransformation] | None = (
        None  # None where optax has no such rule
    )


def clipped(clip, sgd):
    return lambda rate: optax.chain(clip(0.5), sgd(rate))


def sgd_by_value(x, eta, gradient):
    """Sharif's two ifs, before each step of gradient descent."""
    return paper.sgd(
        x,
        eta,
        lambda x: np.array([0.5 if g > 0.5 else -0.5 if g < -0.5 else g for g in gradient(x)]),
    )


def sgd_by_norm(x, eta, gradient):
    """Sharif's g v/‖g‖ where ‖g‖ > v, before each step of gradient descent."""

    def clip(g):
        return g / np.linalg.norm(g) * 0.5 if np.linalg.norm(g) > 0.5 else g

    return paper.sgd(x, eta, lambda x: clip(gradient(x)))


RULES = {
    "sgd": Rule(optim.sgd, paper.sgd, optax.sgd),
    "momentum library": Rule(
        optim.momentum, paper.momentum_library, lambda rate: optax.sgd(rate, momentum=paper.ALPHA)
    ),
    "momentum classical": Rule(
        lambda rate: optim.momentum(rate, convention="classical"), paper.momentum_notes
    ),
    "momentum ema": Rule(
        lambda rate: optim.momentum(rate, convention="ema"), paper.momentum_de_marzo
    ),
    "nesterov library": Rule(
        optim.nesterov,
        paper.nesterov_library,
        lambda rate: optax.sgd(rate, momentum=paper.ALPHA, nesterov=True),
    ),
    "nesterov lookahead": Rule(
        lambda rate: optim.nesterov(rate, form="lookahead"), paper.nesterov_lookahead
    ),
    "adagrad": Rule(optim.adagrad, paper.adagrad, lambda rate: optax.adagrad(rate, 0.0, eps=1e-8)),
    "adagrad with optax's start": Rule(
        lambda rate: optim.adagrad(rate, initial_accumulator=0.1, eps=1e-7),
        partial(paper.adagrad, start=0.1, eps=1e-7),
        optax.adagrad,
    ),
    "adadelta": Rule(
        optim.adadelta, paper.adadelta_zeiler, lambda rate: optax.adadelta(rate, rho=0.95, eps=1e-6)
    ),
    "adadelta printed": Rule(printed_form.adadelta, paper.adadelta_piccoli),
    "rmsprop": Rule(
        optim.rmsprop,
        partial(paper.adadelta_piccoli, gamma=0.9, eps=1e-8),
        lambda rate: optax.rmsprop(rate, eps_in_sqrt=True),
    ),
    "adam": Rule(optim.adam, paper.adam_kingma, optax.adam),
    "adam with other constants": Rule(
        lambda rate: optim.adam(rate, b1=0.5, b2=0.7, eps=0.1),
        partial(paper.adam_kingma, b1=0.5, b2=0.7, eps=0.1),
        lambda rate: optax.adam(rate, b1=0.5, b2=0.7, eps=0.1),
    ),
    "adam uncorrected": Rule(
        lambda rate: optim.adam(rate, bias_correction=False),
        partial(paper.adam_kingma, corrected=False),
    ),
    "adamw": Rule(
        lambda rate: optim.adamw(rate, weight_decay=0.3),
        partial(paper.adam_kingma, weight_decay=0.3),
        lambda rate: optax.adamw(rate, weight_decay=0.3),
    ),
    "sgd clipped by value": Rule(
        clipped(optim.clip_by_value, optim.sgd), sgd_by_value, clipped(optax.clip, optax.sgd)
    ),
    "sgd clipped by norm": Rule(
        clipped(optim.clip_by_global_norm, optim.sgd),
        sgd_by_norm,
        clipped(optax.clip_by_global_norm, optax.sgd),
    ),
}

# The rate for the library, and the same rate as a plain function of the number of updates done. The
# exponential one
# takes exact float32 values only, because optax evaluates it in float32 whatever the precision of
# the parameters.
RATES = {
    "constant": (0.1, lambda t: 0.1),
    "exponential": (
        optax.exponential_decay(0.125, 5, 0.5, staircase=True),
        lambda t: 0.125 * 0.5 ** (t // 5),
    ),
    "cosine": (
        optax.cosine_decay_schedule(0.1, decay_steps=25),
        lambda t: 0.05 * (1 + np.cos(np.pi * t / 25)),
    ),
}


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", RULES)
def test_trajectory_is_that_of_the_paper_and_of_optax(x64, name, rate):
    rule, (eta, eta_of) = RULES[name], RATES[rate]
    ours, expected = points(rule.ours(eta)), printed(rule.paper, eta_of)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    assert np.abs(expected[-1] - expected[0]).max() > 1e-3, (
        "the parameters hardly move: nothing would be compared"
    )
    if rule.theirs is not None:
        np.testing.assert_allclose(ours, points(rule.theirs(eta)), rtol=0, atol=1e-12)


def test_printed_adadelta_is_rmsprop_and_zeilers_is_not(x64):
    """X10, 4.29."""
    eta, eta_of = RATES["cosine"]
    variant = points(printed_form.adadelta(eta, decay=0.9, eps=1e-8))
    np.testing.assert_array_equal(variant, points(optim.rmsprop(eta)))
    zeiler = printed(partial(paper.adadelta_zeiler, rho=0.9, eps=1e-8), eta_of)
    assert np.abs(variant - zeiler).max() > 0.1


@pytest.mark.parametrize("rate", RATES)
def test_x5_velocities_of_notes_and_piccoli_are_the_same_to_the_last_bit(x64, rate):
    """X5: ii ≡ iii."""
    eta, eta_of = RATES[rate]
    ours = points(optim.momentum(eta, convention="classical"))
    np.testing.assert_array_equal(ours, printed(paper.momentum_piccoli, eta_of))


def test_x5_ema_is_classical_at_a_rate_scaled_by_one_minus_alpha(x64):
    """X5: i(η) ≡ ii(η (1 − α)), for a constant rate and for a schedule."""
    for eta, scaled in [
        (0.4, 0.4 * (1 - paper.ALPHA)),
        (
            optax.cosine_decay_schedule(0.4, 10**9),
            optax.cosine_decay_schedule(0.4 * (1 - paper.ALPHA), 10**9),
        ),
    ]:
        ema = points(optim.momentum(eta, convention="ema"))
        np.testing.assert_allclose(
            ema, points(optim.momentum(scaled, convention="classical")), rtol=0, atol=2e-15
        )


def test_x5_library_is_classical_at_a_constant_rate_only(x64):
    """X5: iv ≡ ii."""
    classical, library = (
        lambda eta, c=c: points(optim.momentum(eta, convention=c)) for c in ("classical", "library")
    )
    np.testing.assert_allclose(library(0.1), classical(0.1), rtol=0, atol=2e-15)
    eta, _ = RATES["exponential"]
    assert np.abs(library(eta) - classical(eta)).max() > 0.1


@pytest.mark.parametrize("form", ["library", "lookahead"])
def test_x6_nesterov_holds_the_lookahead_point(x64, form):
    """X6: at a constant rate both forms hold Piccoli's θ + α v, not his θ."""
    ours = points(optim.nesterov(0.1, form=form))
    theta, interim = np.moveaxis(printed(paper.nesterov_piccoli, lambda t: 0.1), 1, 0)
    np.testing.assert_allclose(ours, interim, rtol=0, atol=2e-15)
    assert np.abs(ours - theta).max() > 0.1


@pytest.mark.parametrize("rate", RATES)
def test_x6_lookahead_origin_is_piccolis_theta(x64, rate):
    eta, eta_of = RATES[rate]
    _, params, state = run(optim.nesterov(eta, form="lookahead"), as_tree(START))
    origin, _ = ravel_pytree(optim.lookahead_origin(params, state))
    theta, _ = printed(paper.nesterov_piccoli, eta_of)[-1]
    np.testing.assert_allclose(origin, theta, rtol=0, atol=2e-15)


def test_1_23_losses_on_the_narrow_valley(x64):
    """1.23: f = ½(x₁² + 25 x₂²), η = 0.02, start (1, 1); at 50 steps the EMA form is not yet faster
    than descent.
    """
    curvature = np.array([1.0, 25.0])
    loss = {}
    for name, optimizer in {
        "gd": optim.sgd(0.02),
        "ema": optim.momentum(0.02, convention="ema"),
        "classical": optim.momentum(0.02, convention="classical"),
        "nag": optim.nesterov(0.02, form="lookahead"),
    }.items():
        path, params, state = run(optimizer, jnp.ones(2), lambda x: curvature * x, steps=200)
        last = optim.lookahead_origin(params, state) if name == "nag" else params
        loss[name] = {50: curvature @ path[49] ** 2 / 2, 200: curvature @ np.asarray(last) ** 2 / 2}
    final = {name: f"{values[200]:.1e}" for name, values in loss.items()}
    assert final == {"gd": "1.5e-04", "ema": "2.4e-05", "classical": "4.4e-09", "nag": "3.1e-12"}
    assert (f"{loss['ema'][50]:.4f}", f"{loss['gd'][50]:.4f}") == ("0.0734", "0.0663")
