"""`repeat` is `serial` of equal layers, with the layers as an axis."""

import chex
import jax
import jax.numpy as jnp
import pytest

import fnn
from fnn import layers, losses, optim
from tests.problems import blobs

KEY = jax.random.key(3)
BLOCK = layers.serial(
    layers.dense(4, 4),
    layers.activation("tanh"),
    layers.batch_norm(4),
    layers.dropout(0.3),
    layers.dense(4, 4),
)


def stacked(trees):
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


@pytest.mark.usefixtures("x64")
def test_it_computes_what_serial_computes():
    loop, chain = layers.repeat(BLOCK, 5), layers.serial(*[BLOCK] * 5)
    params, state = loop.init(KEY)
    each, states = chain.init(KEY)
    chex.assert_trees_all_close(params, stacked(each), rtol=1e-15)
    x = jax.random.normal(KEY, (4, 9))
    y, new, residuals = loop.forward(params, state, x, key=KEY, train=True)
    expected, news, theirs = chain.forward(each, states, x, key=KEY, train=True)
    grads, dx = loop.backward(params, residuals, y)
    expected_grads, expected_dx = chain.backward(each, theirs, expected)
    chex.assert_trees_all_close(
        (y, new, grads, dx),
        (expected, stacked(news), stacked(expected_grads), expected_dx),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.long
def test_the_checker_agrees_with_its_gradient():
    net = layers.serial(layers.dense(3, 4), layers.repeat(BLOCK, 3), layers.dense(4, 3))
    d = blobs()
    report = fnn.check_network(net, losses.softmax_cross_entropy, d.train.x[:8], d.train.y[:8])
    assert report.passed, report


@pytest.mark.long
def test_it_trains_and_sweeps():
    block = layers.serial(layers.dense(8, 8), layers.activation("relu"))
    net = layers.serial(layers.dense(3, 8), layers.repeat(block, 6), layers.dense(8, 3))
    options = {"epochs": 30, "batch_size": 10, "progress": False}
    run = fnn.train(net, losses.softmax_cross_entropy, optim.adam(1e-2), blobs(), seed=1, **options)
    assert run.history["train_loss"][-1] < 0.5 * run.history["train_loss"][0]
    sweep = fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, optim.adam(1e-2)),
        blobs(),
        seeds=[1],
        exact=True,
        **options,
    )
    chex.assert_trees_all_equal(sweep.run(0, 1).params, run.params)


@pytest.mark.parametrize(
    ("layer", "times", "message"),
    [
        (
            layers.dense(3, 4),
            2,
            r"repeat: dense 3→4 maps \(3, 5\) to \(4, 5\), expected outputs as its inputs",
        ),
        (layers.dense(3, 3), 0, "times: got 0, expected a whole number of at least 1"),
        ("dense", 2, "repeat: got 'dense', expected a Layer"),
    ],
)
def test_refusals(layer, times, message):
    def forward():
        repeated = layers.repeat(layer, times)
        return repeated.forward(*repeated.init(KEY), jnp.ones((3, 5)))

    with pytest.raises(ValueError, match=message):
        forward()
