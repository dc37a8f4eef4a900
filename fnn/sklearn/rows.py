"""Rows of scikit-learn as Datasets of fnn."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from fnn.data import Dataset, Split, Weights
from fnn.data.parts import at_random, by_class


class Rows(NamedTuple):
    """What is trained on.

    x        (examples, features)
    y        (examples,) int32 labels, or (examples, outputs) floats
    weights  (examples,), None where all count the same
    outputs  how many a network for them has
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None
    outputs: int

    def take(self, rows: Any) -> Self:
        """Return some of them."""
        weights = None if self.weights is None else self.weights[rows]
        return self._replace(x=self.x[rows], y=self.y[rows], weights=weights)

    @property
    def counts(self) -> np.ndarray:
        """Return the weights, ones where all count the same."""
        return np.ones(len(self.x)) if self.weights is None else self.weights

    @property
    def mean_weight(self) -> float:
        """Return by how many rows a row counts on average."""
        return float(np.mean(self.counts))

    def filled(self, length: int) -> Self:
        """Return so many rows: the first one is repeated without weight."""
        missing = np.zeros(length - len(self.x), int)
        longer = self.take(np.concatenate([np.arange(len(self.x)), missing]))
        return longer._replace(weights=np.concatenate([self.counts, 0.0 * missing]))

    def cast(self, dtype: str) -> Self:
        """Return them in a dtype; labels stay whole."""
        y = self.y if self.y.dtype == np.int32 else self.y.astype(dtype)
        weights = None if self.weights is None else self.weights.astype(dtype)
        return self._replace(x=self.x.astype(dtype), y=y, weights=weights)


class Parts(NamedTuple):
    """The rows to train on, and those to stop by; None: there are none."""

    train: Rows
    validation: Rows | None

    @property
    def lengths(self) -> tuple[int, int]:
        """Return how many rows each part has."""
        return len(self.train.x), 0 if self.validation is None else len(self.validation.x)

    def filled(self, lengths: Sequence[int]) -> Self:
        """Return parts of these lengths, filled up with rows of no weight."""
        validation = None if self.validation is None else self.validation.filled(lengths[1])
        return type(self)(self.train.filled(lengths[0]), validation)

    def cast(self, dtype: str) -> Self:
        """Return them in a dtype."""
        validation = None if self.validation is None else self.validation.cast(dtype)
        return type(self)(self.train.cast(dtype), validation)


def with_validation(rows: Rows, fraction: float, seed: int) -> Parts:
    """Hold out a share of the rows, each class with its share."""
    size = max(1, round(fraction * len(rows.x)))
    if size >= len(rows.x):
        raise ValueError(
            f"validation_fraction: {fraction} of {len(rows.x)} rows leaves none to train on; pass "
            "a smaller one, more rows, or early_stopping=False."
        )
    if rows.y.ndim == 1:
        parts = by_class(rows.y, 0, size, seed)
    else:
        parts = at_random(len(rows.x), 0, size, seed)
    return Parts(rows.take(parts.train), rows.take(parts.validation))


def dataset_of(parts: Parts) -> Dataset:
    """Return a Dataset; where nothing is held out, one training row stands for it.

    Splits are evaluated every epoch: one row takes no time.
    """
    train, last = parts.train, parts.train.take(slice(0, 1))
    held_out = last if parts.validation is None else parts.validation
    weights = None
    if train.weights is not None:
        one = np.ones_like(train.weights[:1])
        held = one if parts.validation is None else held_out.counts.astype(one.dtype)
        weights = Weights(train.weights, held, one)
    learned, chosen, reported = (Split(each.x, each.y) for each in (train, held_out, last))
    return Dataset(learned, chosen, reported, weights=weights)
