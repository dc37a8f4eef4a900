"""Make data in the plane, the XOR table and the course's cubic fit.

All are the same at every call.
"""

import numpy as np

from fnn.data.bundled import sklearn_datasets
from fnn.data.dataset import Dataset, Split
from fnn.data.numbers import UNSCALED, as_float
from fnn.data.own_arrays import split_at_random

# Of moons, circles and spirals.
EXAMPLES = 2000
EXAMPLES_OF_CUBIC = 100


def moons() -> Dataset:
    """Make two interleaved half circles: 2,000 points with noise of std 0.2, 2 classes.

    Split 70/15/15, each feature scaled. `sklearn.datasets.make_moons` with random_state=0
    (BSD-3-Clause).
    """
    x, y = sklearn_datasets().make_moons(EXAMPLES, noise=0.2, random_state=0)
    return split_at_random(x, y)


def circles() -> Dataset:
    """Make a circle (class 0) around one of half its radius (class 1).

    2,000 points with noise of std 0.1, 2 classes. Split 70/15/15, each feature scaled.
    `sklearn.datasets.make_circles` with random_state=0 (BSD-3-Clause).
    """
    make_circles = sklearn_datasets().make_circles
    x, y = make_circles(EXAMPLES, noise=0.1, factor=0.5, random_state=0)
    return split_at_random(x, y)


def spirals() -> Dataset:
    """Make two Archimedean spirals, the second half a turn on from the first.

        r = θ for θ in [π/2, 7π/2]

    2,000 points, 1,000 of each of 2 classes, with noise of std 0.3. The arms are π apart. Split
    70/15/15, each feature scaled. The classical hard case of two classes in the plane (Lang &
    Witbrock 1988); drawn by this module.
    """
    rng = np.random.default_rng(0)
    y = np.arange(EXAMPLES) % 2
    smallest = 0.5 * np.pi
    largest = 3.5 * np.pi
    theta = rng.uniform(smallest, largest, EXAMPLES)
    angle = theta + np.pi * y
    directions = np.column_stack([np.cos(angle), np.sin(angle)])
    x = theta[:, None] * directions
    noise = rng.normal(0, 0.3, x.shape)
    return split_at_random(x + noise, y)


def xor() -> Dataset:
    """Make the four rows of the truth table, raw 0 and 1, with labels (4,).

        y = x₁ xor x₂

    Train, validation and test are each the whole table: there is nothing to generalise to. Claims
    2.1, 2.6, 3.2.
    """
    rows = [[0, 0], [0, 1], [1, 0], [1, 1]]
    x = as_float("x", np.array(rows))
    y = np.array([0, 1, 1, 0], np.int32)
    table = Split(x, y)
    return Dataset(table, table, table, UNSCALED)


def cubic() -> Dataset:
    """Make the cubic fit of claims 4.8 to 4.10: `cubic_points` at 100 places in [−2, 2].

    Train, validation and test are each all 100 points, since the claims are about the minimum of
    the training loss. There the sum of squares is 22.323796, and

        w = (0.964505, −2.062499, −2.894904, 4.125564)
    """
    points = cubic_points(EXAMPLES_OF_CUBIC, 2.0)
    return Dataset(points, points, points, UNSCALED)


def cubic_points(examples: int, bound: float) -> Split:
    """Make noisy points of a cubic at equidistant s in [−bound, bound].

    examples  how many points
    bound     the largest s

    Returns x (examples, 3), raw, and y (examples,), floating:

        x = (s³, s², s)
        y = s³ − 2s² − 3s + 4 + ε

    A dense layer on x is w₁s³ + w₂s² + w₃s + w₄ with w₄ its bias. ε has std 0.5, from
    `numpy.random.default_rng(0)`. Piccoli prints the problem without its data; these are this
    project's.

    >>> from fnn import data
    >>> data.cubic_points(3, 2.0).x
    array([[-8.,  4., -2.],
           [ 0.,  0.,  0.],
           [ 8.,  4.,  2.]], dtype=float32)
    """
    s = np.linspace(-bound, bound, examples)
    powers = np.vander(s, 4)
    coefficients = np.array([1.0, -2.0, -3.0, 4.0])
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.5, examples)
    x = as_float("x", powers[:, :3])
    y = as_float("y", powers @ coefficients + noise)
    return Split(x, y)
