"""The witness computes what a program says: beside formulas that share nothing with it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fnn import witness

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 5))
V = RNG.uniform(0.1, 0.9, size=(6,))
BATCHED, OTHER = RNG.normal(size=(2, 4, 3)), RNG.normal(size=(2, 3, 5))


def agree(function, arguments, expected, tolerance=1e-14):
    found = witness.evaluate(function, *arguments)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


CASES = {
    "product": (lambda a, b: a @ b, (A, B), A @ B),
    "batched product": (
        lambda a, b: jnp.einsum("nij,njk->nik", a, b),
        (BATCHED, OTHER),
        np.stack([BATCHED[i] @ OTHER[i] for i in range(2)]),
    ),
    "sum of squares": (lambda a: jnp.sum(a**2, axis=0), (A,), (A * A).sum(0)),
    "softmax": (
        lambda a: jax.nn.softmax(a, axis=1),
        (A,),
        np.exp(A) / np.exp(A).sum(1, keepdims=True),
    ),
    "running sum": (lambda v: jnp.cumsum(v[::-1]), (V,), np.cumsum(V[::-1])),
    "running maximum from the end": (
        lambda v: lax.cummax(v, reverse=True),
        (V,),
        np.maximum.accumulate(V[::-1])[::-1],
    ),
    "whole division": (
        lambda i: (lax.div(i, 3), lax.rem(i, 3)),
        (np.array([-7, -1, 0, 8]),),
        (np.array([-2, 0, 0, 2]), np.array([-1, -1, 0, 2])),
    ),
    "padding, cut and spread": (
        lambda v: lax.pad(v, 9.0, [(2, -1, 1)]),
        (V[:3],),
        np.array([9, 9, V[0], 9, V[1], 9]),
    ),
    "slice with a step": (lambda a: a[::-1, 1:3], (A,), A[::-1, 1:3]),
    "slice from outside": (lambda v: lax.dynamic_slice(v, [5], [3]), (V,), V[3:6]),
    "update from outside": (
        lambda v: lax.dynamic_update_slice(v, jnp.ones(2), [9]),
        (V,),
        np.concatenate([V[:4], [1, 1]]),
    ),
    "scatter": (lambda v: v.at[jnp.array([1, 1])].add(2.0), (V,), V + 4 * (np.arange(6) == 1)),
    "gather": (lambda a, i: a[i], (A, np.array([2, 0])), A[[2, 0]]),
    "sort": (jnp.sort, (V,), np.sort(V)),
    "largest and its place": (
        lambda a: (a.max(1), a.argmax(1), a.argmin(0)),
        (A,),
        (A.max(1), A.argmax(1), A.argmin(0)),
    ),
    "choice": (lambda v: jnp.where(v > 0.5, v, -v), (V,), np.where(V > 0.5, V, -V)),
    "clip": (lambda v: jnp.clip(v, 0.3, 0.6), (V,), np.clip(V, 0.3, 0.6)),
    "powers": (lambda v: (v**3, v**-2, v**0.5), (V,), (V**3, V**-2.0, np.sqrt(V))),
    "rounding": (jnp.round, (np.array([0.5, 1.5, -2.5, 0.2]),), np.array([0.0, 2, -2, 0])),
    "windows": (
        lambda a: lax.reduce_window(a, -jnp.inf, lax.max, (2, 2), (1, 1), "VALID"),
        (A,),
        np.max([A[:-1, :-1], A[1:, :-1], A[:-1, 1:], A[1:, 1:]], axis=0),
    ),
    "loop over rows": (
        lambda a: lax.scan(lambda c, row: (c + row, c @ row), jnp.zeros(3), a),
        (A,),
        (A.sum(0), np.array([(np.cumsum(A, 0) - A)[i] @ A[i] for i in range(4)])),
    ),
    "loop from the end": (
        lambda v: lax.scan(lambda c, one: (c * one, c), 1.0, v, reverse=True)[1],
        (V,),
        np.append(np.cumprod(V[:0:-1])[::-1], 1.0),
    ),
    "loop of no rows": (
        lambda a: lax.scan(lambda c, row: (c, row), 1.0, a),
        (np.zeros((0, 2)),),
        (1.0, np.zeros((0, 2))),
    ),
    "loop while": (
        lambda n: lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, c[1] * 2), (0, 1)),
        (np.array(5),),
        (5, 32),
    ),
    "loops while, under vmap": (
        jax.vmap(lambda n: lax.while_loop(lambda i: i < n, lambda i: i + 2, 0)),
        (np.array([0, 3, 6]),),
        np.array([0, 4, 6]),
    ),
    "branch": (lambda i: lax.switch(i, [lambda: 1.0, lambda: 2.0]), (np.array(1),), 2.0),
    "running log of a sum of exponentials": (lax.cumlogsumexp, (V,), np.log(np.cumsum(np.exp(V)))),
    "inner function": (lambda v: jax.jit(jnp.sin)(v) + jax.nn.relu(v), (V,), np.sin(V) + V),
    "bits": (
        lambda i: (i << 3, lax.shift_right_logical(i, np.int32(1)), i ^ 5, ~i),
        (np.array([-2, 3], np.int32),),
        (np.array([-16, 24]), np.array([2**31 - 1, 1]), np.array([-2 ^ 5, 6]), np.array([1, -4])),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_operations(x64, name):
    agree(*CASES[name])


def test_numbers_are_float64_whatever_the_program_has():
    thirds = np.float32([1 / 3])
    (found,) = witness.evaluate(lambda v: [v * v + jnp.float32(1)], thirds)
    assert found.dtype == np.float64
    assert found[0] == np.float64(thirds[0]) ** 2 + 1  # which float32 cannot hold


def test_random_numbers_are_those_that_jax_draws():
    def draws(key):
        first, second = jax.random.split(jax.random.fold_in(key, 3))
        return jax.random.normal(first, (5,)), jax.random.bernoulli(second, 0.4, (7,))

    normal, kept = witness.evaluate(draws, jax.random.key(1))
    expected_normal, expected_kept = draws(jax.random.key(1))
    np.testing.assert_allclose(normal, expected_normal, rtol=1e-5)
    np.testing.assert_array_equal(kept, expected_kept)


def test_reductions_by_a_function_are_refused():
    def largest(x):
        return lax.reduce(x, 0.0, lambda a, b: jnp.maximum(jnp.abs(a), b), (0,))

    with pytest.raises(NotImplementedError, match="reduction by a function"):
        witness.evaluate(largest, np.array([1.0, -2.0, 3.0]))


def test_whole_numbers_are_those_of_xla(x64):
    """Sums of products wider than their factors, divisions by 0, what is no whole number."""
    small = np.full((4, 4), 100, np.int8)
    numbers = np.array([np.nan, 1e30, -1e30, 2.9, -2.9, np.inf])
    i = np.array([-7, 5, -(2**31)], np.int32)
    unsigned = np.array([3, 2**32 - 1], np.uint32)

    def computed(small, numbers, i, unsigned):
        return (
            lax.dot_general(small, small, (((1,), (0,)), ((), ())), None, jnp.int32),
            numbers.astype(jnp.int32),
            numbers.astype(jnp.uint8),
            numbers.astype(bool),
            (lax.div(i, 0 * i), lax.rem(i, 0 * i), lax.div(i, 0 * i - 1)),
            jnp.sum(small),
            (lax.div(small.view(np.uint8), 0 * small.view(np.uint8)), unsigned // 7, unsigned % 7),
        )

    given = small, numbers, i, unsigned
    found = jax.tree.leaves(witness.evaluate(computed, *given))
    arrays = map(jnp.asarray, given)
    expected = jax.tree.leaves(computed(*arrays))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


BESIDE_JAX = {
    "scatter-sub": lambda x: x.at[jnp.array([1, 1])].subtract(2.0),
    "scatter-mul": lambda x: x.at[jnp.array([1, 1])].multiply(3.0),
    "scatter-max": lambda x: x.at[jnp.array([0, 2])].max(0.5),
    "scatter-min": lambda x: x.at[jnp.array([0, 2])].min(0.5),
    "stack": lambda x: jnp.stack([x, 2 * x], axis=1),
    "gradient of tanh": jax.grad(lambda x: jnp.sum(jnp.tanh(x) * 1.1)),
    "interpolation": lambda x: jnp.interp(
        x, jnp.array([-1.0, 0.0, 2.0]), jnp.array([3.0, 1.0, 2.0])
    ),
    "place in order": lambda x: jnp.searchsorted(jnp.array([-1.0, 0.0, 0.5]), x),
    "sign of another": lambda x: jnp.copysign(2.0, x),
    "next number": lambda x: jnp.nextafter(x, 9.0) - x,
    "logarithm": lambda x: jnp.log2(jnp.abs(x)),
    "shift": lambda x: lax.shift_right_arithmetic((-9 * x).astype(np.int32), np.int32(1)),
    "incomplete gamma": lambda x: jax.scipy.special.gammainc(1.5, jnp.abs(x)),
    "incomplete beta": lambda x: jax.scipy.special.betainc(1.5, 2.5, jnp.abs(jnp.sin(x))),
    "bessel": lambda x: (jax.scipy.special.i0e(x), jax.scipy.special.i1e(x)),
    "gelu": jax.nn.gelu,
    "erf": lambda x: jax.scipy.special.erf(x),
    "remat": jax.checkpoint(jnp.sin),
    "tile": lambda x: jnp.tile(x, (2, 3)),
}


@pytest.mark.parametrize("name", BESIDE_JAX)
def test_rules_beside_operations_of_jax(x64, name):
    x = np.array([-1.3, 0.0, 0.7, 2.4])
    agree(BESIDE_JAX[name], (x,), BESIDE_JAX[name](jnp.asarray(x)), tolerance=1e-12)


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: jnp.convolve(x, x), "conv_general_dilated"),
        (lambda x: lax.complex(x, x).real, "complex"),
        (lambda x: jnp.linalg.cholesky(jnp.outer(x, x)), "cholesky"),
    ],
)
def test_an_operation_without_a_witness_is_named(function, operation):
    with pytest.raises(NotImplementedError, match=operation):
        witness.evaluate(function, np.ones(3))


def test_calls_of_python_are_refused():
    def printed(x):
        jax.debug.callback(print, x)
        return x

    with pytest.raises(NotImplementedError, match="callback"):
        witness.evaluate(printed, 1.0)
