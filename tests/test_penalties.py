"""L1 and L2: their gradients are those of the values, and what they act on."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnn import losses, optim, penalties
from fnn.backprop import value_and_grad
from fnn.layers import batch_norm, dense, graph, serial
from fnn.mlp import mlp
from fnn.testing import assert_gradient, assert_network

pytestmark = pytest.mark.usefixtures("x64")

BOTH = [penalties.l1(0.3), penalties.l2(0.7)]
X, Y = np.random.default_rng(0).normal(size=(6, 3)), np.random.default_rng(1).normal(size=(6, 2))


def a_net():
    net = serial(dense(3, 4), batch_norm(4), dense(4, 2))
    params, state = net.init(jax.random.key(0))
    return net, jax.tree.map(lambda leaf: leaf + 0.1, params), state


@pytest.mark.parametrize("penalty", BOTH, ids=["l1", "l2"])
def test_gradient_is_that_of_the_value(penalty):
    _, params, _ = a_net()
    assert_gradient(penalty.value, penalty.gradient, params)


def test_values():
    _, params, _ = a_net()
    matrices = [params[0].W, params[2].W]
    np.testing.assert_allclose(
        BOTH[0].value(params), 0.3 * sum(np.abs(w).sum() for w in matrices), rtol=1e-14
    )
    np.testing.assert_allclose(
        BOTH[1].value(params), 0.35 * sum((w**2).sum() for w in matrices), rtol=1e-14
    )


@pytest.mark.parametrize("penalty", BOTH, ids=["l1", "l2"])
def test_biases_scales_and_shifts_are_left_alone(penalty):
    _, params, _ = a_net()
    first, norm, last = penalty.gradient(params)
    for untouched in (first.b, norm.scale, norm.shift, last.b):
        assert not untouched.any()
    assert first.W.all()
    assert last.W.all()


def test_l1_is_flat_at_zero():
    np.testing.assert_array_equal(
        penalties.l1(2.0).gradient(jnp.array([[0.0, -1.0, 3.0]])), [[0, -2, 2]]
    )


@pytest.mark.every(2)
@pytest.mark.parametrize("reduction", ["mean", "sum", "half_sum"])
def test_penalised_objective_and_its_gradient(reduction):
    """The reduction acts on the losses alone."""
    net, params, state = a_net()
    plain = value_and_grad(net, losses.squared_error, reduction=reduction)
    loss = penalties.penalized(penalties.penalized(losses.squared_error, BOTH[0]), BOTH[1])
    value, _ = value_and_grad(net, loss, reduction=reduction)(params, X, Y, state=state)
    without, _ = plain(params, X, Y, state=state)
    np.testing.assert_allclose(
        value - without, BOTH[0].value(params) + BOTH[1].value(params), rtol=1e-12
    )
    assert_network(net, loss, X, Y, params=params, state=state, reduction=reduction)


def test_a_graph_is_penalised_as_the_same_mlp():
    nodes = {"h": (("x",), "tanh", 3), "y": (("h",), "identity")}
    dag, net = graph({"x": 2}, nodes, ("y",)), mlp((2, 3, 1), activation="tanh")
    layered, _ = net.init(jax.random.key(0))
    params = {"h": layered[0], "y": layered[2]}
    assert jax.tree.structure(dag.init(jax.random.key(0))[0]) == jax.tree.structure(params)
    for penalty in BOTH:
        np.testing.assert_array_equal(penalty.value(params), penalty.value(layered))


def test_l2_under_sgd_is_weight_decay():
    """θ − η(g + λθ) = (1 − ηλ)θ − ηg for the matrices."""
    net, params, state = a_net()
    optimizer = optim.sgd(0.1)

    def step(loss):
        _, grads = value_and_grad(net, loss)(params, X, Y, state=state)
        updates, _ = optimizer.update(grads, optimizer.init(params), params)
        return optax.apply_updates(params, updates)

    plain, decayed = (
        step(losses.squared_error),
        step(penalties.penalized(losses.squared_error, BOTH[1])),
    )
    np.testing.assert_allclose(decayed[0].W, plain[0].W - 0.1 * 0.7 * params[0].W, rtol=1e-12)
    np.testing.assert_array_equal(decayed[0].b, plain[0].b)


@pytest.mark.parametrize("make", [penalties.l1, penalties.l2])
@pytest.mark.parametrize("strength", [-0.1, float("nan"), "strong"])
def test_strength_is_refused(make, strength):
    with pytest.raises(
        ValueError, match=r"strength: got .*, expected a finite number of at least 0"
    ):
        make(strength)


def test_penalized_refuses_what_is_no_penalty():
    with pytest.raises(
        ValueError,
        match=r"penalty: got 0\.0001, expected a Penalty such as fnn\.penalties\.l2\(1e-4\)",
    ):
        penalties.penalized(losses.squared_error, 1e-4)
    with pytest.raises(
        ValueError, match=r"loss: got the function huber, .* call it: fnn\.losses\.huber\(\)"
    ):
        penalties.penalized(losses.huber, penalties.l2(1e-4))
