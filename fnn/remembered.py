"""Factories that return one object for equal arguments: adam(1e-2) is adam(1e-2).

jit compiles a program for each of its static arguments, and tells closures apart by their identity.
Without this module, a network and an optimizer that are written inside a loop over folds would be
compiled in each turn.
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

    factory  a function whose result depends on its arguments alone

    1, 1.0 and True are different arguments. Arguments that are compared: numbers, texts, tuples,
    lists and dicts of them, and results of other remembered factories. With any other argument (a
    traced number, an array, a function, which may change) the object is a new one.

    >>> import fnn
    >>> fnn.optim.adam(1e-2) is fnn.optim.adam(learning_rate=1e-2)
    True
    >>> fnn.mlp((2, 3, 1)) is fnn.mlp([2, 3, 1])
    True
    """
    signature = inspect.signature(factory)
    made: dict[Any, T] = {}

    @wraps(factory)
    def make(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            key = _key(bound.arguments)
        except TypeError:  # an argument that is not compared, or that the factory does not take
            return factory(*args, **kwargs)
        if key not in made:
            made[key] = factory(*args, **kwargs)
            unchanging(made[key])
        return made[key]

    return make


def unchanging(*values: Any) -> None:
    """Let objects that never change be compared as arguments of remembered factories.

    >>> import fnn
    >>> from fnn.remembered import unchanging
    >>> unchanging(fnn.activations.Activation("square", lambda z: z**2, lambda z: 2 * z))
    """
    _UNCHANGING.update((id(value), value) for value in values)


_PLAIN = (bool, int, float, complex, str, bytes)
_UNCHANGING: dict[int, Any] = {}
"""id -> object. The objects stay in memory, as JAX keeps the programs compiled for them."""


def _key(value: Any) -> Any:
    """Return a key that is equal only for equal arguments.

    Raises TypeError for an object that may change.
    """
    if value is None or isinstance(value, _PLAIN):
        return type(value), repr(value)
    if _UNCHANGING.get(id(value)) is value:
        return id(value)
    if isinstance(value, Mapping):
        names = tuple(map(_key, value.keys()))
        values = tuple(map(_key, value.values()))
        return type(value), names, values
    if type(value) in (tuple, list):
        return type(value), tuple(map(_key, value))
    if is_dataclass(value):
        attributes = [getattr(value, field.name) for field in fields(value)]
        return type(value), tuple(map(_key, attributes))
    raise TypeError(f"{value!r} may change")
