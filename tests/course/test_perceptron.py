"""Claims 2.1-2.3, 3.1, 3.2: Rosenblatt's rule and its averaged variant."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn.course import perceptron
from fnn.course.perceptron import PerceptronParams

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
GATES = (np.arange(16)[:, None] >> np.arange(4)) & 1  # gate g gives bit i of g at corner i
NAND, XOR, XNOR = 0b0111, 0b0110, 0b1001


def keys(n):
    return jax.random.split(jax.random.key(0), n)


def fit_each(n, x, y, **options):
    """n fits of the same data, one for each of n keys."""
    return jax.vmap(lambda key: perceptron.fit(x, y, key=key, **options))(keys(n))


# ------------------------------------------------------------------------------------------- gates


def test_equality_gives_1():
    params = PerceptronParams(np.array([1.0, -2.0]), np.array(0.5))
    x = np.array([[1.5, 1.0], [1.5, 1.25], [1.5, 0.75]])  # on the line, below it, above it
    np.testing.assert_array_equal(perceptron.predict(params, x), [1, 0, 1])


def test_nand_by_hand_is_nand():
    params = PerceptronParams(np.array([-2.0, -2.0]), np.array(3.0))
    np.testing.assert_array_equal(perceptron.predict(params, CORNERS), GATES[NAND])


def test_14_of_16_gates_are_learned_and_xor_and_xnor_never():
    fit = jax.vmap(lambda y: fit_each(16, CORNERS, y, epochs=100))(GATES)
    predictions = np.asarray(
        jax.vmap(jax.vmap(lambda params: perceptron.predict(params, CORNERS)))(fit.params)
    )
    learned = [g for g in range(16) if (predictions[g] == GATES[g]).all()]
    assert learned == [g for g in range(16) if g not in (XOR, XNOR)]
    assert not fit.mistakes[np.array(learned), :, -1].any()
    assert fit.mistakes[np.array([XOR, XNOR])].min() >= 1


def test_on_xor_the_weights_stay_bounded_and_return():
    fit = perceptron.fit(CORNERS, GATES[XOR], key=jax.random.key(1), epochs=2000)
    states = np.column_stack([fit.trajectory.w, fit.trajectory.b])
    assert np.abs(states).max() <= 4
    assert len(np.unique(states, axis=0)) < 100
    assert fit.mistakes.min() >= 1


# -------------------- the mistake bound


def separable(key, n=40, n_features=3, gap=0.3):
    """x, y, and (R/γ)² of a hyperplane that separates them."""
    normal, points = jax.random.split(key)
    u = jax.random.normal(normal, (n_features + 1,))
    u = u / jnp.linalg.norm(u)
    x = jax.random.normal(points, (n, n_features))
    side = jnp.sign(x @ u[:-1] + u[-1])
    x = x + gap * side[:, None] * u[None, :-1] / jnp.sum(
        u[:-1] ** 2
    )  # moves every example `gap` away from the plane
    margin = jnp.min(jnp.abs(x @ u[:-1] + u[-1]))
    radius = jnp.max(jnp.sqrt(1 + jnp.sum(x**2, axis=1)))
    return x, (side > 0).astype(int), (radius / margin) ** 2


@pytest.mark.slow
def test_separable_data_cost_at_most_radius_over_margin_squared_mistakes():
    def mistakes(key):
        x, y, bound = separable(key)
        return perceptron.fit(x, y, key=key, epochs=200).mistakes, bound

    made, bound = jax.vmap(mistakes)(keys(256))
    finished = made[:, -1] == 0
    assert (made.sum(axis=1) <= bound).all()
    assert finished[bound < 200].all()  # a mistake in every one of 200 epochs would break the bound
    assert (bound < 200).sum() >= 100
    assert made.sum(axis=1).mean() > 5


# -------------------- the rule itself


def by_hand(x, t, *, key, epochs, eta, w, b):
    """The same orders, one visit after the other in NumPy."""
    history, mistakes = [], []
    for epoch in range(epochs):
        mistakes.append(0)
        for i in np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), len(t))):
            error = t[i] - float(w @ x[i] + b >= 0)
            w, b = w + eta * error * x[i], b + eta * error
            mistakes[-1] += int(error != 0)
            history.append([*w, b])
    return np.array(history), mistakes


@pytest.mark.parametrize(
    "start", [None, PerceptronParams(np.array([1.0, 0.0, -3.0]), np.array(2.0))]
)
def test_every_example_is_visited_once_an_epoch_as_in_a_plain_loop(x64, start):
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (23, 3)).astype(
        float
    )  # whole numbers: every sum is exact and ties occur
    t = rng.integers(0, 2, 23)
    key, eta, epochs = jax.random.key(5), 0.25, 6
    w, b = (np.zeros(3), 0.0) if start is None else start
    history, mistakes = by_hand(x, t, key=key, epochs=epochs, eta=eta, w=w, b=b)
    means = np.cumsum(history, axis=0) / np.arange(1, len(history) + 1)[:, None]

    fit = perceptron.fit(x, t, key=key, epochs=epochs, learning_rate=eta, params=start)
    np.testing.assert_array_equal(np.column_stack(fit.trajectory), history[22::23])
    np.testing.assert_allclose(
        np.column_stack(fit.averaged_trajectory), means[22::23], rtol=1e-12, atol=1e-14
    )
    np.testing.assert_array_equal(np.hstack(fit.params), history[-1])
    np.testing.assert_array_equal(
        np.hstack(fit.averaged), np.column_stack(fit.averaged_trajectory)[-1]
    )
    np.testing.assert_array_equal(fit.mistakes, mistakes)
    assert fit.params.w.dtype == np.float64


def gaussians(key, n=100, distance=1.0):
    """Two overlapping classes in ten dimensions, whose means are 2 · distance apart."""
    noise, classes = jax.random.split(key)
    y = jax.random.bernoulli(classes, shape=(n,)).astype(int)
    x = jax.random.normal(noise, (n, 10))
    return x.at[:, 0].add(distance * (2 * y - 1)), y


@pytest.mark.slow
def test_from_zero_the_learning_rate_only_rescales_the_weights(x64):
    x, y = gaussians(jax.random.key(2))
    etas = jnp.array([1.0, 2.0**-10, 8.0, 0.001, 0.1, 3.7])
    fit = jax.vmap(
        lambda eta: perceptron.fit(x, y, key=jax.random.key(3), epochs=20, learning_rate=eta)
    )(etas)
    predictions = jax.vmap(lambda params: perceptron.predict(params, x))(fit.params)
    for same in map(np.asarray, (predictions, fit.mistakes)):
        np.testing.assert_array_equal(same, np.broadcast_to(same[0], same.shape))
    assert fit.mistakes[0, -1] > 0  # they overlap: the weights are still moving
    for exact in (1, 2):
        np.testing.assert_array_equal(fit.params.w[exact], etas[exact] * fit.params.w[0])
    for rounded in (3, 4, 5):
        np.testing.assert_allclose(
            fit.params.w[rounded], etas[rounded] * fit.params.w[0], rtol=1e-10
        )


def test_from_another_start_the_learning_rate_matters(x64):
    x, y = gaussians(jax.random.key(2))
    start = PerceptronParams(jnp.full(10, 5.0), jnp.array(1.0))
    etas = jnp.array([1.0, 1e-3])
    fit = jax.vmap(
        lambda eta: perceptron.fit(
            x, y, key=jax.random.key(3), epochs=5, learning_rate=eta, params=start
        )
    )(etas)
    assert (fit.mistakes[0] != fit.mistakes[1]).any()


@pytest.mark.slow
def test_averaged_beats_last_on_overlapping_classes():
    def accuracies(key):
        train, test, order = (jax.random.fold_in(key, i) for i in range(3))
        x, y = gaussians(train)
        unseen, labels = gaussians(test, n=1000)
        fit = perceptron.fit(x, y, key=order, epochs=20)
        accuracy = jax.vmap(lambda params: jnp.mean(perceptron.predict(params, unseen) == labels))
        return accuracy(fit.trajectory), accuracy(fit.averaged_trajectory)

    last, averaged = map(np.asarray, jax.vmap(accuracies)(keys(128)))
    gain = averaged[:, -1] - last[:, -1]
    half_width = (
        1.98 * gain.std(ddof=1) / np.sqrt(128)
    )  # 95 % interval, Student t with 127 degrees of freedom
    assert gain.mean() - half_width > 0.02
    # the last weights jump from epoch to epoch, their mean does not
    assert np.abs(np.diff(last[:, 10:])).mean() > 5 * np.abs(np.diff(averaged[:, 10:])).mean()


# -------------------- keys, dtypes, refusals


@pytest.mark.slow
def test_a_key_alone_equals_the_key_under_vmap_and_jit(x64):
    x, y = gaussians(jax.random.key(2))
    together = fit_each(3, x, y, epochs=4)
    jitted = jax.jit(partial(perceptron.fit, epochs=4))
    close = partial(
        np.testing.assert_allclose, rtol=1e-12, atol=1e-14
    )  # XLA may round a vmapped quotient otherwise
    for i, key in enumerate(keys(3)):
        alone = perceptron.fit(x, y, key=key, epochs=4)
        np.testing.assert_array_equal(alone.mistakes, together.mistakes[i])
        jax.tree.map(close, alone, jax.tree.map(lambda leaf, i=i: leaf[i], together))
        jax.tree.map(close, alone, jitted(x, y, key=key))
    assert (together.params.w[0] != together.params.w[1]).any()


@pytest.mark.every(1)
@pytest.mark.parametrize(
    ("x_dtype", "start_dtype", "expected", "x64"),
    [
        (jnp.bfloat16, None, "float32", False),
        (jnp.bfloat16, jnp.bfloat16, "float32", False),
        (bool, None, "float32", False),
        (jnp.float32, None, "float32", True),
        (jnp.float32, jnp.float64, "float64", True),
        (jnp.int32, None, "float64", True),
    ],
)
def test_dtypes(x_dtype, start_dtype, expected, x64):
    with jax.enable_x64(x64):
        x = jnp.asarray(CORNERS, x_dtype)
        start = start_dtype and PerceptronParams(
            jnp.zeros(2, start_dtype), jnp.zeros((), start_dtype)
        )
        fit = perceptron.fit(
            x, GATES[NAND].astype(bool), key=jax.random.key(0), epochs=30, params=start
        )
        predicted = perceptron.predict(fit.params, x)
    assert {leaf.dtype for leaf in (*fit.params, *fit.averaged, *fit.trajectory)} == {
        jnp.dtype(expected)
    }
    assert fit.mistakes.dtype == predicted.dtype == np.int32
    np.testing.assert_array_equal(predicted, GATES[NAND])


NAN = np.array([[0.0, np.nan], [1.0, 0.0]])
GOOD = {"x": np.eye(2), "y": np.array([0, 1]), "key": jax.random.key(0), "epochs": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.array([0, 2])}, "y: got 2 for example 1, expected 0 or 1"),
        ({"y": np.array([-1, 1])}, "y: got -1 for example 0"),
        ({"y": np.array([0.5, 1])}, "y: got 0.5"),
        ({"y": np.array([np.nan, 1])}, "y: 1 value"),
        ({"y": np.array([[0], [1]])}, r"y: got shape \(2, 1\)"),
        ({"y": np.array([0, 1, 1])}, "y: got 3 targets for the 2 examples"),
        ({"x": np.zeros(2)}, r"x: got shape \(2,\)"),
        ({"x": NAN}, "x: 1 value"),
        ({"epochs": 0}, "epochs: got 0"),
        ({"epochs": 1.5}, "epochs: got 1.5"),
        ({"learning_rate": 0.0}, "learning_rate: got 0.0"),
        ({"learning_rate": np.inf}, "learning_rate: got inf"),
        (
            {"params": PerceptronParams(np.zeros(3), np.zeros(()))},
            r"params.w: got shape \(3,\), expected \(2,\)",
        ),
        (
            {"params": PerceptronParams(np.zeros(2), np.zeros(1))},
            r"params.b: got shape \(1,\), expected \(\)",
        ),
        ({"params": PerceptronParams(np.array([0, np.nan]), np.zeros(()))}, "params.w: 1 value"),
        ({"params": (np.zeros(2), np.zeros(()))}, "params: got tuple"),
    ],
)
def test_fit_refuses(change, message):
    perceptron.fit(**GOOD)
    with pytest.raises(ValueError, match=message):
        perceptron.fit(**GOOD | change)


def test_fit_refuses_shapes_under_jit_too():
    with pytest.raises(ValueError, match="3 targets"):
        jax.jit(lambda x, y: perceptron.fit(x, y, key=jax.random.key(0), epochs=1))(
            np.eye(2), np.array([0, 1, 1])
        )


@pytest.mark.parametrize(
    ("x", "message"), [(np.zeros((4, 3)), "params.w: got"), (NAN, "x: 1"), (np.zeros(2), "x: got")]
)
def test_predict_refuses(x, message):
    with pytest.raises(ValueError, match=message):
        perceptron.predict(PerceptronParams(np.zeros(2), np.zeros(())), x)
