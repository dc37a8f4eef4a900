"""Points and programs at which a gradient checker is easily wrong: each has once passed, failed or
broken wrongly.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn.gradcheck import Unusable

RNG = np.random.default_rng(0)
grad = jax.grad
point = np.array([0.3, 0.5, 0.7])


@pytest.fixture(autouse=True)
def _broadcasting_as_users_have_it():
    with jax.numpy_rank_promotion("allow"):
        yield


def verdict(loss, gradient, params, **options):
    try:
        return fnn.check_gradient(loss, gradient, params, **options).verdict
    except Unusable:
        return "unusable"


# -------------------- wrong, and must not pass

X, LABELS = RNG.normal(size=(5, 3)), np.array([2.0, 0, 1, 2, 0])


def labelled(w):
    """Labels in floating point: rounded another way, 2.0 would become class 1."""
    return -jnp.mean(jax.nn.log_softmax(X @ w)[jnp.arange(5), jnp.asarray(LABELS).astype(int)])


def branched(w):
    return jnp.sum(jnp.where(jnp.asarray(np.array([0.0, 1, 1])) == 1.0, w**2, w**3))


def hinges(w):
    """Two of the hinges are tied at `TIED`."""
    return jnp.sum(jnp.maximum(0, 1 - w * jnp.arange(1.0, 6)))


TIED = np.array([1, 0.2, 0.3, -0.4, 0.1])


@jax.custom_vjp
def with_a_wrong_rule(w):
    return jnp.sum(jnp.sin(w))


def _wrong_rule(w, c):
    return (c * jnp.cos(w).at[7].mul(1.5).at[33].mul(0.5),)


with_a_wrong_rule.defvjp(lambda w: (with_a_wrong_rule(w), w), _wrong_rule)


def loop(w):
    """Three times w, filled in as NumPy code does: under tracing it raises."""
    out = np.zeros(3)
    for i in range(3):
        out[i] = 3 * w[i]
    return out


W3 = RNG.normal(size=(3, 3))
WRONG = {
    "float labels ×3": (labelled, lambda w: 3 * grad(labelled)(w), W3),
    "float labels, zero": (labelled, lambda w: 0 * w, W3),
    "float condition": (branched, lambda w: -grad(branched)(w), point),
    "ties": (hinges, lambda w: 1.5 * grad(hinges)(w), TIED),
    "small beside large": (
        lambda w: jnp.sum(jnp.exp(w)),
        lambda w: jnp.exp(w) * jnp.array([1, -1, 1]),
        np.array([20.0, -20, 1]),
    ),
    "a derivative rule wrong in two places": (
        with_a_wrong_rule,
        grad(with_a_wrong_rule),
        RNG.normal(size=50),
    ),
    "NumPy in a loop": (lambda w: jnp.sum(w**2), loop, point),
    "half precision inside the loss": (
        lambda w: jnp.sum(w.astype(jnp.float16) ** 2),
        lambda w: 1.7 * w + 0.3,
        point,
    ),
    "keys inside the loss": (
        lambda w: jnp.sum(
            jax.vmap(lambda k, a: a**2 * jax.random.normal(k))(
                jax.random.split(jax.random.key(0), 3), w
            )
        ),
        lambda w: 1.7 * w + 0.3,
        point,
    ),
    "a mistake with an infinite gradient": (
        lambda w: jnp.sum(jnp.log(w)),
        lambda w: w * w + 0.1,
        np.array([0.5, 1, 2, 3]),
    ),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_gradient_does_not_pass(case):
    assert verdict(*WRONG[case]) == "fail"


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (lambda w: jnp.sum(jnp.sin(w)), lambda w: 1.001 * jnp.cos(w) + ((1e14 + w) - 1e14 - w)),
        (lambda w: jnp.sum(w**3), lambda w: ((w + 1e-8) ** 3 - w**3) / 1e-8),
    ],
)
def test_a_gradient_that_cancels_does_not_certify_itself(loss, gradient):
    assert verdict(loss, gradient, jnp.asarray(point)) == "abstain"


# -------------------- right, and must pass


def relu(w):
    return jnp.sum(jax.nn.relu(w))


LARGE_W, SMALL_X = 1e6 * RNG.normal(size=(4, 3)), 1e-6 * RNG.normal(size=(5, 4))
A32 = RNG.normal(size=(3, 3)).astype(np.float32)
RIGHT = {
    **{f"a kink {d} away": (relu, np.array([d, 1.0])) for d in (1e-9, 1e-7, 2e-6, 5e-6, 1e-5)},
    "two scales": (
        lambda p: jnp.sum(jnp.tanh(SMALL_X @ p["W"] + p["b"]) ** 2),
        {"W": LARGE_W, "b": np.zeros(3)},
    ),
    "one entry far away": (lambda w: jnp.sum(jnp.tanh(w)), np.array([1e6, 0.1, 0.2, 0.3])),
    "fast oscillation": (lambda w: jnp.sum(jnp.sin(1e6 * w)), np.array([0.3, 0.4])),
    "steep": (lambda w: jnp.sum(jax.nn.sigmoid(1e7 * w)), np.array([0.3e-7, 0.4])),
    "float32 inside": (lambda w: jnp.sum((w.astype(jnp.float32) @ A32) ** 2), point),
    "boolean index": (lambda w: jnp.sum(w[w > 0] ** 2), np.array([0.3, -0.5])),
}


@pytest.mark.every(1)
@pytest.mark.parametrize("case", RIGHT)
def test_a_right_gradient_passes(case):
    loss, params = RIGHT[case]
    if case == "boolean index":  # which JAX cannot trace
        assert verdict(loss, lambda w: 2 * w * (w > 0), params) == "pass"
    else:
        assert verdict(loss, grad(loss), jax.tree.map(jnp.asarray, params)) == "pass"


def test_what_jax_cannot_differentiate_is_checked_by_differences():
    def power(w):
        return jax.lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * jnp.sum(w)), (0, 1.0)
        )[1]

    report = fnn.check_gradient(
        power, lambda w: 3 * jnp.sum(w) ** 2 * jnp.ones(3), jnp.asarray(point)
    )
    assert report.passed
    assert "differences stand in" in str(report)


def test_a_vjp_in_numpy():
    def softmax(x):
        return np.exp(x) / np.exp(x).sum()

    assert fnn.check_vjp(
        softmax, lambda x, c: softmax(x) * (c - (softmax(x) * c).sum()), point
    ).passed
    assert fnn.check_vjp(softmax, lambda x, c: softmax(x) * c, point).verdict == "fail"


def test_a_precision_that_was_not_used_is_said():
    report = fnn.check_gradient(
        lambda w: jnp.sum((X @ w) ** 2), lambda w: 2 * X.T @ (X @ w), point, dtype="float32"
    )
    assert "says nothing about float32" in str(report).replace("\n", " ")


# -------------------- unusable

UNUSABLE = {
    "complex gradient": (lambda w: jnp.sum(w**2), lambda w: 2 * w + 1j * w, jnp.asarray(point)),
    "complex loss": (lambda w: jnp.sum(w * 1j), lambda w: w, point),
    "whole-number loss": (lambda w: jnp.sum(w > 0), lambda w: w, point),
    "vector in NumPy": (lambda w: np.sin(np.array(w)), lambda w: w, point),
    "loss that raises": (lambda w: float(w[5]), lambda w: w, point),
    "empty leaf": (
        lambda p: jnp.sum(p["a"]),
        lambda p: p,
        {"a": np.ones(2), "b": np.zeros((0, 3))},
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_unusable(case):
    with pytest.raises(Unusable, match=r"^(loss|params|b): "):
        fnn.check_gradient(*UNUSABLE[case])


# -------------------- diagnoses

w1 = {
    "W1": RNG.normal(size=(3, 7)) / 2,
    "b1": np.full(7, 0.1),
    "W2": RNG.normal(size=(7, 3)) / 2,
    "b2": np.zeros(3),
}
CLASSES = np.array([2, 0, 1, 2, 0])


def cross_entropy(p):
    """Batch-major, with whole-number labels."""
    z = jnp.tanh(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
    return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(5), CLASSES])


def by_hand(
    p,
    *,
    dz=lambda p, y, z: p - y,
    slope=lambda h, z: 1 - h**2,
    db=lambda d: d.sum(0),
    labels=CLASSES,
):
    z1 = X @ p["W1"] + p["b1"]
    h = jnp.tanh(z1)
    z = h @ p["W2"] + p["b2"]
    d2 = dz(jax.nn.softmax(z), jax.nn.one_hot(labels, 3, dtype=z.dtype), z) / 5
    d1 = d2 @ p["W2"].T * slope(h, z1)
    return {"W1": X.T @ d1, "b1": db(d1), "W2": h.T @ d2, "b2": db(d2)}


MISTAKES = {
    "the target forgotten": ({"dz": lambda p, y, z: p}, "wrong target"),
    "labels off by one": ({"labels": (CLASSES + 1) % 3}, "wrong target"),
    "another axis": ({"dz": lambda p, y, z: jax.nn.softmax(z, axis=0) - y}, "wrong axis"),
    "softmax′ twice": ({"dz": lambda p, y, z: (p - y) * p * (1 - p)}, "derivative twice"),
    "tanh′ = 1 − z²": ({"slope": lambda h, z: 1 - z**2}, "wrong derivative"),
    "bias from one example": ({"db": lambda d: d[0]}, "wrong examples"),
    "the last example alone": (
        {"dz": lambda p, y, z: (p - y) * (jnp.arange(5) == 4)[:, None]},
        "wrong examples",
    ),
}


@pytest.mark.every(2)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake):
    hooks, cause = MISTAKES[mistake]
    params = jax.tree.map(jnp.asarray, w1)
    assert fnn.check_gradient(cross_entropy, by_hand, params).passed
    report = fnn.check_gradient(cross_entropy, lambda p: by_hand(p, **hooks), params)
    assert report.cause == cause
    assert f"FAIL, {cause}" in str(report)


@pytest.mark.parametrize(
    ("loss", "gradient", "params"),
    [
        (lambda w: float(np.sum(w**3)), lambda w: 3 * w, np.array([0.19, -0.52, -0.41])),
        (lambda w: jnp.sum(jnp.exp(w)), lambda w: jnp.exp(w) + 0.123, np.array([0.4])),
    ],
)
def test_a_cause_is_not_made_up(loss, gradient, params):
    report = fnn.check_gradient(loss, gradient, params)
    assert (report.verdict, report.cause) == ("fail", "unknown")


@pytest.mark.slow
def test_swapped_tensors_and_where_to_look():
    params = {"a": point, "b": 1 + point, "c": np.ones(2)}

    def loss(p):
        return jnp.sum(p["a"] ** 2) + jnp.sum(jnp.sin(p["b"])) + jnp.sum(p["c"] ** 4)

    right = grad(loss)
    swapped = fnn.check_gradient(
        loss, lambda p: right(p) | {"a": right(p)["b"], "b": right(p)["a"]}, params
    )
    assert swapped.cause == "swapped tensors"
    odd = fnn.check_gradient(
        loss, lambda p: right(p) | {"b": right(p)["b"] * np.arange(3) ** 2 + p["b"] ** 7}, params
    )
    assert "Right are a, c." in odd.diagnosis.replace("\n", " ")
