"""Errors for former names of a module: they say the new name."""

from collections.abc import Callable, Mapping
from typing import NoReturn


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """Return a module's `__getattr__` (PEP 562), which Python calls for names it does not have.

    module  the module's `__name__`
    names   former name -> the text that says what to write instead

    >>> from fnn.renamed import renamed
    >>> renamed("fnn.layers", {"Width": "fnn.layers.MaskedWidth"})("Width")
    Traceback (most recent call last):
    AttributeError: fnn.layers.Width is now fnn.layers.MaskedWidth.
    """

    def missing(name: str) -> NoReturn:
        if name in names:
            new_name = names[name]
            raise AttributeError(f"{module}.{name} is now {new_name}.")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return missing
