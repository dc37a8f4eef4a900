"""What everybody trains: the sizes, the data, and how the work is counted."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

HELD_OUT = 200  # examples of validation and of test
LEARNING_RATE = 1e-3


class Case(NamedTuple):
    """One training problem, Adam and softmax cross-entropy on ReLU layers, and the number of lanes
    of a sweep.
    """

    sizes: tuple[int, ...]
    examples: int
    batch_size: int
    epochs: int
    lanes: int

    @property
    def steps(self) -> int:
        """Updates in an epoch."""
        return -(-self.examples // self.batch_size)

    @property
    def operations(self) -> float:
        """Floating-point operations of a lane's updates: 6 Σ in·out for each example seen, 2
        forward, 4 backward.
        """
        weights = sum(a * b for a, b in pairwise(self.sizes))
        return 6.0 * weights * self.examples * self.epochs

    def __str__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        return (
            f"{sizes}, N={self.examples}, batch {self.batch_size}, {self.epochs} epoch(s), "
            f"{self.lanes} lane(s)"
        )


class Problem(NamedTuple):
    """Three splits of (x, y): x (n, features) float32, y (n,) int32."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def problem_of(case: Case) -> Problem:
    """Classes by the largest of random linear scores: learnable, of any size, the same for
    everybody.
    """
    rng = np.random.default_rng(0)
    n, d, classes = case.examples + 2 * HELD_OUT, case.sizes[0], case.sizes[-1]
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = np.argmax(x @ rng.normal(size=(d, classes)), axis=1).astype(np.int32)
    cuts = [case.examples, case.examples + HELD_OUT]
    return Problem(*zip(np.split(x, cuts), np.split(y, cuts), strict=True))
