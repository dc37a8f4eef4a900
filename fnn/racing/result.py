"""`Race`, the outcome of a race: the best setting, its lead, and the confidence."""

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
REMAINS = -1  # stands in Race.left for a setting that did not leave


class RungResult(NamedTuple):
    """The comparison at one rung.

    entered  rows of the settings that were compared
    """

    rung: Rung
    entered: Sequence[int]
    comparison: Comparison


@dataclass(repr=False, eq=False)
class Race:
    """The outcome of `fnn.race`. `print` shows it, and `fnn.figures.rungs` draws it.

    sweep        a Sweep with every run that finished, as in the full sweep; it has the histories
                 of the other runs up to where they stopped
    monitor      the entry of the history that was compared
    guarantee    "final" or "rung"
    confidence   of the guarantee
    delta        the difference of the metric that does not matter
    rungs        the comparison at each rung
    left         (settings,) int, the place in `rungs` at which a setting left, −1 if it did not;
                 the table counts rungs from 1
    run_epochs   number of epochs that were trained, over all runs
    full_epochs  number of epochs of the full sweep, over all runs
    ended        why the race ended: "" after the last rung; "delta", "one left", or "budget"

    >>> import fnn
    >>> def builder(hyper):
    ...     net = fnn.mlp((2, 2, 1), activation="tanh")
    ...     return net, fnn.losses.squared_error, fnn.optim.sgd(hyper["learning_rate"])
    >>> result = fnn.race(
    ...     builder, fnn.data.load("xor"), hyper={"learning_rate": [1e-4, 0.1]},
    ...     guarantee="final", seeds=range(8), epochs=20, batch_size=4, progress=False,
    ... )
    >>> result.best, result.remaining, result.ended
    ({'learning_rate': 0.1}, [1], 'one left')
    >>> result.left.tolist(), result.share
    ([0, -1], 0.5)
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
        """Return the row of the best setting in `sweep.settings`.

        >>> result.best_row
        1
        """
        return self.rungs[-1].comparison.best

    @property
    def best(self) -> Setting:
        """Return the best setting.

        >>> result.best
        {'learning_rate': 0.1}
        """
        return self.sweep.settings[self.best_row]

    @property
    def remaining(self) -> list[int]:
        """Return the rows of the best setting and of those that cannot be told from it.

        >>> result.remaining
        [1]
        """
        return np.flatnonzero(self.left == REMAINS).tolist()

    @property
    def share(self) -> float:
        """Return the share of the full sweep's epochs that was trained.

        >>> result.share
        0.5
        """
        return self.run_epochs / self.full_epochs

    def rows(self) -> list[Row]:
        """Return a row for each setting: the best first, then by how far they came.

        A row has the columns

            setting       its row in `sweep.settings`, followed by its hyperparameters
            left at rung  counted from 1; "" if it did not leave
            epochs        of its last comparison
            seeds         of its last comparison
            (metric)      the mean over its runs in that comparison
            diverged      how many of them diverged; they count as the worst run of that rung
            worse by      how much worse it was than the best of that rung
            low, high     ends of the interval of "worse by"

        >>> [row["left at rung"] for row in result.rows()]
        ['', 1]
        """
        has_left = self.left != REMAINS
        last_rung = np.where(has_left, self.left, len(self.rungs) - 1)
        settings = plain_settings(self.sweep.settings)
        rows = []
        for row, setting in enumerate(settings):
            result = self.rungs[last_rung[row]]
            rows.append(self._row(row, setting, result))
        worse_by = [row["worse by"] for row in rows]
        order = np.lexsort((worse_by, -last_rung, has_left))
        return [rows[place] for place in order]

    def _row(self, row: int, setting: Setting, last: RungResult) -> Row:
        comparison = last.comparison
        did_not_leave = self.left[row] == REMAINS
        return {
            "setting": row,
            **setting,
            "left at rung": "" if did_not_leave else int(self.left[row]) + 1,
            "epochs": last.rung.epochs,
            "seeds": last.rung.seeds,
            self.monitor.metric: float(comparison.mean[row]),
            "diverged": int(comparison.diverged[row]),
            "worse by": float(comparison.difference[row]),
            "low": float(comparison.low[row]),
            "high": float(comparison.high[row]),
        }

    def sentence(self) -> str:
        """Say which setting is the best, with which confidence, and at which cost.

        >>> print(result.sentence().splitlines()[0])
        Best of 2: setting 1 (learning_rate=0.1), validation_loss ... Every other setting is worse.
        """
        settings = len(self.sweep.settings)
        rung, _, comparison = self.rungs[-1]
        mean = comparison.mean[self.best_row]
        if not np.isfinite(mean):
            return f"No setting is the best: every run of all {settings} settings diverged."
        pairs = [f"{name}={value}" for name, value in self.best.items()]
        values = f" ({', '.join(pairs)})" if pairs else ""
        best = f"Best of {settings}: setting {self.best_row}{values}"
        metric = f"{self.monitor.metric} {mean:.5g} in epoch {rung.epochs}"
        seeds = f"the mean of {rung.seeds} seeds"
        answer = f"{best}, {metric}, {seeds}. {self._rivals()}"
        cost = f"{self.share:.1%} of the full sweep was trained{self._why_it_ended()}."
        return "\n".join([answer, self._confidence(), cost])

    def _rivals(self) -> str:
        """Say how many settings cannot be told from the best one."""
        rivals = len(self.remaining) - 1
        if rivals:
            count = "1 other" if rivals == 1 else f"{rivals} others"
            return f"{count} cannot be told from it."
        if self.guarantee == "final":
            return "Every other setting is worse."
        return "Every other setting was worse than the best of the rung at which it left."

    def _confidence(self) -> str:
        percent = f"{self.confidence:.0%}".replace("%", " %")
        if self.guarantee == "final":
            near = f", or one within {self.delta:g} of it," if self.delta else ""
            return (
                f"With {percent} confidence the setting of the best mean in the last epoch{near} "
                "is among these, where differences over seeds are normal."
            )
        return (
            f"Each rung keeps its best setting with {percent} confidence, where differences over "
            "seeds are normal; one that left may have been better later."
        )

    def _why_it_ended(self) -> str:
        reasons = {
            "budget": "; the budget ended it before the last rung",
            "delta": f"; it ended since no other remaining one can be better by {self.delta:g}",
            "one left": "; it ended with one setting left",
        }
        return reasons.get(self.ended, "")

    def __str__(self) -> str:
        rows = self.rows()
        hidden = len(rows) - SHOWN
        rest = f"\n… and {hidden} more settings in rows()" if hidden > 0 else ""
        return f"{self.sentence()}\n\n{table(rows[:SHOWN])}{rest}"

    __repr__ = __str__
