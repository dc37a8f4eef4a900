"""What a run was trained by: it tells whether another call goes on with it."""

import operator
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnn.checkpoint import manifest
from fnn.data import Dataset
from fnn.data.owned import is_owned
from fnn.runs.engine import Shapes, trace_advance, trace_begin
from fnn.runs.fingerprint import constants_of, program_fingerprint
from fnn.runs.placed import arrays_of, dataset_fingerprint
from fnn.runs.process import Hyper
from fnn.runs.step import TrainSpec
from fnn.runs.training import Plan, TrainProcess


class Constant(NamedTuple):
    """A builder whose spec does not depend on hyperparameters."""

    spec: TrainSpec

    def __call__(self, hyper: Hyper) -> TrainSpec:
        """Return the spec."""
        return self.spec


class Fingerprint(NamedTuple):
    """What is known of a call when its objects are gone.

    arguments  numbers, texts and sums of the data, by name
    programs   what begins and what advances a run, as texts that do not depend on the epochs
    jax        the version, on which the texts depend
    """

    arguments: dict[str, Any]
    programs: list[str]
    jax: str

    def differences(self, now: "Fingerprint") -> list[str]:
        """Return in what a later call is another one, in words."""
        same_programs = self.jax == now.jax and list(self.programs) == list(now.programs)
        mine, theirs = self.arguments, now.arguments
        if same_programs:  # whatever their parts are called
            mine, theirs = ({k: v for k, v in a.items() if not is_part(k)} for a in (mine, theirs))
        unlike = manifest.differences(mine, theirs)
        if self.jax == now.jax and not same_programs and not unlike:
            return ["the program of net, loss, optimizer or metrics is another one"]
        return unlike


def is_part(name: str) -> bool:
    """Return whether a name in a fingerprint is that of a number in a part of the program."""
    return name.startswith(("net", "loss", "optimizer", "transform_train", "metrics."))


class Trained(NamedTuple):
    """The objects of a call; data that may be changed later with their sums of today."""

    spec: TrainSpec
    plan: Plan
    dataset: Dataset
    seed: int
    sums: dict[str, str] | None
    float: str

    @classmethod
    def of(cls, spec: TrainSpec, plan: Plan, dataset: Dataset, seed: int) -> Self:
        """Make it; epochs and patience, which may change when a run goes on, are left out."""
        is_fixed = all(isinstance(a, jax.Array) or is_owned(a) for a in arrays_of(dataset))
        sums = None if is_fixed else dataset_fingerprint(dataset)
        plan = plan._replace(epochs=1, patience=None)
        return cls(spec, plan, dataset, seed, sums, str(jnp.result_type(float)))

    def is_same(self, now: "Trained") -> bool:
        """Return whether another call has the same objects, and data that are what they were."""
        arrays, others = arrays_of(self.dataset), arrays_of(now.dataset)
        mine, theirs = ((c.spec, c.plan, c.seed, c.sums, c.float) for c in (self, now))
        same_arrays = len(arrays) == len(others) and all(map(operator.is_, arrays, others))
        return mine == theirs and same_arrays

    def fingerprint(self) -> Fingerprint:
        """Return what a later call is compared with."""
        plan = self.plan.to_json()
        del plan["epochs"], plan["patience"]
        named: dict[str, Any] = {"seed": self.seed, "float": self.float, **plan}
        named |= self.sums or dataset_fingerprint(self.dataset)
        for part, value in self.spec._asdict().items():
            named |= constants_of(part, value)
        for name, metric in self.plan.metrics:
            named |= constants_of(f"metrics.{name}", metric)
        return Fingerprint(named, self.programs(), jax.__version__)

    def programs(self) -> list[str]:
        """Return what begins and what advances a run, as texts."""
        process = TrainProcess(Constant(self.spec), self.plan)
        one = Shapes.of((np.uint32(self.seed), {}))
        data = Shapes.of(self.dataset.arrays)
        begin, _ = trace_begin(process, one)
        return [program_fingerprint(begin), program_fingerprint(trace_advance(process, one, data))]


class Origin:
    """The call that trained a run; pickle and files keep its fingerprint alone.

    For JAX it is a pytree without leaves, so that a Run can be mapped over.
    """

    def __init__(self, call: Trained | None = None, saved: Fingerprint | None = None) -> None:
        self.call = call
        self.saved = saved

    def fingerprint(self) -> Fingerprint:
        """Return what a later call is compared with."""
        if self.saved is None:
            assert self.call is not None
            self.saved = self.call.fingerprint()
        return self.saved

    def differences(self, now: "Origin") -> list[str]:
        """Return in what a later call is another one, in words; equal objects are not traced."""
        if self.call is not None and now.call is not None and self.call.is_same(now.call):
            return []
        return self.fingerprint().differences(now.fingerprint())

    def fingerprint_is_of_another_jax(self) -> bool:
        """Return whether it was saved under another version of JAX."""
        return self.saved is not None and self.saved.jax != jax.__version__

    def __eq__(self, other: object) -> bool:
        """Say that all are equal: trees of runs have equal structures. See `differences`."""
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return hash(Origin)

    def __reduce__(self) -> Any:
        return Origin, (None, self.fingerprint())


jax.tree_util.register_pytree_node(Origin, lambda origin: ((), origin), lambda origin, _: origin)
