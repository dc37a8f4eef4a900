"""Trials in child processes: one that crashes, or never ends, is an answer and not the end."""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Timer
from typing import TypeAlias

from fnn.devices import usable_cores
from fnn.doctor.canaries import Canary
from fnn.doctor.trial import Outcome

Trial: TypeAlias = tuple[Canary, int, bool]  # the arguments of `attempt`
SECONDS = 60.0  # for a trial: none takes more than a few


def attempt_all(trials: Sequence[Trial]) -> list[Outcome]:
    """Try every canary, as many at a time as there are cores; outcomes come in the same order."""
    waiting = iter(enumerate(trials))  # of which each child takes the next when it is done
    outcomes: dict[int, Outcome] = {}

    def work() -> None:
        child = None
        for number, trial in waiting:
            child = child or Child()
            outcomes[number] = child.attempt(trial)
            if child.is_dead():
                child = None
        if child:
            child.end()

    workers = max(1, min(usable_cores(), len(trials)))
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work) for _ in range(workers)]:
            done.result()
    return [outcomes[number] for number in range(len(trials))]


class Child:
    """A process that tries one canary after the other (`python -m fnn.doctor.child`)."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (end() closes it)
        self.said: list[str] = []  # the lines of its errors, once it has ended
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fnn.doctor.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},  # several share a GPU
        )
        assert self.process.stdin
        assert self.process.stdout
        self.trials, self.outcomes = self.process.stdin, self.process.stdout

    def attempt(self, trial: Trial) -> Outcome:
        """Return the outcome of a trial; "crash" where the process ended or had to be killed."""
        late = Event()

        def kill() -> None:
            late.set()
            self.process.kill()

        timer = Timer(SECONDS, kill)
        timer.start()
        with suppress(BrokenPipeError):  # it has died between two trials
            self.trials.write(pickle.dumps(trial))
            self.trials.flush()
        line = self.outcomes.readline()
        timer.cancel()
        if line.endswith(b"\n"):
            return Outcome(*json.loads(line))
        self.end()
        death = f"did not end within {SECONDS:.0f} s" if late.is_set() else self.last_words()
        return Outcome(trial[0].name, "crash", death)

    def is_dead(self) -> bool:
        """Return whether the process has ended."""
        return self.process.returncode is not None

    def end(self) -> None:
        """Let the process end, which it does when no more trials can come."""
        with suppress(BrokenPipeError):
            self.trials.close()
        self.outcomes.close()
        self.process.wait()
        self.errors.seek(0)
        self.said = self.errors.read().decode(errors="replace").strip().splitlines()
        self.errors.close()

    def last_words(self) -> str:
        """Return the exit status of a process that has ended and the last line of its errors."""
        return ": ".join([f"exit status {self.process.returncode}", *self.said[-1:]])
