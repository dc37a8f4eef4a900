"""Groups: the settings that one compiled program serves, because they differ in traced numbers alone.

What is not a number (a name, a tuple, a truth value) makes a group for each of its values, and so does a number that
the builder needs to know while it builds, such as a width. Which those are is found out by trying.
"""

import reprlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self, TypeAlias

import jax
import numpy as np

from fnn.data import Dataset
from fnn.sweeping.settings import BATCH_SIZE, Setting, is_number
from fnn.training.program import Plan, advance, begin
from fnn.training.refusals import check_data, check_fit, check_parts, checked_plan
from fnn.training.step import Task

TINY = float(np.finfo(np.float32).tiny)
Builder: TypeAlias = Callable[[Any], tuple]


class Fixed(NamedTuple):
    """A function of hyperparameters with those filled in that shape the program; equal to another of equal values."""

    function: Callable[..., Any]
    values: tuple[tuple[str, Any, str], ...]  # with the text, since 1 == True == 1.0

    @classmethod
    def of(cls, function: Callable[..., Any], setting: Setting, traced: Sequence[str]) -> Self:
        """The function with everything in the setting that is not traced."""
        return cls(function, tuple((name, value, repr(value)) for name, value in setting.items() if name not in traced))

    def full(self, hyper: Mapping[str, Any]) -> dict[str, Any]:
        """All hyperparameters, given the traced ones."""
        return {name: value for name, value, _ in self.values} | dict(hyper)


class FixedBuilder(Fixed):
    """Traced hyperparameters -> Task."""

    def __call__(self, hyper: Mapping[str, Any]) -> Task:
        """The task, for hyperparameters that may be traced."""
        return built(self.function, self.full(hyper))


class Recorded(dict):
    """The hyperparameters of a setting, remembering which of them the builder read."""

    def __init__(self, values: Mapping[str, Any], reader: str = "builder"):
        super().__init__(values)
        self.reader = reader
        self.read: set[str] = set()

    def __missing__(self, name):
        raise ValueError(
            f"{self.reader}: asks for hyper[{name!r}], but hyper has {', '.join(map(repr, self)) or 'no names'}."
        )

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        """As dict.get."""
        self.read.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        self.read |= dict.keys(self)
        return super().__iter__()

    def values(self):
        """As dict.values."""
        self.read |= dict.keys(self)
        return super().values()

    def items(self):
        """As dict.items."""
        self.read |= dict.keys(self)
        return super().items()


class Group(NamedTuple):
    """The settings, by row, that one program serves."""

    builder: FixedBuilder
    plan: Plan
    traced: tuple[str, ...]
    rows: list[int]


def groups_of(
    builder: Builder, settings: Sequence[Setting], dataset: Dataset, epochs: int, batch_size: int, patience: int | None
) -> list[Group]:
    """Groups in the order of their first settings, after every refusal of `fnn.train`.

    Raises ValueError for what the builder does not take and for names that it never reads; warns where every value of
    a float is compiled apart, which is seldom meant.
    """
    if not callable(builder):
        raise ValueError(f"builder: got {builder!r}, expected a function hyper -> (net, loss, optimizer).")
    check_data(dataset)

    def plan_of(setting: Setting) -> Plan:
        return checked_plan(dataset, epochs, setting.get(BATCH_SIZE, batch_size), patience)

    def attempt(setting: Setting, traced: Sequence[str]) -> None:
        check_setting(builder, setting, traced, dataset, plan_of(setting))

    traced = traced_names(settings, [name for name in settings[0] if name != BATCH_SIZE], attempt)
    groups: dict[FixedBuilder, Group] = {}
    for row, setting in enumerate(settings):
        key = FixedBuilder.of(builder, setting, traced)
        if key not in groups:
            if row:
                attempt(setting, traced)
            groups[key] = Group(key, plan_of(setting), traced, [])
            check_values(builder, row, setting, dataset)
        elif traced:
            check_values(builder, row, setting)
        groups[key].rows.append(row)
    return list(groups.values())


