"""What an interval covers: the seeds, the splits of the rows, or both."""

import math
from typing import Literal, TypeAlias, cast

import numpy as np
from jaxtyping import Float

Covers: TypeAlias = Literal["seeds", "splits", "both"]
IN_WORDS = {"seeds": "seeds", "splits": "splits", "both": "seeds and splits"}


def covers_of(asked: str | None, seeds: int, splits: int) -> Covers:
    """Return what an interval covers: both by default, where there are several of both.

    Raises ValueError for another word, and for what there is one of.
    """
    known: tuple[str, ...]
    if splits == 1:
        known, usual = ("seeds",), "seeds"
    elif seeds == 1:
        known, usual = ("splits",), "splits"
    else:
        known, usual = ("seeds", "splits", "both"), "both"
    if asked is not None and asked not in known:
        raise ValueError(
            f"covers: got {asked!r} for {seeds} seed(s) on {splits} split(s), expected "
            f"{' or '.join(map(repr, known))}."
        )
    return cast("Covers", usual if asked is None else asked)


def interval_over(
    values: Float[np.ndarray, "seeds splits"],
    covers: Covers,
    held_out: float,
    is_share: bool,
) -> tuple[float, float]:
    """Compute the 95% interval of the mean over seeds, splits or both; NaN where that is one.

    values    NaN where a run is not counted
    held_out  how many rows a run was evaluated on, for each that it was trained on
    is_share  values are from 0 to 1: the interval is taken on the log odds of the mean

    The variance of the mean is that of the seeds' means over their number n, s²/n, or that of the
    splits' means, s² (1/n + held_out): re-drawn splits and folds share training rows, so that s²/n
    alone is too small (Nadeau & Bengio 2003). For both it is the sum, which counts what neither
    explains twice, with the degrees of freedom of Satterthwaite (1946). On independent splits it
    covers the mean in 94% of cases or more (simulated for 3 to 10 splits and 3 to 5 seeds, where
    they spread alike and where the one or the other does not).
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
    return around(mean, math.sqrt(variance), freedom, is_share)


def variance_of_mean(values: Float[np.ndarray, "others n"], held_out: float) -> tuple[float, int]:
    """Return the variance of the mean over n, and its degrees of freedom; NaN where n < 2."""
    is_there = np.isfinite(values).any(axis=0)
    means = np.nanmean(values[:, is_there], axis=0)
    n = len(means)
    if n < 2:
        return math.nan, 1
    return float(np.var(means, ddof=1)) * (1 / n + held_out), n - 1


def around(mean: float, error: float, freedom: float, is_share: bool) -> tuple[float, float]:
    """Return Student's interval around a mean; of a share on the scale of its log odds."""
    from scipy.special import expit, logit, stdtrit  # imported here: it would slow `import fnn`

    half = stdtrit(freedom, 0.975) * error
    if is_share and 0 < mean < 1:
        half /= mean * (1 - mean)
        return float(expit(logit(mean) - half)), float(expit(logit(mean) + half))
    return float(mean - half), float(mean + half)
