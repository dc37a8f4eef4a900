"""Comparing settings on paired seeds: who has lost, and by how much.

The difference of a setting to the best one is taken seed by seed, since runs of one seed share
their initial values and their order of examples. Its interval is Student's, which assumes that
differences are normal; each of its ends fails with probability error / (settings − 1).

Why that holds for a best one that was chosen from the data: the truly best setting is lost only if
its interval with one of the others, whichever that is, lies wrongly above zero, and there are
settings − 1 others (the union bound of Bonferroni). Several looks spend parts of the error that add
up to it, in proportion to the seeds (Lan & DeMets 1983), so the union bound covers them too.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer

from fnn.racing.rungs import Rung


class Comparison(NamedTuple):
    """Settings beside the best one; worse is above zero, whatever the mode.

    best        its row
    mean        (settings,) of the metric, NaN where a setting was not in
    difference  (settings,) how much worse than the best
    low, high   (settings,) the interval of that
    lost        (settings,) whether the interval lies above zero
    diverged    (settings,) how many runs of each did
    """

    best: int
    mean: Float[np.ndarray, "settings"]
    difference: Float[np.ndarray, "settings"]
    low: Float[np.ndarray, "settings"]
    high: Float[np.ndarray, "settings"]
    lost: Bool[np.ndarray, "settings"]
    diverged: Integer[np.ndarray, "settings"]

    def is_within(self, delta: float) -> bool:
        """Return whether no setting that is left may be better than the best by delta or more."""
        others = ~self.lost & np.isfinite(self.mean)
        others[self.best] = False
        return bool(np.all(self.low[others] > -delta))


def compare(
    values: Float[np.ndarray, "settings seeds"],
    is_in: Bool[np.ndarray, "settings"],
    error: float,
    comparisons: int,
    mode: str,
) -> Comparison:
    """Compare settings with the best of them.

    values       of the metric; not finite where a run diverged. It counts as the worst run that
                 did not, in the comparison; a setting of which all did has the mean NaN
    is_in        which settings are compared
    error        the probability that this look loses the best one
    comparisons  in how many ways that may happen: settings − 1

    Equal differences on all seeds, as accuracies have them, show no spread: nobody loses by them on
    fewer seeds than a sign test needs, 2⁻ⁿ ≤ error / comparisons.
    """
    from scipy.special import stdtrit  # imported here: it would slow `import fnn`

    sign = 1.0 if mode == "min" else -1.0
    losses = sign * values[is_in].astype(float)
    diverged = ~np.isfinite(losses)
    worst = np.max(losses, where=~diverged, initial=-np.inf)
    losses = np.where(diverged, worst if np.isfinite(worst) else 0.0, losses)
    mean = losses.mean(axis=1)
    dead = diverged.all(axis=1)
    best = int(np.lexsort((mean, dead))[0])
    paired = losses - losses[best]
    seeds, share = paired.shape[1], error / max(1, comparisons)
    difference, half = paired.mean(axis=1), np.full(len(paired), np.inf)
    if seeds > 1:
        spread = paired.std(axis=1, ddof=1)
        half = stdtrit(seeds - 1, 1 - share) * spread / np.sqrt(seeds)
        half[(spread == 0) & (0.5**seeds > share)] = np.inf
    half[best] = 0.0
    lost = difference - half > 0

    def for_all(some: np.ndarray, otherwise: Any = np.nan) -> np.ndarray:
        found = np.full(len(is_in), otherwise, some.dtype)
        found[is_in] = some
        return found

    return Comparison(
        int(np.flatnonzero(is_in)[best]),
        for_all(np.where(dead, np.nan, sign * mean)),
        for_all(difference),
        for_all(difference - half),
        for_all(difference + half),
        for_all(lost, False),
        for_all(diverged.sum(axis=1), 0),
    )


def errors_of(rungs: Sequence[Rung], guarantee: str, error: float) -> list[float]:
    """Return the error of each rung.

    For "final" they add up to it; for "rung" each rung has the whole.
    """
    if guarantee == "rung":
        return [error] * len(rungs)
    seeds = np.array([rung.seeds for rung in rungs])
    return (error * np.diff(seeds, prepend=0) / seeds[-1]).tolist()
