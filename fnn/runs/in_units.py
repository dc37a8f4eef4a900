"""Conversion of real targets that fnn scaled, and of predictions, to the units they had before."""

import jax.numpy as jnp
from jaxtyping import Array

from fnn.data import Scaling
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


def without_mean(units: Scaling | None) -> Scaling | None:
    """Return units of mean 0, for metrics that depend on differences alone.

    A large mean would round small differences away.
    """
    return None if units is None else units._replace(mean=0 * units.mean)


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
