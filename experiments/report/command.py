"""`python -m experiments report`: run what is missing, judge, write the pages."""

import gc
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import tyro

import fnn
from experiments.experiment import files, load
from experiments.report.pages import write
from experiments.report.records import records_of
from experiments.report.store import Kept, compute, kept
from fnn.devices import usable_cores

MOST_AT_ONCE = 4  # each process needs one to two gigabytes


@dataclass(frozen=True)
class Options:
    """Every claim of the five course documents with its verdict, the numbers behind it and its
    figure.

    Experiments whose results are there and were computed by the same code with the same options are
    not run again.
    """

    quick: bool = False
    """Small versions, minutes in all: fewer seeds, rules and data sets, so that verdicts may be
    undecided or others.
    """
    out: Path = Path("report")
    """Folder for index.html, claims.json and the results."""


def report(arguments: list[str]) -> None:
    """Runs the command. What fails does not keep the others from being run; an ExceptionGroup at
    the end has it all.
    """
    options = tyro.cli(Options, args=arguments, prog="python -m experiments report")
    fnn.use_all_devices()
    start = time.perf_counter()
    modules = {name: load(name) for name in files()}
    experiments, failed = [], []
    for number, (name, outcome) in enumerate(_outcomes(modules, options), 1):
        if isinstance(outcome, Exception):
            outcome.add_note(f"in the experiment {name}")
            failed.append(outcome)
            said = f"failed: {outcome}"
        else:
            said = "kept" if outcome is None else f"{outcome:.1f} s"
        print(f"[{number}/{len(modules)}] {name}  {said}", flush=True)
    if failed:
        raise ExceptionGroup(
            f"{len(failed)} of {len(modules)} experiments failed; the others are kept", failed
        )
    experiments = [_settled(module, options)[0] for module in modules.values()]
    records = records_of(experiments)
    page = write(options.out, experiments, records, quick=options.quick)
    for record in records:
        print(f"{record.id:<5}{record.verdict:<10}{record.statement}")
    print(f"\n{time.perf_counter() - start:.0f} s; open {page}")


def _outcomes(
    modules: dict[str, ModuleType], options: Options
) -> Iterator[tuple[str, float | Exception | None]]:
    """Name and seconds of each experiment as it ends, None if it was kept, or what it failed with.

    On a CPU several run at once, since most of their time is compiling, which takes one core; those
    that measure time say ALONE and come last. A GPU's memory is taken by one process, so there they
    run one by one.
    """
    workers = min(usable_cores(), MOST_AT_ONCE) if jax.default_backend() == "cpu" else 1
    alone = [
        name for name, module in modules.items() if workers == 1 or getattr(module, "ALONE", False)
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    log = options.out / "log.txt"
    print(f"{workers} experiments at once; how far each is: {log}", flush=True)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (log,)) as pool:
        running = {
            pool.submit(_settle, name, options): name for name in modules if name not in alone
        }
        for future in as_completed(running):
            error = future.exception()
            if error is not None and not isinstance(error, Exception):
                raise error
            yield running[future], error if error is not None else future.result()
    for name in alone:
        try:
            yield name, _settle(name, options)
        except Exception as error:
            yield name, error


def _begin(log: Path) -> None:
    """What every process of the pool does first. Bars of several processes would overwrite each
    other on a screen, so that they go into a file, with everything else that is written to stderr.
    """
    with open(log, "a") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    fnn.use_all_devices()


def _settle(name: str, options: Options) -> float | None:
    """Computes and draws what is missing of an experiment; its seconds, or None where it
    was kept.
    """
    found, computed = _settled(load(name), options)
    jax.clear_caches()  # compiled programs of all experiments together take gigabytes
    gc.collect()
    return found.environment["seconds"] if computed else None


def _settled(module: Any, options: Options) -> tuple[Kept, bool]:
    """The experiment's results, and whether they had to be computed."""
    config = module.QUICK if options.quick else module.Config()
    folder = options.out / "results"
    found = kept(module, config, folder)
    return (found, False) if found is not None else (compute(module, config, folder), True)
