"""Loading, splitting and scaling of data. Nothing here needs the network."""

import gzip
import hashlib
import io
import os
import random
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from http.client import IncompleteRead
from pathlib import Path

import jax
import ml_dtypes
import numpy as np
import pytest
from scipy.optimize import linprog

from fnn import data
from fnn.data import download, idx, mnist, mnist1d, parts

FLOATS, LABELS = np.arange(60.0).reshape(20, 3), np.arange(20) % 4


def rows_of(made: data.Dataset) -> list[int]:
    """Row numbers of a dataset whose feature 0 is the row number, split by split."""
    return [int(row) for split in made.splits.values() for row in split.x[:, 0]]


# -------------------- from_arrays


def test_every_row_is_in_exactly_one_split_with_its_own_target():
    x = np.column_stack([np.arange(101), np.zeros(101)])
    made = data.from_arrays(x, np.arange(101) / 50, standardize=False)
    assert sorted(rows_of(made)) == list(range(101))
    assert [len(split.x) for split in made.splits.values()] == [71, 15, 15]
    for split in made.splits.values():
        np.testing.assert_allclose(split.y, split.x[:, 0] / 50, rtol=1e-6)


def test_fractions_go_to_the_split_of_their_name():
    made = data.from_arrays(FLOATS, LABELS, validation=0.1, test=0.3)
    assert [len(split.y) for split in made.splits.values()] == [12, 2, 6]


def test_the_seed_decides_the_split():
    x = np.arange(200.0)[:, None]
    first, again, other = (
        rows_of(data.from_arrays(x, x / 100, seed=s, standardize=False)) for s in (0, 0, 1)
    )
    assert first == again
    assert first != other
    assert first != sorted(first)


def test_only_training_rows_set_the_scale(x64):
    rng = np.random.default_rng(1)
    x = rng.normal(3, 5, (200, 4))
    train, validation, test = parts.partition(200, [30, 30], 0)[::-1]
    before = data.from_arrays(x, x)
    shifted = x.copy()
    shifted[np.concatenate([validation, test])] += 100
    after = data.from_arrays(shifted, x)
    np.testing.assert_array_equal(after.train.x, before.train.x)
    np.testing.assert_allclose(
        before.train.x, (x[train] - x[train].mean(0)) / x[train].std(0), rtol=1e-12
    )
    np.testing.assert_allclose(before.train.x.mean(0), 0, atol=1e-14)
    np.testing.assert_allclose(before.train.x.std(0), 1, rtol=1e-14)
    for name in ("validation", "test"):
        shift = getattr(after, name).x - getattr(before, name).x
        np.testing.assert_allclose(
            shift, np.broadcast_to(100 / x[train].std(0), shift.shape), rtol=1e-10
        )


def test_statistics_are_taken_in_float64():
    x = (1e6 + np.arange(1000.0)).astype(np.float32)[:, None]
    train = data.from_arrays(x, np.arange(1000) / 500).train.x
    assert abs(train.astype(np.float64).mean()) < 1e-6
    assert abs(train.astype(np.float64).std() - 1) < 1e-6


@pytest.mark.parametrize("value", [0.1, 1e6, 0.0, 9858727098158788.0])
def test_a_constant_feature_is_divided_by_one(value):
    made = data.from_arrays(
        np.column_stack([np.full(50, value), np.arange(50)]), np.arange(50) / 25
    )
    for split in made.splits.values():
        np.testing.assert_allclose(split.x[:, 0], 0, atol=1e-9)


def test_a_feature_whose_std_underflows_is_divided_by_one():
    made = data.from_arrays(
        np.column_stack([np.arange(50) * 1e-300, np.arange(50)]), np.arange(50) / 25
    )
    assert all(np.isfinite(split.x).all() for split in made.splits.values())


