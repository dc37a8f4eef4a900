"""Valleys and second descents of curves over seeds, judged where they were not chosen.

The lowest point of a noisy curve lies too low by its noise. So that no position is chosen by the
numbers that it is judged by, each half of the seeds is read at the positions that the mean of the
other half gives.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Float

from experiments.claims import Answer, Interval, every, mean_interval

Curves: TypeAlias = Float[np.ndarray, "seeds points"]
Positions: TypeAlias = tuple[int, int, int]


class Valley(NamedTuple):
    """A curve that may lie lower between its ends than at them.

    bottom  position of the lowest mean between the ends
    first   how far the first point lies above the bottom
    last    how far the last point lies above it
    """

    bottom: int
    first: Interval
    last: Interval

    @property
    def interior(self) -> Answer:
        """Return whether both ends lie above the bottom."""
        return every(self.first.above(0), self.last.above(0))


def valley(curves: Curves) -> Valley:
    """Find the bottom of curves of three points at least, and measure how high their ends lie."""
    first, bottom, last = read(curves, ends_and_bottom).T
    position = ends_and_bottom(curves.mean(axis=0))[1]
    return Valley(position, mean_interval(first - bottom), mean_interval(last - bottom))


def ends_and_bottom(curve: np.ndarray) -> Positions:
    """Return the positions of the first point, of the lowest inner point, and of the last one."""
    bottom = 1 + int(curve[1:-1].argmin())
    return 0, bottom, -1


class SecondDescent(NamedTuple):
    """A curve that may fall, rise and fall again.

    first   position of the first minimum of the mean
    peak    position of the peak after it
    second  position of the minimum after the peak
    rise    from the first minimum to the peak
    fall    from the peak to the second minimum
    gain    how much lower the second minimum is than the first
    """

    first: int
    peak: int
    second: int
    rise: Interval
    fall: Interval
    gain: Interval

    @property
    def lower(self) -> Answer:
        """Return whether there is a peak, and the second minimum lies below the first."""
        return every(self.rise.above(0), self.fall.above(0), self.gain.above(0))


def second_descent(curves: Curves) -> SecondDescent:
    """Find the turns of curves of three points at least, and measure the heights between them."""
    first, peak, second = read(curves, turns).T
    positions = turns(curves.mean(axis=0))
    rise = mean_interval(peak - first)
    fall = mean_interval(peak - second)
    gain = mean_interval(first - second)
    return SecondDescent(*positions, rise, fall, gain)


def turns(curve: np.ndarray) -> Positions:
    """Return the positions of a first minimum, the peak after it, and the minimum after that.

    The peak is the inner point that stands highest above the minima on both its sides. On a curve
    that only falls it stands below the first of them.
    """
    lowest_before = np.minimum.accumulate(curve)[:-2]
    lowest_after = np.minimum.accumulate(curve[::-1])[::-1][2:]
    height = curve[1:-1] - np.maximum(lowest_before, lowest_after)
    peak = 1 + int(height.argmax())
    first = int(curve[:peak].argmin())
    second = peak + 1 + int(curve[peak + 1 :].argmin())
    return first, peak, second


def read(curves: Curves, locate: Callable[[np.ndarray], Positions]) -> np.ndarray:
    """Return the values of each curve at the positions that the other half of the seeds gives.

    One half are the curves with even numbers, the other those with odd ones.

    locate  curve -> positions; it is called with the mean of a half

    Returns (seeds, 3).
    """
    even, odd = curves[0::2], curves[1::2]
    from_even = list(locate(even.mean(axis=0)))
    from_odd = list(locate(odd.mean(axis=0)))
    return np.concatenate([even[:, from_odd], odd[:, from_even]])
