"""Random parameters of small networks, and how far two forms of a network are apart."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import jax
import numpy as np

from fnn.layers import DenseParams


def layer(W, b) -> DenseParams:
    """Return parameters of a dense layer from NumPy arrays, which its type does not name."""
    return DenseParams(W, b)


def normal(rng: np.random.Generator, sizes: Sequence[int]) -> list[DenseParams]:
    """Return W and b of each layer, all entries from N(0, 1)."""
    return _drawn(rng.standard_normal, sizes)


def uniform(rng: np.random.Generator, sizes: Sequence[int]) -> list[DenseParams]:
    """Return W and b of each layer, all entries from U(−1, 1)."""
    return _drawn(lambda shape: rng.uniform(-1, 1, shape), sizes)


def _drawn(
    draw: Callable[[tuple[int, ...]], np.ndarray], sizes: Sequence[int]
) -> list[DenseParams]:
    """Return W and b of each layer, drawn one after the other."""
    dense = []
    for n_in, n_out in pairwise(sizes):
        W = draw((n_out, n_in))
        b = draw((n_out,))
        dense.append(layer(W, b))
    return dense


def as_mlp(dense: Sequence[DenseParams]) -> tuple:
    """Return the parameters as `fnn.mlp` holds them, with an activation between two layers."""
    first, *others = dense
    params: tuple = (first,)
    for dense_layer in others:
        params += ((), dense_layer)
    return params


def flat(tree) -> np.ndarray:
    """Return all entries of a pytree as one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def largest_difference(some, others) -> np.ndarray:
    """Return the largest difference between entries of two arrays."""
    return np.abs(np.asarray(some) - np.asarray(others)).max()
