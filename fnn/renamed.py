"""Errors for former names of a module: they say the new name."""

import sys
from collections.abc import Callable, Mapping
from typing import NoReturn


def renamed(module: str, names: Mapping[str, str]) -> None:
    """Let a module say the new name where somebody asks for a former one.

    It is a statement and no definition of `__getattr__` (PEP 562), because a type checker would
    take the module for one that has any name, and would miss every misspelt one.

    module  the module's `__name__`
    names   former name -> the text that says what to write instead

    >>> from fnn import layers
    >>> layers.Width
    Traceback (most recent call last):
    AttributeError: fnn.layers.Width is now fnn.layers.MaskedWidth.
    """
    setattr(sys.modules[module], "__getattr__", refuse(module, names))  # noqa: B010 (see above)


def refuse(module: str, names: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """Return what Python calls for a name that a module does not have.

    module, names  as in `renamed`
    """

    def missing(name: str) -> NoReturn:
        if name in names:
            new_name = names[name]
            raise AttributeError(f"{module}.{name} is now {new_name}.")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return missing
