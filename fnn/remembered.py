"""Equal arguments make one object: adam(1e-2) is adam(1e-2), and compiles once.

jit compiles a program for each of its static arguments, and knows closures by their identity. A
network and an optimizer that are written inside a loop over folds would be compiled in each turn.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def remembered(factory: Callable[P, T]) -> Callable[P, T]:
    """Let a factory return the object that it made before from equal arguments.

    1, 1.0 and True are different arguments. Arguments are numbers, texts, tuples, lists and dicts
    of them, and what other factories of this kind have made. With any other (a traced number, an
    array, a function, which may change what it does) the object is a new one.
    """
    signature = inspect.signature(factory)
    made: dict[Any, T] = {}

    @wraps(factory)
    def make(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            key = _key(bound.arguments)
        except TypeError:  # an argument of another kind; one too many is the factory's to refuse
            return factory(*args, **kwargs)
        if key not in made:
            made[key] = factory(*args, **kwargs)
            unchanging(made[key])
        return made[key]

    return make


def unchanging(*values: Any) -> None:
    """Let objects that never change be arguments of factories that remember."""
    _UNCHANGING.update((id(value), value) for value in values)


_UNCHANGING: dict[int, Any] = {}
"""id -> object. They are kept, as JAX keeps the programs that are compiled for them."""


def _key(value: Any) -> Any:
    """Return what is equal for equal arguments alone. TypeError for what may change."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return type(value), repr(value)
    if _UNCHANGING.get(id(value)) is value:
        return id(value)
    if isinstance(value, Mapping):
        return type(value), tuple((_key(name), _key(each)) for name, each in value.items())
    if type(value) in (tuple, list):
        return type(value), tuple(map(_key, value))
    if is_dataclass(value):
        return type(value), tuple(_key(getattr(value, field.name)) for field in fields(value))
    raise TypeError(f"{value!r} may change")
