"""Answer for names that a module had: an error that says the new one."""

from collections.abc import Callable, Mapping
from typing import NoReturn


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """Make a module's `__getattr__` (PEP 562), which Python asks for names that it does not have.

    module  the module's `__name__`
    names   each former name, and what is to be written in its place
    """

    def missing(name: str) -> NoReturn:
        if name in names:
            raise AttributeError(f"{module}.{name} is now {names[name]}.")
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return missing
