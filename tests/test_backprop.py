"""The surface: `apply` and `value_and_grad`, what they take, return and refuse, plain, jitted and
vmapped.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import losses, optim, reductions
from fnn.backprop import Pass, apply, backprop, shapes_of, value_and_grad
from fnn.layers import BatchNormState, activation
from fnn.mlp import mlp
from fnn.testing import assert_network

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3)).astype(np.float32)
Y, Y2, LABELS = RNG.normal(size=6), RNG.normal(size=(6, 2)), np.array([0, 1, 1, 0, 1, 0])
NET = mlp((3, 4, 2), activation="tanh")
NOISY = mlp((3, 4, 2), batch_norm="before", dropout=0.5)
PARAMS, _ = NET.init(KEY)
objective = value_and_grad(NET, losses.squared_error)
REDUCED = {
    "mean": lambda w, v: w @ v / w.sum(),
    "sum": lambda w, v: w @ v,
    "half_sum": lambda w, v: 0.5 * w @ v,
}


def assert_close(actual, expected, rtol=1e-5, atol=1e-7):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    jax.tree.map(
        lambda a, e: np.testing.assert_allclose(a, e, rtol=rtol, atol=atol), actual, expected
    )


def refused(message):
    return pytest.raises(ValueError, match=message)


def replaced(array, index, value):
    copy = array.copy()
    copy[index] = value
    return copy


# --------------------------------------------------------------------------------------- results


def test_shapes():
    assert apply(NET, PARAMS, X).shape == (6, 2)
    value, grads = objective(PARAMS, X, Y2)
    assert value.shape == ()
    assert jax.tree.map(jnp.shape, grads) == jax.tree.map(jnp.shape, PARAMS)
    assert jax.tree.structure(grads) == jax.tree.structure(PARAMS)


@pytest.mark.slow
def test_one_example():
    assert apply(NET, PARAMS, X[:1]).shape == (1, 2)
    assert_network(NET, losses.squared_error, X[:1], Y2[:1], params=PARAMS)
    assert_close(objective(PARAMS, X[:1], Y2[:1]), objective(PARAMS, X, Y2, weights=np.eye(6)[0]))


@pytest.mark.every(2)
@pytest.mark.parametrize("reduction", reductions.REGISTRY)
def test_value_and_gradient_are_those_of_the_weighted_losses(reduction, x64):
    params, _ = NET.init(KEY)
    w = np.linspace(0, 2, 6)
    value, _ = value_and_grad(NET, losses.squared_error, reduction=reduction)(
        params, X, Y2, weights=w
    )
    of_each = ((apply(NET, params, X) - Y2) ** 2).sum(axis=1)
    np.testing.assert_allclose(value, REDUCED[reduction](w, of_each), rtol=1e-12)
    assert_network(NET, losses.squared_error, X, Y2, params=params, reduction=reduction, weights=w)


def test_a_pass_holds_the_prediction_too():
    done = backprop(
        NET,
        losses.squared_error,
        reductions.get("sum"),
        PARAMS,
        (),
        jnp.asarray(X.T),
        jnp.asarray(Y2.T),
        key=None,
        train=True,
    )
    assert isinstance(done, Pass)
    np.testing.assert_array_equal(done.prediction.T, apply(NET, PARAMS, X))
    np.testing.assert_allclose(done.value, ((done.prediction.T - Y2) ** 2).sum(), rtol=1e-5)


def test_the_loss_value_is_the_mean_over_examples_of_the_sum_over_outputs():
    """0.7"""
    value, _ = objective(PARAMS, X, Y2)
    np.testing.assert_allclose(
        value, ((apply(NET, PARAMS, X) - Y2) ** 2).sum(axis=1).mean(), rtol=1e-6
    )


def test_targets_as_a_vector_or_as_a_column():
    net = mlp((3, 4, 1))
    params, _ = net.init(KEY)
    f = value_and_grad(net, losses.squared_error)
    assert_close(f(params, X, Y), f(params, X, Y[:, None]), rtol=0, atol=0)


def test_labels_as_integers_or_one_hot():
    f = value_and_grad(NET, losses.softmax_cross_entropy)
    assert_close(f(PARAMS, X, LABELS), f(PARAMS, X, np.eye(2)[LABELS]), rtol=1e-6)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int32", "int64", "bool", "float16", "float32", "float64"]
)
def test_x_may_be_any_numpy_number(dtype):
    x = np.arange(18).reshape(6, 3).astype(dtype)
    y = apply(NET, PARAMS, x)
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, apply(NET, PARAMS, x.astype(np.float32)), rtol=1e-6)
    assert objective(PARAMS, x, Y2)[0].dtype == jnp.float32


@pytest.mark.parametrize("dtype", ["uint8", "bool"])
def test_whole_numbers_become_floats_before_the_first_layer(dtype):
    x = np.eye(3).astype(dtype)
    y = apply(activation("identity"), (), x)
    assert y.dtype == jnp.float32
    np.testing.assert_array_equal(y, np.eye(3))


def test_float64_stays_float64(x64):
    params, _ = NET.init(KEY)
    value, grads = objective(params, X.astype(np.float64), Y2)
    assert {leaf.dtype for leaf in jax.tree.leaves((value, grads))} == {jnp.dtype("float64")}


# --------------------------------------------------------------------------- state, train and key


def test_has_state_returns_the_new_state():
    params, state = NOISY.init(KEY)
    f = value_and_grad(NOISY, losses.squared_error, has_state=True)
    (value, new_state), grads = f(params, X, Y2, state=state, key=KEY)
    assert jax.tree.structure(new_state) == jax.tree.structure(state)
    pre_activation = X @ np.asarray(params[0].W).T
    np.testing.assert_allclose(
        new_state[1].mean, 0.1 * pre_activation.mean(axis=0), rtol=1e-4, atol=1e-6
    )
    without = value_and_grad(NOISY, losses.squared_error)(params, X, Y2, state=state, key=KEY)
    assert_close(without, (value, grads), rtol=0, atol=0)


def test_has_state_of_a_network_without_any():
    (_, state), _ = value_and_grad(NET, losses.squared_error, has_state=True)(PARAMS, X, Y2)
    assert state == ()


@pytest.mark.every(1)
@pytest.mark.parametrize("train", [True, False])
def test_train_decides_between_batch_and_running_statistics(train, x64):
    params, state = NOISY.init(KEY)
    f = value_and_grad(NOISY, losses.squared_error, has_state=True)
    (value, new_state), _ = f(params, X, Y2, state=state, key=KEY, train=train)
    prediction = apply(NOISY, params, X, state=state, key=KEY, train=train)
    np.testing.assert_allclose(value, ((prediction - Y2) ** 2).sum(axis=1).mean(), rtol=1e-12)
    assert_network(
        NOISY, losses.squared_error, X, Y2, params=params, state=state, key=KEY, train=train
    )
    moved = any(
        (a != b).any()
        for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(new_state), strict=True)
    )
    assert moved == train


def test_apply_evaluates_and_value_and_grad_trains_unless_told_otherwise():
    params, state = NOISY.init(KEY)
    np.testing.assert_array_equal(
        apply(NOISY, params, X, state=state), apply(NOISY, params, X, state=state, train=False)
    )
    assert (
        apply(NOISY, params, X, state=state)
        != apply(NOISY, params, X, state=state, train=True, key=KEY)
    ).any()
    f = value_and_grad(NOISY, losses.squared_error)
    assert_close(
        f(params, X, Y2, state=state, key=KEY),
        f(params, X, Y2, state=state, key=KEY, train=True),
        0,
        0,
    )
    with refused("key: got None, but dropout"):
        f(params, X, Y2, state=state)
    with refused("key: got None, but dropout"):
        apply(NOISY, params, X, state=state, train=True)


def test_the_key_draws_the_mask():
    params, state = NOISY.init(KEY)
    f = value_and_grad(NOISY, losses.squared_error)
    value, same, other = (
        f(params, X, Y2, state=state, key=jax.random.key(s))[0] for s in (0, 0, 1)
    )
    assert value == same
    assert value != other


def test_the_state_is_needed_where_there_is_batch_norm():
    params, _ = NOISY.init(KEY)
    for call in (
        lambda: apply(NOISY, params, X),
        lambda: value_and_grad(NOISY, losses.squared_error)(params, X, Y2, key=KEY),
    ):
        with refused(
            r"state: batch_norm keeps running statistics; pass the state that net\.init returned"
        ):
            call()


# ------------------------------------------------------------------------------------ jit and vmap


def test_jit_gives_the_same(x64):
    params, state = NOISY.init(KEY)
    f = value_and_grad(NOISY, losses.squared_error, has_state=True)
    x, options = X.astype(np.float64), {"state": state, "key": KEY, "weights": np.ones(6)}
    assert_close(
        jax.jit(f)(params, x, Y2, **options), f(params, x, Y2, **options), rtol=1e-12, atol=1e-14
    )
    jitted = jax.jit(lambda params, x: apply(NET, params, x))
    np.testing.assert_allclose(jitted(PARAMS, X), apply(NET, PARAMS, X), rtol=1e-5)


def test_the_second_call_compiles_nothing():
    chex.clear_trace_counter()
    f = jax.jit(chex.assert_max_traces(value_and_grad(NET, losses.squared_error), n=1))
    f(PARAMS, X, Y2)
    value, _ = f(jax.tree.map(lambda leaf: 2 * leaf, PARAMS), X + 1, Y2 - 1)
    assert jnp.isfinite(value)
    assert f._cache_size() == 1


def test_vmap_over_parameters():
    keys = jax.random.split(KEY, 3)
    many, _ = jax.vmap(NET.init)(keys)
    values, grads = jax.jit(jax.vmap(objective, in_axes=(0, None, None)))(many, X, Y2)
    outputs = jax.vmap(lambda params: apply(NET, params, X))(many)
    for i in range(3):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], many)
        assert_close(
            (values[i], jax.tree.map(lambda leaf, i=i: leaf[i], grads)), objective(one, X, Y2)
        )
        np.testing.assert_allclose(outputs[i], apply(NET, one, X), rtol=1e-5)


# ---------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[0], r"x: got shape \(3,\), expected \(examples, features\)"),
        (X[None], r"x: got shape \(1, 6, 3\)"),
        (X[:0], r"x: got shape \(0, 3\), which is empty"),
        (X[:, :2], "x: got 2 features, expected 3: this layer maps 3 to 4"),
        (X.T, "x: got 6 features, expected 3"),
        (
            replaced(X, (2, 1), np.nan),
            r"x: 1 value\(s\) are not finite, the first is nan at \(2, 1\)",
        ),
        (replaced(X, (0, 0), np.inf), r"the first is inf at \(0, 0\)"),
    ],
)
def test_x_is_refused(x, message):
    with refused(message):
        apply(NET, PARAMS, x)
    with refused(message):
        objective(PARAMS, x, np.ones((len(x), 2)))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y2[:5], "y: got 5 targets for the 6 examples of x"),
        (
            Y,
            r"y: got a target of shape \(6,\), expected \(examples, outputs\) = \(6, 2\), "
            r"the shape",
        ),
        (Y2[:, :1], r"got a target of shape \(6, 1\), expected \(examples, outputs\) = \(6, 2\)"),
        (Y2[..., None], r"y: got shape \(6, 2, 1\)"),
        (
            replaced(Y2, (3, 0), np.nan),
            r"y: 1 value\(s\) are not finite, the first is nan at \(3, 0\)",
        ),
    ],
)
def test_y_is_refused(y, message):
    with refused(message):
        objective(PARAMS, X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (LABELS + 1, "y: got label 2 for a network with 2 outputs, expected labels 0 to 1"),
        (LABELS - 1, "y: got label -1"),
        (LABELS.astype(float), "y: got class labels of dtype float64, expected integers"),
        (np.full((6, 2), 0.7), r"y: the target of example 0 sums to 1\.4, expected 1"),
        (np.tile([1.5, -0.5], (6, 1)), r"y: got (1\.5|-0\.5), expected targets in \[0, 1\]"),
    ],
)
def test_labels_are_refused(y, message):
    with refused(message):
        value_and_grad(NET, losses.softmax_cross_entropy)(PARAMS, X, y)


@pytest.mark.parametrize(
    ("w", "message"),
    [
        (np.ones(5), r"weights: got shape \(5,\), expected \(6,\), one for each example"),
        (np.zeros(6), "weights: expected numbers of at least 0, and one above 0"),
        (-np.ones(6), "weights: expected numbers of at least 0"),
        (np.full(6, np.inf), r"weights: 6 value\(s\) are not finite"),
    ],
)
def test_weights_are_refused(w, message):
    with refused(message):
        objective(PARAMS, X, Y2, weights=w)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (
            (NET, losses.squared_error),
            {"reduction": "avg"},
            "reduction: 'avg' is not known.* Known: mean, sum",
        ),
        (
            ((3, 4, 2), losses.squared_error),
            {},
            r"net: got \(3, 4, 2\), expected a Layer such as fnn\.mlp",
        ),
        (
            (NET, "squared_error"),
            {},
            r"loss: got 'squared_error', expected a Loss such as fnn\.losses\.squared_error",
        ),
        (
            (NET, losses.huber),
            {},
            r"loss: got the function huber, expected a Loss .*; call it: fnn\.losses\.huber\(\)",
        ),
    ],
)
def test_the_factory_refuses(arguments, options, message):
    with refused(message):
        value_and_grad(*arguments, **options)


def test_under_jit_shapes_are_checked_and_values_are_not():
    jitted = jax.jit(value_and_grad(NET, losses.softmax_cross_entropy))
    with refused(r"x: got shape \(3,\)"):
        jitted(PARAMS, X[0], LABELS)
    with refused("y: got 5 targets for the 6 examples"):
        jitted(PARAMS, X, LABELS[:5])
    with refused("expected integers"):
        jitted(PARAMS, X, LABELS.astype(np.float32))
    with refused(r"weights: got shape \(5,\)"):
        jitted(PARAMS, X, LABELS, weights=np.ones(5))
    with refused("x: got 2 features, expected 3"):
        jitted(PARAMS, X[:, :2], LABELS)
    value, _ = jitted(PARAMS, np.full_like(X, np.nan), LABELS + 7)
    assert jnp.isnan(value)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            (PARAMS, ()),
            r"params: got the pair \(params, state\); net\.init\(key\) returns \(params, state\)",
        ),
        (PARAMS[:2], "params: params has the structure .* unlike those of this network"),
        (
            mlp((3, 5, 2)).init(KEY)[0],
            r"params: params\[0\]\.W has shape \(5, 3\) instead of \(4, 3\), unlike",
        ),
    ],
)
def test_parameters_of_something_else_are_refused(params, message):
    for call in (apply, jax.jit(apply, static_argnums=0)):
        with refused(message):
            call(NET, params, X)
    with refused(message):
        objective(params, X, Y2)


def test_the_shapes_that_parameters_are_checked_against_are_kept():
    assert shapes_of(NET)[0] is shapes_of(NET)[0]


def broken(**changes):
    """The network with some functions replaced; each change gets what the right function
    returns.
    """

    def changed(right, change):
        return lambda *arguments, **options: change(right(*arguments, **options))

    return NET._replace(
        **{name: changed(getattr(NET, name), change) for name, change in changes.items()}
    )


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (
            broken(backward=lambda out: (out[0][:2], out[1])),
            r"net\.backward: grads has the structure",
        ),
        (
            broken(backward=lambda out: (jax.tree.map(jnp.transpose, out[0]), out[1])),
            r"net\.backward: grads\[0\]\.W has shape \(3, 4\) instead of \(4, 3\)",
        ),
        (
            broken(backward=lambda out: (out[0], out[1].T)),
            r"net\.backward: dx has shape \(6, 3\), expected \(3, 6\)",
        ),
        (
            broken(backward=lambda out: out[0]),
            r"net\.backward: returned 3 values, expected \(grads, dx\)",
        ),
        (
            broken(forward=lambda out: out[:2]),
            r"net\.forward: returned 2 values, expected \(y, state, residuals\)",
        ),
        (
            broken(forward=lambda out: out[0]),
            r"net\.forward: returned a \w+, expected \(y, state, residuals\)",
        ),
        (
            broken(init=lambda out: out[0][0]),
            r"net\.init: returned a DenseParams, expected \(params, state\)",
        ),
        (
            broken(init=lambda out: (*out, ())),
            r"net\.init: returned 3 values, expected \(params, state\)",
        ),
    ],
)
def test_a_layer_that_breaks_the_contract_is_refused(net, message):
    with refused(message):
        value_and_grad(net, losses.squared_error)(PARAMS, X, Y2)
    with refused(message):
        jax.jit(value_and_grad(net, losses.squared_error))(PARAMS, X, Y2)


@pytest.mark.parametrize(
    ("y", "net", "message"),
    [
        (
            LABELS[:, None],
            NET,
            r"y: got integers of shape \(6, 1\), expected labels .* use y\.ravel\(\)",
        ),
        (
            LABELS,
            mlp((3, 1)),
            "1 output, whose softmax is always 1; use 2 outputs, or sigmoid_cross_entropy",
        ),
    ],
)
def test_common_mistakes_with_labels(y, net, message):
    with refused(message):
        value_and_grad(net, losses.softmax_cross_entropy)(net.init(KEY)[0], X, y)


def test_numbers_that_would_wrap_around_are_refused():
    with refused("y: got 4294967296, expected whole numbers that int32 holds"):
        value_and_grad(NET, losses.softmax_cross_entropy)(PARAMS, X, LABELS + 2**32)
    with refused("x: got 4294967296"):
        apply(NET, PARAMS, np.full((6, 3), 2**32))
    with refused("x: got dtype complex64"):
        apply(NET, PARAMS, X + 1j)
    with refused("x: .*float32 holds up to"):
        apply(NET, PARAMS, np.full((6, 3), 1e300))


def test_lists_are_arrays_too():
    np.testing.assert_array_equal(apply(NET, PARAMS, X.tolist()), apply(NET, PARAMS, X))
    assert_close(objective(PARAMS, X.tolist(), Y2.tolist()), objective(PARAMS, X, Y2))


# --------------------------------------------------------------------------- independent components


def test_swapping_one_component_leaves_the_others_bit_identical():
    """0.1: network, loss, optimizer, initialisation and procedure are separate pure functions."""
    value, grads = objective(PARAMS, X, Y2)
    prediction = apply(NET, PARAMS, X)
    value_and_grad(NET, losses.absolute_error)(PARAMS, X, Y2)
    for optimizer in (optim.sgd(0.1), optim.adam(0.1)):
        updates, _ = optimizer.update(grads, optimizer.init(PARAMS), PARAMS)
        optax.apply_updates(PARAMS, updates)
    mlp((3, 4, 2), activation="relu", init="glorot").init(KEY)
    assert_close(objective(PARAMS, X, Y2), (value, grads), 0, 0)
    np.testing.assert_array_equal(apply(NET, PARAMS, X), prediction)

    hidden = (mlp((3, 4, 2), activation=name).init(KEY)[0] for name in ("tanh", "relu"))
    jax.tree.map(
        np.testing.assert_array_equal, *hidden
    )  # the activation does not reach the initialisation


def test_forward_is_cached_not_recomputed():
    """1.28: the activations of the forward pass are the residuals of the backward pass, bit for
    bit.
    """
    x = jnp.asarray(X.T)
    _, _, residuals = NET.forward(PARAMS, (), x)
    np.testing.assert_array_equal(residuals[0], x)
    z = PARAMS[0].W @ x + PARAMS[0].b[:, None]
    np.testing.assert_array_equal(residuals[1], z)
    np.testing.assert_array_equal(residuals[2], jnp.tanh(z))


def test_nothing_that_is_returned_is_a_view_of_the_state():
    params, state = NOISY.init(KEY)
    before = jax.tree.map(np.array, state)
    value_and_grad(NOISY, losses.squared_error)(params, X, Y2, state=state, key=KEY)
    assert isinstance(state[1], BatchNormState)
    jax.tree.map(np.testing.assert_array_equal, state, before)
