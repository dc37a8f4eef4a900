"""Make a loss, a gradient and a point ready for the check, or refuse them as unusable."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.types import PRNGKey, PyTree


class Unusable(ValueError):
    """The check cannot be made. The message names the argument and the expected kind of value."""


class Problem(NamedTuple):
    """A scalar function of flat leaves, the given gradient, and the point.

    loss      leaves -> scalar; JAX can trace it unless it is written in NumPy
    given     leaves -> the given gradient's leaves as they come
    gradient  leaves -> the same in float64, called afresh, with the structure and shapes of params
    leaves    the point, in float64
    paths     the names of the leaves
    epsilon   the rounding of `dtype`
    dtype     the precision in which the given gradient is to be computed
    wider     the dtype of its result where that is wider, else ""
    programs  programs that were made, for another point of the same problem
    """

    loss: Callable[[list], Any]
    given: Callable[[Sequence[Any]], list[Any]]
    gradient: Callable[[Sequence[Any]], list[np.ndarray]]
    leaves: list[np.ndarray]
    paths: list[str]
    epsilon: float
    dtype: str
    wider: str
    programs: dict[str, Any]


SAME_LOSS = 1e-6  # relative: a loss may compute in float32
EPSILONS = {"float64": 2.0**-52, "float32": 2.0**-23, "bfloat16": 2.0**-8}


def problem_of(
    loss: Any, gradient: Any, params: PyTree, key: PRNGKey | None, dtype: str, jax_loss: Any = None
) -> Problem:
    """Check the arguments as far as possible before computing. Must be called with x64 enabled."""
    judge = loss if jax_loss is None else jax_loss
    for name, function in (("loss", loss), ("gradient", gradient), ("jax_loss", judge)):
        if not callable(function):
            raise Unusable(f"{name}: got {function!r}, expected a function of params.")
    epsilon = checks.lookup("dtype", dtype, EPSILONS)
    paths, own_leaves, tree = _flatten(params)
    pairs = zip(paths, own_leaves, strict=True)
    leaves = [_leaf(path, leaf, dtype) for path, leaf in pairs]
    if not leaves:
        raise Unusable(f"params: got {params!r}, which holds no array.")
    params_of = _rebuilder(own_leaves, tree)
    options = {} if key is None else {"key": key}
    gradient_after_loss = _after_loss(loss, gradient, params_of, options, dtype)

    def loss_of_leaves(values):
        own_params = params_of(values, np.float64)
        return judge(own_params, **options)

    def given(values):
        grads = gradient_after_loss(values)
        return jax.tree.leaves(grads)

    def gradient_of_leaves(values):
        grads = gradient_after_loss(values)
        return _matching(grads, tree, paths, leaves)

    if jax_loss is not None:
        _check_same_loss(loss, jax_loss, params_of, leaves, options)
    return Problem(loss_of_leaves, given, gradient_of_leaves, leaves, paths, epsilon, dtype, "", {})


# ---------------------------------------------------------------------------------------- the point


def _flatten(params: PyTree) -> tuple[list[str], list[Any], Any]:
    """Return the names of the leaves, the leaves and the tree."""
    pairs, tree = jax.tree_util.tree_flatten_with_path(params)
    names = []
    leaves = []
    for path, leaf in pairs:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        names.append(name or "params")
        leaves.append(leaf)
    return names, leaves, tree


def _leaf(path: str, leaf: Any, dtype: str) -> np.ndarray:
    """Return the leaf in float64, at a value that the precision of the check can hold."""
    array = np.asarray(leaf)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise Unusable(
            f"{path}: got dtype {array.dtype}; complex parameters are not checked. Pass their real "
            "and imaginary parts."
        )
    if not jnp.issubdtype(array.dtype, jnp.floating):
        raise Unusable(
            f"{path}: got dtype {array.dtype}, expected floating point; only those have a gradient."
        )
    if array.size == 0:
        raise Unusable(
            f"{path}: is empty, of shape {array.shape}; leave it out, there is nothing to compare."
        )
    if not np.isfinite(array.astype(np.float64)).all():
        raise Unusable(
            f"{path}: holds NaN or infinity, where no gradient can be judged; choose another point."
        )
    return array.astype(jnp.dtype(dtype)).astype(np.float64)


def _rebuilder(own_leaves: list[Any], tree: Any) -> Callable[[Sequence[Any], Any], PyTree]:
    """Return params_of(values, dtype): params with NumPy leaves where the user's are NumPy."""
    is_numpy = [isinstance(leaf, (np.ndarray, float)) for leaf in own_leaves]
    kinds = [np.array if numpy else jnp.asarray for numpy in is_numpy]

    def params_of(values, dtype):
        leaves = []
        for kind, value in zip(kinds, values, strict=True):
            is_traced = isinstance(value, jax.core.Tracer)
            if not is_traced:
                value = kind(value, dtype=dtype)
            leaves.append(value)
        return jax.tree.unflatten(tree, leaves)

    return params_of


