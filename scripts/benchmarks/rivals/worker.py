"""A contender in a process of its own, with its own devices and threads, that works when it is told
to.
"""

import importlib
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple

from rivals.case import Case, problem_of


class Ready(NamedTuple):
    """Seconds until the first training could begin, imports apart: tracing, compiling and a first
    call.
    """

    compile_seconds: float


class Done(NamedTuple):
    """Seconds of one training of all lanes, and the mean test accuracy after the last epoch."""

    seconds: float
    accuracy: float


class Contender:
    """Starts the process and waits until it is ready."""

    def __init__(self, module: str, case: Case, lanes: int):
        context = get_context("spawn")
        self.lanes = lanes
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(module, case, lanes, theirs))
        self.process.start()
        theirs.close()
        self.compile_seconds = self.connection.recv().compile_seconds

    def train(self, calls: int = 1) -> Done:
        """So many trainings of all lanes, one after the other; the seconds of one, on average."""
        self.connection.send(calls)
        return self.connection.recv()

    def leave(self) -> None:
        """Ends the process."""
        self.connection.send(0)
        self.process.join()


def serve(module: str, case: Case, lanes: int, connection: Connection) -> None:
    """The process: prepare, then train whenever asked."""
    rival = importlib.import_module(f"rivals.{module}")
    problem = problem_of(case)
    start = time.perf_counter()
    train = rival.prepare(case, problem, lanes)
    connection.send(Ready(time.perf_counter() - start))
    while calls := connection.recv():
        start = time.perf_counter()
        for _ in range(calls):
            accuracy = train()
        seconds = (time.perf_counter() - start) / calls
        connection.send(Done(seconds, float(accuracy[:, -1].mean())))
    getattr(train, "close", lambda: None)()
