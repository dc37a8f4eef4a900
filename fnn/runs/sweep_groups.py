"""The programs of a sweep of networks: its call, and the groups that the driver runs."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from fnn import compiler, tree
from fnn.data import Arrays, Dataset
from fnn.metrics import Metric
from fnn.runs.blocks import Runs
from fnn.runs.builder import Builder, check_group, training_processes
from fnn.runs.driver import Group, Metrics
from fnn.runs.engine import MOST_PROGRAMS, Shapes, default_runs_per_vmap, engine_of, like_of
from fnn.runs.fingerprint import (
    constants_of,
    program_fingerprint,
    settings_fingerprint,
)
from fnn.runs.placed import dataset_fingerprint, on_devices, together_on_devices
from fnn.runs.results import Parameters
from fnn.runs.run_data import SPLIT
from fnn.runs.settings import Setting, runs_of
from fnn.runs.step import TrainSpec, TrainState
from fnn.runs.traced import SettingGroup
from fnn.runs.training import Plan, RunState, TrainProcess, trained
from fnn.types import Layer


class SweepCall(NamedTuple):
    """Hold the arguments of a sweep that shape its programs.

    settings        the hyperparameters of each setting
    seeds           the seeds
    plan            the options of the training
    examples        the number of examples of each part of a split, the fewest where splits differ
    static          names of hyperparameters that are not traced; None: they are found by trying
    runs_per_vmap   how many runs share a row, for each setting; where it is None, the size of the
                    network decides
    asked_per_vmap  the caller's own number, for settings that are added later
    splits          the number of splits on which each setting and seed is trained
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
        """Return the arguments by name. The plan is JSON, with the names of its metrics alone."""
        arguments = self._asdict()
        arguments["plan"] = self.plan.to_json()
        return arguments

    @classmethod
    def of(cls, arguments: Mapping[str, Any], metrics: Mapping[str, Metric] | None) -> Self:
        """Make the call of its arguments by name, and of the functions of its metrics."""
        saved_plan = arguments["plan"]
        plan = Plan.from_json(saved_plan, metrics)
        by_name = {**arguments, "plan": plan}
        return cls(**by_name)


def sweep_groups(builder: Builder, datasets: Sequence[Dataset], call: SweepCall) -> list[Group]:
    """Build the groups of a sweep, after every refusal and before anything is compiled.

    datasets  one for each split; splits of equal shapes are runs of one program
    """
    first, *others = datasets
    groups = training_processes(builder, call.settings, first, call.plan, call.static)
    for setting_group, process in groups:
        for dataset in others:
            check_group(builder, setting_group, process, call.settings, dataset)
    placers = []
    for numbers in splits_by_shape(datasets):
        of_one_shape = [datasets[number] for number in numbers]
        place_data = data_placer(of_one_shape)
        placers.append((numbers, place_data))
    return [
        group_of(setting_group, process, numbers, place_data, call)
        for setting_group, process in groups
        for numbers, place_data in placers
    ]


def splits_by_shape(datasets: Sequence[Dataset]) -> list[tuple[int, ...]]:
    """Return the numbers of the splits, grouped by equal shapes."""
    numbers_of: dict[Shapes, list[int]] = {}
    for number, dataset in enumerate(datasets):
        shapes = Shapes.of(dataset.arrays)
        numbers = numbers_of.setdefault(shapes, [])
        numbers.append(number)
    groups = numbers_of.values()
    return [tuple(numbers) for numbers in groups]


def data_placer(datasets: Sequence[Dataset]) -> Callable[[Mesh | None], Arrays]:
    """Return a function that puts splits of equal shapes on the devices of a mesh.

    Several splits are put there once for all programs of a sweep.
    """
    if len(datasets) == 1:
        dataset = datasets[0]
        return partial(on_devices, dataset)
    place = partial(together_on_devices, datasets)
    return cache(place)


def group_of(
    setting_group: SettingGroup,
    process: TrainProcess,
    numbers: Sequence[int],
    place_data: Callable[[Mesh | None], Arrays],
    call: SweepCall,
) -> Group:
    """Build the group of some settings, with every seed, on the splits with these numbers."""
    rows = setting_group.rows
    settings = [call.settings[row] for row in rows]
    columns = []
    for place in range(len(call.seeds)):
        columns += [place * call.splits + number for number in numbers]
    runs = runs_of(settings, setting_group.traced, call.seeds)
    if len(numbers) > 1:
        runs = on_each_split(runs, len(numbers))
        process = process._replace(splits=len(numbers))
    runs_per_vmap = runs_per_vmap_for(rows, process, runs, call)
    engine = engine_of(process, runs, runs_per_vmap, place_data)
    if not engine.is_compiled():
        # Tracing refuses parts that do not fit together.
        first_run = runs.at(np.array([0]))
        engine.trace(first_run)
    return Group(
        engine,
        runs,
        call.plan.epochs,
        outcome=results_of(call.plan),
        rows=rows,
        columns=columns,
        metrics=best_so_far(call.plan),
    )


