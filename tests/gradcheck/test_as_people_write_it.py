"""Code as courses and reports have it: classes that keep values, NumPy, float32, terms, weights."""

import ast
import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.gradcheck import Cause, Unusable
from fnn.gradcheck.check import like

PACKAGE = Path(fnn.gradcheck.__file__).parent
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(12, 4)), RNG.integers(0, 3, 12)
A = np.array([[1.0, 2.0], [3.0, 5.0], [-1.0, 4.0], [0.5, -2.0]])
T = np.array([1.0, -2.0, 0.5, 0.3])
LINE = {"a": np.array([0.3, -0.7]), "b": np.array(0.2)}


@pytest.fixture(autouse=True)
def _broadcasting_as_users_have_it():
    with jax.numpy_rank_promotion("allow"):
        yield


# ------------------------------------------------------------------------------------------ state


class Network:
    """A layer that keeps what its backward reads, in NumPy or JAX."""

    def __init__(self, numpy, factor=1.0):
        self.numpy, self.factor = numpy, factor

    def forward(self, params):
        self.a = self.numpy.tanh(X @ params["W"] + params["b"])
        return (self.a**2).sum()

    def backward(self):
        delta = self.factor * 2 * self.a * (1 - self.a**2)
        return {"W": X.T @ delta, "b": delta.sum(axis=0)}

    def backward_of(self, params):
        return self.backward()


PARAMS = {"W": RNG.normal(size=(4, 3)), "b": RNG.normal(size=3)}


@pytest.mark.every(2)
@pytest.mark.parametrize("numpy", [np, jnp])
@pytest.mark.parametrize("name", ["backward", "backward_of"])
def test_a_class_that_keeps_values_is_checked_as_it_is(numpy, name):
    right, doubled = Network(numpy), Network(numpy, factor=2.0)
    right.forward(jax.tree.map(lambda leaf: leaf + 5, PARAMS))  # values of another point
    assert fnn.check_gradient(right.forward, getattr(right, name), PARAMS).passed
    report = fnn.check_gradient(doubled.forward, getattr(doubled, name), PARAMS)
    assert (report.verdict, report.cause) == ("fail", "constant factor")


def test_no_tracer_stays_in_the_object():
    network = Network(jnp)
    fnn.check_gradient(network.forward, network.backward, PARAMS)
    assert not isinstance(network.a, jax.core.Tracer)
    expected = network.numpy.tanh(X @ PARAMS["W"] + PARAMS["b"])
    np.testing.assert_allclose(network.a, expected, rtol=1e-6)


@pytest.mark.parametrize("factor", [1, 3])
def test_a_function_that_returns_both_is_given_alone(factor):
    report = fnn.check_gradient(lambda w: (jnp.sum(w**3), factor * 3 * w**2), np.array([0.3, -0.7]))
    assert report.passed == (factor == 1)
    with pytest.raises(Unusable, match=r"loss_and_grads: returned .*expected a pair"):
        fnn.check_gradient(lambda w: w, np.array([0.3, -0.7]))


def test_a_buffer_that_is_never_zeroed():
    total = np.zeros(2)

    def gradient(w):
        nonlocal total
        total += 2 * w
        return total

    report = fnn.check_gradient(lambda w: jnp.sum(w**2), gradient, np.array([1.0, 2.0]))
    assert (report.verdict, report.cause) == ("fail", "never zeroed")


@pytest.mark.parametrize("numpy", [np, jnp])
def test_a_loss_that_reads_other_numbers_than_its_argument(numpy):
    held = numpy.array([1.0, 2.0])
    report = fnn.check_gradient(
        lambda w: numpy.sum(held**3), lambda w: 3 * held**2, np.array([1.0, 2.0])
    )
    assert (report.verdict, report.cause) == ("fail", "loss ignores params")


# -------------------------------------------------------------------------------------- precision


A32, T32 = A.astype(np.float32), T.astype(np.float32)


