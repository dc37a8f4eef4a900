"""Arrays that fnn made: nobody else can change them, so they are looked at and copied once."""

import weakref
from typing import Any

import numpy as np

_owned: dict[int, tuple[weakref.ref, Any]] = {}
"""The number of an array -> the array, and how its rows were scaled."""


def own(array: np.ndarray, scaling: Any = None) -> np.ndarray:
    """Return an array that was made here, read-only from now on; a copy of a view of another.

    scaling  how its rows were scaled, where they were
    """
    owned = array if array.base is None else array.copy()
    owned.flags.writeable = False
    number = id(owned)
    _owned[number] = weakref.ref(owned, lambda _: _owned.pop(number, None)), scaling
    return owned


def scaling_of(array: Any) -> Any:
    """Return how an array of fnn, or one of which this is a part, was scaled; None of others."""
    for each in (array, getattr(array, "base", None)):
        if isinstance(each, np.ndarray) and is_owned(each):
            return _owned[id(each)][1]
    return None


def is_owned(array: np.ndarray) -> bool:
    """Return whether fnn made an array, and nobody made it writeable since."""
    reference, _ = _owned.get(id(array), (None, None))
    return reference is not None and reference() is array and not array.flags.writeable
