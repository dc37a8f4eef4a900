"""Errors of a sweep that did not come to its end: they hold what was finished, and go on."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class SweepInterrupted(KeyboardInterrupt):
    """A sweep that Ctrl-C has stopped.

    `sweep` has the runs that were finished; `resume()` runs the others.
    """

    def __init__(self, sweep: Any, go_on: Callable[[bool, bool, Any], Any], saved: str = ""):
        done, runs = np.count_nonzero(sweep.finished), sweep.finished.size
        elsewhere = f"It is {saved}." if saved else "With checkpoint=DIRECTORY another process can."
        super().__init__(
            f"interrupted with {done} of {runs} runs finished. They are in this error's .sweep; "
            f".resume() goes on with the others and returns the whole. {elsewhere}"
        )
        self.sweep = sweep
        self._go_on = go_on

    def resume(self, *, progress: bool = True, executor: Any = None) -> Any:
        """Run what is missing and return the whole sweep.

        executor  another one, in the place of one that is broken, or of this process; None: as
                  before
        """
        return self._go_on(progress, False, executor)


class SweepFailed(RuntimeError):
    """Blocks of runs that failed, for want of memory or with another error of the machine.

    All others were run. `sweep` has those that were finished; `failures` has a pair for each block
    that was not: its runs, as (setting, seed), and the error.
    """

    def __init__(
        self,
        sweep: Any,
        failures: Sequence[tuple[list, Exception]],
        go_on: Callable[[bool, bool, Any], Any],
    ):
        (first, error), runs = failures[0], sum(len(runs) for runs, _ in failures)
        said = f"{type(error).__name__}: {error}".rstrip(".")
        super().__init__(
            f"{runs} of {sweep.finished.size} runs failed, in {len(failures)} block(s); setting "
            f"{first[0][0]}, seed {first[0][1]} among them: {said}. The others are in this error's "
            ".sweep; .resume() tries again, .resume(executor=another) on other workers, "
            ".resume(smaller_blocks=True) with blocks of one row of runs on each device, which "
            "take less memory where they had more, and gives the same results."
        )
        self.sweep = sweep
        self.failures = failures
        self._go_on = go_on

    def resume(
        self, *, progress: bool = True, smaller_blocks: bool = False, executor: Any = None
    ) -> Any:
        """Run what is missing and return the whole sweep.

        executor  another one, in the place of one that is broken, or of this process; None: as
                  before
        """
        return self._go_on(progress, smaller_blocks, executor)
