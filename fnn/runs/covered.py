"""95% intervals of a mean over seeds, over splits of the rows, or over both."""

import math
from typing import Literal, TypeAlias, cast

import numpy as np
from jaxtyping import Float

Covers: TypeAlias = Literal["seeds", "splits", "both"]
IN_WORDS = {"seeds": "seeds", "splits": "splits", "both": "seeds and splits"}


def covers_of(covers: str | None, seeds: int, splits: int) -> Covers:
    """Check `covers=` and return it: an interval is of the mean over seeds, splits or both.

    covers  "seeds", "splits" or "both". None: both, where there are several of both

    Raises ValueError for another word, and for "seeds" or "splits" where there is only one.
    """
    allowed: tuple[str, ...]
    if splits == 1:
        allowed, default = ("seeds",), "seeds"
    elif seeds == 1:
        allowed, default = ("splits",), "splits"
    else:
        allowed, default = ("seeds", "splits", "both"), "both"
    if covers is not None and covers not in allowed:
        raise ValueError(
            f"covers: got {covers!r} for {seeds} seed(s) on {splits} split(s), expected "
            f"{' or '.join(map(repr, allowed))}."
        )
    return cast("Covers", default if covers is None else covers)


def interval_over(
    values: Float[np.ndarray, "seeds splits"],
    covers: Covers,
    held_out: float,
    is_share: bool,
) -> tuple[float, float]:
    """Compute the 95% interval of the mean over seeds, splits or both.

    values    one value for each seed on each split; NaN where a run is not counted
    covers    "seeds", "splits" or "both"
    held_out  evaluated rows divided by training rows of a run
    is_share  values are from 0 to 1: the interval is taken on the log odds of the mean

    Returns (low, high), NaN where there is only one seed or split to cover, and where all values
    are equal.

    The variance of the mean over n seeds is that of the seeds' means s² over n; over n splits it is
    larger:

        seeds:   s² / n
        splits:  s² (1/n + held_out)

    Splits that are drawn again, and folds, share training rows, so s²/n alone is too small for them
    (Nadeau & Bengio 2003). For both it is the sum, which counts twice the variance that neither
    explains, with the degrees of freedom of Satterthwaite (1946). On independent splits the
    interval covers the mean in 94% of cases or more (simulated for 3 to 10 splits and 3 to 5 seeds,
    for splits that spread alike and for splits that do not).
    """
    parts = []
    if covers != "splits":
        parts.append(variance_of_mean(values.T, 0.0))
    if covers != "seeds":
        parts.append(variance_of_mean(values, held_out))
    variance = sum(part for part, _ in parts)
    mean = float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
    if not math.isfinite(variance) or not math.isfinite(mean):
        return math.nan, math.nan
    if variance == 0:  # equal values do not show how much they vary
        return math.nan, math.nan
    freedom = variance**2 / sum(part**2 / freedom for part, freedom in parts)
    return students_interval(mean, math.sqrt(variance), freedom, is_share)


def variance_of_mean(values: Float[np.ndarray, "others n"], held_out: float) -> tuple[float, int]:
    """Return the variance of the mean over n, and its degrees of freedom; NaN where n < 2."""
    is_there = np.isfinite(values).any(axis=0)
    present = values[:, is_there]
    means = np.nanmean(present, axis=0)
    n = len(means)
    if n < 2:
        return math.nan, 1
    variance = float(np.var(means, ddof=1))
    return variance * (1 / n + held_out), n - 1


def students_interval(
    mean: float, error: float, freedom: float, is_share: bool
) -> tuple[float, float]:
    """Return Student's 95% interval of a mean, on the scale of the log odds for a share.

    error    the standard error of the mean
    freedom  degrees of freedom
    """
    from scipy.special import expit, logit, stdtrit  # imported here: it would slow `import fnn`

    half = stdtrit(freedom, 0.975) * error
    if is_share and 0 < mean < 1:
        half /= mean * (1 - mean)
        middle = logit(mean)
        return float(expit(middle - half)), float(expit(middle + half))
    return float(mean - half), float(mean + half)
