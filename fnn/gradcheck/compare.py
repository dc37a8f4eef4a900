"""Compare the given gradient of one tensor with the reference, in units of the noise floor."""

from typing import NamedTuple

import numpy as np

# How many noise floors rounding may reach. On right gradients the largest entry of a tensor of
# 100,000 is at 8. A fault in float64 lies above 1e6, so there is room. The floors of narrow
# precisions leave less.
ALLOWED = {"float64": 1000.0, "float32": 100.0, "bfloat16": 30.0}


class Comparison(NamedTuple):
    """A tensor's given gradient beside its reference.

    given      the hand-written gradient
    reference  the true one: autodiff, where differences do not contradict it
    floor      the noise floor of each entry
    allowed    how many floors rounding may reach
    """

    given: np.ndarray
    reference: np.ndarray
    floor: np.ndarray
    allowed: float

    @property
    def error(self) -> np.ndarray:
        """Return |given − reference|."""
        return np.abs(self.given - self.reference)

    @property
    def scaled_error(self) -> np.ndarray:
        """Return |given − reference| in noise floors.

        It is infinite where a value is not finite, and 0 where both are equal.
        """
        error = self.error
        without_floor = np.where(error > 0, np.inf, 0.0)
        scaled = np.divide(error, self.floor, out=without_floor, where=self.floor > 0)
        return np.where(np.isfinite(error), scaled, np.inf)

    @property
    def wrong(self) -> np.ndarray:
        """Return where the error is larger than rounding can make it."""
        return self.scaled_error > self.allowed

    @property
    def tolerance(self) -> np.ndarray:
        """Return the largest error that rounding can explain."""
        return self.allowed * self.floor

    def is_reproduced_by(self, candidate: np.ndarray, closeness: float) -> bool:
        """Return whether a candidate for this tensor equals the given gradient."""
        error = np.max(self.error, initial=0.0)
        return reproduces(self.given, candidate, self.tolerance, error, closeness)


def reproduces(
    given: np.ndarray,
    candidate: np.ndarray,
    tolerance: np.ndarray | float,
    error: float,
    closeness: float,
) -> bool:
    """Return whether a candidate reproduces the given numbers.

    They may differ by `closeness` times their scale, but by no more than a thousandth of the error
    that there is to explain; and beyond that by the tolerance for rounding.
    """
    largest_given = max_abs(given)
    largest_candidate = max_abs(candidate)
    scale = max(largest_given, largest_candidate)
    allowed = min(closeness * scale, 1e-3 * error) + tolerance
    return bool(np.all(np.abs(given - candidate) <= allowed))


def comparison(
    given: np.ndarray, reference: np.ndarray, noise: np.ndarray, epsilon: float, dtype: str
) -> Comparison:
    """Compare a tensor with its reference, in noise floors.

    The floor of an entry is its own noise and one rounding of its own value. The entries of a
    tensor may have very different sizes. So they share only the square of a rounding of the largest
    entry: below it two right formulas may underflow in different places.
    """
    finite = np.abs(reference[np.isfinite(reference)])
    underflow = epsilon**2 * np.max(finite, initial=0.0)
    floor = noise + epsilon * np.abs(reference) + underflow
    return Comparison(given, reference, floor, ALLOWED[dtype])


def max_abs(values: np.ndarray) -> float:
    """Return the largest absolute value, and 0 of no values."""
    return np.max(np.abs(values), initial=0.0)


def usual_size(values: np.ndarray) -> float:
    """Return the root mean square of a tensor's finite entries."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0
    mean_square = np.mean(finite**2)
    return float(np.sqrt(mean_square))


def relative_error(given: np.ndarray, reference: np.ndarray) -> float:
    """Return max |given − reference| / max |reference|, and 0 for 0/0."""
    error = max_abs(given - reference)
    scale = max_abs(reference)
    if error == 0:
        return 0.0
    return float(error / scale) if scale > 0 else float("inf")


def cosine(given: np.ndarray, reference: np.ndarray) -> float:
    """Return the cosine of the angle between the two.

    It is 1 where both are zero, 0 where one of them is, and NaN where an entry is not finite.
    """
    if not np.isfinite(given).all():
        return float("nan")
    norm = np.linalg.norm(given)
    reference_norm = np.linalg.norm(reference)
    if norm * reference_norm == 0:
        return float(norm == reference_norm)
    products = (given / norm) * (reference / reference_norm)
    return float(np.sum(products))


def norm_ratio(given: np.ndarray, reference: np.ndarray) -> float:
    """Return ‖given‖/‖reference‖, and 1 where both are zero."""
    norm = float(np.linalg.norm(given))
    reference_norm = float(np.linalg.norm(reference))
    if norm == reference_norm:
        return 1.0
    return norm / reference_norm if reference_norm > 0 else float("inf")
