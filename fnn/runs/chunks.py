"""Chunks of epochs: the device runs one chunk per call, about half a second of work."""

import time
from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Bool

from fnn.runs.process import ProcessState

CHUNK_SECONDS = 0.5  # long enough that a call costs nothing, short enough to stop soon


class ChunkTiming(NamedTuple):
    """Hold the seconds that one epoch of some active runs took.

    seconds  for one epoch of all these runs
    runs     the number of active runs
    """

    seconds: float
    runs: int

    def epochs(self, runs: int) -> int:
        """Return how many epochs of `runs` runs take about CHUNK_SECONDS, at least 1."""
        times_as_many = max(1.0, runs / self.runs)
        seconds = self.seconds * times_as_many
        return max(1, int(CHUNK_SECONDS / seconds))


class ChunkScheduler:
    """Choose how many epochs to run per device call: as many as take about CHUNK_SECONDS.

    The very first call runs one epoch, to measure how long it takes.
    """

    def __init__(self) -> None:
        self.timing: ChunkTiming | None = None

    def chunks(
        self,
        advance: Callable[[ProcessState, np.int32], ProcessState],
        locate_divergence: Callable[[ProcessState], ProcessState],
        state: ProcessState,
        last: int,
        multiple: int | None = None,
    ) -> Iterator[ProcessState]:
        """Yield the state after every chunk, until every active run has done `last` epochs.

        state     of a single run or of a block
        last      the number of epochs at which every run ends
        multiple  a chunk also ends at each multiple of this number of epochs
        """
        while (is_unfinished := unfinished(state, last)).any():
            before = np.array(state.epochs)  # a copy: the device takes the state back
            # A run that was marked nonfinite, and was found to be sound, is behind the others.
            done = int(before[is_unfinished].min())
            runs = int(np.count_nonzero(is_unfinished))
            epochs = self.timing.epochs(runs) if self.timing else 1
            until = min(done + epochs, last, next_multiple(done, multiple or last))
            start = time.perf_counter()
            state = jax.block_until_ready(advance(state, np.int32(until)))
            seconds = time.perf_counter() - start
            epochs_run = int((np.asarray(state.epochs) - before).max())
            if epochs_run > 0:  # 0 where every run ended or diverged before
                self.timing = ChunkTiming(seconds / epochs_run, runs)
            if np.asarray(state.nonfinite).any():
                state = locate_divergence(state)
            yield state


def unfinished(state: ProcessState, last: int) -> Bool[np.ndarray, "*runs"]:
    """Return which runs are active and have not done `last` epochs."""
    return np.asarray(state.active) & (np.asarray(state.epochs) < last)


@lru_cache(512)
def scheduler_of(program: Hashable) -> ChunkScheduler:
    """Return the scheduler of a program. It remembers the timing of earlier calls."""
    return ChunkScheduler()


def next_multiple(number: int, factor: int) -> int:
    """Return the smallest multiple of the factor that is above the number."""
    return (number // factor + 1) * factor
