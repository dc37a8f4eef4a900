"""fnn.check_compiled on random programs: false alarms, and planted faults that it finds.

Clean programs have 3 to 30 operations, are single, vmapped, scanned or differentiated, in float32
and float64, and some are ill-conditioned on purpose. They are compiled under fnn's own options,
which avoid known faults of the running jaxlib. So a report is a false alarm or an unknown fault.

Planted faults are an entry, a row of a sum or a buffer that the compiler gets wrong, and that move
an output further than rounding may. "found" means that the report names the operation alone.
"""

import json
import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import NamedTuple

import jax
import tyro
from programs.clean import draw
from programs.wrong import draw_wrong, tell_the_witness
from tqdm import tqdm

from fnn import check_compiled, compiler

BATCH = 50  # programs of one process; compiled ones would pile up in it


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    clean: int = 1000
    """Number of right programs."""
    planted: int = 100
    """Number of programs with a planted fault."""
    seed: int = 0
    """Seed of the first program. The others have the seeds after it."""
    processes: int = 2
    json: bool = False
    """Print JSON instead of a table."""


class Trial(NamedTuple):
    """A program, the verdict on it, the report on it, and the seconds of the check."""

    text: str
    verdict: str
    said: str
    seconds: float


def main(options: Options) -> None:
    """Check every program, and print the counts and the wrong verdicts."""
    seeds = range(options.seed, options.seed + max(options.clean, options.planted))
    clean = run(check_clean, seeds[: options.clean], options.processes)
    planted = run(check_planted, seeds[: options.planted], options.processes)
    if options.json:
        rows = {
            "clean": [trial._asdict() for trial in clean],
            "planted": [trial._asdict() for trial in planted],
        }
        print(json.dumps(rows))
        return
    show("clean", clean, "agrees")
    show("planted", planted, "found")


def show(title: str, trials: Sequence["Trial"], right: str) -> None:
    """Print the reports whose verdict is not the right one, and a line of counts."""
    for trial in trials:
        if trial.verdict != right:
            print(f"{title}: {trial.text}\n{trial.said}\n")
    counts = Counter(trial.verdict for trial in trials)
    verdicts = [f"{verdict} {count}" for verdict, count in counts.most_common()]
    seconds = 0.0
    if trials:
        seconds = median(trial.seconds for trial in trials)
    head = f"{title:8} {len(trials):5} programs"
    print(f"{head}: {', '.join(verdicts)}; median {seconds:.1f} s")


def run(check: Callable[[int], Trial], seeds: Sequence[int], processes: int) -> list[Trial]:
    """Return the trial of every seed."""
    context = multiprocessing.get_context("spawn")
    trials: list[Trial] = []
    with tqdm(total=len(seeds), unit="program", desc=check.__name__) as bar:
        for start in range(0, len(seeds), BATCH):
            with ProcessPoolExecutor(processes, context) as pool:
                for trial in pool.map(check, seeds[start : start + BATCH]):
                    trials.append(trial)
                    bar.update()
    return trials


def check_clean(seed: int) -> Trial:
    """Check a right program, under the options of fnn's own programs.

    They keep XLA's algebraic simplifier, since XLA crashes on some of these programs without it.
    Programs that are wrong because of it are counted as known faults.
    """
    with jax.enable_x64(True):
        program = draw(seed)
        compiled = jax.jit(program.function, compiler_options=compiler.options())
        start = perf_counter()
        report = check_compiled(compiled, *program.arguments)
        seconds = perf_counter() - start
    is_simplifier = compiler.NO_ALGEBRAIC_SIMPLIFIER.flag in report.remedy
    is_update = "scatter" in report.operation or "dynamic" in report.operation
    verdict = "known fault" if is_simplifier and is_update else report.verdict
    return Trial(f"{seed}: {program.text}", verdict, str(report), seconds)


def check_planted(seed: int) -> Trial:
    """Check a program with a planted fault.

    The verdict is "found" if the report names the faulty operation and no other.
    """
    tell_the_witness()
    with jax.enable_x64(True):
        program, operation, _ = draw_wrong(seed)
        start = perf_counter()
        report = check_compiled(program.function, *program.arguments)
        seconds = perf_counter() - start
    is_alone = "\n" not in report.operation
    is_named = report.operation.startswith(f"{operation} ") and is_alone
    is_found = report.verdict == "disagrees" and is_named
    verdict = "found" if is_found else f"{report.verdict}, other operation"
    return Trial(f"{seed}: {program.text}", verdict, str(report), seconds)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
