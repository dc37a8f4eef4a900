"""Arrays that fnn made: nobody else can change them, so they are looked at and copied once."""

import weakref

import numpy as np

_owned: dict[int, weakref.ref] = {}


def own(array: np.ndarray) -> np.ndarray:
    """Return an array that was made here, read-only from now on; a copy of a view of another."""
    owned = array if array.base is None else array.copy()
    owned.flags.writeable = False
    number = id(owned)
    _owned[number] = weakref.ref(owned, lambda _: _owned.pop(number, None))
    return owned


def is_owned(array: np.ndarray) -> bool:
    """Return whether fnn made an array, and nobody made it writeable since."""
    reference = _owned.get(id(array))
    return reference is not None and reference() is array and not array.flags.writeable
