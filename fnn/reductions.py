"""Reductions of the losses of a batch to one number: L = Σᵢ cᵢ ℓᵢ.

A reduction turns example weights w (all 1 unless given) into the coefficients c. The value and the
gradient share c:

    ∂L/∂prediction = c ⊙ ∂ℓ/∂prediction

The documents use all three reductions (claim X4). Over n examples the gradients of mean, half_sum
and sum stand as 1 : n/2 : n.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Integer

from fnn import checks
from fnn.types import Features, PerExample

Weights: TypeAlias = PerExample | None
Reduction: TypeAlias = Callable[[PerExample], PerExample]


def mean(w: PerExample) -> PerExample:
    """Return cᵢ = wᵢ/Σw.

    >>> import jax.numpy as jnp
    >>> from fnn import reductions
    >>> print(reductions.mean(jnp.array([1.0, 3.0])))
    [0.25 0.75]
    """
    return w / jnp.sum(w)


def total(w: PerExample) -> PerExample:
    """Return cᵢ = wᵢ.

    >>> import jax.numpy as jnp
    >>> from fnn import reductions
    >>> print(reductions.total(jnp.array([1.0, 3.0])))
    [1. 3.]
    """
    return w


def half_total(w: PerExample) -> PerExample:
    """Return cᵢ = ½wᵢ, which cancels the 2 in the derivative of a square.

    >>> import jax.numpy as jnp
    >>> from fnn import reductions
    >>> print(reductions.half_total(jnp.array([1.0, 3.0])))
    [0.5 1.5]
    """
    return 0.5 * w


def mean_of_first(examples: Integer[Array, ""] | int) -> Reduction:
    """Return the reduction of a batch that is filled up with examples that do not count.

    cᵢ = wᵢ/examples for the first ones, 0 for the others

    examples  how many of the batch count; may be traced

    Where the mean of w over all batches is 1, it is the mean of the batch.

    >>> import jax.numpy as jnp
    >>> from fnn import reductions
    >>> print(reductions.mean_of_first(2)(jnp.array([1.0, 1.0, 1.0])))
    [0.5 0.5 0. ]
    """

    def of_first(w: PerExample) -> PerExample:
        counts = jnp.arange(len(w)) < examples
        n = jnp.asarray(examples, w.dtype)
        return jnp.where(counts, w / n, 0)

    return of_first


REGISTRY: dict[str, Reduction] = {"mean": mean, "sum": total, "half_sum": half_total}


def get(name: str) -> Reduction:
    """Return the reduction of a name: "mean", "sum" or "half_sum".

    Raises ValueError for unknown names.

    >>> from fnn import reductions
    >>> reductions.get("sum").__name__
    'total'
    """
    return checks.lookup("reduction", name, REGISTRY)


def coefficients(reduction: Reduction, weights: Weights, prediction: Features) -> PerExample:
    """Return the coefficients c of a batch, in the dtype of the prediction.

    reduction   from example weights to c
    weights     (batch,), or None for weights of 1
    prediction  (outputs, batch)

    >>> import jax.numpy as jnp
    >>> from fnn import reductions
    >>> print(reductions.coefficients(reductions.mean, None, jnp.zeros((3, 4))))
    [0.25 0.25 0.25 0.25]
    """
    dtype = prediction.dtype
    n = prediction.shape[1]
    w = jnp.ones(n, dtype) if weights is None else jnp.asarray(weights, dtype)
    return reduction(w)
