"""Batch normalisation: x̂ = (x − μ)/√(σ² + ε), y = γ x̂ + β. Ioffe & Szegedy 2015; Sharif, claim
2.25.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from fnn import checks
from fnn.remembered import remembered
from fnn.types import Layer


class BatchNormParams(NamedTuple):
    """γ and β."""

    scale: Float[Array, "features"]
    shift: Float[Array, "features"]


class BatchNormState(NamedTuple):
    """Running estimates of the mean and the (unbiased) variance, for evaluation."""

    mean: Float[Array, "features"]
    variance: Float[Array, "features"]


class OverBatch(NamedTuple):
    """Residuals of training: μ and σ² were functions of x."""

    normalised: Float[Array, "features batch"]
    inverse_deviation: Float[Array, "features"]


class FromState(NamedTuple):
    """Residuals of evaluation: μ and σ² were constants."""

    normalised: Float[Array, "features batch"]
    inverse_deviation: Float[Array, "features"]


@remembered
def batch_norm(features: int, *, momentum: float = 0.9, epsilon: float = 1e-5) -> Layer:
    """Normalises every feature over the batch while training, by running statistics at evaluation.

    running ← momentum · running + (1 − momentum) · batch; the variance that is kept is the unbiased
    one, n/(n − 1) times the one that normalises, as in the paper. γ = 1, β = 0, running mean 0 and
    variance 1 at the start. Raises ValueError for another feature count, and for training on a
    batch of one example, which has no variance.
    """
    checks.count("features", features)
    checks.fraction("momentum", momentum)
    checks.positive("epsilon", epsilon)

    def init(key):
        ones, zeros = jnp.ones(features), jnp.zeros(features)
        return BatchNormParams(ones, zeros), BatchNormState(zeros, ones)

    def forward(params, state, x, *, key=None, train=False):
        _check(x, state, features, train)
        mean, variance = (jnp.mean(x, axis=1), jnp.var(x, axis=1)) if train else state
        inverse_deviation = 1 / jnp.sqrt(variance + epsilon)
        normalised = (x - mean[:, None]) * inverse_deviation[:, None]
        y = params.scale[:, None] * normalised + params.shift[:, None]
        if not train:
            return y, state, FromState(normalised, inverse_deviation)
        n = x.shape[1]
        state = BatchNormState(
            momentum * state.mean + (1 - momentum) * mean,
            momentum * state.variance + (1 - momentum) * variance * (n / (n - 1)),
        )
        return y, state, OverBatch(normalised, inverse_deviation)

    def backward(params, residuals, dy):
        """With g = γ dy: ∂L/∂x = (g − mean g − x̂ mean(g x̂))/√(σ² + ε), the last two terms because
        μ and σ² depend on x. At evaluation they do not, and the terms are absent.
        """
        normalised, inverse_deviation = residuals
        grads = BatchNormParams(jnp.sum(dy * normalised, axis=1), jnp.sum(dy, axis=1))
        g = params.scale[:, None] * dy
        if isinstance(residuals, OverBatch):
            g = g - jnp.mean(g, axis=1, keepdims=True)
            g = g - normalised * jnp.mean(g * normalised, axis=1, keepdims=True)
        return grads, inverse_deviation[:, None] * g

    return Layer(init, forward, backward, f"batch_norm {features}")


def _check(x, state, features, train):
    if x.shape[0] != features:
        raise ValueError(
            f"x: got {x.shape[0]} features, expected {features}, which this batch_norm normalises."
        )
    if not isinstance(state, BatchNormState):
        raise ValueError(
            "state: batch_norm keeps running statistics; pass the state that net.init returned."
        )
    if train and x.shape[1] == 1:
        raise ValueError(
            "batch_size: a batch of one example has no variance to normalise by; choose a "
            "batch_size that leaves "
            "more than one example in the last batch."
        )
