"""What a sweep found, and its summary."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from fnn import checks
from fnn.sweeping.lanes import STATISTICS, Setting
from fnn.training.program import Outcome
from fnn.training.run import Run, run_of

Row = dict[str, Any]


class Sweep(NamedTuple):
    """Every lane's outcome, each leaf with leading axes (settings, seeds).

    settings  one dict of hyperparameters a row
    outcomes  params, state, best_params, best_state, best_epoch, stopped_epoch, diverged, history
    compile_seconds, run_seconds
    """

    settings: list[Setting]
    seeds: list[int]
    outcomes: Outcome
    compile_seconds: float
    run_seconds: float

    @property
    def history(self) -> dict[str, Float[np.ndarray, "settings seeds epochs"]]:
        """name -> (settings, seeds, epochs), as in `fnn.Run`."""
        return {name: np.asarray(values) for name, values in self.outcomes.history.items()}

    def lane(self, setting: int | Row, seed: int) -> Run:
        """The run of one lane: `setting` is a row number of `settings`, or a row of `summary` or `best`; `seed` is one
        of `seeds` (the seed, not its position)."""
        row = setting.get("setting") if isinstance(setting, Mapping) else setting
        if isinstance(row, bool) or not isinstance(row, (int, np.integer)):
            raise ValueError(f"setting: got {setting!r}, expected a row number, or a row of summary() or best().")
        if not 0 <= row < len(self.settings):
            raise ValueError(f"setting: got {row}, expected a row from 0 to {len(self.settings) - 1}.")
        if seed not in self.seeds:
            raise ValueError(f"seed: got {seed}, expected one of the sweep's {len(self.seeds)} seeds.")
        index = (row, self.seeds.index(seed))
        return run_of(jax.tree.map(lambda leaf: leaf[index], self.outcomes), self.compile_seconds, self.run_seconds)

    def final(self, metric: str) -> Float[np.ndarray, "settings seeds"]:
        """A history entry at each lane's last trained epoch; NaN where the lane diverged."""
        values = checks.lookup("metric", metric, self.history)
        return np.take_along_axis(values, np.asarray(self.outcomes.stopped_epoch)[..., None], axis=-1)[..., 0]

    def summary(self, metric: str | None = None) -> "Summary":
        """One row a setting: mean, 95% interval of the mean, median, min, max over the lanes that did not diverge.

        metric  an entry of `history`, at each lane's last trained epoch; test_accuracy by default, or test_loss
        """
        name = metric or self._main_metric()
        values = self.final(name)
        return Summary(name, [self._row(i, values[i]) for i in range(len(self.settings))])

    def best(self) -> Row:
        """The summary row of the setting with the lowest mean validation loss, among those with the fewest lanes
        that diverged, with that mean as "validation_loss" and the name of what the rest is about as "metric". The test
        set has no say."""
        rows = self.summary("validation_loss").rows
        best = min(rows, key=lambda row: (row["diverged"], row["mean"] if row["n"] else math.inf))
        summary = self.summary()
        row = summary.rows[best["setting"]]
        return {"metric": summary.metric, **row, "validation_loss": best["mean"]}

    def __repr__(self) -> str:
        name = self._main_metric()
        values, lost = self.final(name), int(np.sum(self.outcomes.diverged))
        sound = values[~np.isnan(values)]
        found = f"{name} {sound.min():.4g} to {sound.max():.4g}" if sound.size else f"no {name}"
        epochs = self.history[name].shape[-1]
        lanes = f"{len(self.settings)} setting(s) x {len(self.seeds)} seed(s)"
        return f"Sweep({lanes}, {epochs} epochs; {found}, {lost} diverged)"

    def _main_metric(self) -> str:
        return "test_accuracy" if "test_accuracy" in self.outcomes.history else "test_loss"

    def _row(self, index: int, values: Float[np.ndarray, "seeds"]) -> Row:
        sound = values[~self.outcomes.diverged[index]]
        return {
            "setting": index,
            **self.settings[index],
            **statistics(sound),
            "n": len(sound),
            "diverged": len(values) - len(sound),
        }


class Summary(NamedTuple):
    """A table of one metric; `print` it, or read `rows`."""

    metric: str
    rows: list[Row]

    def __str__(self) -> str:
        names = list(self.rows[0])
        cells = [[_cell(row[name]) for name in names] for row in self.rows]
        widths = [max(len(text) for text in column) for column in zip(names, *cells, strict=True)]
        lines = ["  ".join(text.rjust(w) for text, w in zip(line, widths, strict=True)) for line in (names, *cells)]
        return "\n".join([f"{self.metric}, last trained epoch; low to high is the 95% interval of the mean", *lines])


def statistics(values: Float[np.ndarray, "n"]) -> dict[str, float]:
    """Mean, its 95% interval by Student's t (NaN for fewer than two values), median, min and max."""
    from scipy.special import stdtrit  # imported here: it would slow `import fnn`

    n = len(values)
    if n == 0:
        return dict.fromkeys(STATISTICS, math.nan)
    mean = float(np.mean(values, dtype=float))
    half = stdtrit(n - 1, 0.975) * np.std(values, ddof=1, dtype=float) / math.sqrt(n) if n > 1 else math.nan
    return {
        "mean": mean,
        "low": float(mean - half),
        "high": float(mean + half),
        "median": float(np.median(values)),
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
