"""How many epochs the device runs at once: long enough to cost nothing, short enough to stop."""

import time
from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np

from fnn.runs.process import ProcessState

CHUNK_SECONDS = 0.5


class Pace(NamedTuple):
    """The seconds that an epoch of so many active runs took."""

    seconds: float
    runs: int

    def epochs(self, runs: int) -> int:
        """Return how many epochs of so many runs take about CHUNK_SECONDS, one at least."""
        seconds = self.seconds * max(1.0, runs / self.runs)
        return max(1, int(CHUNK_SECONDS / seconds))


class ChunkScheduler:
    """Choose how many epochs to run per device call: about CHUNK_SECONDS of them.

    The first call of all runs one epoch, to see how long it takes.
    """

    def __init__(self) -> None:
        self.pace: Pace | None = None

    def chunks(
        self,
        advance: Callable[[ProcessState, np.int32], ProcessState],
        locate_divergence: Callable[[ProcessState], ProcessState],
        state: ProcessState,
        last: int,
        multiple: int | None = None,
    ) -> Iterator[ProcessState]:
        """Yield the state, single or a block, after every chunk, until no run of it is active.

        last      the number of epochs at which every run ends
        multiple  chunks also end at the multiples of this number of epochs
        """
        done = int(np.asarray(state.epochs).max())
        while done < last and (runs := int(np.count_nonzero(np.asarray(state.active)))):
            epochs = self.pace.epochs(runs) if self.pace else 1
            until = min(done + epochs, last, next_multiple(done, multiple or last))
            start = time.perf_counter()
            state = jax.block_until_ready(advance(state, np.int32(until)))
            seconds = time.perf_counter() - start
            ran = int(np.asarray(state.epochs).max()) - done
            if ran > 0:  # fewer than asked for where all runs ended before
                self.pace = Pace(seconds / ran, runs)
            if np.asarray(state.nonfinite).any():
                state = locate_divergence(state)
            done = until
            yield state


@lru_cache(512)
def scheduler_of(program: Hashable) -> ChunkScheduler:
    """Return the scheduler of a program, which knows the pace of earlier calls."""
    return ChunkScheduler()


def next_multiple(number: int, factor: int) -> int:
    """Return the smallest multiple of the factor above the number."""
    return (number // factor + 1) * factor
