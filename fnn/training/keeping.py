"""A run that is saved as it goes, and goes on where it was saved."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.checkpoint.run_directory import RunDirectory, fingerprint, run_directory
from fnn.data import Dataset
from fnn.training.program import Plan, Training
from fnn.training.stopping import BOTH, Stopping

KEPT = 2  # the last two steps: one is left should the disk spoil the other


class Saving:
    """When a run is saved: `seconds` after the last time, after every multiple of `epochs`, and at its end."""

    def __init__(self, seconds: float, epochs: int | None):
        self.seconds, self.epochs = seconds, epochs
        self.last = time.monotonic()

    def is_due(self, done: int = 0) -> bool:
        """Whether to save now, with so many epochs done."""
        reached = self.epochs is not None and done > 0 and done % self.epochs == 0
        return reached or time.monotonic() - self.last >= self.seconds

    def saved(self) -> None:
        """The clock starts anew."""
        self.last = time.monotonic()


def kept(
    trainings: Iterator[Training], directory: RunDirectory, saving: Saving, stopping: Stopping
) -> Iterator[Training]:
    """The trainings of a run, each saved before it is shown if it is time, it is the last, or somebody asked to stop;
    then that is obeyed."""
    for training in trainings:
        done = int(training.epochs)
        if saving.is_due(done) or stopping.wish is not None or not training.active:
            directory.save(done, training, keep=KEPT)
            saving.saved()
        stopping.obey(f"saved after {done} epochs in {directory.path}; the same call goes on from there")
        yield training


def checked_saving(
    checkpoint: str | Path | None, checkpoint_every: float, checkpoint_epochs: int | None = None
) -> Saving:
    """When to save. ValueError for what is no directory, number of seconds or of epochs."""
    if checkpoint is not None and (not isinstance(checkpoint, (str, Path)) or checkpoint == ""):
        raise ValueError(f"checkpoint: got {checkpoint!r}, expected a directory, or None.")
    checks.positive("checkpoint_every", checkpoint_every)
    if checkpoint_epochs is not None:
        checks.count("checkpoint_epochs", checkpoint_epochs)
    return Saving(float(checkpoint_every), checkpoint_epochs)


def described(plan: Plan, dataset: Dataset) -> dict[str, object]:
    """Plan and data as JSON, for comparison with those of a saved run."""
    arrays = {f"{name}.{part}": a for name, split in dataset.splits.items() for part, a in split._asdict().items()}
    sums = {name: fingerprint(np.asarray(array)) for name, array in arrays.items()}
    return {"float": str(jnp.result_type(float)), **plan._asdict(), **sums}


@contextmanager
def keeping(
    checkpoint: str | Path | None, saving: Saving, describe: Callable[[], tuple[dict, list[str]]], like: Training
) -> Iterator[tuple[Training | None, Callable[[Iterator[Training]], Iterator[Training]]]]:
    """The training that was saved in the directory, if any, and what saves those to come. `describe` tells the
    arguments and the programs of the run, for comparison; it is asked only if there is a directory."""
    if checkpoint is None:
        yield None, iter
        return
    with Stopping(*BOTH) as stopping, run_directory(checkpoint, *describe()) as directory:
        yield directory.newest(like), partial(kept, directory=directory, saving=saving, stopping=stopping)
