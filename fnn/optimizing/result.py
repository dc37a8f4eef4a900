"""`Optimized`, the outcome of an optimization, and its trials."""

from collections import Counter
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

    number   of the trial in the study; without a study, its place in the sample
    setting  its hyperparameters
    value    mean over seeds of the monitored entry; for a pruned trial at its last epoch
    std      standard deviation of the value over seeds
    seeds    number of seeds
    epochs   number of epochs after which the value was taken, or among which it is the best
    ended    "complete", "pruned", or "diverged" if one of its runs diverged
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
    """The outcome of `fnn.optimize`. `print` shows the best trials.

    trials           all trials by their numbers, also those of earlier calls on the same study
    metric           the monitored entry of the history
    mode             "min" or "max"
    when             the epoch of the values: "best epoch" or "last epoch"
    study            the Optuna study, or None
    compile_seconds  of all batches
    run_seconds      of all batches

    >>> import fnn
    >>> def builder(hyper):
    ...     net = fnn.mlp((2, 2, 1), activation="tanh")
    ...     return net, fnn.losses.squared_error, fnn.optim.sgd(hyper["learning_rate"])
    >>> result = fnn.optimize(
    ...     builder, fnn.data.load("xor"), space={"learning_rate": [1e-4, 0.1]}, trials=2,
    ...     seeds=range(2), epochs=5, batch_size=4, progress=False,
    ... )
    >>> result.best, result.best_trial.ended, len(result.rows())
    ({'learning_rate': 0.1}, 'complete', 2)
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
        """Return the complete trials, the best first.

        >>> [trial.number for trial in result.ranked]
        [1, 0]
        """
        sign = 1 if self.mode == "min" else -1
        complete = [trial for trial in self.trials if trial.ended == "complete"]
        return sorted(complete, key=lambda trial: sign * trial.value)

    @property
    def best_trial(self) -> Trial:
        """Return the best trial. Raises ValueError if no trial is complete.

        >>> result.best_trial.setting, result.best_trial.seeds
        ({'learning_rate': 0.1}, 2)
        """
        if self.ranked:
            return self.ranked[0]
        if self.trials:
            raise ValueError("best: every trial diverged or was pruned.")
        raise ValueError("best: there is no trial.")

    @property
    def best(self) -> Setting:
        """Return the best setting. Raises ValueError if no trial is complete.

        >>> result.best
        {'learning_rate': 0.1}
        """
        return self.best_trial.setting

    def rows(self) -> list[Row]:
        """Return a row for each trial, with its hyperparameters as columns.

        >>> list(result.rows()[0])
        ['trial', 'learning_rate', 'validation_loss', 'std', 'seeds', 'epochs', 'ended']
        """
        settings = plain_settings([trial.setting for trial in self.trials])
        rows = []
        for trial, setting in zip(self.trials, settings, strict=True):
            row = {
                "trial": trial.number,
                **setting,
                self.metric: trial.value,
                "std": trial.std,
                "seeds": trial.seeds,
                "epochs": trial.epochs,
                "ended": trial.ended,
            }
            rows.append(row)
        return rows

    def __repr__(self) -> str:
        ended = Counter(trial.ended for trial in self.trials)
        counts = ", ".join(f"{count} {word}" for word, count in ended.items())
        title = f"Optimized({len(self.trials)} trials: {counts})"
        best = self.ranked[:SHOWN]
        if not best:
            return title
        row_of = {row["trial"]: row for row in self.rows()}
        rows = [row_of[trial.number] for trial in best]
        head = f"the best {len(rows)} by {self.metric}, {self.when}:"
        lines = [title, head, *table(rows).split("\n")]
        return "\n  ".join(lines)


def mean_and_std(values: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation over seeds, summed in float64."""
    values = np.asarray(values, float)
    mean = float(np.mean(values))
    if len(values) == 1:
        return mean, np.nan
    return mean, float(np.std(values, ddof=1))
