"""The affine map z = W a + b."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from fnn import checks, initializers
from fnn.initializers import Initializer
from fnn.types import Layer


class DenseParams(NamedTuple):
    """Weights and biases of `dense`."""

    W: Float[Array, "out in"]
    b: Float[Array, "out"]


def dense(n_in: int, n_out: int, *, init: str | Initializer = "he") -> Layer:
    """z = W a + b from n_in to n_out features; W drawn by `init`, b = 0.

    Raises ValueError for sizes below 1, unknown initialisers, and inputs with another feature count.
    """
    checks.count("n_in", n_in)
    checks.count("n_out", n_out)
    draw = initializers.get(init)

    def initialise(key):
        W = draw(key, (n_out, n_in))
        return DenseParams(W, jnp.zeros(n_out, W.dtype)), ()

    def forward(params, state, x, *, key=None, train=False):
        if x.shape[0] != n_in:
            raise ValueError(f"x: got {x.shape[0]} features, expected {n_in}: this layer maps {n_in} to {n_out}.")
        z, a = affine(params, x)
        return z, state, a

    return Layer(initialise, forward, affine_backward, f"dense {n_in}→{n_out}")


def affine(params: DenseParams, a: Float[Array, "in batch"]):
    """z = W a + b, and a, which is all that the backward pass needs."""
    W, b = params
    return W @ a + b[:, None], a


def affine_backward(params: DenseParams, a: Float[Array, "in batch"], dz: Float[Array, "out batch"]):
    """∂L/∂W = δ aᵀ, ∂L/∂b = Σ δ over the batch, ∂L/∂a = Wᵀ δ, with δ = ∂L/∂z."""
    W, _ = params
    return DenseParams(dz @ a.T, jnp.sum(dz, axis=1)), W.T @ dz
