"""Executors: the cost of a block on its way to a worker and back, and a sweep on two workers.

Everything runs on this machine, through the loopback interface. "blocks" sends many tasks of almost
no work, and prints the milliseconds of each without its work. "sweep" trains about 20 s on two
workers and, in this process, on two devices. Both have compiled before.
"""

import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
import tyro
from tabular import print_rows

WORKERS = 2


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    parts: tuple[str, ...] = ("blocks", "sweep")
    rounds: int = 3
    blocks: int = 200
    seeds: int = 768
    """Of the sweep: three settings each."""
    json: bool = False
    """Print JSON instead of tables."""


@contextmanager
def dask() -> Iterator[Executor]:
    """Start two processes of dask.distributed."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, Client(cluster) as client:
        yield client.get_executor(pure=False, retries=2)


@contextmanager
def spawned() -> Iterator[Executor]:
    """Start two processes of the standard library."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as executor:
        yield executor


EXECUTORS: dict[str, Callable[[], Any]] = {"dask": dask, "spawn": spawned}


def main(options: Options) -> None:
    """Print a table for each part."""
    import fnn

    fnn.use_all_devices()
    tables: dict[str, list[dict[str, Any]]] = {part: [] for part in options.parts}
    for name, executor in EXECUTORS.items():
        with executor() as workers:
            if "blocks" in tables:
                tables["blocks"].append({"executor": name, **time_blocks(workers, options)})
            if "sweep" in tables:
                tables["sweep"].append({"executor": name, **time_sweep(workers, options)})
    if options.json:
        print(json.dumps({"options": asdict(options), **tables}, indent=2))
        return
    for part, rows in tables.items():
        print(f"\n{part}")
        print_rows(rows)


def draw(key: Any, hyper: Any) -> Any:
    """Return one random number."""
    import jax

    return {"value": jax.random.normal(key, ()) * hyper["scale"]}


def time_blocks(executor: Executor, options: Options) -> dict[str, float]:
    """Time tasks of almost no work."""
    import fnn

    call: dict[str, Any] = {
        "hyper": {"scale": [1.0]},
        "seeds": range(8 * options.blocks),
        "progress": False,
        "executor": fnn.Workers(executor, runs_per_task=8, cores_per_worker=1),
    }
    fnn.sweep_function(draw, **call)  # compiles
    milliseconds = []
    for _ in range(options.rounds):
        start = time.perf_counter()
        sweep = fnn.sweep_function(draw, **call)
        worker_seconds = WORKERS * (time.perf_counter() - start)
        overhead = worker_seconds - sweep.run_seconds
        milliseconds.append(1000 * overhead / options.blocks)
    return {"blocks": options.blocks, "ms beside a block's own": median(milliseconds)}


def build(hyper: Any) -> Any:
    """Return 64-32-10 for digits."""
    import fnn

    net = fnn.mlp((64, 32, 10), activation="relu")
    return net, fnn.losses.softmax_cross_entropy, fnn.optim.adam(hyper["learning_rate"])


def time_sweep(executor: Executor, options: Options) -> dict[str, float]:
    """Time a sweep in this process and on workers.

    "there" sends the data with each block, and "by files" through files.
    """
    import fnn

    dataset = fnn.data.load("digits")
    call: dict[str, Any] = {
        "hyper": {"learning_rate": [1e-3, 3e-3, 1e-2]},
        "epochs": 20,
        "batch_size": 64,
        "progress": False,
    }
    with tempfile.TemporaryDirectory() as directory:
        places = {
            "here": None,
            "there": fnn.Workers(executor, cores_per_worker=1),
            "by files": fnn.Workers(executor, data_directory=directory, cores_per_worker=1),
        }
        seconds: dict[str, list[float]] = {place: [] for place in places}
        for place in places.values():  # compiles
            fnn.sweep(build, dataset, seeds=range(128), executor=place, **call)
        for _ in range(options.rounds):
            for name, place in places.items():
                start = time.perf_counter()
                seeds = range(options.seeds)
                sweep = fnn.sweep(build, dataset, seeds=seeds, executor=place, **call)
                elapsed = time.perf_counter() - start
                seconds[name].append(elapsed - compiling_of(sweep, place))
    pairs = zip(seconds["there"], seconds["here"], strict=True)
    row = {f"{name} s": median(values) for name, values in seconds.items()}
    row["times as long"] = median(there / here for there, here in pairs)
    row["megabytes of data"] = bytes_of(dataset) / 1e6
    return row


def compiling_of(sweep: Any, place: Any) -> float:
    """Return the seconds of compiling by the clock: workers compile at the same time."""
    compilers = 1 if place is None else WORKERS
    return sweep.compile_seconds / compilers


def bytes_of(dataset: Any) -> int:
    """Return the bytes of a Dataset's arrays."""
    splits = dataset.splits.values()
    return sum(np.asarray(array).nbytes for split in splits for array in split)


if __name__ == "__main__":
    sys.modules["workers"] = sys.modules["__main__"]
    main(tyro.cli(Options, description=__doc__))
