"""Classes that count by their weights: equally, as asked, or refused by name."""

import numpy as np
import pytest

from fnn import data
from tests.data.tables import N, table

X = np.random.default_rng(0).normal(size=(N, 2))
LABELS = np.array(["no", "yes"])[np.arange(N) % 2]
RARE = np.where(np.arange(N) % 5 == 0, 1, 0)
NEVER_YES = np.where(LABELS == "yes", 0.0, 2.0)


def class_totals(made):
    return [float(made.weights.train[made.train.y == label].sum()) for label in (0, 1)]


def weighted_parts(x, y, weights):
    cuts = [slice(0, 30), slice(30, 45), slice(45, N)]
    return data.from_splits(*((x[part], y[part], weights[part]) for part in cuts))


UNLEARNED = {
    "arrays": lambda: data.from_arrays(X, LABELS, weights=NEVER_YES),
    "a table": lambda: data.from_frame(table(y=LABELS, w=NEVER_YES), "y", weights="w"),
    "parts": lambda: weighted_parts(X, LABELS, NEVER_YES),
    "classes": lambda: data.with_class_weights(
        data.from_arrays(X, LABELS), {"no": 1.0, "yes": 0.0}
    ),
}


@pytest.mark.parametrize("make", UNLEARNED.values(), ids=UNLEARNED)
def test_a_class_without_weight_is_refused_by_name(make):
    with pytest.raises(ValueError, match=r"weights: class yes has \d+ training row.*above 0, or"):
        make()


def test_a_class_of_a_number_without_weight_is_refused():
    with pytest.raises(ValueError, match="weights: class 1 has"):
        data.from_arrays(X, RARE, weights=1.0 - RARE)


def test_balanced_classes_have_equal_totals_of_their_own_weights():
    own = np.where(np.arange(N) % 2, 1.0, 10.0)
    made = data.from_arrays(X, RARE, weights=own)
    first, second = class_totals(data.with_class_weights(made))
    np.testing.assert_allclose(first, second, rtol=1e-5)
    np.testing.assert_allclose(first + second, made.weights.train.sum(), rtol=1e-5)


def test_each_of_several_splits_is_weighted():
    several = data.with_class_weights(data.from_arrays(X, RARE, splits=3))
    assert len(several) == 3
    for made in several:
        first, second = class_totals(made)
        np.testing.assert_allclose(first, second, rtol=1e-5)


WEIGHTS = {
    "none": (None, r"got None, expected a dict such as .*'no': 1.0.* or \"balanced\""),
    "a number": (2.0, "got 2.0, expected a dict"),
    "a list": ([1.0, 2.0], r"got \[1.0, 2.0\], expected a dict"),
    "a text": ({"no": "a", "yes": 1.0}, "got 'a' for the label 'no', expected a number"),
    "a truth": ({"no": True, "yes": 1.0}, "got True for the label 'no'"),
    "below 0": ({"no": -1.0, "yes": 1.0}, "got -1.0 for the label 'no', .* at least 0"),
    "not a number": ({"no": 1.0, "yes": np.nan}, "got nan for the label 'yes'"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_are_refused(case):
    weights, message = WEIGHTS[case]
    with pytest.raises(ValueError, match=f"class weights: {message}"):
        data.with_class_weights(data.from_arrays(X, LABELS), weights)


@pytest.mark.parametrize("wrong", [None, X, [], [X], "xor"])
def test_what_is_no_dataset_is_refused(wrong):
    with pytest.raises(ValueError, match="expected a Dataset or a list of them; make one"):
        data.with_class_weights(wrong)
