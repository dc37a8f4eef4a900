"""How far a program is sent at once: far enough that asking costs nothing, and back soon enough to be interrupted."""

import time
from collections.abc import Callable, Iterator

import jax
import numpy as np

from fnn.training.program import Training

CHUNK_SECONDS = 0.5


class Pace:
    """The number of epochs that take about CHUNK_SECONDS, learned from those that were run."""

    def __init__(self) -> None:
        self.epochs = 1

    def chunks(
        self, advance: Callable[[Training, np.int32], Training], examine: Callable[[Training], Training],
        training: Training, epochs: int, multiple: int | None = None,
    ) -> Iterator[Training]:  # fmt: skip
        """The training, single or a block, after every chunk of epochs until none of it is active. No chunk goes
        beyond the next multiple of `multiple`."""
        done = int(np.max(training.epochs))
        while np.asarray(training.active).any():
            until = min(done + self.epochs, epochs, next_multiple(done, multiple or epochs))
            start = time.perf_counter()
            training = jax.block_until_ready(advance(training, np.int32(until)))
            trained = max(1, int(np.max(training.epochs)) - done)  # fewer than asked for where all lanes ended before
            self.epochs = max(1, int(trained * CHUNK_SECONDS / (time.perf_counter() - start)))
            if np.asarray(training.suspect).any():
                training = examine(training)
            done = until
            yield training


def next_multiple(number: int, factor: int) -> int:
    """The smallest multiple of the factor above the number."""
    return (number // factor + 1) * factor
