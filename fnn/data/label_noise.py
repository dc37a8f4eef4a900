"""Make some training labels wrong on purpose."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int32

from fnn import checks
from fnn.types import PRNGKey


def label_noise(rate: float, classes: int) -> Callable:
    """Make a `transform_train` that turns some training labels into others.

    rate     the probability in [0, 1) that a label becomes one of the other classes, all equally
             likely; it may be traced, in a sweep over rates
    classes  how many there are, at least 2; labels are in [0, classes)

    Returns a function (key, x, y) -> (x, y) for `fnn.train`, or for a builder of `fnn.sweep`.

    The noise is drawn once from the run's seed and stays for all epochs. At equal seeds a higher
    rate turns the labels of a lower one and more. The rows for validation and test keep their
    labels.

    Nakkiran et al. 2020, "Deep Double Descent". Zhang et al. 2017 draw from all classes, the right
    one included; their rate r is this one at (1 − 1/classes)·r.

    Raises ValueError for a rate outside [0, 1), fewer than 2 classes, and labels that are not
    integers or, where they are concrete, not below `classes`.

    >>> import jax, jax.numpy as jnp
    >>> from fnn import data
    >>> turn = data.label_noise(rate=0.5, classes=3)
    >>> key, x, y = jax.random.key(0), jnp.zeros((6, 1)), jnp.zeros(6, jnp.int32)
    >>> _, noisy = jax.eval_shape(turn, key, x, y)
    >>> noisy.shape
    (6,)
    """
    checks.fraction("rate", rate)
    checks.count("classes", classes, minimum=2)

    def transform_train(
        key: PRNGKey, x: Float[Array, "examples features"], y: Int32[Array, "examples"]
    ):
        _check_labels(y, classes)
        turn_key, class_key = jax.random.split(key)
        is_turned = jax.random.bernoulli(turn_key, jnp.asarray(rate, float), y.shape)
        shift = jax.random.randint(class_key, y.shape, 1, classes)
        other_class = (y + shift) % classes
        return x, jnp.where(is_turned, other_class, y)

    return transform_train


def _check_labels(y: Array, classes: int) -> None:
    """Refuse labels that are not integers or, where they are concrete, not below `classes`."""
    if not jnp.issubdtype(y.dtype, jnp.integer):
        raise ValueError(
            f"label_noise: got targets of dtype {y.dtype}, expected integer class labels."
        )
    if not checks.is_concrete(y):
        return
    largest = int(jnp.max(y))
    if largest >= classes:
        raise ValueError(
            f"classes: got {classes} for labels up to {largest}, expected more than that."
        )
