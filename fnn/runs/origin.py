"""The origin of a run: the call that trained it, which decides whether another call resumes it."""

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


class ConstantBuilder(NamedTuple):
    """Build the same spec, independent of hyperparameters."""

    spec: TrainSpec

    def __call__(self, hyper: Hyper) -> TrainSpec:
        """Return the spec."""
        return self.spec


class Fingerprint(NamedTuple):
    """Describe a call without its objects.

    arguments  numbers, texts and sums of the data, by name
    programs   the programs that begin and advance a run, as texts that do not depend on the epochs
    jax        the version of JAX, on which the texts depend
    """

    arguments: dict[str, Any]
    programs: list[str]
    jax: str

    def differences(self, now: "Fingerprint") -> list[str]:
        """Return the differences of a later call from this one, in words."""
        same_jax = self.jax == now.jax
        same_programs = same_jax and list(self.programs) == list(now.programs)
        before = self.arguments
        after = now.arguments
        if same_programs:
            # The names of the program's parts do not matter then.
            before = without_parts(before)
            after = without_parts(after)
        unlike = manifest.differences(before, after)
        if same_jax and not same_programs and not unlike:
            return ["the program of net, loss, optimizer or metrics is another one"]
        return unlike


def without_parts(arguments: dict[str, Any]) -> dict[str, Any]:
    """Leave out the constants within the parts of the program."""
    kept = {}
    for name, value in arguments.items():
        if not is_part(name):
            kept[name] = value
    return kept


def is_part(name: str) -> bool:
    """Return whether a name in a fingerprint names a constant within a part of the program."""
    return name.startswith(("net", "loss", "optimizer", "transform_train", "metrics."))


class TrainingCall(NamedTuple):
    """Hold the objects of a call that trains a run.

    spec     net, loss, optimizer and transform_train
    plan     the options, with epochs=1 and patience=None
    dataset  the data
    seed     the seed
    sums     the present fingerprints of data that may be changed later; None where they cannot be
    float    the default float dtype
    """

    spec: TrainSpec
    plan: Plan
    dataset: Dataset
    seed: int
    sums: dict[str, str] | None
    float: str

    @classmethod
    def of(cls, spec: TrainSpec, plan: Plan, dataset: Dataset, seed: int) -> Self:
        """Make the call. Epochs and patience are left out: they may change when a run goes on."""
        sums = None
        if not is_fixed(dataset):
            sums = dataset_fingerprint(dataset)
        plan = plan._replace(epochs=1, patience=None)
        dtype = jnp.result_type(float)
        return cls(spec, plan, dataset, seed, sums, str(dtype))

    def is_same(self, now: "TrainingCall") -> bool:
        """Return whether another call has the same objects, and data that have not changed."""
        arrays_before = arrays_of(self.dataset)
        arrays_now = arrays_of(now.dataset)
        same_number = len(arrays_before) == len(arrays_now)
        are_same = map(operator.is_, arrays_before, arrays_now)
        same_arrays = same_number and all(are_same)
        with_own_data = now._replace(dataset=self.dataset)
        return same_arrays and self == with_own_data

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint with which a later call is compared."""
        plan = self.plan.to_json()
        del plan["epochs"], plan["patience"]
        named: dict[str, Any] = {"seed": self.seed, "float": self.float, **plan}
        named |= self.sums or dataset_fingerprint(self.dataset)
        parts = self.spec._asdict()
        for part, value in parts.items():
            named |= constants_of(part, value)
        for name, metric in self.plan.metrics:
            long_name = f"metrics.{name}"
            named |= constants_of(long_name, metric)
        programs = self.programs()
        return Fingerprint(named, programs, jax.__version__)

    def programs(self) -> list[str]:
        """Return the programs that begin and advance a run, as texts."""
        build = ConstantBuilder(self.spec)
        process = TrainProcess(build, self.plan)
        seed = np.uint32(self.seed)
        one = Shapes.of((seed, {}))
        data = Shapes.of(self.dataset.arrays)
        begin, _ = trace_begin(process, one)
        advance = trace_advance(process, one, data)
        begin_text = program_fingerprint(begin)
        advance_text = program_fingerprint(advance)
        return [begin_text, advance_text]


def is_fixed(dataset: Dataset) -> bool:
    """Return whether no array of a data set can be changed later."""
    arrays = arrays_of(dataset)
    return all(isinstance(array, jax.Array) or is_owned(array) for array in arrays)


class Origin:
    """Hold the call that trained a run. Pickle and files keep its fingerprint alone.

    call   the objects of the call; None where only the fingerprint is left
    saved  the fingerprint; None until it is asked for

    For JAX it is a pytree without leaves, so that a Run can be mapped over.
    """

    def __init__(self, call: TrainingCall | None = None, saved: Fingerprint | None = None) -> None:
        self.call = call
        self.saved = saved

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint with which a later call is compared."""
        if self.saved is None:
            assert self.call is not None
            self.saved = self.call.fingerprint()
        return self.saved

    def differences(self, now: "Origin") -> list[str]:
        """Return the differences of a later call from this one, in words.

        Calls with the same objects are equal without being traced.
        """
        call = self.call
        later = now.call
        if call is not None and later is not None and call.is_same(later):
            return []
        before = self.fingerprint()
        after = now.fingerprint()
        return before.differences(after)

    def fingerprint_is_of_another_jax(self) -> bool:
        """Return whether the fingerprint was saved under another version of JAX."""
        return self.saved is not None and self.saved.jax != jax.__version__

    def __eq__(self, other: object) -> bool:
        """Return True for any origin, so that trees of runs have equal structures.

        `differences` compares two origins.
        """
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return hash(Origin)

    def __reduce__(self) -> Any:
        return Origin, (None, self.fingerprint())


jax.tree_util.register_pytree_node(Origin, lambda origin: ((), origin), lambda origin, _: origin)
