"""Few runs of small networks: fnn.sweep beside a JAX user and beside a loop of fnn.train.

All contenders do the same work: ⌈N/B⌉ Adam updates an epoch on ReLU layers with softmax
cross-entropy. The last batch is a short one. They record the training loss, and after every epoch
loss and accuracy on validation and test (200 examples each).

A call is timed as a whole, from JAX arrays to histories on the host. Its program is compiled
before. Short calls are repeated for a tenth of a second. The JAX user is jit(vmap(train)) and, for
one run, jit(train) too. Every contender is a process of its own, and they take turns.

A cell is the least median of (rival / fnn) over the turns: 1 is as fast, 2 is twice as fast. The
target is met from 0.97 on.
"""

import json
from dataclasses import asdict, dataclass
from itertools import product
from statistics import median
from typing import Any

import tyro
from rivals.case import Case
from rivals.worker import Contender
from tqdm import tqdm

NETWORKS = {
    (2, 16, 16, 2): (1000, 32),
    (64, 32, 10): (1257, 64),
    (16, 256, 10): (1000, 64),
    (784, 128, 10): (1000, 64),
}
"""Sizes -> (examples, batch size). Each has a short last batch."""
OURS, USER, ALONE, LOOP = "fnn.sweep", "jit(vmap)", "jit", "fnn.train"
RIVALS = {OURS: "ours", USER: "jax_user", ALONE: "jax_user_alone", LOOP: "train_loop"}
MET = 0.97
TURN_SECONDS = 0.1  # a turn has several calls if they take a few milliseconds


@dataclass(frozen=True)
class Options:
    """Options of the command line."""

    rounds: int = 9
    """Turns of each contender."""
    networks: tuple[int, ...] = (1, 2, 3, 4)
    """By number: 2-16-16-2, 64-32-10, 16-256-10, 784-128-10."""
    runs: tuple[int, ...] = (1, 2, 5, 8, 16, 32)
    """Seeds of a sweep."""
    epochs: tuple[int, ...] = (5, 200)
    """Of each run."""
    json: bool = False
    """Print JSON instead of a table."""


def main(options: Options) -> None:
    """Print a row for each cell, and how many meet the target."""
    sizes = [list(NETWORKS)[number - 1] for number in options.networks]
    cells = []
    for network, epochs, runs in product(sizes, options.epochs, options.runs):
        examples, batch_size = NETWORKS[network]
        case = Case(network, examples, batch_size, epochs, runs)
        cell = timed(case, options.rounds)
        cells.append(cell)
        if not options.json:
            print(row(cell), flush=True)
    ratios = [cell["ratio"] for cell in cells]
    met = sum(ratio >= MET for ratio in ratios)
    ahead = sum(ratio >= 1 for ratio in ratios)
    if options.json:
        print(json.dumps({"options": asdict(options), "cells": cells}, indent=2))
    else:
        print(f"{met} of {len(cells)} met (>= {MET}), {ahead} at 1 or above")


def timed(case: Case, rounds: int) -> dict[str, Any]:
    """Time a call of every contender, turn by turn."""
    names = [OURS, USER, LOOP]
    if case.runs == 1:
        names.append(ALONE)
    contenders = {name: Contender(RIVALS[name], case, case.runs) for name in names}
    turns: dict[str, list[float]] = {name: [] for name in names}
    calls = max(1, int(TURN_SECONDS / contenders[OURS].train().seconds))
    for _ in tqdm(range(rounds), desc=str(case), unit="round", leave=False, disable=None):
        for name, contender in contenders.items():
            turns[name].append(contender.train(calls).seconds)
    for contender in contenders.values():
        contender.leave()
    ratios = {}
    for name in names[1:]:
        pairs = zip(turns[name], turns[OURS], strict=True)
        ratios[name] = median(theirs / ours for theirs, ours in pairs)
    first_calls = {name: contender.compile_seconds for name, contender in contenders.items()}
    return {
        "title": str(case),
        "case": case._asdict(),
        "milliseconds": {name: 1e3 * median(seconds) for name, seconds in turns.items()},
        "first_call_seconds": first_calls,
        "ratios": ratios,
        "ratio": min(ratios.values()),
    }


def row(cell: dict[str, Any]) -> str:
    """Write a cell as a line."""
    times = ", ".join(f"{name} {ms:.1f}" for name, ms in cell["milliseconds"].items())
    return f"{cell['ratio']:5.2f}  {cell['title']}: ms {times}"


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
