"""Train runs of a sweep again whose parameters were not kept, and train more of them."""

import operator
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.checkpoint.manifest import differences
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.runs.builder import Builder, build_spec
from fnn.runs.driver import Driver, Group, GroupCollector
from fnn.runs.fingerprint import constants_of, plain_settings, with_pickled
from fnn.runs.journal import Journal
from fnn.runs.missing_runs import run_missing
from fnn.runs.predict import Constant, outputs_program
from fnn.runs.results import Parameters, Sweep
from fnn.runs.settings import HyperValues, Setting, settings_of
from fnn.runs.splits import checked_splits, splits_of
from fnn.runs.step import TrainSpec
from fnn.runs.sweep_arrays import (
    SweepJob,
    empty_sweep,
    likes_of,
    put_finished,
    put_states,
    runs_per_vmap_of,
    without_parameters,
)
from fnn.runs.sweep_groups import (
    SweepCall,
    fingerprint_of,
    parameters_of,
    sweep_groups,
    traced_net,
    traced_of,
)
from fnn.runs.traced import StaticHyper
from fnn.types import Layer, Loss, Params, State
from fnn.workers import Workers, workers_of


class Inputs(NamedTuple):
    """The arguments of a sweep that are not saved with it; None for those that are not known.

    metrics  also None where the sweep has none
    """

    builder: Builder | None = None
    dataset: Dataset | Sequence[Dataset] | None = None
    metrics: Mapping[str, Metric] | None = None

    def completed_by(self, earlier: "Inputs") -> "Inputs":
        """Return these inputs, with the earlier ones in place of those that are None."""
        known = {name: value for name, value in self._asdict().items() if value is not None}
        return earlier._replace(**known)


NO_INPUTS = Inputs()


class NetBuilder(NamedTuple):
    """A function of hyperparameters that returns the network of a builder's parts."""

    build: Callable[[Any], TrainSpec]

    def __call__(self, hyper: Any) -> Layer:
        """Return the network."""
        return self.build(hyper).net


def extended_settings(settings: Sequence[Setting], hyper: HyperValues | None) -> list[Setting]:
    """Return the settings, followed by the settings of `hyper` that are not among them.

    Raises ValueError for names that the settings do not have.
    """
    more = [] if hyper is None else settings_of(hyper)
    names = list(settings[0])
    for setting in more:
        if set(setting) != set(names):
            raise ValueError(
                f"hyper: got the names {', '.join(setting)}, expected those of the sweep: "
                f"{', '.join(names)}."
            )
    present = {StaticHyper.of(setting, ()) for setting in settings}
    extended = list(settings)
    for setting in more:
        in_order = {name: setting[name] for name in names}
        if StaticHyper.of(in_order, ()) not in present:
            extended.append(in_order)
    return extended


