"""The comparison of settings at one rung: which have lost, and by how much.

Runs of one seed share their initial values and their order of examples. So the difference of a
setting to the best one is taken seed by seed. Its interval is Student's, which assumes that
differences are normal. Each end of an interval fails with probability

    error / (settings − 1).

This holds although the best setting is chosen from the same data. The truly best setting is lost
only if the interval of its difference to one of the others lies wrongly above zero. There are
settings − 1 others, so the union bound of Bonferroni gives the error. Several looks spend parts of
the error in proportion to the seeds, and the parts add up to it (Lan & DeMets 1983). So the union
bound covers them too.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer

from fnn.racing.rungs import Rung


class Comparison(NamedTuple):
    """Settings compared with the best one. Worse is above zero in either mode.

    best        row of the best setting
    mean        (settings,) of the metric; NaN where a setting was not compared
    difference  (settings,) how much worse than the best
    low, high   (settings,) ends of the interval of the difference
    lost        (settings,) whether the interval lies above zero
    diverged    (settings,) number of runs that diverged
    """

    best: int
    mean: Float[np.ndarray, "settings"]
    difference: Float[np.ndarray, "settings"]
    low: Float[np.ndarray, "settings"]
    high: Float[np.ndarray, "settings"]
    lost: Bool[np.ndarray, "settings"]
    diverged: Integer[np.ndarray, "settings"]

    def is_within(self, delta: float) -> bool:
        """Return whether no remaining setting can be better than the best by delta or more."""
        rivals = ~self.lost & np.isfinite(self.mean)
        rivals[self.best] = False
        return bool(np.all(self.low[rivals] > -delta))


def compare(
    values: Float[np.ndarray, "settings seeds"],
    remaining: Bool[np.ndarray, "settings"],
    error: float,
    comparisons: int,
    mode: str,
) -> Comparison:
    """Compare settings with the best of them, seed by seed.

    values       of the metric, not finite where a run diverged. A diverged run counts as the worst
                 run that did not diverge. A setting whose runs all diverged has the mean NaN
    remaining    the settings to compare
    error        probability with which this look may lose the best setting
    comparisons  number of ways in which that can happen: settings − 1
    mode         "min" if smaller values are better, "max" if larger ones are
    """
    sign = 1.0 if mode == "min" else -1.0
    losses = sign * values[remaining].astype(float)
    diverged = ~np.isfinite(losses)
    losses = _with_worst(losses, diverged)
    mean = losses.mean(axis=1)
    all_diverged = diverged.all(axis=1)
    best = int(np.lexsort((mean, all_diverged))[0])
    paired = losses - losses[best]
    difference = paired.mean(axis=1)
    half_width = _half_width(paired, error / max(1, comparisons))
    half_width[best] = 0.0
    low = difference - half_width
    known_mean = np.where(all_diverged, np.nan, sign * mean)
    return Comparison(
        best=int(np.flatnonzero(remaining)[best]),
        mean=_spread_out(known_mean, remaining, np.nan),
        difference=_spread_out(difference, remaining, np.nan),
        low=_spread_out(low, remaining, np.nan),
        high=_spread_out(difference + half_width, remaining, np.nan),
        lost=_spread_out(low > 0, remaining, False),
        diverged=_spread_out(diverged.sum(axis=1), remaining, 0),
    )


def _with_worst(losses: np.ndarray, diverged: np.ndarray) -> np.ndarray:
    """Replace losses of diverged runs by the largest loss of the others, or by 0."""
    worst = np.max(losses, where=~diverged, initial=-np.inf)
    replacement = worst if np.isfinite(worst) else 0.0
    return np.where(diverged, replacement, losses)


def _half_width(
    paired: Float[np.ndarray, "settings seeds"], error: float
) -> Float[np.ndarray, "settings"]:
    """Return half the width of Student's interval of each mean difference.

    paired  differences to the best setting
    error   probability with which one end of an interval fails

    Accuracies often differ equally on all seeds. Such differences show no spread, and Student's
    interval would be empty. So it is infinite on fewer seeds n than a sign test needs:

        2⁻ⁿ ≤ error.
    """
    from scipy.special import stdtrit  # imported here: it would slow `import fnn`

    settings, seeds = paired.shape
    if seeds == 1:
        return np.full(settings, np.inf)
    spread = paired.std(axis=1, ddof=1)
    half_width = stdtrit(seeds - 1, 1 - error) * spread / np.sqrt(seeds)
    too_few_for_signs = 0.5**seeds > error
    half_width[(spread == 0) & too_few_for_signs] = np.inf
    return half_width


def _spread_out(values: np.ndarray, remaining: np.ndarray, fill: float) -> np.ndarray:
    """Put values of the remaining settings into an array of all settings, and fill the rest."""
    everywhere = np.full(len(remaining), fill, values.dtype)
    everywhere[remaining] = values
    return everywhere


def errors_of(rungs: Sequence[Rung], guarantee: str, error: float) -> list[float]:
    """Return the error that each rung may spend.

    For "final" the errors add up to the whole. For "rung" each rung has the whole.
    """
    if guarantee == "rung":
        return [error] * len(rungs)
    seeds = np.array([rung.seeds for rung in rungs])
    new_seeds = np.diff(seeds, prepend=0)
    return (error * new_seeds / seeds[-1]).tolist()
