"""Trials in child processes: one that crashes, or never ends, is an answer and not the end."""

import json
import pickle
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

from fnn.devices import usable_cores
from fnn.doctor.canaries import Canary
from fnn.doctor.trial import Outcome

Trial: TypeAlias = tuple[Canary, int, bool]  # the arguments of `attempt`
SECONDS = 120.0  # for the trials of a child: none takes more than a few


def attempt_all(trials: Sequence[Trial]) -> list[Outcome]:
    """Try every canary, as many at a time as there are cores; outcomes come in the same order."""
    workers = max(1, min(usable_cores(), len(trials)))
    shares = [trials[start::workers] for start in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        shares_of_outcomes = list(pool.map(attempt_in_a_child, shares))
    outcomes: list[Outcome] = [Outcome("", "error")] * len(trials)
    for start, found in enumerate(shares_of_outcomes):
        outcomes[start::workers] = found
    return outcomes


def attempt_in_a_child(trials: Sequence[Trial]) -> list[Outcome]:
    """Try canaries one after the other in a child process, and the rest in another if it dies."""
    found: list[Outcome] = []
    while len(found) < len(trials):
        rest = trials[len(found) :]
        outcomes, death = run_child(rest)
        found += outcomes
        if len(outcomes) < len(rest):
            canary = rest[len(outcomes)][0]
            found.append(Outcome(canary.name, "crash", death))
    return found


def run_child(trials: Sequence[Trial]) -> tuple[list[Outcome], str]:
    """Return the outcomes that a child printed, and how it ended where some are missing."""
    command = [sys.executable, "-m", "fnn.doctor.child"]
    try:
        done = subprocess.run(
            command, input=pickle.dumps(list(trials)), capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as late:
        return parsed(late.stdout or b""), f"did not end within {SECONDS:.0f} s"
    return parsed(done.stdout), f"exit status {done.returncode}"


def parsed(printed: bytes) -> list[Outcome]:
    """Return the outcomes of a child's output; a line that was cut off is none."""
    lines = printed.decode().split("\n")[:-1]
    return [Outcome(*json.loads(line)) for line in lines]
