"""Every loss against optax, every gradient against that of the value; reductions; smoothing;
refusals.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import activations, losses, reductions
from fnn.backprop import value_and_grad
from fnn.mlp import mlp
from fnn.testing import assert_gradient

K, N = 4, 6
CATEGORICAL = ("softmax_cross_entropy", "categorical_cross_entropy")
BINARY = ("sigmoid_cross_entropy", "binary_cross_entropy")
SMOOTHED = [losses.smoothed(losses.get(name), 0.1) for name in (*CATEGORICAL, *BINARY)]
ALL = [*losses.REGISTRY.values(), losses.huber(0.3), *SMOOTHED]
LABELS = jnp.array([0, 3, 1, 1, 2, 0])

pytestmark = pytest.mark.usefixtures("x64")


def example(loss, seed=0):
    """A prediction and a target, both (K, N), of the kind that the loss takes."""
    rng = np.random.default_rng(seed)
    name = loss.name.partition("_smoothed")[0]
    prediction = {
        "binary_cross_entropy": rng.uniform(0.05, 0.95, (K, N)),
        "categorical_cross_entropy": rng.dirichlet(np.ones(K), N).T,
    }.get(name, 2 * rng.normal(size=(K, N)))
    if name in CATEGORICAL:
        target = rng.dirichlet(np.ones(K), N).T
    else:
        target = rng.uniform(size=(K, N)) if name in BINARY else rng.normal(size=(K, N))
    return jnp.asarray(prediction), jnp.asarray(target)


# -------------------------------------------------------------------------- values and gradients


@pytest.mark.quick
def test_gradients_are_those_of_the_values():
    """All in one check, a tensor each: the gradient of Σ ℓ."""
    named = {f"{loss.name} {i}": loss for i, loss in enumerate(ALL)}
    predictions, targets = (
        {name: example(loss)[part] for name, loss in named.items()} for part in (0, 1)
    )

    def total(predictions):
        return sum(
            jnp.sum(named[name].forward(p, targets[name])) for name, p in predictions.items()
        )

    def gradients(predictions):
        return {name: named[name].backward(p, targets[name]) for name, p in predictions.items()}

    assert_gradient(total, gradients, predictions)


@pytest.mark.every(1)
@pytest.mark.parametrize("loss", ALL, ids=lambda loss: loss.name)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_shapes_and_dtypes(loss, dtype):
    prediction, target = example(loss)
    prediction = prediction.astype(dtype)
    value, gradient = loss.forward(prediction, target), loss.backward(prediction, target)
    assert (value.shape, value.dtype) == ((N,), prediction.dtype)
    assert (gradient.shape, gradient.dtype) == ((K, N), prediction.dtype)


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        (losses.squared_error, lambda p, t: optax.squared_error(p, t).sum(axis=0)),
        (
            losses.squared_error,
            lambda p, t: 2 * optax.l2_loss(p, t).sum(axis=0),
        ),  # theirs has the ½
        (losses.absolute_error, lambda p, t: jnp.abs(p - t).sum(axis=0)),
        (losses.huber(), lambda p, t: optax.huber_loss(p, t).sum(axis=0)),
        (losses.huber(0.3), lambda p, t: optax.huber_loss(p, t, delta=0.3).sum(axis=0)),
        (
            losses.sigmoid_cross_entropy,
            lambda p, t: optax.sigmoid_binary_cross_entropy(p, t).sum(axis=0),
        ),
        (losses.softmax_cross_entropy, lambda p, t: optax.softmax_cross_entropy(p.T, t.T)),
        (
            losses.categorical_cross_entropy,
            lambda p, t: optax.softmax_cross_entropy(jnp.log(p).T, t.T),
        ),
        (
            losses.binary_cross_entropy,
            lambda p, t: optax.sigmoid_binary_cross_entropy(jnp.log(p / (1 - p)), t).sum(axis=0),
        ),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_value_is_that_of_optax(loss, reference):
    prediction, target = example(loss)
    np.testing.assert_allclose(
        loss.forward(prediction, target), reference(prediction, target), rtol=1e-13
    )


def test_the_gradient_at_a_perfect_prediction_is_zero():
    """4.19: |e| has no derivative at 0, where 0 is taken; the others are smooth there."""
    p = jnp.ones((2, 3))
    for loss in (losses.squared_error, losses.absolute_error, losses.huber()):
        np.testing.assert_array_equal(loss.backward(p, p), jnp.zeros((2, 3)))
        np.testing.assert_array_equal(loss.forward(p, p), jnp.zeros(3))


def test_huber_bounds_the_gradient_and_squared_error_does_not():
    e = jnp.array([[-100.0, -1.0, 0.5, 100.0]])
    np.testing.assert_array_equal(losses.huber().backward(e, jnp.zeros_like(e)), [[-1, -1, 0.5, 1]])
    np.testing.assert_array_equal(losses.squared_error.backward(e, jnp.zeros_like(e)), 2 * e)


# --------------------------------------------------------------------------------- cross-entropies


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logit_forms_are_finite_at_1e4(dtype):
    """1.17: certain and wrong costs |z|, certain and right costs nothing."""
    z = jnp.array([[1e4, 1e4, -1e4, -1e4]], dtype)
    t = jnp.array([0.0, 1.0, 0.0, 1.0], dtype)
    np.testing.assert_array_equal(losses.sigmoid_cross_entropy.forward(z, t), [1e4, 0, 0, 1e4])
    np.testing.assert_array_equal(losses.sigmoid_cross_entropy.backward(z, t), [[1, 0, 0, -1]])

    z, labels = jnp.array([[1e4, 1e4], [-1e4, -1e4]], dtype), jnp.array([1, 0])
    np.testing.assert_array_equal(losses.softmax_cross_entropy.forward(z, labels), [2e4, 0])
    np.testing.assert_array_equal(
        losses.softmax_cross_entropy.backward(z, labels), [[1, 0], [-1, 0]]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_smoothed_logit_forms_are_finite_at_1e4(dtype):
    z = jnp.array([[1e4, -1e4], [-1e4, 1e4]], dtype)
    t = jnp.array([[0.0, 1.0], [1.0, 0.0]], dtype)
    for loss in (losses.sigmoid_cross_entropy, losses.softmax_cross_entropy):
        smoothed = losses.smoothed(loss, 0.1)
        assert jnp.isfinite(smoothed.forward(z, t)).all()
        assert jnp.isfinite(smoothed.backward(z, t)).all()


@pytest.mark.parametrize("name", [*CATEGORICAL, "softmax_cross_entropy_smoothed"])
def test_integer_labels_are_one_hot_targets(name):
    """1.18"""
    loss = next(loss for loss in ALL if loss.name.partition("(")[0] == name)
    prediction, _ = example(loss)
    one_hot = jax.nn.one_hot(LABELS, K, axis=0)
    np.testing.assert_array_equal(
        loss.forward(prediction, LABELS), loss.forward(prediction, one_hot)
    )
    np.testing.assert_array_equal(
        loss.backward(prediction, LABELS), loss.backward(prediction, one_hot)
    )
    np.testing.assert_array_equal(
        loss.matches(prediction, LABELS), loss.matches(prediction, one_hot)
    )


def test_integer_labels_as_in_optax():
    z, _ = example(losses.softmax_cross_entropy)
    expected = optax.softmax_cross_entropy_with_integer_labels(z.T, LABELS)
    np.testing.assert_allclose(
        losses.softmax_cross_entropy.forward(z, LABELS), expected, rtol=1e-13
    )


@pytest.mark.parametrize(
    ("printed", "stable", "sigma"),
    [
        (losses.binary_cross_entropy, losses.sigmoid_cross_entropy, activations.sigmoid),
        (losses.categorical_cross_entropy, losses.softmax_cross_entropy, activations.softmax),
    ],
    ids=["binary", "categorical"],
)
def test_printed_forms_behind_their_activation_are_the_logit_forms(printed, stable, sigma):
    """1.17, 1.18: and the gradient with respect to the logit is p − t either way."""
    z, t = example(stable)
    p = sigma.value(z)
    np.testing.assert_allclose(printed.forward(p, t), stable.forward(z, t), rtol=1e-12)
    chained = sigma.backward(z, printed.backward(p, t))
    np.testing.assert_allclose(chained, p - t, rtol=0, atol=1e-14)
    np.testing.assert_allclose(stable.backward(z, t), p - t, rtol=0, atol=1e-14)


def test_logit_gradient_of_a_batch_mean_is_p_minus_y_over_n():
    """1.17: read off the bias of a single linear unit, example by example."""
    net = mlp((2, 1))
    params, _ = net.init(jax.random.key(0))
    x, y = np.random.default_rng(0).normal(size=(5, 2)), np.array([0, 1, 1, 0, 1])
    _, grads = value_and_grad(net, losses.sigmoid_cross_entropy)(params, x, y)
    p = jax.nn.sigmoid(x @ params[0].W[0])
    np.testing.assert_allclose(grads[0].b, [((p - y) / 5).sum()], rtol=1e-13)
    np.testing.assert_allclose(grads[0].W[0], (p - y) @ x / 5, rtol=1e-13)


def test_target_that_does_not_sum_to_one():
    """The gradient of the value as it stands, Σt softmax(z) − t."""
    loss = losses.softmax_cross_entropy
    z, t = example(loss)
    assert_gradient(lambda z: jnp.sum(loss.forward(z, 3 * t)), lambda z: loss.backward(z, 3 * t), z)


def test_printed_forms_at_a_probability_of_exactly_0_or_1():
    """Right: no loss and a finite gradient. Wrong: infinite, as printed."""
    p, t = jnp.array([[0.0, 1.0]]), jnp.array([0.0, 1.0])
    np.testing.assert_array_equal(losses.binary_cross_entropy.forward(p, t), [0, 0])
    np.testing.assert_array_equal(losses.binary_cross_entropy.backward(p, t), [[1, -1]])
    np.testing.assert_array_equal(losses.binary_cross_entropy.forward(p, 1 - t), [np.inf, np.inf])

    p, labels = jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([0, 1])
    np.testing.assert_array_equal(losses.categorical_cross_entropy.forward(p, labels), [0, 0])
    np.testing.assert_array_equal(
        losses.categorical_cross_entropy.backward(p, labels), [[-1, 0], [0, -1]]
    )
    np.testing.assert_array_equal(
        losses.categorical_cross_entropy.forward(p, 1 - labels), [np.inf, np.inf]
    )


def test_correct():
    logits, t = (
        jnp.array([[1.0, -1.0, 2.0], [1.0, 1.0, -1.0]]),
        jnp.array([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]),
    )
    np.testing.assert_array_equal(losses.sigmoid_cross_entropy.matches(logits, t), [1, 0, 1])
    p = activations.sigmoid.value(logits)
    np.testing.assert_array_equal(losses.binary_cross_entropy.matches(p, t), [1, 0, 1])
    np.testing.assert_array_equal(
        losses.softmax_cross_entropy.matches(logits, jnp.array([0, 0, 0])), [1, 0, 1]
    )
    assert losses.squared_error.matches is None


# -------------------------------------------------------------------------------------- smoothing


@pytest.mark.parametrize("name", CATEGORICAL)
def test_categorical_smoothing_is_that_of_optax(name):
    loss = losses.get(name)
    prediction, _ = example(loss)
    smooth = optax.smooth_labels(jax.nn.one_hot(LABELS, K), 0.1).T
    smoothed = losses.smoothed(loss, 0.1)
    np.testing.assert_allclose(
        smoothed.forward(prediction, LABELS), loss.forward(prediction, smooth), rtol=1e-14
    )
    np.testing.assert_allclose(
        smoothed.backward(prediction, LABELS), loss.backward(prediction, smooth), rtol=1e-13
    )


@pytest.mark.parametrize("name", BINARY)
def test_binary_smoothing_moves_towards_a_half(name):
    loss = losses.get(name)
    prediction, t = example(loss)
    np.testing.assert_allclose(
        losses.smoothed(loss, 0.2).forward(prediction, t),
        loss.forward(prediction, 0.8 * t + 0.1),
        rtol=1e-14,
    )


def test_smoothing_by_0_changes_nothing_and_correct_stays():
    z, _ = example(losses.softmax_cross_entropy)
    loss = losses.smoothed(losses.softmax_cross_entropy, 0.0)
    np.testing.assert_array_equal(
        loss.forward(z, LABELS), losses.softmax_cross_entropy.forward(z, LABELS)
    )
    assert (
        losses.smoothed(losses.softmax_cross_entropy, 0.5).matches
        is losses.softmax_cross_entropy.matches
    )


# ------------------------------------------------------------------------------------- reductions


def linear_problem(reduction, x, y, weights=None):
    net = mlp((2, 1))
    params, _ = net.init(jax.random.key(0))
    return value_and_grad(net, losses.squared_error, reduction=reduction)(
        params, x, y, weights=weights
    )


def assert_same(actual, expected, rtol=1e-14):
    jax.tree.map(lambda a, e: np.testing.assert_allclose(a, e, rtol=rtol), actual, expected)


DATA = np.random.default_rng(1).normal(size=(5, 2)), np.random.default_rng(2).normal(size=5)


def test_reductions_stand_as_1_to_half_n_to_n():
    """X4: ½Σ, Σ and the mean of the same squares."""
    mean = linear_problem("mean", *DATA)
    assert_same(linear_problem("half_sum", *DATA), jax.tree.map(lambda g: 5 / 2 * g, mean))
    assert_same(linear_problem("sum", *DATA), jax.tree.map(lambda g: 5 * g, mean))


@pytest.mark.parametrize("reduction", reductions.REGISTRY)
def test_a_weight_of_2_is_an_example_twice(reduction):
    x, y = DATA
    twice = [0, 1, 1, 2, 3, 4]
    weighted = linear_problem(reduction, x, y, weights=np.array([1.0, 2.0, 1.0, 1.0, 1.0]))
    assert_same(weighted, linear_problem(reduction, x[twice], y[twice]), rtol=1e-13)


@pytest.mark.parametrize("reduction", reductions.REGISTRY)
def test_a_weight_of_0_is_no_example(reduction):
    x, y = DATA
    weighted = linear_problem(reduction, x, y, weights=np.array([1.0, 1.0, 1.0, 1.0, 0.0]))
    assert_same(weighted, linear_problem(reduction, x[:4], y[:4]), rtol=1e-13)


def test_a_weighted_mean_divides_by_the_weights():
    w, ell = jnp.array([1.0, 3.0]), jnp.array([10.0, 2.0])
    assert float(reductions.mean(w) @ ell) == (1 * 10 + 3 * 2) / 4
    assert float(reductions.total(w) @ ell) == 16
    assert float(reductions.half_total(w) @ ell) == 8


def test_the_mean_over_equal_batches_is_the_whole():
    """0.7, 2.38"""
    x, y = DATA[0][:4], DATA[1][:4]
    halves = linear_problem("mean", x[:2], y[:2]), linear_problem("mean", x[2:], y[2:])
    assert_same(
        linear_problem("mean", x, y), jax.tree.map(lambda a, b: (a + b) / 2, *halves), rtol=1e-13
    )


# --------------------------------------------------------------------------------------- refusals


def test_a_vector_of_targets_fits_one_output():
    loss = losses.squared_error
    p, t = jnp.array([[1.0, 2.0, 3.0]]), jnp.array([3.0, 2.0, 1.0])
    np.testing.assert_array_equal(loss.forward(p, t), [4, 0, 4])
    np.testing.assert_array_equal(loss.forward(p, t), loss.forward(p, t[None]))


@pytest.mark.parametrize("name", [n for n in losses.REGISTRY if n not in CATEGORICAL])
@pytest.mark.parametrize(
    ("prediction", "target"),
    [
        ((3, 1), (3,)),
        ((2, 3), (3,)),
        ((1, 3), (4,)),
        ((2, 3), (3, 2)),
        ((2, 3), (1, 3)),
        ((2, 3), (2, 1)),
    ],
)
def test_nothing_is_broadcast(name, prediction, target):
    """(n, 1) − (n,) would be (n, n)."""
    loss = losses.get(name)
    for f in (loss.forward, loss.backward):
        with pytest.raises(
            ValueError, match=r"y: got a target of shape .* expected \(examples, outputs\) = \("
        ):
            f(jnp.full(prediction, 0.5), jnp.full(target, 0.5))


@pytest.mark.parametrize("name", CATEGORICAL)
@pytest.mark.parametrize(
    ("target", "message"),
    [
        (np.zeros(3), "y: got class labels of dtype float64, expected integers"),
        (jnp.zeros(4, int), "y: got 4 labels for 3 examples"),
        (
            jnp.zeros((3, 1)),
            r"y: got a target of shape \(1, 3\), expected \(examples, outputs\) = \(3, 2\)",
        ),
        (
            jnp.zeros((1, 3), int),
            r"y: got integers of shape \(3, 1\), expected labels .*; use y\.ravel\(\)",
        ),
    ],
)
def test_categorical_losses_refuse_other_targets(name, target, message):
    for f in (losses.get(name).forward, losses.get(name).backward):
        with pytest.raises(ValueError, match=message):
            f(jnp.full((2, 3), 0.5), jnp.asarray(target))


@pytest.mark.parametrize("name", [*CATEGORICAL, "softmax_cross_entropy_smoothed"])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            np.array([0, 1, 3]),
            "y: got label 3 for a network with 3 outputs, expected labels 0 to 2",
        ),
        (np.array([0, -1, 2]), "y: got label -1"),
        (np.array([0.0, 1.0]), "y: got class labels of dtype float64, expected integers"),
        (np.array([[0.5], [0.7], [-0.2]]), r"y: got -0.2, expected targets in \[0, 1\]"),
        (
            np.array([[0.5, 0.5], [0.5, 0.4]]),
            r"y: the target of example 1 sums to 0\.9, expected 1",
        ),
    ],
)
def test_check_of_categorical_targets(name, target, message):
    loss = next(loss for loss in ALL if loss.name.partition("(")[0] == name)
    with pytest.raises(ValueError, match=message):
        loss.check(target, 3)


@pytest.mark.parametrize("name", BINARY)
def test_check_of_binary_targets(name):
    check = losses.get(name).check
    check(np.array([0.0, 0.3, 1.0]), 1)
    check(np.array([0, 1]), 1)
    with pytest.raises(ValueError, match=r"y: got -1, expected targets in \[0, 1\]"):
        check(np.array([1, -1]), 1)
    with pytest.raises(ValueError, match=r"y: got 1\.5"):
        check(np.array([[0.0, 1.5]]), 1)


def test_check_passes_what_is_right():
    check = losses.softmax_cross_entropy.check
    check(np.array([0, 2, 1]), 3)
    check(np.array([[0.25, 1.0], [0.75, 0.0]]), 2)


def test_get_and_factories_refuse():
    assert losses.get(losses.squared_error) is losses.squared_error
    with pytest.raises(
        ValueError, match=r"loss: 'square_error' is not known; did you mean 'squared_error'\?"
    ):
        losses.get("square_error")
    with pytest.raises(ValueError, match=r"reduction: 'sums' is not known; did you mean 'sum'\?"):
        reductions.get("sums")
    with pytest.raises(ValueError, match="delta: got 0, expected a finite number above 0"):
        losses.huber(0)
    with pytest.raises(ValueError, match=r"amount: got 1, expected a number in \[0, 1\)"):
        losses.smoothed(losses.softmax_cross_entropy, 1)
    with pytest.raises(ValueError, match="smoothed: got squared_error, expected a cross-entropy"):
        losses.smoothed(losses.squared_error, 0.1)


# -------------------- what one calls: rows of examples


def test_a_loss_takes_what_apply_returns():
    """Case: two outputs, targets as rows. A feature-major call would sum over the batch,
    silently.
    """
    net = fnn.mlp((3, 5, 2))
    params, _ = net.init(jax.random.key(0))
    x, y = (np.random.default_rng(0).normal(size=(7, n)).astype(np.float32) for n in (3, 2))
    prediction = fnn.apply(net, params, x)
    value = losses.squared_error.value(prediction, y)
    np.testing.assert_allclose(value, np.sum((np.asarray(prediction) - y) ** 2, axis=1), rtol=1e-6)
    whole, _ = fnn.value_and_grad(net, losses.squared_error)(params, x, y)
    np.testing.assert_allclose(whole, value.mean(), rtol=1e-6)
    gradient = losses.squared_error.gradient(prediction, y)
    np.testing.assert_allclose(gradient, 2 * (np.asarray(prediction) - y), rtol=1e-6)


@pytest.mark.parametrize("name", losses.REGISTRY)
def test_rows_of_a_square_are_examples(name):
    """Two examples with two outputs: either orientation has this shape, and rows are examples."""
    loss = losses.get(name)
    p, t = jnp.array([[0.2, 0.8], [0.6, 0.4]]), jnp.array([[0.0, 1.0], [0.0, 1.0]])
    np.testing.assert_array_equal(loss.value(p, t), loss.forward(p.T, t.T))
    np.testing.assert_array_equal(loss.gradient(p, t), loss.backward(p.T, t.T).T)
    first = loss.value(p[:1], t[:1])
    np.testing.assert_allclose(loss.value(p, t)[0], first[0], rtol=1e-6)
    if loss.matches is not None:
        np.testing.assert_array_equal(loss.correct(p, t), loss.matches(p.T, t.T))
    else:
        with pytest.raises(ValueError, match=f"loss: {name} has no classes"):
            loss.correct(p, t)


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        (
            np.ones((3, 5)),
            np.zeros(5, int),
            r"got shape \(5,\) for a prediction of shape \(3, 5\).* Transpose them",
        ),
        (
            np.ones((5, 3)),
            np.ones((3, 5)),
            r"got shape \(3, 5\) for a prediction of shape \(5, 3\).* Transpose them",
        ),
        (
            np.ones(5),
            np.ones(5),
            r"prediction: got shape \(5,\), expected \(batch, outputs\)\. Use prediction\[None\]",
        ),
        (np.ones((5, 3)), np.ones(4), r"got shape \(4,\) for a prediction of shape \(5, 3\)"),
    ],
)
def test_feature_major_calls_are_refused_where_shapes_tell(prediction, target, message):
    for f in (losses.softmax_cross_entropy.value, losses.softmax_cross_entropy.gradient):
        with pytest.raises(ValueError, match=message):
            f(prediction, target)


def test_labels_that_there_are_not_are_refused():
    """Their row of the one-hot matrix is zero, and so would be their loss."""
    with pytest.raises(ValueError, match="y: got label 3 for a network with 3 outputs"):
        losses.softmax_cross_entropy.value(np.zeros((2, 3)), np.array([3, -1]))
    jax.jit(losses.softmax_cross_entropy.value)(np.zeros((2, 3)), np.array([2, 0]))


def test_what_a_loss_is_fits_a_line():
    assert repr(losses.softmax_cross_entropy) == "Loss(softmax_cross_entropy, with accuracy)"
    assert repr(losses.huber(2.0)) == "Loss(huber(delta=2), no accuracy)"
    smoothed = losses.smoothed(losses.softmax_cross_entropy, 0.1)
    assert repr(smoothed) == "Loss(softmax_cross_entropy_smoothed(0.1), with accuracy)"
