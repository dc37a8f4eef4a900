"""What a scan over a grid, and over one ten times finer, tells of a function: jumps,
kinks, minima.
"""

import numpy as np


def kinks(scan: np.ndarray) -> np.ndarray:
    """Changes of the slope from one interval of the scan to the next."""
    return np.diff(scan, n=2) * (len(scan) - 1)


def shrinks(coarse: np.ndarray, fine: np.ndarray) -> bool:
    """Whether the largest change between neighbours falls at least fivefold when the grid is ten
    times finer, as it does where there is no jump; false where something is not defined.
    """
    defined = np.isfinite(coarse).all() and np.isfinite(fine).all()
    return bool(defined and np.abs(fine).max() <= 0.2 * np.abs(coarse).max() + 1e-9)


def minima(e: np.ndarray, scan: np.ndarray) -> np.ndarray:
    """The middles of the local minima inside the scan, points or flat stretches."""
    edges = np.flatnonzero(
        np.diff(scan, prepend=np.nan)
    )  # where a new value begins; NaN is new every time
    ends = np.append(edges[1:], len(scan)) - 1
    level = scan[edges]
    low = [i for i in range(1, len(level) - 1) if level[i - 1] > level[i] < level[i + 1]]
    return (e[edges[low]] + e[ends[low]]) / 2
