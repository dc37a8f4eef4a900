"""Planted faults: which gradient checker sees them, and which raises false alarms, at its defaults.

Hand-written gradients of small networks and of 784-128-10, as functions, as classes and in NumPy,
are spoilt in 86 ways and put before fnn.check_gradient, jax.test_util.check_grads (float32 and
float64) and torch.autograd.gradcheck (fast and slow, the latter up to 600 parameters). "Diagnosed"
counts the draws in which fnn named the planted cause; another cause is counted apart, and "unknown"
is neither. Clean draws are right gradients; the others are asked about every tenth of them, for
torch takes minutes. A draw in which a fault changes nothing, such as f′(a) of relu, is left out.
"""

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jax
import tyro
from planted import stopwatch
from planted.catalogue import Draw, clean_draws, fault_draws
from planted.contenders import Answer
from planted.scores import scores_of
from planted.trial import CONTENDERS, Trial, put
from tqdm import tqdm

LARGE = (784, 128, 10)
BATCH = 160  # draws after which fresh processes take over: compiled programs pile up in old ones


@dataclass(frozen=True)
class Options:
    """How much is drawn."""

    draws: int = 8
    """Draws of each fault in small networks."""
    clean: int = 2000
    """Clean draws in small networks."""
    rivals_every: int = 10
    """Of so many clean draws, the others are asked about one."""
    rounds: int = 3
    """How often a check is timed."""
    processes: int = 2
    quick: bool = False
    """One draw of each fault, 42 clean ones, nothing of torch timed."""
    json: bool = False
    """Print JSON instead of a table."""
    keep: Path | None = None
    """A file for the trials that are done (JSON lines): started again with it, the benchmark goes
    on.
    """


def main(options: Options) -> None:
    """Times first, while nothing else runs; then every draw."""
    if options.quick:
        options = replace(options, draws=1, clean=42, rivals_every=1, rounds=1)
    times = timed(options)
    faulty = fault_draws(options.draws, large=not options.quick)
    clean = clean_draws(options.clean, 0 if options.quick else 3)
    asked = [Asked(draw, True) for draw in faulty]
    asked += [Asked(draw, number % options.rivals_every == 0) for number, draw in enumerate(clean)]
    trials = run(asked, options.processes, options.keep)
    scores = scores_of(trials[: len(faulty)], trials[len(faulty) :]) | {"seconds": times}
    print(
        json.dumps({"options": asdict(options), **scores}, indent=2, default=str)
        if options.json
        else table(scores)
    )


def timed(options: Options) -> dict[str, float | None]:
    """Medians over fresh processes, fnn and torch taking turns on the same network."""
    ours, theirs = [], []
    for _ in tqdm(range(options.rounds), desc="timing", unit="round"):
        ours.append(stopwatch.seconds("fnn", LARGE))
        if not options.quick:
            theirs.append(stopwatch.seconds("torch", LARGE))
    return {"fnn": median(ours), "torch_slow": median(theirs) if theirs else None}


class Asked(NamedTuple):
    """A draw, and whether the others are asked about it too."""

    draw: Draw
    rivals: bool


def run(draws: Sequence[Asked], processes: int, keep: Path | None) -> list[Trial]:
    """Every trial, in the order of the draws; a network's are made one after the other, sharing
    compiled programs.
    """
    trials = dict(kept(keep))
    left = [number for number in range(len(draws)) if number not in trials]
    left.sort(key=lambda number: (str(draws[number].draw.case.network), number))
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as folder, tqdm(total=len(left), desc="checks", unit="draw") as bar:
        for start in range(0, len(left), BATCH):
            numbers = left[start : start + BATCH]
            batch = zip(*(draws[number] for number in numbers), strict=True)
            with ProcessPoolExecutor(processes, context, share_compiled, (folder,)) as pool:
                for number, trial in zip(numbers, pool.map(put, *batch, chunksize=4), strict=True):
                    trials[number] = trial
                    if keep is not None:
                        with keep.open("a") as file:
                            file.write(json.dumps([number, trial]) + "\n")
                    bar.update()
    return [trials[number] for number in range(len(draws))]


def kept(keep: Path | None) -> Iterator[tuple[int, Trial]]:
    """The trials of an earlier start, with their numbers."""
    if keep is None or not keep.exists():
        return
    for line in keep.read_text().splitlines():
        number, values = json.loads(line)
        trial = Trial(*values)
        answers = {name: Answer(*answer) for name, answer in trial.answers.items()}
        yield number, trial._replace(answers=answers)


def share_compiled(folder: str) -> None:
    """Programs compiled by one process are there for the other, and for the next draw of the same
    network.
    """
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def table(scores: dict[str, Any]) -> str:
    """A row for each kind of fault, then the sums."""
    head = (
        f"{'planted fault: detected of':42}"
        + "".join(f"{name:>11}" for name in CONTENDERS)
        + "  diagnosed"
    )
    lines = [head]
    for kind in scores["kinds"]:
        lines.append(_row(kind["name"], kind["detected"], f"{kind['diagnosed']}/{kind['planted']}"))
    diagnosed = "{}/{}".format(*scores["diagnosed_draws"])
    lines += [
        "",
        _row("all", scores["faults"], diagnosed),
        _row("those with a loss of scale 1", scores["faults_at_scale_1"]),
    ]
    clean = {name: [found["false"], found["of"]] for name, found in scores["clean"].items()}
    lines += [
        _row("false alarms on right gradients", clean),
        _row("  of those on kinks", _kinks(scores)),
    ]
    lines += ["", *_notes(scores)]
    return "\n".join(lines)


def _row(name: str, counts: dict[str, list[int]], last: str = "") -> str:
    cells = "".join(
        f"{f'{found}/{asked}' if asked else '–':>11}" for found, asked in counts.values()
    )
    return f"{name:42}{cells}{last:>11}".rstrip()


def _kinks(scores: dict[str, Any]) -> dict[str, list[int]]:
    found = scores["clean_by_condition"].get("on kinks", {})
    return {name: [counts["false"], counts["of"]] for name, counts in found.items()}


def _notes(scores: dict[str, Any]) -> list[str]:
    times = scores["seconds"]
    diagnosed, kinds = scores["diagnosed_kinds"]
    lines = [
        f"Kinds of which fnn named the cause in most draws: {diagnosed} of {kinds}.",
        "A cause that is not one was named in {} of {} draws.".format(*scores["misnamed_draws"]),
        f"fnn abstained on {scores['clean']['fnn']['abstained']} of "
        f"{scores['clean']['fnn']['of']} clean draws.",
        f"One check of tanh 784-128-10, 32 examples, compile included: fnn {times['fnn']:.2f} s",
    ]
    if times["torch_slow"]:
        ratio = times["torch_slow"] / times["fnn"]
        lines[-1] += f", torch slow {times['torch_slow']:.1f} s, {ratio:.1f} times as long"
    return lines


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
