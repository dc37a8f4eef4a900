"""A sweep before its first run: its programs, and the arrays that its results go to."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fnn.checkpoint.run_directory import Call
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.runs.driver import Group
from fnn.runs.fingerprint import seeds_fingerprint
from fnn.runs.results import Sweep
from fnn.runs.retraining import Inputs, Retraining
from fnn.runs.spec_groups import Builder
from fnn.runs.sweep_arrays import (
    SweepJob,
    bytes_of_parameters,
    empty_sweep,
    likes_of,
    runs_per_vmap_of,
    without_parameters,
)
from fnn.runs.sweep_collector import places_of
from fnn.runs.sweep_groups import SweepCall, sweep_groups

BYTES_KEPT = 2**28  # of parameters, unless the caller says otherwise


class Prepared(NamedTuple):
    """What a sweep is before its first run.

    groups  of settings, each with its program
    empty   the sweep, of which nothing is finished
    job     what builds equal groups in another process
    """

    groups: Sequence[Group]
    empty: Sweep
    job: SweepJob

    def call(self, door: str) -> Call:
        """Describe the call, for a checkpoint directory."""
        retraining, call = self.empty.retrain, self.job.call
        named, programs = retraining.fingerprint()
        options = {
            "call": door,
            **call.plan.to_json(),
            "runs_per_vmap": call.runs_per_vmap,
            "keep_params": self.job.keep_params,
            "seeds": seeds_fingerprint(call.seeds),
        }
        rows, columns = zip(*places_of(self.groups), strict=True)
        content = {"rows": rows, "columns": columns, "retrain": retraining.to_json()}
        content["encodings"] = [each.to_json() for each in self.empty.encodings]
        return Call(options | named, programs, "sweep", content)


def prepared(
    builder: Builder,
    dataset: Dataset | Sequence[Dataset],
    datasets: Sequence[Dataset],
    call: SweepCall,
    metrics: Mapping[str, Metric] | None,
    keep_params: bool | None,
) -> Prepared:
    """Build the groups and the empty arrays, after every refusal and before anything is compiled.

    dataset      as it was given
    datasets     its splits, looked at
    keep_params  None: where the parameters of all runs fit into 256 MiB
    """
    groups = sweep_groups(builder, datasets, call)
    call = call._replace(runs_per_vmap=runs_per_vmap_of(groups, len(call.settings)))
    retraining = Retraining(call.arguments(), groups, Inputs(builder, dataset, metrics))
    if keep_params is None:
        keep_params = bytes_of_parameters(groups) <= BYTES_KEPT
    if not keep_params:
        groups = [without_parameters(group) for group in groups]
    rows = [group.rows for group in groups]
    empty = empty_sweep(retraining.arguments, rows, likes_of(groups), retraining)
    empty.encodings = [each.preprocessing for each in datasets]
    return Prepared(groups, empty, SweepJob(builder, datasets, call, keep_params))
