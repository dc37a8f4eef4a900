"""Numbers over seeds and splits, one row a setting."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from fnn.runs.covered import IN_WORDS, around, covers_of, interval_over
from fnn.runs.settings import STATISTICS, Setting

Row: TypeAlias = dict[str, Any]
SHARES = {"accuracy", "precision", "recall", "f1", "auc"}  # metrics from 0 to 1
NUMBERS_AT_ONCE = 10**7  # of resamples in memory


class Summary(NamedTuple):
    """A table of one metric; `print` it, or read `rows`."""

    metric: str
    rows: list[Row]
    when: str = ""
    covers: str = "seeds"

    def __str__(self) -> str:
        when = f", {self.when}" if self.when else ""
        over = IN_WORDS[self.covers]
        title = f"{self.metric}{when}; low to high is the 95% interval of the mean over {over}"
        return f"{title}\n{table(self.rows)}"

    def __repr__(self) -> str:
        return str(self)


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
    examples: Mapping[str, int],
    splits: int = 1,
    covers: str | None = None,
) -> Summary:
    """Summarize each setting: statistics of its sound runs, their number n, and who diverged.

    examples  how many each part of a split has: an accuracy is a share of them
    splits    a setting's runs are seeds × splits
    covers    what the interval covers: "seeds", "splits" or "both"; None: both, where there are
              several of both
    """
    words = metric.split("_")
    share_of = examples.get(words[0], 0) if is_share(words) else None
    seeds = values.shape[1] // splits
    covered = covers_of(covers, seeds, splits)
    if splits > 1 and interval != "t":
        raise ValueError(f"interval: got {interval!r} for {splits} splits, expected 't'.")
    part = words[0] if words[0] in ("validation", "test") else "test"
    held_out = examples.get(part, 0) / max(1, examples.get("train", 1))
    rows = []
    for number, setting in enumerate(settings):
        of_setting = values[number][sound[number]]
        counts = {"n": len(of_setting), "diverged": int(diverged[number].sum())}
        found = statistics(of_setting, interval, share_of)
        if splits > 1 and len(of_setting):
            of_runs = np.where(sound[number], values[number], np.nan).reshape(seeds, splits)
            ends = interval_over(of_runs, covered, held_out, share_of is not None)
            found |= dict(zip(("low", "high"), ends, strict=True))
        rows.append({"setting": number, **setting, **found, **counts})
    return Summary(metric, rows, covers=covered)


def is_share(words: Sequence[str]) -> bool:
    """Return whether the words of a name are those of a metric from 0 to 1."""
    return bool(set(words) & SHARES) and not set(words) & {"loss", "error", "gap", "percent"}


def statistics(
    values: Float[np.ndarray, "n"], interval: str = "t", share_of: int | None = None
) -> dict[str, float]:
    """Compute the mean, its 95% interval, median, min and max; NaN of nothing.

    interval  "t" (Student's; of shares on the scale of their log odds) or "bootstrap"
              (bias-corrected and accelerated, Efron 1987, 9,999 resamples from a fixed seed); NaN
              for fewer than two values
    share_of  the values are shares of so many examples, such as accuracies (0: of an unknown
              number); None: they are not
    """
    if interval not in ("t", "bootstrap"):
        raise ValueError(f"interval: got {interval!r}, expected 't' or 'bootstrap'.")
    if len(values) == 0:
        return dict.fromkeys(STATISTICS, math.nan)
    values = np.asarray(values, float)
    low, high = math.nan, math.nan
    if len(values) > 1:
        if interval == "bootstrap":
            low, high = _bootstrap(values)
        elif share_of is not None and np.min(values) >= 0 and np.max(values) <= 1:
            low, high = interval_of_shares(values, share_of)
        else:
            low, high = _students(values)
    return {
        "mean": float(np.mean(values)),
        "low": low,
        "high": high,
        "median": float(np.median(values)),
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }


def interval_of_shares(shares: Float[np.ndarray, "n"], examples: int) -> tuple[float, float]:
    """Compute the 95% interval of a mean share, which lies between 0 and 1.

    Student's t on the log odds λ = log(p/(1 − p)) of the mean p, whose standard error is that of p
    by p(1 − p). Equal shares, among them all 1, do not show how much they vary: there the interval
    is Wilson's (1927) for so many independent examples in all; NaN where their number is unknown.

    It covers the mean in 93% of cases or more while the seeds' shares spread as independent
    examples would make them (simulated for means of 0.9 to 0.999, 5 to 30 seeds, 100 examples or
    more), and in less where they spread more: 88% at twice that and a mean of 0.999.
    """
    from scipy.special import stdtrit

    n, p = len(shares), float(np.mean(shares))
    error = np.std(shares, ddof=1) / math.sqrt(n)
    if np.ptp(shares) > 0:
        return around(p, error, n - 1, is_share=True)
    if examples == 0:
        return math.nan, math.nan
    a = stdtrit(n - 1, 0.975) ** 2 / (n * examples)
    middle = (p + a / 2) / (1 + a)
    half = math.sqrt(a * p * (1 - p) + a**2 / 4) / (1 + a)
    return max(0.0, middle - half), min(1.0, middle + half)  # rounding alone is cut off


def _students(values: np.ndarray) -> tuple[float, float]:
    n = len(values)
    error = np.std(values, ddof=1) / math.sqrt(n)
    return around(float(np.mean(values)), error, n - 1, is_share=False)


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
