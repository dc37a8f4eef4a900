"""Polynomials of several variables, fitted by least squares."""

from itertools import combinations_with_replacement

import numpy as np

from fnn import data


def polynomial_loss(split: data.Dataset, most: int) -> float:
    """Return the test loss of the least-squares polynomial of the best total degree.

    The degree, up to `most`, is the one with the lowest validation loss.
    """
    spaced = np.geomspace(1, most, 12)
    degrees = np.unique(spaced.round().astype(int))
    losses = [losses_of(split, degree) for degree in degrees]
    _, test_loss = min(losses)
    return test_loss


def losses_of(split: data.Dataset, degree: int) -> tuple[float, float]:
    """Fit a polynomial of this degree, and return its validation and its test loss."""
    y = split.train.y.astype(float)
    weights, *_ = np.linalg.lstsq(design(split.train.x, degree), y, rcond=None)

    def loss(part):
        error = design(part.x, degree) @ weights - part.y
        return float(np.mean(error**2))

    return loss(split.validation), loss(split.test)


def design(x: np.ndarray, degree: int) -> np.ndarray:
    """Return all products of Legendre polynomials of x's columns up to this total degree.

    Its shape is (examples, C(d + p, p)).
    """
    inputs = x.shape[1]
    terms: list[tuple[int, ...]] = []
    for total in range(degree + 1):
        terms += combinations_with_replacement(range(inputs), total)
    exponents = np.array([np.bincount(np.array(term, int), minlength=inputs) for term in terms])
    values = np.polynomial.legendre.legvander(x.astype(float), degree)  # (examples, inputs, p + 1)
    factors = [values[:, column, exponents[:, column]] for column in range(inputs)]
    return np.prod(factors, axis=0)