def test_raw_features_stay_as_they_are():
    for split in data.from_arrays(FLOATS, LABELS, standardize=False).splits.values():
        np.testing.assert_array_equal(split.x, FLOATS[split.x[:, 0].astype(int) // 3])


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (LABELS, "int32"),
        (LABELS.astype(np.uint64), "int32"),
        (LABELS.astype(np.int8), "int32"),
        (LABELS > 1, "int32"),
        (list(LABELS), "int32"),
        (LABELS.astype(float), "float"),
        (FLOATS.astype(np.float16), "float"),
        (LABELS.astype(ml_dtypes.bfloat16), "float"),
    ],
)
@pytest.mark.parametrize("x64_enabled", [False, True])
def test_dtypes(y, kind, x64_enabled, request):
    if x64_enabled:
        request.getfixturevalue("x64")
    default = "float64" if x64_enabled else "float32"
    made = data.from_arrays(FLOATS.astype(int), y)
    for split in made.splits.values():
        assert type(split.x) is type(split.y) is np.ndarray
        assert split.x.dtype == default
        assert split.y.dtype == ("int32" if kind == "int32" else default)
    values = np.concatenate([split.y for split in made.splits.values()]).astype(float)
    np.testing.assert_array_equal(
        np.sort(values, axis=None), np.sort(np.asarray(y, float), axis=None)
    )


def test_the_arguments_are_not_written_to():
    x, y = FLOATS.copy(), LABELS.astype(float)
    made = data.from_arrays(x, y)
    with pytest.raises(ValueError, match="read-only"):
        made.train.x[:] = -1
    assert not any(np.shares_memory(theirs, ours) for theirs in (x, y) for ours in made.train)
    np.testing.assert_array_equal(x, FLOATS)
    np.testing.assert_array_equal(y, LABELS)


def with_value(array, value):
    changed = np.array(array, float)
    changed[3] = value
    return changed