# -------------------------------------------------------------------------------- the two functions


def _after_loss(
    loss: Any, gradient: Any, params_of: Callable, options: dict[str, Any], dtype: str
) -> Callable[[Sequence[Any]], PyTree]:
    """Return a function that calls the gradient right after the loss at the same parameters.

    A class keeps there the values that its backward pass reads.
    """
    takes_params = accepts_params(gradient)

    def gradient_after_loss(values):
        narrow = jnp.dtype(dtype)
        try:
            params = params_of(values, narrow)
            loss(params, **options)
        except Exception as error:
            # A loss in NumPy cannot be traced, and keeps nothing that a tracer could use.
            if checks.is_concrete(values):
                kind = type(error).__name__
                raise Unusable(f"loss: raised {kind} at params: {error}") from error
        if not takes_params:
            return gradient(**options)
        own_params = params_of(values, narrow)
        return gradient(own_params, **options)

    return gradient_after_loss


def accepts_params(gradient: Callable[..., Any]) -> bool:
    """Return whether a gradient takes the parameters.

    The backward pass of a class may read values that its forward pass has kept, and take none.
    """
    try:
        signature = inspect.signature(gradient)
    except (TypeError, ValueError):  # a builtin has no signature
        return True
    for each in signature.parameters.values():
        if each.kind is each.VAR_POSITIONAL:
            return True
        is_positional = each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
        is_required = each.default is each.empty
        is_meant = is_required or each.name == "params"
        if is_positional and is_meant:
            return True
    return False


def _check_same_loss(
    loss: Any, jax_loss: Any, params_of: Callable, leaves: list[np.ndarray], options: dict[str, Any]
) -> None:
    """Refuse a JAX loss that has another value than the loss, at the point or beside it."""
    beside = _beside(leaves)
    for where, values in (("at params", leaves), ("beside params", beside)):
        params = params_of(values, np.float64)
        value = float(loss(params, **options))
        params = params_of(values, np.float64)
        jax_value = float(jax_loss(params, **options))
        gap = abs(value - jax_value)
        size = max(abs(value), abs(jax_value))
        if not gap <= SAME_LOSS * size:
            raise Unusable(
                f"jax_loss: is {jax_value:.9g} {where}, where loss is {value:.9g}; expected the "
                "same function."
            )


def _beside(leaves: list[np.ndarray]) -> list[np.ndarray]:
    """Return a point a little beside another one."""
    rng = np.random.default_rng(0)
    beside = []
    for leaf in leaves:
        size = 1 + np.abs(leaf)
        drawn = rng.normal(size=leaf.shape)
        moved = leaf + 0.01 * size * drawn
        beside.append(moved)
    return beside


# ------------------------------------------------------------------------------- the given gradient


def _matching(
    gradient: PyTree, tree: Any, paths: list[str], leaves: list[np.ndarray]
) -> list[np.ndarray]:
    """Return the gradient's leaves in float64; refuse another tree or other shapes by name."""
    names, arrays, own_tree = _flatten(gradient)
    if names != paths:
        detail = _difference(paths, names, own_tree)
        raise Unusable(f"gradient: its tree is not that of params: {detail}; expected {tree}.")
    triples = zip(paths, arrays, leaves, strict=True)
    return [_gradient_leaf(path, array, leaf.shape) for path, array, leaf in triples]


def _difference(paths: list[str], names: list[str], own_tree: Any) -> str:
    expected = set(paths)
    own = set(names)
    missing = sorted(expected - own)
    if missing:
        return f"missing {missing}"
    unexpected = sorted(own - expected)
    if unexpected:
        return f"unexpected {unexpected}"
    return f"got {own_tree}"


def _gradient_leaf(path: str, leaf: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(leaf)
    if array.shape != shape:
        transposed = shape[::-1]
        hint = ""
        if array.shape == transposed:
            hint = " It is the shape of the transpose."
        raise Unusable(f"{path}: the gradient has shape {array.shape}, expected {shape}.{hint}")
    is_floating = jnp.issubdtype(array.dtype, jnp.floating)
    is_integer = jnp.issubdtype(array.dtype, jnp.integer)
    if not (is_floating or is_integer):
        raise Unusable(
            f"{path}: the gradient has dtype {array.dtype}, expected real floating point."
        )
    return array.astype(np.float64)
