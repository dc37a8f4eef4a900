"""A sweep before its first run: its programs, and the arrays for its results."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fnn.checkpoint.run_directory import Call
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.runs.builder import Builder
from fnn.runs.driver import Group
from fnn.runs.fingerprint import seeds_fingerprint
from fnn.runs.results import Sweep
from fnn.runs.retraining import Inputs, Retraining
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


class PreparedSweep(NamedTuple):
    """Hold a sweep before its first run.

    groups  the groups of settings, each with its program
    empty   the sweep, without any finished run
    job     builds equal groups in another process
    """

    groups: Sequence[Group]
    empty: Sweep
    job: SweepJob

    def call(self, door: str) -> Call:
        """Describe the call for a checkpoint directory.

        door  the name of the called function, such as "fnn.sweep"
        """
        retraining = self.empty.retrain
        call = self.job.call
        named, programs = retraining.fingerprint()
        options = {
            "call": door,
            **call.plan.to_json(),
            "runs_per_vmap": call.runs_per_vmap,
            "keep_params": self.job.keep_params,
            "seeds": seeds_fingerprint(call.seeds),
        }
        rows, columns = zip(*places_of(self.groups), strict=True)
        encodings = [encoding.to_json() for encoding in self.empty.encodings]
        content = {
            "rows": rows,
            "columns": columns,
            "retrain": retraining.to_json(),
            "encodings": encodings,
        }
        return Call(options | named, programs, "sweep", content)


def prepare(
    builder: Builder,
    dataset: Dataset | Sequence[Dataset],
    datasets: Sequence[Dataset],
    call: SweepCall,
    metrics: Mapping[str, Metric] | None,
    keep_params: bool | None,
) -> PreparedSweep:
    """Build the groups and the empty arrays of a sweep.

    Everything that can be refused is refused here. Nothing is compiled.

    dataset      the caller's argument
    datasets     its splits, checked
    keep_params  whether the parameters of all runs are kept; None: where they fit into 256 MiB
    """
    groups = sweep_groups(builder, datasets, call)
    runs_per_vmap = runs_per_vmap_of(groups, len(call.settings))
    call = call._replace(runs_per_vmap=runs_per_vmap)
    retraining = Retraining(call.arguments(), groups, Inputs(builder, dataset, metrics))
    likes = likes_of(groups)
    if keep_params is None:
        keep_params = bytes_of_parameters(groups, likes) <= BYTES_KEPT
    if not keep_params:
        groups = [without_parameters(group) for group in groups]
        likes = likes_of(groups)
    rows = [group.rows for group in groups]
    empty = empty_sweep(retraining.arguments, rows, likes, retraining)
    empty.encodings = [each.preprocessing for each in datasets]
    job = SweepJob(builder, datasets, call, keep_params)
    return PreparedSweep(groups, empty, job)