def in_float32(w):
    return 2 * A32.T @ (A32 @ w.astype(np.float32) - T32) / np.float32(4)


def mean_square(w):
    return jnp.mean((A @ w - T) ** 2)


@pytest.mark.slow
def test_a_gradient_that_computes_in_float32_is_judged_so():
    report = fnn.check_gradient(mean_square, in_float32, LINE["a"])
    assert (report.verdict, report.dtype) == ("pass", "float32")
    assert report.notes[0].startswith("Judged in float32")
    strict = fnn.check_gradient(mean_square, in_float32, LINE["a"], dtype="float64")
    assert strict.verdict == "fail"
    wrong = fnn.check_gradient(mean_square, lambda w: np.float32(1.001) * in_float32(w), LINE["a"])
    assert (wrong.verdict, wrong.cause) == ("fail", "constant factor")


GRID = np.random.default_rng(5).integers(0, 17, (32, 20)) / 16
SIGNS = np.random.default_rng(6).choice([-1.0, 1.0], 32)


def hinge(w):
    return jnp.mean(jnp.maximum(0.0, 1 - SIGNS * (GRID @ w))) + 0.05 * jnp.sum(w**2)


def of_hinge_alone(w):
    return -(GRID * (SIGNS * ((SIGNS * (GRID @ w)) < 1))[:, None]).mean(axis=0)


def squares(w):
    return jnp.sum((jnp.tanh(GRID @ w) - SIGNS) ** 2) / 32


def of_squares_without_slope(w):
    return 2 * GRID.T @ (np.tanh(GRID @ w) - SIGNS) / 32


WHOLE = np.random.default_rng(7).integers(100_000, 900_000, 20).astype(float)
QUANTISED = {
    "a penalty is missing": (
        hinge,
        of_hinge_alone,
        0.01 * np.random.default_rng(8).normal(size=20),
    ),
    "a slope is missing, at zero": (squares, of_squares_without_slope, np.zeros(20)),
    "whole numbers": (lambda w: jnp.sum(w * WHOLE), lambda w: WHOLE + 1, np.ones(20)),
    "zeros": (squares, lambda w: np.zeros(20), 0.05 * np.ones(20)),
}


@pytest.mark.every(1)
@pytest.mark.parametrize("case", QUANTISED)
def test_numbers_of_few_digits_are_no_float32(case):
    """Pixels over 16, whole numbers and zeros are held by any precision."""
    report = fnn.check_gradient(*QUANTISED[case])
    assert (report.verdict, report.dtype) == ("fail", "float64"), report


