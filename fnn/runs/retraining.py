"""Training runs of a sweep again, of which the parameters were not kept."""

from collections.abc import Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnn.checkpoint.manifest import differences
from fnn.data import Dataset
from fnn.runs.driver import Driver, Group, Taken
from fnn.runs.fingerprint import plain_settings, with_pickled
from fnn.runs.journal import Journal
from fnn.runs.results import Parameters
from fnn.runs.spec_groups import Builder
from fnn.runs.sweep_groups import (
    SweepCall,
    fingerprint_of,
    parameters_of,
    sweep_groups,
    traced_net,
)
from fnn.types import Layer

NAMES = ("builder=", "dataset=")


class Retraining:
    """Trains runs of a sweep again, bit for bit, with its programs and its data.

    Pickle leaves out programs and data, and keeps their fingerprint. What was unpickled takes the
    builder and the data set again, and refuses others.
    """

    def __init__(
        self,
        call: SweepCall,
        groups: Sequence[Group] | None = None,
        given: tuple[Builder, Dataset] | None = None,
        fingerprint: tuple[dict[str, Any], list[str]] | None = None,
    ) -> None:
        self.call = call
        self.groups = groups
        self.given = given
        self.jax = jax.__version__
        self._fingerprint = fingerprint

    def __call__(
        self, setting: int, columns: Sequence[int], builder: Any = None, dataset: Any = None
    ) -> Parameters:
        """Train the runs of a setting at these positions of seeds; leaves are (runs, …)."""
        chosen = self._group("run", setting, builder, dataset)
        like = chosen.engine.like
        if any(leaf.dtype != jnp.result_type(float) for leaf in like.history.values()):
            raise ValueError(
                "x64: the sweep ran under the other setting of jax_enable_x64; train these runs "
                "under it."
            )
        first = chosen.rows.index(setting) * len(self.call.seeds)
        taken = Taken(first + np.array(columns))
        Driver([chosen], taken, Journal(), keep_going=False).drive()
        parameters = map(parameters_of, taken.outcomes)
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parameters)

    def net(self, setting: int, builder: Any = None, dataset: Any = None) -> Layer:
        """Return the network of a setting."""
        group = self._group("net", setting, builder, dataset)
        return traced_net(group, self.call.settings[setting])

    def fingerprint(self) -> tuple[dict[str, Any], list[str]]:
        """Return what tells the data and the programs."""
        if self._fingerprint is None:
            assert self.groups is not None
            assert self.given is not None
            self._fingerprint = fingerprint_of(self.groups, self.given[1], self.call.settings)
        return self._fingerprint

    def to_json(self) -> dict[str, Any]:
        """Return what is saved in a file, from which `from_json` makes another one."""
        call = self.call._asdict() | {"settings": plain_settings(self.call.settings)}
        return {"call": call, "fingerprint": self.fingerprint(), "jax": self.jax}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> Self:
        """Make what trains runs again, once it has a builder and a data set."""
        named, programs = saved["fingerprint"]
        retraining = cls(SweepCall(**saved["call"]), fingerprint=(named, list(programs)))
        retraining.jax = saved["jax"]
        return retraining

    def __getstate__(self) -> dict[str, Any]:
        call = self.call._replace(settings=with_pickled(self.call.settings))
        content = {"call": call, "groups": None, "given": None, "jax": self.jax}
        return content | {"_fingerprint": self.fingerprint()}

    def _group(self, asked: str, setting: int, builder: Any, dataset: Any) -> Group:
        given: Any = self.given or (None, None)
        wanted: Any = builder or given[0], dataset or given[1]
        missing = [name for name, each in zip(NAMES, wanted, strict=True) if each is None]
        if missing:
            raise ValueError(
                f"{asked}: this sweep was unpickled or loaded, without its programs and data; "
                f"{' and '.join(missing)} missing: pass those that it ran with."
            )
        if self.groups is None or wanted[0] is not given[0] or wanted[1] is not given[1]:
            self.groups, self.given = self._rebuilt(*wanted), wanted
        return next(group for group in self.groups if setting in group.rows)

    def _rebuilt(self, builder: Builder, dataset: Dataset) -> list[Group]:
        """Build the programs again, and refuse those that are not what they were."""
        try:
            groups = sweep_groups(builder, dataset, self.call)
        except Exception as error:
            error.add_note(
                "The builder got the settings as they were saved: values that are no numbers, "
                "texts or tuples of them, such as functions, came back as texts. A sweep over "
                "names of such values can be trained again after saving."
            )
            raise
        saved, programs = self.fingerprint()
        named, texts = fingerprint_of(groups, dataset, self.call.settings)
        unlike = differences(saved, named)
        same_jax = self.jax == jax.__version__  # on which the texts of programs depend
        if same_jax and not unlike and texts != programs:
            unlike = ["the program of net, loss and optimizer is another one"]
        if unlike:
            raise ValueError(
                f"builder, dataset: not those of this sweep. {'; '.join(unlike)}. Pass those that "
                "it ran with."
            )
        return groups
