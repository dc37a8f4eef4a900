"""Targets of any type: what is a class, what an amount, and back to what they were."""

import numpy as np
import pytest

from fnn import data
from tests.data.tables import N, table

RNG = np.random.default_rng(0)


def test_real_targets_come_back_in_their_units():
    made = data.from_frame(table(), "price")
    found = np.concatenate([made.decode(split.y[:, None]) for split in made.splits.values()])
    np.testing.assert_allclose(np.sort(found), np.sort(table()["price"]), rtol=1e-6)


LABELS = {
    "text": np.array(["no", "yes"])[np.arange(N) % 2],
    "−1 and +1": np.where(np.arange(N) % 2, 1, -1),
    "1 to 4": 1 + np.arange(N) % 4,
    "booleans": np.arange(N) % 2 == 0,
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_come_back_as_they_were(labels):
    made = data.from_frame(table(label=labels), "label")
    classes = np.unique(labels)
    assert made.train.y.dtype == np.int32
    assert sorted(np.unique(made.train.y)) == list(range(len(classes)))
    for split in made.splits.values():
        decoded = made.decode(np.eye(len(classes))[split.y])
        assert decoded.dtype == classes.dtype
        np.testing.assert_array_equal(np.searchsorted(classes, decoded), split.y)


def test_text_labels_of_arrays():
    made = data.from_arrays(RNG.normal(size=(N, 2)), LABELS["text"])
    assert made.decode(np.eye(2)).tolist() == ["no", "yes"]
    digits = data.from_arrays(RNG.normal(size=(N, 2)), (np.arange(N) % 3).astype(str))
    assert digits.decode(np.eye(3)).tolist() == ["0", "1", "2"]


def test_several_targets():
    made = data.from_frame(table(), ["price", "size"])
    assert made.train.y.shape == (42, 2)
    both = made.decode(made.train.y)
    assert both[:, 0].min() > 1e5
    assert both[:, 1].max() < 10.1
    labels = {"a": np.arange(N) % 2 == 0, "b": np.arange(N) % 3 == 0, "x": np.linspace(0, 1, N)}
    several = data.from_frame(labels, ["a", "b"])
    np.testing.assert_array_equal(several.decode(several.train.y - 0.5), several.train.y > 0)


def test_whole_numbers_that_may_be_amounts_are_asked_about():
    amounts = table(price=np.arange(N) * 3)
    with pytest.raises(ValueError, match=r"'price' holds 60 different whole numbers.*task="):
        data.from_frame(amounts, "price")
    assert data.from_frame(amounts, "price", task="regression").encoding.units is not None


def test_targets_far_from_1_are_warned_of():
    x, y = RNG.normal(size=(N, 2)), 2e5 + 3e4 * RNG.normal(size=N)
    with pytest.warns(UserWarning, match=r"y: got targets of mean .*e\+05.*y = \(y - y.mean"):
        made = data.from_arrays(x, y)
    assert made.train.y.max() > 1e5
