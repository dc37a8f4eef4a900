"""Dropout: a ⊙ m/(1 − p), each unit kept with probability 1 − p. Srivastava et al. 2014."""

import jax

from fnn import checks
from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def dropout(drop_rate: float) -> Layer:
    """Return a layer that zeroes units at random while training.

    m ~ Bernoulli(1 − p) for each unit of each example
    y = a ⊙ m/(1 − p)

    drop_rate  p in [0, 1); it may be traced, in a sweep over rates

    The factor 1/(1 − p) keeps the expectation; the paper scales at evaluation instead. At
    evaluation the layer is the identity. Raises ValueError for a drop_rate outside [0, 1), and for
    training without a key.

    >>> import fnn, jax, jax.numpy as jnp
    >>> layer = fnn.layers.dropout(0.5)
    >>> y, _, mask = layer.forward((), (), jnp.ones((1, 6)), key=jax.random.key(0), train=True)
    >>> sorted(set(y.ravel().tolist()))
    [0.0, 2.0]
    """
    checks.fraction("drop_rate", drop_rate)
    is_concrete = checks.is_concrete(drop_rate)

    def init(key):
        return (), ()

    def forward(params, state, a, *, key=None, train=False):
        if not train or (is_concrete and drop_rate == 0):
            return a, state, None
        if key is None:
            raise ValueError(
                "key: got None, but dropout draws its mask from it while training; pass key=."
            )
        kept = jax.random.bernoulli(key, 1 - drop_rate, a.shape)
        mask = kept.astype(a.dtype) / (1 - drop_rate)
        return a * mask, state, mask

    def backward(params, mask, dy):
        da = dy if mask is None else dy * mask
        return params, da

    name = f"dropout {drop_rate:g}" if is_concrete else "dropout"
    return Layer(init, forward, backward, name, per_example=True)
