"""Comparing the hand-written gradient of one tensor with the truth, entry by entry, in units of the
noise floor.
"""

from typing import NamedTuple

import numpy as np

# How many noise floors rounding may reach. On clean gradients the largest entry of a tensor of
# 100,000 is at 8; what a
# fault does in float64 lies above 1e6, so there is room. The floors of narrow precisions leave
# less.
ALLOWED = {"float64": 1000.0, "float32": 100.0, "bfloat16": 30.0}


class Comparison(NamedTuple):
    """A tensor's hand-written gradient, the truth (autodiff, where differences do not contradict
    it), and the floor.
    """

    given: np.ndarray
    reference: np.ndarray
    floor: np.ndarray
    allowed: float

    @property
    def error(self) -> np.ndarray:
        """|hand − truth|."""
        return np.abs(self.given - self.reference)

    @property
    def scaled_error(self) -> np.ndarray:
        """|hand − truth| in noise floors: infinite where a value is not finite, 0 where both are
        equal.
        """
        error = self.error
        scaled = np.divide(
            error, self.floor, out=np.where(error > 0, np.inf, 0.0), where=self.floor > 0
        )
        return np.where(np.isfinite(error), scaled, np.inf)

    @property
    def wrong(self) -> np.ndarray:
        """Where the error is more than rounding can be."""
        return self.scaled_error > self.allowed

    @property
    def tolerance(self) -> np.ndarray:
        """The largest error that rounding can explain."""
        return self.allowed * self.floor

    def is_reproduced_by(self, candidate: np.ndarray, closeness: float) -> bool:
        """Whether a hypothesis about this tensor reproduces the hand-written numbers."""
        return reproduces(
            self.given, candidate, self.tolerance, np.max(self.error, initial=0.0), closeness
        )


def reproduces(
    given: np.ndarray,
    candidate: np.ndarray,
    tolerance: np.ndarray | float,
    error: float,
    closeness: float,
) -> bool:
    """Whether a candidate makes the hand-written numbers: to `closeness` of their scale and a
    thousandth of the error that there is to explain, or to rounding.
    """
    scale = max(np.max(np.abs(given), initial=0.0), np.max(np.abs(candidate), initial=0.0))
    return bool(
        np.all(np.abs(given - candidate) <= min(closeness * scale, 1e-3 * error) + tolerance)
    )


def comparison(
    given: np.ndarray, reference: np.ndarray, noise: np.ndarray, epsilon: float, dtype: str
) -> Comparison:
    """The floor of an entry: its own noise and one rounding of its own value. Entries of one tensor
    may be of very different sizes, so that they share nothing but the square of a rounding of the
    largest, below which two right formulas may underflow in different places.
    """
    finite = np.abs(reference[np.isfinite(reference)])
    underflow = epsilon**2 * np.max(finite, initial=0.0)
    return Comparison(
        given, reference, noise + epsilon * np.abs(reference) + underflow, ALLOWED[dtype]
    )


def usual_size(given: np.ndarray) -> float:
    """The root mean square of a tensor's finite entries."""
    finite = given[np.isfinite(given)]
    return float(np.sqrt(np.mean(finite**2))) if finite.size else 0.0


def relative_error(given: np.ndarray, reference: np.ndarray) -> float:
    """max |hand − truth| / max |truth|, the tensor's own scale; 0 for 0/0."""
    error, scale = (
        np.max(np.abs(given - reference), initial=0.0),
        np.max(np.abs(reference), initial=0.0),
    )
    return 0.0 if error == 0 else float(error / scale) if scale > 0 else float("inf")


def cosine(given: np.ndarray, reference: np.ndarray) -> float:
    """The cosine of the angle between the two; 1 where both are zero, 0 where one is, NaN where it
    has none.
    """
    if not np.isfinite(given).all():
        return float("nan")
    norms = np.linalg.norm(given) * np.linalg.norm(reference)
    if norms == 0:
        return float(np.linalg.norm(given) == np.linalg.norm(reference))
    return float(np.sum((given / np.linalg.norm(given)) * (reference / np.linalg.norm(reference))))


def norm_ratio(given: np.ndarray, reference: np.ndarray) -> float:
    """‖hand‖/‖truth‖; 1 where both are zero."""
    top, bottom = float(np.linalg.norm(given)), float(np.linalg.norm(reference))
    return 1.0 if top == bottom else top / bottom if bottom > 0 else float("inf")
