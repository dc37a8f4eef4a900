"""The training problem of all contenders: sizes, data, and how the work is counted."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

HELD_OUT = 200  # examples of validation and of test
LEARNING_RATE = 1e-3


class Case(NamedTuple):
    """A training problem: Adam and softmax cross-entropy on ReLU layers.

    sizes  of the layers, with inputs and outputs
    runs   of a sweep
    """

    sizes: tuple[int, ...]
    examples: int
    batch_size: int
    epochs: int
    runs: int

    @property
    def steps(self) -> int:
        """Return the number of updates in an epoch."""
        return -(-self.examples // self.batch_size)

    @property
    def operations(self) -> float:
        """Return the floating-point operations of a run's updates.

        They are 6 Σ in·out for each example seen, 2 forward and 4 backward.
        """
        weights = sum(a * b for a, b in pairwise(self.sizes))
        return 6.0 * weights * self.examples * self.epochs

    def __str__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        data = f"N={self.examples}, batch {self.batch_size}"
        return f"{sizes}, {data}, {self.epochs} epoch(s), {self.runs} run(s)"


class Problem(NamedTuple):
    """Three splits of (x, y). x is (n, features) float32, and y is (n,) int32."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def problem_of(case: Case) -> Problem:
    """Make data whose class is the largest of random linear scores.

    They can be learned, have any size, and are the same for all contenders.
    """
    rng = np.random.default_rng(0)
    examples = case.examples + 2 * HELD_OUT
    features, classes = case.sizes[0], case.sizes[-1]
    x = rng.normal(size=(examples, features)).astype(np.float32)
    scores = x @ rng.normal(size=(features, classes))
    y = np.argmax(scores, axis=1).astype(np.int32)
    cuts = [case.examples, case.examples + HELD_OUT]
    return Problem(*zip(np.split(x, cuts), np.split(y, cuts), strict=True))
