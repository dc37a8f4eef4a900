"""`Layer.per_example` says of each layer whether examples of a batch are independent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.test_remembered import LAYERS

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
BATCH, ONE = 5, 2
OTHERS = np.arange(BATCH) != ONE
X = jnp.asarray(RNG.normal(size=(3, BATCH)), jnp.float32)
REPLACED = X.at[:, ONE].set(jnp.array([2.0, -3.0, 1.0]))
EVERY_LAYER = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def passes(layer, x):
    """A forward and a backward pass in training, in which one example has no share of the loss."""
    params, state = layer.init(KEY)
    y, new_state, residuals = layer.forward(params, state, x, key=KEY, train=True)
    dy = jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape).at[:, ONE].set(0)
    grads, dx = layer.backward(params, residuals, dy)
    return y[:, OTHERS], new_state, grads, dx[:, OTHERS]


def are_close(one, other):
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in pairs)


@EVERY_LAYER
def test_replacing_an_example_changes_no_other_if_the_layer_says_so(make):
    """Neither outputs, state nor gradients; and a layer that could say so does."""
    layer = make()
    is_independent = are_close(passes(layer, X), passes(layer, REPLACED))
    assert layer.per_example == is_independent


@EVERY_LAYER
def test_permuting_examples_permutes_the_outputs(make):
    layer = make()
    params, state = layer.init(KEY)
    order = np.array([3, 1, 4, 0, 2])
    y, _, _ = layer.forward(params, state, X)
    permuted, _, _ = layer.forward(params, state, X[:, order])
    np.testing.assert_allclose(permuted, y[:, order], rtol=1e-5, atol=1e-6)
