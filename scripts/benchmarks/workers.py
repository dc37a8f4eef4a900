"""Executors: what a block costs on the way to a worker and back, and a sweep on two workers.

Everything runs on this machine, through the loopback interface. "blocks" sends many tasks of next
to no work: milliseconds beside the work, for each. "sweep" trains some 20 s on two workers and, in
this process, on two devices; both have compiled before.
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
from tabular import printed

WORKERS = 2


@dataclass(frozen=True)
class Options:
    """What is timed."""

    parts: tuple[str, ...] = ("blocks", "sweep")
    rounds: int = 3
    blocks: int = 200
    seeds: int = 768
    """Of the sweep: three settings each."""
    json: bool = False
    """Print JSON instead of tables."""


@contextmanager
def dask() -> Iterator[Executor]:
    """Two processes of dask.distributed."""
    from distributed import Client, LocalCluster

    cluster = LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, Client(cluster) as client:
        yield client.get_executor(pure=False, retries=2)


@contextmanager
def spawned() -> Iterator[Executor]:
    """Two processes of the standard library."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as executor:
        yield executor


EXECUTORS: dict[str, Callable[[], Any]] = {"dask": dask, "spawn": spawned}


def main(options: Options) -> None:
    """Print a table for each part."""
    import fnn

    fnn.use_all_devices()
    found: dict[str, list[dict[str, Any]]] = {part: [] for part in options.parts}
    for name, executor in EXECUTORS.items():
        with executor() as workers:
            if "blocks" in found:
                found["blocks"].append({"executor": name, **blocks(workers, options)})
            if "sweep" in found:
                found["sweep"].append({"executor": name, **swept(workers, options)})
    if options.json:
        print(json.dumps({"options": asdict(options), **found}, indent=2))
        return
    for part, rows in found.items():
        print(f"\n{part}")
        printed(rows)


def draw(key: Any, hyper: Any) -> Any:
    """Do next to nothing."""
    import jax

    return {"value": jax.random.normal(key, ()) * hyper["scale"]}


def blocks(executor: Executor, options: Options) -> dict[str, float]:
    """Time tasks of next to no work."""
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
        done = fnn.sweep_function(draw, **call)
        beside = WORKERS * (time.perf_counter() - start) - done.run_seconds
        milliseconds.append(1000 * beside / options.blocks)
    return {"blocks": options.blocks, "ms beside a block's own": median(milliseconds)}


def build(hyper: Any) -> Any:
    """Return 64-32-10 for digits."""
    import fnn

    net = fnn.mlp((64, 32, 10), activation="relu")
    return net, fnn.losses.softmax_cross_entropy, fnn.optim.adam(hyper["learning_rate"])


def swept(executor: Executor, options: Options) -> dict[str, float]:
    """Time a sweep on workers and here, and its data sent with each block or through files."""
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
                done = fnn.sweep(build, dataset, seeds=seeds, executor=place, **call)
                seconds[name].append(time.perf_counter() - start - here_compiled(done, place))
    pairs = zip(seconds["there"], seconds["here"], strict=True)
    return {
        **{f"{name} s": median(each) for name, each in seconds.items()},
        "times as long": median(there / here for there, here in pairs),
        "megabytes of data": nbytes(dataset) / 1e6,
    }


def here_compiled(done: Any, place: Any) -> float:
    """Return seconds of compiling that the wall clock holds: those of this process."""
    return done.compile_seconds if place is None else done.compile_seconds / WORKERS


def nbytes(dataset: Any) -> int:
    """Return the bytes of a Dataset's arrays."""
    return sum(np.asarray(part).nbytes for split in dataset.splits.values() for part in split)


if __name__ == "__main__":
    sys.modules["workers"] = sys.modules["__main__"]
    main(tyro.cli(Options, description=__doc__))
