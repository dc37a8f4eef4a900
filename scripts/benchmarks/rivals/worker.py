"""A contender in a process of its own, with its own devices and threads."""

import importlib
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple

from rivals.case import Case, problem_of


class Ready(NamedTuple):
    """The message of a process that can begin to train.

    compile_seconds  of tracing, compiling and a first call, without imports
    """

    compile_seconds: float


class Done(NamedTuple):
    """The result of a training of all runs.

    accuracy  on the test split after the last epoch, the mean over runs
    """

    seconds: float
    accuracy: float


class Contender:
    """A process that trains when it is told to. Creating it waits until the process is ready."""

    def __init__(self, module: str, case: Case, runs: int):
        context = get_context("spawn")
        self.runs = runs
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(module, case, runs, theirs))
        self.process.start()
        theirs.close()
        self.compile_seconds = self.connection.recv().compile_seconds

    def train(self, calls: int = 1) -> Done:
        """Train all runs, `calls` times in a row. The result has the mean seconds of a call."""
        self.connection.send(calls)
        return self.connection.recv()

    def leave(self) -> None:
        """End the process."""
        self.connection.send(0)
        self.process.join()


def serve(module: str, case: Case, runs: int, connection: Connection) -> None:
    """Prepare in the process, then train at each message until a message is 0."""
    rival = importlib.import_module(f"rivals.{module}")
    problem = problem_of(case)
    start = time.perf_counter()
    train = rival.prepare(case, problem, runs)
    connection.send(Ready(time.perf_counter() - start))
    while calls := connection.recv():
        start = time.perf_counter()
        for _ in range(calls):
            accuracy = train()
        seconds = (time.perf_counter() - start) / calls
        connection.send(Done(seconds, float(accuracy[:, -1].mean())))
    if hasattr(train, "close"):
        train.close()