def runs_per_vmap_for(
    rows: Sequence[int], process: TrainProcess, runs: Runs, call: SweepCall
) -> int:
    """Return how many runs of a group share a row: the call's number, or the default."""
    of_settings = call.runs_per_vmap or ()
    first = rows[0]
    given = of_settings[first] if first < len(of_settings) else None
    if given:
        return given
    one = Shapes.of(runs.one())
    like = like_of(process, one)
    parameters = tree.size(like.current.params)
    runs_in_all = len(rows) * len(call.seeds) * call.splits
    return default_runs_per_vmap(parameters, runs_in_all)


def on_each_split(runs: Runs, splits: int) -> Runs:
    """Return every run on each of the splits. The split changes fastest."""
    seeds = np.repeat(runs.seeds, splits)
    hyper = {}
    for name, values in runs.hyper.items():
        hyper[name] = np.repeat(values, splits)
    numbers = np.arange(splits, dtype=np.int32)
    hyper[SPLIT] = np.tile(numbers, len(runs.seeds))
    return Runs(seeds, hyper)


@lru_cache(MOST_PROGRAMS)  # one function for all calls, as `parameterless`
def results_of(plan: Plan) -> Callable[[RunState], RunState]:
    """Return a function that reduces a final state to the results of a run.

    It leaves out the optimizer's state, which for Adam has two thirds of the bytes of a run.
    """

    def results(state: RunState) -> RunState:
        history = first_epochs(state.history, plan.epochs)
        params, net_state = trained(state)
        current = TrainState(params, net_state, ())
        return state._replace(current=current, evaluated=(), history=history)

    return results


def cut(history: dict[str, jax.Array], epochs: int) -> dict[str, jax.Array]:
    """Return the first epochs of a history; leaves (…, epochs)."""
    return {name: values[..., :epochs] for name, values in history.items()}


first_epochs = compiler.jit(cut, static_argnums=1)  # one call of the device for all entries


def best_so_far(plan: Plan) -> Metrics:
    """Return a function that reports the best value of the monitored metric for each run."""

    def best(state: RunState) -> dict[str, jax.Array]:
        return {plan.monitor.metric: state.best.value}

    return best


def parameters_of(state: RunState) -> Parameters:
    """Return the parameters of a state: those of the last epoch and those of the best one."""
    params, net_state = trained(state)
    return Parameters(params, net_state, state.best.params, state.best.state)


def traced_of(group: Group, setting: Setting) -> dict[str, Any]:
    """Return the hyperparameters of a setting that its group's program traces."""
    return {name: setting[name] for name in group.runs.hyper if name != SPLIT}


def traced_net(group: Group, setting: Setting) -> Layer:
    """Return the network of a setting. Its hyperparameters are traced as they are in training."""
    build = group.engine.process.build
    hyper = traced_of(group, setting)

    def within(use, **options):
        """Compile a use of the network, as a function of the hyperparameters."""

        def program(hyper, *rest, **named):
            net = build(hyper).net
            return use(net, *rest, **named)

        return compiler.jit(program, **options)

    init = within(lambda net, key: net.init(key))
    run = within(
        lambda net, *rest, key, train: net.forward(*rest, key=key, train=train),
        static_argnames="train",
    )
    backward = within(lambda net, *rest: net.backward(*rest))

    def forward(params, state, x, *, key=None, train=False):
        return run(hyper, params, state, x, key=key, train=train)

    init_with_hyper = partial(init, hyper)
    backward_with_hyper = partial(backward, hyper)
    return Layer(init_with_hyper, forward, backward_with_hyper, "network of a sweep")


def fingerprint_of(
    groups: Sequence[Group], datasets: Sequence[Dataset], settings: Sequence[Setting]
) -> tuple[dict[str, Any], list[str]]:
    """Return the data, settings and constants of a sweep as JSON, and its programs as texts."""
    dtype = jnp.result_type(float)
    named: dict[str, Any] = {"float": str(dtype)}
    has_several = len(datasets) > 1
    for number, dataset in enumerate(datasets):
        prefix = f"split {number} " if has_several else ""
        texts = dataset_fingerprint(dataset)
        for name, text in texts.items():
            named[f"{prefix}{name}"] = text
    named |= settings_fingerprint(settings)
    parts = first_spec(groups[0], settings)._asdict()
    for part, value in parts.items():
        named |= constants_of(part, value)
    programs: list[str] = []
    for group in groups:
        begin, advance = group.engine.trace_one()
        programs.append(program_fingerprint(begin))
        programs.append(program_fingerprint(advance))
    return named, programs


def first_spec(group: Group, settings: Sequence[Setting]) -> TrainSpec:
    """Return what the builder returns for the first setting of a group."""
    first = group.rows[0]
    hyper = traced_of(group, settings[first])
    return group.engine.process.build(hyper)
