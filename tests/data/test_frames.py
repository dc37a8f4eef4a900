"""Tables as people have them: frames, targets of any type, splits, and back to the user's terms."""

import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn import data
from tests.data.tables import N, table

RNG = np.random.default_rng(0)


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


NAMES = st.text("abcé漢", min_size=1, max_size=3)
VALUES = st.one_of(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.lists(st.booleans(), min_size=1, max_size=30),
    st.lists(st.text("xyzü\0", min_size=0, max_size=2), min_size=1, max_size=30),
    st.lists(st.text("019.", min_size=0, max_size=2), min_size=1, max_size=30),
    st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=2)), min_size=1, max_size=30),
)
WHOLE = ("train:", "validation:", "test:", "weights:", "y: ", "frame: no column is left")


def given_back(made, columns):
    """Hold features, scaled back, against the values of a table."""
    x = made.encode(columns)
    raw = x * made.encoding.scaling.std + made.encoding.scaling.mean
    start = 0
    for column in made.encoding.columns:
        width = len(column.features)
        part, values = raw[:, start : start + width], columns[column.name]
        if column.kind == "category":
            np.testing.assert_array_equal(part.sum(axis=1), 1)
            assert [column.categories[k] for k in part.argmax(axis=1)] == values
        else:
            values = np.array(values, float)
            slack = 1e-5 * np.max(np.abs(values)) + 1e-6  # of float32 features
            np.testing.assert_allclose(part[:, 0], values, rtol=1e-4, atol=slack)
        start += width


def scaled(made):
    """Hold the numbers of the training rows against mean 0 and std 1."""
    names = made.encoding.feature_names
    numbers = [names.index(c.name) for c in made.encoding.columns if c.kind == "number"]
    x = made.train.x[:, numbers].astype(np.float64)
    varying = np.ptp(x, axis=0) > 1e-3
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(x.std(axis=0)[varying], 1, atol=1e-3)


@pytest.mark.filterwarnings("ignore:target .* training rows have")
@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=5), st.integers(1, 30), st.data())
def test_any_table_is_taken_rightly_or_refused(columns, rows, drawn):
    """Never silently wrong: features and labels give back the values of their rows."""
    columns = {name: (30 * values)[:rows] for name, values in columns.items()}
    target = drawn.draw(st.sampled_from(sorted(columns)))
    weights = drawn.draw(st.none() | st.lists(st.sampled_from([0, 1, 2.5]), min_size=30))
    weights = None if weights is None else np.array(weights[:rows])
    frame = pd.DataFrame(columns) if drawn.draw(st.booleans()) else columns
    twice = isinstance(frame, pd.DataFrame) and drawn.draw(st.integers(0, 4)) == 0
    frame = pd.concat([frame, frame[[target]]], axis=1) if twice else frame
    refusal, made = None, None
    try:
        made = data.from_frame(frame, target, weights=weights)
    except ValueError as error:
        refusal = str(error)
    if made is None:
        named = any(f"column {name!r}" in refusal for name in columns)
        assert named or refusal.startswith(WHOLE)
        return
    assert not twice
    sizes = [len(split.x) for split in made.splits.values()]
    assert sizes[1:] == [round(0.15 * rows)] * 2
    assert sum(sizes) == rows
    assert (made.weights is None) == (weights is None)
    if weights is not None:
        kept = np.concatenate([np.asarray(part) for part in made.weights])
        np.testing.assert_array_equal(np.sort(kept), np.sort(weights))
    given_back(made, {name: values for name, values in columns.items() if name != target})
    scaled(made)
    y = np.concatenate([split.y for split in made.splits.values()])
    if made.encoding.classes:
        decoded = made.decode(np.eye(len(made.encoding.classes))[y])
        assert sorted(decoded.tolist()) == sorted(columns[target])
    else:
        slack = 1e-5 * np.max(np.abs(columns[target])) + 1e-6
        found = np.sort(made.decode(y[:, None]))
        np.testing.assert_allclose(found, np.sort(columns[target]), rtol=1e-4, atol=slack)


def test_ten_thousand_categories():
    names = np.array([f"c{i}" for i in range(10_000)])
    frame = {"c": np.repeat(names, 2), "y": np.linspace(0, 1, 20_000)}
    with pytest.raises(ValueError, match=r"column 'c', row .*which is not among the"):
        data.from_frame(frame, "y")


