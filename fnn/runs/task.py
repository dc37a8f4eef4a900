"""A worker's task: compute some runs of a job as this process would, and answer with arrays."""

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

from fnn.runs.driver import Driver, Group, GroupCollector, whole_state
from fnn.runs.journal import Journal
from fnn.types import PyTree
from fnn.workers.cores import NoCores, keep_to
from fnn.workers.machine import machine
from fnn.workers.memory import keep_memory
from fnn.workers.packing import Packed, WrongData, unpack

MOST_JOBS = 4  # a worker keeps the programs and the data of so many jobs
SETTINGS: dict[str, Any] = {
    "jax_enable_x64": jax.enable_x64,
    "jax_default_matmul_precision": jax.default_matmul_precision,
    "jax_threefry_partitionable": jax.threefry_partitionable,
    "jax_default_prng_impl": jax.default_prng_impl,
    "jax_numpy_dtype_promotion": jax.numpy_dtype_promotion,
}
"""JAX's settings on which results depend. A worker takes over the sender's values."""


class Job(Protocol):
    """Build the same groups on a worker. A job is sent in place of compiled programs."""

    def groups(self) -> list[Group]:
        """Build the groups, their data on the devices of this process."""


class Task(NamedTuple):
    """Describe some runs of a job that a worker is to compute.

    job       the packed job
    settings  JAX's settings, as `jax_settings` reads them
    group     the number of the runs' group
    runs      the numbers of the runs
    epochs    the number of epochs at which they end
    states    leaves (runs, …) of the states from which they start; None: they begin
    whole     whether their whole states are kept
    one_row   whether blocks have one row of runs, which takes the least memory
    cores     the number of cores to which the process keeps; None: all that it has
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
    """Hold the outcome of a task, or its error.

    arrays   the leaves of the outcome, (runs, …), by their paths in it
    error    the exception that the task raised, or None
    job      the checksum of the job that was computed
    machine  the properties of the machine on which the bits depend
    worker   the name of the process
    """

    arrays: dict[str, np.ndarray]
    error: "RemoteError | None"
    job: str
    machine: dict[str, Any]
    worker: str
    compile_seconds: float = 0.0
    run_seconds: float = 0.0


class RemoteError(NamedTuple):
    """Hold an exception on its way from a worker to the sender.

    pickled  the exception; None where it cannot be pickled
    message  its type and its message
    trace    the traceback, as text
    """

    pickled: bytes | None
    message: str
    trace: str

    @classmethod
    def of(cls, error: Exception) -> "RemoteError":
        """Make it of an exception, pickled if that is possible."""
        message = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error))
        try:
            pickled = pickle.dumps(error)
            pickle.loads(pickled)
        except Exception:  # often raised by exceptions with arguments of their own
            return cls(None, message, trace)
        return cls(pickled, message, trace)

    def error(self, worker: str) -> Exception:
        """Return the exception, with a note that names the worker.

        It is a RuntimeError with the same message where the exception could not be sent.
        """
        error = RuntimeError(self.message)
        if self.pickled is not None:
            try:
                error = pickle.loads(self.pickled)
            except Exception:  # its class exists on the worker alone
                error = RuntimeError(self.message)
        error.add_note(f"It was raised on worker {worker}:\n{self.trace}")
        return error


def jax_settings() -> dict[str, Any]:
    """Return the values of JAX's settings on which results depend."""
    return {name: getattr(jax.config, name) for name in SETTINGS}


def run_task(task: Task) -> Answer:
    """Compute the runs of a task in this process, on all of its devices."""
    keep_memory()
    refusal = keep_to_cores(task.cores)  # first: XLA counts the cores when JAX starts
    sender = task.job.checksum, machine(), worker_name()
    if refusal is not None:
        return Answer({}, refusal, *sender)
    try:
        with ExitStack() as settings:
            for name, value in task.settings.items():
                settings.enter_context(SETTINGS[name](value))
            collector = compute_task(task)
    except Exception as error:  # the user's own code may raise any kind
        return Answer({}, RemoteError.of(error), *sender)
    arrays = named_leaves(collector.outcomes)
    return Answer(arrays, None, *sender, collector.compile_seconds, collector.run_seconds)


