"""Training the lanes of a sweep that are not finished, with a progress bar, until done, interrupted or failed."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from fnn.sweeping.interrupted import SweepFailed, SweepInterrupted
from fnn.sweeping.keeping import Keeper
from fnn.sweeping.results import Sweep
from fnn.training.pace import Pace
from fnn.training.program import Training

Keeping = Callable[[], AbstractContextManager[Keeper]]


def fill(sweep: Sweep, keeping: Keeping, progress: bool, smaller_blocks: bool = False) -> Sweep:
    """The sweep with every lane finished. A block that fails does not keep the others from being trained."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    again = partial(fill, sweep, keeping)
    failures: list[tuple[list, Exception]] = []
    try:
        with keeping() as keeper:
            keeper.restore(sweep)
            with tqdm(total=sweep.finished.size, initial=count(sweep), unit="run", disable=not progress) as bar:
                for number, part in enumerate(sweep.parts):
                    if smaller_blocks:
                        part.program = part.program.smaller()
                    failures += fill_part(sweep, number, keeper, bar)
    except KeyboardInterrupt as stop:
        raise SweepInterrupted(sweep, again) from stop
    if failures:
        raise SweepFailed(sweep, failures, again) from failures[0][1]
    return sweep


def fill_part(sweep: Sweep, number: int, keeper: Keeper, bar: Any) -> list[tuple[list, Exception]]:
    """Finishes the lanes of one program, except for the failures that are returned."""
    part = sweep.parts[number]
    which = f"program {number + 1} of {len(sweep.parts)}, " if len(sweep.parts) > 1 else ""
    failures: list[tuple[list, Exception]] = []
    pace, compiled = Pace(), False
    for numbers in part.program.cut(sweep.missing(part)):
        try:
            if not compiled:
                bar.set_description(f"{which}compiling")
                sweep.compile_seconds += part.program.compile(part.lanes.at(numbers))
                compiled = True
                bar.unpause()  # a rate of runs, not of runs and compiling
                devices = part.program.shape.devices
                bar.set_description(f"{which}training on {devices} device{'s' * (devices > 1)}")
            fill_block(sweep, number, numbers, keeper, pace, bar)
        except (RuntimeError, MemoryError) as error:  # of the machine: XLA's own are RuntimeErrors
            settings, columns = sweep.index(part, numbers)
            lanes = [(row, sweep.seeds[column]) for row, column in zip(settings.tolist(), columns, strict=True)]
            failures.append((lanes, error.with_traceback(None)))  # whose frames would keep the block in memory
    return failures


def fill_block(
    sweep: Sweep, number: int, numbers: Integer[np.ndarray, "lanes"], keeper: Keeper, pace: Pace, bar: Any
) -> None:
    """Finishes the lanes of one block."""
    part, start, done = sweep.parts[number], time.perf_counter(), count(sweep)
    program, lanes = part.program, part.lanes.at(numbers)
    taken = program.seats(lanes).taken
    for training in program.block(lanes, pace, keeper.begun(number, numbers, program)):
        report(bar, sweep, done, taken, training, program.group.plan.epochs)
        keeper.going(number, numbers, program, training)
    results = program.results(lanes, training)
    sweep.take(part, numbers, results)
    sweep.run_seconds += time.perf_counter() - start
    keeper.done(number, part, numbers, results)


def report(bar: Any, sweep: Sweep, done: int, taken: np.ndarray, training: Training, epochs: int) -> None:
    """Moves the bar by the share of each lane that is done, and shows the best loss so far."""
    shares = np.where(training.active, np.asarray(training.epochs) / epochs, 1.0)[taken]
    bar.set_postfix_str(best_so_far(sweep, np.asarray(training.best.loss)[taken]), refresh=False)
    bar.update(done + int(np.sum(shares)) - bar.n)


def best_so_far(sweep: Sweep, losses: Float[np.ndarray, "lanes"]) -> str:
    """The lowest validation loss of the lanes that are finished and of those under way."""
    lowest = min(sweep.lowest, float(np.min(losses, initial=np.inf)))
    return f"best validation_loss {lowest:.4g}" if np.isfinite(lowest) else ""


def count(sweep: Sweep) -> int:
    """Finished lanes."""
    return int(np.count_nonzero(sweep.finished))