REFUSED = {
    "x is a vector": (
        (FLOATS[:, 0], LABELS),
        {},
        r"^x: got shape \(20,\), expected \(examples, features\)",
    ),
    "x has three axes": ((FLOATS[..., None], LABELS), {}, r"^x: got shape \(20, 3, 1\), .*Flatten"),
    "x has no rows": ((FLOATS[:0], LABELS[:0]), {}, r"^x: got shape \(0, 3\), which is empty"),
    "x has no columns": ((FLOATS[:, :0], LABELS), {}, r"^x: got shape \(20, 0\), which is empty"),
    "x has NaN": (
        (with_value(FLOATS, np.nan), LABELS),
        {},
        r"^x: 3 value\(s\) are not finite.*nan at \(3, 0\)",
    ),
    "x has inf": ((with_value(FLOATS, np.inf), LABELS), {}, r"^x: .*not finite"),
    "x beyond float32": (
        (with_value(FLOATS, 1e39), LABELS),
        {},
        r"^x: .*1e\+39 at \(3, 0\) \(float32 holds up to 3\.4e\+38",
    ),
    "x is ragged": (
        ([[1.0], [1.0, 2.0]], LABELS),
        {},
        r"^x: not an array, expected rows of equal length",
    ),
    "x is text": (
        (FLOATS.astype(str), LABELS),
        {},
        r"^x: column '0', row 0: got '0.0', a text, expected a number",
    ),
    "x beyond float32 under x64": (
        (with_value(FLOATS, 1e39), LABELS),
        {"x64": True},
        r"^x: got a value of magnitude 1e\+39, expected at most 3\.4e\+38",
    ),
    "x is complex": ((FLOATS + 1j, LABELS), {}, r"^x: got dtype complex128, expected real"),
    "x has a text": (
        (np.where(np.arange(60).reshape(20, 3) == 9, "?", FLOATS.astype(object)), LABELS),
        {},
        r"^column '0', row 3: got '\?' among values of type float",
    ),
    "x is time": (
        (FLOATS.astype("m8[s]"), LABELS),
        {},
        r"^x: column '0', row 0: got '0 seconds', a date, expected a number",
    ),
    "y is shorter": ((FLOATS, LABELS[:-1]), {}, r"^y: got 19 targets for the 20 examples of x"),
    "y is a scalar": ((FLOATS, 1.0), {}, r"^y: got shape \(\)"),
    "y is empty": ((FLOATS, FLOATS[:, :0]), {}, r"^y: got shape \(20, 0\), which is empty"),
    "y has NaN": (
        (FLOATS, with_value(LABELS, np.nan)),
        {},
        r"^y: 1 value\(s\) are not finite.*nan at \(3,\)",
    ),
    "y has inf": ((FLOATS, with_value(LABELS, -np.inf)), {}, r"^y: 1 value\(s\) are not finite"),
    "y beyond float32": (
        (FLOATS, with_value(LABELS, -1e39)),
        {},
        r"^y: .*-1e\+39 at \(3,\) \(float32 holds up to 3\.4e\+38",
    ),
    "y is one-hot integers": (
        (FLOATS, np.eye(4, dtype=int)[LABELS]),
        {},
        r"^y: got integers of shape.*argmax",
    ),
    "y is a column of labels": (
        (FLOATS, LABELS[:, None]),
        {},
        r"^y: got integers of shape \(20, 1\).*ravel",
    ),
    "y above int32": (
        (FLOATS, LABELS * 2**31),
        {},
        r"^y: got label \d{10}, expected labels within int32",
    ),
    "y above int64": (
        (FLOATS, LABELS.astype(np.uint64) * np.uint64(2**62)),
        {},
        r"^y: got label \d{19}",
    ),
    "test is 0": ((FLOATS, LABELS), {"test": 0}, r"^test: got 0, expected a fraction in \(0, 1\)"),
    "test is 0.0": ((FLOATS, LABELS), {"test": 0.0}, r"^test: got 0\.0, expected a fraction"),
    "validation is 1": (
        (FLOATS, LABELS),
        {"validation": 1.0},
        r"^validation: got 1\.0, expected a fraction",
    ),
    "validation is NaN": (
        (FLOATS, LABELS),
        {"validation": np.nan},
        r"^validation: got nan, expected a fraction",
    ),
    "validation is a count": (
        (FLOATS, LABELS),
        {"validation": 5},
        r"^validation: got 5, expected a fraction",
    ),
    "validation is None": (
        (FLOATS, LABELS),
        {"validation": None},
        r"^validation: got None, expected a fraction",
    ),
    "nothing to train on": (
        (FLOATS, LABELS),
        {"test": 0.5, "validation": 0.5},
        r"^validation, test: got 0\.5 \+ 0\.5",
    ),
    "empty train": (
        (FLOATS[:3], LABELS[:3]),
        {"test": 0.5, "validation": 0.49},
        r"^train: of 3 examples.*leave none",
    ),
    "empty validation": (
        (FLOATS, LABELS),
        {"validation": 0.01},
        r"^validation: of 20 examples, .*leave none",
    ),
    "empty test": ((FLOATS, LABELS), {"test": 0.01}, r"^test: of 20 examples, .*leave none"),
    "negative seed": ((FLOATS, LABELS), {"seed": -1}, r"^seed: got -1"),
    "seed is a float": ((FLOATS, LABELS), {"seed": 1.0}, r"^seed: got 1\.0"),
    "standardize is a word": (
        (FLOATS, LABELS),
        {"standardize": "no"},
        r"^standardize: got 'no', expected True or",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    arrays, options, message = REFUSED[case]
    x64 = options.get("x64", False)
    with jax.enable_x64(x64), pytest.raises(ValueError, match=message):
        data.from_arrays(
            *arrays, **{name: value for name, value in options.items() if name != "x64"}
        )


def test_whole_numbers_of_any_size_become_floating_features():
    x = np.arange(20)[:, None] * 2**40
    rows = np.concatenate([split.x for split in data.from_arrays(x, LABELS, standardize=False)[:3]])
    np.testing.assert_array_equal(np.sort(rows, axis=0), x)


@pytest.mark.filterwarnings("ignore:target .* training rows have")
@pytest.mark.parametrize("label", [-(2**63), 2**31 - 1, 2**63 - 1])
def test_labels_of_any_size_come_back(label):
    made = data.from_arrays(FLOATS, np.full(20, label))
    assert (made.train.y == 0).all()
    assert (made.decode(np.zeros((3, 1))) == label).all()


def test_the_limit_of_int32_is_a_label():
    made = data.from_arrays(FLOATS, np.array([0, 2**31 - 1])[np.arange(20) % 2])
    assert set(made.train.y) == {0, 2**31 - 1}


# -------------------- new rows


@pytest.mark.parametrize("x64_enabled", [False, True])
def test_new_rows_are_scaled_as_the_training_rows_were(x64_enabled, request):
    if x64_enabled:
        request.getfixturevalue("x64")
    x = np.random.default_rng(0).normal(1e4, 5, (50, 3))
    made = data.from_arrays(x, np.arange(50) / 25)
    rows = {name: np.rint(25 * split.y).astype(int) for name, split in made.splits.items()}
    for name, split in made.splits.items():
        np.testing.assert_array_equal(made.scale(x[rows[name]]), split.x)
        assert made.scale(x[:1]).dtype == split.x.dtype
    np.testing.assert_allclose(made.scaling.mean, x[rows["train"]].mean(axis=0), rtol=1e-14)


def test_new_rows_of_raw_data_stay_as_they_are():
    made = data.from_arrays(FLOATS, LABELS, standardize=False)
    assert "scaled      no" in repr(made)
    np.testing.assert_array_equal(made.scale(FLOATS), FLOATS)
    assert made.scale(FLOATS.astype(int).tolist()).dtype == np.float32


def test_known_sets_keep_their_scaling():
    from sklearn.datasets import load_digits

    digits = data.load("digits")
    assert np.shape(digits.scaling.mean) == ()
    pixels = np.sort(digits.scale(load_digits().data).sum(axis=1))
    kept = np.sort(np.concatenate([split.x for split in digits.splits.values()]).sum(axis=1))
    np.testing.assert_allclose(pixels, kept, atol=1e-4)
    assert data.load("diabetes").scaling is not None
    xor = data.load("xor")
    assert "scaled      no" in repr(xor)
    np.testing.assert_array_equal(xor.scale(xor.train.x), xor.train.x)


def test_a_dataset_made_by_hand_says_that_nothing_is_known_of_its_scaling():
    made = data.from_arrays(FLOATS, LABELS)
    by_hand = data.Dataset(*made.splits.values())
    with pytest.raises(ValueError, match=r"^scale: this Dataset was made by hand.*from_splits"):
        by_hand.scale(FLOATS)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (FLOATS[:, :2], "x: got 2 features, expected 3, those of the training rows"),
        (FLOATS[0], r"x: got shape \(3,\), .*Use x\[None, :\] for one example"),
        (FLOATS.astype(str), "x: column '0', row 0: got '0.0', a text"),
        (np.full((1, 3), np.nan), "x: .*not finite"),
    ],
)
def test_new_rows_that_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(FLOATS, LABELS).scale(x)


