"""What an optimization found."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from fnn.runs.fingerprint import plain_settings
from fnn.runs.settings import Setting
from fnn.runs.summary import Row, table

SHOWN = 5  # trials in a repr
Ended: TypeAlias = Literal["complete", "pruned", "diverged"]


class Trial(NamedTuple):
    """A setting that was tried.

    number  in the study, or in the order of the draws
    value   the mean over seeds of what was monitored; of a pruned one as far as it came
    std     its standard deviation over seeds
    seeds   how many there were
    epochs  after how many the value was taken, or among how many it is the best
    ended   "complete", "pruned", or "diverged" where a run of it did
    """

    number: int
    setting: Setting
    value: float
    std: float
    seeds: int
    epochs: int
    ended: Ended


@dataclass(repr=False, eq=False)
class Optimized:
    """The outcome of `fnn.optimize`; `print` it.

    trials  all, those of earlier calls that a study has among them, in the order of their numbers
    metric, mode  what was optimized
    when    of which epoch the values are
    study   the Optuna study; None where there was none
    compile_seconds, run_seconds
    """

    trials: list[Trial]
    metric: str
    mode: str
    when: str
    study: Any = None
    compile_seconds: float = 0.0
    run_seconds: float = 0.0

    @property
    def ranked(self) -> list[Trial]:
        """Return the trials that were complete, the best first."""
        sign = 1 if self.mode == "min" else -1
        complete = [trial for trial in self.trials if trial.ended == "complete"]
        return sorted(complete, key=lambda trial: sign * trial.value)

    @property
    def best_trial(self) -> Trial:
        """Return the best trial. ValueError where none was complete."""
        if not self.ranked:
            many = "there is no trial" if not self.trials else "every trial diverged or was pruned"
            raise ValueError(f"best: {many}.")
        return self.ranked[0]

    @property
    def best(self) -> Setting:
        """Return the best setting."""
        return self.best_trial.setting

    def rows(self) -> list[Row]:
        """Return a row for each trial."""
        settings = plain_settings([trial.setting for trial in self.trials])
        return [
            {
                "trial": trial.number,
                **setting,
                self.metric: trial.value,
                "std": trial.std,
                "seeds": trial.seeds,
                "epochs": trial.epochs,
                "ended": trial.ended,
            }
            for trial, setting in zip(self.trials, settings, strict=True)
        ]

    def __repr__(self) -> str:
        ended = [trial.ended for trial in self.trials]
        counts = [f"{ended.count(word)} {word}" for word in dict.fromkeys(ended)]
        title = f"Optimized({len(self.trials)} trials: {', '.join(counts)})"
        if not self.ranked:
            return title
        by_number = {row["trial"]: row for row in self.rows()}
        shown = [by_number[trial.number] for trial in self.ranked[:SHOWN]]
        lines = table(shown).replace("\n", "\n  ")
        return f"{title}\n  the best {len(shown)} by {self.metric}, {self.when}:\n  {lines}"


def spread(values: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation over seeds, summed in float64."""
    values = np.asarray(values, float)
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
