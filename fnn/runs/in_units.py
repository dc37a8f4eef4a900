"""Values of real targets that were scaled, in the units that the targets had before."""

import jax.numpy as jnp
from jaxtyping import Array

from fnn.data import Scaling
from fnn.types import Features, Loss, Target

OF_DIFFERENCES = ("squared_error", "absolute_error")  # no other loss means the same in other units


def in_units(units: Scaling | None, *values: Array) -> tuple[Array, ...]:
    """Return values (examples, …) that were scaled by mean and std as they were before."""
    if units is None:
        return values
    mean, std = (jnp.asarray(each, float) for each in units)
    if mean.ndim:  # a pair for each output
        mean, std = mean[None, :], std[None, :]
    return tuple(value * std + mean for value in values)


def without_mean(units: Scaling | None) -> Scaling | None:
    """Return units for what depends on differences alone: a large mean would round them away."""
    return None if units is None else units._replace(mean=0 * units.mean)


def for_loss(
    units: Scaling | None, loss: Loss, prediction: Features, target: Target
) -> tuple[Features, Target]:
    """Return a prediction (outputs, batch) and its target for the loss that a history reports.

    Squared and absolute errors of one target are told in its units. Others are told as they are
    minimised, of the scaled targets: several targets have no unit in common.
    """
    if units is None or jnp.ndim(units.std) or loss.name not in OF_DIFFERENCES:
        return prediction, target
    std = jnp.asarray(units.std, float)
    return prediction * std, target * std
