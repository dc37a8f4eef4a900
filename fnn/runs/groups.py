"""Groups: the settings that one compiled program serves, as they differ in traced numbers alone.

What is not a number (a name, a tuple, a truth value) is static: it makes a group for each of its
values. So is a number that is needed while the program is built, such as a width. A caller may
declare the static names; otherwise they are found out by trying.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import jax

from fnn import checks
from fnn.runs.settings import Setting, is_number

Attempt = Callable[[Setting, Sequence[str]], None]
"""(setting, names) -> None: trace with these names and the values of the others, or raise."""

OF_TRACERS = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    checks.TracedNumberError,
)
"""Errors that say by themselves that a value is needed, and nothing else."""


class StaticHyper(NamedTuple):
    """The hyperparameters that shape a program; equal to others of equal values."""

    values: tuple[tuple[str, Any, str], ...]  # with the text, since 1 == True == 1.0

    @classmethod
    def of(cls, setting: Setting, traced: Collection[str]) -> Self:
        """Take everything in the setting that is not traced."""
        static = [(name, value) for name, value in setting.items() if name not in traced]
        return cls(tuple((name, value, repr(value)) for name, value in static))

    def with_traced(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """Return all hyperparameters, given the traced ones."""
        return {name: value for name, value, _ in self.values} | dict(hyper)


class SettingGroup(NamedTuple):
    """Settings of equal static hyperparameters, by their rows."""

    static: StaticHyper
    traced: tuple[str, ...]
    rows: list[int]


def group_settings(settings: Sequence[Setting], traced: tuple[str, ...]) -> list[SettingGroup]:
    """Group settings of equal static hyperparameters, in the order of their first rows."""
    groups: dict[StaticHyper, SettingGroup] = {}
    for row, setting in enumerate(settings):
        static = StaticHyper.of(setting, traced)
        groups.setdefault(static, SettingGroup(static, traced, [])).rows.append(row)
    return list(groups.values())


class ReadRecord(dict):
    """The hyperparameters of a setting, remembering which of them were read."""

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
    """Return the names that are traced: numbers in every setting that need not be known.

    reader  who reads them, for warnings
    static  names that are not traced; None: find out, and warn where that is seldom meant
    """
    numbers = [name for name in names if all(is_number(setting[name]) for setting in settings)]
    declared = declared_static(static, names)
    errors: dict[str, Exception] = {}
    kinds = set()
    for setting in settings:  # a builder may look at a number for one kind of network alone
        kind = repr([value for name, value in setting.items() if name not in numbers])
        if kind in kinds:
            continue
        kinds.add(kind)
        traced = [name for name in numbers if name not in declared and name not in errors]
        if static is None:
            errors |= untraceable(traced, partial(attempt, setting))
        else:
            attempt(setting, traced)
    for name, error in errors.items():
        warn_of_static(name, error, {setting[name] for setting in settings}, reader)
    return tuple(name for name in numbers if name not in declared and name not in errors)


def declared_static(static: Any, names: Sequence[str]) -> set[str]:
    """Check the names that a caller declares to be static."""
    if static is None:
        return set()
    if isinstance(static, str) or not isinstance(static, Collection):
        raise ValueError(f"static: got {static!r}, expected names of hyper, such as ('width',).")
    for name in static:
        if name not in names:
            known = ", ".join(map(repr, names)) or "no names"
            raise ValueError(f"static: got {name!r}, but hyper has {known}.")
    return set(static)


def untraceable(
    names: Sequence[str], attempt: Callable[[Sequence[str]], None]
) -> dict[str, Exception]:
    """Return the names whose values must be known, each with the error that it raises traced."""
    if error_of(attempt, names) is None:
        return {}
    attempt([])  # what fails with numbers too has nothing to do with tracing
    errors = {name: error for name in names if (error := error_of(attempt, [name])) is not None}
    attempt([name for name in names if name not in errors])
    return errors


def error_of(attempt: Callable[[Sequence[str]], None], names: Sequence[str]) -> Exception | None:
    """Return the error that an attempt raises, if it is one to which a tracer may lead."""
    try:
        attempt(names)
    except (TypeError, ValueError, AttributeError, AssertionError) as error:
        return error
    return None


def warn_of_static(name: str, error: Exception, values: set[Any], reader: str) -> None:
    """Warn where each value of a float is compiled apart, and of an error that is no tracer's."""
    says_so = isinstance(error, OF_TRACERS) or "racer" in str(error)  # as jnp.zeros(tracer) does
    has_floats = len(values) > 1 and any(isinstance(value, float) for value in values)
    if says_so and not has_floats:
        return
    cause = "(a Python if, float(…))" if says_so else f"({type(error).__name__}: {error})"
    checks.warn(
        f"hyper[{name!r}]: {reader} needs its value while it is traced {cause}, so each of its "
        f"{len(values)} values is compiled apart. Use jnp.where, or pass it on as it is, to "
        f"compile once; static=({name!r},) says that it is meant."
    )
