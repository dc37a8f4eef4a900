"""Arithmetic on pytrees of arrays, leaf by leaf."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Scalar

from fnn.types import PyTree

Factor: TypeAlias = Array | float
Condition: TypeAlias = Bool[Array, ""]

SMALL = 2**14
"""Entries that are copied in less time than another kernel takes to compile."""


def zeros_like(tree: PyTree) -> PyTree:
    """Return zeros with the shapes and dtypes of `tree`."""
    return jax.tree.map(jnp.zeros_like, tree)


def full_like(tree: PyTree, value: float) -> PyTree:
    """Return `value` with the shapes and dtypes of `tree`."""
    return jax.tree.map(lambda leaf: jnp.full_like(leaf, value), tree)


def add(left: PyTree, right: PyTree) -> PyTree:
    """Return left + right."""
    return jax.tree.map(jnp.add, left, right)


def scale(factor: Factor, tree: PyTree) -> PyTree:
    """Return factor · tree.

    The factor takes each leaf's dtype, so that a float32 rate keeps bfloat16 leaves.

    >>> import jax.numpy as jnp
    >>> from fnn import tree
    >>> print(tree.scale(0.5, {"W": jnp.array([2.0, 4.0])}))
    {'W': Array([1., 2.], dtype=float32)}
    """

    def product(leaf: Array) -> Array:
        return jnp.asarray(factor, leaf.dtype) * leaf

    return jax.tree.map(product, tree)


def as_types_of(like: PyTree, tree: PyTree) -> PyTree:
    """Return `tree` with the dtypes of `like`, none of them weak."""

    def converted(target: Array, leaf: Array) -> Array:
        return lax.convert_element_type(leaf, target.dtype)

    return jax.tree.map(converted, like, tree)


def where(condition: Condition, if_true: PyTree, if_false: PyTree) -> PyTree:
    """Return the one tree or the other, by a select of each leaf."""

    def select(a: Array, b: Array) -> Array:
        return jnp.where(condition, a, b)

    return jax.tree.map(select, if_true, if_false)


def choose(condition: Condition, if_true: PyTree, if_false: PyTree) -> PyTree:
    """Return the one tree or the other, by a branch.

    Its copies compile in less time than the select kernels of `where`, one for each leaf.
    """
    return lax.cond(condition, lambda: if_true, lambda: if_false)


def all_finite(tree: PyTree) -> Condition:
    """Return whether every entry of the floating-point leaves is finite.

    >>> import jax.numpy as jnp
    >>> from fnn import tree
    >>> print(tree.all_finite({"W": jnp.array([1.0, jnp.inf]), "n": jnp.array([3])}))
    False
    """
    all_leaves = jax.tree.leaves(tree)
    leaves = [leaf for leaf in all_leaves if _is_floating(leaf)]
    if size(leaves) <= SMALL:
        leaves = concatenated(leaves)
    finite = []
    for leaf in leaves:
        is_finite = jnp.isfinite(leaf)
        finite.append(jnp.all(is_finite))
    return _all_true(finite)


def unchanged_or_finite(before: PyTree, after: PyTree) -> Condition:
    """Return whether every entry of the floating-point leaves is finite, or unchanged.

    An unchanged infinity is accepted, an unchanged NaN is not.
    """
    olds = []
    news = []
    leaves_before = jax.tree.leaves(before)
    leaves_after = jax.tree.leaves(after)
    for old, new in zip(leaves_before, leaves_after, strict=True):
        if _is_floating(new):
            olds.append(old)
            news.append(new)
    if size(news) <= SMALL:
        olds = concatenated(olds)
        news = concatenated(news)
    sound = []
    for old, new in zip(olds, news, strict=True):
        is_finite = jnp.isfinite(new)
        is_unchanged = new == old
        is_sound = is_finite | is_unchanged
        sound.append(jnp.all(is_sound))
    return _all_true(sound)


def _all_true(conditions: list[Condition]) -> Condition:
    """Return whether all conditions hold; True where there are none."""
    vector = jnp.array(conditions or [True])
    return jnp.all(vector)


def _is_floating(leaf: Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.inexact)


def concatenated(leaves: list[Array]) -> list[Array]:
    """Concatenate the leaves of each dtype to one vector, so that one kernel is compiled."""
    by_dtype: dict[Any, list[Array]] = {}
    for leaf in leaves:
        vectors = by_dtype.setdefault(leaf.dtype, [])
        vectors.append(leaf.ravel())
    groups = by_dtype.values()
    return [jnp.concatenate(vectors) for vectors in groups]


def l2_norm(tree: PyTree) -> Scalar:
    """Return √Σ x² over every entry of every leaf.

    >>> import jax.numpy as jnp
    >>> from fnn import tree
    >>> print(tree.l2_norm({"W": jnp.array([3.0]), "b": jnp.array([4.0])}))
    5.0
    """
    sum_of_squares = total(jnp.square, tree)
    return jnp.sqrt(sum_of_squares)


def total(f: Callable[[Array], Array], tree: PyTree) -> Scalar:
    """Return Σ f(x) over every entry of every leaf."""
    running = jnp.zeros(())
    for leaf in jax.tree.leaves(tree):
        values = f(leaf)
        running = running + jnp.sum(values)
    return running


def size(tree: PyTree) -> int:
    """Return the number of entries of all leaves; of parameters, the parameter count.

    >>> import fnn, jax
    >>> from fnn import tree
    >>> params, state = jax.eval_shape(fnn.mlp((4, 3, 2)).init, jax.random.key(0))
    >>> tree.size(params)
    23
    """
    leaves = jax.tree.leaves(tree)
    return sum(leaf.size for leaf in leaves)


def nbytes(tree: PyTree) -> int:
    """Return the number of bytes of all leaves, which may be arrays or shapes."""
    leaves = jax.tree.leaves(tree)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)


def moving_average(decay: Factor, average: PyTree, value: PyTree) -> PyTree:
    """Return decay · average + (1 − decay) · value, in the dtype of the average.

    The weights are at least float32: in bfloat16 0.999 is 1, and the average would not move.

    >>> import jax.numpy as jnp
    >>> from fnn import tree
    >>> print(tree.moving_average(0.75, jnp.array([4.0]), jnp.array([8.0])))
    [5.]
    """

    def blend(a: Array, v: Array) -> Array:
        wide = jnp.promote_types(a.dtype, jnp.float32)
        d = jnp.asarray(decay, wide)
        past = d * a.astype(wide)
        present = (1 - d) * v.astype(wide)
        blended = past + present
        return blended.astype(a.dtype)

    return jax.tree.map(blend, average, value)


def accumulate(decay: Factor, total: PyTree, value: PyTree) -> PyTree:
    """Return decay · total + value, in the dtype of the total.

    >>> import jax.numpy as jnp
    >>> from fnn import tree
    >>> print(tree.accumulate(0.5, jnp.array([4.0]), jnp.array([8.0])))
    [10.]
    """

    def sum_of(t: Array, v: Array) -> Array:
        d = jnp.asarray(decay, t.dtype)
        return d * t + v

    return jax.tree.map(sum_of, total, value)


def square(tree: PyTree) -> PyTree:
    """Return x² of every entry."""
    return jax.tree.map(jnp.square, tree)
