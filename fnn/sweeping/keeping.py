"""A sweep that is saved block by block, and goes on where it was saved.

Each finished block is a step of the directory; the block at hand is saved whole, in a directory of its own, so that
long ones lose little.
"""

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np
from jaxtyping import Integer

from fnn.checkpoint import store
from fnn.checkpoint.run_directory import RunDirectory, address_free, fingerprint, run_directory
from fnn.sweeping.program import Program, without_optimizer_state
from fnn.sweeping.results import Part, Sweep
from fnn.sweeping.settings import Setting
from fnn.training.keeping import Saving
from fnn.training.program import Training
from fnn.training.stopping import BOTH, Stopping

Numbers = Integer[np.ndarray, "lanes"]
AT_HAND = "block-at-hand"
SEEDS_SHOWN = 64


class Keeper:
    """Keeps the block at hand when Ctrl-C stops a sweep that has no directory."""

    def __init__(self) -> None:
        self.stopping = Stopping(signal.SIGINT)
        self.block: tuple[dict[str, np.ndarray], Training] | None = None

    @contextmanager
    def __call__(self) -> Iterator[Self]:
        """For one sitting; the next one finds the block."""
        with Stopping(signal.SIGINT) as self.stopping:
            yield self

    def restore(self, sweep: Sweep) -> None:
        """Puts what was saved into the sweep."""

    def begun(self, part: int, numbers: Numbers, program: Program) -> Training | None:
        """The block of these lanes of a part as it was saved unfinished, if it was."""
        here = _block(part, numbers, program)
        saved, self.block = self.block, None
        return saved[1] if saved is not None and _same(saved[0], here) else None

    def going(self, part: int, numbers: Numbers, program: Program, training: Training) -> None:
        """Saves the block at hand if it is time or somebody asked to stop; then that is obeyed."""
        if self.stopping.wish is not None:
            self.block = _block(part, numbers, program), training
        self.stopping.obey()

    def done(self, number: int, part: Part, numbers: Numbers, results: Training) -> None:
        """Saves a finished block."""


class DirectoryKeeper(Keeper):
    """Keeps a sweep in a directory."""

    def __init__(self, directory: RunDirectory, saving: Saving, stopping: Stopping):
        self.directory, self.saving, self.stopping = directory, saving, stopping
        self.at_hand = directory.inner(AT_HAND)

    def restore(self, sweep: Sweep) -> None:  # noqa: D102
        for step in store.steps(self.directory.path):
            stored = self.directory.read(step)
            part, numbers = sweep.parts[int(stored.arrays["part"])], stored.arrays["lanes"]
            one = part.worth_keeping(without_optimizer_state(part.program.like))
            like = jax.tree.map(partial(_several, len(numbers)), one)
            tree = stored.tree({"part": np.int64(0), "lanes": numbers, "training": like})
            sweep.take(part, numbers, tree["training"])

    def begun(self, part: int, numbers: Numbers, program: Program) -> Training | None:  # noqa: D102
        known = store.steps(self.at_hand.path)
        if not known:
            return None
        stored = self.at_hand.read(known[-1])
        here = _block(part, numbers, program)
        if not _same(stored.arrays, here):
            return None  # that block was finished, or is cut another way now; no result depends on how
        return stored.tree(here | {"training": program.block_like()})["training"]

    def going(self, part: int, numbers: Numbers, program: Program, training: Training) -> None:  # noqa: D102
        if self.stopping.wish is not None or self.saving.is_due():
            known = store.steps(self.at_hand.path)
            here = _block(part, numbers, program)
            self.at_hand.save(known[-1] + 1 if known else 0, here | {"training": training}, keep=1)
            self.saving.saved()
        self.stopping.obey()

    def done(self, number: int, part: Part, numbers: Numbers, results: Training) -> None:  # noqa: D102
        known = store.steps(self.directory.path)
        tree = {"part": np.int64(number), "lanes": numbers, "training": part.worth_keeping(results)}
        self.directory.save(known[-1] + 1 if known else 0, tree)
        self.saving.saved()


@contextmanager
def keeping(checkpoint: str | Path, saving: Saving, describe: Callable[[], tuple[dict, list[str]]]) -> Iterator[Keeper]:
    """What keeps a sweep in the directory."""
    with Stopping(*BOTH) as stopping, run_directory(checkpoint, *describe()) as directory:
        yield DirectoryKeeper(directory, saving, stopping)


def described(settings: Sequence[Setting], seeds: Sequence[int]) -> dict[str, Any]:
    """Settings and seeds as JSON, for comparison with those of a saved sweep."""

    def plain(value: Any) -> Any:
        return value if isinstance(value, (str, bool, int, float, type(None))) else address_free(repr(value))

    rows = {
        f"setting {row}": {name: plain(value) for name, value in setting.items()}
        for row, setting in enumerate(settings)
    }
    return {"seeds": seeds if len(seeds) <= SEEDS_SHOWN else fingerprint(np.array(seeds)), **rows}


def _several(n: int, leaf: Any) -> np.ndarray:
    """Room for n of a leaf."""
    return np.empty((n, *leaf.shape), leaf.dtype)


def _same(saved: Mapping[str, np.ndarray], here: Mapping[str, np.ndarray]) -> bool:
    """Whether a saved block is the one at hand."""
    return all(np.array_equal(saved[name], value) for name, value in here.items())


def _block(part: int, numbers: Numbers, program: Program) -> dict[str, np.ndarray]:
    """What tells a block and how its lanes sit."""
    return {"part": np.array(part), "lanes": numbers, "shape": np.array(program.shape)}
