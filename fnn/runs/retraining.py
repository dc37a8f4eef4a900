"""Training runs of a sweep again, of which the parameters were not kept."""

import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.checkpoint.manifest import differences
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.runs.driver import Driver, Group, GroupCollector
from fnn.runs.fingerprint import plain_settings, with_pickled
from fnn.runs.groups import StaticHyper
from fnn.runs.journal import Journal
from fnn.runs.results import Parameters, Sweep
from fnn.runs.settings import HyperValues, Setting, settings_of
from fnn.runs.spec_groups import Builder, build_spec
from fnn.runs.splits import checked_splits, splits_of
from fnn.runs.sweep_arrays import (
    SweepJob,
    empty_sweep,
    likes_of,
    put_finished,
    put_states,
    runs_per_vmap_of,
    without_parameters,
)
from fnn.runs.sweep_collector import run_missing
from fnn.runs.sweep_groups import (
    SweepCall,
    fingerprint_of,
    parameters_of,
    sweep_groups,
    traced_net,
)
from fnn.types import Layer, Loss


class Given(NamedTuple):
    """What a sweep was given that is not saved.

    metrics  None: there are none
    """

    builder: Builder | None = None
    dataset: Dataset | Sequence[Dataset] | None = None
    metrics: Mapping[str, Metric] | None = None

    def or_else(self, other: "Given") -> "Given":
        """Return this, and the parts of the other one in place of those that are None."""
        given = {name: mine for name, mine in self._asdict().items() if mine is not None}
        return other._replace(**given)


NOTHING = Given()


def extended_settings(settings: Sequence[Setting], hyper: HyperValues | None) -> list[Setting]:
    """Return settings with those of `hyper` behind them that are not there yet.

    Raises ValueError for other names.
    """
    more = [] if hyper is None else settings_of(hyper)
    names = list(settings[0])
    for setting in more:
        if set(setting) != set(names):
            raise ValueError(
                f"hyper: got the names {', '.join(setting)}, expected those of the sweep: "
                f"{', '.join(names)}."
            )
    known = {StaticHyper.of(setting, ()) for setting in settings}
    ordered = [{name: setting[name] for name in names} for setting in more]
    return [*settings, *(each for each in ordered if StaticHyper.of(each, ()) not in known)]


