"""What a race says: which setting is the best, by how much, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from fnn.racing.compare import Comparison
from fnn.racing.rungs import Guarantee, Rung
from fnn.runs.fingerprint import plain_settings
from fnn.runs.monitor import Monitor
from fnn.runs.results import Sweep
from fnn.runs.settings import Setting
from fnn.runs.summary import Row, table

SHOWN = 10  # settings in a repr
IN = -1  # in place of the rung at which a setting left


class RungResult(NamedTuple):
    """What happened at a rung.

    entered  rows of the settings that were compared
    """

    rung: Rung
    entered: Sequence[int]
    comparison: Comparison


@dataclass(repr=False, eq=False)
class Race:
    """The outcome of `fnn.race`; `print` it, and draw it with `fnn.figures.rungs`.

    sweep       every run that finished, as in the full sweep; histories of the others as far as
                they got
    monitor     what was compared
    guarantee   "final" or "rung"
    confidence  with which it holds
    delta       differences that do not matter
    rungs       what happened at each
    left        (settings,) the place in `rungs` at which a setting left, −1 if it is in; the table
                counts rungs from 1
    run_epochs  how many epochs of runs were trained
    full_epochs how many the full sweep has
    ended       why: "" after the last rung; "delta", "one left", or "budget"
    """

    sweep: Sweep
    monitor: Monitor
    guarantee: Guarantee
    confidence: float
    delta: float
    rungs: list[RungResult]
    left: Integer[np.ndarray, "settings"]
    run_epochs: int
    full_epochs: int
    ended: str = ""

    @property
    def best_row(self) -> int:
        """Return the row of the best setting in `sweep.settings`."""
        return self.rungs[-1].comparison.best

    @property
    def best(self) -> Setting:
        """Return the best setting."""
        return self.sweep.settings[self.best_row]

    @property
    def remaining(self) -> list[int]:
        """Return the rows of the settings that cannot be told from the best one, and its own."""
        return np.flatnonzero(self.left == IN).tolist()

    @property
    def share(self) -> float:
        """Return which share of the epochs of the full sweep was trained."""
        return self.run_epochs / self.full_epochs

    def rows(self) -> list[Row]:
        """Return a row for each setting, the best first, then by how far it came.

        epochs, seeds  of its last comparison; the metric is the mean over its runs, "worse by" how
        much worse than the best of that rung it was, low to high the interval of that. Runs that
        diverged count there as the worst of the rung
        """
        last = np.where(self.left == IN, len(self.rungs) - 1, self.left)
        rows = []
        settings = plain_settings(self.sweep.settings)
        for row, setting in enumerate(settings):
            rung, _, found = self.rungs[last[row]]
            rows.append(
                {
                    "setting": row,
                    **setting,
                    "left at rung": "" if self.left[row] == IN else int(self.left[row]) + 1,
                    "epochs": rung.epochs,
                    "seeds": rung.seeds,
                    self.monitor.metric: float(found.mean[row]),
                    "diverged": int(found.diverged[row]),
                    "worse by": float(found.difference[row]),
                    "low": float(found.low[row]),
                    "high": float(found.high[row]),
                }
            )
        order = np.lexsort(([row["worse by"] for row in rows], -last, self.left != IN))
        return [rows[place] for place in order]

    def sentence(self) -> str:
        """Say which setting is the best, how sure that is, and what it cost."""
        rung = self.rungs[-1].rung
        settings = len(self.sweep.settings)
        value = self.rungs[-1].comparison.mean[self.best_row]
        shown = ", ".join(f"{name}={value}" for name, value in self.best.items())
        if not np.isfinite(value):
            return f"No setting is the best: every run of all {settings} settings diverged."
        return (
            f"Best of {settings}: setting {self.best_row}{f' ({shown})' if shown else ''}, "
            f"{self.monitor.metric} {value:.5g} in epoch {rung.epochs}, the mean of {rung.seeds} "
            f"seeds. {self._others()}\n{self._confidence()}\n{self.share:.1%} of the full sweep "
            f"was trained{self._why_it_ended()}."
        )

    def _others(self) -> str:
        """Say how many settings cannot be told from the best one."""
        others = len(self.remaining) - 1
        if others:
            many = "1 other" if others == 1 else f"{others} others"
            return f"{many} cannot be told from it."
        if self.guarantee == "final":
            return "Every other setting is worse."
        return "Every other setting was worse than the best of the rung at which it left."

    def _confidence(self) -> str:
        percent = f"{self.confidence:.0%}".replace("%", " %")
        if self.guarantee == "final":
            within = f", or one within {self.delta:g} of it," if self.delta else ""
            return (
                f"With {percent} confidence the setting of the best mean in the last epoch{within} "
                "is among these, where differences over seeds are normal."
            )
        return (
            f"Each rung keeps its best setting with {percent} confidence, where differences over "
            "seeds are normal; one that left may have been better later."
        )

    def _why_it_ended(self) -> str:
        return {
            "budget": "; the budget ended it before the last rung",
            "delta": f"; it ended since no other that is in can be better by {self.delta:g}",
            "one left": "; it ended with one setting left",
        }.get(self.ended, "")

    def __str__(self) -> str:
        rows = self.rows()
        shown = rows[:SHOWN]
        more = len(rows) - len(shown)
        rest = f"\n… and {more} more settings in rows()" if more else ""
        return f"{self.sentence()}\n\n{table(shown)}{rest}"

    __repr__ = __str__
