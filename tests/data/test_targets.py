"""Targets of any type: what is a class, what an amount, and back to what they were."""

import numpy as np
import pandas as pd
import pytest

import fnn
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


def outputs(made, split):
    """Outputs of a network that is always right."""
    labels = len(made.encoding.classes) or int(made.train.y.max()) + 1
    return np.eye(labels)[split.y]


def sorted_labels(made):
    return np.sort(np.concatenate([made.decode(outputs(made, s)) for s in made.splits.values()]))


OF_ANY_DTYPE = {
    "int8": (np.arange(N) % 3 - 1).astype(np.int8),
    "uint8": (np.arange(N) % 3).astype(np.uint8),
    "float32": (0.5 * (np.arange(N) % 3)).astype(np.float32),
    "booleans": np.arange(N) % 2 == 0,
    "long text": np.array(["a", "much longer", "ü"])[np.arange(N) % 3],
    "numbers as text": (np.arange(N) % 3).astype(str),
}


@pytest.mark.parametrize("labels", OF_ANY_DTYPE.values(), ids=OF_ANY_DTYPE)
def test_labels_keep_their_dtype(labels):
    made = data.from_frame(table(label=labels), "label", task="classification")
    found = sorted_labels(made)
    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, np.sort(labels))


@pytest.mark.parametrize("name", ["uint8", "booleans", "long text", "numbers as text"])
def test_labels_of_arrays_keep_their_dtype(name):
    labels = OF_ANY_DTYPE[name]
    made = data.from_arrays(RNG.normal(size=(N, 2)), labels)
    found = sorted_labels(made)
    assert made.train.y.dtype == np.int32
    assert found.dtype == labels.dtype
    np.testing.assert_array_equal(found, np.sort(labels))


@pytest.mark.parametrize("labels", [np.arange(N) % 4, np.array([0, 2, 5])[np.arange(N) % 3]])
def test_integers_from_0_on_stay_the_labels_they_are(labels):
    made = data.from_arrays(RNG.normal(size=(N, 2)), labels)
    assert set(np.unique(made.train.y)) == set(labels)
    assert made.encoding.classes == ()
    np.testing.assert_array_equal(sorted_labels(made), np.sort(labels))


def test_amounts_in_whole_numbers_are_no_classes():
    amounts = 15 + np.arange(N) // 2 * 7
    made = data.from_arrays(RNG.normal(size=(N, 2)), amounts)
    assert made.encoding.classes == ()
    assert set(made.train.y) <= set(amounts)
    few = data.from_arrays(RNG.normal(size=(N, 2)), 2 * (np.arange(N) % 2) - 1)
    options = {"epochs": 1, "batch_size": 10, "progress": False}
    with pytest.raises(
        ValueError, match=r"squared_error, which is for amounts, .*y\.astype\(float"
    ):
        fnn.train(fnn.mlp((2, 1)), fnn.losses.squared_error, fnn.optim.sgd(0.1), few, **options)


@pytest.mark.parametrize("of", [(-1, 1), (1, 2, 3, 4), (-1, 0, 1), (7, 100)])
def test_integers_that_do_not_begin_at_0_are_numbered_and_come_back(of):
    labels = np.array(of, np.int16)[np.arange(N) % len(of)]
    made = data.from_arrays(RNG.normal(size=(N, 2)), labels)
    assert set(np.unique(made.train.y)) == set(range(len(of)))
    found = sorted_labels(made)
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found, np.sort(labels))
    weighted = data.with_class_weights(made, dict.fromkeys(of, 2.0))
    np.testing.assert_array_equal(weighted.weights.train, np.full(len(made.train.y), 2.0))


def test_declared_categories_are_labels():
    texts = pd.Series(np.array(["no", "yes"])[np.arange(N) % 2]).astype("category")
    made = data.from_frame(pd.DataFrame(table(label=texts)), "label")
    assert made.encoding.classes == ("no", "yes")
    made = data.from_arrays(RNG.normal(size=(N, 2)), texts)
    assert made.encoding.classes == ("no", "yes")
    grades = pd.DataFrame(table(label=pd.Categorical(1.5 * (np.arange(N) % 3))))
    assert data.from_frame(grades, "label").encoding.classes == (0.0, 1.5, 3.0)


def test_a_frame_of_one_column_is_one_target():
    x = RNG.normal(size=(N, 2))
    real = data.from_arrays(x, pd.DataFrame({"y": np.linspace(0, 1, N)}))
    assert real.train.y.shape == (42,)
    text = data.from_arrays(x, pd.DataFrame({"y": (np.arange(N) % 2).astype(str)}))
    assert text.encoding.classes == ("0", "1")
    several = data.from_arrays(x, pd.DataFrame({"a": np.linspace(0, 1, N), "b": np.arange(N) % 2}))
    assert several.train.y.shape == (42, 2)
    assert several.train.y.dtype == np.float32


TARGETS = {
    "text of numbers": (
        {"label": (np.arange(N) % 2).astype(str)},
        {},
        r"column 'label': every value is a number written as text, such as '0' in row 0",
    ),
    "text as amounts": (
        {"label": np.array(["a", "b"])[np.arange(N) % 2]},
        {"task": "regression"},
        "target: column 'label' holds text, which regression cannot learn",
    ),
    "a mixture": ({}, {"target": ["price", "new"]}, "target: got columns .*all booleans"),
    "several for classes": (
        {},
        {"target": ["price", "size"], "task": "classification"},
        "target: got 2 columns for classification, expected one",
    ),
    "amounts as labels": (
        {"a": np.arange(N) % 3, "b": np.arange(N) % 2},
        {"target": ["b", "a"], "task": "multilabel"},
        "column 'a', row 2: got 2, expected a boolean for a label",
    ),
    "no target": ({}, {"target": []}, "target: got no column"),
    "a target twice": ({}, {"target": ["price", "price"]}, "target: got price, price, expected"),
    "an unknown one": ({}, {"target": ["prize"]}, "target: 'prize' is not known; did you mean"),
    "also the weights": ({}, {"target": "price", "weights": "price"}, "weights: column 'price' is"),
    "an unknown task": ({}, {"target": "price", "task": "regresion"}, "mean 'regression'"),
    "dates": ({"label": np.arange(N).astype("M8[D]")}, {}, "column 'label': got dates such as"),
    "a missing label": (
        {"label": [None, "a"] * 30},
        {},
        "column 'label': 30 of 60 values are missing, the first in row 0",
    ),
}


