"""What Ctrl-C leaves of a sweep."""

from collections.abc import Callable
from typing import Any

import numpy as np


class SweepInterrupted(KeyboardInterrupt):
    """`sweep` has the lanes that were finished, and `resume()` trains the others."""

    def __init__(self, sweep: Any, go_on: Callable[[bool], Any]):
        done, lanes = np.count_nonzero(sweep.finished), sweep.finished.size
        super().__init__(
            f"interrupted with {done} of {lanes} lanes finished. They are in this error's .sweep; .resume() trains the "
            "others and returns the whole."
        )
        self.sweep = sweep
        self._go_on = go_on

    def resume(self, *, progress: bool = True) -> Any:
        """Trains what is missing and returns the whole sweep."""
        return self._go_on(progress)
