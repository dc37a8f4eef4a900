"""Metrics of a whole split, for `metrics=` of `fnn.train` and `fnn.sweep`.

A metric is a function (prediction, target) -> one number. It is given all examples of a split at
once: prediction (examples, outputs), as `fnn.apply` returns it, and target (examples,) or
(examples, outputs), as it is in the data. Where the network has one output and target is
(examples,), prediction is (examples,) too, so that prediction − target is what it looks like. One
with a third parameter `weights` is given those of the examples, where the data have weights. A
metric is compiled, so it is written with `jax.numpy`:

>>> import jax.numpy as jnp
>>> mean_absolute_error = lambda prediction, target: jnp.mean(jnp.abs(prediction - target))
"""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from fnn.reductions import Weights

Prediction: TypeAlias = Float[Array, "examples"] | Float[Array, "examples outputs"]
Targets: TypeAlias = Num[Array, "examples"] | Num[Array, "examples outputs"]
Metric: TypeAlias = Callable[..., Float[Array, ""]]


def rmse(prediction: Prediction, target: Targets, weights: Weights = None) -> Float[Array, ""]:
    """Compute √(mean (ŷ − y)²), over all examples and outputs together: in the target's units.

    weights  (examples,): how much each example counts in the mean

    (scikit-learn's is the mean over outputs of the RMSE of each.)

    >>> import jax.numpy as jnp
    >>> float(rmse(jnp.array([[1.0], [2.0]]), jnp.array([1.0, 4.0])))  # √((0² + 2²)/2)
    1.4142135...
    """
    y_hat, y = _columns(prediction, target)
    return jnp.sqrt(jnp.mean(_mean(jnp.square(y_hat - y), weights)))  # outputs count the same


def r2(prediction: Prediction, target: Targets, weights: Weights = None) -> Float[Array, ""]:
    """Compute R² = 1 − Σ(ŷ − y)²/Σ(y − ȳ)², the mean over outputs: the explained share of variance.

    1 is perfect, 0 as good as the mean of y, and there is no lower limit. An output that does not
    vary counts 1 where it is met, 0 otherwise, as in scikit-learn's r2_score.

    >>> import jax.numpy as jnp
    >>> float(r2(jnp.array([[1.0], [3.0]]), jnp.array([1.0, 3.0])))
    1.0
    """
    y_hat, y = _columns(prediction, target)
    unexplained = _mean(jnp.square(y_hat - y), weights)
    total = _mean(jnp.square(y - _mean(y, weights)), weights)
    share = 1 - unexplained / jnp.where(_varies(y, weights), total, 1)
    return jnp.mean(jnp.where(_varies(y, weights), share, unexplained == 0))


def _mean(values: Float[Array, "examples outputs"], weights: Weights) -> Float[Array, "1 outputs"]:
    """Return the mean over the examples, Σ w v/Σ w."""
    if weights is None:
        return jnp.mean(values, axis=0, keepdims=True)
    w = weights.astype(float)[:, None]
    counted = jnp.where(w > 0, w * values, 0)  # 0 · ∞ is no number
    return jnp.sum(counted, axis=0, keepdims=True) / jnp.sum(w)


def _varies(y: Float[Array, "examples outputs"], weights: Weights) -> Bool[Array, "1 outputs"]:
    """Return whether an output has two values among the examples that count."""
    if weights is None:
        return jnp.ptp(y, axis=0, keepdims=True) > 0
    counts = weights[:, None] > 0
    most = jnp.max(jnp.where(counts, y, -jnp.inf), axis=0, keepdims=True)
    return most > jnp.min(jnp.where(counts, y, jnp.inf), axis=0, keepdims=True)


def _columns(
    prediction: Prediction, target: Targets
) -> tuple[Float[Array, "examples outputs"], Float[Array, "examples outputs"]]:
    """Return both as (examples, outputs) in the default float dtype.

    (n, 1) − (n,) would silently be (n, n).
    """
    columns = target[:, None] if target.ndim == 1 < prediction.ndim else target
    if columns.shape != prediction.shape:
        raise ValueError(
            f"metric: got a target of shape {target.shape} for a prediction of shape "
            f"{prediction.shape}, expected the same shape."
        )
    shape = len(columns), -1
    return prediction.astype(float).reshape(shape), columns.astype(float).reshape(shape)


OF_REGRESSION: dict[str, Metric] = {"rmse": rmse, "r2": r2}
"""What stands beside the loss where nothing is classified."""
