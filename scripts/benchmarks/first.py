"""The first call, compiling included: fnn beside a JAX user, for 1 run and for 8.

Each call is in a fresh process, and the two take turns. The time begins after the imports and the
data, and ends with the histories of 5 epochs on the host: it has tracing, compiling and running.
One run is fnn.train beside jit(train). Eight are fnn.sweep beside jit(vmap(train)). A row is the
ratio of the medians. The target is met up to 0.8.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import tyro
from few import ALONE, LOOP, NETWORKS, OURS, RIVALS, USER
from rivals.case import Case, problem_of

EPOCHS = 5
MET = 0.8
CONTENDERS = {1: (LOOP, ALONE), 8: (OURS, USER)}
"""Number of runs -> fnn and the JAX user."""


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    rounds: int = 9
    """Processes of each."""
    networks: tuple[int, ...] = (1, 2, 3, 4)
    """By number: 2-16-16-2, 64-32-10, 16-256-10, 784-128-10."""
    runs: tuple[int, ...] = (1, 8)
    """Seeds."""
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Print a row for each network and number of runs."""
    rows = []
    for number, runs in product(options.networks, options.runs):
        row = timed(number, runs, options.rounds)
        rows.append(row)
        if not options.json:
            times = ", ".join(f"{name} {value:.2f} s" for name, value in row["seconds"].items())
            print(f"{row['ratio']:5.2f}  {row['title']}: {times}", flush=True)
    if options.json:
        print(json.dumps({"options": asdict(options), "rows": rows}, indent=2))
    else:
        met = sum(row["ratio"] <= MET for row in rows)
        print(f"{met} of {len(rows)} met (<= {MET})")


def timed(number: int, runs: int, rounds: int) -> dict[str, Any]:
    """Time the first call of both, turn by turn."""
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS[runs]}
    for _ in range(rounds):
        for name in seconds:
            seconds[name].append(in_process(name, number, runs))
    medians = {name: median(values) for name, values in seconds.items()}
    ours, theirs = medians.values()
    return {
        "title": str(case_of(number, runs)),
        "seconds": medians,
        "ratio": ours / theirs,
    }


def in_process(name: str, number: int, runs: int) -> float:
    """Time one first call in a process of its own."""
    command = [sys.executable, __file__, "--one", name, str(number), str(runs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def first_call(name: str, number: int, runs: int) -> float:
    """Time the first call in this process."""
    import importlib

    case = case_of(number, runs)
    problem = problem_of(case)
    rival = importlib.import_module(f"rivals.{RIVALS[name]}")
    prepare = getattr(rival, "trainer", rival.prepare)
    start = time.perf_counter()
    train = prepare(case, problem, runs)
    train()
    return time.perf_counter() - start


def case_of(number: int, runs: int) -> Case:
    """Return the problem of a network."""
    network = list(NETWORKS)[number - 1]
    examples, batch_size = NETWORKS[network]
    return Case(network, examples, batch_size, EPOCHS, runs)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        sys.path.insert(0, str(Path(__file__).parent))
        print(first_call(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    else:
        main(tyro.cli(Options, description=__doc__))
