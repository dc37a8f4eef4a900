"""What is checked: a loss, a gradient and a point, made ready, or refused as unusable."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.types import PRNGKey, PyTree


class Unusable(ValueError):
    """The check cannot be made: the message names the leaf and says what is expected."""


class Problem(NamedTuple):
    """A scalar function of flat float64 leaves, its hand-written gradient, and where to compare
    them.

    loss(leaves) -> scalar, traceable by JAX unless it is written in NumPy; hand(leaves) -> the
    gradient's leaves as they come; gradient(leaves) -> those in float64, called afresh, structure
    and shapes being those of params. epsilon is the rounding of the precision in which the
    hand-written gradient is to be computed; `wider` names that of its result where it is wider.
    `programs` are what was compiled, for another point of the same problem.
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
    """Checks everything that can be checked before computing. Must be called with x64 enabled."""
    judge = loss if jax_loss is None else jax_loss
    for name, function in (("loss", loss), ("gradient", gradient), ("jax_loss", judge)):
        if not callable(function):
            raise Unusable(f"{name}: got {function!r}, expected a function of params.")
    epsilon = checks.lookup("dtype", dtype, EPSILONS)
    pairs, tree = jax.tree_util.tree_flatten_with_path(params)
    paths = [
        jax.tree_util.keystr(path, simple=True, separator="/") or "params" for path, _ in pairs
    ]
    leaves = [_leaf(path, leaf, dtype) for path, (_, leaf) in zip(paths, pairs, strict=True)]
    if not leaves:
        raise Unusable(f"params: got {params!r}, which holds no array.")
    in_numpy = [isinstance(leaf, (np.ndarray, float)) for _, leaf in pairs]

    def params_of(values, as_dtype):
        kinds = [np.array if n else jnp.asarray for n in in_numpy]
        leaves_like_params = [
            value if isinstance(value, jax.core.Tracer) else kind(value, dtype=as_dtype)
            for kind, value in zip(kinds, values, strict=True)
        ]
        return jax.tree.unflatten(tree, leaves_like_params)

    options = {} if key is None else {"key": key}

    def loss_of_params(values):
        return judge(params_of(values, np.float64), **options)

    takes_params = accepts_params(gradient)

    def found(values):
        """The gradient right after the loss at the same parameters: a class keeps there what its
        backward reads.
        """
        narrow = jnp.dtype(dtype)
        try:
            loss(params_of(values, narrow), **options)
        except Exception as error:
            if checks.is_concrete(values):
                raise Unusable(f"loss: raised {type(error).__name__} at params: {error}") from error
            # a loss in NumPy cannot be traced, and keeps nothing that a tracer could use
        return (
            gradient(params_of(values, narrow), **options) if takes_params else gradient(**options)
        )

    def given(values):
        return jax.tree.leaves(found(values))

    def gradient_of_leaves(values):
        return _matching(found(values), tree, paths, leaves)

    if jax_loss is not None:
        _same_loss(loss, jax_loss, params_of, leaves, options)
    return Problem(loss_of_params, given, gradient_of_leaves, leaves, paths, epsilon, dtype, "", {})


def _same_loss(
    loss: Any, jax_loss: Any, params_of: Callable, leaves: list[np.ndarray], options: dict[str, Any]
) -> None:
    """Refuses a JAX loss that has another value than the loss, at the point or beside it."""
    rng = np.random.default_rng(0)
    beside = [leaf + 0.01 * (1 + np.abs(leaf)) * rng.normal(size=leaf.shape) for leaf in leaves]
    for where, values in (("at params", leaves), ("beside params", beside)):
        one, other = (float(f(params_of(values, np.float64), **options)) for f in (loss, jax_loss))
        if not abs(one - other) <= SAME_LOSS * max(abs(one), abs(other)):
            raise Unusable(
                f"jax_loss: is {other:.9g} {where}, where loss is {one:.9g}; expected the same "
                f"function."
            )


def accepts_params(gradient: Callable[..., Any]) -> bool:
    """Whether a gradient takes the parameters: the backward of a class may read what its forward
    has kept.
    """
    try:
        parameters = list(inspect.signature(gradient).parameters.values())
    except (TypeError, ValueError):  # a builtin has no signature
        return True
    positional = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    takes_any = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    needed = any(each.default is each.empty or each.name == "params" for each in positional)
    return takes_any or needed


def _leaf(path: str, leaf: Any, dtype: str) -> np.ndarray:
    """The leaf in float64, at a value that the precision of the check can hold."""
    array = np.asarray(leaf)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise Unusable(
            f"{path}: got dtype {array.dtype}; complex parameters are not checked. Pass their "
            f"real and imaginary parts."
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


def _matching(
    found: PyTree, tree: Any, paths: list[str], leaves: list[np.ndarray]
) -> list[np.ndarray]:
    """The gradient's leaves in float64; refuses another tree or other shapes, naming the leaf."""
    pairs, found_tree = jax.tree_util.tree_flatten_with_path(found)
    names = [
        jax.tree_util.keystr(path, simple=True, separator="/") or "params" for path, _ in pairs
    ]
    if names != paths:
        missing, extra = sorted(set(paths) - set(names)), sorted(set(names) - set(paths))
        detail = (
            f"missing {missing}"
            if missing
            else f"unexpected {extra}"
            if extra
            else f"got {found_tree}"
        )
        raise Unusable(f"gradient: its tree is not that of params: {detail}; expected {tree}.")
    arrays = []
    for path, (_, leaf), expected in zip(paths, pairs, leaves, strict=True):
        array = np.asarray(leaf)
        if array.shape != expected.shape:
            hint = (
                " It is the shape of the transpose." if array.shape == expected.shape[::-1] else ""
            )
            raise Unusable(
                f"{path}: the gradient has shape {array.shape}, expected {expected.shape}.{hint}"
            )
        if not jnp.issubdtype(array.dtype, jnp.floating) and not jnp.issubdtype(
            array.dtype, jnp.integer
        ):
            raise Unusable(
                f"{path}: the gradient has dtype {array.dtype}, expected real floating point."
            )
        arrays.append(array.astype(np.float64))
    return arrays
