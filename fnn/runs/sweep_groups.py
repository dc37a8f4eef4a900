"""The programs of a sweep of networks: what its call says, and the groups that the driver runs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnn import compiler, tree
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.runs.driver import Group, Metrics
from fnn.runs.engine import Shapes, default_runs_per_vmap, engine_of, like_of
from fnn.runs.fingerprint import (
    constants_of,
    program_fingerprint,
    settings_fingerprint,
)
from fnn.runs.placed import dataset_fingerprint, on_devices
from fnn.runs.results import Parameters
from fnn.runs.settings import Setting, runs_of
from fnn.runs.spec_groups import Builder, spec_groups
from fnn.runs.step import TrainState
from fnn.runs.training import Plan, RunState, trained
from fnn.types import Layer


class SweepCall(NamedTuple):
    """The arguments of a sweep that shape its programs.

    examples        how many each split has
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

    def arguments(self) -> dict[str, Any]:
        """Return them by name, the plan as JSON, its metrics as names alone."""
        return self._asdict() | {"plan": self.plan.to_json()}

    @classmethod
    def of(cls, arguments: Mapping[str, Any], metrics: Mapping[str, Metric] | None) -> Self:
        """Make it of arguments by name and the functions of its metrics."""
        return cls(**{**arguments, "plan": Plan.from_json(arguments["plan"], metrics)})


def sweep_groups(builder: Builder, dataset: Dataset, call: SweepCall) -> list[Group]:
    """Build the groups of a sweep, after every refusal and before anything is compiled."""
    found = spec_groups(builder, call.settings, dataset, call.plan, call.static)
    groups = []
    for setting_group, process in found:
        rows = setting_group.rows
        runs = runs_of([call.settings[row] for row in rows], setting_group.traced, call.seeds)
        like = like_of(process, Shapes.of(runs.one()))
        runs_per_vmap = default_runs_per_vmap(tree.size(like.current.params), len(runs.seeds))
        if call.runs_per_vmap is not None and rows[0] < len(call.runs_per_vmap):
            runs_per_vmap = call.runs_per_vmap[rows[0]] or runs_per_vmap
        engine = engine_of(process, runs, runs_per_vmap, partial(on_devices, dataset))
        if not engine.is_compiled():
            engine.trace(runs.at(np.array([0])))  # what does not fit shows here
        group = Group(engine, runs, call.plan.epochs, outcome=results_of(call.plan), rows=rows)
        groups.append(group._replace(metrics=best_so_far(call.plan)))
    return groups


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
    return {name: setting[name] for name in group.runs.hyper}


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
    groups: Sequence[Group], dataset: Dataset, settings: Sequence[Setting]
) -> tuple[dict[str, Any], list[str]]:
    """Return the data, settings and constants of a sweep as JSON, and its programs as texts."""
    named: dict[str, Any] = {"float": str(jnp.result_type(float)), **dataset_fingerprint(dataset)}
    named |= settings_fingerprint(settings)
    first = groups[0]
    spec = first.engine.process.build(traced_of(first, settings[first.rows[0]]))
    for part, value in spec._asdict().items():
        named |= constants_of(part, value)
    traced = [program for g in groups for program in g.engine.trace_one()]
    return named, [program_fingerprint(program) for program in traced]
