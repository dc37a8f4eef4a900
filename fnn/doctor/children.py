"""Run trials in child processes, so that one that crashes or never ends stops no other."""

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
    """Run every trial, as many at a time as there are cores; return outcomes in the same order."""
    queue = iter(enumerate(trials))  # each child takes the next trial when it is done
    outcomes: dict[int, Outcome] = {}

    def work() -> None:
        child = None
        for number, trial in queue:
            child = child or Child()
            outcomes[number] = child.attempt(trial)
            if child.is_dead():
                child = None
        if child:
            child.end()

    workers = max(1, min(usable_cores(), len(trials)))
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(work) for _ in range(workers)]
        for future in futures:
            future.result()
    return [outcomes[number] for number in range(len(trials))]


class Child:
    """A process that runs one trial after the other (`python -m fnn.doctor.child`)."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (end() closes it)
        self.error_lines: list[str] = []  # read when the process has ended
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fnn.doctor.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=os.environ | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"},  # several share a GPU
        )
        assert self.process.stdin
        assert self.process.stdout
        self.trials = self.process.stdin
        self.outcomes = self.process.stdout

    def attempt(self, trial: Trial) -> Outcome:
        """Return the outcome of a trial; "crash" where the process ended or had to be killed."""
        is_late = Event()

        def kill() -> None:
            is_late.set()
            self.process.kill()

        timer = Timer(SECONDS, kill)
        timer.start()
        with suppress(BrokenPipeError):  # it has died between two trials
            self.trials.write(pickle.dumps(trial))
            self.trials.flush()
        line = self.outcomes.readline()
        timer.cancel()
        if line.endswith(b"\n"):
            fields = json.loads(line)
            return Outcome(*fields)
        self.end()
        canary, _, _ = trial
        detail = self.last_words()
        if is_late.is_set():
            detail = f"did not end within {SECONDS:.0f} s"
        return Outcome(canary.name, "crash", detail)

    def is_dead(self) -> bool:
        """Return whether the process has ended."""
        return self.process.returncode is not None

    def end(self) -> None:
        """Close the input of the process, on which it ends, and read its errors."""
        with suppress(BrokenPipeError):
            self.trials.close()
        self.outcomes.close()
        self.process.wait()
        self.errors.seek(0)
        text = self.errors.read().decode(errors="replace")
        self.error_lines = text.strip().splitlines()
        self.errors.close()

    def last_words(self) -> str:
        """Return the exit status of a process that has ended and the last line of its errors."""
        status = f"exit status {self.process.returncode}"
        return ": ".join([status, *self.error_lines[-1:]])
