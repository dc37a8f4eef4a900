"""`python -m experiments report`: run what is missing, judge, write the pages."""

import gc
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import tyro

import fnn
from experiments.experiment import files, load
from experiments.report.pages import write
from experiments.report.records import records_of
from experiments.report.store import Kept, compute, kept


@dataclass(frozen=True)
class Options:
    """Every claim of the five course documents with its verdict, the numbers behind it and its figure.

    Experiments whose results are there and were computed by the same code with the same options are not run again.
    """

    quick: bool = False
    """Small versions, minutes in all: fewer seeds, so that more claims may stay undecided."""
    out: Path = Path("report")
    """Folder for index.html, claims.json and the results."""


def report(arguments: list[str]) -> None:
    """Runs the command. What fails does not keep the others from being run; an ExceptionGroup at the end has it all."""
    options = tyro.cli(Options, args=arguments, prog="python -m experiments report")
    fnn.use_all_devices()
    start = time.perf_counter()
    experiments, failed = [], []
    for number, name in enumerate(files(), 1):
        print(f"[{number}/{len(files())}] {name}", flush=True)
        try:
            experiments.append(_settled(name, options))
        except Exception as error:
            error.add_note(f"in the experiment {name}")
            failed.append(error)
            print(f"    failed: {error}", flush=True)
        jax.clear_caches()  # compiled programs of all experiments together take gigabytes
        gc.collect()
    if failed:
        raise ExceptionGroup(f"{len(failed)} of {len(files())} experiments failed; the others are kept", failed)
    records = records_of(experiments)
    page = write(options.out, experiments, records, quick=options.quick)
    for record in records:
        print(f"{record.id:<5}{record.verdict:<10}{record.statement}")
    print(f"\n{time.perf_counter() - start:.0f} s; open {page}")


def _settled(name: str, options: Options) -> Kept:
    """The experiment's results, computed where they are missing or stale."""
    module = load(name)
    config = module.QUICK if options.quick else module.Config()
    folder = options.out / "results"
    found = kept(module, config, folder)
    if found is not None:
        return found
    found = compute(module, config, folder)
    print(f"    {found.environment['seconds']:.1f} s", flush=True)
    return found
