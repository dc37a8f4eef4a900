"""Wrong labels on purpose, to see what a network makes of them."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from fnn import checks
from fnn.types import PRNGKey


def label_noise(rate: float, classes: int) -> Callable:
    """Make a `transform_train` for `fnn.train`, or for a builder of `fnn.sweep`.

    Each training label in [0, classes) becomes, with probability `rate`, one of the other classes,
    all equally likely.

    It is drawn once from the run's seed and stays for all epochs; at equal seeds a higher rate
    turns the labels of a lower one and more. The rate may be traced, in a sweep over rates. Rows
    for validation and test keep their labels. Nakkiran et al. 2020, "Deep Double Descent"; Zhang et
    al. 2017 draw from all classes, the right one included, which is the rate (1 − 1/classes) times
    theirs. Raises ValueError for a rate outside [0, 1), fewer than 2 classes, and labels that are
    not integers or, where they are concrete, not below `classes`.
    """
    checks.fraction("rate", rate)
    checks.count("classes", classes, minimum=2)

    def transform_train(
        key: PRNGKey, x: Float[Array, "examples features"], y: Int32[Array, "examples"]
    ):
        if not jnp.issubdtype(y.dtype, jnp.integer):
            raise ValueError(
                f"label_noise: got targets of dtype {y.dtype}, expected integer class labels."
            )
        if checks.is_concrete(y) and int(jnp.max(y)) >= classes:
            raise ValueError(
                f"classes: got {classes} for labels up to {int(jnp.max(y))}, expected more than "
                f"that."
            )
        turn_key, class_key = jax.random.split(key)
        turned = jax.random.bernoulli(turn_key, jnp.asarray(rate, float), y.shape)
        other = (y + jax.random.randint(class_key, y.shape, 1, classes)) % classes
        return x, jnp.where(turned, other, y)

    return transform_train
