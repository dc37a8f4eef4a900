"""Load small real data that scikit-learn carries along. Nothing is downloaded."""

from types import ModuleType

from fnn.data.dataset import Dataset, standardise, standardise_targets
from fnn.data.own_arrays import split_at_random


def digits() -> Dataset:
    """Load 1,797 handwritten digits of 8×8 pixels, row by row; 10 classes.

    Split 70/15/15. All pixels are scaled by one mean and std: scaled pixel by pixel, a rare stroke
    in a pixel that is nearly always empty would outweigh all the others.

    Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI repository (its test
    part), CC BY 4.0.
    """
    x, y = sklearn_datasets().load_digits(return_X_y=True)
    unscaled = split_at_random(x, y, standardize=False)
    return standardise(unscaled, axis=None)


def breast_cancer() -> Dataset:
    """Load 569 tumours, with 30 measurements of cell nuclei; 0 malignant, 1 benign.

    Split 70/15/15, each feature scaled.

    Wolberg, Mangasarian, Street & Street 1993, Breast Cancer Wisconsin (Diagnostic), UCI
    repository, CC BY 4.0.
    """
    x, y = sklearn_datasets().load_breast_cancer(return_X_y=True)
    return split_at_random(x, y)


def wine() -> Dataset:
    """Load 178 wines of 3 growers (the classes), with 13 chemical measurements.

    Split 70/15/15, each feature scaled.

    Aeberhard & Forina 1991, Wine, UCI repository, CC BY 4.0.
    """
    x, y = sklearn_datasets().load_wine(return_X_y=True)
    return split_at_random(x, y)


def diabetes() -> Dataset:
    """Load 442 patients, with 10 measurements; y (n,), floating, is the progression after a year.

    Split 70/15/15. Each feature and y are scaled to mean 0 and std 1 on the training rows, so a
    squared error of 1 is that of predicting the mean. The package's own scaling uses all rows, so
    the unscaled data are taken.

    Efron, Hastie, Johnstone & Tibshirani 2004, Least angle regression; published without a licence
    of its own, distributed with scikit-learn.
    """
    x, y = sklearn_datasets().load_diabetes(return_X_y=True, scaled=False)
    return standardise_targets(split_at_random(x, y))


def sklearn_datasets() -> ModuleType:
    """Import `sklearn.datasets`. Raises ImportError with a remedy where it is missing."""
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            'This data set needs scikit-learn: pip install "fnn[experiments]"'
        ) from error
    return datasets
