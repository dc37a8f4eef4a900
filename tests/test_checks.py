"""The refusals: each says what it is about, what came and what was expected, and passes what is
right.
"""

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
        for form in (
            value,
            np.float32(value),
            np.float64(value),
            np.array(value),
            jnp.array(value),
        ):
            check("rate", form)
    for value in (
        *bad,
        NAN,
        INF,
        -INF,
        True,
        "0.5",
        None,
        1j,
        [0.5],
        np.array([0.5]),
        jnp.array([0.5]),
    ):
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
    assert checks.seeds(np.array([4, 2])) == checks.seeds(jnp.array([4, 2])) == [4, 2]
    assert checks.seeds(s for s in (2, 0)) == [2, 0]
    assert checks.seeds(range(200_000))[-1] == 199_999  # hours, if each looked at all the others
    for value, message in (
        (3, "seeds: got 3, expected an iterable"),
        ("12", "seeds: got '12', expected an iterable"),
        ([], "seeds: got none, expected at least one"),
        ([1, 2, 1], "seeds: 1 appears twice; expected distinct seeds"),
        ([0.5], "seed: got 0.5"),
        (jnp.array([0.5]), "seed: got 0.5"),
        (jnp.array(7), "seeds: got 7, expected an iterable"),
        (np.array([True]), "seed: got True"),
        ([-1], "seed: got -1"),
    ):
        with refused(message):
            checks.seeds(value)


def test_threefry():
    checks.threefry()
    with (
        jax.default_prng_impl("rbg"),
        refused("jax_default_prng_impl: got 'rbg', expected 'threefry2x32'"),
    ):
        checks.threefry()


def test_count_of_a_traced_number():
    with refused("n: got a traced number, expected a Python int: it changes the program"):
        jax.jit(lambda n: checks.count("n", n))(3)


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


def test_what_is_a_real_number():
    for good in ([[1, 2]], ((0.5,),), np.ones((1, 2), bool), jnp.ones((1, 2), jnp.bfloat16)):
        assert isinstance(checks.numbers("x", good), np.ndarray)
    bad = {
        "complex128": np.ones((1, 2)) + 1j,
        "object": np.array([[None, 1]]),
        "<U3": np.array([["abc"]]),
        "timedelta64": np.ones((1, 2), "m8[s]"),
    }
    for dtype, array in bad.items():
        for check in (
            lambda a: checks.features(a, "x"),
            lambda a: checks.examples(np.ones((1, 1)), a, "x", "x"),
        ):
            with refused(f"x: got dtype {dtype}.*, expected real numbers"):
                check(array)
    with refused("weights: got dtype <U1, expected real numbers"):
        checks.weights(np.array(["1"]), 1)
    with refused("x: not an array, expected rows of equal length"):
        checks.features([[1], [1, 2]])
    with refused("x: got dtype complex64, expected real numbers"):
        jax.jit(checks.features)(jnp.ones((1, 2), jnp.complex64))


def test_numbers_that_jax_would_change():
    for value in (1e300, -1e39):
        with refused(
            r"x: 1 value\(s\) are not finite, the first is .* at \(0, 1\) \(float32 holds up to "
            r"3\.4e\+38"
        ):
            checks.features(np.array([[0.0, value]]))
    for value in (2**31, -(2**31) - 1, 2**40):
        with refused(f"x: got {value}, expected whole numbers that int32 holds; use floating ones"):
            checks.features(np.array([[0, value]]))
        with refused(f"y: got {value}, expected whole numbers"):
            checks.examples(np.ones((1, 1)), np.array([value]))
    with refused("x: got 4294967296, expected whole numbers that uint32 holds"):
        checks.features(np.array([[2**32]], np.uint64))
    checks.features(np.array([[2**31 - 1, -(2**31)]]))
    checks.features(np.array([[1e-300, 3e38]]))
    with jax.enable_x64(True):
        checks.features(np.array([[1e300]]))
        checks.features(np.array([[2**40]]))


def test_features():
    checks.features(np.ones((2, 3)))
    checks.features(np.ones((2, 3), bool))
    for value, message in (
        (
            np.ones(3),
            r"x: got shape \(3,\), .*Use x\[None, :\] for one example, x\[:, None\] for one",
        ),
        (
            np.ones((2, 3, 4)),
            r"x: got shape \(2, 3, 4\), expected \(examples, features\)\. Flatten each example",
        ),
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
        (
            np.ones((2, 1, 1)),
            r"y: got shape \(2, 1, 1\), expected \(examples,\) or \(examples, outputs\)",
        ),
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