@pytest.mark.every(1)
@pytest.mark.parametrize("seed", range(4))
def test_a_network_of_numpy_that_computes_in_float32(seed):
    """Differences of its loss are those of float32: flat on a short way."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(5, 4)).astype(np.float32), rng.integers(0, 3, 5)
    params = {
        "W1": 0.1 * rng.normal(size=(4, 10)),
        "b1": np.zeros(10),
        "W2": 0.1 * rng.normal(size=(10, 3)),
        "b2": np.zeros(3),
    }

    def loss_and_grads(params, decay=1.0):
        p = {name: value.astype(np.float32) for name, value in params.items()}
        z = x @ p["W1"] + p["b1"]
        h = np.maximum(z, 0)
        s = h @ p["W2"] + p["b2"]
        e = np.exp(s - s.max(axis=1, keepdims=True))
        q = e / e.sum(axis=1, keepdims=True)
        penalty = np.float32(0.05) * ((p["W1"] ** 2).sum() + (p["W2"] ** 2).sum())
        value = -np.log(q[np.arange(5), y]).mean() + penalty
        delta = (q - np.eye(3, dtype=np.float32)[y]) / np.float32(5)
        below = (delta @ p["W2"].T) * (z > 0)
        rate = np.float32(0.1 * decay)
        return value, {
            "W1": x.T @ below + rate * p["W1"],
            "b1": below.sum(axis=0),
            "W2": h.T @ delta + rate * p["W2"],
            "b2": delta.sum(axis=0),
        }

    assert fnn.check_gradient(loss_and_grads, params).verdict != "fail"
    assert fnn.check_gradient(lambda p: loss_and_grads(p, decay=0.0), params).verdict == "fail"


@pytest.mark.slow
def test_one_narrow_tensor_among_wide_ones_fails():
    def loss(p):
        return jnp.sum(jnp.tanh(X @ p["W"] + p["b"]) ** 2)

    def gradient(p):
        grads = jax.grad(loss)(jax.tree.map(jnp.asarray, p))
        return grads | {"W": grads["W"].astype(jnp.float32)}

    for dtype in (None, "float64"):
        assert fnn.check_gradient(loss, gradient, PARAMS, dtype=dtype).verdict == "fail"


# ------------------------------------------------------------------------------------------ terms


def residual(p):
    return A @ p["a"] + p["b"] - T


def of_line(c, extra=0.0):
    """∂/∂(a, b) for ∂L/∂residual = c(p), beside a multiple of a."""
    return lambda p: {"a": A.T @ c(p) + extra * p["a"], "b": c(p).sum()}


def penalized(p):
    return jnp.mean(residual(p) ** 2) + jnp.sum(p["a"] ** 2)


def of_two_terms(p):
    return jnp.mean(residual(p) ** 2) + jnp.mean(jnp.cos(A @ p["a"] + p["b"]))


V = np.array([1.0, 2.0, 6.0, 0.5])


def weighted(p):
    return jnp.sum(V * residual(p) ** 2) / V.sum()


TERMS = {
    "1/n beside a penalty": (penalized, of_line(lambda p: 2 * residual(p), 2.0), "constant factor"),
    "another divisor": (weighted, of_line(lambda p: 2 * V * residual(p) / 5.5), "constant factor"),
    "a term": (of_two_terms, of_line(lambda p: 2 * residual(p) / 4), "missing term"),
    "weights": (weighted, of_line(lambda p: 2 * residual(p) / 4), "missing weights"),
    "weights of a sum": (weighted, of_line(lambda p: 2 * residual(p) / V.sum()), "missing weights"),
    "the penalty": (penalized, of_line(lambda p: 2 * residual(p) / 4), "missing term"),
    "½ of the penalty": (penalized, of_line(lambda p: 2 * residual(p) / 4, 1.0), "constant factor"),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("case", TERMS)
def test_what_is_forgotten_of_the_loss_is_named(case):
    loss, gradient, cause = TERMS[case]
    report = fnn.check_gradient(loss, gradient, LINE)
    assert (report.verdict, report.cause) == ("fail", cause), report.diagnosis


def test_the_right_ones_pass():
    rights = (
        (penalized, of_line(lambda p: 2 * residual(p) / 4, 2.0)),
        (weighted, of_line(lambda p: 2 * V * residual(p) / V.sum())),
    )
    for loss, gradient in rights:
        assert fnn.check_gradient(loss, gradient, LINE).passed


def test_a_column_against_a_vector_in_the_loss():
    column = {"a": np.array([[0.3], [-0.7]])}
    report = fnn.check_gradient(
        lambda p: jnp.mean((A @ p["a"] - T) ** 2),
        lambda p: {"a": 2 * A.T @ (A @ p["a"] - T[:, None]) / 4},
        column,
    )
    assert (report.verdict, report.cause) == ("fail", "broadcast in the loss")


@pytest.mark.every(1)
@pytest.mark.parametrize("shape", [(2, 1), (1, 2), (2,)])
def test_a_tensor_of_one_row_or_column_has_no_other(shape):
    report = fnn.check_gradient(
        lambda w: jnp.sum(jnp.sin(w)),
        lambda w: np.array([0.3, 2.0]).reshape(shape),
        np.array([1.0, 2.0]).reshape(shape),
    )
    assert (report.verdict, report.cause) == ("fail", "unknown")


# ------------------------------------------------------------------------------------------ NumPy


def classifier(p):
    z = X @ p["W"] + p["b"]
    z = z - z.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(12), Y])


def of_classifier(sum_of_bias):
    def gradient(p):
        z = X @ p["W"] + p["b"]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        delta = (e / e.sum(axis=1, keepdims=True) - np.eye(3)[Y]) / 12
        return {"W": X.T @ delta, "b": sum_of_bias(delta)}

    return gradient


def test_one_sum_for_all_biases():
    wrong = of_classifier(lambda delta: np.full(3, delta.sum()))
    report = fnn.check_gradient(classifier, wrong, PARAMS)
    assert (report.verdict, report.cause) == ("fail", "sum over every axis")
    right = of_classifier(lambda delta: delta.sum(axis=0))
    assert fnn.check_gradient(classifier, right, PARAMS).passed


def test_batch_normalisation_in_numpy_passes():
    """The gradient of the bias before it is zero up to rounding, on both sides."""

    def normalized(p):
        z = X @ p["W"] + p["b"]
        return z, (z - z.mean(axis=0)) / z.std(axis=0)

    weights = RNG.normal(size=(12, 3))

    def loss(p):
        return float(np.sum(weights * normalized(p)[1] ** 2))

    def gradient(p):
        z, n = normalized(p)
        delta = 2 * weights * n
        delta = (delta - delta.mean(axis=0) - n * (delta * n).mean(axis=0)) / z.std(axis=0)
        return {"W": X.T @ delta, "b": delta.sum(axis=0)}

    report = fnn.check_gradient(loss, gradient, PARAMS)
    assert report.passed, report


LARGE = np.random.default_rng(1).normal(size=(8, 784)), np.random.default_rng(2).integers(0, 10, 8)


def large_params():
    rng = np.random.default_rng(3)
    return {
        "W1": rng.normal(size=(784, 64)) / 28,
        "b1": np.zeros(64),
        "W2": rng.normal(size=(64, 10)) / 8,
        "b2": np.zeros(10),
    }


def large_loss(p):
    x, y = LARGE
    z = np.maximum(x @ p["W1"] + p["b1"], 0) @ p["W2"] + p["b2"]
    z = z - z.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(8), y])


def large_gradient(p):
    x, y = LARGE
    z1 = x @ p["W1"] + p["b1"]
    a = np.maximum(z1, 0)
    z = a @ p["W2"] + p["b2"]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    delta = (e / e.sum(axis=1, keepdims=True) - np.eye(10)[y]) / 8
    below = (delta @ p["W2"].T) * (z1 > 0)
    return {"W1": x.T @ below, "b1": below.sum(axis=0), "W2": a.T @ delta, "b2": delta.sum(axis=0)}


def largest_bias_is_zero(g):
    g["b1"][np.argmax(np.abs(g["b1"]))] = 0


def rows_are_swapped(g):
    g["W1"][[3, 50]] = g["W1"][[50, 3]]


def one_entry_is_off(g):
    place = np.unravel_index(np.argmax(np.abs(g["W1"])), g["W1"].shape)
    g["W1"][place] *= 1.01


def a_tensor_is_off(g):
    g["W2"] *= 1.001


SPOILT = {
    largest_bias_is_zero: "zeroed entries",
    rows_are_swapped: "swapped rows",
    one_entry_is_off: "wrong entries",
    a_tensor_is_off: "constant factor",
}


def test_numpy_of_real_size_is_checked():
    report = fnn.check_gradient(large_loss, large_gradient, large_params())
    assert report.passed, report
    assert "of its 50176 entries were measured one by one" in str(report).replace("\n  ", " ")


def test_numpy_of_real_size_in_float32():
    def narrow(p):
        found = large_gradient({name: value.astype(np.float32) for name, value in p.items()})
        return {name: value.astype(np.float32) for name, value in found.items()}

    assert fnn.check_gradient(large_loss, narrow, large_params()).verdict != "fail"


def relu_network_in(dtype, seed, sizes=(20, 30, 5), examples=32):
    """A loss and its right gradient, of relu and squared errors, that computes in a precision."""
    rng = np.random.default_rng(seed)
    x, y = (
        rng.normal(size=(examples, sizes[0])).astype(dtype),
        rng.normal(size=(examples, sizes[2])).astype(dtype),
    )

    def both(params):
        p = {name: value.astype(dtype) for name, value in params.items()}
        z = x @ p["W1"] + p["b1"]
        a = np.maximum(z, 0)
        e = a @ p["W2"] + p["b2"] - y
        delta = 2 * e / x.dtype.type(examples)
        dz = (delta @ p["W2"].T) * (z > 0)
        grads = {"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": a.T @ delta, "b2": delta.sum(axis=0)}
        return (e**2).sum() / x.dtype.type(examples), grads

    params = {
        "W1": rng.normal(size=sizes[:2]) / np.sqrt(sizes[0]),
        "b1": np.zeros(sizes[1]),
        "W2": rng.normal(size=sizes[1:]) / np.sqrt(sizes[1]),
        "b2": np.zeros(sizes[2]),
    }
    return both, params


@pytest.mark.slow
@pytest.mark.every(1)
@pytest.mark.parametrize("seed", [1, 6, 8, 10])
def test_kinks_within_the_long_steps_of_a_coarse_loss_are_no_fault(seed):
    """Differences of float32 need steps that cross the kinks of many units."""
    both, params = relu_network_in("float32", seed)
    right = fnn.check_gradient(both, params)
    assert right.verdict in ("pass", "abstain")
    assert any("Compute it in float64" in note for note in right.notes)

    def halved(params):
        loss, grads = both(params)
        return loss, grads | {"b2": grads["b2"] / 2}

    assert fnn.check_gradient(halved, params).verdict == "fail"


@pytest.mark.slow
@pytest.mark.every(1)
@pytest.mark.parametrize("beside", [1e2, 1e3, 1e5])
def test_differences_too_coarse_to_judge_by_abstain(beside):
    both, params = relu_network_in("float32", 0)

    def beside_a_large_number(params):
        loss, grads = both(params)
        return loss + np.float32(beside), grads

    assert fnn.check_gradient(beside_a_large_number, params).verdict == "abstain"
    in_float64, _ = relu_network_in("float64", 0)
    assert fnn.check_gradient(in_float64, params).passed


@pytest.mark.every(1)
@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_small_faults_are_found_in_numpy_of_real_size(spoil):
    def gradient(p):
        found = large_gradient(p)
        spoil(found)
        return found

    report = fnn.check_gradient(large_loss, gradient, large_params())
    assert (report.verdict, report.cause) == ("fail", SPOILT[spoil]), report.diagnosis


def test_a_factor_beside_a_penalty_in_numpy():
    def loss(p):
        return classifier(p) + 0.5 * np.sum(p["W"] ** 2)

    def gradient(p):
        of_data = of_classifier(lambda delta: delta.sum(axis=0))(p)
        return {"W": 12 * of_data["W"] + p["W"], "b": of_data["b"]}

    report = fnn.check_gradient(loss, gradient, PARAMS)
    assert (report.verdict, report.cause) == ("fail", "constant factor"), report.diagnosis
    assert "counts 12 times" in report.diagnosis


def test_an_unknown_cause_in_numpy_says_what_would_help():
    wrong = of_classifier(lambda delta: delta.sum(axis=0) ** 2)
    report = fnn.check_gradient(classifier, wrong, PARAMS)
    assert (report.verdict, report.cause) == ("fail", "unknown")
    assert "written with jax.numpy, as jax_loss=" in report.diagnosis
    assert "Right are W." in report.diagnosis


HIDDEN = {"W": A[:3, :2] / 2, "V": np.array([[0.3, -0.7, 0.9]])}


def tanh_network(m, p):
    """Half the squared error of V tanh(W x), by NumPy or by jax.numpy."""
    return 0.5 * m.sum((p["V"] @ m.tanh(p["W"] @ A.T) - T) ** 2)


def gradient_without_slope(p):
    a = np.tanh(p["W"] @ A.T)
    delta = p["V"] @ a - T
    return {"W": (p["V"].T @ delta) @ A, "V": delta @ a.T}


@pytest.mark.slow
def test_a_loss_in_jax_beside_one_in_numpy_names_the_cause():
    loss, in_jax = partial(tanh_network, np), partial(tanh_network, jnp)
    unaided = fnn.check_gradient(loss, gradient_without_slope, HIDDEN)
    assert (unaided.verdict, unaided.cause) == ("fail", "unknown"), unaided.diagnosis
    report = fnn.check_gradient(loss, gradient_without_slope, HIDDEN, jax_loss=in_jax)
    assert (report.verdict, report.cause) == ("fail", "missing derivative"), report.diagnosis
    with pytest.raises(
        Unusable, match=r"jax_loss: is .* where loss is .*expected the same function"
    ):
        fnn.check_gradient(loss, gradient_without_slope, HIDDEN, jax_loss=lambda p: 2 * in_jax(p))


@jax.custom_batching.custom_vmap
def doubled(z):
    return 2 * z


@doubled.def_vmap
def doubled_of_many(size, is_batched, z):
    return 3 * z, is_batched[0]


def test_a_gradient_under_vmap_is_that_of_the_loop():
    loss, w = lambda w: jnp.sum(w**2), jnp.array([1.0, 2.0])
    assert fnn.check_gradient(loss, lambda w: 2 * w, w, vmap=True).passed
    report = fnn.check_gradient(loss, doubled, w, vmap=True)
    assert (report.verdict, report.cause) == ("fail", "another under vmap")
    assert fnn.check_gradient(loss, doubled, w).passed
    with pytest.raises(Unusable, match="vmap=True"):
        fnn.check_gradient(loss, lambda w: 2 * np.asarray(w), w, vmap=True)


# ------------------------------------------------------------------------------------ other points


def test_a_term_that_zeros_hide_is_seen_nearby():
    def loss(p):
        return jnp.mean(residual(p) ** 2) + jnp.sum(p["a"] ** 2) + p["b"] ** 2

    gradient = of_line(lambda p: 2 * residual(p) / 4, 2.0)
    at_zero = LINE | {"b": np.array(0.0)}
    report = fnn.check_gradient(loss, gradient, at_zero)
    assert report.verdict == "fail"
    assert report.notes[0].startswith("At params themselves nothing is seen, since b hold")
    assert fnn.check_gradient(loss, gradient, at_zero, near=False).passed


def test_a_point_nearby_that_cannot_be_tried_is_said(monkeypatch):
    def outside(problem):
        raise Unusable("loss: is nan at params")

    monkeypatch.setattr("fnn.gradcheck.check.nearby", outside)
    report = fnn.check_gradient(lambda w: jnp.sum(w**2), lambda w: 2 * w, np.zeros(3))
    assert report.passed
    assert "a point nearby could not be tried: loss: is nan" in report.notes[-1]


def test_a_symmetric_matrix_stays_symmetric_nearby():
    covariance = np.cov(np.random.default_rng(0).normal(size=(3, 20)))
    x = np.array([0.3, -1.2, 0.7])

    def gradient(p):
        return {"A": 0.5 * np.outer(p["x"], p["x"]), "x": p["A"] @ p["x"]}  # right for symmetric A

    params = {"A": covariance, "x": x}
    assert fnn.check_gradient(lambda p: 0.5 * p["x"] @ p["A"] @ p["x"], gradient, params).passed
    lower = np.tril(covariance)
    step = like(lower, np.random.default_rng(1).normal(size=(3, 3)))
    np.testing.assert_array_equal(step, np.tril(step))


def test_units_that_are_all_off_are_no_loss_that_ignores_its_argument():
    report = fnn.check_gradient(
        lambda w: jnp.sum(jnp.maximum(X @ w - 50, 0)), lambda w: 0.01 * X.sum(axis=0), np.ones(4)
    )
    assert (report.verdict, report.cause) == ("fail", "wrong derivative")  # that of a leaky ReLU


def test_an_argument_with_a_default_is_not_for_the_parameters():
    def backward(scale=1.0):
        return 2 * scale * kept[0]

    kept = [None]

    def forward(w):
        kept[0] = w
        return float(np.sum(w**2))

    assert fnn.check_gradient(forward, backward, np.array([0.3, -0.7])).passed


def test_no_tracer_stays_where_the_check_ends_early():
    class Vector:
        def forward(self, w):
            self.h = jnp.asarray(w) ** 2
            return self.h

    own = Vector()
    with pytest.raises(Unusable, match="expected one scalar"):
        fnn.check_gradient(own.forward, lambda w: 2 * w, np.ones(3))
    assert not isinstance(own.h, jax.core.Tracer)


def test_complex_parameters_are_refused():
    with pytest.raises(Unusable, match="params: got dtype complex128; complex parameters"):
        fnn.check_gradient(lambda w: jnp.sum(jnp.abs(w)), lambda w: w, np.array([1j, 2.0]))


def test_an_abstention_says_what_to_do():
    def loss(w):
        return jnp.sum(jnp.maximum(w, 0) + w**2)

    report = fnn.check_gradient(loss, lambda w: 2 * w + (w > 0), np.array([0.0, 1.0]))
    assert report.verdict == "abstain"
    assert "Check at a point off them" in str(report)


# ---------------------------------------------------------------------------------------- reports


def test_every_cause_that_is_named_is_in_the_list():
    """As they stand in the code, and no other."""
    named = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                *("Hypothesis", "TensorHypothesis", "BackwardHypothesis"),
            ):
                for argument in node.args[:1]:
                    texts = [n.value for n in ast.walk(argument) if isinstance(n, ast.Constant)]
                    named |= {text for text in texts if isinstance(text, str)}
    assert named <= set(Cause)
    made_of_numbers = {"constant factor", "missing term", "sign", "wrong terms"}  # by terms.py
    yielded = {"derivative twice"}  # by softmaxes.py
    assert set(Cause) == named | made_of_numbers | yielded


def test_a_report_begins_with_verdict_and_cause_and_says_what_to_try():
    report = fnn.check_gradient(penalized, TERMS["1/n beside a penalty"][1], LINE)
    lines = str(report).splitlines()
    assert lines[0] == "gradient check in float64: FAIL, constant factor"
    assert any(line.startswith("  Try: ") for line in lines)
    assert max(map(len, lines)) <= 80
    shown = report._repr_html_()
    assert shown.startswith('<pre><b style="color:#cf222e">gradient check in float64: FAIL')
    assert "<module>" not in shown
    assert report.to_dict()["cause"] == Cause.CONSTANT_FACTOR


def test_a_cause_is_its_text_and_has_a_meaning_and_a_remedy():
    for cause in Cause:
        assert cause == str(cause) == json.loads(json.dumps(cause))
        assert cause.name == cause.replace("Wᵀ", "W_TRANSPOSED").upper().replace(" ", "_")
        for sentence in (cause.meaning, cause.remedy):
            assert sentence
            assert not sentence.endswith(".")
    with pytest.raises(AttributeError, match=r"CAUSES is now fnn\.gradcheck\.Cause"):
        _ = fnn.gradcheck.CAUSES


def test_the_former_name_of_the_resolution_says_the_new():
    report = fnn.check_gradient(lambda w: float(np.sum(w**2)), lambda w: 2 * w, np.array([1.0]))
    (tensor,) = report.tensors
    assert 0 < tensor.resolution < 1e-3
    with pytest.raises(AttributeError, match=r"TensorReport\.blur is now TensorReport\.resolution"):
        _ = tensor.blur
