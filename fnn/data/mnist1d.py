"""Make MNIST-1D: signals of 40 samples in ten classes, a small stand-in for MNIST.

It tells models apart. Greydanus & Kobak 2024, Scaling down deep learning with MNIST-1D; the package
`mnist1d`, Apache-2.0.
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
    """Make x (n, 40) and labels y 0 to 9; 3,400 / 600 / 1,000 rows.

    They are generated here with the package's own settings (seed 42); nothing is downloaded. The
    test rows are the canonical 1,000. The validation rows, 15%, are drawn from the 4,000 with seed
    0. All samples are scaled by one mean and std, those of the training rows, which also undoes the
    package's scaling by all rows.

    Raises ImportError where the package is missing.
    """
    return sized(3400, 600, 1000)


def sized(train: int, validation: int, test: int) -> Dataset:
    """Make `mnist1d` of other sizes, such as `fnn.data.mnist1d.sized(4000, 100, 12_000)`.

    train, validation, test  how many rows, together a multiple of ten

    The package draws as many rows of each class as of the others and shuffles them. The last `test`
    rows are the test rows.

    Raises ValueError for other sizes, and ImportError where the package is missing.
    """
    sizes = {"train": train, "validation": validation, "test": test}
    rows = sum(checks.count(name, size) for name, size in sizes.items())
    if rows % CLASSES:
        raise ValueError(
            f"train, validation, test: got {train} + {validation} + {test} = {rows} rows, "
            f"expected a multiple of {CLASSES}: as many of each class."
        )
    x, y = _generate(rows)
    test_start = rows - test
    validation_rows, train_rows = partition(test_start, [validation], seed=0)
    test_rows = np.arange(test_start, rows)
    unscaled = Dataset(
        Split(x[train_rows], y[train_rows]),
        Split(x[validation_rows], y[validation_rows]),
        Split(x[test_rows], y[test_rows]),
    )
    return standardise(unscaled, axis=None)


def _generate(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and the labels of that many rows, in the package's order."""
    try:
        from mnist1d.data import get_dataset_args, make_dataset
    except ImportError as error:
        raise ImportError(
            'mnist1d needs the package of that name: pip install "fnn[mnist1d]"'
        ) from error
    settings = get_dataset_args()
    settings.num_samples = rows
    with _global_random_state_kept():
        generated = make_dataset(settings)
    x = np.concatenate([generated["x"], generated["x_test"]])
    y = np.concatenate([generated["y"], generated["y_test"]])
    return x, y.astype(np.int32)


@contextmanager
def _global_random_state_kept() -> Iterator[None]:
    """Keep the state of the process's shared generators, which the package seeds."""
    python_state = random.getstate()
    numpy_state = np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
