"""Weight the examples by their class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fnn import checks
from fnn.data.dataset import Dataset, Weights, shape
from fnn.data.numbers import as_float
from fnn.data.owned import own
from fnn.data.parts import is_labels


def with_class_weights(dataset: Dataset, weights: Any = "balanced") -> Dataset:
    """Return the dataset in which each example counts by its class.

    dataset  of class labels; its own weights are multiplied
    weights  {label: weight}, the labels as they came; or "balanced", so that all classes count
             equally: each class has the weight

                 n / (classes · n of the class)

             where n counts the training rows

    The weights hold in training, validation and test.

    Raises ValueError for targets that are no labels, and for labels that are missing from `weights`
    or from the training rows.

    >>> from fnn import data
    >>> dataset = data.with_class_weights(data.load("xor"), {0: 1.0, 1: 3.0})
    >>> dataset.weights.train
    array([1., 3., 3., 1.], dtype=float32)
    """
    if not is_labels(dataset.train.y):
        raise ValueError(
            f"class weights: got targets {shape(dataset.train.y)}, expected class labels "
            "(examples,)."
        )
    labels, counts = np.unique(dataset.train.y, return_counts=True)
    if isinstance(weights, str):
        checks.lookup("class weights", weights, {"balanced": None})
        by_label = counts.sum() / (len(labels) * counts)
    else:
        names = labels
        classes = np.array(dataset.preprocessing.classes)
        if len(classes):
            names = classes[labels]
        by_label = _by_label(weights, names.tolist())
    weighted = []
    for name, split in dataset.splits.items():
        unknown = np.setdiff1d(split.y, labels)
        if len(unknown):
            raise ValueError(
                f"class weights: {name} has the label {unknown[0]}, which no training row has."
            )
        place = np.searchsorted(labels, split.y)
        of_split = by_label[place]
        if dataset.weights is not None:
            of_split = of_split * getattr(dataset.weights, name)
        of_split = as_float("weights", of_split)
        checks.weights(of_split, len(split.y), f"class weights of {name}")
        weighted.append(own(of_split))
    return dataset._replace(weights=Weights(*weighted))


def _by_label(weights: Mapping[Any, float], names: Sequence[Any]) -> np.ndarray:
    """Return the weight of each label. Raises ValueError for other labels than `names`."""
    if set(weights) != set(names):
        raise ValueError(
            f"class weights: got the labels {list(weights)}, expected {names}, those of the "
            "training rows."
        )
    return np.array([weights[name] for name in names], np.float64)
