"""Write the structure of a pytree as JSON, and rebuild it without executing anything.

A tree consists of tuples, lists, dicts, None, NamedTuples and leaves. Arrays are leaves and are
stored apart. Python's numbers and texts are leaves too and are stored in the JSON.
"""

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import jax
import numpy as np

from fnn.checkpoint.arrays import Damaged, on_device
from fnn.types import PyTree

# Modules of these packages may be imported to find a NamedTuple.
IMPORTED = ("fnn", "optax")


def to_json(tree: PyTree, name: str = "result") -> tuple[Any, list[Any]]:
    """Return the structure and the arrays of a tree.

    name  of the tree, in errors

    Raises ValueError for a node that JSON cannot describe.
    """
    arrays: list[Any] = []
    return _described(tree, name, arrays), arrays


def structure_of(tree: PyTree) -> Any | None:
    """Return the structure of a tree; None where JSON cannot describe it."""
    try:
        return to_json(tree)[0]
    except ValueError:
        return None


def _described(tree: Any, name: str, arrays: list[Any]) -> Any:
    """Return the structure of a node, and append its arrays."""
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return {"value": tree}
    if isinstance(tree, np.generic):
        return {"value": tree.item()}
    if isinstance(tree, (np.ndarray, jax.Array)):
        arrays.append(tree)
        return "jax" if isinstance(tree, jax.Array) else "numpy"
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        # Sorted as JAX sorts them, so that the arrays have the order of jax.tree.leaves.
        values = {key: _described(tree[key], f"{name}.{key}", arrays) for key in sorted(tree)}
        return {"dict": values, "order": list(tree)}
    kind = type(tree)
    is_plain = kind is tuple or kind is list
    is_named_tuple = isinstance(tree, tuple) and hasattr(tree, "_fields")
    if is_plain or is_named_tuple:
        inner = [_described(v, f"{name}[{i}]", arrays) for i, v in enumerate(tree)]
        if is_plain:
            return {kind.__name__: inner}
        return {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": inner}
    raise ValueError(
        f"{name}: got a {type(tree).__name__}, expected tuples, lists, dicts with names and "
        "NamedTuples of arrays, numbers and texts."
    )


def from_json(structure: Any, arrays: Iterator[np.ndarray]) -> PyTree:
    """Return the tree of a structure.

    arrays  in the order in which `to_json` returned them

    Raises Damaged for a structure that `to_json` did not write, and ValueError for a NamedTuple
    that is not found and for an array that JAX would narrow.
    """
    if structure == "numpy":
        return next(arrays)
    if structure == "jax":
        array = next(arrays)
        if isinstance(array, jax.Array):
            return array
        return on_device("array", array)
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
            named_tuple = _named_tuple(name, len(inner))
            fields = [from_json(each, arrays) for each in inner]
            return named_tuple(*fields)
    raise Damaged(f"structure: got {structure!r}, expected one that fnn has written.")


def _named_tuple(name: str, fields: int) -> Any:
    """Find a NamedTuple by its module and name. Only modules of `IMPORTED` are imported."""
    module_name, _, qualified = name.partition(":")
    package = module_name.partition(".")[0]
    if package in IMPORTED:
        try:
            import_module(module_name)
        except ImportError as error:
            raise ValueError(f"{name}: not in this version of the package: {error}.") from error
    definition: Any = sys.modules.get(module_name)
    for part in qualified.split("."):
        definition = getattr(definition, part, None)
    is_named_tuple = isinstance(definition, type) and issubclass(definition, tuple)
    if not is_named_tuple or len(getattr(definition, "_fields", ())) != fields:
        raise ValueError(
            f"{name}: expected a NamedTuple of {fields} fields; import {module_name}, where it was "
            "when it was saved, before loading."
        )
    return definition
