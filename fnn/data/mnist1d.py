"""MNIST-1D: signals of 40 samples in ten classes, a small stand-in for MNIST that tells models apart.

Greydanus & Kobak 2024, Scaling down deep learning with MNIST-1D; the package `mnist1d`, Apache-2.0.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from fnn.data.dataset import Dataset, Split, partition, standardise

VALIDATION = 600


def mnist1d() -> Dataset:
    """x (n, 40), y labels 0 to 9; 3,400 / 600 / 1,000 rows.

    Generated here with the package's own settings (seed 42), nothing is downloaded. The test rows are the canonical
    1,000; the validation rows, 15%, are drawn from the 4,000 with seed 0. All samples are scaled by one mean and std,
    those of the training rows, which also undoes the package's scaling by all rows.

    Raises ImportError where the package is missing.
    """
    made = _generate()
    x, y = made["x"], made["y"].astype(np.int32)
    validation, train = partition(len(x), [VALIDATION], seed=0)
    test = Split(made["x_test"], made["y_test"].astype(np.int32))
    return standardise(Dataset(Split(x[train], y[train]), Split(x[validation], y[validation]), test), axis=None)


def _generate() -> dict[str, np.ndarray]:
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError as error:
        raise ImportError('mnist1d needs the package of that name: pip install "fnn[mnist1d]"') from error
    with _global_random_state_kept():
        return make_dataset(get_dataset_args())


@contextmanager
def _global_random_state_kept() -> Iterator[None]:
    """The package seeds the generators that the whole process shares."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
