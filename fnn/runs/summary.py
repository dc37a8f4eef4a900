"""Numbers over seeds, one row a setting."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from fnn.runs.settings import STATISTICS, Setting

Row: TypeAlias = dict[str, Any]
NUMBERS_AT_ONCE = 10**7  # of resamples in memory


class Summary(NamedTuple):
    """A table of one metric; `print` it, or read `rows`."""

    metric: str
    rows: list[Row]
    when: str = ""

    def __str__(self) -> str:
        title = f"{self.metric}{self.when}; low to high is the 95% interval of the mean"
        return f"{title}\n{table(self.rows)}"


def table(rows: Sequence[Row]) -> str:
    """Return rows of equal names as lines of columns."""
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    lines = [
        "  ".join(text.rjust(width) for text, width in zip(line, widths, strict=True))
        for line in (names, *cells)
    ]
    return "\n".join(lines)


def summary_of(
    metric: str,
    settings: Sequence[Setting],
    values: Float[np.ndarray, "settings seeds"],
    sound: Bool[np.ndarray, "settings seeds"],
    diverged: Bool[np.ndarray, "settings seeds"],
    interval: str,
) -> Summary:
    """Summarize each setting: statistics of its sound runs, their number n, and who diverged."""
    rows = []
    for number, setting in enumerate(settings):
        of_setting = values[number][sound[number]]
        counts = {"n": len(of_setting), "diverged": int(diverged[number].sum())}
        rows.append({"setting": number, **setting, **statistics(of_setting, interval), **counts})
    return Summary(metric, rows)


def statistics(values: Float[np.ndarray, "n"], interval: str = "t") -> dict[str, float]:
    """Compute the mean, its 95% interval, median, min and max; NaN of nothing.

    interval  "t" (Student's) or "bootstrap" (bias-corrected and accelerated, Efron 1987, 9,999
              resamples from a fixed seed); NaN for fewer than two values
    """
    if interval not in ("t", "bootstrap"):
        raise ValueError(f"interval: got {interval!r}, expected 't' or 'bootstrap'.")
    if len(values) == 0:
        return dict.fromkeys(STATISTICS, math.nan)
    values = np.asarray(values, float)
    low, high = math.nan, math.nan
    if len(values) > 1:
        low, high = _students(values) if interval == "t" else _bootstrap(values)
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
    rng = np.random.default_rng(0)
    low, high = bootstrap((values,), np.mean, batch=batch, rng=rng).confidence_interval
    return float(low), float(high)


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
