"""What a scan over a grid, and over one ten times finer, tells of a function: jumps,
kinks, minima.
"""

import numpy as np


def kinks(scan: np.ndarray) -> np.ndarray:
    """Return the changes of the slope from one interval of the scan to the next."""
    intervals = len(scan) - 1
    return np.diff(scan, n=2) * intervals


def shrinks(coarse: np.ndarray, fine: np.ndarray) -> bool:
    """Return whether changes between neighbours shrink when the grid is ten times finer.

    The largest one falls at least fivefold where there is no jump. False where something is not
    defined.
    """
    if not np.isfinite(coarse).all() or not np.isfinite(fine).all():
        return False
    largest_coarse = np.abs(coarse).max()
    largest_fine = np.abs(fine).max()
    return bool(largest_fine <= 0.2 * largest_coarse + 1e-9)


def minima(e: np.ndarray, scan: np.ndarray) -> np.ndarray:
    """Return the middles of the local minima inside the scan, points or flat stretches."""
    # A stretch begins where a value differs from the one before. NaN always differs.
    is_new = np.diff(scan, prepend=np.nan) != 0
    begins = np.flatnonzero(is_new)
    ends = np.append(begins[1:], len(scan)) - 1
    level = scan[begins]
    falls = level[:-2] > level[1:-1]
    rises = level[1:-1] < level[2:]
    low = 1 + np.flatnonzero(falls & rises)
    return (e[begins[low]] + e[ends[low]]) / 2
