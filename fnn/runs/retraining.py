"""Training runs of a sweep again, of which the parameters were not kept."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnn.checkpoint.manifest import differences
from fnn.data import Dataset
from fnn.runs.driver import Driver, Group, Taken
from fnn.runs.fingerprint import plain
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


class Retraining:
    """Trains runs of a sweep again, bit for bit, with its programs and its data.

    Pickle leaves out programs and data, and keeps their fingerprint. What was unpickled takes the
    builder and the data set again, and refuses others.
    """

    def __init__(
        self,
        call: SweepCall,
        groups: Sequence[Group] | None = None,
        dataset: Dataset | None = None,
        fingerprint: tuple[dict[str, Any], list[str]] | None = None,
    ) -> None:
        self.call = call
        self.groups = groups
        self.dataset = dataset
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
            assert self.dataset is not None
            self._fingerprint = fingerprint_of(self.groups, self.dataset, self.call.settings)
        return self._fingerprint

    def __getstate__(self) -> dict[str, Any]:
        call = self.call._asdict() | {
            "settings": [plain(setting) for setting in self.call.settings]
        }
        return {"call": call, "fingerprint": self.fingerprint()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        named, programs = state["fingerprint"]
        self.call = SweepCall(**state["call"])
        self.groups = self.dataset = None
        self._fingerprint = named, list(programs)

    def _group(self, asked: str, setting: int, builder: Any, dataset: Any) -> Group:
        if self.groups is None:
            if builder is None or dataset is None:
                raise ValueError(
                    f"{asked}: this sweep was unpickled or loaded, without its programs and data; "
                    "pass builder= and dataset=, those that it ran with."
                )
            self.groups, self.dataset = self._rebuilt(builder, dataset), dataset
        return next(group for group in self.groups if setting in group.rows)

    def _rebuilt(self, builder: Builder, dataset: Dataset) -> list[Group]:
        groups = sweep_groups(builder, dataset, self.call)
        saved, programs = self.fingerprint()
        named, texts = fingerprint_of(groups, dataset, self.call.settings)
        unlike = differences(saved, named)
        if not unlike and texts != programs:
            unlike = ["the program of net, loss and optimizer is another one"]
        if unlike:
            raise ValueError(
                f"builder, dataset: not those of this sweep. {'; '.join(unlike)}. Pass those that "
                "it ran with."
            )
        return groups