def test_repr_shows_shapes_only():
    made = data.load("digits")
    assert repr(made.test) == "Split(x (270, 64) float32, y (270,) int32)"
    assert "train       x (1257, 64) float32, y (1257,) int32" in repr(made)
    assert len(repr(made)) < 250


# -------------------- by name

SHAPES = {  # features, classes (None: regression), train / validation / test
    "digits": (64, 10, (1257, 270, 270)),
    "breast_cancer": (30, 2, (399, 85, 85)),
    "wine": (13, 3, (124, 27, 27)),
    "diabetes": (10, None, (310, 66, 66)),
    "moons": (2, 2, (1400, 300, 300)),
    "circles": (2, 2, (1400, 300, 300)),
    "spirals": (2, 2, (1400, 300, 300)),
    "xor": (2, 2, (4, 4, 4)),
    "cubic": (3, None, (100, 100, 100)),
    "mnist1d": (40, 10, (3400, 600, 1000)),
}


@pytest.fixture(scope="module")
def loaded():
    return {name: data.load(name) for name in SHAPES}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_dtypes_and_classes(loaded, name):
    features, classes, sizes = SHAPES[name]
    assert tuple(len(split.x) for split in loaded[name].splits.values()) == sizes
    for split in loaded[name].splits.values():
        assert split.x.shape == (len(split.y), features)
        assert split.x.dtype == np.float32
        assert np.isfinite(split.x).all()
        assert split.y.ndim == 1
        if classes is None:
            assert split.y.dtype == np.float32
            assert np.isfinite(split.y).all()
        else:
            assert split.y.dtype == np.int32
            np.testing.assert_array_equal(np.unique(split.y), np.arange(classes))


@pytest.mark.parametrize(
    "name", ["breast_cancer", "wine", "diabetes", "moons", "circles", "spirals"]
)
def test_scaled_by_the_feature(loaded, name):
    x = loaded[name].train.x.astype(np.float64)
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ["digits", "mnist1d"])
def test_scaled_by_one_mean_and_std(loaded, name):
    x = loaded[name].train.x.astype(np.float64)
    assert abs(x.mean()) < 1e-6
    assert abs(x.std() - 1) < 1e-6
    assert np.ptp(x.std(axis=0)) > 0.1


def test_diabetes_scales_its_target_by_the_training_rows(loaded):
    y = loaded["diabetes"].train.y.astype(np.float64)
    assert abs(y.mean()) < 1e-6
    assert abs(y.std() - 1) < 1e-6
    assert (
        abs(np.concatenate([split.y for split in loaded["diabetes"].splits.values()]).mean()) > 1e-4
    )


