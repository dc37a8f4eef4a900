"""Small data and networks that several test files train on."""

import numpy as np

from fnn.data import Dataset, Split, from_arrays


def blobs(examples: int = 60, features: int = 3, classes: int = 3, seed: int = 0) -> Dataset:
    """Overlapping Gaussian clouds, one a class; 42, 9 and 9 examples of 60."""
    rng = np.random.default_rng(seed)
    y = np.arange(examples) % classes
    x = rng.normal(size=(examples, features)) + 1.5 * np.eye(classes, features)[y]
    return from_arrays(x, y)


def line(examples: int = 40) -> Dataset:
    """y = 2x − 1 with noise, as regression of one output."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(examples, 1))
    return from_arrays(x, 2 * x[:, 0] - 1 + 0.1 * rng.normal(size=examples))


def with_split(dataset: Dataset, name: str, **arrays) -> Dataset:
    """The dataset with x or y of one split replaced."""
    return dataset._replace(**{name: Split(**{**getattr(dataset, name)._asdict(), **arrays})})
