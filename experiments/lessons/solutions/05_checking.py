"""The cell of lesson 5, and how it is judged.

Answer to the question: both values of f are rounded to about 16 digits. Their difference keeps this
rounding, and the division by a small h makes it large.
"""

import numpy as np

from judging import Verdict, by_values


# %% your cell
def central_differences(f, w, h=1e-4):
    """Return the slope of f along each entry of w, an array (n,)."""
    slopes = np.zeros_like(w)
    for i in range(len(w)):
        step = np.zeros_like(w)
        step[i] = h
        slopes[i] = (f(w + step) - f(w - step)) / (2 * h)
    return slopes


# %% how it is judged
SOLUTION = central_differences


def forward_differences(f, w, h=1e-4):
    """Go one step ahead only."""
    return np.array([(f(w + h * unit) - f(w)) / h for unit in np.eye(len(w))])


def backward_differences(f, w, h=1e-4):
    """Go one step back only."""
    return np.array([(f(w) - f(w - h * unit)) / h for unit in np.eye(len(w))])


def all_at_once(f, w, h=1e-4):
    """Move all entries together."""
    return np.full_like(w, (f(w + h) - f(w - h)) / (2 * h))


def never_moved_back(f, w, h=1e-4):
    """Move an entry by h, by −2h, and leave it there."""
    w, slopes = w.copy(), np.zeros_like(w)
    for i in range(len(w)):
        w[i] += h
        ahead = f(w)
        w[i] -= 2 * h
        slopes[i] = (ahead - f(w)) / (2 * h)
    return slopes


MISTAKES = {
    "This is the forward difference. Its error shrinks with h, that of the central one with h²: "
    "use f(w + h) − f(w − h).": forward_differences,
    "This is the backward difference. Use both sides: f(w + h) − f(w − h).": backward_differences,
    "You divided by h. The two points are 2h apart.": lambda f, w: 2 * central_differences(f, w),
    "The sign is turned: it is f(w + h) − f(w − h).": lambda f, w: -central_differences(f, w),
    "You forgot to divide by 2h.": lambda f, w: 2e-4 * central_differences(f, w),
    "You moved all entries at once. Move entry i alone.": all_at_once,
    "You left an entry moved. Put it back before the next one.": never_moved_back,
}


def verdict(answer) -> Verdict:
    """Judge on a function of three entries that are coupled."""
    kept = np.array([0.3, -0.7, 1.1])
    w = kept.copy()

    def f(w):
        return np.sum(np.sin(w) * np.array([1.0, 2.0, 3.0])) + w[0] * w[1] ** 2

    cases = [lambda function: function(f, w.copy())]
    found = by_values(answer, central_differences, cases, MISTAKES, tolerance=1e-9)
    if not found.right:
        return found
    answer(f, w)
    if np.abs(w - kept).max() > 1e-12:
        return Verdict(False, "The slopes are right, but w has changed. Work on a copy.")
    return found._replace(message="These are central differences.")
