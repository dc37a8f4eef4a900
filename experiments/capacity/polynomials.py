"""Polynomials of several variables, fitted by least squares."""

from itertools import combinations_with_replacement

import numpy as np

from fnn import data


def polynomial_loss(split: data.Dataset, most: int) -> float:
    """Test loss of the least-squares polynomial whose total degree, up to `most`, has the lowest
    validation loss.
    """

    def losses_of(degree):
        weights = np.linalg.lstsq(
            design(split.train.x, degree), split.train.y.astype(float), rcond=None
        )[0]
        parts = (split.validation, split.test)
        return [float(np.mean((design(part.x, degree) @ weights - part.y) ** 2)) for part in parts]

    return min(
        losses_of(degree) for degree in np.unique(np.geomspace(1, most, 12).round().astype(int))
    )[1]


def design(x: np.ndarray, degree: int) -> np.ndarray:
    """All products of Legendre polynomials of x's columns up to this total degree: (examples, C(d +
    p, p)).
    """
    values = np.polynomial.legendre.legvander(
        x.astype(float), degree
    )  # (examples, inputs, degree + 1)
    terms = (
        t for p in range(degree + 1) for t in combinations_with_replacement(range(x.shape[1]), p)
    )
    exponents = np.array([np.bincount(np.array(t, int), minlength=x.shape[1]) for t in terms])
    return np.prod([values[:, i, exponents[:, i]] for i in range(x.shape[1])], axis=0)
