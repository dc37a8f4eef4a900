"""The programs of a sweep of networks: what its call says, and the groups that the driver runs."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from fnn import compiler, tree
from fnn.data import Arrays, Dataset
from fnn.metrics import Metric
from fnn.runs.blocks import Runs
from fnn.runs.driver import Group, Metrics
from fnn.runs.engine import Shapes, default_runs_per_vmap, engine_of, like_of
from fnn.runs.fingerprint import (
    constants_of,
    program_fingerprint,
    settings_fingerprint,
)
from fnn.runs.groups import SettingGroup
from fnn.runs.placed import dataset_fingerprint, on_devices, together_on_devices
from fnn.runs.results import Parameters
from fnn.runs.run_data import SPLIT
from fnn.runs.settings import Setting, runs_of
from fnn.runs.spec_groups import Builder, check_group, spec_groups
from fnn.runs.step import TrainState
from fnn.runs.training import Plan, RunState, TrainProcess, trained
from fnn.types import Layer


class SweepCall(NamedTuple):
    """The arguments of a sweep that shape its programs.

    examples        how many each part of a split has, the fewest where splits differ
    splits          on how many splits each setting and seed is trained
    runs_per_vmap   for each setting; where there is none, the size of its network decides
    asked_per_vmap  what the caller asked for, for settings that are added
    """

    settings: Sequence[Setting]
    seeds: Sequence[int]
    plan: Plan
    examples: Mapping[str, int]
    static: Sequence[str] | None = None
    runs_per_vmap: Sequence[int | None] | None = None
    asked_per_vmap: int | None = None
    splits: int = 1

    def arguments(self) -> dict[str, Any]:
        """Return them by name, the plan as JSON, its metrics as names alone."""
        return self._asdict() | {"plan": self.plan.to_json()}

    @classmethod
    def of(cls, arguments: Mapping[str, Any], metrics: Mapping[str, Metric] | None) -> Self:
        """Make it of arguments by name and the functions of its metrics."""
        return cls(**{**arguments, "plan": Plan.from_json(arguments["plan"], metrics)})


def sweep_groups(builder: Builder, datasets: Sequence[Dataset], call: SweepCall) -> list[Group]:
    """Build the groups of a sweep, after every refusal and before anything is compiled.

    datasets  one for each split; those of equal sizes are runs of one program
    """
    first, *others = datasets
    found = spec_groups(builder, call.settings, first, call.plan, call.static)
    for setting_group, process in found:
        for dataset in others:
            check_group(builder, setting_group, process, call.settings, dataset)
    placed = {numbers: placed_once([datasets[n] for n in numbers]) for numbers in alike(datasets)}
    return [
        group_of(setting_group, process, numbers, place, call)
        for setting_group, process in found
        for numbers, place in placed.items()
    ]


def alike(datasets: Sequence[Dataset]) -> list[tuple[int, ...]]:
    """Return the numbers of the splits of equal shapes, together."""
    found: dict[Shapes, list[int]] = {}
    for number, dataset in enumerate(datasets):
        found.setdefault(Shapes.of(dataset.arrays), []).append(number)
    return [tuple(numbers) for numbers in found.values()]


def placed_once(datasets: Sequence[Dataset]) -> Callable[[Mesh | None], Arrays]:
    """Return what puts splits of equal sizes on the devices, once for all programs of a sweep."""
    if len(datasets) == 1:
        return partial(on_devices, datasets[0])
    return cache(partial(together_on_devices, datasets))


def group_of(
    setting_group: SettingGroup,
    process: TrainProcess,
    numbers: Sequence[int],
    place_data: Callable[[Mesh | None], Arrays],
    call: SweepCall,
) -> Group:
    """Build the group of some settings, every seed and the splits of these numbers."""
    rows = setting_group.rows
    settings = [call.settings[row] for row in rows]
    columns = [
        place * call.splits + number for place in range(len(call.seeds)) for number in numbers
    ]
    runs = runs_of(settings, setting_group.traced, call.seeds)
    if len(numbers) > 1:
        runs = on_each_split(runs, len(numbers))
        process = process._replace(splits=len(numbers))
    like = like_of(process, Shapes.of(runs.one()))
    runs_in_all = len(rows) * len(call.seeds) * call.splits
    runs_per_vmap = default_runs_per_vmap(tree.size(like.current.params), runs_in_all)
    if call.runs_per_vmap is not None and rows[0] < len(call.runs_per_vmap):
        runs_per_vmap = call.runs_per_vmap[rows[0]] or runs_per_vmap
    engine = engine_of(process, runs, runs_per_vmap, place_data)
    if not engine.is_compiled():
        engine.trace(runs.at(np.array([0])))  # what does not fit shows here
    return Group(
        engine,
        runs,
        call.plan.epochs,
        outcome=results_of(call.plan),
        rows=rows,
        columns=columns,
        metrics=best_so_far(call.plan),
    )


def on_each_split(runs: Runs, splits: int) -> Runs:
    """Return every run on each of so many splits, the splits changing fastest."""
    hyper = {name: np.repeat(values, splits) for name, values in runs.hyper.items()}
    hyper[SPLIT] = np.tile(np.arange(splits, dtype=np.int32), len(runs.seeds))
    return Runs(np.repeat(runs.seeds, splits), hyper)


def results_of(plan: Plan) -> Callable[[RunState], RunState]:
    """Return what leaves out the optimizer's state: for Adam, two thirds of the bytes of a run."""

    def results(state: RunState) -> RunState:
        history = {name: values[..., : plan.epochs] for name, values in state.history.items()}
        current = TrainState(*trained(state), ())
        return state._replace(current=current, evaluated=(), history=history)

    return results


