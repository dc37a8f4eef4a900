"""Planted faults: which gradient checker sees them, and which raises false alarms, at its defaults.

Hand-written gradients of small networks and of 784-128-10 are spoilt in 86 ways. They are
functions, classes or NumPy code. The checkers are fnn.check_gradient, jax.test_util.check_grads
(float32 and float64) and torch.autograd.gradcheck (fast and slow, the latter up to 600 parameters).

"Diagnosed" counts the draws in which fnn named the planted cause. Another cause is counted apart,
and "unknown" is neither. Clean draws are right gradients. The rivals are asked about every tenth of
them, since torch takes minutes. A draw in which a fault changes nothing, such as f′(a) of relu, is
left out.
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
BATCH = 160  # draws of one process; compiled programs would pile up in it


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    draws: int = 8
    """Draws of each fault in small networks."""
    clean: int = 2000
    """Clean draws in small networks."""
    rivals_every: int = 10
    """The rivals are asked about one of so many clean draws."""
    rounds: int = 3
    """Number of times that a check is timed."""
    processes: int = 2
    quick: bool = False
    """Take one draw of each fault and 42 clean ones, and do not time torch."""
    json: bool = False
    """Print JSON instead of a table."""
    keep: Path | None = None
    """A file for finished trials (JSON lines), from which the benchmark continues later."""


def main(options: Options) -> None:
    """Time checks first, while nothing else runs. Then try every draw."""
    if options.quick:
        options = replace(options, draws=1, clean=42, rivals_every=1, rounds=1)
    times = timed(options)
    faulty = fault_draws(options.draws, large=not options.quick)
    clean = clean_draws(options.clean, 0 if options.quick else 3)
    tasks = [Task(draw, True) for draw in faulty]
    for number, draw in enumerate(clean):
        tasks.append(Task(draw, number % options.rivals_every == 0))
    trials = run(tasks, options.processes, options.keep)
    scores = scores_of(trials[: len(faulty)], trials[len(faulty) :])
    scores["seconds"] = times
    if options.json:
        print(json.dumps({"options": asdict(options), **scores}, indent=2, default=str))
    else:
        print(table(scores))


def timed(options: Options) -> dict[str, float | None]:
    """Return medians over fresh processes. fnn and torch take turns on the same network."""
    ours, theirs = [], []
    for _ in tqdm(range(options.rounds), desc="timing", unit="round"):
        ours.append(stopwatch.seconds("fnn", LARGE))
        if not options.quick:
            theirs.append(stopwatch.seconds("torch", LARGE))
    return {"fnn": median(ours), "torch_slow": median(theirs) if theirs else None}


class Task(NamedTuple):
    """A draw, and whether the rivals are asked about it too."""

    draw: Draw
    rivals: bool


def run(tasks: Sequence[Task], processes: int, keep: Path | None) -> list[Trial]:
    """Return every trial, in the order of the tasks.

    The trials of a network follow each other, so that they share compiled programs.
    """
    trials = dict(kept(keep))
    missing = [number for number in range(len(tasks)) if number not in trials]
    missing.sort(key=lambda number: (str(tasks[number].draw.case.network), number))
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as folder, tqdm(total=len(missing), desc="checks") as bar:
        for start in range(0, len(missing), BATCH):
            numbers = missing[start : start + BATCH]
            draws = [tasks[number].draw for number in numbers]
            rivals = [tasks[number].rivals for number in numbers]
            with ProcessPoolExecutor(processes, context, share_compiled, (folder,)) as pool:
                finished = pool.map(put, draws, rivals, chunksize=4)
                for number, trial in zip(numbers, finished, strict=True):
                    trials[number] = trial
                    append(keep, number, trial)
                    bar.update()
    return [trials[number] for number in range(len(tasks))]


def append(keep: Path | None, number: int, trial: Trial) -> None:
    """Append a trial to the file of finished trials, if there is one."""
    if keep is not None:
        with keep.open("a") as file:
            file.write(json.dumps([number, trial]) + "\n")


def kept(keep: Path | None) -> Iterator[tuple[int, Trial]]:
    """Read the trials of an earlier start, with their numbers."""
    if keep is None or not keep.exists():
        return
    for line in keep.read_text().splitlines():
        number, values = json.loads(line)
        trial = Trial(*values)
        answers = {name: Answer(*answer) for name, answer in trial.answers.items()}
        yield number, trial._replace(answers=answers)


def share_compiled(folder: str) -> None:
    """Share compiled programs between processes, and between draws of the same network."""
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def table(scores: dict[str, Any]) -> str:
    """Write a row for each kind of fault, then the sums."""
    names = "".join(f"{name:>11}" for name in CONTENDERS)
    lines = [f"{'planted fault: detected of':42}{names}  diagnosed"]
    for kind in scores["kinds"]:
        diagnosed = f"{kind['diagnosed']}/{kind['planted']}"
        lines.append(_row(kind["name"], kind["detected"], diagnosed))
    diagnosed, planted = scores["diagnosed_draws"]
    on_kinks = scores["clean_by_condition"].get("on kinks", {})
    lines += [
        "",
        _row("all", scores["faults"], f"{diagnosed}/{planted}"),
        _row("those with a loss of scale 1", scores["faults_at_scale_1"]),
        _row("false alarms on right gradients", _false_alarms(scores["clean"])),
        _row("  of those on kinks", _false_alarms(on_kinks)),
        "",
        *_notes(scores),
    ]
    return "\n".join(lines)


def _row(name: str, counts: dict[str, list[int]], last: str = "") -> str:
    """Write the counts of all contenders.

    counts  contender -> [number counted, number asked]
    """
    cells = []
    for count, asked in counts.values():
        text = f"{count}/{asked}" if asked else "–"
        cells.append(f"{text:>11}")
    return f"{name:42}{''.join(cells)}{last:>11}".rstrip()


def _false_alarms(alarms: dict[str, dict[str, int]]) -> dict[str, list[int]]:
    return {name: [counts["false"], counts["of"]] for name, counts in alarms.items()}


def _notes(scores: dict[str, Any]) -> list[str]:
    ours = scores["clean"]["fnn"]
    diagnosed, kinds = scores["diagnosed_kinds"]
    misnamed, draws = scores["misnamed_draws"]
    seconds, torch_seconds = scores["seconds"]["fnn"], scores["seconds"]["torch_slow"]
    check = "One check of tanh 784-128-10, 32 examples, with compiling"
    lines = [
        f"Kinds of which fnn named the cause in most draws: {diagnosed} of {kinds}.",
        f"A wrong cause was named in {misnamed} of {draws} draws.",
        f"fnn abstained on {ours['abstained']} of {ours['of']} clean draws.",
        f"{check}: fnn {seconds:.2f} s",
    ]
    if torch_seconds:
        ratio = torch_seconds / seconds
        lines[-1] += f", torch slow {torch_seconds:.1f} s, {ratio:.1f} times as long"
    return lines


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
