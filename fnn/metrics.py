"""Metrics of a whole split, for `metrics=` of `fnn.train` and `fnn.sweep`.

A metric is a function (prediction, target) -> one number. It is given all examples of a split at
once: prediction (examples, outputs), as `fnn.apply` returns it, and target (examples,) or
(examples, outputs), as it is in the data. It is compiled, so it is written with `jax.numpy`.
"""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

Prediction: TypeAlias = Float[Array, "examples outputs"]
Targets: TypeAlias = Num[Array, "examples"] | Num[Array, "examples outputs"]
Metric: TypeAlias = Callable[[Prediction, Targets], Float[Array, ""]]


def rmse(prediction: Prediction, target: Targets) -> Float[Array, ""]:
    """Compute √(mean (ŷ − y)²), over all examples and outputs: an error in the target's units.

    >>> import jax.numpy as jnp
    >>> float(rmse(jnp.array([[1.0], [2.0]]), jnp.array([1.0, 4.0])))  # √((0² + 2²)/2)
    1.4142135...
    """
    error = prediction - _columns(prediction, target)
    return jnp.sqrt(jnp.mean(jnp.square(error), dtype=float))


def r2(prediction: Prediction, target: Targets) -> Float[Array, ""]:
    """Compute R² = 1 − Σ(ŷ − y)²/Σ(y − ȳ)², the mean over outputs: the explained share of variance.

    1 is perfect, 0 as good as the mean of y, and there is no lower limit. An output that does not
    vary counts 1 where it is met, 0 otherwise, as in scikit-learn's r2_score.

    >>> import jax.numpy as jnp
    >>> float(r2(jnp.array([[1.0], [3.0]]), jnp.array([1.0, 3.0])))
    1.0
    """
    y = _columns(prediction, target)
    unexplained = jnp.sum(jnp.square(prediction - y), axis=0, dtype=float)
    mean = jnp.mean(y, axis=0, keepdims=True)
    total = jnp.sum(jnp.square(y - mean), axis=0, dtype=float)
    varies = total > 0
    share = 1 - unexplained / jnp.where(varies, total, 1)
    return jnp.mean(jnp.where(varies, share, unexplained == 0))


def _columns(prediction: Prediction, target: Targets) -> Prediction:
    """Return the target as (examples, outputs): (n, 1) − (n,) would silently be (n, n)."""
    columns = target[:, None] if target.ndim == 1 else target
    if columns.shape != prediction.shape:
        raise ValueError(
            f"metric: got a target of shape {target.shape} for a prediction of shape "
            f"{prediction.shape}, expected the same shape."
        )
    return columns.astype(prediction.dtype)


OF_REGRESSION: dict[str, Metric] = {"rmse": rmse, "r2": r2}
"""What stands beside the loss where nothing is classified."""
