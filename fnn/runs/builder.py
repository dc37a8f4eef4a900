"""The builder of a sweep: it is called and checked with every setting before anything compiles."""

import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from fnn import checks
from fnn.data import Dataset
from fnn.runs.engine import Shapes
from fnn.runs.refusals import (
    check_batches,
    check_fit,
    check_metrics,
    check_parts,
)
from fnn.runs.settings import BATCH_SIZE, Setting
from fnn.runs.step import TrainSpec
from fnn.runs.traced import (
    ReadRecord,
    SettingGroup,
    StaticHyper,
    group_settings,
    traced_names,
)
from fnn.runs.training import Plan, TrainProcess, advance, begin

MOST_CALLS = 64  # the groups of so many calls are remembered
Builder: TypeAlias = Callable[[Any], tuple]
"""hyper -> (net, loss, optimizer) or (net, loss, optimizer, transform_train)."""


class SpecBuilder(NamedTuple):
    """Build the TrainSpec of traced hyperparameters, by a builder and its static ones."""

    builder: Builder
    static: StaticHyper

    def __call__(self, hyper: Mapping[str, Any]) -> TrainSpec:
        """Build the spec. The hyperparameters may be tracers."""
        return build_spec(self.builder, self.static.with_traced(hyper))


def process_of(builder: Builder, group: SettingGroup, plan: Plan) -> TrainProcess:
    """Return the training process of a group's runs."""
    return TrainProcess(SpecBuilder(builder, group.static), plan)


def training_processes(
    builder: Builder,
    settings: Sequence[Setting],
    dataset: Dataset,
    plan: Plan,
    static: Sequence[str] | None = None,
) -> list[tuple[SettingGroup, TrainProcess]]:
    """Group the settings, after every refusal of `fnn.train`. Return each group with its process.

    Raises ValueError for a spec that `fnn.train` refuses, and for names that the builder never
    reads. Warns where every value of a float is compiled, which is seldom meant.
    """
    if not callable(builder):
        raise ValueError(
            f"builder: got {builder!r}, expected a function hyper -> (net, loss, optimizer)."
        )
    key = grouping_key(builder, settings, dataset, plan, static)
    if key in _groups_of_calls:
        for group, _ in _groups_of_calls[key]:
            # The numbers of the data may have changed.
            first = group.rows[0]
            check_values(builder, first, settings[first], dataset)
        return _groups_of_calls[key]
    groups = checked_groups(builder, settings, dataset, plan, static)
    with_processes = []
    for group in groups:
        plan_of_group = plan_for(settings[group.rows[0]], plan)
        with_processes.append((group, process_of(builder, group, plan_of_group)))
    while len(_groups_of_calls) >= MOST_CALLS:
        oldest = next(iter(_groups_of_calls))
        del _groups_of_calls[oldest]
    _groups_of_calls[key] = with_processes
    return with_processes


class GroupingKey(NamedTuple):
    """Hold all arguments that decide how settings are grouped, without the numbers of the data."""

    builder: Builder
    settings: tuple[StaticHyper, ...]
    plan: Plan
    static: Any
    data: Shapes


_groups_of_calls: dict[GroupingKey, list[tuple[SettingGroup, TrainProcess]]] = {}  # oldest first


def grouping_key(
    builder: Builder, settings: Sequence[Setting], dataset: Dataset, plan: Plan, static: Any
) -> GroupingKey:
    """Return a hashable key of a call. Calls with equal keys have equal groups."""
    all_values = tuple(StaticHyper.of(setting, ()) for setting in settings)
    names = tuple(static) if isinstance(static, (list, tuple)) else static
    return GroupingKey(builder, all_values, plan, names, Shapes.of(dataset.arrays))


def checked_groups(
    builder: Builder,
    settings: Sequence[Setting],
    dataset: Dataset,
    plan: Plan,
    static: Sequence[str] | None,
) -> list[SettingGroup]:
    """Group the settings, and make every refusal for each of them."""

    def attempt(setting: Setting, traced: Sequence[str]) -> None:
        try:
            own_plan = plan_for(setting, plan)
            check_batches(own_plan, dataset)
            check_traced(builder, setting, traced, dataset, own_plan)
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
        if traced:
            for row in others:
                check_values(builder, row, settings[row])
    return groups


def plan_for(setting: Setting, plan: Plan) -> Plan:
    """Return the plan with the batch size of a setting, if it has one."""
    size = setting.get(BATCH_SIZE, plan.batch_size)
    return plan._replace(batch_size=checks.count(BATCH_SIZE, size))


def check_traced(
    builder: Builder, setting: Setting, traced: Sequence[str], dataset: Dataset, plan: Plan
) -> None:
    """Make every refusal of `fnn.train` that needs shapes alone, and refuse names never read.

    The builder is called with tracers, as the compiled program calls it.
    """
    record = ReadRecord(setting, "the builder")

    def check(hyper) -> None:
        record.update(hyper)
        spec = build_spec(builder, record)
        check_parts(*spec)
        check_fit(spec, dataset)
        check_metrics(spec, plan, dataset)
        unread = set(dict.keys(record)) - record.read - {BATCH_SIZE}
        if unread:
            # The optimizer's update may read them, so the whole run is traced.
            seed = np.uint32(0)
            start = begin(spec, plan, seed)
            advance(spec, plan, seed, dataset.arrays, start, 1)

    jax.eval_shape(check, {name: setting[name] for name in traced})
    record.read.add(BATCH_SIZE)
    record.check_all_read()


def check_values(
    builder: Builder, row: int, setting: Setting, dataset: Dataset | None = None
) -> None:
    """Make the refusals of `fnn.train` that need the numbers, which tracers hide.

    row      the number of the setting
    dataset  None: the data are not checked
    """
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
    """Make the refusals that depend on the data, for another split."""
    first = group.rows[0]
    check_batches(process.plan, dataset)
    check_values(builder, first, settings[first], dataset)


def build_spec(builder: Builder, hyper: Mapping[str, Any]) -> TrainSpec:
    """Call the builder, and return its parts: net, loss, optimizer and perhaps transform_train."""
    parts = builder(hyper)
    if not isinstance(parts, tuple) or len(parts) not in (3, 4):
        got = f"a tuple of {len(parts)}" if isinstance(parts, tuple) else reprlib.repr(parts)
        raise ValueError(
            f"builder: returned {got}, expected (net, loss, optimizer) or (net, loss, optimizer, "
            "transform_train)."
        )
    return TrainSpec(*parts)
