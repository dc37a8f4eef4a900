"""Which rows learn, which choose, which report; and the weights that go with them."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from fnn import data
from fnn.data import own_arrays, parts
from tests.data.tables import N, table

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("seed", range(50))
def test_a_rare_class_is_in_the_training_rows(seed):
    labels = np.repeat(["common", "rare", "once"], [70, 29, 1])
    made = data.from_arrays(np.arange(100.0)[:, None], labels, seed=seed)
    assert set(np.unique(made.train.y)) == {0, 1, 2}
    assert [len(split.y) for split in made.splits.values()] == [70, 15, 15]
    for split in (made.validation, made.test):
        assert abs(np.mean(split.y == 2) - 0.29) < 0.06


def test_three_of_a_class_are_one_in_each_split():
    labels = np.repeat([0, 1], [57, 3])
    for seed in range(20):
        made = data.from_arrays(np.arange(60.0)[:, None], labels, seed=seed)
        assert [int((split.y == 1).sum()) for split in made.splits.values()] == [1, 1, 1]


def test_a_class_that_training_would_miss_is_refused_by_name():
    x = np.arange(30.0)[:, None]
    with pytest.raises(ValueError, match=r"30 classes, but 22 training examples.*as floats"):
        data.from_arrays(x, np.arange(30))
    late = np.repeat(["a", "b"], [28, 2])
    with pytest.raises(
        ValueError, match=r"class b has 2 example\(s\), none of them in the training"
    ):
        data.from_arrays(x, late, order=np.arange(30))


def test_no_group_is_in_two_splits():
    groups = np.repeat(np.arange(12), 5)
    made = data.from_frame(
        table(patient=groups, i=np.arange(N)), "price", groups="patient", standardize=False
    )
    assert "patient" not in made.encoding.feature_names
    place = made.encoding.feature_names.index("i")
    found = [set(groups[split.x[:, place].astype(int)]) for split in made.splits.values()]
    assert not found[0] & found[1]
    assert not found[1] & found[2]
    assert set.union(*found) == set(range(12))
    assert [len(split.x) for split in made.splits.values()] == [40, 10, 10]
    with pytest.raises(ValueError, match=r"groups: got 2 group\(s\), expected 3 at"):
        data.from_arrays(np.ones((N, 1)), np.arange(N) / N, groups=np.arange(N) % 2)


def test_the_latest_rows_are_the_test():
    time = RNG.permutation(N).astype("M8[D]")
    x = np.arange(float(N))[:, None]
    made = data.from_arrays(x, x / N, order=time, standardize=False)
    when = [time[split.x[:, 0].astype(int)] for split in made.splits.values()]
    assert when[0].max() < when[1].min()
    assert when[1].max() < when[2].min()


def test_parts_that_are_given_are_scaled_by_the_training_part():
    x = [RNG.normal(3, 2, size=(n, 2)) for n in (30, 10, 10)]
    y = [np.array(["a", "b"])[np.arange(len(part)) % 2] for part in x]
    made = data.from_splits(*zip(x, y, strict=True))
    expected = (x[2] - x[0].mean(axis=0)) / x[0].std(axis=0)
    np.testing.assert_allclose(made.test.x, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(made.scale(x[1]), made.validation.x, rtol=1e-6)
    y[1][0] = "c"
    with pytest.raises(ValueError, match="class c has 1 example"):
        data.from_splits(*zip(x, y, strict=True))
    with pytest.raises(ValueError, match=r"test.x: got 1 features, expected 2"):
        data.from_splits((x[0], x[0][:, 0]), (x[1], x[1][:, 0]), (x[2][:, :1], x[2][:, 0]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=6),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.integers(0, 5),
)
def test_every_row_is_in_one_split_and_every_class_in_training(counts, validation, test, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    sizes = round(test * len(labels)), round(validation * len(labels))
    try:
        split = parts.by_class(labels, *sizes, seed)
    except ValueError:  # too few rows for the classes
        assert min(counts) < 3 or len(counts) > len(labels) - sum(sizes)
        return
    rows = np.concatenate(split)
    assert sorted(rows) == list(range(len(labels)))
    assert (len(split.test), len(split.validation)) == sizes
    assert set(labels[split.train]) == set(labels)
    for of_test, count in zip(np.bincount(labels[split.test], minlength=9), counts, strict=False):
        assert abs(of_test - count * sizes[0] / len(labels)) <= len(counts) + 1


def test_weights_go_with_their_rows():
    weights = np.arange(N) + 1.0
    made = data.from_frame(
        table(w=weights, i=np.arange(N)), "price", weights="w", standardize=False
    )
    place = made.encoding.feature_names.index("i")
    for name, split in made.splits.items():
        np.testing.assert_array_equal(getattr(made.weights, name), split.x[:, place] + 1)
    with pytest.raises(
        ValueError, match=r"weights, row 0: got -1.0, expected a number of at least 0"
    ):
        data.from_arrays(np.ones((N, 1)), np.arange(N) / N, weights=-weights)
    with pytest.raises(ValueError, match=r"weights: all 9 of the .* rows are 0"):
        data.from_arrays(np.ones((N, 1)), np.arange(N) / N, weights=np.arange(N) == 0)


def test_class_weights():
    made = data.from_arrays(RNG.normal(size=(N, 2)), np.repeat(["a", "b"], [45, 15]))
    balanced = data.with_class_weights(made)
    by_class = [balanced.weights.train[made.train.y == k].sum() for k in (0, 1)]
    np.testing.assert_allclose(by_class[0], by_class[1], rtol=1e-5)
    by_name = data.with_class_weights(made, {"a": 1.0, "b": 3.0})
    np.testing.assert_allclose(by_name.weights.test, np.where(made.test.y == 1, 3, 1))
    twice = data.with_class_weights(by_name, {"a": 2.0, "b": 1.0})
    np.testing.assert_allclose(twice.weights.test, np.where(made.test.y == 1, 3, 2))
    with pytest.raises(ValueError, match=r"got the labels \['a'\], expected \['a', 'b'\]"):
        data.with_class_weights(made, {"a": 1.0})
    with pytest.raises(ValueError, match="class weights: got targets"):
        data.with_class_weights(data.from_frame(table(), "price"))


@pytest.mark.parametrize("seed", range(50))
def test_a_rare_class_of_a_frame_is_in_the_training_rows(seed):
    labels = np.repeat(["common", "rare", "once"], [70, 29, 1])
    made = data.from_frame({"x": np.arange(100.0), "y": labels}, "y", seed=seed)
    assert made.encoding.classes == ("common", "once", "rare")
    assert np.count_nonzero(made.train.y == 1) == 1
    assert [len(split.y) for split in made.splits.values()] == [70, 15, 15]


def test_equal_seeds_give_equal_stratified_splits():
    labels = np.arange(N) % 3
    x = np.arange(float(N))[:, None]
    first, again, other = (data.from_arrays(x, labels, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.train.x, again.train.x)
    assert not np.array_equal(first.train.x, other.train.x)


def test_without_strata_the_split_is_that_of_real_targets():
    x = np.arange(float(N))[:, None]
    plain = data.from_arrays(x, np.arange(N) % 2, stratify=False)
    np.testing.assert_array_equal(plain.test.x, data.from_arrays(x, np.arange(N) / N).test.x)


ORDERS = {
    "numbers": (np.arange(N)[::-1], None),
    "dates with a zone": (pd.date_range("2020-01-01", periods=N, tz="UTC")[::-1], None),
    "text": (np.arange(N).astype(str), "order: got text, which sorts by its letters"),
    "a missing date": (
        np.where(np.arange(N) == 3, np.datetime64("NaT", "D"), np.arange(N).astype("M8[D]")),
        "column 'order': 1 of 60 values are missing, the first in row 3",
    ),
    "dates with and without a zone": (
        [pd.Timestamp("2020"), pd.Timestamp("2020", tz="UTC")] * 30,
        "column 'order': got dates that cannot be compared",
    ),
    "a number": (5, "column 'order': got 5, expected one value each row"),
    "too few": (np.arange(3), r"order: got shape \(3,\), expected \(60,\)"),
}


@pytest.mark.parametrize("case", ORDERS)
def test_what_rows_are_ordered_by(case):
    order, message = ORDERS[case]
    x = np.arange(float(N))[:, None]
    if message:
        with pytest.raises(ValueError, match=message):
            data.from_arrays(x, x / N, order=order)
        return
    made = data.from_arrays(x, x / N, order=order, standardize=False)
    np.testing.assert_array_equal(np.sort(made.test.x[:, 0]), np.arange(9))  # reversed: the latest
    np.testing.assert_array_equal(np.sort(made.validation.x[:, 0]), np.arange(9, 18))


def test_groups_and_order_are_one_or_the_other():
    x = np.arange(float(N))[:, None]
    with pytest.raises(ValueError, match="groups, order: got both"):
        data.from_arrays(x, x / N, groups=np.arange(N) % 5, order=np.arange(N))


PATIENTS = np.array([f"p{k}" for k in np.arange(N) % 7])


@pytest.mark.parametrize("seed", range(10))
def test_no_group_of_any_type_is_in_two_splits(seed):
    x = np.arange(float(N))[:, None]
    made = data.from_arrays(x, x / N, groups=PATIENTS, seed=seed, standardize=False)
    found = [set(PATIENTS[split.x[:, 0].astype(int)]) for split in made.splits.values()]
    assert sum(map(len, found)) == 7
    assert all(found)


def parts_of_frames():
    frame = pd.DataFrame({"a": np.arange(N) / N, "b": np.arange(N) % 2 == 0})
    y = np.arange(N) / N
    return frame, y


def test_parts_that_are_frames_are_taken_by_name():
    frame, y = parts_of_frames()
    made = data.from_splits((frame, y), (frame[["b", "a"]], y), (frame, y))
    np.testing.assert_array_equal(made.validation.x, made.train.x)
    np.testing.assert_array_equal(made.encode(frame[["b", "a"]]), made.test.x)
    with pytest.raises(
        ValueError, match=r"test.x: got the columns \['a', 'c'\], expected \['a', 'b'"
    ):
        data.from_splits((frame, y), (frame, y), (frame.rename(columns={"b": "c"}), y))
    with pytest.raises(ValueError, match=r"test.x: got the columns of an array, expected \['a'"):
        data.from_splits((frame, y), (frame, y), (frame.to_numpy(float), y))
    with pytest.raises(ValueError, match=r"validation.x: column 'b' is a number, expected a boole"):
        data.from_splits((frame, y), (frame.astype(float), y), (frame, y))


def test_parts_that_are_refused_are_named():
    frame, y = parts_of_frames()
    wrong = np.where(np.arange(N) == 5, np.nan, y)
    with pytest.raises(ValueError, match=r"^test.y: 1 value\(s\) are not finite.*nan at \(5,\)"):
        data.from_splits((frame, y), (frame, y), (frame, wrong))
    with pytest.raises(ValueError, match=r"^validation.y: got \(60,\) int64, expected .* float64"):
        data.from_splits((frame, y), (frame, np.arange(N)), (frame, y))
    with pytest.raises(ValueError, match=r"^train: got ndarray, expected \(x, y\) or"):
        data.from_splits(y, (frame, y), (frame, y))
    with pytest.raises(ValueError, match="standardize: got 'no'"):
        data.from_splits((frame, y), (frame, y), (frame, y), standardize="no")


def test_splits_unpack_with_weights_too():
    x = np.arange(float(N))[:, None]
    made = data.from_arrays(x, x / N, weights=np.where(np.arange(N) % 2, 0.0, 2.0))
    features, targets = made.train
    assert len(features) == len(targets) == len(made.weights.train)
    nullable = pd.Series(np.arange(N) % 2 + 1).astype("Int64")
    assert data.from_arrays(x, x / N, weights=nullable).weights.test.dtype == np.float32
    for weights, message in (
        (np.full(N, np.nan), r"weights: 60 value\(s\) are not finite"),
        (np.zeros(N), "weights: expected numbers of at least 0, and one above 0"),
        (np.array(["a"] * N), "weights, row 0: got 'a', a text, expected a number of at least 0"),
        (np.arange(N).astype("M8[D]"), "weights, row 0: got '1970-01-01', a date"),
        (np.ones(3), r"weights: got shape \(3,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            data.from_arrays(x, x / N, weights=weights)


def test_the_rows_of_each_split_are_known():
    x = np.arange(60.0)[:, None]
    made = data.from_arrays(x, np.arange(60) % 2, standardize=False)
    for rows, split in zip(made.rows, made.splits.values(), strict=True):
        np.testing.assert_array_equal(split.x[:, 0], rows)
    table = data.from_frame({"x": x[:, 0], "y": x[:, 0] / 60}, "y", standardize=False)
    np.testing.assert_array_equal(table.test.x[:, 0], table.rows.test)


def test_a_class_that_a_split_lacks_is_shown():
    labels = np.repeat(["common", "rare"], [58, 2])
    shown = repr(data.from_arrays(np.arange(60.0)[:, None], labels))
    assert "has no example of rare" in shown
    assert "no example" not in repr(data.from_arrays(np.arange(60.0)[:, None], np.arange(60) % 2))


def test_a_label_that_no_training_row_has_gets_no_weight_of_another():
    made = data.from_arrays(np.arange(60.0)[:, None], np.arange(60) % 2 * 2)
    validation = made.validation._replace(y=np.ones_like(made.validation.y))
    with pytest.raises(ValueError, match="validation has the label 1, which no training row has"):
        data.with_class_weights(made._replace(validation=validation), {0: 1.0, 2: 9.0})


def test_whole_numbers_that_a_float_would_join_are_refused():
    columns = {"id": 2**60 + np.arange(60), "y": np.linspace(0, 1, 60)}
    with pytest.raises(ValueError, match=r"column 'id': got whole numbers beyond 2"):
        data.from_frame(columns, "y")
    columns["id"] = columns["id"] - 2**60
    assert len(np.unique(data.from_frame(columns, "y").train.x)) == 42


def test_parts_may_have_weights():
    x, y, w = RNG.normal(size=(N, 2)), np.arange(N) % 2, RNG.uniform(size=N)
    cuts = [slice(0, 30), slice(30, 45), slice(45, N)]
    made = data.from_splits(*((x[part], y[part], w[part]) for part in cuts))
    for split, part in zip(made.weights, cuts, strict=True):
        np.testing.assert_allclose(split, w[part], rtol=1e-6)
    with pytest.raises(ValueError, match="test: got 2 arrays, expected 3, as for train"):
        data.from_splits((x, y, w), (x, y, w), (x, y))
    with pytest.raises(
        ValueError, match=r"validation: got weights of shape \(5,\), expected \(60,\)"
    ):
        data.from_splits((x, y, w), (x, y, w[:5]), (x, y, w))


@pytest.mark.parametrize("seed", range(8))
def test_a_huge_group_stays_for_training(seed):
    x = np.arange(float(N))[:, None]
    groups = np.r_[np.zeros(50), np.arange(10) + 1]
    with pytest.warns(UserWarning, match="groups: got 50 for train, 5 for validation, 5 for test"):
        made = data.from_arrays(x, x / N, groups=groups, seed=seed)
    assert [len(rows) for rows in made.rows] == [50, 5, 5]


def test_of_huge_groups_the_smallest_is_taken():
    x = np.arange(float(N))[:, None]
    groups = np.repeat([0, 1, 2], [30, 20, 10])
    with pytest.warns(UserWarning, match="groups: got 30 for train, 20 for validation, 10 for"):
        made = data.from_arrays(x, x / N, groups=groups)
    assert [len(rows) for rows in made.rows] == [30, 20, 10]


@pytest.mark.parametrize("per_time", [2, 4, 5, 6])
def test_no_time_is_in_two_splits(per_time):
    x = np.arange(float(N))[:, None]
    times = np.arange(N) // per_time + np.datetime64("2020")
    made = data.from_arrays(x, x / N, order=times)
    found = [set(times[rows]) for rows in made.rows]
    assert max(found[0]) < min(found[1])
    assert max(found[1]) < min(found[2])
    assert all(abs(len(rows) - 9) <= per_time / 2 for rows in made.rows[1:])


def test_long_times_are_whole_and_warned_of():
    x = np.arange(float(N))[:, None]
    with pytest.warns(UserWarning, match="order: got 25 for train, 25 for validation, 10 for test"):
        made = data.from_arrays(x, x / N, order=np.arange(N) // 25)
    assert [set(rows // 25) for rows in made.rows] == [{0}, {1}, {2}]
    with pytest.raises(ValueError, match=r"order: got 2 different value.*expected 3.*from_splits"):
        data.from_arrays(x, x / N, order=np.arange(N) // 40)


WEIGHTS_OF_A_COLUMN = {
    "text": (["x"] * N, "column 'w', row 0: got 'x', a text, expected a number .*astype"),
    "below 0": (1.0 - (np.arange(N) == 7) * 3, "column 'w', row 7: got -2.0, expected a number of"),
}


@pytest.mark.parametrize("case", WEIGHTS_OF_A_COLUMN)
def test_weights_of_a_column_are_refused_by_row_and_value(case):
    weights, message = WEIGHTS_OF_A_COLUMN[case]
    with pytest.raises(ValueError, match=f"^weights: {message}"):
        data.from_frame(table(w=weights), "price", weights="w")


def test_weights_of_parts_are_refused_by_part():
    x, y, ones = np.ones((N, 1)), np.arange(N) / N, np.ones(N)
    with pytest.raises(ValueError, match=r"^test: weights, row 0: got -1.0, expected"):
        data.from_splits((x, y, ones), (x, y, ones), (x, y, -ones))


WITHOUT_WEIGHT = {
    "by order": ({"order": np.arange(N)}, "another weight, or ask for another fraction"),
    "of folds": ({"splits": KFold(12)}, "another weight, or take other folds"),
    "at random": ({"seed": 3}, "another weight, or draw the split with another seed"),
}


@pytest.mark.parametrize("case", WITHOUT_WEIGHT)
def test_a_split_without_weight_says_how_to_get_another(case):
    options, message = WITHOUT_WEIGHT[case]
    weights = np.where(np.arange(N) < 1, 1.0, 0.0)
    with pytest.raises(ValueError, match=f"weights: all .* rows are 0, .*{message}"):
        data.from_arrays(np.ones((N, 1)), np.arange(N) / N, weights=weights, **options)


UNUSED = {
    "test of folds": (
        {"test": 0.4, "splits": KFold(4)},
        "test: got 0.4 with folds, whose test row",
    ),
    "seed of order": (
        {"seed": 0, "order": np.arange(N)},
        "seed: got 0 with order=, by which nothi",
    ),
}


@pytest.mark.parametrize("case", UNUSED)
def test_what_would_mean_nothing_is_refused(case):
    options, message = UNUSED[case]
    with pytest.raises(ValueError, match=message):
        data.from_arrays(np.ones((N, 1)), np.arange(N) / N, **options)
    with pytest.raises(ValueError, match=message):
        data.from_frame(table(), "price", **options)


def test_rows_without_classes_are_split_alike_with_and_without_regard_to_them():
    x, y = RNG.normal(size=(100, 2)), RNG.normal(size=100)
    made, other = data.from_arrays(x, y), own_arrays.split_at_random(x, y)
    for name, split in made.splits.items():
        np.testing.assert_array_equal(split.x, other.splits[name].x)
        np.testing.assert_array_equal(split.y, other.splits[name].y)


@pytest.mark.parametrize(
    ("scale", "shift", "words"),
    [
        ([1.0, 1.0], [0.0, 0.0], None),
        ([1.0, 1.0], [0.0, -1e4], "mean 1e[+]04"),
        ([1.0, 1e4], [0.0, 0.0], r"standard deviation [\d.]+e[+]0[34]"),
        ([1.0, 1e-4], [0.0, 0.0], r"standard deviation [\d.]+e-0[45]"),
    ],
)
def test_targets_far_from_1_are_told(scale, shift, words):
    targets = np.random.default_rng(5).normal(size=(200, 2)) * scale + shift
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        own_arrays.warn_of_scale(targets)
    messages = [str(each.message) for each in told]
    assert bool(messages) == bool(words)
    if words:
        assert re.search(words, messages[0])
