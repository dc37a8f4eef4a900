"""Errors of a race that did not end: they have the outcome so far, and can go on."""

from collections.abc import Sequence
from typing import Any

from fnn.racing.result import Race
from fnn.runs.driver import Failure
from fnn.runs.interrupted import SAME, GoOn, Resumable


class RaceFailed(Resumable, RuntimeError):
    """Runs of a race failed: the memory did not suffice, or the machine had another error.

    race      the outcome up to the rung before; None if the first rung failed. Its `sweep` is that
              of the whole race, and resume goes on to fill it
    failures  the errors
    resume    a method that tries again

        try:
            race = fnn.race(builder, dataset, guarantee="rung", executor=pool, **options)
        except fnn.RaceFailed as failed:
            race = failed.resume(executor=another_pool)
    """

    def __init__(
        self, race: Race | None, rung: int, failures: Sequence[Failure], go_on: GoOn
    ) -> None:
        error = failures[0][-1]
        runs = sum(len(numbers) for _, numbers, _ in failures)
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        super().__init__(
            f"{runs} runs failed at rung {rung + 1}: {reason}. "
            "This error's .race has the outcome up to the rung before; .resume() tries again, "
            ".resume(executor=another) on other workers, .resume(executor=None) in this process. "
            "Runs that finished are kept."
        )
        self.race = race
        self.failures = [error for *_, error in failures]
        self.go_on = go_on

    def resume(self, *, progress: bool = True, executor: Any = SAME) -> Race:
        """Train the missing runs of the rung, go on with the others, and return the whole race.

        progress  show progress bars
        executor  another executor, as in `fnn.race`; None: this process; "same": as before
        """
        return self._resume(progress, executor)


class RaceInterrupted(Resumable, KeyboardInterrupt):
    """Ctrl-C stopped a race.

    race    the outcome up to the rung before; None if the first rung was interrupted
    resume  a method that trains the missing runs of the rung, and goes on
    """

    def __init__(self, race: Race | None, go_on: GoOn) -> None:
        super().__init__(
            "interrupted; this error's .race has the outcome up to the rung before, and .resume() "
            "goes on with the runs that are missing"
        )
        self.race = race
        self.go_on = go_on

    def resume(self, *, progress: bool = True, executor: Any = SAME) -> Race:
        """Train the missing runs of the rung, go on with the others, and return the whole race.

        progress, executor  as for `RaceFailed.resume`
        """
        return self._resume(progress, executor)
