"""Rules of NumPy for JAX's operations that NumPy itself computes otherwise."""

import jax
import numpy as np
import pytest
from jax import lax

from fnn import numpy_rules


def test_whole_divisors_of_0():
    b = np.array([0, 2, -1, 1])
    assert numpy_rules.without_zeros(b).tolist() == [1, 2, -1, 1]


@pytest.mark.parametrize("y", [3, 0, -2])
def test_whole_powers(y):
    x = np.array([2.5, -0.5, 1.0])
    result = numpy_rules.integer_pow(x, y=y)
    np.testing.assert_allclose(result, [2.5**y, (-0.5) ** y, 1.0], rtol=1e-15)
    assert result.dtype == np.float64


def test_whole_powers_of_whole_numbers_are_whole():
    result = numpy_rules.integer_pow(np.array([2, -3], np.int32), y=3)
    assert result.tolist() == [8, -27]
    assert result.dtype == np.int32


def test_halves_are_rounded_away_from_0(x64):
    x = np.array([0.5, -0.5, 1.5, 2.4, -2.6, 0.0])
    expected = lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO)
    np.testing.assert_array_equal(numpy_rules.round_away_from_zero(x), expected)
    assert jax.config.read("jax_enable_x64")
