"""The cell of lesson 11, and how it is judged.

Answer to the question: the training loss is least at the end, so it cannot choose. The least of
many validation losses is a little lower than the truth, because the epoch was chosen by it. Test
examples that chose nothing have no such luck.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def early_stopping(validation_losses, patience):
    """Return the best epoch and the last epoch that is trained."""
    best = 0
    for epoch, loss in enumerate(validation_losses):
        if loss < validation_losses[best]:
            best = epoch
        if epoch - best == patience:
            return best, epoch
    return best, len(validation_losses) - 1


# %% how it is judged
SOLUTION = early_stopping


def last_is_best(losses, patience):
    """Keep the last epoch."""
    last = early_stopping(losses, patience)[1]
    return last, last


def never_stops(losses, patience):
    """Look at all epochs."""
    return int(np.argmin(losses)), len(losses) - 1


def since_the_epoch_before(losses, patience):
    """Count the epochs that are not below the one before."""
    worse = 0
    for epoch in range(1, len(losses)):
        worse = worse + 1 if losses[epoch] >= losses[epoch - 1] else 0
        if worse == patience:
            return int(np.argmin(losses[: epoch + 1])), epoch
    return int(np.argmin(losses)), len(losses) - 1


def in_total(losses, patience):
    """Count the epochs without an improvement, in a row or not."""
    best = bad = 0
    for epoch in range(1, len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        else:
            bad += 1
        if bad == patience:
            return best, epoch
    return best, len(losses) - 1


MISTAKES = {
    "You kept the last epoch. The best one lies `patience` epochs before it.": last_is_best,
    "You never stopped: a lower loss that comes after the stop is not seen.": never_stops,
    "You compared with the epoch before. Compare with the best loss so far.": (
        since_the_epoch_before
    ),
    "You counted all bad epochs. An improvement sets the count back to 0.": in_total,
    "You stopped one epoch late: `patience` bad epochs in a row are enough.": lambda v, p: (
        early_stopping(v, p + 1)
    ),
    "You stopped one epoch early: wait for `patience` bad epochs in a row.": lambda v, p: (
        early_stopping(v, p - 1)
    ),
    "Count the epochs from 0.": lambda v, p: tuple(e + 1 for e in early_stopping(v, p)),
    "You looked for the largest loss. The best one is the smallest.": lambda v, p: early_stopping(
        -np.asarray(v), p
    ),
}


def verdict(answer) -> Verdict:
    """Judge one list with a stop, and one without."""
    stops = np.array([5.0, 6.0, 4.0, 4.5, 3.0, 3.6, 3.5, 3.7, 3.8, 3.9, 2.0, 1.0])
    goes_on = np.array([3.0, 2.0, 2.5, 1.0])
    cases = [lambda f: f(stops, 3), lambda f: f(goes_on, 3)]
    found = by_values(answer, early_stopping, cases, MISTAKES)
    praise = "This is early stopping."
    return found._replace(message=praise) if found.right else found