@pytest.mark.parametrize(
    "name", [name for name in SHAPES if name not in ("mnist1d", "xor", "cubic")]
)
def test_the_splits_have_every_example_once(loaded, name):
    """The rows of each of these sets are distinct, and the sizes add up to the set: none twice is
    each once.
    """
    made = loaded[name]
    rows = np.concatenate([np.column_stack([split.x, split.y]) for split in made.splits.values()])
    assert len(np.unique(rows, axis=0)) == len(rows)


def test_loading_twice_gives_equal_arrays_that_are_not_shared(loaded):
    for name in ("wine", "spirals", "cubic", "xor"):
        again = data.load(name)
        for split, other in zip(loaded[name].splits.values(), again.splits.values(), strict=True):
            np.testing.assert_array_equal(split.x, other.x)
            np.testing.assert_array_equal(split.y, other.y)
            assert not np.shares_memory(split.x, other.x)


def test_every_name_is_described_and_tested():
    assert set(data.names) == {*SHAPES, "mnist"}
    rows = [
        line.split("|")[1].strip() for line in data.__doc__.splitlines() if line.startswith("| ")
    ]
    assert tuple(rows[1:]) == data.names


def test_unknown_names_meet_the_closest_known_one():
    with pytest.raises(
        ValueError, match=r"^data: 'spiral' is not known; did you mean 'spirals'\? Known: digits, "
    ):
        data.load("spiral")
    with pytest.raises(ValueError, match=r"^data: None is not known"):
        data.load(None)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("digits", "sklearn", "experiments"),
        ("moons", "sklearn", "experiments"),
        ("mnist1d", "mnist1d.data", "mnist1d"),
    ],
)
def test_a_missing_package_is_named_with_its_remedy(monkeypatch, name, package, extra):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'pip install "fnn\[{extra}\]"'):
        data.load(name)


@pytest.mark.slow
def test_loading_starts_no_backend():
    """Until JAX's first operation the number of CPU devices can be chosen; afterwards
    that raises.
    """
    code = """
import jax
from fnn import data
for name in ("digits", "cubic", "xor"):
    data.load(name)
jax.config.update("jax_num_cpu_devices", 3)
assert len(jax.devices("cpu")) == 3
"""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("JAX_NUM_CPU_DEVICES", "XLA_FLAGS")
    }
    environment["PYTHONPATH"] = str(Path(data.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------------------------- made-up data


def test_xor_is_the_truth_table(loaded):
    for split in loaded["xor"].splits.values():
        np.testing.assert_array_equal(split.x, [[0, 0], [0, 1], [1, 0], [1, 1]])
        np.testing.assert_array_equal(split.y, [0, 1, 1, 0])


def test_cubic_has_its_least_squares(x64):
    made = data.load("cubic")
    for x, y in made.splits.values():
        w, squares, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(100)]), y, rcond=None)
        np.testing.assert_allclose(w, [0.964505, -2.062499, -2.894904, 4.125564], atol=5e-7)
        np.testing.assert_allclose(squares, [22.323796], atol=5e-7)
        s = np.linspace(-2, 2, 100)
        np.testing.assert_allclose(x, np.column_stack([s**3, s**2, s]), rtol=1e-14)


def linearly_separable(x, y) -> bool:
    """Whether some w, b has ±(w·x + b) ≥ 1 on every example: a linear program, feasible or not."""
    sign = np.where(y == 1, 1.0, -1.0)[:, None]
    bounded = linprog(
        np.zeros(3),
        A_ub=-sign * np.column_stack([x, np.ones(len(x))]),
        b_ub=-np.ones(len(x)),
        bounds=(None, None),
    )
    assert bounded.status in (0, 2)
    return bounded.status == 0


def nearest_neighbour_accuracy(made: data.Dataset) -> float:
    distance = ((made.test.x[:, None] - made.train.x[None]) ** 2).sum(axis=-1)
    return float(np.mean(made.train.y[distance.argmin(axis=1)] == made.test.y))


@pytest.mark.parametrize("name", ["spirals", "moons", "circles"])
def test_planar_sets_are_balanced_not_linearly_separable_and_learnable(loaded, name):
    made = loaded[name]
    y = np.concatenate([split.y for split in made.splits.values()])
    np.testing.assert_array_equal(np.bincount(y), [1000, 1000])
    assert not linearly_separable(made.train.x, made.train.y)
    assert nearest_neighbour_accuracy(made) > 0.94


