"""The preprocessing: raw rows in, the user's terms out, kept in a file."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fnn import data
from tests.data.tables import N, table

RNG = np.random.default_rng(0)
OF_THREE = (np.arange(N) % 3).astype(np.int16)


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


ENCODINGS = {
    "a table of classes": lambda: data.from_frame(
        pd.DataFrame(table(ü=pd.Categorical(np.arange(N) % 3))), "colour"
    ),
    "a table of amounts": lambda: data.from_frame(table(), ["price", "size"]),
    "an array": lambda: data.from_arrays(RNG.normal(size=(N, 2)), OF_THREE),
    "a frame of numbers": lambda: data.from_arrays(
        pd.DataFrame({"a": np.arange(N) / 3, "b": np.arange(N) % 2 == 0}), OF_THREE
    ),
    "one scale": lambda: data.load("digits"),
    "unscaled": lambda: data.from_arrays(RNG.normal(size=(N, 2)), OF_THREE, standardize=False),
}


@pytest.mark.parametrize("make", ENCODINGS.values(), ids=ENCODINGS)
def test_an_encoding_comes_back_from_its_file(make, tmp_path):
    encoding = make().encoding
    encoding.save(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    again = data.load_encoding(tmp_path / "kept")
    assert again.to_json() == encoding.to_json()
    assert again.columns == encoding.columns
    outputs = RNG.normal(size=(5, len(encoding.classes) or len(encoding.targets)))
    np.testing.assert_array_equal(again.decode(outputs), encoding.decode(outputs))
    assert again.decode(outputs).dtype == encoding.decode(outputs).dtype
    with np.load(tmp_path / "kept", allow_pickle=False) as opened:
        assert opened.files == ["encoding"]


DAMAGED = {
    "empty": lambda content: b"",
    "text": lambda content: b"columns",
    "cut off": lambda content: content[: len(content) // 2],
    "a bit flipped": lambda content: content[:90] + bytes([content[90] ^ 1]) + content[91:],
    "another npz": lambda content: npz(weights=np.ones(3)),
    "no object": lambda content: npz(encoding=np.frombuffer(b"[1, 2]", np.uint8)),
    "other fields": lambda content: npz(encoding=np.frombuffer(b'{"columns": []}', np.uint8)),
    "pickled": lambda content: npz(encoding=np.array([{"columns": ()}], object)),
}


def npz(**arrays):
    opened = io.BytesIO()
    np.savez(opened, **arrays)
    return opened.getvalue()


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_holds_no_encoding_is_refused(damage, tmp_path):
    data.from_frame(table(), "price").encoding.save(tmp_path / "kept")
    (tmp_path / "kept").write_bytes(damage((tmp_path / "kept").read_bytes()))
    with pytest.raises(ValueError, match="kept: got a file that holds no encoding"):
        data.load_encoding(tmp_path / "kept")
    with pytest.raises(FileNotFoundError):
        data.load_encoding(tmp_path / "none")


CORE = """
import sys
sys.modules.update(dict.fromkeys(("narwhals", "pandas", "polars", "pyarrow", "sklearn")))
import numpy as np
from fnn import data
encoding = data.load_encoding(sys.argv[1])
columns = {"size": [1.0, 2.0], "rooms": [3, 4], "new": [True, False], "colour": ["red", "blue"]}
rows = [dict(zip(columns, row)) for row in zip(*columns.values())]
x = encoding.encode(columns)
np.testing.assert_array_equal(encoding.encode(rows), x)
print(x.sum(), encoding.decode(np.zeros((1, 1)))[0])
"""


def test_the_core_alone_loads_and_encodes(tmp_path):
    made = data.from_frame(pd.DataFrame(table()), "price")
    made.encoding.save(tmp_path / "kept")
    command = [sys.executable, "-c", CORE, str(tmp_path / "kept")]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    total, price = map(float, done.stdout.split())
    columns = {"size": [1.0, 2.0], "rooms": [3, 4], "new": [True, False], "colour": ["red", "blue"]}
    np.testing.assert_allclose(total, made.encode(columns).sum(), rtol=1e-6)
    assert price == made.encoding.units.mean


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_any_frame_of_the_same_rows_is_encoded_the_same(library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    made = data.from_frame(table(), "price")
    rows = {name: values[:9] for name, values in table().items()}
    expected = made.encode(
        [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]
    )
    del rows["new"]
    rows = {"new": table()["new"][:9], **rows, "price": [None] * 9}
    np.testing.assert_array_equal(made.encode(make(rows)), expected)
    with pytest.raises(ValueError, match="column 'size': 9 of 9 values are missing"):
        made.encode(make(rows | {"size": [None] * 9}))


def test_new_text_is_held_against_the_categories_alone():
    """In training text of numbers alone is refused; new rows may have only such categories."""
    codes = np.array(["1", "2", "3b"])[np.arange(N) % 3]
    made = data.from_frame({"code": codes, "y": np.linspace(0, 1, N)}, "y")
    np.testing.assert_array_equal(made.encode({"code": ["2", "1"]}), [[0, 1, 0], [1, 0, 0]])


def test_new_rows_of_arrays():
    made = data.from_arrays(np.column_stack([np.arange(N), np.arange(N) % 2]), OF_THREE)
    expected = made.encode([[1.0, 0.0], [2.0, 1.0]])
    for rows in (np.array([[1, False], [2, True]], object), [[1, 0], [2, 1]]):
        np.testing.assert_array_equal(made.encode(rows), expected)
        np.testing.assert_array_equal(made.scale(rows), expected)
    with pytest.raises(ValueError, match="rows: got columns by name, expected an array"):
        made.encode({"a": [1.0], "b": [2.0]})


def test_new_rows_of_frames_of_numbers_are_taken_by_name():
    frame = pd.get_dummies(pd.DataFrame({"size": np.linspace(0, 9, N), "town": ["a", "b"] * 30}))
    made = data.from_arrays(frame, OF_THREE)
    assert made.encoding.feature_names == ["size", "town_a", "town_b"]
    x = made.encode(frame)
    np.testing.assert_array_equal(made.encode(frame[["town_b", "size", "town_a"]]), x)
    np.testing.assert_array_equal(made.scale(frame.to_numpy(float)), x)
    rows = np.sort(np.concatenate([split.x for split in made.splits.values()])[:, 0])
    np.testing.assert_allclose(np.sort(x[:, 0]), rows, rtol=1e-6)
    with pytest.raises(ValueError, match=r"column\(s\) town_b missing; expected size, town_a"):
        made.encode(frame.drop(columns="town_b"))


def test_unscaled_features_are_floats_and_a_dataset_by_hand_has_no_scaling():
    raw = data.from_arrays(np.arange(N)[:, None], OF_THREE, standardize=False)
    assert raw.scale([[3]]).dtype == np.float32
    assert raw.scale([[3]]).tolist() == [[3.0]]
    by_hand = data.Dataset(raw.train, raw.validation, raw.test)
    assert by_hand.scaling is None
    assert by_hand.encoding is None
    with pytest.raises(ValueError, match="scale: this Dataset was made by hand"):
        by_hand.scale([[3]])


PREDICTIONS = {
    "one axis": (np.zeros(3), r"prediction: got shape \(3,\), expected \(examples, outputs\)"),
    "too many outputs": (np.zeros((1, 4)), "prediction: got 4 outputs, expected 3, for 'blue'"),
    "one output": (np.zeros((1, 1)), "prediction: got 1 outputs, expected 3"),
    "NaN": (np.array([[0, 0, 0], [0, np.nan, 1]]), "prediction, row 1: got nan"),
}


@pytest.mark.parametrize("case", PREDICTIONS)
def test_predictions_that_are_refused(case):
    prediction, message = PREDICTIONS[case]
    made = data.from_frame(table(), "colour")
    with pytest.raises(ValueError, match=message):
        made.decode(prediction)
    with pytest.raises(ValueError, match="prediction: got 4 outputs, expected 1, for 'price'"):
        data.from_frame(table(), "price").decode(np.zeros((1, 4)))


def test_rows_may_keep_the_columns_of_weights_and_groups():
    columns = {
        "x": np.arange(60.0),
        "w": np.ones(60),
        "g": np.arange(60) % 6,
        "y": np.arange(60) / 60,
    }
    made = data.from_frame(columns, "y", weights="w", groups="g")
    assert made.encoding.beside == ("w", "g")
    np.testing.assert_array_equal(made.encode(columns), made.encode({"x": columns["x"]}))
    again = data.Encoding.from_json(made.encoding.to_json())
    assert again.beside == ("w", "g")


@pytest.mark.parametrize("classes", [(), ("no", "yes")])
def test_one_output_is_the_second_of_two_labels_where_it_is_above_0(classes):
    encoding = data.Encoding((), 1, None, ("y",), "classification", classes)
    outputs = np.array([[-0.5], [0.5], [0.0]])
    expected = np.array(classes or (0, 1))[[0, 1, 0]]
    np.testing.assert_array_equal(encoding.labels_of(outputs), expected)


def test_several_outputs_are_the_label_of_the_largest():
    outputs = np.array([[0.1, 0.2], [0.4, -0.3]])
    for classes in ((), ("no", "yes")):
        encoding = data.Encoding((), 1, None, ("y",), "classification", classes)
        expected = np.array(classes or (0, 1))[[1, 0]]
        np.testing.assert_array_equal(encoding.labels_of(outputs), expected)
