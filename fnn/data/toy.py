"""Made-up data in the plane, the XOR table, and the course's cubic fit. All are the same at every
call.
"""

import numpy as np

from fnn.data.bundled import sklearn_datasets
from fnn.data.dataset import Dataset, Split
from fnn.data.numbers import AS_THEY_ARE, as_float
from fnn.data.own_arrays import split_at_random

EXAMPLES = 2000  # of moons, circles and spirals
EXAMPLES_OF_CUBIC = 100


def moons() -> Dataset:
    """Two interleaved half circles, 2,000 points with noise of std 0.2; 2 classes.

    Split 70/15/15, scaled by the feature. `sklearn.datasets.make_moons` with random_state=0
    (BSD-3-Clause).
    """
    return split_at_random(*sklearn_datasets().make_moons(EXAMPLES, noise=0.2, random_state=0))


def circles() -> Dataset:
    """A circle (class 0) around one of half its radius (class 1), 2,000 points with noise of std
    0.1; 2 classes.

    Split 70/15/15, scaled by the feature. `sklearn.datasets.make_circles` with random_state=0
    (BSD-3-Clause).
    """
    return split_at_random(
        *sklearn_datasets().make_circles(EXAMPLES, noise=0.1, factor=0.5, random_state=0)
    )


def spirals() -> Dataset:
    """Two Archimedean spirals, r = θ for θ in [π/2, 7π/2] and the same half a turn on, with noise
    of std 0.3.

    2,000 points, 1,000 of each of 2 classes; split 70/15/15, scaled by the feature. The arms are π
    apart. The classical hard case of two classes in the plane (Lang & Witbrock 1988); drawn by this
    module.
    """
    rng = np.random.default_rng(0)
    y = np.arange(EXAMPLES) % 2
    theta = rng.uniform(0.5 * np.pi, 3.5 * np.pi, EXAMPLES)
    angle = theta + np.pi * y
    x = theta[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return split_at_random(x + rng.normal(0, 0.3, x.shape), y)


def xor() -> Dataset:
    """The four rows of the truth table, raw 0 and 1, y = x₁ xor x₂ as labels (4,).

    Train, validation and test are each the whole table: there is nothing to generalise to. Claims
    2.1, 2.6, 3.2.
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    table = Split(as_float("x", x), np.array([0, 1, 1, 0], np.int32))
    return Dataset(table, table, table, AS_THEY_ARE)


def cubic() -> Dataset:
    """The cubic fit of claims 4.8 to 4.10: `cubic_points` at 100 places in [−2, 2].

    Train, validation and test are each all 100 points, since the claims are about the minimum of
    the training loss: w = (0.964505, −2.062499, −2.894904, 4.125564), where the sum of squares is
    22.323796.
    """
    points = cubic_points(EXAMPLES_OF_CUBIC, 2.0)
    return Dataset(points, points, points, AS_THEY_ARE)


def cubic_points(examples: int, bound: float) -> Split:
    """x (examples, 3) holds (s³, s², s), raw, at equidistant s in [−bound, bound];
    y (examples,) is s³ − 2s² − 3s + 4 + ε.

    A dense layer on x is w₁s³ + w₂s² + w₃s + w₄ with w₄ its bias. ε has std 0.5, from
    `numpy.random.default_rng(0)`. Piccoli prints the problem without its data; these are this
    project's.
    """
    powers = np.vander(np.linspace(-bound, bound, examples), 4)
    noise = np.random.default_rng(0).normal(0, 0.5, examples)
    return Split(
        as_float("x", powers[:, :3]),
        as_float("y", powers @ np.array([1.0, -2.0, -3.0, 4.0]) + noise),
    )