def test_the_separability_test_knows_a_separable_set(loaded):
    x = loaded["spirals"].train.x
    assert linearly_separable(x, (x @ [1.0, 2.0] > 0.1).astype(int))


def test_the_arms_of_the_spirals_alternate_along_an_axis(loaded):
    """θ in [π/2, 7π/2] crosses the horizontal axis at π, 2π and 3π: six crossings by two arms,
    taking turns.
    """
    x, y = (
        np.concatenate([getattr(split, part) for split in loaded["spirals"].splits.values()])
        for part in ("x", "y")
    )
    near = np.abs(x[:, 1]) < 0.05
    labels = y[near][np.argsort(x[near, 0])]
    assert np.count_nonzero(np.diff(labels)) == 5


@pytest.mark.long
def test_mnist1d_is_the_packages_own(loaded):
    from mnist1d.data import get_dataset_args, make_dataset

    with mnist1d._global_random_state_kept():
        package = make_dataset(get_dataset_args())
    made = loaded["mnist1d"]
    np.testing.assert_array_equal(made.test.y, package["y_test"])
    seen = np.concatenate([made.train.y, made.validation.y])
    np.testing.assert_array_equal(np.bincount(seen), np.bincount(package["y"]))
    slope = np.ptp(made.test.x) / np.ptp(package["x_test"])
    offset = made.test.x[0, 0] - slope * package["x_test"][0, 0]
    np.testing.assert_allclose(made.test.x, slope * package["x_test"] + offset, atol=1e-5)
    rows = np.sort(slope * package["x"][:, 0] + offset)
    mine = np.sort(np.concatenate([made.train.x[:, 0], made.validation.x[:, 0]]))
    np.testing.assert_allclose(mine, rows, atol=1e-5)


def test_mnist1d_of_another_size():
    made = mnist1d.sized(50, 30, 120)
    assert [len(split.x) for split in made.splits.values()] == [50, 30, 120]
    assert (np.bincount(np.concatenate([split.y for split in made.splits.values()])) == 20).all()
    rows = np.concatenate([split.x for split in made.splits.values()])
    assert len(np.unique(rows, axis=0)) == 200
    assert abs(made.train.x.astype(np.float64).mean()) < 1e-6


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((50, 30, 121), "= 201 rows, expected a multiple of 10"), ((50, 0, 150), "validation: got 0")],
)
def test_mnist1d_refuses_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        mnist1d.sized(*sizes)


@pytest.mark.slow
def test_mnist1d_leaves_the_global_random_state():
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.random()
    random.seed(5)
    np.random.seed(5)
    data.load("mnist1d")
    assert (random.random(), np.random.random()) == expected


def test_the_global_random_state_survives_an_error(monkeypatch):
    def seed_and_fail(args):
        random.seed(1)
        np.random.seed(1)
        raise RuntimeError("within")

    monkeypatch.setattr("mnist1d.data.make_dataset", seed_and_fail)
    before = random.getstate(), np.random.get_state()[1].tolist()
    with pytest.raises(RuntimeError, match="within"):
        data.load("mnist1d")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


# -------------------- mnist