def test_an_encoding_of_ten_thousand_categories():
    names = tuple(f"c{i:05}" for i in range(10_000))
    column = data.Column("c", "category", names)
    x = data.Encoding((column,), 10_000, None, ("y",), "regression").encode({"c": ["c00007"] * 3})
    assert x.shape == (3, 10_000)
    np.testing.assert_array_equal(x.argmax(axis=1), 7)
    np.testing.assert_array_equal(x.sum(axis=1), 1)


def test_declared_categories_of_numbers_are_categories():
    frame = pd.DataFrame(table()).astype({"rooms": "category"})
    made = data.from_frame(frame, "price")
    assert [n for n in made.encoding.feature_names if n.startswith("rooms")] == [
        f"rooms={k}" for k in range(5)
    ]
    row = {"size": [1.0], "rooms": [3], "new": [True], "colour": ["red"]}
    assert made.encode(row)[0, 1:6].tolist() == [0, 0, 0, 1, 0]
    with pytest.raises(ValueError, match=r"column 'rooms', row 0: got 7, which is not among the 5"):
        made.encode(row | {"rooms": [7]})
    with pytest.raises(ValueError, match=r"column 'rooms', row 0: got '3', which is not among"):
        made.encode(row | {"rooms": ["3"]})
    codes = pd.DataFrame(table(colour=pd.Categorical((np.arange(N) % 3).astype(str))))
    assert "colour=2" in data.from_frame(codes, "price").encoding.feature_names


def test_names_that_are_numbers_are_their_texts():
    frame = pd.DataFrame(np.column_stack([np.linspace(0, 1, N), np.linspace(5, 6, N)]))
    made = data.from_frame(frame, 1)
    assert made.encoding.targets == ("1",)
    assert made.encode({"0": [0.5]}).shape == (1, 1)


ROLES = {
    "pandas": lambda columns: pd.DataFrame(columns),
    "polars": lambda columns: pytest.importorskip("polars").DataFrame(columns),
    "pyarrow": lambda columns: pytest.importorskip("pyarrow").table(columns),
    "a dict": lambda columns: columns,
}


@pytest.mark.parametrize("make", ROLES.values(), ids=ROLES)
def test_columns_that_are_not_learned_may_be_dates_and_numbers_as_text(make):
    days = np.random.default_rng(1).permutation(N)
    when = np.datetime64("2020-01-01T00:00:00", "ms") + days.astype("m8[D]")
    made = data.from_frame(make(table(day=when, i=days)), "price", order="day", standardize=False)
    place = made.encoding.feature_names.index("i")
    late = [split.x[:, place] for split in made.splits.values()]
    assert late[0].max() < late[1].min()
    assert late[1].max() < late[2].min()
    assert "day" not in made.encoding.feature_names
    patients = np.array([str(k) for k in np.arange(N) % 12])
    grouped = data.from_frame(make(table(patient=patients)), "price", groups="patient")
    assert [len(split.x) for split in grouped.splits.values()] == [40, 10, 10]
    by_array = data.from_frame(make(table()), "price", groups=patients, weights=days + 1.0)
    np.testing.assert_array_equal(by_array.train.y, grouped.train.y)
    assert by_array.weights is not None


