"""What is left of a sweep that did not come to its end."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class SweepInterrupted(KeyboardInterrupt):
    """`sweep` has the lanes that were finished, and `resume()` trains the others."""

    def __init__(self, sweep: Any, go_on: Callable[[bool], Any]):
        done, lanes = np.count_nonzero(sweep.finished), sweep.finished.size
        super().__init__(
            f"interrupted with {done} of {lanes} lanes finished. They are in this error's .sweep; .resume() goes on "
            "with the others and returns the whole. (With checkpoint=DIRECTORY another process can go on.)"
        )
        self.sweep = sweep
        self._go_on = go_on

    def resume(self, *, progress: bool = True) -> Any:
        """Trains what is missing and returns the whole sweep."""
        return self._go_on(progress)


class SweepFailed(RuntimeError):
    """Blocks of lanes failed, for want of memory or with another error of the machine; all others were trained.

    `sweep` has those that were finished, `failures` a pair for each block that was not: the numbers of its lanes, as
    (setting, seed), and the error.
    """

    def __init__(self, sweep: Any, failures: Sequence[tuple[list, Exception]], go_on: Callable[[bool, bool], Any]):
        (first, error), lanes = failures[0], sum(len(lanes) for lanes, _ in failures)
        super().__init__(
            f"{lanes} of {sweep.finished.size} lanes failed, in {len(failures)} block(s); setting {first[0][0]}, seed "
            f"{first[0][1]} among them: {type(error).__name__}: {error}. The others are in this error's .sweep; "
            ".resume() tries again, .resume(smaller_blocks=True) with blocks of one row of lanes on each device, which "
            "take less memory where they had more, and gives the same results."
        )
        self.sweep = sweep
        self.failures = failures
        self._go_on = go_on

    def resume(self, *, progress: bool = True, smaller_blocks: bool = False) -> Any:
        """Trains what is missing and returns the whole sweep."""
        return self._go_on(progress, smaller_blocks)
