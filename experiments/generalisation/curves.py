"""Valleys and second descents of curves over seeds, judged where they were not chosen.

The lowest point of a noisy curve lies too low by its noise. So that no position is chosen by the
numbers that it is judged by, each half of the seeds is read at the positions that the mean of the
other half gives.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from experiments.claims import Answer, Interval, every, mean_interval


class Valley(NamedTuple):
    """A curve, the position `bottom` of its lowest mean between its ends, and how far its first and
    its last point lie above that.
    """

    bottom: int
    first: Interval
    last: Interval

    @property
    def interior(self) -> Answer:
        """Whether both ends lie above the bottom."""
        return every(self.first.above(0), self.last.above(0))


def valley(curves: np.ndarray) -> Valley:
    """Of curves (seeds, points), three points at least."""

    def places(curve: np.ndarray) -> tuple[int, int, int]:
        return 0, 1 + int(curve[1:-1].argmin()), -1

    first, bottom, last = read(curves, places).T
    return Valley(
        places(curves.mean(axis=0))[1], mean_interval(first - bottom), mean_interval(last - bottom)
    )


class SecondDescent(NamedTuple):
    """Positions of a first minimum, the peak after it and the minimum after that, in the mean; how
    far the curve rises from the first and falls to the second, and by how much the second minimum
    is lower than the first.
    """

    first: int
    peak: int
    second: int
    rise: Interval
    fall: Interval
    gain: Interval

    @property
    def lower(self) -> Answer:
        """Whether there is a peak, and the second minimum lies below the first."""
        return every(self.rise.above(0), self.fall.above(0), self.gain.above(0))


def second_descent(curves: np.ndarray) -> SecondDescent:
    """Of curves (seeds, points), three points at least."""
    first, peak, second = read(curves, turns).T
    differences = (peak - first, peak - second, first - second)
    rise, fall, gain = map(mean_interval, differences)
    return SecondDescent(*turns(curves.mean(axis=0)), rise, fall, gain)


def turns(curve: np.ndarray) -> tuple[int, int, int]:
    """Positions of the inner point that stands highest above the minima on both its sides, between
    those minima. (On a curve that only falls it stands below the first of them.)
    """
    before = np.minimum.accumulate(curve)[:-2]
    after = np.minimum.accumulate(curve[::-1])[::-1][2:]
    peak = 1 + int((curve[1:-1] - np.maximum(before, after)).argmax())
    return int(curve[:peak].argmin()), peak, peak + 1 + int(curve[peak + 1 :].argmin())


def read(curves: np.ndarray, locate: Callable[[np.ndarray], tuple[int, int, int]]) -> np.ndarray:
    """The values of each curve, (seeds, 3), at the positions that `locate` finds in the mean of
    every second one: of those with odd numbers for the even ones, and the other way round.
    """
    even, odd = curves[0::2], curves[1::2]
    return np.concatenate(
        [half[:, list(locate(other.mean(axis=0)))] for half, other in ((even, odd), (odd, even))]
    )
