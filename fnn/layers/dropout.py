"""Dropout: a ⊙ m / (1 − p), each unit kept with probability 1 − p. Srivastava et al. 2014."""

import jax

from fnn import checks
from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def dropout(drop_rate: float) -> Layer:
    """Zeroes each unit with probability `drop_rate` while training and scales the others by 1/(1 −
    drop_rate), so that the expectation stays (the paper scales at evaluation instead). The identity
    at evaluation.

    The rate may be traced, in a sweep over rates. Raises ValueError for a drop_rate outside [0, 1),
    and for training without a key.
    """
    checks.fraction("drop_rate", drop_rate)
    known = checks.is_concrete(drop_rate)

    def init(key):
        return (), ()

    def forward(params, state, a, *, key=None, train=False):
        if not train or (known and drop_rate == 0):
            return a, state, None
        if key is None:
            raise ValueError(
                "key: got None, but dropout draws its mask from it while training; pass key=."
            )
        kept = jax.random.bernoulli(key, 1 - drop_rate, a.shape)
        mask = kept.astype(a.dtype) / (1 - drop_rate)
        return a * mask, state, mask

    def backward(params, mask, dy):
        return params, dy if mask is None else dy * mask

    return Layer(
        init, forward, backward, f"dropout {drop_rate:g}" if known else "dropout", per_example=True
    )
