"""What a worker does: it computes some runs of a job, as this process would, and sends arrays."""

import os
import pickle
import platform
import threading
import time
import traceback
import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from fnn.runs.driver import Driver, Group, Taken, whole
from fnn.runs.journal import Journal
from fnn.types import PyTree
from fnn.workers.cores import NoCores, keep_to
from fnn.workers.machine import machine
from fnn.workers.memory import keep_memory
from fnn.workers.packing import Packed, WrongData, unpack

MOST_JOBS = 4  # whose programs and data a worker keeps
SETTINGS: dict[str, Any] = {
    "jax_enable_x64": jax.enable_x64,
    "jax_default_matmul_precision": jax.default_matmul_precision,
    "jax_threefry_partitionable": jax.threefry_partitionable,
    "jax_default_prng_impl": jax.default_prng_impl,
    "jax_numpy_dtype_promotion": jax.numpy_dtype_promotion,
}
"""JAX's settings on which results depend: a worker takes over those of the sender."""


class Job(Protocol):
    """What is sent to workers, in place of compiled programs: it builds the same groups there."""

    def groups(self) -> list[Group]:
        """Build the groups, their data on the devices of this process."""


class Task(NamedTuple):
    """Some runs of a job.

    settings  JAX's, as `jax_settings` reads them
    group     the number of their group
    runs      their numbers
    epochs    at which they end
    states    leaves (runs, …) of the states that they start from; None: they begin
    whole     whether their whole states are kept
    cores     to how many the process keeps; None: to all that it has
    one_row   whether blocks have one row of runs, which takes the least memory
    """

    job: Packed
    settings: dict[str, Any]
    group: int
    runs: np.ndarray
    epochs: int
    states: list[np.ndarray] | None = None
    whole: bool = False
    one_row: bool = False
    cores: int | None = None


class Answer(NamedTuple):
    """What came of a task.

    arrays   the leaves of the outcome, (runs, …), by their places in it
    error    what the task raised
    job      the checksum of what was computed
    machine  what the bits depend on
    worker   names the process
    """

    arrays: dict[str, np.ndarray]
    error: "Raised | None"
    job: str
    machine: dict[str, Any]
    worker: str
    compile_seconds: float = 0.0
    run_seconds: float = 0.0


class Raised(NamedTuple):
    """An exception that crosses processes.

    pickled  the exception, if it can be
    said     its type and its message
    trace    the traceback, as text
    """

    pickled: bytes | None
    said: str
    trace: str

    @classmethod
    def of(cls, error: Exception) -> "Raised":
        """Take what can be sent of an exception."""
        said = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        try:
            pickled = pickle.dumps(error)
            pickle.loads(pickled)
        except Exception:  # exceptions with arguments of their own often cannot
            return cls(None, said, trace)
        return cls(pickled, said, trace)

    def error(self, worker: str) -> Exception:
        """Return the exception; a RuntimeError with its text where it could not be sent."""
        error = RuntimeError(self.said)
        if self.pickled is not None:
            try:
                error = pickle.loads(self.pickled)
            except Exception:  # its class is known to the worker alone
                error = RuntimeError(self.said)
        error.add_note(f"It was raised on worker {worker}:\n{self.trace}")
        return error


def jax_settings() -> dict[str, Any]:
    """Return those of JAX's settings on which results depend."""
    return {name: getattr(jax.config, name) for name in SETTINGS}


def run_task(task: Task) -> Answer:
    """Compute the runs of a task in this process, on all of its devices."""
    keep_memory()
    refused = keep_to_cores(task.cores)  # first: XLA counts cores when JAX starts
    told = task.job.checksum, machine(), worker_name()
    if refused is not None:
        return Answer({}, refused, *told)
    try:
        with ExitStack() as settings:
            for name, value in task.settings.items():
                settings.enter_context(SETTINGS[name](value))
            taken = computed(task)
    except Exception as error:  # of whatever kind the user's own code raises
        return Answer({}, Raised.of(error), *told)
    arrays = named_leaves(taken.outcomes)
    return Answer(arrays, None, *told, taken.compile_seconds, taken.run_seconds)


def keep_to_cores(cores: int | None) -> Raised | None:
    """Keep this process to so many cores, or return why it cannot be."""
    try:
        if cores is not None:
            keep_to(cores)
    except NoCores as error:
        return Raised.of(error)
    return None


def computed(task: Task) -> Taken:
    """Compute the runs of a task; the outcomes are those of one block."""
    taken = Taken(np.asarray(task.runs))
    group = group_of_task(task, taken)
    Driver([group], taken, Journal(), keep_going=False).drive()
    taken.outcomes = jax.tree.map(lambda *leaves: np.concatenate(leaves), *taken.outcomes)
    return taken


def group_of_task(task: Task, taken: Taken) -> Group:
    """Return the group of a task, compiled; threads of one worker compile it once."""
    with _building:
        group = groups_of(task)[task.group]
        engine = group.engine.with_one_row() if task.one_row else group.engine
        group = group._replace(engine=engine, epochs=task.epochs)
        if task.whole:
            group = group._replace(outcome=whole)
        if task.states is not None:
            states = jax.tree.unflatten(jax.tree.structure(engine.like), task.states)
            group = group._replace(states=lambda numbers: states_at(states, numbers, taken.numbers))
        if not engine.is_compiled():
            start = time.perf_counter()
            engine.compile(group.runs.at(taken.numbers[: engine.shape.runs]))
            taken.compile_seconds = time.perf_counter() - start
    return group


def states_at(states: PyTree, numbers: np.ndarray, known: np.ndarray) -> PyTree:
    """Return the states of runs of these numbers; leaves of states are in the order of `known`."""
    order = np.argsort(known)
    places = order[np.searchsorted(known, numbers, sorter=order)]
    return jax.tree.map(lambda leaf: leaf[places], states)


def groups_of(task: Task) -> list[Group]:
    """Return the groups of a job under JAX's settings: built once, and kept for its other tasks."""
    known = task.job.checksum, tuple(sorted(task.settings.items()))
    if known not in _kept:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever sent the job was warned
            groups = unpack(task.job).groups()
        while len(_kept) >= MOST_JOBS:
            del _kept[next(iter(_kept))]
        _kept[known] = groups
    return _kept[known]


_kept: dict[Any, list[Group]] = {}  # the oldest leaves first
_building = threading.Lock()


def named_leaves(values: PyTree) -> dict[str, Any]:
    """Return the leaves of a pytree by their places in it."""
    named = jax.tree_util.tree_leaves_with_path(values)
    return {jax.tree_util.keystr(path): leaf for path, leaf in named}


def worker_name() -> str:
    """Return a name of this process."""
    return f"{platform.node()}:{os.getpid()}"


def check_arrays(arrays: Mapping[str, np.ndarray], like: PyTree) -> None:
    """Refuse arrays of other places, shapes or dtypes than the leaves of `like`."""
    wanted = {name: (leaf.shape, np.dtype(leaf.dtype)) for name, leaf in named_leaves(like).items()}
    got = {name: (np.shape(array), np.asarray(array).dtype) for name, array in arrays.items()}
    if wanted != got:
        unlike = [name for name in {**wanted, **got} if wanted.get(name) != got.get(name)]
        raise WrongData(
            f"executor: what came back for {unlike[0] or 'the value'} is {got.get(unlike[0])}, "
            f"expected {wanted.get(unlike[0])}; are all workers of this version of fnn and of the "
            "code that is trained?"
        )
