"""The command `python -m experiments report`, which writes the pages.

It runs experiments whose results are missing, judges the claims, and writes the pages.
"""

import gc
import os
import shutil
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import tyro

import fnn
from experiments.experiment import HERE, files, load
from experiments.report.pages import write
from experiments.report.recorded import record
from experiments.report.records import records_of
from experiments.report.store import Kept, compute, kept
from fnn.devices import usable_cores

MOST_AT_ONCE = 4  # each process needs one to two gigabytes


@dataclass(frozen=True)
class Options:
    """Write every claim of the five course documents with its verdict, its numbers and its figure.

    An experiment is not run again if the same code has computed its results with the same options.
    """

    quick: bool = False
    """Run small versions, minutes in all. They have fewer seeds, rules and data sets, so verdicts
    may be undecided or different.
    """
    out: Path = Path("report")
    """Folder for index.html, claims.json and the results."""
    record: bool = False
    """Keep the verdicts of this full report with the code, and its table as experiments/README.md.
    Later reports list the verdicts that differ.
    """


def report(arguments: list[str]) -> None:
    """Run the command.

    An experiment that fails does not stop the others. An ExceptionGroup at the end has all errors.
    """
    options = tyro.cli(Options, args=arguments, prog="python -m experiments report")
    if options.record and options.quick:
        raise ValueError("record: got --record with --quick, expected a full report. Drop one.")
    fnn.use_all_devices()
    start = time.perf_counter()
    modules = {name: load(name) for name in files()}
    failed = []
    for number, (name, outcome) in enumerate(_outcomes(modules, options), 1):
        if isinstance(outcome, Exception):
            outcome.add_note(f"in the experiment {name}")
            failed.append(outcome)
            message = f"failed: {outcome}"
        elif outcome is None:
            message = "kept"
        else:
            message = f"{outcome:.1f} s"
        print(f"[{number}/{len(modules)}] {name}  {message}", flush=True)
    if failed:
        raise ExceptionGroup(
            f"{len(failed)} of {len(modules)} experiments failed; the others are kept", failed
        )
    experiments = [_settled(module, options)[0] for module in modules.values()]
    records = records_of(experiments)
    if options.record:
        record(records, date.today().isoformat(), jax.__version__)
    page = write(options.out, experiments, records, quick=options.quick)
    if options.record:
        shutil.copy(options.out / "experiments.md", HERE / "README.md")
    for each in records:
        print(f"{each.id:<5}{each.verdict:<10}{each.statement}")
    print(f"\n{time.perf_counter() - start:.0f} s; open {page}")


def _outcomes(
    modules: dict[str, ModuleType], options: Options
) -> Iterator[tuple[str, float | Exception | None]]:
    """Run experiments, and yield the name and the outcome of each as it ends.

    An outcome is the seconds, None if results were kept, or the error.

    On a CPU several run at once, since most of their time is compiling, which takes one core. Those
    that measure time have a constant ALONE and run last, one by one. On a GPU all run one by one,
    since one process takes its memory.
    """
    is_cpu = jax.default_backend() == "cpu"
    workers = min(usable_cores(), MOST_AT_ONCE) if is_cpu else 1
    alone = []
    for name, module in modules.items():
        if workers == 1 or getattr(module, "ALONE", False):
            alone.append(name)
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / "log.txt"
    print(f"{workers} experiments at once; how far each is: {log}", flush=True)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (log,)) as pool:
        running = {}
        for name in modules:
            if name not in alone:
                running[pool.submit(_settle, name, options)] = name
        for future in as_completed(running):
            error = future.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            yield running[future], future.result() if error is None else error
    for name in alone:
        try:
            yield name, _settle(name, options)
        except Exception as error:
            yield name, error


def _begin(log: Path) -> None:
    """Prepare a process of the pool: send its stderr to a file, and use all devices.

    Progress bars of several processes would overwrite each other on a screen.
    """
    with open(log, "a") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    fnn.use_all_devices()


def _settle(name: str, options: Options) -> float | None:
    """Compute and draw an experiment unless its results are stored.

    Returns the seconds, or None if the results were kept.
    """
    experiment, was_computed = _settled(load(name), options)
    jax.clear_caches()  # compiled programs of all experiments together take gigabytes
    gc.collect()
    return experiment.environment["seconds"] if was_computed else None


def _settled(module: Any, options: Options) -> tuple[Kept, bool]:
    """Return the experiment's results, and whether they had to be computed."""
    config = module.QUICK if options.quick else module.Config()
    folder = options.out / "results"
    stored = kept(module, config, folder)
    if stored is not None:
        return stored, False
    return compute(module, config, folder), True
