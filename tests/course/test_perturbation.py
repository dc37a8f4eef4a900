"""Claims 2.10-2.12: learning by perturbing one weight at a time, or all of them at once."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from fnn import losses
from fnn.course import perturbation
from fnn.mlp import mlp

X = np.array([[0, 0, 1, 1], [0, 1, 0, 1]], float)
XOR = np.array([0.0, 1, 1, 0])
NET = mlp((2, 4, 1), activation="tanh", init="glorot")


def xor_loss(params):
    prediction, _, _ = NET.forward(params, (), jnp.asarray(X), key=None, train=False)
    return jnp.mean(losses.squared_error.forward(prediction, jnp.asarray(XOR)))


def keys(n):
    return jax.random.split(jax.random.key(0), n)


def starts(n):
    return jax.vmap(lambda key: NET.init(key)[0])(keys(n))


def half_square(w):
    return 0.5 * jnp.sum(w**2)


# -------------------- one weight at a time


@pytest.mark.slow
def test_one_at_a_time_never_rises_and_reports_the_loss_it_reached(x64):
    descend = partial(perturbation.one_at_a_time, xor_loss, steps=600, sigma=0.5)
    start = starts(16)
    result = jax.vmap(lambda params, key: descend(params, key=key))(start, keys(16))
    before, reached = jax.vmap(xor_loss)(start), jax.vmap(xor_loss)(result.params)
    change = np.diff(result.history)
    assert change.max() == 0
    np.testing.assert_array_equal(result.accepted[:, 1:], change < 0)
    assert (result.history[:, 0] <= before * (1 + 1e-12)).all()
    np.testing.assert_allclose(result.history[:, -1], reached, rtol=1e-12)
    assert (reached < 0.5 * before).all()
    assert result.accepted.shape == result.history.shape == (16, 600)


def test_a_step_changes_one_entry_and_every_entry_has_its_turn():
    params = {"W": jnp.ones((3, 2)), "b": (jnp.ones(4), jnp.ones(()))}

    def step(key):
        return perturbation.one_at_a_time(
            lambda p: (
                -sum(jnp.sum((leaf - 1) ** 2) for leaf in jax.tree.leaves(p))
            ),  # every change is kept
            params,
            key=key,
            steps=1,
            sigma=0.1,
        )

    n = 4400
    result = jax.vmap(step)(keys(n))
    changes = np.column_stack(
        [np.reshape(leaf, (n, -1)) - 1 for leaf in jax.tree.leaves(result.params)]
    )
    assert result.accepted.all()
    np.testing.assert_array_equal((changes != 0).sum(axis=1), 1)
    counts = (changes != 0).sum(axis=0)  # 11 entries, 400 each, standard deviation 19.1
    np.testing.assert_allclose(counts, 400, atol=4 * 19.1)
    noise = changes[changes != 0]
    assert abs(noise.std() - 0.1) < 4 * 0.1 / np.sqrt(2 * n)
    assert abs(noise.mean()) < 4 * 0.1 / np.sqrt(n)


@pytest.mark.slow
def test_acceptance_is_one_half_for_small_sigma_and_falls_towards_a_minimum(x64):
    # ½w² falls iff the noise lies between 0 and −2w: with probability Φ(2|w|/σ) − ½
    w, n = jnp.array([1.0, -0.5, 2.0]), 4000
    sigmas = jnp.array([1e-6, 0.3, 1.0, 3.0, 30.0])

    def kept(key, sigma):
        return perturbation.one_at_a_time(half_square, w, key=key, steps=1, sigma=sigma).accepted[0]

    rate = np.asarray(
        jax.vmap(lambda sigma: jax.vmap(kept, (0, None))(keys(n), sigma).mean())(sigmas)
    )
    expected = np.asarray(
        jax.vmap(lambda sigma: jnp.mean(norm.cdf(2 * jnp.abs(w) / sigma)) - 0.5)(sigmas)
    )
    np.testing.assert_allclose(rate, expected, atol=4 * 0.5 / np.sqrt(n))
    assert (np.diff(rate) < 0).all()
    assert rate[0] > 0.46
    assert rate[-1] < 0.05


# -------------------- all in parallel


def estimates(loss, w, n, *, sigma, trials=1):
    """n draws of ĝ: one step with η = 1 moves w by −ĝ."""

    def step(key):
        return perturbation.all_in_parallel(
            loss, w, key=key, steps=1, sigma=sigma, learning_rate=1.0, trials=trials
        )

    return np.asarray(w) - np.asarray(jax.vmap(step)(keys(n)).params)


def interval(draws):
    """Half the width of a 4.5 σ interval for the mean of each column: one in 10⁵ misses."""
    return 4.5 * draws.std(axis=0, ddof=1) / np.sqrt(len(draws))


@pytest.mark.slow
@pytest.mark.parametrize("trials", [1, 5])
def test_the_estimator_is_unbiased_for_a_linear_loss_and_noisier_with_more_weights(x64, trials):
    g = jnp.array([3.0, -1.0, 0.0, 0.5])
    draws = estimates(lambda w: g @ w, jnp.ones(4), 20_000, sigma=0.2, trials=trials)
    assert (np.abs(draws.mean(axis=0) - g) < interval(draws)).all()
    np.testing.assert_allclose(draws.var(axis=0), (g @ g + g**2) / trials, rtol=0.15)


def test_the_estimator_agrees_with_autodiff_for_a_quadratic(x64):
    A = jnp.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 4.0]])
    w = jnp.array([1.0, -2.0, 0.5])

    def loss(w):
        return 0.5 * w @ A @ w + jnp.sum(w)

    draws = estimates(loss, w, 40_000, sigma=0.5)
    assert (interval(draws) < 0.25).all()
    assert (np.abs(draws.mean(axis=0) - jax.grad(loss)(w)) < interval(draws)).all()


@pytest.mark.slow
def test_all_in_parallel_learns_and_reports_the_loss_it_reached(x64):
    descend = partial(
        perturbation.all_in_parallel, xor_loss, steps=600, sigma=0.01, learning_rate=0.1, trials=4
    )
    start = starts(16)
    result = jax.vmap(lambda params, key: descend(params, key=key))(start, keys(16))
    before, reached = jax.vmap(xor_loss)(start), jax.vmap(xor_loss)(result.params)
    np.testing.assert_allclose(result.history[:, -1], reached, rtol=1e-12)
    assert result.history.shape == (16, 600)
    assert (reached < before).all()
    assert (reached / before).mean() < 0.5


def test_a_step_carries_the_current_loss(x64):
    # by hand, from the same draws: only a current L(w) in every step gives these weights
    sigma, eta, key, w = 0.3, 0.1, jax.random.key(4), np.array([1.0, -2.0])
    for step in range(3):
        xi = sigma * np.asarray(jax.random.normal(jax.random.fold_in(key, step), (2, 2)))
        change = 0.5 * ((w + xi) ** 2).sum(axis=1) - 0.5 * (w**2).sum()
        w = w - eta * (change[:, None] * xi).mean(axis=0) / sigma**2
    result = perturbation.all_in_parallel(
        half_square,
        jnp.array([1.0, -2.0]),
        key=key,
        steps=3,
        sigma=sigma,
        learning_rate=eta,
        trials=2,
    )
    np.testing.assert_allclose(result.params, w, rtol=1e-12)


# --------------------------------------------------------------------------------------------- both


ONE = partial(perturbation.one_at_a_time, sigma=0.1)
ALL = partial(perturbation.all_in_parallel, sigma=0.1, learning_rate=0.01)


@pytest.mark.parametrize(
    ("learn", "passes"), [(ONE, 1 + 7), (partial(ALL, trials=3), 1 + 7 * (3 + 1))]
)
def test_forward_passes(learn, passes):
    ran = []

    def loss(w):
        jax.debug.callback(lambda w: ran.append(w), w)
        return half_square(w)

    learn(loss, jnp.ones(2), key=jax.random.key(0), steps=7)
    jax.effects_barrier()
    assert len(ran) == passes


@pytest.mark.parametrize("learn", [ONE, ALL])
def test_the_key_decides_and_the_same_loss_is_traced_once(learn):
    traced = []

    def loss(w):
        traced.append(w)
        return half_square(w)

    def reached(seed, sigma=0.1):
        return learn(loss, jnp.ones(2), key=jax.random.key(seed), steps=5, sigma=sigma).params

    first = reached(0)
    once = len(traced)
    np.testing.assert_array_equal(first, reached(0))
    assert (first != reached(1)).any()
    assert (first != reached(0, sigma=0.2)).any()
    assert len(traced) == once


@pytest.mark.parametrize("learn", [ONE, ALL])
def test_a_loss_may_use_what_is_traced_outside(learn):
    @jax.vmap
    def nearer(target):
        def loss(w):
            return jnp.sum((w - target) ** 2)

        return loss(learn(loss, jnp.zeros(2), key=jax.random.key(0), steps=200).params) < loss(
            jnp.zeros(2)
        )

    assert nearer(jnp.array([[1.0, 2.0], [-3.0, 0.5]])).all()


class Mixed(NamedTuple):
    W: jax.Array
    rest: dict


@pytest.mark.parametrize("learn", [ONE, ALL])
def test_structure_and_dtypes_are_kept(learn):
    params = Mixed(jnp.ones((2, 3), jnp.bfloat16), {"b": jnp.ones(3), "c": (), "s": jnp.ones(())})

    def loss(p):
        return half_square(p.W.astype(jnp.float32)) + half_square(p.rest["b"]) + p.rest["s"] ** 2

    result = learn(loss, params, key=jax.random.key(0), steps=20)
    assert jax.tree.structure(result.params) == jax.tree.structure(params)
    for old, new in zip(jax.tree.leaves(params), jax.tree.leaves(result.params), strict=True):
        assert (old.shape, old.dtype) == (new.shape, new.dtype)
    np.testing.assert_allclose(result.history[-1], loss(result.params), rtol=1e-6)


@pytest.mark.parametrize("learn", [ONE, ALL])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "mse"}, "loss: got 'mse'"),
        ({"loss": lambda w: w}, r"loss: returned shape \(2,\) of float32"),
        ({"loss": lambda w: jnp.sum(w > 0)}, "loss: returned shape .* of int32"),
        (
            {"params": {"n": jnp.arange(3)}},
            r"params\['n'\]: got dtype int32, expected floating point",
        ),
        ({"params": [jnp.ones(1), np.array([1.0, np.nan])]}, r"params\[1\]: 1 value"),
        ({"params": ()}, "holds no array"),
        ({"params": "w"}, "params: got dtype <U1"),
        ({"steps": 0}, "steps: got 0"),
        ({"sigma": 0.0}, "sigma: got 0.0"),
        ({"sigma": np.nan}, "sigma: got nan"),
    ],
)
def test_both_refuse(learn, change, message):
    arguments = {
        "loss": half_square,
        "params": jnp.ones(2),
        "key": jax.random.key(0),
        "steps": 1,
    } | change
    with pytest.raises(ValueError, match=message):
        learn(**arguments)


@pytest.mark.parametrize(("name", "value"), [("learning_rate", -0.1), ("trials", 0)])
def test_all_in_parallel_refuses(name, value):
    with pytest.raises(ValueError, match=f"{name}: got {value}"):
        ALL(half_square, jnp.ones(2), key=jax.random.key(0), steps=1, **{name: value})
