"""Rows of scikit-learn as Datasets of fnn."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from fnn.data import Dataset, Split, Weights
from fnn.data.parts import at_random, by_class


class Rows(NamedTuple):
    """Rows with targets and weights.

    x        (examples, features)
    y        (examples,) int32 labels, or (examples, outputs) floats
    weights  (examples,); None where all count the same
    outputs  number of outputs of a network for these targets
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    outputs: int

    def take(self, rows: Any) -> Self:
        """Return the rows of these numbers."""
        weights = self.weights
        if weights is not None:
            weights = weights[rows]
        return self._replace(x=self.x[rows], y=self.y[rows], weights=weights)

    @property
    def counts(self) -> np.ndarray:
        """Return the weights, or ones where all rows count the same."""
        if self.weights is None:
            return np.ones(len(self.x))
        return self.weights

    @property
    def mean_weight(self) -> float:
        """Return the mean of the weights."""
        return float(np.mean(self.counts))

    def filled(self, length: int) -> Self:
        """Return the rows filled up to a length: the first row is repeated without weight."""
        examples = len(self.x)
        first_row = np.zeros(length - examples, int)
        numbers = np.concatenate([np.arange(examples), first_row])
        no_weight = 0.0 * first_row
        weights = np.concatenate([self.counts, no_weight])
        return self.take(numbers)._replace(weights=weights)

    def cast(self, dtype: str) -> Self:
        """Return the rows in a dtype. Labels stay int32."""
        x = self.x.astype(dtype)
        has_labels = self.y.dtype == np.int32
        y = self.y if has_labels else self.y.astype(dtype)
        weights = self.weights
        if weights is not None:
            weights = weights.astype(dtype)
        return self._replace(x=x, y=y, weights=weights)


class Parts(NamedTuple):
    """Rows to train on, and rows that decide when training stops; None if there are none."""

    train: Rows
    validation: Rows | None

    @property
    def lengths(self) -> tuple[int, int]:
        """Return the number of rows of each part."""
        held_out = 0 if self.validation is None else len(self.validation.x)
        return len(self.train.x), held_out

    def filled(self, lengths: Sequence[int]) -> Self:
        """Return parts of these lengths, filled up with rows without weight."""
        train_length, validation_length = lengths
        train = self.train.filled(train_length)
        validation = self.validation
        if validation is not None:
            validation = validation.filled(validation_length)
        return type(self)(train, validation)

    def cast(self, dtype: str) -> Self:
        """Return both parts in a dtype."""
        train = self.train.cast(dtype)
        validation = self.validation
        if validation is not None:
            validation = validation.cast(dtype)
        return type(self)(train, validation)


def with_validation(rows: Rows, fraction: float, seed: int) -> Parts:
    """Hold out a fraction of the rows, with the same fraction of each class."""
    examples = len(rows.x)
    size = int(np.ceil(fraction * examples))
    if size < 2:
        raise ValueError(
            f"validation_fraction: {fraction} of {examples} rows holds out {size}, which are too "
            "few for a score; pass a larger one, more rows, or early_stopping=False."
        )
    if size >= examples:
        raise ValueError(
            f"validation_fraction: {fraction} of {examples} rows leaves none to train on; pass "
            "a smaller one, more rows, or early_stopping=False."
        )
    has_labels = rows.y.ndim == 1
    if has_labels:
        row_numbers = by_class(rows.y, 0, size, seed)
    else:
        row_numbers = at_random(examples, 0, size, seed)
    return Parts(rows.take(row_numbers.train), rows.take(row_numbers.validation))


def dataset_of(parts: Parts) -> Dataset:
    """Return a Dataset. One training row is the test split, and the validation split if none is.

    Splits are evaluated every epoch: one row takes no time.
    """
    train = parts.train
    one_row = train.take(slice(0, 1))
    validation = one_row if parts.validation is None else parts.validation
    return Dataset(
        Split(train.x, train.y),
        Split(validation.x, validation.y),
        Split(one_row.x, one_row.y),
        weights=_weights_of(parts),
    )


def _weights_of(parts: Parts) -> Weights | None:
    """Return the weights of the three splits; None where all training rows count the same."""
    train = parts.train.weights
    if train is None:
        return None
    one = np.ones_like(train[:1])
    if parts.validation is None:
        return Weights(train, one, one)
    return Weights(train, parts.validation.counts.astype(one.dtype), one)
