"""Arithmetic on pytrees of arrays."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Scalar

from fnn.types import PyTree

SMALL = 2**14  # entries that are copied in less time than another kernel takes to compile


def zeros_like(tree: PyTree) -> PyTree:
    """Zeros with the shapes and dtypes of `tree`."""
    return jax.tree.map(jnp.zeros_like, tree)


def full_like(tree: PyTree, value: float) -> PyTree:
    """`value` with the shapes and dtypes of `tree`."""
    return jax.tree.map(lambda leaf: jnp.full_like(leaf, value), tree)


def add(left: PyTree, right: PyTree) -> PyTree:
    """left + right, leaf by leaf."""
    return jax.tree.map(jnp.add, left, right)


def scale(factor: Array | float, tree: PyTree) -> PyTree:
    """factor · tree. The factor takes each leaf's dtype, so that a float32 rate keeps bfloat16
    leaves.
    """
    return jax.tree.map(lambda leaf: jnp.asarray(factor, leaf.dtype) * leaf, tree)


def as_types_of(like: PyTree, tree: PyTree) -> PyTree:
    """`tree` with the dtypes of `like`, leaf by leaf, none of them weak."""
    return jax.tree.map(
        lambda target, leaf: lax.convert_element_type(leaf, target.dtype), like, tree
    )


def where(condition: Bool[Array, ""], if_true: PyTree, if_false: PyTree) -> PyTree:
    """The one tree or the other."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), if_true, if_false)


def choose(condition: Bool[Array, ""], if_true: PyTree, if_false: PyTree) -> PyTree:
    """Return the one tree or the other, as `where`; copies compile in less time than a kernel for
    each leaf.
    """
    return lax.cond(condition, lambda: if_true, lambda: if_false)


def all_finite(tree: PyTree) -> Bool[Array, ""]:
    """True iff no entry of any floating-point leaf is NaN or infinite."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    if sum(leaf.size for leaf in leaves) <= SMALL:
        leaves = joined(leaves)
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in leaves] or [True]))


def unchanged_or_finite(before: PyTree, after: PyTree) -> Bool[Array, ""]:
    """True iff every entry of any floating-point leaf is finite, or the infinity that it was."""
    pairs = zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True)
    floating = [pair for pair in pairs if jnp.issubdtype(pair[1].dtype, jnp.inexact)]
    olds, news = [pair[0] for pair in floating], [pair[1] for pair in floating]
    if sum(leaf.size for leaf in news) <= SMALL:
        olds, news = joined(olds), joined(news)
    sound = [jnp.all(jnp.isfinite(new) | (new == old)) for old, new in zip(olds, news, strict=True)]
    return jnp.all(jnp.array(sound or [True]))


def joined(leaves: list[Array]) -> list[Array]:
    """Join the leaves of each dtype to one vector: one kernel is compiled for them."""
    by_dtype: dict[Any, list[Array]] = {}
    for leaf in leaves:
        by_dtype.setdefault(leaf.dtype, []).append(leaf.ravel())
    return [jnp.concatenate(some) for some in by_dtype.values()]


def l2_norm(tree: PyTree) -> Scalar:
    """√Σ x² over every entry of every leaf."""
    return jnp.sqrt(total(lambda leaf: jnp.square(leaf), tree))


def total(f: Callable[[Array], Array], tree: PyTree) -> Scalar:
    """Σ f(x) over every entry of every leaf."""
    return sum((jnp.sum(f(leaf)) for leaf in jax.tree.leaves(tree)), jnp.zeros(()))


def size(tree: PyTree) -> int:
    """The number of entries in all leaves: the parameter count, for parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def nbytes(tree: PyTree) -> int:
    """The bytes of all leaves; of shapes alone, too."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def moving_average(decay: Array | float, average: PyTree, value: PyTree) -> PyTree:
    """decay · average + (1 − decay) · value, leaf by leaf, in the dtype of the average.

    The weights are at least float32: in bfloat16 0.999 is 1, and the average would stay where it
    is.
    """

    def blend(a: Array, v: Array) -> Array:
        wide = jnp.promote_types(a.dtype, jnp.float32)
        d = jnp.asarray(decay, wide)
        return (d * a.astype(wide) + (1 - d) * v.astype(wide)).astype(a.dtype)

    return jax.tree.map(blend, average, value)


def accumulate(decay: Array | float, total: PyTree, value: PyTree) -> PyTree:
    """decay · total + value, leaf by leaf, in the dtype of the total."""
    return jax.tree.map(lambda t, v: jnp.asarray(decay, t.dtype) * t + v, total, value)


def square(tree: PyTree) -> PyTree:
    """x² of every entry."""
    return jax.tree.map(jnp.square, tree)
