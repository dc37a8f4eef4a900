"""Splits that are evaluated together, and those that are not."""

import numpy as np
import pytest

from fnn.data import Split
from fnn.runs import evaluate
from fnn.runs.evaluate import held_out


def splits(rows, dtypes=(np.float32, np.float32)):
    named = zip(("validation", "test"), rows, dtypes, strict=True)
    return {
        name: Split(np.arange(3.0 * n).reshape(n, 3).astype(dtype), np.arange(n))
        for name, n, dtype in named
    }


def test_small_splits_are_joined_in_their_order():
    made = splits((2, 4))
    weights = {"validation": np.array([1.0, 2.0]), "test": np.arange(4.0)}
    (joined,) = held_out(made, weights)
    assert joined.sizes == {"validation": 2, "test": 4}
    np.testing.assert_array_equal(joined.examples.x[:2], made["validation"].x)
    np.testing.assert_array_equal(joined.examples.x[2:], made["test"].x)
    np.testing.assert_array_equal(joined.examples.y, [0, 1, 0, 1, 2, 3])
    np.testing.assert_array_equal(joined.weights, [1, 2, 0, 1, 2, 3])


@pytest.mark.parametrize(
    "made", [splits((2, 4), (np.float32, np.float16)), splits((2, 5))], ids=["dtypes", "large"]
)
def test_other_splits_stay_apart(monkeypatch, made):
    monkeypatch.setattr(evaluate, "CHUNK", 6)
    apart = held_out(made, {"test": np.ones(len(made["test"].y))})
    assert [each.sizes for each in apart] == [{n: len(s.y)} for n, s in made.items()]
    assert [each.weights is None for each in apart] == [True, False]
    for each, split in zip(apart, made.values(), strict=True):
        assert each.examples is split
