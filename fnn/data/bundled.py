"""Small real data that scikit-learn carries along; nothing is downloaded."""

from types import ModuleType

from fnn.data.dataset import Dataset, standardise, standardise_targets
from fnn.data.own_arrays import split_at_random


def digits() -> Dataset:
    """1,797 handwritten digits of 8×8 pixels, row by row; 10 classes; split 70/15/15, scaled by one
    mean and std.

    Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI repository (its test
    part), CC BY 4.0. Scaled by the pixel, a rare stroke in a pixel that is nearly always empty
    would outweigh all the others.
    """
    x, y = sklearn_datasets().load_digits(return_X_y=True)
    return standardise(split_at_random(x, y, standardize=False), axis=None)


def breast_cancer() -> Dataset:
    """569 tumours, 30 measurements of cell nuclei; 0 malignant, 1 benign; split 70/15/15, scaled by
    the feature.

    Wolberg, Mangasarian, Street & Street 1993, Breast Cancer Wisconsin (Diagnostic), UCI
    repository, CC BY 4.0.
    """
    return split_at_random(*sklearn_datasets().load_breast_cancer(return_X_y=True))


def wine() -> Dataset:
    """178 wines of 3 growers (the classes), 13 chemical measurements; split 70/15/15, scaled by the
    feature.

    Aeberhard & Forina 1991, Wine, UCI repository, CC BY 4.0.
    """
    return split_at_random(*sklearn_datasets().load_wine(return_X_y=True))


def diabetes() -> Dataset:
    """442 patients, 10 measurements; y (n,) is the disease's progression after a year, floating;
    split 70/15/15.

    x by the feature and y are both scaled to mean 0 and std 1 on the training rows, so a squared
    error of 1 is that of predicting the mean. Efron, Hastie, Johnstone & Tibshirani 2004, Least
    angle regression; published without a licence of its own, distributed with scikit-learn. Taken
    unscaled: the package's own scaling uses all rows.
    """
    return standardise_targets(
        split_at_random(*sklearn_datasets().load_diabetes(return_X_y=True, scaled=False))
    )


def sklearn_datasets() -> ModuleType:
    """`sklearn.datasets`; ImportError with the remedy where scikit-learn is missing."""
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ImportError(
            'This data set needs scikit-learn: pip install "fnn[experiments]"'
        ) from error
    return datasets
