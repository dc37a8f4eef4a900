"""The multilayer perceptron: what it is built of, how it evaluates, what it refuses."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activations, initializers, tree
from fnn.backprop import apply
from fnn.layers import BatchNormParams, DenseParams
from fnn.mlp import mlp

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)
X = np.random.default_rng(0).normal(size=(5, 3))


def kinds(net):
    return [type(p).__name__ for p in net.init(KEY)[0]]


@pytest.mark.parametrize("sizes", [(3, 2), (3, 5, 2), (1, 3, 3, 1), (4, 7, 6, 5, 2)])
def test_a_network_of_k_hidden_layers_has_k_plus_1_matrices(sizes):
    """1.7: Σ n_{k+1}(n_k + 1) parameters."""
    params, state = mlp(sizes).init(KEY)
    assert [p.W.shape for p in params[::2]] == list(zip(sizes[1:], sizes, strict=False))
    assert all(not p.b.any() for p in params[::2])
    assert all(p == () for p in params[1::2])
    assert tree.size(params) == sum(m * (n + 1) for n, m in pairwise(sizes))
    assert state == ()


def test_the_forward_pass_is_the_formula():
    """1.7, 3.10, with another activation in each layer."""
    net = mlp((3, 4, 5, 2), activation=("tanh", activations.softplus), output="sigmoid")
    params, _ = net.init(KEY)
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    (W1, b1), _, (W2, b2), _, (W3, b3), _ = params
    a = jnp.tanh(X @ W1.T + b1[None])
    a = jax.nn.softplus(a @ W2.T + b2[None])
    np.testing.assert_allclose(
        apply(net, params, X), jax.nn.sigmoid(a @ W3.T + b3[None]), rtol=1e-13
    )


def test_defaults_are_relu_he_and_logits():
    net = mlp((3, 4, 2))
    params, _ = net.init(KEY)
    assert kinds(net) == ["DenseParams", "tuple", "DenseParams"]
    np.testing.assert_array_equal(params[0].W, initializers.he(jax.random.fold_in(KEY, 0), (4, 3)))
    hidden = np.maximum(X @ params[0].W.T, 0)
    np.testing.assert_allclose(apply(net, params, X), hidden @ params[2].W.T, rtol=1e-13)


def test_init_names_the_rule_of_every_matrix():
    for params in mlp((3, 4, 2), init="constant").init(KEY)[0][::2]:
        np.testing.assert_array_equal(params.W, np.full(params.W.shape, 0.1))


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("before", ["DenseParams", "BatchNormParams", "tuple", "tuple", "DenseParams"]),
        ("after", ["DenseParams", "tuple", "BatchNormParams", "tuple", "DenseParams"]),
        (None, ["DenseParams", "tuple", "tuple", "DenseParams"]),
    ],
)
def test_where_batch_norm_and_dropout_stand(placement, expected):
    """2.25: before or after f. Dropout acts last."""
    net = mlp((3, 4, 2), batch_norm=placement, dropout=0.5)
    assert kinds(net) == expected
    params, state = net.init(KEY)
    out, _, residuals = net.forward(params, state, jnp.asarray(X.T), key=KEY, train=True)
    assert out.shape == (2, 5)
    np.testing.assert_array_equal(np.unique(residuals[-2]), [0, 2])  # the mask of dropout


def test_dropout_follows_every_hidden_layer():
    net = mlp((3, 40, 50, 2), activation="tanh", dropout=0.5)
    assert kinds(net) == ["DenseParams", "tuple", "tuple"] * 2 + ["DenseParams"]
    params, state = net.init(KEY)
    _, _, residuals = net.forward(params, state, jnp.asarray(X.T), key=KEY, train=True)
    for position, units in ((2, 40), (5, 50)):
        assert residuals[position].shape == (units, 5)
        np.testing.assert_array_equal(np.unique(residuals[position]), [0, 2])


def test_batch_norm_normalises_each_hidden_layer_and_not_the_output():
    params, state = mlp((3, 4, 6, 2), batch_norm="before").init(KEY)
    assert [p.scale.size for p in params if isinstance(p, BatchNormParams)] == [4, 6]
    assert [p.W.shape[0] for p in params if isinstance(p, DenseParams)] == [4, 6, 2]
    assert len(state) == len(params)


def test_linear_layers_are_one_linear_layer():
    """0.8, 2.4: the product of the matrices, of rank at most the smallest width; not so with a
    nonlinearity.
    """
    net = mlp((3, 2, 4, 3), activation="identity")
    params, _ = net.init(KEY)
    W1, W2, W3 = (p.W for p in params[::2])
    product = W3 @ W2 @ W1
    np.testing.assert_allclose(apply(net, params, X), X @ product.T, rtol=0, atol=1e-12)
    assert np.linalg.matrix_rank(product) == 2
    np.testing.assert_allclose(
        apply(net, params, 2 * X - X[::-1]), (2 * X - X[::-1]) @ product.T, rtol=0, atol=1e-12
    )

    bent = mlp((3, 2, 4, 3), activation="relu")
    superposed = 2 * apply(bent, params, X) - apply(bent, params, X[::-1])
    assert np.abs(apply(bent, params, 2 * X - X[::-1]) - superposed).max() > 0.1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3,), {}, "sizes: got 3, expected at least"),
        (((3,),), {}, r"sizes: got \(3,\), expected at least \(inputs, outputs\)"),
        (("32",), {}, "sizes: got '32'"),
        (((3, 0, 1),), {}, r"sizes\[1\]: got 0, expected a whole number of at least 1"),
        (((3, 4.0, 1),), {}, r"sizes\[1\]: got 4\.0"),
        (
            ((3, 4, 1),),
            {"activation": "rellu"},
            "activation: 'rellu' is not known; did you mean 'relu'",
        ),
        (
            ((3, 4, 1),),
            {"activation": ("relu", "tanh")},
            r"activation: got \('relu', 'tanh'\) for 1 hidden layer",
        ),
        (((3, 4, 1),), {"activation": 3}, r"activation: got 3 for 1 hidden layer\(s\)"),
        (((3, 4, 1),), {"output": "sigmoidd"}, "did you mean 'sigmoid'"),
        (((3, 4, 1),), {"init": "hee"}, "init: 'hee' is not known; did you mean 'he'"),
        (
            ((3, 4, 1),),
            {"batch_norm": True},
            "batch_norm: got True, expected 'before', 'after' or None",
        ),
        (((3, 4, 1),), {"dropout": 1.0}, r"dropout: got 1\.0, expected a number in \[0, 1\)"),
        (((3, 4, 1),), {"dropout": None}, "dropout: got None"),
    ],
)
def test_refusals(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        mlp(*arguments, **options)
