"""Weight the examples by their class."""

import numbers
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np

from fnn import checks
from fnn.data.dataset import Dataset, Weights, shape
from fnn.data.numbers import as_float
from fnn.data.owned import own
from fnn.data.parts import check_class_totals, is_labels

BALANCED = "balanced"


@overload
def with_class_weights(dataset: Dataset, weights: Any = BALANCED) -> Dataset: ...


@overload
def with_class_weights(dataset: Sequence[Dataset], weights: Any = BALANCED) -> list[Dataset]: ...


def with_class_weights(
    dataset: Dataset | Sequence[Dataset], weights: Any = BALANCED
) -> Dataset | list[Dataset]:
    """Return the dataset in which each example counts by its class.

    dataset  of class labels; its own weights are multiplied. A list of Datasets, which splits=
             makes, gives a list
    weights  {label: weight}, the labels as they came; or "balanced", so that all classes count
             equally: each class has the weight

                 n / (classes · n of the class)

             where n is the sum of the dataset's own weights over the training rows; without
             weights it counts them

    The weights hold in training, validation and test.

    Raises ValueError for targets that are no labels, for labels that are missing from `weights` or
    from the training rows, and for a class of which all training weights are 0.

    >>> from fnn import data
    >>> dataset = data.with_class_weights(data.load("xor"), {0: 1.0, 1: 3.0})
    >>> dataset.weights.train
    array([1., 3., 3., 1.], dtype=float32)
    """
    if isinstance(dataset, Dataset):
        return _weighted(dataset, weights)
    if not isinstance(dataset, (list, tuple)) or not dataset:
        raise _no_dataset(dataset)
    datasets = []
    for each in dataset:
        if not isinstance(each, Dataset):
            raise _no_dataset(each)
        datasets.append(_weighted(each, weights))
    return datasets


def _no_dataset(got: Any) -> ValueError:
    """Return the refusal of an object that is no Dataset."""
    return ValueError(
        f"class weights: got {type(got).__name__}, expected a Dataset or a list of them; make one "
        "with fnn.data.from_arrays."
    )


def _weighted(dataset: Dataset, weights: Any) -> Dataset:
    """Return one dataset in which each example counts by its class."""
    y = dataset.train.y
    if not is_labels(y):
        raise ValueError(
            f"class weights: got targets {shape(y)}, expected class labels (examples,). Amounts "
            "have no classes; pass weights= for each example to from_arrays or from_frame."
        )
    own_weights = np.ones(len(y))
    if dataset.weights is not None:
        own_weights = np.asarray(dataset.weights.train, np.float64)
    classes = dataset.preprocessing.classes
    check_class_totals(y, own_weights, classes)
    labels = np.unique(y)
    if isinstance(weights, str):
        checks.lookup("class weights", weights, {BALANCED: None})
        by_label = _balanced(y, own_weights)
    else:
        names = labels.tolist()
        if classes:
            names = [classes[label] for label in names]
        by_label = _by_label(weights, names)
    check_class_totals(y, by_label[np.searchsorted(labels, y)], classes)
    weighted = []
    for name in dataset.splits:
        of_split = _of_split(dataset, name, labels, by_label)
        weighted.append(own(of_split))
    return dataset._replace(weights=Weights(*weighted))


def _balanced(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weight of each label, in sorted order, by which all have the same total.

    labels   of the training rows
    weights  of the training rows
    """
    distinct, codes = np.unique(labels, return_inverse=True)
    totals = np.bincount(codes.reshape(-1), weights)
    return totals.sum() / (len(distinct) * totals)


def _by_label(weights: Any, names: Sequence[Any]) -> np.ndarray:
    """Return the weight of each label.

    Raises ValueError for anything but a dict of numbers, and for other labels than `names`.
    """
    if not isinstance(weights, Mapping):
        raise ValueError(
            f"class weights: got {weights!r}, expected a dict such as "
            f'{dict.fromkeys(names[:2], 1.0)}, label by weight, or "{BALANCED}".'
        )
    if set(weights) != set(names):
        raise ValueError(
            f"class weights: got the labels {list(weights)}, expected {names}, those of the "
            "training rows."
        )
    for name, weight in weights.items():
        is_number = isinstance(weight, numbers.Real) and not isinstance(weight, bool)
        if not is_number or not 0 <= weight < np.inf:
            raise ValueError(
                f"class weights: got {weight!r} for the label {name!r}, expected a number of at "
                "least 0."
            )
    return np.array([weights[name] for name in names], np.float64)


def _of_split(dataset: Dataset, name: str, labels: np.ndarray, by_label: np.ndarray) -> np.ndarray:
    """Return the weights of the examples of a split.

    labels    of the training rows, each once, sorted
    by_label  the weight of each of them

    Raises ValueError for a label that no training row has.
    """
    y = dataset.splits[name].y
    unknown = np.setdiff1d(y, labels)
    if len(unknown):
        raise ValueError(
            f"class weights: {name} has the label {unknown[0]}, which no training row has."
        )
    place = np.searchsorted(labels, y)
    of_split = by_label[place]
    if dataset.weights is not None:
        of_split = of_split * getattr(dataset.weights, name)
    of_split = as_float("weights", of_split)
    checks.weights(of_split, len(y), f"class weights of {name}")
    return of_split
