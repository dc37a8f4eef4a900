"""How many epochs the device runs at once: long enough to cost nothing, short enough to stop."""

import time
from collections.abc import Callable, Iterator

import jax
import numpy as np

from fnn.runs.process import ProcessState

CHUNK_SECONDS = 0.5


class ChunkScheduler:
    """Choose how many epochs to run per device call: about CHUNK_SECONDS of them."""

    def __init__(self) -> None:
        self.epochs = 1

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
        done = int(np.max(state.epochs))
        while np.asarray(state.active).any():
            until = min(done + self.epochs, last, next_multiple(done, multiple or last))
            start = time.perf_counter()
            state = jax.block_until_ready(advance(state, np.int32(until)))
            seconds = time.perf_counter() - start
            ran = max(1, int(np.max(state.epochs)) - done)  # fewer where all runs ended before
            self.epochs = max(1, int(ran * CHUNK_SECONDS / seconds))
            if np.asarray(state.nonfinite).any():
                state = locate_divergence(state)
            done = until
            yield state


def next_multiple(number: int, factor: int) -> int:
    """Return the smallest multiple of the factor above the number."""
    return (number // factor + 1) * factor
