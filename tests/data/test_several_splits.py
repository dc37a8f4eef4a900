"""Several splits of the same rows."""

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

from fnn import data
from tests.data.tables import N, table

X = np.arange(103.0)[:, None]
LABELS = np.arange(103) % 3
REAL = np.linspace(-1, 1, 103)


def test_a_number_of_splits_are_those_of_as_many_seeds():
    several = data.from_arrays(X, LABELS, splits=3, seed=5)
    assert isinstance(several, list)
    for number, made in enumerate(several):
        alone = data.from_arrays(X, LABELS, seed=5 + number)
        for mine, other in zip(made.rows, alone.rows, strict=True):
            np.testing.assert_array_equal(mine, other)
        np.testing.assert_array_equal(made.train.x, alone.train.x)


@pytest.mark.parametrize("splitter", [KFold(5), StratifiedKFold(5), KFold(7, shuffle=True)])
def test_each_row_is_tested_once_in_folds(splitter):
    folds = data.from_arrays(X, LABELS, splits=splitter)
    tested = np.concatenate([fold.rows.test for fold in folds])
    np.testing.assert_array_equal(np.sort(tested), np.arange(103))
    for fold in folds:
        together = np.concatenate(fold.rows)
        np.testing.assert_array_equal(np.sort(together), np.arange(103))
        assert len(fold.rows.validation) == round(0.15 * 103)
        assert set(fold.train.y) == set(fold.validation.y) == {0, 1, 2}


def test_folds_by_groups_and_by_time():
    groups = np.arange(103) // 5
    for fold in data.from_arrays(X, REAL, groups=groups, splits=GroupKFold(4)):
        found = [set(groups[rows]) for rows in fold.rows]
        assert not found[0] & found[1]
        assert not found[0] & found[2]
        assert not found[1] & found[2]
    for fold in data.from_arrays(X, REAL, order=np.arange(103), splits=TimeSeriesSplit(4)):
        assert fold.rows.train.max() < fold.rows.validation.min()
        assert fold.rows.validation.max() < fold.rows.test.min()


def test_folds_that_leak_are_refused():
    groups = np.arange(103) // 5
    with pytest.raises(ValueError, match=r"split 0 has the group .* such as GroupKFold"):
        data.from_arrays(
            X, REAL, groups=groups, splits=[(np.arange(1, 103, 2), np.arange(0, 103, 2))]
        )
    turned = np.arange(103)[::-1]
    with pytest.raises(ValueError, match="split 0 tests rows that come before others"):
        data.from_arrays(X, REAL, order=turned, splits=TimeSeriesSplit(4))
    with pytest.raises(ValueError, match="got the class KFold, expected KFold"):
        data.from_arrays(X, REAL, splits=KFold)


def test_folds_of_frames_scale_by_their_own_training_rows():
    folds = data.from_frame(table(), "price", splits=KFold(4))
    assert len({float(fold.encoding.units.mean) for fold in folds}) == 4
    for fold in folds:
        np.testing.assert_allclose(fold.train.y.mean(), 0, atol=1e-6)
    weighted = data.from_frame(table(), "price", splits=KFold(4), weights=np.arange(1.0, N + 1))
    for fold in weighted:
        np.testing.assert_array_equal(fold.weights.test, fold.rows.test + 1)


@pytest.mark.parametrize(
    ("splits", "match"),
    [
        (0, "splits: got 0, expected"),
        (True, "splits: got True, expected a number"),
        ("5", "splits: got '5', expected a number"),
        ([], "splits: got none"),
        ([1, 2], "split 0 is 1, expected"),
        ([([0, 1, 2], [2, 3])], "split 0 has row 2 in the test rows and in the others"),
        ([([0, 1, 1], [3])], "split 0 has a row twice"),
        ([([0, 1], [200])], "split 0 has list .* expected row numbers from 0 to 102"),
        ([([0, 1], [])], "split 0 has list"),
        ([([0.0, 1.0], [2])], "split 0 has list"),
        ([([0, 1, 2, 3], [4])], "split 0 leaves 4 rows .* more than the 15 of the validation"),
    ],
)
def test_refusals(splits, match):
    with pytest.raises(ValueError, match=match):
        data.from_arrays(X, REAL, splits=splits)


def test_more_refusals():
    letters = np.sort(np.array(["a", "b", "c"])[np.arange(103) % 3])
    with pytest.raises(ValueError, match="order: got text, which sorts by its letters"):
        data.from_arrays(X, REAL, splits=[(np.arange(40), np.arange(80, 103))], order=letters)
    with pytest.raises(ValueError, match="splits: got 3 with order="):
        data.from_arrays(X, REAL, splits=3, order=np.arange(103))
    with pytest.raises(ValueError, match=r"validation: got 0\.001, expected a fraction"):
        data.from_arrays(X, REAL, splits=KFold(3), validation=0.001)
    late = np.repeat(["a", "b"], [90, 13])
    with pytest.raises(ValueError, match=r"class b has 13 example\(s\), none of them in the train"):
        data.from_arrays(X, late, splits=[(np.arange(90), np.arange(90, 103))])


def test_a_mask_is_row_numbers_too():
    held_out = np.arange(103) % 4 == 0
    (made,) = data.from_arrays(X, REAL, splits=[(~held_out, held_out)])
    np.testing.assert_array_equal(made.rows.test, np.flatnonzero(held_out))


def test_folds_that_share_a_time_are_refused():
    with pytest.raises(ValueError, match=r"split 0 has rows of 2 in the test rows and in the oth"):
        data.from_arrays(X, REAL, order=np.arange(103) // 10, splits=TimeSeriesSplit(3))
    pairs = [(np.arange(60), np.arange(60, 103))]
    (made,) = data.from_arrays(X, REAL, order=np.arange(103) // 10, splits=pairs)
    years = [set(rows // 10) for rows in made.rows]
    assert max(years[0]) < min(years[1])
    assert max(years[1]) < min(years[2])
