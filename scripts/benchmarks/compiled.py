"""fnn.check_compiled on drawn programs: does it blame a right one, and does it find planted faults?

Clean programs have 3 to 30 operations, are single, vmapped, scanned or differentiated, in float32
and float64, and some are ill-conditioned on purpose. They are compiled under options that avoid the
known faults of the running jaxlib where fnn uses them: whatever else is blamed is a false alarm, or
an unknown fault.
Planted faults are an entry, a row of a sum or a buffer that the compiler gets wrong; found means
that the faulty operation, and no other, is named.
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

BATCH = 50  # programs after which fresh processes take over, for compiled ones pile up


@dataclass(frozen=True)
class Options:
    """How much is drawn."""

    clean: int = 1000
    """Right programs."""
    planted: int = 100
    """Programs with a planted fault."""
    seed: int = 0
    """Of the first program; the others have the seeds after it."""
    processes: int = 2
    json: bool = False
    """Print JSON instead of a table."""


class Trial(NamedTuple):
    """A program, what was said about it, and in how many seconds."""

    text: str
    verdict: str
    said: str
    seconds: float


def main(options: Options) -> None:
    """Put every program before the check and print the counts, and what went wrong."""
    seeds = range(options.seed, options.seed + max(options.clean, options.planted))
    clean = run(put_clean, seeds[: options.clean], options.processes)
    planted = run(put_planted, seeds[: options.planted], options.processes)
    if options.json:
        found = {"clean": clean, "planted": planted}
        print(json.dumps({name: [t._asdict() for t in trials] for name, trials in found.items()}))
        return
    show("clean", clean, "agrees")
    show("planted", planted, "found")


def show(title: str, trials: Sequence["Trial"], right: str) -> None:
    """Print the reports that are not right, and a line of counts."""
    for trial in trials:
        if trial.verdict != right:
            print(f"{title}: {trial.text}\n{trial.said}\n")
    counts = Counter(trial.verdict for trial in trials)
    told = ", ".join(f"{verdict} {count}" for verdict, count in counts.most_common())
    seconds = median([trial.seconds for trial in trials] or [0.0])
    print(f"{title:8} {len(trials):5} programs: {told}; median {seconds:.1f} s")


def run(put: Callable[[int], Trial], seeds: Sequence[int], processes: int) -> list[Trial]:
    """Return the trial of every seed."""
    context = multiprocessing.get_context("spawn")
    trials: list[Trial] = []
    with tqdm(total=len(seeds), unit="program", desc=put.__name__) as bar:
        for start in range(0, len(seeds), BATCH):
            with ProcessPoolExecutor(processes, context) as pool:
                for trial in pool.map(put, seeds[start : start + BATCH]):
                    trials.append(trial)
                    bar.update()
    return trials


def put_clean(seed: int) -> Trial:
    """Check a right program, under the options of fnn's own programs.

    They keep XLA's algebraic simplifier, without which it crashes on some of these programs: those
    that are wrong because of it are counted as known faults.
    """
    with jax.enable_x64(True):
        drawn = draw(seed)
        options = compiler.options()
        start = perf_counter()
        report = check_compiled(jax.jit(drawn.function, compiler_options=options), *drawn.arguments)
        is_known = compiler.NO_ALGEBRAIC_SIMPLIFIER.flag in report.remedy and any(
            name in report.operation for name in ("scatter", "dynamic")
        )
        verdict = "known fault" if is_known else report.verdict
        return Trial(f"{seed}: {drawn.text}", verdict, str(report), perf_counter() - start)


def put_planted(seed: int) -> Trial:
    """Check a program with a planted fault: "found" where its operation alone is named."""
    tell_the_witness()
    with jax.enable_x64(True):
        program, operation = draw_wrong(seed)
        start = perf_counter()
        report = check_compiled(program.function, *program.arguments)
        is_named = report.operation.startswith(f"{operation} ") and "\n" not in report.operation
        found = report.verdict == "disagrees" and is_named
        verdict = "found" if found else f"{report.verdict}, other operation"
        return Trial(f"{seed}: {program.text}", verdict, str(report), perf_counter() - start)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
