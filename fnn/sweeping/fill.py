"""Training the lanes of a sweep that are not finished, with a progress bar, until done or interrupted."""

import time
from functools import partial

import numpy as np
from jaxtyping import Float

from fnn.sweeping.blocks import Seats
from fnn.sweeping.interrupted import SweepInterrupted
from fnn.sweeping.results import Part, Sweep
from fnn.training.pace import Pace
from fnn.training.program import Training


def fill(sweep: Sweep, progress: bool) -> Sweep:
    """The sweep with every lane finished."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    pace, total = Pace(), sweep.finished.size
    with tqdm(total=total, initial=np.count_nonzero(sweep.finished), unit="run", disable=not progress) as bar:
        try:
            for number, part in enumerate(sweep.parts, 1):
                fill_part(sweep, part, pace, bar, f"program {number} of {len(sweep.parts)}, ")
        except KeyboardInterrupt as stop:
            raise SweepInterrupted(sweep, partial(fill, sweep)) from stop
    return sweep


def fill_part(sweep: Sweep, part: Part, pace: Pace, bar, which: str) -> None:
    """The sweep with the lanes of one program finished. `which` says on the bar which one it is, if there are more."""
    rows, seeds = np.array(part.program.group.rows), len(sweep.seeds)
    missing = np.flatnonzero(~sweep.finished[rows])
    if missing.size == 0:
        return
    which = which if len(sweep.parts) > 1 else ""
    lanes, devices = part.lanes.at(missing), part.program.shape.devices
    bar.set_description(f"{which}compiling")
    sweep.compile_seconds += part.program.compile(lanes)
    bar.unpause()  # a rate of runs, not of runs and compiling
    bar.set_description(f"{which}training on {devices} device{'s' * (devices > 1)}")
    done = int(np.count_nonzero(sweep.finished))

    def report(seats: Seats, training: Training) -> None:
        epochs = np.asarray(training.epochs) / part.program.group.plan.epochs
        shares = np.where(training.active, epochs, 1.0)[seats.taken]
        bar.set_postfix_str(best_so_far(sweep, np.asarray(training.best.loss)[seats.taken]), refresh=False)
        bar.update(done + int(np.sum(shares)) - bar.n)

    start = time.perf_counter()
    for training in part.program.blocks(lanes, pace, report):
        here, missing = np.split(missing, [len(training.epochs)])
        part.store(here, training)
        write(sweep, (rows[here // seeds], here % seeds), training)
        done = int(np.count_nonzero(sweep.finished))
        sweep.run_seconds += time.perf_counter() - start
        start = time.perf_counter()


def best_so_far(sweep: Sweep, losses: Float[np.ndarray, "lanes"]) -> str:
    """The lowest validation loss of the lanes that are finished and of those under way."""
    lowest = min(sweep.lowest, float(np.min(losses, initial=np.inf)))
    return f"best validation_loss {lowest:.4g}" if np.isfinite(lowest) else ""


def write(sweep: Sweep, index: tuple[np.ndarray, np.ndarray], training: Training) -> None:
    """The numbers of these lanes."""
    for name, values in training.history.items():
        sweep.history[name][index] = values
    sweep.best_epoch[index] = training.best.epoch
    sweep.stopped_epoch[index] = training.epochs - 1
    sweep.diverged_step[index] = training.diverged_step
    sweep.finished[index] = True
    sweep.lowest = min(sweep.lowest, float(np.min(training.best.loss)))
