"""Each rule's mean, variance and shape of distribution over a large matrix, at five standard
errors.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import initializers

OUT, IN = 400, 300
SIGMAS = 5.0  # a true rule fails once in 1.7 million draws; the draws here are fixed
NORMAL, UNIFORM = 3.0, 1.8  # E x⁴/(E x²)²
VARIANCES = {
    "uniform": (0.05**2 / 3, UNIFORM),
    "normal": (0.01**2, NORMAL),
    "fan_out": (1 / OUT, NORMAL),
    "lecun": (1 / IN, NORMAL),
    "glorot": (2 / (IN + OUT), NORMAL),
    "xavier": (2 / (IN + OUT), NORMAL),
    "glorot_uniform": (2 / (IN + OUT), UNIFORM),
    "he": (2 / IN, NORMAL),
    "he_fan_out": (2 / OUT, NORMAL),
}


def draw(name, shape=(OUT, IN), seed=0):
    return initializers.get(name)(jax.random.key(seed), shape)


@pytest.mark.parametrize("name", VARIANCES)
def test_mean_variance_and_kurtosis(name):
    """X9. Standard errors: σ/√n, σ²√((κ−1)/n), and √(24/n), the Gaussian one, for κ."""
    variance, kurtosis = VARIANCES[name]
    W = np.asarray(draw(name), np.float64)
    n = W.size
    assert abs(W.mean()) < SIGMAS * np.sqrt(variance / n)
    assert abs((W**2).mean() - variance) < SIGMAS * variance * np.sqrt((kurtosis - 1) / n)
    assert abs((W**4).mean() / (W**2).mean() ** 2 - kurtosis) < SIGMAS * np.sqrt(24 / n)


def test_every_rule_is_tested_here():
    assert set(initializers.REGISTRY) == {*VARIANCES, "zeros", "constant", "orthogonal"}


def test_factories_take_their_parameter():
    key = jax.random.key(0)
    W = initializers.uniform(2.0, 3.0)(key, (100, 100))
    assert 2 <= W.min() < 2.01 < 2.99 < W.max() < 3
    np.testing.assert_allclose(
        initializers.normal(2.0)(key, (4, 3)), 200 * draw("normal", (4, 3)), rtol=1e-6
    )


def test_constant_and_zeros():
    np.testing.assert_array_equal(draw("zeros", (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(draw("constant", (2, 3)), np.full((2, 3), np.float32(0.1)))
    np.testing.assert_array_equal(
        initializers.constant(-3)(jax.random.key(0), (2, 3)), np.full((2, 3), -3.0)
    )


@pytest.mark.parametrize("name", initializers.REGISTRY)
def test_dtype_is_the_default_float(name):
    assert draw(name, (4, 3)).dtype == jnp.float32
    assert draw(name, (4, 3)).shape == (4, 3)
    with jax.enable_x64(True):
        assert draw(name, (4, 3)).dtype == jnp.float64


@pytest.mark.parametrize("name", [*VARIANCES, "orthogonal"])
def test_the_key_decides(name):
    np.testing.assert_array_equal(draw(name, (4, 3)), draw(name, (4, 3)))
    assert (draw(name, (4, 3)) != draw(name, (4, 3), seed=1)).all()


# -------------------------------------------------------------------------------------- orthogonal


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)])
def test_orthogonal_rows_or_columns(shape, x64):
    W = draw("orthogonal", shape)
    gram = W @ W.T if shape[0] <= shape[1] else W.T @ W
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_turns_and_mirrors():
    keys = jax.random.split(jax.random.key(0), 400)
    W = np.asarray(jax.vmap(lambda key: initializers.orthogonal(key, (4, 4)))(keys))
    mirrors = (np.linalg.det(W) < 0).mean()
    assert abs(mirrors - 0.5) < SIGMAS * 0.5 / np.sqrt(400)


def test_orthogonal_prefers_no_direction():
    """Each entry has mean 0 and variance 1/n over the uniform distribution; QR alone would fix the
    signs of R.
    """
    keys = jax.random.split(jax.random.key(0), 400)
    W = jax.vmap(lambda key: initializers.orthogonal(key, (4, 4)))(keys)
    np.testing.assert_array_less(np.abs(W.mean(axis=0)), SIGMAS * np.sqrt(1 / 4 / 400))


# ---------------------------------------------------------------------------------------- refusals


def test_get_takes_names_and_functions():
    own = initializers.normal(0.5)
    assert initializers.get(own) is own
    assert initializers.get("xavier") is initializers.glorot
    with pytest.raises(
        ValueError, match=r"init: 'glorott' is not known; did you mean 'glorot'\?.*Known: zeros"
    ):
        initializers.get("glorott")
    with pytest.raises(ValueError, match="init: 7 is not known"):
        initializers.get(7)


@pytest.mark.parametrize(
    ("make", "arguments", "message"),
    [
        (initializers.constant, ("big",), "value: got 'big', expected a finite number"),
        (initializers.constant, (np.nan,), "value: got nan"),
        (
            initializers.uniform,
            (1.0, 1.0),
            "uniform: got low = 1.0, high = 1.0, expected low < high",
        ),
        (initializers.uniform, (-np.inf, 1.0), "low: got -inf"),
        (initializers.uniform, (0.0, np.inf), "high: got inf"),
        (initializers.normal, (0.0,), "sigma: got 0.0, expected a finite number above 0"),
        (initializers.normal, (-1.0,), "sigma: got -1.0"),
    ],
)
def test_factories_refuse(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(*arguments)


@pytest.mark.parametrize(
    ("old", "new"),
    [("OfSize", "VarianceScaling"), ("of_size", "variance_scaling"), ("drawn", "sample")],
)
def test_former_names_say_the_new_one(old, new):
    with pytest.raises(AttributeError, match=rf"{old} is now fnn\.initializers\.{new}"):
        getattr(initializers, old)
    assert hasattr(initializers, new)
