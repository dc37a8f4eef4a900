"""`Workers`: an executor and how it is used."""

from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fnn import checks


@dataclass(frozen=True)
class Workers:
    """An executor whose workers compute blocks of runs, and how they are used.

    executor          any `concurrent.futures.Executor`, such as Dask's `client.get_executor()` or
                      ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"))
    data_directory    a directory that all workers see. Arrays of 64 KiB and more are saved there
                      once, under their checksums, and read from there. None sends them with each
                      task
    retries           how many times a task is sent again after it was lost with its worker, by
                      default 2
    timeout           seconds in which no task comes back before all unfinished tasks are sent
                      again. The first task of a worker compiles, and that counts. None leaves the
                      detection of lost workers to the executor
    mixed             "refuse" ends a sweep whose workers may compute different bits: they have
                      different versions, devices, CPU features, numbers of cores or XLA flags.
                      "label" keeps the results and records the machine of each run in
                      `Sweep.machine` and `Sweep.machines`
    runs_per_task     int; None takes a block of one device, or less if there would be few tasks
    cores_per_worker  number of cores that each worker process uses alone. Two workers on one core
                      each train small networks up to 1.8 times as fast as two that both use both.
                      Set it before a worker's first task; it cannot change later. None leaves the
                      cores to the system

    Raises ValueError for an object that is no executor, and for an executor that forks: JAX's
    threads do not survive a fork.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> import fnn
    >>> workers = fnn.Workers(ThreadPoolExecutor(2), retries=0)
    >>> workers.mixed, workers.runs_per_task
    ('refuse', None)
    >>> def builder(hyper):
    ...     net = fnn.mlp((2, 2, 1), activation="tanh")
    ...     return net, fnn.losses.squared_error, fnn.optim.sgd(hyper["learning_rate"])
    >>> sweep = fnn.sweep(
    ...     builder, fnn.data.load("xor"), hyper={"learning_rate": [0.01, 0.1]}, seeds=range(2),
    ...     epochs=2, batch_size=4, progress=False, executor=workers,
    ... )
    >>> bool(sweep.finished.all())
    True
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
            value = getattr(self, name)
            if value is not None:
                checks.count(name, value)
        directory = self.data_directory
        if directory is not None and not isinstance(directory, (str, Path)):
            raise ValueError(f"data_directory: got {directory!r}, expected a directory, or None.")


def workers_of(executor: Any) -> Workers | None:
    """Return an executor as Workers, a Workers itself, and None for None."""
    if executor is None or isinstance(executor, Workers):
        return executor
    return Workers(executor)


def check_executor(executor: Any) -> None:
    """Refuse an object that is no executor, and a pool of forked processes."""
    if isinstance(executor, type) or not callable(getattr(executor, "submit", None)):
        raise ValueError(
            f"executor: got {executor!r}, expected a concurrent.futures.Executor, such as "
            "client.get_executor() of a dask.distributed.Client."
        )
    context: Any = getattr(executor, "_mp_context", None)
    if hasattr(context, "get_start_method") and context.get_start_method() == "fork":
        raise ValueError(
            "executor: its processes are forked. JAX's threads do not survive a fork: they would "
            "wait for each other for ever. Pass ProcessPoolExecutor(mp_context="
            "multiprocessing.get_context('spawn'))."
        )
