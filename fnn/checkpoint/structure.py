"""The structure of a pytree as JSON, and back, with nothing executed on the way.

Tuples, lists, dicts, None, NamedTuples, and leaves: arrays, which are stored apart, and Python's
numbers and texts, which are stored here.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import jax
import numpy as np

from fnn.checkpoint.arrays import Damaged
from fnn.types import PyTree

IMPORTED = ("fnn", "optax")  # packages whose modules may be imported to find a NamedTuple


def to_json(tree: PyTree, name: str = "result") -> tuple[Any, list[Any]]:
    """Return the structure and the arrays of a tree. ValueError for what cannot be described."""
    arrays: list[Any] = []
    return _described(tree, name, arrays), arrays


def structure_of(tree: PyTree) -> Any | None:
    """Return the structure of a tree; None where it cannot be described."""
    try:
        return to_json(tree)[0]
    except ValueError:
        return None


def _described(tree: Any, name: str, arrays: list[Any]) -> Any:
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return {"value": tree}
    if isinstance(tree, np.generic):
        return {"value": tree.item()}
    if isinstance(tree, (np.ndarray, jax.Array)):
        arrays.append(tree)
        return "jax" if isinstance(tree, jax.Array) else "numpy"
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        # names in JAX's order, so that the arrays are in the order of jax.tree.leaves
        values = {key: _described(tree[key], f"{name}.{key}", arrays) for key in sorted(tree)}
        return {"dict": values, "order": list(tree)}
    if isinstance(tree, (tuple, list)):
        inner = [_described(v, f"{name}[{i}]", arrays) for i, v in enumerate(tree)]
        if type(tree) is tuple or type(tree) is list:
            return {type(tree).__name__: inner}
        if hasattr(tree, "_fields"):
            kind = type(tree)
            return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": inner}
    raise ValueError(
        f"{name}: got a {type(tree).__name__}, expected tuples, lists, dicts with names and "
        "NamedTuples of arrays, numbers and texts."
    )


def from_json(structure: Any, arrays: Iterator[np.ndarray]) -> PyTree:
    """Return the tree of a structure, its arrays taken in their order."""
    if structure == "numpy":
        return next(arrays)
    if structure == "jax":
        array = next(arrays)
        return array if isinstance(array, jax.Array) else _placed(array)
    match structure:
        case {"value": value}:
            return value
        case {"dict": inner, "order": order}:
            values = {key: from_json(each, arrays) for key, each in inner.items()}
            return {key: values[key] for key in order}
        case {"tuple": inner}:
            return tuple(from_json(each, arrays) for each in inner)
        case {"list": inner}:
            return [from_json(each, arrays) for each in inner]
        case {"class": name, "fields": inner}:
            return _class(name, len(inner))(*(from_json(each, arrays) for each in inner))
    raise Damaged(f"structure: got {structure!r}, expected one that fnn has written.")


def _placed(array: np.ndarray) -> jax.Array:
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise ValueError(
            f"{array.dtype} was saved, which JAX would narrow; "
            "jax.config.update('jax_enable_x64', True) keeps it."
        )
    return jax.numpy.asarray(array)


def _class(name: str, fields: int) -> Any:
    """Find a NamedTuple by its module and name. Only fnn's and optax's modules are imported."""
    module_name, _, qualified = name.partition(":")
    if module_name.partition(".")[0] in IMPORTED:
        try:
            import_module(module_name)
        except ImportError as error:
            raise ValueError(f"{name}: not in this version of the package: {error}.") from error
    found: Any = sys.modules.get(module_name)
    for part in qualified.split("."):
        found = getattr(found, part, None)
    is_named_tuple = isinstance(found, type) and issubclass(found, tuple)
    if not is_named_tuple or len(getattr(found, "_fields", ())) != fields:
        raise ValueError(
            f"{name}: expected a NamedTuple of {fields} fields; import {module_name}, where it was "
            "when it was saved, before loading."
        )
    return found
