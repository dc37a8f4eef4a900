"""What flows through a network is what value_and_grad computes, layer by layer."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import diagnostics, layers, losses, optim
from fnn.course import descent
from fnn.layers import DenseParams


@pytest.mark.parametrize("batch_norm", [None, "before"])
def test_signals_are_those_of_value_and_grad(x64, batch_norm):
    net = fnn.mlp((3, 5, 4, 2), activation="tanh", batch_norm=batch_norm, dropout=0.5)
    params, state = net.init(jax.random.key(0))
    x, y = np.random.default_rng(0).normal(size=(2, 7, 3))[:, :, :3]
    y, key = y[:, :2], jax.random.key(1)
    found = diagnostics.signals(net, losses.squared_error, params, x, y, state=state, key=key)
    _, grads = fnn.value_and_grad(net, losses.squared_error)(params, x, y, state=state, key=key)
    chex.assert_trees_all_equal(found.gradients, grads)
    prediction = fnn.apply(net, params, x, state=state, train=True, key=key)
    np.testing.assert_array_equal(found.outputs[-1].T, prediction)
    np.testing.assert_allclose(found.cotangents[-1].T, 2 * (prediction - y) / len(x), rtol=1e-15)


def test_cotangents_are_the_derivatives_of_the_outputs(x64):
    net = fnn.mlp((3, 5, 2), activation="tanh")
    params, _ = net.init(jax.random.key(0))
    x, y = np.random.default_rng(0).normal(size=(7, 3)), np.zeros((7, 2))
    found = diagnostics.signals(net, losses.squared_error, params, x, y, reduction="sum")

    def after(z):
        return jnp.sum((params[2].W @ jnp.tanh(z) + params[2].b[:, None]) ** 2)

    np.testing.assert_allclose(
        found.cotangents[0], jax.grad(after)(found.outputs[0]), rtol=1e-12, atol=1e-15
    )


def test_a_network_without_parts_is_refused():
    net = layers.dense(2, 1)
    with pytest.raises(ValueError, match="without parts, expected a chain"):
        diagnostics.signals(
            net,
            losses.squared_error,
            net.init(jax.random.key(0))[0],
            np.ones((3, 2)),
            np.ones((3, 1)),
        )


def test_trajectory_of_a_parabola_is_geometric(x64):
    path = descent.trajectory(lambda x: 2 * x, optim.sgd(0.1), 3.0, steps=20)
    np.testing.assert_allclose(path, 3.0 * 0.8 ** np.arange(21), rtol=1e-14)


def test_trajectory_draws_a_new_key_each_step():
    path = descent.trajectory(
        lambda x, key: jax.random.normal(key, x.shape),
        optim.sgd(1.0),
        jnp.zeros(1),
        steps=50,
        key=jax.random.key(0),
    )
    assert len(np.unique(np.diff(path[:, 0]))) == 50


def test_trajectory_refuses():
    with pytest.raises(ValueError, match="steps: got 0"):
        descent.trajectory(lambda x: x, optim.sgd(0.1), 1.0, steps=0)
    with pytest.raises(ValueError, match="grads"):
        descent.trajectory(lambda x: (x, x), optim.sgd(0.1), 1.0, steps=2)


def test_joints_are_where_a_network_of_relu_units_bends(x64):
    """1.1: at −b/w of each unit that has a weight."""
    params = (
        DenseParams(np.ones((3, 1)), np.array([1.0, 0.0, -0.5])),
        (),
        DenseParams(np.ones((1, 3)), np.zeros(1)),
    )
    x = np.linspace(-2, 2, 1001)
    y = fnn.apply(fnn.mlp((1, 3, 1)), params, x[:, None])[:, 0]
    np.testing.assert_allclose(diagnostics.breakpoints(x, y), [-1, 0, 0.5], atol=x[1] - x[0])


def test_joints_between_the_points_and_of_a_line():
    x = np.linspace(0, 1, 11)
    np.testing.assert_allclose(diagnostics.breakpoints(x, np.abs(x - 0.47)), [0.45])
    assert diagnostics.breakpoints(x, 3 * x - 1).size == 0
    assert diagnostics.breakpoints(x, np.zeros(11)).size == 0


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            np.arange(3.0),
            np.zeros(4),
            r"got shapes \(3,\) and \(4,\), expected \(points,\) of both",
        ),
        (np.arange(2.0), np.zeros(2), "three points or more"),
        (
            np.array([0.0, 1.0, 3.0]),
            np.zeros(3),
            "x: its steps run from 1.0 to 2.0, expected equal ones above 0",
        ),
        (np.arange(3.0)[::-1], np.zeros(3), "x: its steps run from -1.0 to -1.0"),
        (np.arange(3.0), np.array([0, np.nan, 0]), r"y: 1 value\(s\) are not finite"),
    ],
)
def test_joints_refuse(x, y, message):
    with pytest.raises(ValueError, match=message):
        diagnostics.breakpoints(x, y)
