"""The programs of a sweep of networks: what its call says, and the groups that the driver runs."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks, compiler, tree
from fnn.data import Dataset
from fnn.runs.blocks import device_mesh, replicated
from fnn.runs.driver import Group
from fnn.runs.engine import (
    advance_one,
    begin_one,
    default_runs_per_vmap,
    engine_of,
    like_of,
)
from fnn.runs.fingerprint import (
    address_free,
    constants_of,
    dataset_fingerprint,
    program_fingerprint,
)
from fnn.runs.results import Parameters
from fnn.runs.settings import Setting, runs_of
from fnn.runs.spec_groups import Builder, spec_groups
from fnn.runs.training import RunState, TrainProcess
from fnn.types import Layer


class SweepCall(NamedTuple):
    """The arguments of a sweep that shape its programs, as JSON.

    runs_per_vmap  for each setting; None: by the size of its network
    """

    settings: Sequence[Setting]
    seeds: Sequence[int]
    epochs: int
    batch_size: int
    patience: int | None = None
    static: Sequence[str] | None = None
    runs_per_vmap: Sequence[int] | None = None


class SweepGroup(NamedTuple):
    """The settings, by their rows, that one program serves."""

    rows: list[int]
    traced: tuple[str, ...]
    group: Group

    @property
    def process(self) -> TrainProcess:
        """Return what the runs of the group do."""
        process = self.group.engine.process
        assert isinstance(process, TrainProcess)
        return process

    def net(self, setting: Setting) -> Layer:
        """Return the network that the builder makes where these hyperparameters are traced."""
        return traced_net(self.process, {name: setting[name] for name in self.traced})


def sweep_groups(builder: Builder, dataset: Dataset, call: SweepCall) -> list[SweepGroup]:
    """Build the groups of a sweep, after every refusal and before anything is compiled."""
    found = spec_groups(
        builder, call.settings, dataset, call.epochs, call.batch_size, call.patience, call.static
    )
    mesh = device_mesh()
    shared = replicated(mesh, dataset._replace(scaling=None))
    groups = []
    for setting_group, process in found:
        rows = setting_group.rows
        runs = runs_of([call.settings[row] for row in rows], setting_group.traced, call.seeds)
        like = like_of(process, runs)
        runs_per_vmap = default_runs_per_vmap(tree.size(like.current.params))
        if call.runs_per_vmap is not None:
            runs_per_vmap = call.runs_per_vmap[rows[0]]
        engine = engine_of(process, mesh, shared, runs, runs_per_vmap)
        engine.trace(runs.at(np.array([0])))  # what does not fit shows here
        group = Group(engine, runs, call.epochs, results_of, lowest_loss)
        groups.append(SweepGroup(rows, setting_group.traced, group))
    return groups


def results_of(state: RunState) -> RunState:
    """Leave out the optimizer's state: for Adam, two thirds of the bytes of a run."""
    return state._replace(current=state.current._replace(optimizer_state=()))


def lowest_loss(state: RunState) -> dict[str, jax.Array]:
    """Return the lowest validation loss of each run so far."""
    return {"validation_loss": state.best.loss}


def parameters_of(state: RunState) -> Parameters:
    """Return the part of a state that takes room."""
    params, network_state, _ = state.current
    return Parameters(params, network_state, state.best.params, state.best.state)


def traced_net(process: TrainProcess, hyper: Mapping[str, Any]) -> Layer:
    """Return the network of a process, its hyperparameters traced as they are in training."""

    def within(use, **options):
        def program(hyper, *rest, **named):
            return use(process.build(hyper).net, *rest, **named)

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
    groups: Sequence[SweepGroup], dataset: Dataset, settings: Sequence[Setting]
) -> tuple[dict[str, Any], list[str]]:
    """Return the data, settings and constants of a sweep as JSON, and its programs as texts."""
    named: dict[str, Any] = {"float": str(jnp.result_type(float)), **dataset_fingerprint(dataset)}
    for row, setting in enumerate(settings):
        named[f"setting {row}"] = {name: _plain(value) for name, value in setting.items()}
    first = groups[0]
    spec = first.process.build({name: settings[first.rows[0]][name] for name in first.traced})
    for part, value in spec._asdict().items():
        named |= constants_of(part, value)
    return named, [text for group in groups for text in program_texts(group.group)]


def program_texts(group: Group) -> list[str]:
    """Return the programs of one run as texts, which do not depend on blocks or devices."""
    engine, one = group.engine, group.runs.one()
    begin = begin_one.trace(engine.process, *one)
    advance = advance_one.trace(engine.process, *one, engine.data, engine.like, np.int32(0))
    return [program_fingerprint(begin), program_fingerprint(advance)]


def check_runs_per_vmap(runs_per_vmap: Any, exact: Any = False) -> int | None:
    """Check how many runs share a row: None, 1, or a power of two of at least 8."""
    checks.truth("exact", exact)
    if runs_per_vmap is not None:
        count = checks.count("runs_per_vmap", runs_per_vmap)
        if count != 1 and (count < 8 or count & (count - 1)):
            raise ValueError(
                f"runs_per_vmap: got {count}, expected 1, or a power of two of at least 8: with "
                "others, vector instructions treat the runs of a row unlike, and the last bits of "
                "a run depend on its place."
            )
        if exact and count != 1:
            raise ValueError(f"runs_per_vmap: got {count} with exact=True, which means 1.")
        return count
    return 1 if exact else None


def _plain(value: Any) -> Any:
    is_plain = isinstance(value, (str, bool, int, float, type(None)))
    return value if is_plain else address_free(repr(value))
