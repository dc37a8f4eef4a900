"""What the diagnosis stands on: a traced loss as a list of operations, and its backward pass with
mistakes in it.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.gradcheck.flat_jaxpr import evaluate, flat_jaxpr_of
from fnn.gradcheck.problem import problem_of
from fnn.gradcheck.reference import reference_of
from fnn.gradcheck.replay import replay_of

RNG = np.random.default_rng(0)
W1, W2 = RNG.normal(size=(3, 4)), RNG.normal(size=(2, 3))
X, Y = RNG.normal(size=(4, 6)), RNG.normal(size=(2, 6))


@pytest.fixture(autouse=True)
def _in_float64(x64):
    with jax.numpy_rank_promotion("allow"):
        yield


def loss(params):
    return 0.5 * jnp.sum((params[1] @ jnp.tanh(params[0] @ X) - Y) ** 2)


def varied(w):
    """Calls, functions with a derivative of their own, a loop, a branch and random numbers."""
    w = jax.jit(lambda v: jax.nn.relu(v) + jax.nn.softplus(v))(w)
    w = jax.lax.scan(lambda total, v: (total + v, total * v), w[0], w)[1] * jax.random.normal(
        jax.random.key(1), (3, 4)
    )
    return jnp.sum(jax.lax.cond(w[0, 0] > 100, jnp.sin, jnp.cos, w) ** 2)


@pytest.mark.every(1)
@pytest.mark.parametrize("open_all", [True, False])
def test_a_flat_jaxpr_computes_what_the_function_does(open_all):
    flat = flat_jaxpr_of(jax.make_jaxpr(varied)(W1), open_all=open_all)
    values = evaluate(flat, [W1], flat.constants)
    np.testing.assert_allclose(values[flat.outputs[0]], varied(W1), rtol=1e-14)


def test_dependent_values_are_those_that_change_with_the_leaves():
    flat = flat_jaxpr_of(jax.make_jaxpr(varied)(W1))
    one, other = (evaluate(flat, [w], flat.constants) for w in (W1, W1 + 0.1))
    changed = {n for n in one if not jnp.issubdtype(jnp.result_type(one[n]), jax.dtypes.prng_key)}
    changed = {n for n in changed if not np.array_equal(one[n], other[n])}
    assert changed <= flat.dependent
    assert flat.outputs[0] in changed


@pytest.fixture
def replay(_in_float64):
    problem = problem_of(loss, lambda p: p, [W1, W2], None, "float64")
    return replay_of(reference_of(problem), problem.leaves)


def value_like(replay, array):
    """The number of a value of the forward pass."""
    values = replay.right.values.items()
    return next(n for n, v in values if np.shape(v) == np.shape(array) and np.allclose(v, array))


def test_the_right_backward_pass_is_the_one_in_the_books(replay):
    z = W1 @ X
    dy = W2 @ np.tanh(z) - Y
    da = W2.T @ dy
    dz = da * (1 - np.tanh(z) ** 2)
    for value, delta in ((W2 @ np.tanh(z), dy), (np.tanh(z), da), (z, dz)):
        np.testing.assert_allclose(
            replay.right.deltas[value_like(replay, value)], delta, rtol=1e-12
        )
    for grad, expected in zip(replay.right.grads, (dz @ X.T, dy @ np.tanh(z).T), strict=True):
        np.testing.assert_allclose(grad, expected, rtol=1e-12)


def test_an_error_of_delta_goes_down_by_the_right_rules(replay):
    z = W1 @ X
    error = RNG.normal(size=z.shape)
    found = replay.run({value_like(replay, z): error})
    np.testing.assert_allclose(found.grads[0], replay.right.grads[0] + error @ X.T, rtol=1e-12)
    np.testing.assert_array_equal(found.grads[1], replay.right.grads[1])
    twice = replay.run({value_like(replay, z): 2 * error})
    np.testing.assert_allclose(twice.grads[0] - found.grads[0], error @ X.T, rtol=1e-10, atol=1e-12)


def test_rules_see_what_the_mistakes_above_them_have_made(replay):
    z, a, y = (value_like(replay, v) for v in (W1 @ X, np.tanh(W1 @ X), W2 @ np.tanh(W1 @ X)))
    found = replay.with_rules({
        y: lambda found: found.deltas[y],  # δ_y doubled
        z: lambda found: found.deltas[a] - found.deltas[z],  # f′ left out, of the doubled δ_a
    })  # fmt: skip
    np.testing.assert_allclose(found.grads[0], 2 * replay.right.deltas[a] @ X.T, rtol=1e-12)


# -------------------- the noise of what is compared


def saturated(w):
    """log(1 + eᶻ) far to the left: 1e-52."""
    return jnp.sum(jnp.logaddexp(w, 0.0))


def test_a_hand_written_formula_may_cancel_but_not_be_absent():
    point = jnp.full(3, -120.0)
    report = fnn.check_gradient(saturated, lambda w: 0.5 * (1 + jnp.tanh(0.5 * w)), point)
    assert report.verdict == "abstain"
    assert "the hand-written formula cancels" in str(report)
    absent = fnn.check_gradient(saturated, lambda w: 0 * w, point)
    assert (absent.verdict, absent.cause) == ("fail", "missing gradient")


def test_cancellation_excuses_only_what_it_explains():
    point = jnp.array([-30.0, 0.3, 1.0])
    assert fnn.check_gradient(saturated, lambda w: 0.5 * (1 + jnp.tanh(0.5 * w)), point).passed
    wrong = fnn.check_gradient(
        saturated, lambda w: 0.5 * (1 + jnp.tanh(0.5 * w)) * (1 + 1e-9), point
    )
    assert wrong.verdict == "fail"


@pytest.mark.every(1)
@pytest.mark.parametrize("beside", [1.0, 1e3])
@pytest.mark.parametrize("size", [1e-8, 1e-7, 1e-5])
def test_a_loss_in_numpy_that_rounds_coarsely_is_not_believed_beyond_its_noise(size, beside):
    """Its value is size², its rounding that of what stands beside it: on a very short way it seems
    to be constant.
    """
    target = np.array([1.0, 2.0, 3.0])

    def coarse(w):
        return float(np.sum((w - target) ** 2) + beside - beside)

    for seed in range(10):
        point = target + size * np.random.default_rng(seed).normal(size=3)
        assert fnn.check_gradient(coarse, lambda w: 2 * (w - target), point).passed
        assert fnn.check_gradient(coarse, lambda w: 2.2 * (w - target), point).verdict == "fail"


@pytest.mark.parametrize("kink", [3e-7, -3e-7, 1e-6])
def test_a_kink_close_by_is_no_noise(kink):
    """The loss is 0 where it is looked at first, and so is its gradient."""

    def loss(w):
        return float(np.maximum(w - kink, 0).sum())

    slope = float(kink < 0)
    assert fnn.check_gradient(loss, lambda w: 0 * w + slope, np.zeros(3), near=False).passed
    assert not fnn.check_gradient(loss, lambda w: 0 * w + 0.5, np.zeros(3), near=False).passed
