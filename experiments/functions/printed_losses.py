"""Functions of the error that a quiz offers as losses, good and bad, beside those of the
library.
"""

import jax.numpy as jnp

from fnn import losses
from fnn.types import Loss


def candidate(name: str, value, slope) -> Loss:
    """Return a function of the error e = p − t and its derivative in the form of a loss."""

    def loss(p, t):
        return jnp.sum(value(p - t), axis=0)

    def gradient(p, t):
        return slope(p - t)

    return Loss(name, loss, gradient)


CANDIDATES = (
    losses.squared_error._replace(name="e²"),
    losses.absolute_error._replace(name="|e|"),
    losses.huber()._replace(name="Huber"),
    candidate("e³", lambda e: e**3, lambda e: 3 * e**2),
    candidate("log e", jnp.log, lambda e: 1 / e),
    candidate("sin e", jnp.sin, jnp.cos),
    candidate("1/e", lambda e: 1 / e, lambda e: -1 / e**2),
    candidate("5e² − 2", lambda e: 5 * e**2 - 2, lambda e: 10 * e),
    candidate("1 − cos e", lambda e: 1 - jnp.cos(e), jnp.sin),
    candidate("wrong beyond ½", lambda e: (jnp.abs(e) > 0.5).astype(e.dtype), jnp.zeros_like),
)
NAMES = [loss.name for loss in CANDIDATES]