def idx_bytes(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def test_idx_files_are_parsed():
    array = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    np.testing.assert_array_equal(idx.parse(idx_bytes(array), "f", 3), array)
    np.testing.assert_array_equal(idx.parse(idx_bytes(array[:, 0, 0]), "f", 1), [0, 6, 12, 18])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "^f: starts with nothing, expected 00000803"),
        (b"\x00\x00\x0d\x03" + bytes(12), "^f: starts with 00000d03, expected 00000803"),
        (idx_bytes(np.zeros(3, np.uint8)), "^f: starts with 00000801, expected 00000803"),
        (
            idx_bytes(np.zeros((1, 2, 3), np.uint8))[:15],
            "^f: ends within its header, 15 of 16 bytes",
        ),
        (
            idx_bytes(np.zeros((1, 2, 3), np.uint8))[:-1],
            r"^f: got 21 bytes, expected 22 for shape \(1, 2, 3\)",
        ),
        (idx_bytes(np.zeros((1, 2, 3), np.uint8)) + b"x", "^f: got 23 bytes, expected 22"),
    ],
)
def test_broken_idx_files_are_refused(content, message):
    with pytest.raises(ValueError, match=message):
        idx.parse(content, "f", 3)


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A small MNIST whose hashes are known: 20 training and 6 test images of 2×3, its cache within
    tmp_path.
    """
    rng = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": rng.integers(0, 256, (20, 2, 3), np.uint8),
        "train-labels-idx1-ubyte": np.arange(20, dtype=np.uint8) % 10,
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (6, 2, 3), np.uint8),
        "t10k-labels-idx1-ubyte": np.arange(6, dtype=np.uint8)[::-1],
    }
    contents = {name: idx_bytes(array) for name, array in arrays.items()}
    monkeypatch.setattr(
        mnist, "SHA256", {name: hashlib.sha256(c).hexdigest() for name, c in contents.items()}
    )
    monkeypatch.setattr(mnist, "VALIDATION", 5)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FNN_DATA_DIR", raising=False)
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    return arrays, contents


def no_network(url, timeout):
    raise urllib.error.URLError("no network in tests")


class Response(io.BytesIO):
    """What urlopen returns, as far as it is used."""

    def __init__(self, content: bytes, length: int | None):
        super().__init__(content)
        self.headers = {} if length is None else {"Content-Length": str(length)}


def put(folder, contents, suffix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}{suffix}").write_bytes(gzip.compress(content) if suffix else content)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_mnist_from_ones_own_folder(small, monkeypatch, tmp_path, suffix, subfolder):
    _, contents = small
    put(tmp_path / "own" / subfolder, contents, suffix)
    monkeypatch.setenv("FNN_DATA_DIR", str(tmp_path / "own"))
    made = data.load("mnist")
    assert [split.x.shape for split in made.splits.values()] == [(15, 6), (5, 6), (6, 6)]
    assert {str(split.x.dtype) for split in made.splits.values()} == {"float32"}
    assert {str(split.y.dtype) for split in made.splits.values()} == {"int32"}
    np.testing.assert_array_equal(made.test.y, [5, 4, 3, 2, 1, 0])
    assert not (tmp_path / "cache").exists()


def test_mnist_splits_and_scales(small, tmp_path, x64):
    arrays, contents = small
    put(tmp_path / "cache" / "fnn" / "mnist", contents)
    made = data.load("mnist")
    pixels = arrays["train-images-idx3-ubyte"].reshape(20, 6).astype(float)
    validation, train = parts.partition(20, [5], 0)
    mean, std = pixels[train].mean(), pixels[train].std()
    np.testing.assert_allclose(made.train.x, (pixels[train] - mean) / std, rtol=1e-12)
    np.testing.assert_allclose(made.validation.x, (pixels[validation] - mean) / std, rtol=1e-12)
    np.testing.assert_array_equal(made.train.y, train % 10)
    np.testing.assert_array_equal(made.validation.y, validation % 10)
    test = arrays["t10k-images-idx3-ubyte"].reshape(6, 6)
    np.testing.assert_allclose(made.test.x, (test - mean) / std, rtol=1e-12)
    assert sorted([*train, *validation]) == list(range(20))


def test_mnist_of_another_content_is_refused(small, monkeypatch, tmp_path):
    _, contents = small
    name = "t10k-labels-idx1-ubyte"
    put(tmp_path / "own", contents | {name: contents[name] + b"x"})
    monkeypatch.setenv("FNN_DATA_DIR", str(tmp_path / "own"))
    got = hashlib.sha256(contents[name] + b"x").hexdigest()
    with pytest.raises(
        ValueError, match=rf"own/{name}: .*SHA-256 {got}, expected {mnist.SHA256[name]}"
    ):
        data.load("mnist")
    with pytest.raises(ValueError, match=rf"own/{name}: .*SHA-256 {got}"):
        mnist.fetch()


def test_a_damaged_gzip_file_is_refused(small, tmp_path):
    _, contents = small
    folder = tmp_path / "cache" / "fnn" / "mnist"
    put(folder, contents, ".gz")
    path = folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz: is no whole gzip file"):
        data.load("mnist")


def test_offline_the_error_says_which_files_go_where_and_what_was_tried(small, tmp_path):
    with pytest.raises(ConnectionError) as caught:
        data.load("mnist")
    message = str(caught.value)
    for mirror in mnist.MIRRORS:
        assert (
            f"{mirror}train-images-idx3-ubyte.gz: URLError: <urlopen error no network in tests>"
            in message
        )
    for name in mnist.SHA256:
        assert f"\n  {name}" in message
    assert "set FNN_DATA_DIR to it (it is not set)" in message
    assert str(tmp_path / "cache" / "fnn" / "mnist") in message


def test_what_ones_own_folder_lacks_is_said_and_taken_from_the_cache(small, monkeypatch, tmp_path):
    _, contents = small
    put(tmp_path / "own", {name: c for name, c in contents.items() if name.startswith("train")})
    put(tmp_path / "cache" / "fnn" / "mnist", contents)
    monkeypatch.setenv("FNN_DATA_DIR", str(tmp_path / "own"))
    with pytest.warns(
        UserWarning, match=r"own lacks t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte \(raw or \.gz"
    ):
        paths = mnist.fetch()
    assert [path.parent.name for path in paths.values()] == ["own", "own", "mnist", "mnist"]


def test_downloads_go_to_the_cache_once(small, monkeypatch, tmp_path, capsys):
    _, contents = small
    asked = []

    def urlopen(url, timeout):
        asked.append((url, timeout))
        packed = gzip.compress(contents[url.rsplit("/", 1)[1].removesuffix(".gz")])
        return Response(packed, len(packed))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("FNN_DATA_DIR", str(tmp_path / "own"))
    with pytest.warns(UserWarning, match="lacks"):
        first = data.load("mnist")
    assert asked == [
        (f"{mnist.MIRRORS[0]}{name}.gz", download.TIMEOUT_SECONDS) for name in contents
    ]
    assert "train-images-idx3-ubyte.gz: 100%" in capsys.readouterr().err
    kept = sorted(path.name for path in (tmp_path / "cache" / "fnn" / "mnist").iterdir())
    assert kept == sorted(f"{name}.gz" for name in contents)
    assert not list((tmp_path / "own").iterdir())
    monkeypatch.delenv("FNN_DATA_DIR")
    np.testing.assert_array_equal(data.load("mnist").train.x, first.train.x)
    assert len(asked) == 4


def raises(error):
    def answer(packed):
        raise error

    return answer


@pytest.mark.parametrize(
    "first_answers",
    [
        lambda packed: packed[:-9],
        lambda packed: b"",
        raises(TimeoutError("slow")),
        raises(IncompleteRead(b"")),
    ],
    ids=["half a file", "nothing", "too slowly", "a broken answer"],
)
def test_a_mirror_that_fails_is_passed_over(small, monkeypatch, first_answers):
    _, contents = small

    def urlopen(url, timeout):
        packed = gzip.compress(contents[url.rsplit("/", 1)[1].removesuffix(".gz")])
        return Response(first_answers(packed) if url.startswith(mnist.MIRRORS[0]) else packed, None)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    assert len(data.load("mnist").train.x) == 15


def test_nothing_wrong_reaches_the_cache(small, monkeypatch, tmp_path):
    monkeypatch.setattr(
        urllib.request, "urlopen", lambda url, timeout: Response(b"<html>log in</html>", None)
    )
    with pytest.raises(ConnectionError, match=r"ValueError: .*its content has SHA-256"):
        data.load("mnist")
    assert not (tmp_path / "cache").exists()


def test_an_interrupted_write_leaves_no_file(monkeypatch, tmp_path):
    def interrupted(path, content):
        path.write_bytes(content[:3])
        raise OSError("disk full")

    monkeypatch.setattr("fnn.checkpoint.files.write", interrupted)
    with pytest.raises(OSError, match="disk full"):
        download._store(b"content", tmp_path / "folder" / "file")
    assert list((tmp_path / "folder").iterdir()) == []


def test_a_former_name_says_the_new_one():
    with pytest.raises(AttributeError, match=r"fnn\.data\.mnist\.at_hand is now is_local"):
        mnist.at_hand  # noqa: B018


def test_the_cache_is_in_the_home_folder_where_nothing_else_is_set(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(mnist.cache_folder()) == "/home/someone/.cache/fnn/mnist"


# -------------------- scripts/fetch_data

SCRIPT = Path(__file__).parents[2] / "scripts" / "fetch_data"


def test_fetch_data_teaches():
    done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: scripts/fetch_data")
    assert "FNN_DATA_DIR" in done.stdout


def test_fetch_data_refuses_arguments():
    done = subprocess.run([SCRIPT, "cifar10"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown argument 'cifar10'" in done.stderr