def traced_names(
    settings: Sequence[Setting], names: Sequence[str], attempt: Callable[[Setting, Sequence[str]], None]
) -> tuple[str, ...]:
    """Those of the names that are numbers in every setting and need not be known while a program is built."""
    numbers = [name for name in names if all(is_number(setting[name]) for setting in settings)]
    needed: list[str] = []
    kinds = set()
    for setting in settings:  # one of each kind, since a builder may look at a number for one kind of network alone
        kind = repr([value for name, value in setting.items() if name not in numbers])
        if kind not in kinds:
            traced = [name for name in numbers if name not in needed]
            needed += untraceable(traced, partial(attempt, setting))
            kinds.add(kind)
    warn_of_floats(settings, needed)
    return tuple(name for name in numbers if name not in needed)


def untraceable(names: Sequence[str], attempt: Callable[[Sequence[str]], None]) -> list[str]:
    """The names whose values must be known; `attempt` traces with these names and the values of the others."""
    if fails(attempt, names):
        attempt([])  # what fails here too has nothing to do with tracing
        needed = [name for name in names if fails(attempt, [name])]
        attempt([name for name in names if name not in needed])
        return needed
    return []


def fails(attempt: Callable[[Sequence[str]], None], names: Sequence[str]) -> bool:
    """Whether the attempt with these names raises one of the errors that a tracer leads to."""
    try:
        attempt(names)
    except (TypeError, ValueError, AttributeError, AssertionError):
        return True
    return False


def warn_of_floats(settings: Sequence[Setting], needed: Sequence[str]) -> None:
    """Every value of a learning rate is a program of its own where the builder asks whether it is positive."""
    for name in needed:
        values = {setting[name] for setting in settings}
        if len(values) > 1 and any(isinstance(value, float) for value in values):
            warnings.warn(
                f"hyper[{name!r}]: the builder needs its value while it builds (a Python if, float(…)), so each of its "
                f"{len(values)} values is compiled apart. Use jnp.where, or pass it on as it is, to compile once.",
                stacklevel=5,
            )


def check_setting(builder: Builder, setting: Setting, traced: Sequence[str], dataset: Dataset, plan: Plan) -> None:
    """Every refusal of `fnn.train`, and names that are never read, with shapes alone. The builder is called with
    tracers, as it will be later."""
    recorded = Recorded(setting)

    def check(hyper):
        recorded.update(hyper)
        task = built(builder, recorded)
        check_parts(*task)
        check_fit(task, dataset)
        unread = set(setting) - recorded.read - {BATCH_SIZE}
        if unread:  # what only an optimizer's update reads shows when the whole run is traced
            arrays, seed = dataset._replace(scaling=None), np.uint32(0)
            advance(task, plan, seed, arrays, begin(task, plan, seed), 1)

    jax.eval_shape(check, {name: setting[name] for name in traced})
    recorded.read.add(BATCH_SIZE)
    check_read(recorded, "the builder")


def check_read(recorded: Recorded, reader: str) -> None:
    """Refuses hyperparameters that were never read."""
    if unread := set(dict.keys(recorded)) - recorded.read:
        names = ", ".join(repr(name) for name in dict.keys(recorded) if name in unread)
        raise ValueError(f"hyper: {reader} never reads {names}, so its settings would be the same; leave it out.")


def check_values(builder: Builder, row: int, setting: Setting, dataset: Dataset | None = None) -> None:
    """The refusals that need the numbers, which tracers hide: a rate above 1, a label beyond the classes. 0.0 may stand
    for none of anything, as a control, where a constructor would refuse it; so a tiny number is tried for it."""
    try:
        task = built(
            builder, {name: TINY if type(value) is float and value == 0 else value for name, value in setting.items()}
        )
        if dataset is not None:
            check_fit(task, dataset)
    except ValueError as error:
        raise ValueError(f"hyper: setting {row}, {setting}: {error}") from error


def built(builder: Builder, hyper: Mapping[str, Any]) -> Task:
    """What the builder returns: net, loss, optimizer and, if the training rows are to be changed, prepare."""
    parts = builder(hyper)
    if not isinstance(parts, tuple) or len(parts) not in (3, 4):
        got = f"a tuple of {len(parts)}" if isinstance(parts, tuple) else reprlib.repr(parts)
        raise ValueError(
            f"builder: returned {got}, expected (net, loss, optimizer) or (net, loss, optimizer, prepare)."
        )
    return Task(*parts)