class Retraining:
    """Trains runs of a sweep again, bit for bit, with its programs and its data.

    Pickle leaves out the programs and the data, and keeps their fingerprint. An unpickled sweep
    needs the builder and the data set again, and refuses others.

    arguments    those of a `SweepCall`, by name
    groups       the programs; None where they are not built
    inputs       the arguments from which they were built
    fingerprint  the data and the programs in words, if they are known already
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        groups: Sequence[Group] | None = None,
        inputs: Inputs = NO_INPUTS,
        fingerprint: tuple[dict[str, Any], list[str]] | None = None,
    ) -> None:
        self.arguments = arguments
        self.groups = groups
        self.inputs = inputs
        self.jax = jax.__version__
        self._fingerprint = fingerprint
        self._nets: dict[int, Layer] = {}

    def __call__(
        self, setting: int, columns: Sequence[int], *, until: int | None = None, **inputs: Any
    ) -> Parameters:
        """Train the runs of a setting at these columns; leaves are (runs, …).

        until   the number of epochs; None: all of them
        inputs  those of `Inputs`, by name
        """
        trained: list[int] = []
        parameters: list[Parameters] = []
        for group in self._groups("run", setting, Inputs(**inputs)):
            self._check_float(group)
            own = [column for column in columns if column in group.columns]
            if until is not None:
                group = group._replace(epochs=min(until, group.epochs))
            places = [group.columns.index(column) for column in own]
            row = group.rows.index(setting)
            numbers = row * len(group.columns) + np.array(places, int)
            taken = GroupCollector(numbers)
            if own:
                Driver([group], taken, Journal(), keep_going=False).drive()
            trained += own
            parameters += map(parameters_of, taken.outcomes)
        order = [trained.index(column) for column in columns]

        def in_order(*leaves: np.ndarray) -> np.ndarray:
            return np.concatenate(leaves)[order]

        return jax.tree.map(in_order, *parameters)

    def net(self, setting: int, **inputs: Any) -> Layer:
        """Return the network of a setting: the same object each time, which JAX compiles once."""
        group = self._groups("net", setting, Inputs(**inputs))[0]
        if setting not in self._nets:
            self._nets[setting] = traced_net(group, self.arguments["settings"][setting])
        return self._nets[setting]

    def outputs(
        self, setting: int, params: Params, state: State, x: np.ndarray, **inputs: Any
    ) -> Any:
        """Return the outputs (runs, examples, outputs) of runs of a setting on inputs x.

        params, state  leaves (runs, …)
        inputs         as for `parts`
        """
        wanted = Inputs(**inputs).completed_by(self.inputs)
        hyper: dict[str, Any] = {}
        net_of: Any
        if wanted.dataset is None:
            net, _ = self.parts(setting, **inputs)
            net_of = Constant(net)
        else:
            group = self._groups("predict", setting, Inputs(**inputs))[0]
            net_of = NetBuilder(group.engine.process.build)
            hyper = traced_of(group, self.arguments["settings"][setting])
        return outputs_program(net_of)(hyper, params, state, x)

    def parts(self, setting: int, **inputs: Any) -> tuple[Layer, Loss]:
        """Return the network of a setting and its loss, which need the builder alone.

        Raises ValueError for another builder. Without the data its programs cannot be compared, so
        the constants within networks and losses are.
        """
        wanted = Inputs(**inputs).completed_by(self.inputs)
        builder: Any = wanted.builder
        if builder is None:
            raise ValueError(
                "predict: this sweep was unpickled or loaded, without its programs; pass the "
                "builder= that it ran with."
            )
        settings = self.arguments["settings"]
        spec = build_spec(builder, settings[setting])
        if wanted.dataset is not None:
            return self.net(setting, **inputs), spec.loss
        self._check_constants(build_spec(builder, settings[0]))
        return spec.net, spec.loss

    def _check_constants(self, first: TrainSpec) -> None:
        """Refuse a builder whose network or loss has other constants than that of the sweep.

        first  of the first setting, whose constants the fingerprint has
        """
        saved, _ = self.fingerprint()
        unlike = []
        for part, value in {"net": first.net, "loss": first.loss}.items():
            of_part = {name: saved[name] for name in saved if name.split(".")[0] == part}
            unlike += differences(of_part, constants_of(part, value))
        if unlike:
            raise ValueError(
                f"builder: not that of this sweep. {'; '.join(unlike)}. Pass the one that it ran "
                "with; or dataset= too, by which the programs themselves are compared."
            )

    def extend(
        self,
        sweep: Sweep,
        seeds: Iterable[int] | None,
        hyper: HyperValues | None,
        progress: bool,
        executor: Executor | Workers | None,
        **inputs: Any,
    ) -> Sweep:
        """Return a sweep with more seeds and settings; only the new runs are trained."""
        workers = workers_of(executor)
        complete = self.complete("extend", Inputs(**inputs))
        assert self.groups is not None
        self._check_float(self.groups[0])
        builder: Any = complete.builder
        datasets = checked_splits(complete.dataset)
        call = self._extended_call(seeds, hyper, complete)
        groups = sweep_groups(builder, datasets, call)
        call = call._replace(runs_per_vmap=runs_per_vmap_of(groups, len(call.settings)))
        retraining = Retraining(call.arguments(), groups, complete)
        keep_params = any(kept is not None for kept in sweep.outputs)
        if not keep_params:
            groups = [without_parameters(group) for group in groups]
        rows = [group.rows for group in groups]
        whole = empty_sweep(retraining.arguments, rows, likes_of(groups), retraining)
        put_finished(whole, sweep)
        whole.compile_seconds = sweep.compile_seconds
        whole.run_seconds = sweep.run_seconds
        job = SweepJob(builder, datasets, call, keep_params)
        journal = Journal([signal.SIGINT])
        return run_missing(whole, groups, put_states, journal, progress, job=job, workers=workers)

    def _extended_call(
        self, seeds: Iterable[int] | None, hyper: HyperValues | None, inputs: Inputs
    ) -> SweepCall:
        """Return the call of the sweep with more seeds and settings."""
        old = SweepCall.of(self.arguments, inputs.metrics)
        settings = extended_settings(old.settings, hyper)
        more_seeds = [] if seeds is None else checks.seeds(seeds)
        added = len(settings) - len(old.settings)
        return old._replace(
            settings=settings,
            seeds=list(dict.fromkeys([*old.seeds, *more_seeds])),
            runs_per_vmap=[*(old.runs_per_vmap or ()), *[old.asked_per_vmap] * added],
        )

    def complete(self, method: str, inputs: Inputs = NO_INPUTS) -> Inputs:
        """Return the inputs of the sweep, after building its programs if they are not there.

        method  the method that needs them, for the message

        Raises ValueError where one is missing or is not that of the sweep.
        """
        wanted = inputs.completed_by(self.inputs)
        missing = [f"{name}=" for name in ("builder", "dataset") if getattr(wanted, name) is None]
        if missing:
            raise ValueError(
                f"{method}: this sweep was unpickled or loaded, without its programs and data; "
                f"{' and '.join(missing)} missing: pass those that it ran with."
            )
        is_unchanged = all(map(operator.is_, wanted, self.inputs))
        if self.groups is None or not is_unchanged:
            self.groups = self._rebuilt(wanted)
            self.inputs = wanted
            self._nets = {}
        return wanted

    def fingerprint(self) -> tuple[dict[str, Any], list[str]]:
        """Return the data by name, and the programs as texts, to compare another call with."""
        if self._fingerprint is None:
            assert self.groups is not None
            assert self.inputs.dataset is not None
            datasets = splits_of(self.inputs.dataset)
            self._fingerprint = fingerprint_of(self.groups, datasets, self.arguments["settings"])
        return self._fingerprint

    def to_json(self) -> dict[str, Any]:
        """Return the content that is saved in a file, for `from_json`."""
        arguments = self.arguments | {"settings": plain_settings(self.arguments["settings"])}
        return {"call": arguments, "fingerprint": self.fingerprint(), "jax": self.jax}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """Make it from a saved content; it has no programs before it gets its inputs."""
        named, programs = saved["fingerprint"]
        retraining = cls(saved["call"], fingerprint=(named, list(programs)))
        retraining.jax = saved["jax"]
        return retraining

    def __getstate__(self) -> dict[str, Any]:
        settings = with_pickled(self.arguments["settings"])
        return {
            "arguments": self.arguments | {"settings": settings},
            "jax": self.jax,
            "groups": None,
            "inputs": NO_INPUTS,
            "_nets": {},
            "_fingerprint": self.fingerprint(),
        }

    def _groups(self, method: str, setting: int, inputs: Inputs) -> list[Group]:
        """Return the groups of a setting: one, or one for each size of its splits."""
        self.complete(method, inputs)
        assert self.groups is not None
        return [group for group in self.groups if setting in group.rows]

    def _check_float(self, group: Group) -> None:
        """Refuse to train under the other setting of jax_enable_x64."""
        history = group.engine.like.history
        if any(leaf.dtype != jnp.result_type(float) for leaf in history.values()):
            raise ValueError(
                "x64: the sweep ran under the other setting of jax_enable_x64; train these runs "
                "under it."
            )

    def _rebuilt(self, inputs: Inputs) -> list[Group]:
        """Build the programs again, and refuse programs and data that have changed."""
        builder: Any = inputs.builder
        datasets = checked_splits(inputs.dataset)
        try:
            call = SweepCall.of(self.arguments, inputs.metrics)
            groups = sweep_groups(builder, datasets, call)
        except Exception as error:
            error.add_note(
                "The builder got the settings as they were saved: values that are no numbers, "
                "texts or tuples of them, such as functions, came back as texts. A sweep over "
                "names of such values can be trained again after saving."
            )
            raise
        saved_data, saved_programs = self.fingerprint()
        data, programs = fingerprint_of(groups, datasets, call.settings)
        unlike = differences(saved_data, data)
        same_jax = self.jax == jax.__version__  # the texts of programs depend on it
        if same_jax and not unlike and programs != saved_programs:
            unlike = ["the program of net, loss, optimizer or metrics is another one"]
        if unlike:
            raise ValueError(
                f"builder, dataset, metrics: not those of this sweep. {'; '.join(unlike)}. Pass "
                "those that it ran with."
            )
        return groups
