"""Conversion of real targets that fnn scaled, and of predictions, to the units they had before."""

import jax.numpy as jnp
from jaxtyping import Array

from fnn.data import Scaling
from fnn.metrics import OF_REGRESSION
from fnn.types import Features, Loss, Target

LOSSES_OF_DIFFERENCES = ("squared_error", "absolute_error")
"""Losses that have the same meaning in other units; no other loss has."""


def in_units(units: Scaling | None, *values: Array) -> tuple[Array, ...]:
    """Return values (examples, …) that were scaled by mean and std in their units before.

    units  mean and std, a number each or (outputs,) each. None: nothing was scaled
    """
    if units is None:
        return values
    mean = jnp.asarray(units.mean, float)
    std = jnp.asarray(units.std, float)
    if mean.ndim:  # one pair for each output
        mean, std = mean[None, :], std[None, :]
    return tuple(value * std + mean for value in values)


def units_for(metric: str, units: Scaling | None) -> Scaling | None:
    """Return the units in which a metric gets predictions and targets. None: those of training.

    RMSE and R² depend on differences alone, and a large mean would round small ones away: for one
    target they get units of mean 0. Several targets have no unit in common, so their RMSE is that
    of the scaled targets. A metric of the user's gets the units of each target.
    """
    if units is None or metric not in OF_REGRESSION:
        return units
    if jnp.ndim(units.std) > 0:
        return None
    return units._replace(mean=0 * units.mean)


def for_loss(
    units: Scaling | None, loss: Loss, prediction: Features, target: Target
) -> tuple[Features, Target]:
    """Return a prediction (outputs, batch) and its target for the loss that a history reports.

    Squared and absolute errors of one target are reported in its units. Other losses are reported
    as they are minimised, of the scaled targets. So are losses of several targets, which have no
    unit in common.
    """
    if units is None or jnp.ndim(units.std) > 0:
        return prediction, target
    if loss.name not in LOSSES_OF_DIFFERENCES:
        return prediction, target
    std = jnp.asarray(units.std, float)
    return prediction * std, target * std