ODD = {
    "one name as number and text": (
        {"1": np.ones(N), 1: np.ones(N), "price": np.ones(N)},
        "column '1' stands twice",
    ),
    "one name twice in dicts": ([{"1": 1, 1: 2, "price": 3.0}], "column '1' stands twice"),
    "a text for a column": (table(size="big"), "column 'size': got 'big', expected one value each"),
    "a number for a column": (table(size=3.0), r"column 'size': got 3.0, .*\[3.0\] for one row"),
    "a set": (table(size={1.0, 2.0}), "column 'size': got {1.0, 2.0}, expected one value each"),
    "a masked array": (
        table(size=np.ma.array(np.ones(N), mask=np.arange(N) == 3)),
        "column 'size': got a masked array",
    ),
    "two axes": (table(size=np.ones((N, 1))), r"column 'size': got shape \(60, 1\)"),
    "complex": (table(size=np.ones(N) * 1j), "column 'size': got dtype complex128"),
    "bytes": (table(size=np.array([b"a"] * N)), "column 'size': got dtype .S1"),
    "a NUL at the end": (
        table(size=["a", "a\0"] * 30),
        r"column 'size', row 1: got 'a\\x00', whose last character is NUL",
    ),
    "whole numbers beyond int64": (
        table(size=[2**70] * N),
        "column 'size', row 0: got 1180591620717411303424, expected whole numbers that int64",
    ),
    "beyond float32": (table(size=np.full(N, 1e39)), "column 'size': got a value of magnitude"),
    "Python dates": (
        table(size=[pd.Timestamp("2020-01-01").date()] * N),
        "column 'size': got dates such as 2020-01-01, expected numbers.*days since",
    ),
    "declared dates": (
        pd.DataFrame(table(size=pd.Categorical(pd.date_range("2020-01-01", periods=N)))),
        "column 'size': got dates such as 2020-01-01",
    ),
    "dicts of other names": (
        [{"size": 1.0, "price": 1.0}, {"sise": 1.0, "price": 1.0}],
        r"row 1: got the names \['price', 'sise'\], expected \['price', 'size'\]",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_nothing_is_dropped_shortened_or_guessed(case):
    frame, message = ODD[case]
    with pytest.raises(ValueError, match=message):
        data.from_frame(frame, "price")


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("narwhals", [True, False])
def test_frames_of_numbers_need_no_narwhals(library, narwhals, monkeypatch):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    if not narwhals:
        monkeypatch.setitem(sys.modules, "narwhals", None)
    columns = {"size": np.linspace(0, 1, N), "new": np.arange(N) % 2 == 0, "rooms": np.arange(N)}
    y = make({"label": ["yes", "no"] * 30})
    made = data.from_arrays(make(columns), y)
    assert [column.kind for column in made.encoding.columns] == ["number", "boolean", "number"]
    assert made.encoding.classes == ("no", "yes")
    np.testing.assert_array_equal(made.encode(make(columns)), made.encode(columns))
    for bad, message in (
        (["a", "b"] * 30, "column 'rooms', row 0: got 'a', a text, expected a number"),
        ([None, 1] * 30, "column 'rooms': 30 of 60 values are missing, the first in row 0"),
        (np.arange(N).astype("M8[ms]"), "column 'rooms', row 0: got '1970-01-01.*', a date"),
    ):
        with pytest.raises(ValueError, match=message):
            data.from_arrays(make(columns | {"rooms": bad}), y)


@pytest.mark.parametrize("narwhals", [True, False])
def test_declared_categories_of_numbers_are_no_numbers(narwhals, monkeypatch):
    if not narwhals:
        monkeypatch.setitem(sys.modules, "narwhals", None)
    frames = [pd.DataFrame({"a": pd.Categorical(np.arange(N) % 3)})]
    if pyarrow := sys.modules.get("pyarrow"):
        frames.append(pyarrow.table({"a": pyarrow.array(np.arange(N) % 3).dictionary_encode()}))
    for frame in frames:
        with pytest.raises(ValueError, match="column 'a', row 0: got '0', a category, expected a"):
            data.from_arrays(frame, np.arange(N) / N)


def test_columns_of_polars_that_numpy_has_not():
    polars = pytest.importorskip("polars")
    wide = polars.DataFrame(table()).with_columns(polars.col("rooms").cast(polars.Int128))
    with pytest.raises(
        ValueError, match="column 'rooms': got Int128, which cannot be made a NumPy"
    ):
        data.from_frame(wide, "price")
    lazy = polars.DataFrame(table()).lazy()
    for made in (
        lambda: data.from_frame(lazy, "price"),
        lambda: data.from_arrays(lazy, np.ones(N)),
    ):
        with pytest.raises(ValueError, match=r"got LazyFrame, expected its rows; use .collect\(\)"):
            made()
    letters = polars.Series(["1", "2"] * 30, dtype=polars.Categorical)
    assert data.from_frame(table(colour=letters), "price").encoding.feature_names[3] == "colour=1"


def test_without_narwhals_a_frame_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(ImportError, match=r'^narwhals is missing: pip install "fnn\[frames\]".$'):
        data.from_frame(pd.DataFrame(table()), "price")
    assert data.from_frame(table(), "price").train.x.shape == (42, 6)


NO_NUMBERS = {
    "a question mark among objects": (
        np.array([[1, 2.0], [3, "?"]] * 30, object),
        r"column '1', row 1: got '\?' among values of type float",
    ),
    "a question mark that makes all text": (
        [["1", "2"], ["3", "?"]] * 30,
        r"x: column '0', row 0: got '1', a text, expected a number",
    ),
    "a missing object": (np.array([[1], [None]] * 30, object), "column '0': 30 of 60 values are"),
    "a missing value of a frame": (
        pd.DataFrame({"a": pd.array([1, None] * 30, "Int64")}),
        "column 'a': 30 of 60 values are missing, the first in row 1",
    ),
    "dates of a frame": (
        pd.DataFrame({"a": pd.date_range("2020-01-01", periods=N)}),
        "x: column 'a', row 0: got '2020-01-01.*', a date, expected a number",
    ),
    "beyond float32 in a frame": (
        pd.DataFrame({"a": np.full(N, 1e39)}),
        "column 'a': got a value of magnitude 1e",
    ),
}


@pytest.mark.parametrize("case", NO_NUMBERS)
def test_arrays_of_what_is_no_number_are_refused_by_column_and_row(case):
    x, message = NO_NUMBERS[case]
    with pytest.raises(ValueError, match=message):
        data.from_arrays(x, np.arange(N) / N)


def test_large_arrays_are_copied_once():
    """At its peak no more than the data, their copy in three splits, and some blocks."""
    x = RNG.normal(size=(200_000, 20)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int32)
    tracemalloc.start()
    made = data.from_arrays(x, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * x.nbytes + 12 * y.nbytes  # besides x itself; row numbers are of 8 bytes
    assert made.train.x.dtype == np.float32


def test_true_is_no_category_1_and_a_date_is_refused_by_value():
    codes = pd.DataFrame(table(code=pd.Categorical(np.arange(N) % 3)))
    made = data.from_frame(codes, "price")
    rows = codes.drop(columns="price")
    made.encode(rows)
    with pytest.raises(ValueError, match="column 'code', row 0: got False, which is not among"):
        made.encode(rows.assign(code=np.arange(N) % 2 == 1))
    days = pd.date_range("2024-01-01", periods=N)
    with pytest.raises(ValueError, match=r"column 'code', row 0: got .*2024.* not among"):
        made.encode(rows.assign(code=days))
    with pytest.raises(ValueError, match=r"column 'colour', row 0: got .*2024.* not among"):
        made.encode(rows.assign(colour=days))


def test_categories_can_be_refused():
    with pytest.raises(
        ValueError, match=r"column 'colour', row 0: got '\w+'.*categorical=\"refuse"
    ):
        data.from_frame(table(), "price", categorical="refuse")
    numbers = {name: table()[name] for name in ("size", "price")}
    assert data.from_frame(numbers, "price", categorical="refuse").train.x.shape[1] == 1
    with pytest.raises(ValueError, match="categorical: 'ordinal' is not known"):
        data.from_frame(table(), "price", categorical="ordinal")


def test_columns_named_by_numbers_or_pairs_are_found():
    numbered = {0: np.arange(N) * 1.0, 1: np.linspace(1, 2, N), 2: np.arange(N) // 5, 3: np.ones(N)}
    made = data.from_frame(pd.DataFrame(numbered), 0, weights=1, groups=2)
    assert made.encoding.beside == ("1", "2")
    assert made.encoding.feature_names == ["3"]
    pairs = pd.DataFrame({("a", "x"): np.arange(N) * 1.0, ("a", "y"): np.linspace(1, 2, N)})
    made = data.from_frame(pairs, ("a", "x"))
    assert made.encoding.targets == ("('a', 'x')",)


def test_whole_numbers_that_floats_would_join_are_refused_in_arrays_too():
    large = 2**53 + np.arange(2 * N).reshape(N, 2)
    with pytest.raises(ValueError, match="x: got whole numbers beyond 2⁵³"):
        data.from_arrays(large, np.arange(N) % 2)
    with pytest.raises(ValueError, match="column 'a': got whole numbers beyond 2⁵³"):
        data.from_arrays(pd.DataFrame({"a": large[:, 0]}), np.arange(N) % 2)


def test_arrays_of_a_frame_are_scaled_column_by_column():
    """The rows beside the frame, which the Dataset keeps, and no other copy of all of them."""
    x = RNG.normal(size=(20_000, 50)).astype(np.float32)
    frame = pd.DataFrame({f"c{place}": x[:, place] for place in range(50)})
    data.from_arrays(frame[:60], np.arange(60) % 2)  # imports what reads frames
    tracemalloc.start()
    try:
        made = data.from_arrays(frame, np.arange(20_000) % 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * x.nbytes
    of_array = data.from_arrays(x, np.arange(20_000) % 2)
    np.testing.assert_allclose(made.train.x, of_array.train.x, rtol=1e-5, atol=1e-6)
