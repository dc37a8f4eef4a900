"""What was looked at and copied is not again, unless it changed; and it goes with its array."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import checks, data, losses, optim
from fnn.data import Dataset, Split
from fnn.runs import placed
from tests.problems import blobs

NET, CE, SGD = fnn.mlp((3, 4, 3)), losses.softmax_cross_entropy, optim.sgd(0.1)


def writeable():
    """A dataset of arrays that belong to the user."""
    return Dataset(*(Split(*(np.array(a) for a in split)) for split in blobs().splits.values()))


def train(dataset):
    return fnn.train(NET, CE, SGD, dataset, epochs=2, batch_size=9, progress=False)


def sweep(dataset, seeds=(0, 1)):
    return fnn.sweep(
        lambda hyper: (NET, CE, SGD), dataset, epochs=2, batch_size=9, seeds=seeds, progress=False
    )


@pytest.fixture
def looks(monkeypatch):
    """The arrays whose numbers are looked at, and those that are copied."""
    looked, copied = [], []
    finite, copy = checks.finite, placed.copied
    monkeypatch.setattr(checks, "finite", lambda name, a: looked.append(name) or finite(name, a))
    monkeypatch.setattr(placed, "copied", lambda a, mesh: copied.append(a) or copy(a, mesh))
    return looked, copied


def wide():
    """The dtypes that NumPy makes, float64 and int64."""
    splits = (Split(x.astype(np.float64), y.astype(np.int64)) for x, y in blobs().splits.values())
    return Dataset(*splits)


@pytest.mark.every(1)
@pytest.mark.parametrize("make", [blobs, writeable, wide], ids=["fnn's", "a user's", "wide"])
@pytest.mark.parametrize("run", [train, sweep])
def test_a_second_call_neither_looks_nor_copies(make, run, looks):
    looked, copied = looks
    dataset = make()
    looked.clear()  # of from_arrays
    run(dataset)
    assert len(copied) == 6
    assert len(looked) == 6
    run(dataset)
    assert len(copied) == len(looked) == 6


@pytest.mark.parametrize("value", [1e300, np.inf])
def test_a_change_of_a_wide_array_is_seen(value):
    dataset = wide()
    train(dataset)
    dataset.train.x[3, 1] = value
    with pytest.raises(ValueError, match=r"train\.x: 1 value"):
        train(dataset)
    dataset.train.x[3, 1] = 0
    dataset.test.y[0] += 2**32  # the same as int32
    with pytest.raises(ValueError, match=r"test\.y"):
        train(dataset)


@pytest.mark.every(1)
@pytest.mark.parametrize("run", [train, sweep])
@pytest.mark.parametrize("part", ["x", "y"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_array_that_was_changed_between_calls_gives_new_results(run, split, part):
    dataset = writeable()
    before = run(dataset)
    array = getattr(getattr(dataset, split), part)
    array[:] = np.roll(array, 1, axis=-1) + (0.5 if part == "x" else 0)
    after, anew = (
        run(dataset),
        run(Dataset(*(Split(*map(np.copy, s)) for s in dataset.splits.values()))),
    )
    assert any(
        not np.array_equal(before.history[name], after.history[name]) for name in before.history
    )
    for name in after.history:
        np.testing.assert_array_equal(after.history[name], anew.history[name])


def test_a_change_to_what_is_refused_is_refused():
    dataset = writeable()
    train(dataset)
    dataset.train.x[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"train\.x: .*nan at \(3, 1\)"):
        train(dataset)
    dataset.train.x[3, 1] = 0
    dataset.test.y[0] = 7
    with pytest.raises(ValueError, match="label 7"):
        train(dataset)


def test_labels_are_checked_for_each_network(looks):
    dataset = blobs()
    train(dataset)
    with pytest.raises(ValueError, match=r"label 2 for a network with 2 outputs"):
        fnn.train(fnn.mlp((3, 2)), CE, SGD, dataset, epochs=1, batch_size=9, progress=False)


def test_an_array_of_fnn_that_was_made_writeable_is_compared():
    dataset = blobs()
    before = train(dataset)
    dataset.train.x.flags.writeable = True
    dataset.train.x[:] += 1
    assert not np.array_equal(train(dataset).history["train_loss"], before.history["train_loss"])


def test_columns_in_fortran_order_are_compared_too():
    dataset = writeable()
    turned = dataset._replace(
        train=dataset.train._replace(x=np.asfortranarray(dataset.train.x)),
        test=dataset.test._replace(x=dataset.test.x[::-1]),
    )
    before = train(turned)
    np.testing.assert_array_equal(train(turned).history["train_loss"], before.history["train_loss"])
    turned.train.x[0, 0] += 1
    assert not np.array_equal(train(turned).history["train_loss"], before.history["train_loss"])


@pytest.mark.parametrize("run", [train, sweep])
def test_dropping_a_dataset_frees_its_copies(run):
    dataset = writeable()
    run(dataset)
    known = placed._records[id(dataset.train.x)]
    copies = [weakref.ref(copy) for copy in known.copies.values()]
    assert copies
    number = id(dataset.train.x)
    del dataset, known
    gc.collect()
    assert number not in placed._records
    assert all(copy() is None for copy in copies)


@pytest.mark.slow
def test_float64_is_another_copy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    splits = [Split(part, y[: len(part)]) for part in (x, x[:10].copy(), x[10:20].copy())]
    dataset = Dataset(*splits)
    assert train(dataset).params[0].W.dtype == jnp.float32
    with jax.enable_x64(True):
        assert train(dataset).params[0].W.dtype == jnp.float64
    assert train(dataset).params[0].W.dtype == jnp.float32


def test_arrays_of_jax_are_used_as_they_are(looks):
    _, copied = looks
    dataset = jax.tree.map(jnp.asarray, blobs())
    train(dataset)
    assert copied == []


def test_what_fnn_loads_is_read_only_and_no_view_of_the_users():
    x = np.random.default_rng(0).normal(size=(40, 2))
    made = data.from_arrays(x, np.arange(40) % 2, standardize=False)
    for split in (*made.splits.values(), *data.load("xor").splits.values()):
        for array in split:
            assert not array.flags.writeable
            assert not np.shares_memory(array, x)
