"""Values of real targets that were scaled, in the units that the targets had before."""

import jax.numpy as jnp
from jaxtyping import Array

from fnn.data import Scaling
from fnn.types import Features, Target


def in_units(units: Scaling | None, *values: Array) -> tuple[Array, ...]:
    """Return values (examples, …) that were scaled by mean and std as they were before."""
    if units is None:
        return values
    mean, std = (jnp.asarray(each, float) for each in units)
    if mean.ndim:  # a pair for each output
        mean, std = mean[None, :], std[None, :]
    return tuple(value * std + mean for value in values)


def of_features_in_units(
    units: Scaling | None, prediction: Features, target: Target
) -> tuple[Features, Target]:
    """Return a prediction (outputs, batch) and its target as they would be without scaling."""
    if units is None:
        return prediction, target
    mean, std = (jnp.asarray(each, float) for each in units)
    if mean.ndim:  # a pair for each output
        mean, std = mean[:, None], std[:, None]
    return prediction * std + mean, target * std + mean
