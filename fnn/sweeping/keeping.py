"""A sweep that is saved block by block, and goes on where it was saved.

Each finished block is a step of the directory; the block at hand is saved whole, in a directory of its own, so that
long ones lose little.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

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
from fnn.training.stopping import Stopping

Numbers = Integer[np.ndarray, "lanes"]
AT_HAND = "block-at-hand"
SEEDS_SHOWN = 64


class Keeper:
    """Keeps nothing: a sweep without a directory."""

    def restore(self, sweep: Sweep) -> None:
        """Puts what was saved into the sweep."""

    def begun(self, part: int, numbers: Numbers, program: Program) -> Training | None:
        """The block of these lanes of a part as it was saved unfinished, if it was."""

    def going(self, part: int, numbers: Numbers, program: Program, training: Training) -> None:
        """Saves the block at hand if it is time or somebody asked to stop; then that is obeyed."""

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
        if any(not np.array_equal(stored.arrays[name], value) for name, value in here.items()):
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
def keeping(
    checkpoint: str | Path | None, saving: Saving, describe: Callable[[], tuple[dict, list[str]]]
) -> Iterator[Keeper]:
    """What keeps a sweep in the directory, if there is one."""
    if checkpoint is None:
        yield Keeper()
        return
    with Stopping() as stopping, run_directory(checkpoint, *describe()) as directory:
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


def _block(part: int, numbers: Numbers, program: Program) -> dict[str, np.ndarray]:
    """What tells a block and how its lanes sit."""
    return {"part": np.array(part), "lanes": numbers, "shape": np.array(program.shape)}
