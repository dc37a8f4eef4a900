"""Batch normalisation: y = γ x̂ + β with x̂ = (x − μ)/√(σ² + ε).

Ioffe & Szegedy 2015; Sharif, claim 2.25.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from fnn import checks
from fnn.remembered import remembered
from fnn.types import Layer


class BatchNormParams(NamedTuple):
    """The parameters of `batch_norm`: γ is `scale`, β is `shift`."""

    scale: Float[Array, "features"]
    shift: Float[Array, "features"]


class BatchNormState(NamedTuple):
    """Running estimates of the mean and of the unbiased variance, for evaluation."""

    mean: Float[Array, "features"]
    variance: Float[Array, "features"]


class BatchResiduals(NamedTuple):
    """Residuals of training: μ and σ² are functions of x."""

    normalised: Float[Array, "features batch"]
    inverse_deviation: Float[Array, "features"]


class RunningResiduals(NamedTuple):
    """Residuals of evaluation: μ and σ² are constants."""

    normalised: Float[Array, "features batch"]
    inverse_deviation: Float[Array, "features"]


@remembered
def batch_norm(features: int, *, momentum: float = 0.9, epsilon: float = 1e-5) -> Layer:
    """Return a layer that normalises each feature, over the batch while training.

    x̂ = (x − μ)/√(σ² + ε)
    y = γ x̂ + β
    running ← momentum · running + (1 − momentum) · batch

    features  number of features of x
    momentum  weight of the past in the running statistics, in [0, 1)
    epsilon   ε, above 0

    At evaluation μ and σ² are the running statistics. The running variance is the unbiased one:
    n/(n − 1) times the variance that normalises, as in the paper. At the start γ = 1, β = 0, the
    running mean is 0 and the running variance 1. Raises ValueError for another feature count, and
    for training on a batch of one example, which has no variance.

    >>> import fnn, jax, jax.numpy as jnp
    >>> layer = fnn.layers.batch_norm(1)
    >>> params, state = layer.init(jax.random.key(0))
    >>> y, state, _ = layer.forward(params, state, jnp.array([[1.0, 3.0]]), train=True)
    >>> print(y.round(3), state.mean.round(3), state.variance.round(3))
    [[-1.  1.]] [0.2] [1.1]
    """
    checks.count("features", features)
    checks.fraction("momentum", momentum)
    checks.positive("epsilon", epsilon)

    def init(key):
        ones, zeros = jnp.ones(features), jnp.zeros(features)
        params = BatchNormParams(scale=ones, shift=zeros)
        state = BatchNormState(mean=zeros, variance=ones)
        return params, state

    def forward(params, state, x, *, key=None, train=False):
        _check(x, state, features, train)
        if train:
            mean = jnp.mean(x, axis=1)
            variance = jnp.var(x, axis=1)
        else:
            mean, variance = state
        inverse_deviation = 1 / jnp.sqrt(variance + epsilon)
        centred = x - mean[:, None]
        normalised = centred * inverse_deviation[:, None]
        scaled = params.scale[:, None] * normalised
        y = scaled + params.shift[:, None]
        if not train:
            return y, state, RunningResiduals(normalised, inverse_deviation)
        state = _updated(state, momentum, mean, variance, x.shape[1])
        return y, state, BatchResiduals(normalised, inverse_deviation)

    def backward(params, residuals, dy):
        """Return the gradients of γ and β, and ∂L/∂x.

        ∂L/∂γ = Σ dy x̂
        ∂L/∂β = Σ dy
        g = γ dy
        ∂L/∂x = (g − mean g − x̂ mean(g x̂))/√(σ² + ε)

        The last two terms are there because μ and σ² depend on x. At evaluation μ and σ² are
        constants, and the terms are absent.
        """
        normalised, inverse_deviation = residuals
        products = dy * normalised
        d_scale = jnp.sum(products, axis=1)
        d_shift = jnp.sum(dy, axis=1)
        g = params.scale[:, None] * dy
        if isinstance(residuals, BatchResiduals):
            mean = jnp.mean(g, axis=1, keepdims=True)
            g = g - mean
            along = jnp.mean(g * normalised, axis=1, keepdims=True)
            g = g - normalised * along
        dx = inverse_deviation[:, None] * g
        return BatchNormParams(d_scale, d_shift), dx

    name = f"batch_norm {features}"
    return Layer(init, forward, backward, name)


def _updated(state: BatchNormState, momentum: float, mean, variance, n: int) -> BatchNormState:
    """Return the running statistics after a batch of n examples."""
    to_unbiased = n / (n - 1)
    new_mean = momentum * state.mean + (1 - momentum) * mean
    old_variance = momentum * state.variance
    new_variance = old_variance + (1 - momentum) * variance * to_unbiased
    return BatchNormState(new_mean, new_variance)


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
            "batch_size that leaves more than one example in the last batch."
        )