@pytest.mark.parametrize("case", TARGETS)
def test_targets_that_are_refused(case):
    columns, options, message = TARGETS[case]
    with pytest.raises(ValueError, match=message):
        data.from_frame(table(**columns), **{"target": "label", **options})


OF_ARRAYS = {
    "a column of text": (np.array([["a"], ["b"]] * 30), "y: got text of shape .*use y.ravel"),
    "a missing label": (np.array(["a", None] * 30, object), "column 'y': 30 of 60 values are"),
    "dates": (np.arange(N).astype("M8[D]"), "column 'y': got dates such as 1970"),
    "dates of a frame": (pd.DataFrame({"d": pd.date_range("2020", periods=N)}), "column 'd': got"),
    "text beside numbers": (
        pd.DataFrame({"a": np.linspace(0, 1, N), "b": ["u", "v"] * 30}),
        "y: column 'b', row 0: got 'u', a text, expected a number",
    ),
}


@pytest.mark.parametrize("case", OF_ARRAYS)
def test_targets_of_arrays_that_are_refused(case):
    y, message = OF_ARRAYS[case]
    with pytest.raises(ValueError, match=message):
        data.from_arrays(np.ones((N, 1)), y)


def test_what_is_scaled_is_not_warned_of():
    x = RNG.normal(size=(N, 2))
    data.from_arrays(x, RNG.normal(size=N))
    data.from_frame(table(), "price")
    with pytest.warns(UserWarning, match=r"deviation 0.00\d+; .*y = \(y - y.mean"):
        data.from_arrays(x, 1e-3 * RNG.normal(size=N))
    with pytest.warns(UserWarning, match="y: got targets of mean"):
        data.from_splits(*[(x, 1e4 + RNG.normal(size=N))] * 3)


def test_one_class_is_a_class():
    with pytest.warns(UserWarning, match="target label: all 42 training rows have the class only"):
        made = data.from_frame(table(label=["only"] * N), "label")
    assert made.decode(np.zeros((2, 1))).tolist() == ["only", "only"]


FIVES = np.full(N, 5.0)
CONSTANTS = {
    "an amount": (FIVES, "target y: all 42 training rows have the value 5.0, .* Check y, add rows"),
    "one of two": (np.column_stack([np.linspace(0, 1, N), FIVES]), "target y1: all 42 .* 5.0"),
    "a class": (["only"] * N, "target y: all 42 training rows have the class only"),
    "a number": (np.zeros(N, int), "target y: all 42 training rows have the class 0"),
    "a label": (np.arange(N)[:, None] % [1, 2] == 0, "target y0: all 42 .* the value 1.0"),
}


@pytest.mark.parametrize("case", CONSTANTS)
def test_a_target_without_another_value_is_warned_of(case):
    y, message = CONSTANTS[case]
    x = RNG.normal(size=(N, 2))
    with pytest.warns(UserWarning, match=message):
        data.from_arrays(x, y)
    with pytest.warns(UserWarning, match=message.replace("42", str(N))):
        data.from_splits((x, y), (x, y), (x, y))


def test_a_constant_column_is_warned_of_in_its_units():
    with pytest.warns(UserWarning, match="target price: all 42 training rows have the value 5.0"):
        data.from_frame(table(price=FIVES), "price")


SEVERAL = RNG.random((N, 3)) < 0.4


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8])
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_several_labels_of_arrays_come_back_as_they_were(dtype, make):
    y = SEVERAL.astype(dtype)
    made = data.from_arrays(RNG.normal(size=(N, 2)), make(y))
    assert made.encoding.task == "multilabel"
    assert made.train.y.dtype == np.float32
    for rows, split in zip(made.rows, made.splits.values(), strict=True):
        found = made.decode(split.y - 0.5)
        assert found.dtype == y.dtype
        np.testing.assert_array_equal(found, y[rows])


def test_rare_labels_are_no_small_amounts():
    rare = np.zeros((20000, 2), bool)
    rare[::2, 0] = rare[::1000, 1] = True
    data.from_arrays(np.ones((20000, 1)), rare)


NO_LABELS = {
    "one-hot booleans": (
        np.eye(3, dtype=bool)[np.arange(N) % 3],
        r"booleans .*argmax.*astype\(float",
    ),
    "one-hot integers": (
        np.eye(3, dtype=int)[np.arange(N) % 3],
        r"integers .*argmax.*astype\(float",
    ),
    "a column": (
        np.arange(N)[:, None] % 2,
        r"integers .*y.ravel\(\) for a column, y > 0 for several",
    ),
    "counts": (
        np.arange(3 * N).reshape(N, 3),
        r"integers .*y.astype\(float\) for regression",
    ),
}


@pytest.mark.parametrize("case", NO_LABELS)
def test_whole_numbers_that_are_no_labels_say_what_to_do(case):
    y, message = NO_LABELS[case]
    with pytest.raises(ValueError, match=f"^y: got {message}"):
        data.from_arrays(np.ones((N, 1)), y)
