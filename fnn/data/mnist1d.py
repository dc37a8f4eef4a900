"""MNIST-1D: signals of 40 samples in ten classes, a small stand-in for MNIST that tells models
apart.

Greydanus & Kobak 2024, Scaling down deep learning with MNIST-1D; the package `mnist1d`, Apache-2.0.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from fnn import checks
from fnn.data.dataset import Dataset, Split, standardise
from fnn.data.parts import partition

CLASSES = 10


def mnist1d() -> Dataset:
    """x (n, 40), y labels 0 to 9; 3,400 / 600 / 1,000 rows.

    Generated here with the package's own settings (seed 42), nothing is downloaded. The test rows
    are the canonical 1,000; the validation rows, 15%, are drawn from the 4,000 with seed 0. All
    samples are scaled by one mean and std, those of the training rows, which also undoes the
    package's scaling by all rows.

    Raises ImportError where the package is missing.
    """
    return sized(3400, 600, 1000)


def sized(train: int, validation: int, test: int) -> Dataset:
    """`mnist1d` of other sizes: `fnn.data.mnist1d.sized(4000, 100, 12_000)`.

    The package draws as many rows of each class as of the others and shuffles them; the last `test`
    are the test rows. ValueError where the sizes do not add up to a multiple of ten.
    """
    sizes = {"train": train, "validation": validation, "test": test}
    rows = sum(checks.count(name, size) for name, size in sizes.items())
    if rows % CLASSES:
        raise ValueError(
            f"train, validation, test: got {train} + {validation} + {test} = {rows} rows, "
            f"expected a multiple of "
            f"{CLASSES}: as many of each class."
        )
    x, y = _generate(rows)
    seen = rows - test
    validation_rows, train_rows = partition(seen, [validation], seed=0)
    parts = (train_rows, validation_rows, np.arange(seen, rows))
    train_split, validation_split, test_split = (Split(x[part], y[part]) for part in parts)
    return standardise(Dataset(train_split, validation_split, test_split), axis=None)


def _generate(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """x and labels of that many rows, in the package's order."""
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError as error:
        raise ImportError(
            'mnist1d needs the package of that name: pip install "fnn[mnist1d]"'
        ) from error
    settings = get_dataset_args()
    settings.num_samples = rows
    with _global_random_state_kept():
        made = make_dataset(settings)
    return np.concatenate([made["x"], made["x_test"]]), np.concatenate(
        [made["y"], made["y_test"]]
    ).astype(np.int32)


@contextmanager
def _global_random_state_kept() -> Iterator[None]:
    """The package seeds the generators that the whole process shares."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