def best_so_far(plan: Plan) -> Metrics:
    """Return what reports the best value of each run of what is monitored."""

    def best(state: RunState) -> dict[str, jax.Array]:
        return {plan.monitor.metric: state.best.value}

    return best


def parameters_of(state: RunState) -> Parameters:
    """Return the part of a state that takes room."""
    return Parameters(*trained(state), state.best.params, state.best.state)


def traced_of(group: Group, setting: Setting) -> dict[str, Any]:
    """Return the hyperparameters of a setting that the program of its group traces."""
    return {name: setting[name] for name in group.runs.hyper if name != SPLIT}


def traced_net(group: Group, setting: Setting) -> Layer:
    """Return the network of a setting, its hyperparameters traced as they are in training."""
    build, hyper = group.engine.process.build, traced_of(group, setting)

    def within(use, **options):
        def program(hyper, *rest, **named):
            return use(build(hyper).net, *rest, **named)

        return compiler.jit(program, **options)

    init = within(lambda net, key: net.init(key))
    run = within(
        lambda net, *rest, key, train: net.forward(*rest, key=key, train=train),
        static_argnames="train",
    )
    backward = within(lambda net, *rest: net.backward(*rest))

    def forward(params, state, x, *, key=None, train=False):
        return run(hyper, params, state, x, key=key, train=train)

    return Layer(partial(init, hyper), forward, partial(backward, hyper), "network of a sweep")


def fingerprint_of(
    groups: Sequence[Group], datasets: Sequence[Dataset], settings: Sequence[Setting]
) -> tuple[dict[str, Any], list[str]]:
    """Return the data, settings and constants of a sweep as JSON, and its programs as texts."""
    named: dict[str, Any] = {"float": str(jnp.result_type(float))}
    for number, dataset in enumerate(datasets):
        before = f"split {number} " if len(datasets) > 1 else ""
        sums = dataset_fingerprint(dataset)
        named |= {f"{before}{name}": text for name, text in sums.items()}
    named |= settings_fingerprint(settings)
    first = groups[0]
    spec = first.engine.process.build(traced_of(first, settings[first.rows[0]]))
    for part, value in spec._asdict().items():
        named |= constants_of(part, value)
    traced = [program for g in groups for program in g.engine.trace_one()]
    return named, [program_fingerprint(program) for program in traced]
