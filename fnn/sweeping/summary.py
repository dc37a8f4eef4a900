"""Numbers over seeds, one row a setting."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from fnn.sweeping.settings import STATISTICS, Setting

Row: TypeAlias = dict[str, Any]
NUMBERS_AT_ONCE = 10**7  # of resamples in memory


class Summary(NamedTuple):
    """A table of one metric; `print` it, or read `rows`."""

    metric: str
    rows: list[Row]
    when: str = ""

    def __str__(self) -> str:
        names = list(self.rows[0])
        cells = [[_cell(row[name]) for name in names] for row in self.rows]
        widths = [max(len(text) for text in column) for column in zip(names, *cells, strict=True)]
        lines = ["  ".join(text.rjust(w) for text, w in zip(line, widths, strict=True)) for line in (names, *cells)]
        return "\n".join([f"{self.metric}{self.when}; low to high is the 95% interval of the mean", *lines])


def summary_of(
    metric: str,
    settings: Sequence[Setting],
    values: Float[np.ndarray, "settings seeds"],
    sound: Bool[np.ndarray, "settings seeds"],
    diverged: Bool[np.ndarray, "settings seeds"],
    interval: str,
) -> Summary:
    """Rows with the statistics of the sound lanes, their number n, and the number that diverged."""
    rows = []
    for number, setting in enumerate(settings):
        here = values[number][sound[number]]
        counts = {"n": len(here), "diverged": int(diverged[number].sum())}
        rows.append({"setting": number, **setting, **statistics(here, interval), **counts})
    return Summary(metric, rows)


def statistics(values: Float[np.ndarray, "n"], interval: str = "t") -> dict[str, float]:
    """Mean, its 95% interval, median, min and max; NaN of nothing.

    interval  "t" (Student's) or "bootstrap" (bias-corrected and accelerated, Efron 1987, 9,999 resamples from a fixed
              seed); NaN for fewer than two values
    """
    if interval not in ("t", "bootstrap"):
        raise ValueError(f"interval: got {interval!r}, expected 't' or 'bootstrap'.")
    if len(values) == 0:
        return dict.fromkeys(STATISTICS, math.nan)
    values = np.asarray(values, float)
    low, high = (_students if interval == "t" else _bootstrap)(values) if len(values) > 1 else (math.nan, math.nan)
    return {
        "mean": float(np.mean(values)),
        "low": low,
        "high": high,
        "median": float(np.median(values)),
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }


def _students(values: np.ndarray) -> tuple[float, float]:
    from scipy.special import stdtrit  # imported here: it would slow `import fnn`

    mean, n = np.mean(values), len(values)
    half = stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / math.sqrt(n)
    return float(mean - half), float(mean + half)


def _bootstrap(values: np.ndarray) -> tuple[float, float]:
    from scipy.stats import bootstrap

    if np.ptp(values) == 0:  # every resample is the same, and its acceleration 0/0
        return float(values[0]), float(values[0])
    batch = max(1, NUMBERS_AT_ONCE // len(values))
    low, high = bootstrap((values,), np.mean, batch=batch, rng=np.random.default_rng(0)).confidence_interval
    return float(low), float(high)


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
