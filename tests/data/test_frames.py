"""Tables as people have them: frames, targets of any type, splits, and back to the user's terms."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn import data
from fnn.data import parts

RNG = np.random.default_rng(0)
N = 60
COLOURS = np.array(["red", "green", "blue"])


def table(**more):
    columns = {
        "size": np.linspace(0, 10, N),
        "rooms": np.arange(N) % 5,
        "new": np.arange(N) % 2 == 0,
        "colour": COLOURS[np.arange(N) % 3],
        "price": 2e5 + 3e4 * np.sin(np.arange(N)),
    }
    return columns | more


FRAMES = {
    "pandas": lambda: pd.DataFrame(table()),
    "pandas categories": lambda: pd.DataFrame(table()).astype({"colour": "category"}),
    "pandas nullable": lambda: pd.DataFrame(table()).convert_dtypes(),
    "polars": lambda: pytest.importorskip("polars").DataFrame(table()),
    "pyarrow": lambda: pytest.importorskip("pyarrow").table(table()),
    "a dict": table,
    "a list of dicts": lambda: pd.DataFrame(table()).to_dict("records"),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_a_frame_of_mixed_columns(make):
    frame = make()
    made = data.from_frame(frame, "price")
    assert made.encoding.feature_names == [
        "size",
        "rooms",
        "new",
        "colour=blue",
        "colour=green",
        "colour=red",
    ]
    assert [len(split.x) for split in made.splits.values()] == [42, 9, 9]
    np.testing.assert_allclose(made.train.x[:, :2].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(made.train.x[:, :2].std(axis=0), 1, rtol=1e-6)
    assert set(np.unique(made.train.x[:, 2:])) == {0.0, 1.0}
    np.testing.assert_allclose(made.train.y.std(), 1, rtol=1e-6)
    rows = {name: values[:3] for name, values in table().items() if name != "price"}
    x = made.encode(rows)
    all_rows = np.concatenate([split.x for split in made.splits.values()])
    for row in x:
        assert np.any(np.all(np.isclose(all_rows, row, atol=1e-6), axis=1))
    reordered = dict(reversed(rows.items()))
    np.testing.assert_array_equal(made.encode(reordered), x)


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


REFUSED = {
    "a missing number": (
        table(size=np.where(np.arange(N) == 7, np.nan, 1.0)),
        r"column 'size': 1 of 60 values are missing, the first in row 7\..*SimpleImputer",
    ),
    "a missing text": (
        table(colour=[None if i == 5 else "red" for i in range(N)]),
        r"column 'colour': 1 of 60 values are missing, the first in row 5",
    ),
    "pandas NA": (
        pd.DataFrame(table()).convert_dtypes().assign(rooms=pd.array([1, None] * 30, "Int64")),
        r"column 'rooms': 30 of 60 values are missing, the first in row 1",
    ),
    "a question mark": (
        table(size=["?" if i == 17 else str(i) for i in range(N)]),
        r"column 'size', row 17: got '\?' in a column of numbers written as text",
    ),
    "numbers as text": (table(size=[str(i) for i in range(N)]), "column 'size': every value is a"),
    "dates": (
        table(day=np.arange(N).astype("M8[D]")),
        r"column 'day': got dates .*expected numbers.*days since",
    ),
    "dates of pandas": (
        pd.DataFrame(table()).assign(day=pd.date_range("2020-01-01", periods=N)),
        "column 'day': got dates",
    ),
    "objects": (
        table(size=[[1] if i == 2 else 1.0 for i in range(N)]),
        r"column 'size', row 2: got \[1\] of type list",
    ),
    "numbers and texts": (
        table(size=["big" if i == 2 else 1.0 for i in range(N)]),
        r"column 'size', row 2: got 'big' among values of type float",
    ),
    "infinity": (
        table(size=np.where(np.arange(N) == 3, np.inf, 1.0)),
        "column 'size', row 3: got inf, expected finite",
    ),
    "a name twice": (
        pd.DataFrame(np.ones((N, 3)), columns=["price", "a", "a"]),
        "column 'a' stands twice",
    ),
    "no column": ({}, "a table without columns"),
    "no row": ({"size": [], "price": []}, "a table without rows"),
    "one row": ({"size": [1.0], "price": [2.0]}, "leave none for"),
    "unequal lengths": (table(size=np.ones(3)), "columns of lengths"),
    "an array": (np.ones((N, 3)), "got ndarray, expected a frame"),
    "no feature": ({"price": np.linspace(0, 1, N)}, "no column is left as a feature"),
    "no such target": ({"prize": np.ones(N), "size": np.ones(N)}, "did you mean 'prize'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_by_name(case):
    frame, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        data.from_frame(frame, "price")


def test_new_rows_are_held_against_the_columns_of_training():
    made = data.from_frame(table(), "price")
    row = {"size": [1.0], "rooms": [2], "new": [True], "colour": ["red"]}
    for change, message in (
        ({"colour": ["pink"]}, "column 'colour', row 0: got 'pink', which is not among the 3"),
        ({"new": [1.5]}, "column 'new', row 0: got '1.5', a number, expected a boolean"),
        ({"size": ["big"]}, "column 'size', row 0: got 'big', a text, expected a number"),
        ({"sise": [1.0]}, r"column\(s\) sise unknown; expected size"),
    ):
        with pytest.raises(ValueError, match=message):
            made.encode(row | change)
    del row["rooms"]
    with pytest.raises(ValueError, match=r"column\(s\) rooms missing"):
        made.encode(row)
    with pytest.raises(ValueError, match="got ndarray, expected the columns size, rooms"):
        made.encode(np.ones((1, 4)))


def test_whole_numbers_that_may_be_amounts_are_asked_about():
    amounts = table(price=np.arange(N) * 3)
    with pytest.raises(ValueError, match=r"'price' holds 60 different whole numbers.*task="):
        data.from_frame(amounts, "price")
    assert data.from_frame(amounts, "price", task="regression").encoding.units is not None


# ------------------------------------------------------------------------------- frames as arrays


def test_frames_of_numbers_and_booleans_are_taken_as_arrays():
    frame = pd.get_dummies(
        pd.DataFrame({"size": np.linspace(0, 1, N), "colour": table()["colour"]})
    )
    y = pd.DataFrame({"y": np.arange(N) % 2})
    made = data.from_arrays(frame, y, standardize=False)
    assert made.train.x.shape == (42, 4)
    assert made.train.y.dtype == np.int32
    nullable = pd.DataFrame({"a": pd.array(range(N), "Int64"), "b": np.linspace(0, 1, N)})
    assert data.from_arrays(nullable, pd.array(np.arange(N) % 2, "Int64")).train.x.shape == (42, 2)
    objects = np.array([[1, True], [2.5, False]] * 30, object)
    assert data.from_arrays(objects, np.arange(N) % 2, standardize=False).train.x.max() == 2.5
    with pytest.raises(
        ValueError, match=r"x: column 'colour', row 0: got 'red', a text.*from_frame"
    ):
        data.from_arrays(pd.DataFrame(table()), np.arange(N) % 2)


def test_targets_far_from_1_are_warned_of():
    x, y = RNG.normal(size=(N, 2)), 2e5 + 3e4 * RNG.normal(size=N)
    with pytest.warns(UserWarning, match=r"y: got targets of mean .*e\+05.*y = \(y - y.mean"):
        made = data.from_arrays(x, y)
    assert made.train.y.max() > 1e5


# ------------------------------------------------------------------------------------------ splits


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
    with pytest.raises(ValueError, match=r"groups: got 2 group\(s\), expected three"):
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


# ----------------------------------------------------------------------------------------- weights


def test_weights_go_with_their_rows():
    weights = np.arange(N) + 1.0
    made = data.from_frame(
        table(w=weights, i=np.arange(N)), "price", weights="w", standardize=False
    )
    place = made.encoding.feature_names.index("i")
    for name, split in made.splits.items():
        np.testing.assert_array_equal(getattr(made.weights, name), split.x[:, place] + 1)
    with pytest.raises(ValueError, match=r"weights: expected numbers of at least 0"):
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


# ------------------------------------------------------------------------------------ any frame

NAMES = st.text("abcé漢", min_size=1, max_size=3)
VALUES = st.one_of(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=30),
    st.lists(st.text("xyzü", min_size=0, max_size=2), min_size=1, max_size=30),
    st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=2)), min_size=1, max_size=30),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5), st.integers(1, 30), st.data())
def test_any_table_is_taken_rightly_or_refused(columns, rows, drawn):
    """Never silently wrong: features give back the values of their rows."""
    columns = {name: (30 * values)[:rows] for name, values in columns.items()}
    target = drawn.draw(st.sampled_from(sorted(columns)))
    try:
        made = data.from_frame(columns, target)
    except ValueError:  # the refusals have tests of their own
        return
    encoding = made.encoding
    assert sum(len(split.x) for split in made.splits.values()) == rows
    x = made.encode({name: values for name, values in columns.items() if name != target})
    raw = x * encoding.scaling.std + encoding.scaling.mean
    start = 0
    for column in encoding.columns:
        width = len(column.features)
        part = raw[:, start : start + width]
        values = columns[column.name]
        if column.kind == "category":
            assert [column.categories[k] for k in part.argmax(axis=1)] == values
        else:
            values = np.array(values, float)
            slack = 1e-5 * np.max(np.abs(values)) + 1e-6  # of float32 features
            np.testing.assert_allclose(part[:, 0], values, rtol=1e-4, atol=slack)
        start += width


def test_ten_thousand_categories():
    names = np.array([f"c{i}" for i in range(10_000)])
    frame = {"c": np.repeat(names, 2), "y": np.linspace(0, 1, 20_000)}
    with pytest.raises(ValueError, match=r"column 'c', row .*which is not among the"):
        data.from_frame(frame, "y")
