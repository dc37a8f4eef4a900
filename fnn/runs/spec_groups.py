"""The programs of a sweep: its builder, asked for every setting before anything is compiled."""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from fnn import checks
from fnn.data import Dataset
from fnn.runs.engine import Shapes
from fnn.runs.groups import (
    ReadRecord,
    SettingGroup,
    StaticHyper,
    group_settings,
    traced_names,
)
from fnn.runs.refusals import (
    check_batches,
    check_fit,
    check_metrics,
    check_parts,
)
from fnn.runs.settings import BATCH_SIZE, Setting
from fnn.runs.step import TrainSpec
from fnn.runs.training import Plan, TrainProcess, advance, begin

MOST_CALLS = 64  # whose groups are remembered
Builder: TypeAlias = Callable[[Any], tuple]
"""hyper -> (net, loss, optimizer) or (net, loss, optimizer, transform_train)."""


class SpecBuilder(NamedTuple):
    """A builder with its static hyperparameters: traced hyperparameters -> TrainSpec."""

    builder: Builder
    static: StaticHyper

    def __call__(self, hyper: Mapping[str, Any]) -> TrainSpec:
        """Build the spec, for hyperparameters that may be traced."""
        return build_spec(self.builder, self.static.with_traced(hyper))


def process_of(builder: Builder, group: SettingGroup, plan: Plan) -> TrainProcess:
    """Return what the runs of a group do."""
    return TrainProcess(SpecBuilder(builder, group.static), plan)


def spec_groups(
    builder: Builder,
    settings: Sequence[Setting],
    dataset: Dataset,
    plan: Plan,
    static: Sequence[str] | None = None,
) -> list[tuple[SettingGroup, TrainProcess]]:
    """Group the settings, after every refusal of `fnn.train`, each group with its process.

    Raises ValueError for what the builder does not take and for names that it never reads; warns
    where every value of a float is compiled apart, which is seldom meant.
    """
    if not callable(builder):
        raise ValueError(
            f"builder: got {builder!r}, expected a function hyper -> (net, loss, optimizer)."
        )
    call = Call(
        builder,
        tuple(StaticHyper.of(setting, ()) for setting in settings),
        plan,
        tuple(static) if isinstance(static, (list, tuple)) else static,
        Shapes.of(dataset.arrays),
    )
    if call in _found:
        for group, _ in _found[call]:
            first = group.rows[0]
            check_values(builder, first, settings[first], dataset)  # the data may be others
        return _found[call]

    def plan_for(setting: Setting) -> Plan:
        size = checks.count(BATCH_SIZE, setting.get(BATCH_SIZE, plan.batch_size))
        return plan._replace(batch_size=size)

    def attempt(setting: Setting, traced: Sequence[str]) -> None:
        try:
            check_batches(plan_for(setting), dataset)
            check_traced(builder, setting, traced, dataset, plan_for(setting))
        except Exception as error:
            if setting:
                error.add_note(f"It is raised for setting {settings.index(setting)}, {setting}.")
            raise

    names = [name for name in settings[0] if name != BATCH_SIZE]
    traced = traced_names(settings, names, attempt, static, "the builder")
    groups = group_settings(settings, traced)
    for group in groups:
        first, *others = group.rows
        if first:
            attempt(settings[first], traced)
        check_values(builder, first, settings[first], dataset)
        for row in others if traced else ():
            check_values(builder, row, settings[row])
    while len(_found) >= MOST_CALLS:
        del _found[next(iter(_found))]
    _found[call] = [(g, process_of(builder, g, plan_for(settings[g.rows[0]]))) for g in groups]
    return _found[call]


class Call(NamedTuple):
    """What decides how settings are grouped, and what is refused, besides the numbers of data."""

    builder: Builder
    settings: tuple[StaticHyper, ...]
    plan: Plan
    static: Any
    data: Shapes


_found: dict[Call, list[tuple[SettingGroup, TrainProcess]]] = {}  # the oldest leaves first


def check_traced(
    builder: Builder, setting: Setting, traced: Sequence[str], dataset: Dataset, plan: Plan
) -> None:
    """Make every refusal of `fnn.train`, and refuse names that are never read, by shapes alone.

    The builder is called with tracers, as it will be later.
    """
    record = ReadRecord(setting, "the builder")

    def check(hyper) -> None:
        record.update(hyper)
        spec = build_spec(builder, record)
        check_parts(*spec)
        check_fit(spec, dataset)
        check_metrics(spec, plan, dataset)
        if set(dict.keys(record)) - record.read - {BATCH_SIZE}:
            # what only an optimizer's update reads shows when the whole run is traced
            arrays, seed = dataset.arrays, np.uint32(0)
            advance(spec, plan, seed, arrays, begin(spec, plan, seed), 1)

    jax.eval_shape(check, {name: setting[name] for name in traced})
    record.read.add(BATCH_SIZE)
    record.check_all_read()


def check_values(
    builder: Builder, row: int, setting: Setting, dataset: Dataset | None = None
) -> None:
    """Make the refusals that need the numbers, which tracers hide, as `fnn.train` makes them."""
    try:
        spec = build_spec(builder, setting)
        if dataset is not None:
            check_fit(spec, dataset)
    except ValueError as error:
        raise ValueError(f"hyper: setting {row}, {setting}: {error}") from error


def check_group(
    builder: Builder,
    group: SettingGroup,
    process: TrainProcess,
    settings: Sequence[Setting],
    dataset: Dataset,
) -> None:
    """Make the refusals that need the data of another split."""
    first = group.rows[0]
    check_batches(process.plan, dataset)
    check_values(builder, first, settings[first], dataset)


def build_spec(builder: Builder, hyper: Mapping[str, Any]) -> TrainSpec:
    """Call the builder: net, loss, optimizer and, if training rows are changed, transform_train."""
    parts = builder(hyper)
    if not isinstance(parts, tuple) or len(parts) not in (3, 4):
        got = f"a tuple of {len(parts)}" if isinstance(parts, tuple) else reprlib.repr(parts)
        raise ValueError(
            f"builder: returned {got}, expected (net, loss, optimizer) or (net, loss, optimizer, "
            "transform_train)."
        )
    return TrainSpec(*parts)
