"""Remember the arrays that fnn made.

Nobody else can change them, so that they are checked and copied to a device once.
"""

import weakref
from typing import Any

import numpy as np

_owned: dict[int, tuple[weakref.ref, Any]] = {}
"""The id of an array -> a reference to the array, and the scaling of its rows."""


def own(array: np.ndarray, scaling: Any = None) -> np.ndarray:
    """Make an array that fnn made read-only, and remember it.

    array    a view of another array is copied
    scaling  how its rows were scaled; None: they are no features
    """
    owned = array
    if array.base is not None:
        owned = array.copy()
    owned.flags.writeable = False
    number = id(owned)

    def forget(_: Any) -> None:
        _owned.pop(number, None)

    _owned[number] = weakref.ref(owned, forget), scaling
    return owned


def scaling_of(array: Any) -> Any:
    """Return how an array of fnn, or the one of which it is a part, was scaled.

    Returns None for every other array.
    """
    for candidate in (array, getattr(array, "base", None)):
        if isinstance(candidate, np.ndarray) and is_owned(candidate):
            _, scaling = _owned[id(candidate)]
            return scaling
    return None


def is_owned(array: np.ndarray) -> bool:
    """Return whether fnn made an array, and nobody has made it writeable since."""
    entry = _owned.get(id(array))
    if entry is None:
        return False
    reference, _ = entry
    # Another array may have the id of one that is gone.
    is_same = reference() is array
    return is_same and not array.flags.writeable
