"""The refusals: each says what it is about, what came and what was expected, and passes what is right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import checks

NAN, INF = float("nan"), float("inf")


def refused(message):
    return pytest.raises(ValueError, match=message)


# ----------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("check", "good", "bad", "expected"),
    [
        (checks.real, (-1, 0.0, 2.5), (), "a finite number"),
        (checks.positive, (1e-30, 1), (0, 0.0, -1), "a finite number above 0"),
        (checks.non_negative, (0, 0.0, 3), (-1e-30, -1), "a finite number of at least 0"),
        (checks.fraction, (0, 0.0, 0.999), (1, 1.0, -0.1, 2), r"a number in \[0, 1\)"),
    ],
    ids=["real", "positive", "non_negative", "fraction"],
)
def test_numbers(check, good, bad, expected):
    for value in good:
        for form in (value, np.float32(value), np.float64(value), np.array(value), jnp.array(value)):
            check("rate", form)
    for value in (*bad, NAN, INF, -INF, True, "0.5", None, 1j, [0.5], np.array([0.5]), jnp.array([0.5])):
        with refused(f"rate: got .*, expected {expected}"):
            check("rate", value)


def test_numbers_that_are_traced_pass():
    @jax.jit
    def f(rate):
        checks.positive("rate", rate)
        return rate

    assert f(-1.0) == -1.0


def test_count():
    assert checks.count("n", 1) == 1
    counted = checks.count("n", np.int64(7))
    assert (counted, type(counted)) == (7, int)
    assert checks.count("n", 0, minimum=0) == 0
    for value in (0, -1, 1.0, True, "3", None, np.float64(2)):
        with refused("n: got .*, expected a whole number of at least 1"):
            checks.count("n", value)
    with refused("n: got 1, expected a whole number of at least 2"):
        checks.count("n", 1, minimum=2)


def test_seed():
    for value in (0, 1, np.uint32(5), 2**32 - 1):
        assert checks.seed(value) == value
    for value in (-1, 2**32):
        with refused(rf"seed: got {value}, expected a whole number in \[0, 2\*\*32\)"):
            checks.seed(value)
    for value in (1.0, True, "1", None):
        with refused("seed: got .*, expected a whole number"):
            checks.seed(value)


def test_seeds():
    assert checks.seeds(range(3)) == [0, 1, 2]
    assert checks.seeds(np.array([4, 2])) == [4, 2]
    for value, message in (
        (3, "seeds: got 3, expected an iterable"),
        ("12", "seeds: got '12', expected an iterable"),
        ([], "seeds: got none, expected at least one"),
        ([1, 2, 1], "seeds: 1 appears twice; expected distinct seeds"),
        ([0.5], "seed: got 0.5"),
        ([-1], "seed: got -1"),
    ):
        with refused(message):
            checks.seeds(value)


def test_threefry():
    checks.threefry()
    with jax.default_prng_impl("rbg"), refused("jax_default_prng_impl: got 'rbg', expected 'threefry2x32'"):
        checks.threefry()


# ------------------------------------------------------------------------------------------- names


def test_lookup():
    known = {"relu": 1, "tanh": 2}
    assert checks.lookup("activation", "tanh", known) == 2
    with refused(r"activation: 'tan' is not known; did you mean 'tanh'\? Known: relu, tanh\."):
        checks.lookup("activation", "tan", known)
    with refused(r"activation: 'qqq' is not known\. Known: relu, tanh\."):
        checks.lookup("activation", "qqq", known)
    with refused("activation: None is not known"):
        checks.lookup("activation", None, known)


# ------------------------------------------------------------------------------------------ arrays


def test_is_concrete():
    assert checks.is_concrete({"a": np.ones(2), "b": 3})
    assert checks.is_concrete(jnp.ones(2))
    seen = []
    jax.jit(lambda x: seen.append(checks.is_concrete((x, 1))))(1.0)
    assert seen == [False]


def test_finite():
    checks.finite("x", np.arange(3))
    checks.finite("x", jnp.ones(2, jnp.bfloat16))
    with refused(r"x: 2 value\(s\) are not finite, the first is inf at \(0, 1\)"):
        checks.finite("x", np.array([[0, INF], [NAN, 0]]))


def test_features():
    checks.features(np.ones((2, 3)))
    checks.features(np.ones((2, 3), bool))
    for value, message in (
        (np.ones(3), r"x: got shape \(3,\), expected \(examples, features\)\. Use x\[:, None\] for a single feature"),
        (np.ones((2, 3, 4)), r"x: got shape \(2, 3, 4\), expected \(examples, features\)\. Flatten each example"),
        (3.0, r"x: got shape \(\)"),
        (np.ones((0, 3)), r"x: got shape \(0, 3\), which is empty"),
        (np.ones((3, 0)), r"x: got shape \(3, 0\), which is empty"),
        (np.array([[1.0, NAN]]), r"x: 1 value\(s\) are not finite, the first is nan at \(0, 1\)"),
    ):
        with refused(message):
            checks.features(value)
    with refused("x_val: got shape"):
        checks.features(np.ones(3), "x_val")


def test_examples():
    x = np.ones((2, 3))
    checks.examples(x, np.ones(2))
    checks.examples(x, np.ones((2, 4), int))
    for y, message in (
        (np.ones(3), "y: got 3 targets for the 2 examples of x"),
        (np.ones((2, 1, 1)), r"y: got shape \(2, 1, 1\), expected \(examples,\) or \(examples, outputs\)"),
        (1.0, r"y: got shape \(\)"),
        (np.array([0, INF]), r"y: 1 value\(s\) are not finite"),
    ):
        with refused(message):
            checks.examples(x, y)
    with refused("y_val: got 3 targets for the 2 examples of x_val"):
        checks.examples(x, np.ones(3), "x_val", "y_val")


def test_weights():
    checks.weights(np.array([0.0, 2.0]), 2)
    for w, message in (
        (np.ones(3), r"weights: got shape \(3,\), expected \(2,\), one for each example"),
        (np.ones((2, 1)), r"weights: got shape \(2, 1\)"),
        (np.array([1.0, -1.0]), "weights: expected numbers of at least 0, and one above 0"),
        (np.zeros(2), "weights: expected numbers of at least 0, and one above 0"),
        (np.array([1.0, NAN]), r"weights: 1 value\(s\) are not finite"),
    ):
        with refused(message):
            checks.weights(w, 2)
