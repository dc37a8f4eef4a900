"""Arrays that fnn made: nobody else can change them, so they are looked at and copied once."""

import weakref
from typing import Any

import numpy as np

_owned: dict[int, weakref.ref] = {}
_scaled: dict[int, Any] = {}


def own(array: np.ndarray, scaling: Any = None) -> np.ndarray:
    """Return an array that was made here, read-only from now on; a copy of a view of another.

    scaling  how its rows were scaled, where they were
    """
    owned = array if array.base is None else array.copy()
    owned.flags.writeable = False
    number = id(owned)

    def forget(_: Any) -> None:
        _owned.pop(number, None)
        _scaled.pop(number, None)

    _owned[number] = weakref.ref(owned, forget)
    if scaling is not None:
        _scaled[number] = scaling
    return owned


def scaling_of(array: Any) -> Any:
    """Return how an array of fnn, or one of which this is a part, was scaled; None of others."""
    for each in (array, getattr(array, "base", None)):
        if isinstance(each, np.ndarray) and is_owned(each):
            return _scaled.get(id(each))
    return None


def is_owned(array: np.ndarray) -> bool:
    """Return whether fnn made an array, and nobody made it writeable since."""
    reference = _owned.get(id(array))
    return reference is not None and reference() is array and not array.flags.writeable
