"""How the losses of a batch become one number: L = Σᵢ cᵢ ℓᵢ.

A reduction turns example weights w (all ones where none are given) into the coefficients c, so that
value and gradient share it: ∂L/∂prediction = c ⊙ ∂ℓ/∂prediction. The documents use all three (claim
X4); over n examples the gradients of mean, half_sum and sum stand as 1 : n/2 : n.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from fnn import checks
from fnn.types import Features

Weights: TypeAlias = Float[Array, "batch"] | None
Reduction: TypeAlias = Callable[[Float[Array, "batch"]], Float[Array, "batch"]]


def mean(w: Float[Array, "batch"]) -> Float[Array, "batch"]:
    """cᵢ = wᵢ/Σw."""
    return w / jnp.sum(w)


def total(w: Float[Array, "batch"]) -> Float[Array, "batch"]:
    """cᵢ = wᵢ."""
    return w


def half_total(w: Float[Array, "batch"]) -> Float[Array, "batch"]:
    """cᵢ = ½wᵢ, which makes the derivative of a square neat."""
    return 0.5 * w


def mean_of_first(examples: Integer[Array, ""] | int) -> Reduction:
    """cᵢ = wᵢ/examples for so many, and 0 for those that fill up the batch: its mean where the mean
    of w over all batches is 1.
    """

    def of_first(w: Float[Array, "batch"]) -> Float[Array, "batch"]:
        return jnp.where(jnp.arange(len(w)) < examples, w / jnp.asarray(examples, w.dtype), 0)

    return of_first


REGISTRY: dict[str, Reduction] = {"mean": mean, "sum": total, "half_sum": half_total}


def get(name: str) -> Reduction:
    """The reduction of that name. ValueError for unknown names."""
    return checks.lookup("reduction", name, REGISTRY)


def coefficients(
    reduction: Reduction, weights: Weights, prediction: Features
) -> Float[Array, "batch"]:
    """c for a prediction of (outputs, batch), in its dtype."""
    n = prediction.shape[1]
    return reduction(
        jnp.ones(n, prediction.dtype) if weights is None else jnp.asarray(weights, prediction.dtype)
    )
