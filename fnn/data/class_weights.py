"""How much the examples of each class count."""

from typing import Any

import numpy as np

from fnn import checks
from fnn.data.dataset import Dataset, Weights, shape
from fnn.data.numbers import as_float
from fnn.data.owned import own
from fnn.data.parts import is_labels


def with_class_weights(dataset: Dataset, weights: Any = "balanced") -> Dataset:
    """Return the dataset in which every example counts by its class, times the weight it has.

    weights  {label: weight}, labels as they were given; or "balanced": n/(classes · n of the class)
             of the training rows, so that every class counts as much as any other

    They count in training, validation and test. Raises ValueError for targets that are no labels,
    and for labels that are missing from `weights` or from the training rows.
    """
    if not is_labels(dataset.train.y):
        raise ValueError(
            f"class weights: got targets {shape(dataset.train.y)}, expected class labels "
            "(examples,)."
        )
    labels, counts = np.unique(dataset.train.y, return_counts=True)
    classes = np.array(dataset.preprocessing.classes)
    known = (classes[labels] if len(classes) else labels).tolist()
    if isinstance(weights, str):
        checks.lookup("class weights", weights, {"balanced": None})
        by_label = counts.sum() / (len(labels) * counts)
    else:
        missing = [name for name in known if name not in weights]
        extra = [name for name in weights if name not in known]
        if missing or extra:
            raise ValueError(
                f"class weights: got the labels {list(weights)}, expected {known}, those of the "
                "training rows."
            )
        by_label = np.array([weights[name] for name in known], np.float64)
    found = []
    for name, split in dataset.splits.items():
        before = 1.0 if dataset.weights is None else getattr(dataset.weights, name)
        place = np.minimum(np.searchsorted(labels, split.y), len(labels) - 1)
        unknown = np.setdiff1d(split.y, labels)
        if len(unknown):
            raise ValueError(
                f"class weights: {name} has the label {unknown[0]}, which no training row has."
            )
        counts_of = as_float("weights", by_label[place] * before)
        checks.weights(counts_of, len(split.y), f"class weights of {name}")
        found.append(counts_of)
    return dataset._replace(weights=Weights(*map(own, found)))