class Retraining:
    """Trains runs of a sweep again, bit for bit, with its programs and its data.

    Pickle leaves out programs and data, and keeps their fingerprint. What was unpickled takes the
    builder and the data set again, and refuses others.

    arguments  those of a `SweepCall`, by name
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        groups: Sequence[Group] | None = None,
        given: Given = NOTHING,
        fingerprint: tuple[dict[str, Any], list[str]] | None = None,
    ) -> None:
        self.arguments = arguments
        self.groups = groups
        self.given = given
        self.jax = jax.__version__
        self._fingerprint = fingerprint

    def __call__(
        self, setting: int, columns: Sequence[int], *, until: int | None = None, **given: Any
    ) -> Parameters:
        """Train the runs of a setting at these columns; leaves are (runs, …).

        until  the number of epochs; None: all of them

        given  the parts of `Given`, by name
        """
        trained: list[int] = []
        parameters: list[Parameters] = []
        for group in self._groups("run", setting, Given(**given)):
            self._check_float(group)
            own = [column for column in columns if column in group.columns]
            if until is not None:
                group = group._replace(epochs=min(until, group.epochs))
            first = group.rows.index(setting) * len(group.columns)
            taken = GroupCollector(
                first + np.array([group.columns.index(each) for each in own], int)
            )
            if own:
                Driver([group], taken, Journal(), keep_going=False).drive()
            trained += own
            parameters += map(parameters_of, taken.outcomes)
        order = [trained.index(column) for column in columns]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[order], *parameters)

    def net(self, setting: int, **given: Any) -> Layer:
        """Return the network of a setting."""
        group = self._groups("net", setting, Given(**given))[0]
        return traced_net(group, self.arguments["settings"][setting])

    def parts(self, setting: int, **given: Any) -> tuple[Layer, Loss]:
        """Return the network of a setting and its loss."""
        net = self.net(setting, **given)
        builder: Any = self.given.builder
        return net, build_spec(builder, self.arguments["settings"][setting]).loss

    def extend(
        self,
        sweep: Sweep,
        seeds: Iterable[int] | None,
        hyper: HyperValues | None,
        progress: bool,
        **given: Any,
    ) -> Sweep:
        """Return a sweep with more seeds and settings, of which only what is new is trained."""
        complete = self.complete("extend", Given(**given))
        assert self.groups is not None
        self._check_float(self.groups[0])
        old = SweepCall.of(self.arguments, complete.metrics)
        settings = extended_settings(old.settings, hyper)
        more = [] if seeds is None else checks.seeds(seeds)
        added = [old.asked_per_vmap] * (len(settings) - len(old.settings))
        call = old._replace(
            settings=settings,
            seeds=list(dict.fromkeys([*old.seeds, *more])),
            runs_per_vmap=[*(old.runs_per_vmap or ()), *added],
        )
        builder: Any = complete.builder
        dataset: Any = complete.dataset
        groups = sweep_groups(builder, checked_splits(dataset), call)
        call = call._replace(runs_per_vmap=runs_per_vmap_of(groups, len(call.settings)))
        retraining = Retraining(call.arguments(), groups, complete)
        if all(kept is None for kept in sweep.outputs):
            groups = [without_parameters(group) for group in groups]
        likes = likes_of(groups)
        rows = [group.rows for group in groups]
        whole = empty_sweep(retraining.arguments, rows, likes, retraining)
        put_finished(whole, sweep)
        whole.compile_seconds, whole.run_seconds = sweep.compile_seconds, sweep.run_seconds
        kept = any(kept is not None for kept in sweep.outputs)
        job = SweepJob(builder, checked_splits(dataset), call, kept)
        return run_missing(whole, groups, put_states, Journal([signal.SIGINT]), progress, job=job)

    def complete(self, asked: str, given: Given = NOTHING) -> Given:
        """Return what the sweep ran with. ValueError where some of it is missing, or another."""
        wanted = given.or_else(self.given)
        names = ("builder", "dataset")
        missing = [f"{name}=" for name in names if getattr(wanted, name) is None]
        if missing:
            raise ValueError(
                f"{asked}: this sweep was unpickled or loaded, without its programs and data; "
                f"{' and '.join(missing)} missing: pass those that it ran with."
            )
        is_known = all(a is b for a, b in zip(wanted, self.given, strict=True))
        if self.groups is None or not is_known:
            self.groups, self.given = self._rebuilt(wanted), wanted
        return wanted

    def fingerprint(self) -> tuple[dict[str, Any], list[str]]:
        """Return what tells the data and the programs."""
        if self._fingerprint is None:
            assert self.groups is not None
            assert self.given.dataset is not None
            settings = self.arguments["settings"]
            datasets = splits_of(self.given.dataset)
            self._fingerprint = fingerprint_of(self.groups, datasets, settings)
        return self._fingerprint

    def to_json(self) -> dict[str, Any]:
        """Return what is saved in a file, from which `from_json` makes another one."""
        arguments = self.arguments | {"settings": plain_settings(self.arguments["settings"])}
        return {"call": arguments, "fingerprint": self.fingerprint(), "jax": self.jax}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """Make what trains runs again, once it has a builder and a data set."""
        named, programs = saved["fingerprint"]
        retraining = cls(saved["call"], fingerprint=(named, list(programs)))
        retraining.jax = saved["jax"]
        return retraining

    def __getstate__(self) -> dict[str, Any]:
        settings = with_pickled(self.arguments["settings"])
        content = {"arguments": self.arguments | {"settings": settings}, "jax": self.jax}
        nothing = {"groups": None, "given": NOTHING}
        return content | nothing | {"_fingerprint": self.fingerprint()}

    def _groups(self, asked: str, setting: int, given: Given) -> list[Group]:
        """Return the groups of a setting: one, or one for each size of its splits."""
        self.complete(asked, given)
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

    def _rebuilt(self, given: Given) -> list[Group]:
        """Build the programs again, and refuse those that are not what they were."""
        builder: Any = given.builder
        datasets = checked_splits(given.dataset)
        try:
            call = SweepCall.of(self.arguments, given.metrics)
            groups = sweep_groups(builder, datasets, call)
        except Exception as error:
            error.add_note(
                "The builder got the settings as they were saved: values that are no numbers, "
                "texts or tuples of them, such as functions, came back as texts. A sweep over "
                "names of such values can be trained again after saving."
            )
            raise
        saved, programs = self.fingerprint()
        named, texts = fingerprint_of(groups, datasets, call.settings)
        unlike = differences(saved, named)
        same_jax = self.jax == jax.__version__  # on which the texts of programs depend
        if same_jax and not unlike and texts != programs:
            unlike = ["the program of net, loss, optimizer or metrics is another one"]
        if unlike:
            raise ValueError(
                f"builder, dataset, metrics: not those of this sweep. {'; '.join(unlike)}. Pass "
                "those that it ran with."
            )
        return groups
