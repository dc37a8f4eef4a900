"""An executor, and how it is used."""

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fnn import checks


@dataclass(frozen=True)
class Workers:
    """An executor whose workers compute blocks of runs, and how they are used.

    executor        any `concurrent.futures.Executor`, such as Dask's `client.get_executor()` or
                    ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
    data_directory  a directory that all workers see: arrays of 64 KiB and more are saved there
                    once, under their checksums, and read from there. None: they go along with
                    each task
    retries         how many times a task is sent again that was lost with its worker
    timeout         seconds in which no task comes back, after which all that are under way are
                    sent again; a worker's first task compiles, which counts. None: lost workers
                    are the executor's to notice
    mixed           "refuse" ends a sweep whose workers may compute other bits: other versions,
                    devices, CPU features, numbers of cores or XLA flags. "label" keeps what each
                    of them computed, `Sweep.machine` and `Sweep.machines`
    cores_per_worker  how many cores each worker process keeps to, which no other worker there has:
                    on one core each, two workers train small networks up to 1.8 times as fast as
                    where both use both. Ask for it before a worker's first task; it stays so.
                    None: what the system gives
    runs_per_task   None: a block of one device, or less where there would be few tasks

    Raises ValueError for what is no executor, and for one that forks: JAX's threads do not survive
    a fork.
    """

    executor: Executor
    data_directory: str | Path | None = None
    retries: int = 2
    timeout: float | None = None
    mixed: Literal["refuse", "label"] = "refuse"
    runs_per_task: int | None = None
    cores_per_worker: int | None = None

    def __post_init__(self) -> None:
        check_executor(self.executor)
        checks.count("retries", self.retries, 0)
        if self.timeout is not None:
            checks.positive("timeout", self.timeout)
        if self.mixed not in ("refuse", "label"):
            raise ValueError(f"mixed: got {self.mixed!r}, expected 'refuse' or 'label'.")
        for name in ("runs_per_task", "cores_per_worker"):
            if getattr(self, name) is not None:
                checks.count(name, getattr(self, name))
        directory = self.data_directory
        if directory is not None and not isinstance(directory, (str, Path)):
            raise ValueError(f"data_directory: got {directory!r}, expected a directory, or None.")


def workers_of(executor: Any) -> Workers | None:
    """Return an executor as Workers; None of None."""
    if executor is None or isinstance(executor, Workers):
        return executor
    return Workers(executor)


def check_executor(executor: Any) -> None:
    """Refuse what is no executor, and a pool of forked processes."""
    if isinstance(executor, type) or not callable(getattr(executor, "submit", None)):
        raise ValueError(
            f"executor: got {executor!r}, expected a concurrent.futures.Executor, such as "
            "client.get_executor() of a dask.distributed.Client."
        )
    context: Any = getattr(executor, "_mp_context", None)
    if hasattr(context, "get_start_method") and context.get_start_method() == "fork":
        raise ValueError(
            "executor: its processes are forked, and JAX's threads do not survive a fork: they "
            "would wait for each other for ever. Pass ProcessPoolExecutor(mp_context="
            "multiprocessing.get_context('spawn'))."
        )
