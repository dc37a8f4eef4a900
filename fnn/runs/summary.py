"""Statistics of a sweep over seeds and splits: one row for each setting, and intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from fnn.runs.covered import IN_WORDS, covers_of, interval_over, students_interval
from fnn.runs.settings import STATISTICS, Setting

Row: TypeAlias = dict[str, Any]
SHARES = {"accuracy", "precision", "recall", "f1", "auc"}  # metrics from 0 to 1
NOT_SHARES = {"loss", "error", "gap", "percent"}
NUMBERS_AT_ONCE = 10**7  # of resamples in memory


class Summary(NamedTuple):
    """A table of one metric: print it, or read its rows.

    metric  the name of the metric
    rows    one dict for each setting: setting, its hyperparameters, mean, low, high, median, min,
            max, n and diverged
    when    the epoch that the table is about, and the units
    covers  the interval from low to high is that of the mean over "seeds", "splits" or "both"
    """

    metric: str
    rows: list[Row]
    when: str = ""
    covers: str = "seeds"

    def __str__(self) -> str:
        subject = self.metric
        if self.when:
            subject = f"{subject}, {self.when}"
        over = IN_WORDS[self.covers]
        title = f"{subject}; low to high is the 95% interval of the mean over {over}"
        rows = table(self.rows)
        return f"{title}\n{rows}"

    def __repr__(self) -> str:
        return str(self)


def table(rows: Sequence[Row]) -> str:
    """Return rows with equal names as a text of aligned columns.

    >>> print(table([{"setting": 0, "mean": 0.5}, {"setting": 1, "mean": 0.75}]))
    setting  mean
          0   0.5
          1  0.75
    """
    names = list(rows[0])
    lines = [names]
    for row in rows:
        cells = [_cell(row[name]) for name in names]
        lines.append(cells)
    columns = zip(*lines, strict=True)
    widths = [max(map(len, column)) for column in columns]
    aligned = []
    for line in lines:
        cells = [text.rjust(width) for text, width in zip(line, widths, strict=True)]
        aligned.append("  ".join(cells))
    return "\n".join(aligned)


def summary_of(
    metric: str,
    settings: Sequence[Setting],
    values: Float[np.ndarray, "settings runs"],
    sound: Bool[np.ndarray, "settings runs"],
    diverged: Bool[np.ndarray, "settings runs"],
    interval: str,
    examples: Mapping[str, int],
    splits: int = 1,
    covers: str | None = None,
) -> Summary:
    """Summarize each setting: statistics of its sound runs, their number n, and who diverged.

    values    the metric of each run; a setting's runs are seeds × splits
    sound     which runs count
    diverged  which runs diverged
    interval  "t" or "bootstrap"; only "t" for several splits
    examples  how many each part of a split has: an accuracy is a share of them
    covers    the mean of the interval is over "seeds", "splits" or "both". None: both, where
              there are several of both
    """
    words = metric.split("_")
    part = words[0]
    share_of = None
    if is_share(words):
        # A recall is a share of some examples alone, whose number is not known here.
        share_of = examples.get(part, 0) if "accuracy" in words else 0
    _, runs = values.shape
    seeds = runs // splits
    covered = covers_of(covers, seeds, splits)
    if splits > 1 and interval != "t":
        raise ValueError(f"interval: got {interval!r} for {splits} splits, expected 't'.")
    held_out = held_out_per_trained(examples, part)
    rows = []
    for number, setting in enumerate(settings):
        of_setting = values[number]
        is_sound = sound[number]
        counted = of_setting[is_sound]
        row = {"setting": number, **setting}
        row |= statistics(counted, interval, share_of)
        if splits > 1 and len(counted):
            by_run = np.where(is_sound, of_setting, np.nan)
            by_split = by_run.reshape(seeds, splits)
            are_shares = share_of is not None
            low, high = interval_over(by_split, covered, held_out, are_shares)
            row |= {"low": low, "high": high}
        row["n"] = len(counted)
        row["diverged"] = int(diverged[number].sum())
        rows.append(row)
    return Summary(metric, rows, covers=covered)


def held_out_per_trained(examples: Mapping[str, int], part: str) -> float:
    """Return how many examples a metric is of for each training example.

    part  of the split: "validation" or "test"; any other counts as "test"
    """
    if part not in ("validation", "test"):
        part = "test"
    evaluated = examples.get(part, 0)
    trained = examples.get("train", 1)
    return evaluated / max(1, trained)


def is_share(words: Sequence[str]) -> bool:
    """Return whether the words of a name are those of a metric from 0 to 1.

    >>> is_share(["test", "accuracy"]), is_share(["f1", "loss"])
    (True, False)
    """
    is_named_so = bool(SHARES.intersection(words))
    is_other = bool(NOT_SHARES.intersection(words))
    return is_named_so and not is_other


def statistics(
    values: Float[np.ndarray, "n"], interval: str = "t", share_of: int | None = None
) -> dict[str, float]:
    """Compute the mean, its 95% interval, median, min and max; all NaN for no values.

    interval  "t" (Student's; for shares on the scale of their log odds) or "bootstrap"
              (bias-corrected and accelerated, Efron 1987, 9,999 resamples from a fixed seed). The
              interval is NaN for fewer than two values. "bootstrap" covers the mean less often for
              few values: accuracies of five runs in 87%. Equal shares get the interval of "t"
    share_of  the values are shares of so many examples, such as accuracies (0: of an unknown
              number). None: they are not shares

    >>> statistics(np.array([0.5, 0.75, 1.0]))["median"]
    0.75
    """
    if interval not in ("t", "bootstrap"):
        raise ValueError(f"interval: got {interval!r}, expected 't' or 'bootstrap'.")
    if len(values) == 0:
        return dict.fromkeys(STATISTICS, math.nan)
    values = np.asarray(values, float)
    low, high = _interval_of_mean(values, interval, share_of)
    return {
        "mean": float(np.mean(values)),
        "low": low,
        "high": high,
        "median": float(np.median(values)),
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }


def _interval_of_mean(
    values: np.ndarray, interval: str, share_of: int | None
) -> tuple[float, float]:
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    are_shares = np.min(values) >= 0 and np.max(values) <= 1  # NaN is none
    if not are_shares:
        share_of = None
    if interval == "bootstrap" and (np.ptp(values) > 0 or share_of is None):
        return _bootstrap(values)
    if share_of is not None:
        return interval_of_shares(values, share_of)
    mean = float(np.mean(values))
    error = _standard_error(values)
    return students_interval(mean, error, n - 1, is_share=False)


def interval_of_shares(shares: Float[np.ndarray, "n"], examples: int) -> tuple[float, float]:
    """Compute the 95% interval of a mean share, which lies between 0 and 1.

    examples  how many examples each share is of; 0 where the number is unknown

    It is Student's t interval on the scale of the log odds of the mean p:

        λ = log(p/(1 − p)), with the standard error of p divided by p(1 − p)

    Equal shares, such as shares that are all 1, do not show how much they vary. For them the
    interval is Wilson's (1927) for so many independent examples in all, and NaN where their number
    is unknown.

    The interval covers the mean in 93% of cases or more while the seeds' shares spread as
    independent examples would make them (simulated for means of 0.9 to 0.999, 5 to 30 seeds, 100
    examples or more). It covers the mean less often where they spread more: in 88% at twice that
    spread and a mean of 0.999.
    """
    from scipy.special import stdtrit

    n = len(shares)
    p = float(np.mean(shares))
    if np.ptp(shares) > 0:
        error = _standard_error(shares)
        return students_interval(p, error, n - 1, is_share=True)
    if examples == 0:
        return math.nan, math.nan
    t = stdtrit(n - 1, 0.975)
    a = t**2 / (n * examples)
    scale = 1 + a
    middle = (p + a / 2) / scale
    variance = a * p * (1 - p) + a**2 / 4
    half = math.sqrt(variance) / scale
    low = max(0.0, middle - half)  # rounding alone is cut off
    high = min(1.0, middle + half)
    return low, high


def _standard_error(values: np.ndarray) -> float:
    deviation = np.std(values, ddof=1)
    return deviation / math.sqrt(len(values))


def _bootstrap(values: np.ndarray) -> tuple[float, float]:
    from scipy.stats import bootstrap

    if np.ptp(values) == 0:  # every resample is the same, and its acceleration 0/0
        same = float(values[0])
        return same, same
    fitting = NUMBERS_AT_ONCE // len(values)
    batch = max(1, fitting)
    rng = np.random.default_rng(0)
    resampled = bootstrap((values,), np.mean, batch=batch, rng=rng)
    low, high = resampled.confidence_interval
    return float(low), float(high)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return str(value)
