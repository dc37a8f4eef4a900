"""Which hyperparameters a program traces, and the groups of settings that one program serves.

The settings of a group differ in traced numbers alone.

A value that is no number (a name, a tuple, a truth value) is static: each of its values makes a
group. A number that is needed while the program is built, such as a width, is static too. A caller
may declare the static names. Otherwise they are found by trying.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import jax

from fnn import checks
from fnn.runs.settings import Setting, is_number

Attempt = Callable[[Setting, Sequence[str]], None]
"""(setting, names) -> None: trace these names, with the values of the others, or raise."""

OF_TRACERS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    checks.TracedNumberError,
)
"""Errors that JAX or fnn raises only where a traced value is needed as a number."""


class StaticHyper(NamedTuple):
    """Hold the hyperparameters that shape a program. Equal values make equal objects.

    values  the name, the value and its repr, since 1 == True == 1.0
    """

    values: tuple[tuple[str, Any, str], ...]

    @classmethod
    def of(cls, setting: Setting, traced: Collection[str]) -> Self:
        """Take the values of a setting that are not traced."""
        static = [(name, value) for name, value in setting.items() if name not in traced]
        with_text = [(name, value, repr(value)) for name, value in static]
        return cls(tuple(with_text))

    def with_traced(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Return all hyperparameters, given the traced ones."""
        static = {name: value for name, value, _ in self.values}
        return static | dict(hyper)


class SettingGroup(NamedTuple):
    """Hold the rows of settings with equal static hyperparameters.

    static  these hyperparameters
    traced  the names of the others
    rows    the numbers of the settings
    """

    static: StaticHyper
    traced: tuple[str, ...]
    rows: list[int]


def group_settings(settings: Sequence[Setting], traced: tuple[str, ...]) -> list[SettingGroup]:
    """Group settings with equal static hyperparameters, in the order of their first rows."""
    groups: dict[StaticHyper, SettingGroup] = {}
    for row, setting in enumerate(settings):
        static = StaticHyper.of(setting, traced)
        new_group = SettingGroup(static, traced, [])
        group = groups.setdefault(static, new_group)
        group.rows.append(row)
    return list(groups.values())


class ReadRecord(dict):
    """Hold the hyperparameters of a setting, and note which of them are read.

    reader  the function that reads them, for messages
    """

    def __init__(self, values: Mapping[str, Any], reader: str):
        super().__init__(values)
        self.reader = reader
        self.read: set[str] = set()

    def __missing__(self, name):
        names = ", ".join(map(repr, self)) or "no names"
        reader = self.reader.removeprefix("the ")
        raise ValueError(f"{reader}: asks for hyper[{name!r}], but hyper has {names}.")

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        """Read as dict.get does."""
        self.read.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        self.read |= dict.keys(self)
        return super().__iter__()

    def values(self):
        """Read as dict.values does."""
        self.read |= dict.keys(self)
        return super().values()

    def items(self):
        """Read as dict.items does."""
        self.read |= dict.keys(self)
        return super().items()

    def check_all_read(self) -> None:
        """Refuse hyperparameters that were never read: their settings would be the same."""
        unread = [repr(name) for name in dict.keys(self) if name not in self.read]
        if unread:
            raise ValueError(
                f"hyper: {self.reader} never reads {', '.join(unread)}, so its settings would be "
                "the same; leave it out."
            )


def traced_names(
    settings: Sequence[Setting],
    names: Sequence[str],
    attempt: Attempt,
    static: Sequence[str] | None,
    reader: str,
) -> tuple[str, ...]:
    """Return the names that are traced.

    They are numbers in every setting, and the program is built without their values.

    settings  the settings
    names     the names that may be traced
    attempt   traces some names for one setting, or raises
    static    names that are not traced; None: they are found by trying, with a warning where each
              value of a float is compiled
    reader    the function that reads the hyperparameters, for warnings
    """
    numbers = [name for name in names if all(is_number(setting[name]) for setting in settings)]
    declared = declared_static(static, names)
    candidates = [name for name in numbers if name not in declared]
    errors: dict[str, Exception] = {}
    kinds = set()
    # A builder may need the value of a number for one kind of network alone, so each is tried.
    for setting in settings:
        kind = repr([value for name, value in setting.items() if name not in numbers])
        if kind in kinds:
            continue
        kinds.add(kind)
        traced = [name for name in candidates if name not in errors]
        if static is None:
            errors |= untraceable(traced, partial(attempt, setting))
        else:
            attempt(setting, traced)
    for name, error in errors.items():
        values = {setting[name] for setting in settings}
        warn_of_static(name, error, values, reader)
    return tuple(name for name in candidates if name not in errors)


def declared_static(static: Any, names: Sequence[str]) -> set[str]:
    """Check and return the names that a caller declares to be static."""
    if static is None:
        return set()
    if isinstance(static, str) or not isinstance(static, Collection):
        raise ValueError(f"static: got {static!r}, expected names of hyper, such as ('width',).")
    for name in static:
        if name not in names:
            present = ", ".join(map(repr, names)) or "no names"
            raise ValueError(f"static: got {name!r}, but hyper has {present}.")
    return set(static)


def untraceable(
    names: Sequence[str], attempt: Callable[[Sequence[str]], None]
) -> dict[str, Exception]:
    """Return the names whose values are needed, each with the error that is raised when traced."""
    if error_of(attempt, names) is None:
        return {}
    # An error that is raised without tracing has another cause. It is raised here.
    attempt([])
    errors = {}
    for name in names:
        error = error_of(attempt, [name])
        if error is not None:
            errors[name] = error
    traceable = [name for name in names if name not in errors]
    attempt(traceable)
    return errors


def error_of(attempt: Callable[[Sequence[str]], None], names: Sequence[str]) -> Exception | None:
    """Return the error that an attempt raises, or None. Errors that no tracer causes are raised."""
    try:
        attempt(names)
    except (TypeError, ValueError, AttributeError, AssertionError) as error:
        return error
    return None


def warn_of_static(name: str, error: Exception, values: set[Any], reader: str) -> None:
    """Warn that each value of a hyperparameter is compiled.

    There is no warning where this is clear: the error is about tracing, and no value is a float.
    """
    # The message of an error such as that of jnp.zeros(tracer) has "Tracer" or "tracer" in it.
    is_of_tracing = isinstance(error, OF_TRACERS) or "racer" in str(error)
    has_floats = len(values) > 1 and any(isinstance(value, float) for value in values)
    if is_of_tracing and not has_floats:
        return
    cause = "a Python if, float(…)" if is_of_tracing else f"{type(error).__name__}: {error}"
    checks.warn(
        f"hyper[{name!r}]: {reader} needs its value while it is traced ({cause}), so each of its "
        f"{len(values)} values is compiled apart. Use jnp.where, or pass it on as it is, to "
        f"compile once; static=({name!r},) says that it is meant."
    )
