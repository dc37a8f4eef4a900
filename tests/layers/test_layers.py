"""dense, activation, batch_norm, dropout and serial: each backward pass is that of its forward
pass.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import initializers
from fnn.layers import (
    BatchNormParams,
    BatchNormState,
    DenseParams,
    activation,
    batch_norm,
    dense,
    dropout,
    serial,
)
from fnn.layers.parts import parts_of
from fnn.testing import assert_vjp

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)


def normal(shape, seed=0, scale=1.0, shift=0.0):
    return jnp.asarray(shift + scale * np.random.default_rng(seed).normal(size=shape))


def assert_backward(layer, params, state, x, *, key=None, train):
    """The gradients of the parameters and of x, for a random dy."""

    def forward(at, key=None):
        return layer.forward(at["params"], state, at["x"], key=key, train=train)[0]

    def backward(at, dy, key=None):
        _, _, residuals = layer.forward(at["params"], state, at["x"], key=key, train=train)
        grads, dx = layer.backward(at["params"], residuals, dy)
        return {"params": grads, "x": dx}

    assert_vjp(forward, backward, {"params": params, "x": x}, key=key)


def assert_close(actual, expected, atol=1e-13):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=0, atol=atol), actual, expected)


# ------------------------------------------------------------------------------------------- dense


def test_dense_is_w_a_plus_b():
    """3.16: ∂L/∂W has the shape of W."""
    layer = dense(3, 2)
    params, state = layer.init(KEY)
    assert (params.W.shape, params.b.shape, state) == ((2, 3), (2,), ())
    assert not params.b.any()
    params = params._replace(b=jnp.array([1.0, -2.0]))
    x = normal((3, 5))
    y, _, _ = layer.forward(params, state, x)
    np.testing.assert_allclose(y, params.W @ x + params.b[:, None], rtol=1e-15)
    assert_backward(layer, params, state, x, train=True)


def test_dense_gradient_is_delta_times_activation():
    """2.14, 2.15: δ aᵀ, Σδ, Wᵀδ, for one example by hand."""
    params = DenseParams(jnp.array([[1.0, 2.0], [3.0, 4.0]]), jnp.zeros(2))
    grads, da = dense(2, 2).backward(params, jnp.array([[5.0], [6.0]]), jnp.array([[10.0], [1.0]]))
    np.testing.assert_array_equal(grads.W, [[50, 60], [5, 6]])
    np.testing.assert_array_equal(grads.b, [10, 1])
    np.testing.assert_array_equal(da, [[13], [24]])


def test_dense_draws_by_its_initializer():
    np.testing.assert_array_equal(
        dense(3, 2, init="lecun").init(KEY)[0].W, initializers.lecun(KEY, (2, 3))
    )
    np.testing.assert_array_equal(dense(3, 2).init(KEY)[0].W, initializers.he(KEY, (2, 3)))


def test_dense_takes_the_dtype_of_its_parameters():
    with jax.enable_x64(False):
        params, _ = dense(3, 2).init(KEY)
    assert {leaf.dtype for leaf in params} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: dense(0, 2), "n_in: got 0, expected a whole number of at least 1"),
        (lambda: dense(2, 1.5), "n_out: got 1.5"),
        (lambda: dense(True, 2), "n_in: got True"),
        (lambda: dense(2, 2, init="hee"), "init: 'hee' is not known; did you mean 'he'"),
        (
            lambda: dense(3, 2).forward(dense(3, 2).init(KEY)[0], (), jnp.zeros((4, 5))),
            "x: got 4 features, expected 3: this layer maps 3 to 2",
        ),
        (lambda: activation("rellu"), "did you mean 'relu'"),
        (lambda: batch_norm(0), "features: got 0"),
        (lambda: batch_norm(2, momentum=1.0), r"momentum: got 1.0, expected a number in \[0, 1\)"),
        (lambda: batch_norm(2, epsilon=0.0), "epsilon: got 0.0, expected a finite number above 0"),
        (lambda: dropout(1.0), r"drop_rate: got 1.0, expected a number in \[0, 1\)"),
        (lambda: dropout(-0.1), "drop_rate: got -0.1"),
        (lambda: dropout(None), "drop_rate: got None"),
        (lambda: serial(dense(2, 3), "relu"), "serial: got 'relu' at position 1, expected a Layer"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# -------------------------------------------------------------------------------------- activation


@pytest.mark.parametrize("name", ["tanh", "softmax"])
def test_activation_has_no_parameters(name):
    layer = activation(name)
    assert layer.init(KEY) == ((), ())
    assert_backward(layer, (), (), normal((3, 4)), train=True)


# -------------------------------------------------------------------------------------- batch norm


def norm_problem():
    """A batch norm whose γ, β and statistics are not the initial ones."""
    layer = batch_norm(3)
    params = BatchNormParams(normal(3, 1, shift=1.0), normal(3, 2))
    state = BatchNormState(normal(3, 3), jnp.array([0.5, 1.5, 4.0]))
    return layer, params, state, normal((3, 8), 4, scale=2.0, shift=5.0)


def test_batch_norm_starts_as_the_plain_normalisation():
    params, state = batch_norm(3).init(KEY)
    assert_close(params, BatchNormParams(jnp.ones(3), jnp.zeros(3)), 0)
    assert_close(state, BatchNormState(jnp.zeros(3), jnp.ones(3)), 0)


def test_batch_norm_output_has_mean_0_and_variance_1():
    """2.25: the variance is σ²/(σ² + ε), so 1 − ε/σ² to first order."""
    layer = batch_norm(3)
    x = normal((3, 50), scale=2.0, shift=5.0)
    y, _, _ = layer.forward(*layer.init(KEY), x, train=True)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-6)
    batch_variance = x.var(axis=1)
    np.testing.assert_allclose(1 - y.var(axis=1), 1e-5 / (batch_variance + 1e-5), rtol=1e-6)


def test_batch_norm_training_is_the_formula():
    layer, params, state, x = norm_problem()
    mu, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    expected = params.scale[:, None] * (x - mu) / jnp.sqrt(var + 1e-5) + params.shift[:, None]
    np.testing.assert_allclose(layer.forward(params, state, x, train=True)[0], expected, rtol=1e-12)


def test_batch_norm_backward_through_the_batch_statistics():
    layer, params, state, x = norm_problem()
    assert_backward(layer, params, state, x, train=True)


def test_statistics_taken_as_constants_give_another_gradient():
    """The shortcut γ dy/√(σ² + ε) is off by more than a tenth of the true dx here."""
    layer, params, state, x = norm_problem()
    dy = normal(x.shape, seed=99)
    _, _, residuals = layer.forward(params, state, x, train=True)
    _, dx = layer.backward(params, residuals, dy)
    shortcut = params.scale[:, None] * dy / jnp.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
    assert jnp.abs(shortcut - dx).max() > 0.1 * jnp.abs(dx).max()
    np.testing.assert_allclose(
        dx.sum(axis=1), 0, atol=1e-13
    )  # a shift of the whole batch is subtracted again


def test_running_statistics_follow_the_recurrence():
    """Towards the batch mean and the unbiased batch variance."""
    layer = batch_norm(3, momentum=0.7)
    params, state = layer.init(KEY)
    mean, variance = np.zeros(3), np.ones(3)
    for seed in range(4):
        x = normal((3, 8), seed, shift=seed)
        _, state, _ = layer.forward(params, state, x, train=True)
        mean = 0.7 * mean + 0.3 * np.mean(x, axis=1)
        variance = 0.7 * variance + 0.3 * np.var(x, axis=1, ddof=1)
    assert_close(state, BatchNormState(mean, variance), 1e-14)


def test_batch_norm_evaluation_uses_the_running_statistics():
    layer, params, state, x = norm_problem()
    y, new_state, _ = layer.forward(params, state, x, train=False)
    expected = (
        params.scale[:, None] * (x - state.mean[:, None]) / jnp.sqrt(state.variance[:, None] + 1e-5)
    )
    np.testing.assert_allclose(y, expected + params.shift[:, None], rtol=1e-12)
    assert new_state is state
    np.testing.assert_allclose(
        layer.forward(params, state, x[:, :1], train=False)[0], y[:, :1], rtol=1e-15
    )
    assert_backward(layer, params, state, x, train=False)


def test_batch_norm_keeps_the_dtype():
    layer, *trees = norm_problem()
    params, state, x = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), trees)
    y, state, residuals = layer.forward(params, state, x, train=True)
    grads, dx = layer.backward(params, residuals, y)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, state, grads, dx))} == {jnp.dtype("float32")}


def test_batch_norm_refuses():
    layer, params, state, x = norm_problem()
    with pytest.raises(
        ValueError, match="x: got 2 features, expected 3, which this batch_norm normalises"
    ):
        layer.forward(params, state, x[:2], train=True)
    with pytest.raises(
        ValueError,
        match=r"state: batch_norm keeps running statistics; pass the state that net\.init",
    ):
        layer.forward(params, (), x, train=False)
    with pytest.raises(ValueError, match="batch_size: a batch of one example has no variance"):
        layer.forward(params, state, x[:, :1], train=True)


# ----------------------------------------------------------------------------------------- dropout


def test_dropout_keeps_the_expectation():
    """Each entry is 0 or a/(1 − p); the mean of n masks has the standard error √(p/(1 − p)/n)."""
    ones = jnp.ones((100, 400))
    y, _, _ = dropout(0.3).forward((), (), ones, key=KEY, train=True)
    assert set(np.unique(y)) == {0.0, 1 / 0.7}
    assert abs(float(y.mean()) - 1) < 5 * np.sqrt(0.3 / 0.7 / ones.size)
    assert abs(float((y == 0).mean()) - 0.3) < 5 * np.sqrt(0.3 * 0.7 / ones.size)


def test_dropout_draws_from_the_key():
    ones, layer = jnp.ones((10, 10)), dropout(0.5)
    masks = [
        layer.forward((), (), ones, key=jax.random.key(seed), train=True)[0] for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()


def test_dropout_backward_uses_the_mask_of_forward():
    """It does to dy what forward does to x, to the last bit."""
    layer, x = dropout(0.4), normal((5, 6))
    assert_backward(layer, (), (), x, key=KEY, train=True)
    y, _, residuals = layer.forward((), (), x, key=KEY, train=True)
    np.testing.assert_array_equal(layer.backward((), residuals, x)[1], y)


@pytest.mark.parametrize(("rate", "train"), [(0.5, False), (0.0, True)])
def test_dropout_is_the_identity_without_a_key(rate, train):
    layer, x, dy = dropout(rate), normal((5, 6)), normal((5, 6), seed=99)
    y, _, residuals = layer.forward((), (), x, train=train)
    np.testing.assert_array_equal(y, x)
    assert_backward(layer, (), (), x, train=train)
    np.testing.assert_array_equal(layer.backward((), residuals, dy)[1], dy)


def test_dropout_refuses_to_train_without_a_key():
    with pytest.raises(ValueError, match="key: got None, but dropout draws its mask"):
        dropout(0.5).forward((), (), jnp.ones((2, 2)), train=True)


# ------------------------------------------------------------------------------------------ serial


@pytest.mark.slow
@pytest.mark.quick
def test_serial_chains_and_each_layer_has_its_own_key():
    parts = [dense(3, 3), dropout(0.5), activation("tanh"), dropout(0.5)]
    net = serial(*parts)
    params, state = net.init(KEY)
    x = normal((3, 6))
    expected = x
    for i, (part, p) in enumerate(zip(parts, params, strict=True)):
        expected, _, _ = part.forward(p, (), expected, key=jax.random.fold_in(KEY, i), train=True)
    y, new_state, residuals = net.forward(params, state, x, key=KEY, train=True)
    np.testing.assert_array_equal(y, expected)
    assert state == new_state == ()
    assert (residuals[1] != residuals[3]).any()  # the two dropout masks
    assert_backward(net, params, state, x, key=KEY, train=True)


def test_serial_draws_every_layer_anew():
    params, _ = serial(dense(4, 4), dense(4, 4)).init(KEY)
    assert (params[0].W != params[1].W).all()


@pytest.mark.slow
def test_state_is_a_tuple_only_where_a_layer_has_one():
    assert serial(dense(2, 3), activation("relu")).init(KEY)[1] == ()
    net = serial(dense(3, 3), batch_norm(3))
    params, state = net.init(KEY)
    assert state[0] == ()
    assert isinstance(state[1], BatchNormState)
    x = normal((3, 6))
    _, new_state, _ = net.forward(params, state, x, train=True)
    assert jax.tree.structure(new_state) == jax.tree.structure(state)
    assert (new_state[1].mean != state[1].mean).all()
    assert_backward(net, params, state, x, train=True)


@pytest.mark.slow
def test_serials_nest():
    inner = serial(batch_norm(3), activation("tanh"))
    net = serial(dense(2, 3), inner, dense(3, 1))
    params, state = net.init(KEY)
    assert jax.tree.structure(state) == jax.tree.structure(((), (BatchNormState(0, 0), ()), ()))
    assert_backward(net, params, state, normal((2, 6)), train=True)


@pytest.mark.parametrize("state", [((), (), ()), None, [(), ()]])
def test_serial_refuses_another_state(state):
    net = serial(dense(2, 3), activation("relu"))
    params, _ = net.init(KEY)
    with pytest.raises(
        ValueError, match=r"state: got .*, expected the state that net\.init returned"
    ):
        net.forward(params, state, normal((2, 4)))


def test_serial_passes_the_missing_state_on():
    net = serial(dense(2, 3), batch_norm(3))
    params, _ = net.init(KEY)
    with pytest.raises(ValueError, match="state: batch_norm keeps running statistics"):
        net.forward(params, (), normal((2, 4)))


def test_the_parts_of_a_chain_run_as_the_chain_does():
    net = serial(dense(3, 4), batch_norm(4), dropout(0.5), serial(dropout(0.5), dense(4, 2)))
    params, state = net.init(KEY)
    x = normal((3, 8))
    y, new_state, _ = net.forward(params, state, x, key=KEY, train=True)
    own, states = x, []
    for part in parts_of(net, params, state, KEY):
        own, own_state, _ = part.forward(own, train=True)
        states.append(own_state)
    np.testing.assert_array_equal(own, y)
    assert jax.tree.structure(tuple(states)) == jax.tree.structure(new_state)


def test_a_layer_is_its_only_part():
    layer = dropout(0.5)
    (part,) = parts_of(layer, (), (), KEY)
    assert part == (layer, (), (), KEY)


def test_parts_refuse_the_state_of_another_chain():
    net = serial(dense(3, 4), batch_norm(4))
    params, state = net.init(KEY)
    with pytest.raises(ValueError, match=r"state: got .*, expected the state that net\.init"):
        parts_of(net, params, state[:1])
