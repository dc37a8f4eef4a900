"""How far a right result of one operation may be off, for a few numbers counted by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnn.compiled.bisection import flatten
from fnn.compiled.rounding import error_size

UNIT = 2.0**-24  # half the distance from 1 to the next float32
X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])


def size_of(operation, value, *inputs):
    """Return the allowance for a function that is one operation."""
    narrow = [np.asarray(each, np.float32) for each in inputs]
    closed = jax.make_jaxpr(operation)(*narrow)
    step = flatten(closed).steps[-1]
    return error_size(step.equation, inputs, np.asarray(value), np.dtype("float32"))


@pytest.mark.parametrize(
    ("operation", "value", "units"),
    [
        (lambda x: lax.cumprod(x, axis=1), np.cumprod(X, 1), 3),  # products of up to three factors
        (lambda x: lax.cumprod(x, axis=0), np.cumprod(X, 0), 2),
        (lambda x: jnp.prod(x, axis=1), np.prod(X, 1), 3),
        (lambda x: jnp.prod(x), np.prod(X), 6),
        (lambda x: lax.integer_pow(x, 3), X**3, 3),
        (lambda x: lax.integer_pow(x, -2), X**-2.0, 2),
        (lax.exp, np.exp(X), 4),
        (lax.tan, np.tan(X), 16),
    ],
)
def test_error_in_units_of_the_last_place(operation, value, units):
    size = size_of(operation, value, X)
    np.testing.assert_allclose(size, units * UNIT * np.abs(value), rtol=1e-12)


def test_error_of_a_power_grows_with_its_exponent():
    value = np.exp([[0.0, 1.0], [-10.0, 20.0]])
    size = size_of(lax.pow, value, np.full((2, 2), np.e), np.log(value))
    units = 16 + 2 * np.array([[0.0, 1.0], [10.0, 20.0]])
    np.testing.assert_allclose(size, units * UNIT * value, rtol=1e-12)


@pytest.mark.parametrize("operation", [lax.neg, lax.max, lambda x: x[::-1], lax.abs])
def test_operations_that_do_not_round(operation):
    inputs = [X, X] if operation is lax.max else [X]
    assert size_of(operation, X, *inputs) is None
