"""Errors of a sweep that did not end: they have the finished runs, and can run the others."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

GoOn: TypeAlias = Callable[..., Any]
"""(progress, executor, …) -> the whole sweep, or the whole race."""

SAME = "same"
"""Stands for the executor of the call that did not end, or for this process if it had none."""


class Resumable:
    """An error that can go on with what is missing. Pickle keeps its results, and leaves that out.

    go_on  set by the error
    """

    go_on: GoOn | None = None

    def _resume(self, *arguments: Any) -> Any:
        if self.go_on is None:
            raise ValueError(
                "resume: this error was pickled, without programs and data; resume it where it was "
                "raised, or start with checkpoint=DIRECTORY, with which another process can go on."
            )
        return self.go_on(*arguments)

    def __reduce__(self) -> Any:
        """Return what pickle keeps: the message and the attributes, without `go_on`."""
        attributes = {name: value for name, value in vars(self).items() if name != "go_on"}
        message = getattr(self, "args", ())
        return unpickled, (type(self), message, attributes)


def unpickled(kind: type, message: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
    """Return an error that was pickled."""
    error = kind.__new__(kind, *message)
    vars(error).update(attributes)
    return error


class SweepInterrupted(Resumable, KeyboardInterrupt):
    """A sweep that Ctrl-C stopped.

    sweep   the `fnn.Sweep`, with the runs that were finished
    resume  a method that runs the others

        try:
            sweep = fnn.sweep(builder, dataset, epochs=100, batch_size=32, seeds=range(64))
        except fnn.SweepInterrupted as interrupted:
            sweep = interrupted.resume()
    """

    def __init__(self, sweep: Any, go_on: GoOn, saved: str = ""):
        done = np.count_nonzero(sweep.finished)
        elsewhere = f"It is {saved}." if saved else "With checkpoint=DIRECTORY another process can."
        super().__init__(
            f"interrupted with {done} of {sweep.finished.size} runs finished. They are in this "
            "error's .sweep; .resume() goes on with the others and returns the whole. "
            f"{elsewhere}"
        )
        self.sweep = sweep
        self.go_on = go_on

    def resume(self, *, progress: bool = True, executor: Any = SAME) -> Any:
        """Run the missing runs and return the whole sweep.

        progress  show a progress bar
        executor  another executor, as in `fnn.sweep`; None: this process; "same": as before
        """
        return self._resume(progress, executor, False)


class SweepFailed(Resumable, RuntimeError):
    """An error of a sweep with blocks that failed, although all other blocks were run.

    A block fails because memory is short, or because of another error of the machine.

    sweep     the `fnn.Sweep`, with the runs that were finished
    failures  a pair for each block that failed: its runs, as (setting, seed), and the error
    resume    a method that tries again

        try:
            sweep = fnn.sweep(builder, dataset, epochs=100, batch_size=32, seeds=range(64))
        except fnn.SweepFailed as failed:
            sweep = failed.resume(smaller_blocks=True)
    """

    def __init__(self, sweep: Any, failures: Sequence[tuple[list, Exception]], go_on: GoOn):
        first_runs, error = failures[0]
        setting, seed = first_runs[0]
        failed = sum(len(runs) for runs, _ in failures)
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        super().__init__(
            f"{failed} of {sweep.finished.size} runs failed, in {len(failures)} block(s); setting "
            f"{setting}, seed {seed} among them: {reason}. The others are in this error's .sweep; "
            ".resume() tries again, .resume(executor=another) on other workers, "
            ".resume(executor=None) in this process, "
            ".resume(smaller_blocks=True) with blocks of one row of runs on each device, which "
            "take less memory where they had more, and gives the same results."
        )
        self.sweep = sweep
        self.failures = failures
        self.go_on = go_on

    def resume(
        self, *, progress: bool = True, smaller_blocks: bool = False, executor: Any = SAME
    ) -> Any:
        """Run the missing runs and return the whole sweep.

        progress        show a progress bar
        smaller_blocks  run blocks of one row of runs on each device, which take less memory
        executor        another executor, as in `fnn.sweep`; None: this process; "same": as before
        """
        return self._resume(progress, executor, smaller_blocks)