def keep_to_cores(cores: int | None) -> RemoteError | None:
    """Keep this process to so many cores. Return the error where that is impossible."""
    try:
        if cores is not None:
            keep_to(cores)
    except NoCores as error:
        return RemoteError.of(error)
    return None


def compute_task(task: Task) -> GroupCollector:
    """Compute the runs of a task, and join their outcomes into those of one block."""
    collector = GroupCollector(np.asarray(task.runs))
    group = group_of_task(task, collector)
    driver = Driver([group], collector, Journal(), keep_going=False)
    driver.drive()
    outcomes = collector.outcomes
    collector.outcomes = jax.tree.map(lambda *leaves: np.concatenate(leaves), *outcomes)
    return collector


def group_of_task(task: Task, collector: GroupCollector) -> Group:
    """Return the group of a task, compiled. Threads of one worker compile it once."""
    with _building:
        group = groups_of(task)[task.group]
        engine = group.engine.with_one_row() if task.one_row else group.engine
        group = group._replace(engine=engine, epochs=task.epochs)
        if task.whole:
            group = group._replace(outcome=whole_state)
        if task.states is not None:
            structure = jax.tree.structure(engine.like)
            states = jax.tree.unflatten(structure, task.states)

            def states_of(numbers: np.ndarray) -> PyTree:
                return states_at(states, numbers, collector.numbers)

            group = group._replace(states=states_of)
        if not engine.is_compiled():
            first_block = collector.numbers[: engine.shape.runs]
            start = time.perf_counter()
            engine.compile(group.runs.at(first_block))
            collector.compile_seconds = time.perf_counter() - start
    return group


def states_at(states: PyTree, numbers: np.ndarray, known: np.ndarray) -> PyTree:
    """Return the states of the runs with these numbers.

    states   leaves (runs, …), in the order of `known`
    numbers  the numbers of the runs that are wanted
    known    the numbers of the runs in `states`

    Raises KeyError for a run that is not there.
    """
    missing = np.setdiff1d(numbers, known)
    if len(missing):
        raise KeyError(f"there are no states of the runs {missing.tolist()}.")
    order = np.argsort(known)
    places = order[np.searchsorted(known, numbers, sorter=order)]
    return jax.tree.map(lambda leaf: leaf[places], states)


def groups_of(task: Task) -> list[Group]:
    """Return the groups of a job under JAX's settings.

    They are built once, and kept for the job's other tasks.
    """
    key = task.job.checksum, tuple(sorted(task.settings.items()))
    if key not in _groups_of_jobs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the sender of the job was warned
            groups = unpack(task.job).groups()
        while len(_groups_of_jobs) >= MOST_JOBS:
            oldest = next(iter(_groups_of_jobs))
            del _groups_of_jobs[oldest]
        _groups_of_jobs[key] = groups
    return _groups_of_jobs[key]


_groups_of_jobs: dict[Any, list[Group]] = {}  # the oldest first
_building = threading.Lock()


def named_leaves(values: PyTree) -> dict[str, Any]:
    """Return the leaves of a pytree by their paths in it."""
    leaves = jax.tree_util.tree_leaves_with_path(values)
    return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}


def worker_name() -> str:
    """Return the name of this process: its machine and its process id."""
    return f"{platform.node()}:{os.getpid()}"


def check_arrays(arrays: Mapping[str, np.ndarray], like: PyTree) -> None:
    """Refuse arrays whose paths, shapes or dtypes are not those of the leaves of `like`."""
    leaves = named_leaves(like)
    expected = {name: (leaf.shape, np.dtype(leaf.dtype)) for name, leaf in leaves.items()}
    got = {name: (np.shape(array), np.asarray(array).dtype) for name, array in arrays.items()}
    if got == expected:
        return
    names = {**expected, **got}
    unlike = [name for name in names if expected.get(name) != got.get(name)]
    first = unlike[0]
    raise WrongData(
        f"executor: what came back for {first or 'the value'} is {got.get(first)}, "
        f"expected {expected.get(first)}; are all workers of this version of fnn and of the "
        "code that is trained?"
    )
