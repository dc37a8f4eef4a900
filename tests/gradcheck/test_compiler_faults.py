"""Losses that XLA computes wrongly under a plain jit: right gradients pass, and wrong ones fail."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn

RNG = np.random.default_rng(0)
ROWS, W = RNG.normal(size=(20_001, 3)), RNG.normal(size=(4, 3))
E, C = RNG.normal(size=(5, 60, 60)), RNG.normal(size=5)


def mean_of_squares(W):
    """The mean over 20,001 rows of Σ(W x)²; jaxlib 0.10.2 computes 9.8209 for 9.8268 of its W."""
    return jnp.mean(jnp.sum((W @ ROWS.T) ** 2, axis=0))


def gradient_of_mean(W):
    return 2 * (np.asarray(W) @ ROWS.T) @ ROWS / len(ROWS)


def broadcast_products(c):
    """Σ (E c) ⊙ E, vmapped over matrices; NaN on jaxlib 0.12.0.1."""

    def one(E, c):
        return jnp.sum((E @ jnp.broadcast_to(c, (60, 60))) * E)

    return jnp.sum(jax.vmap(one)(E, c))


def gradient_of_products(c):
    return np.array([np.sum((matrix @ np.ones((60, 60))) * matrix) for matrix in E])


CASES = {
    "reduction": (mean_of_squares, gradient_of_mean, W),
    "product": (broadcast_products, gradient_of_products, C),
}


@pytest.mark.optimized
@pytest.mark.parametrize("name", CASES)
def test_a_right_gradient_passes(name):
    assert fnn.check_gradient(*CASES[name]).verdict == "pass"


@pytest.mark.optimized
@pytest.mark.parametrize("name", CASES)
def test_a_doubled_gradient_fails_with_its_cause(name):
    loss, gradient, at = CASES[name]
    report = fnn.check_gradient(loss, lambda params: 2 * gradient(params), at)
    assert (report.verdict, report.cause) == ("fail", "constant factor")
