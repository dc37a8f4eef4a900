"""Metrics of a whole split, for `metrics=` of `fnn.train` and `fnn.sweep`.

A metric is a function (prediction, target) -> one number. It takes all examples of a split at once:

prediction  (examples, outputs), as `fnn.apply` returns it; (examples,) where the network has one
            output and target is (examples,), so that prediction − target has the same shape
target      (examples,) or (examples, outputs), as in the data
weights     optional third parameter: the weights of the examples, where the data have weights

A metric is compiled, so it is written with `jax.numpy`:

>>> import jax.numpy as jnp
>>> mean_absolute_error = lambda prediction, target: jnp.mean(jnp.abs(prediction - target))
"""

from collections.abc import Callable
from typing import TypeAlias

import jax.numpy as jnp
from jaxtyping import Array, Float, Num, Shaped

from fnn.reductions import Weights

Prediction: TypeAlias = Float[Array, "examples"] | Float[Array, "examples outputs"]
Targets: TypeAlias = Num[Array, "examples"] | Num[Array, "examples outputs"]
Columns: TypeAlias = Float[Array, "examples outputs"]
PerOutput: TypeAlias = Shaped[Array, "1 outputs"]
Number: TypeAlias = Float[Array, ""]
Metric: TypeAlias = Callable[..., Number]


def rmse(prediction: Prediction, target: Targets, weights: Weights = None) -> Number:
    """Compute the root mean square error, in the target's units.

    RMSE = √(mean (ŷ − y)²), over all examples and outputs together

    prediction  (examples,) or (examples, outputs)
    target      (examples,) or (examples, outputs)
    weights     (examples,), how much each example counts in the mean; None: all the same

    scikit-learn's is the mean over outputs of the RMSE of each. Raises ValueError for shapes that
    do not match.

    >>> import fnn, jax.numpy as jnp
    >>> print(fnn.metrics.rmse(jnp.array([[1.0], [2.0]]), jnp.array([1.0, 8.0])).round(3))
    4.243
    """
    y_hat, y = _columns(prediction, target)
    squares = jnp.square(y_hat - y)
    of_outputs = _mean(squares, weights)
    return jnp.sqrt(jnp.mean(of_outputs))


def r2(prediction: Prediction, target: Targets, weights: Weights = None) -> Number:
    """Compute R², the explained share of the variance, as the mean over outputs.

    R² = 1 − Σ(ŷ − y)²/Σ(y − ȳ)²

    prediction  (examples,) or (examples, outputs)
    target      (examples,) or (examples, outputs)
    weights     (examples,), how much each example counts in the sums; None: all the same

    1 is perfect, 0 is as good as the mean of y, and there is no lower limit. An output that does
    not vary counts 1 where the prediction equals it and 0 elsewhere, as in scikit-learn's r2_score.
    Raises ValueError for shapes that do not match.

    >>> import fnn, jax.numpy as jnp
    >>> print(fnn.metrics.r2(jnp.array([[1.0], [2.0]]), jnp.array([1.0, 3.0])))
    0.5
    """
    y_hat, y = _columns(prediction, target)
    unexplained = _mean(jnp.square(y_hat - y), weights)
    deviations = y - _mean(y, weights)
    total = _mean(jnp.square(deviations), weights)
    varies = _varies(y, weights)
    divisor = jnp.where(varies, total, 1)
    explained = 1 - unexplained / divisor
    is_met = unexplained == 0
    return jnp.mean(jnp.where(varies, explained, is_met))


def _mean(values: Columns, weights: Weights) -> PerOutput:
    """Return the mean over the examples, Σ w v/Σ w."""
    if weights is None:
        return jnp.mean(values, axis=0, keepdims=True)
    w = weights.astype(float)[:, None]
    weighted = jnp.where(w > 0, w * values, 0)  # 0 · ∞ would be NaN
    total = jnp.sum(weighted, axis=0, keepdims=True)
    return total / jnp.sum(w)


def _varies(y: Columns, weights: Weights) -> PerOutput:
    """Return whether each output has two values among the examples of positive weight."""
    if weights is None:
        spread = jnp.ptp(y, axis=0, keepdims=True)
        return spread > 0
    counts = weights[:, None] > 0
    or_lowest = jnp.where(counts, y, -jnp.inf)
    highest = jnp.max(or_lowest, axis=0, keepdims=True)
    or_highest = jnp.where(counts, y, jnp.inf)
    lowest = jnp.min(or_highest, axis=0, keepdims=True)
    return highest > lowest


def _columns(prediction: Prediction, target: Targets) -> tuple[Columns, Columns]:
    """Return both as (examples, outputs) in the default float dtype.

    (n, 1) − (n,) would silently be (n, n).
    """
    is_vector = target.ndim == 1 < prediction.ndim
    columns = target[:, None] if is_vector else target
    if columns.shape != prediction.shape:
        raise ValueError(
            f"metric: got a target of shape {target.shape} for a prediction of shape "
            f"{prediction.shape}, expected the same shape."
        )
    examples = len(columns)
    y_hat = prediction.astype(float).reshape(examples, -1)
    y = columns.astype(float).reshape(examples, -1)
    return y_hat, y


OF_REGRESSION: dict[str, Metric] = {"rmse": rmse, "r2": r2}
"""The metrics that are recorded beside a loss of regression."""
