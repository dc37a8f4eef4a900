"""A run that goes on has the bits of the longer run; one that begins elsewhere begins there."""

import pickle

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import data, losses, optim
from fnn.runs.engine import clear_caches
from tests.problems import blobs, line

NET = fnn.mlp((3, 8, 3), activation="tanh")
NORMALIZED = fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.2)
CE = losses.softmax_cross_entropy
ADAM = optim.adam(1e-2)
bits = pytest.mark.optimized(otherwise=False)
pytestmark = pytest.mark.filterwarnings("ignore:optimizer. L-BFGS is for full batches")


def quick(net=NET, loss=CE, optimizer=ADAM, dataset=None, **options):
    options = {"epochs": 6, "batch_size": 10, "progress": False} | options
    return fnn.train(net, loss, optimizer, dataset or blobs(), **options)


def assert_same(one: fnn.Run, other: fnn.Run):
    """Everything but the seconds and what tells the call."""
    left_out = {"compile_seconds": 0.0, "run_seconds": 0.0, "origin": None}
    chex.assert_trees_all_equal(one._replace(**left_out), other._replace(**left_out))


OPTIMIZERS = {
    "adam": ADAM,
    "a schedule": optim.adam(optax.cosine_decay_schedule(1e-2, 30)),
    "momentum": optim.momentum(1e-2),
    "schedule-free": optax.contrib.schedule_free_adamw(1e-2),
    "plateau": optax.chain(optax.adam(1e-2), optax.contrib.reduce_on_plateau(patience=5)),
    "lbfgs": optax.lbfgs(),
    "accumulated": optax.MultiSteps(optax.adam(1e-2), 4),
    "noisy": optax.noisy_sgd(0.1, key=jax.random.key(3)),
}


@bits
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_it_has_the_bits_of_the_longer_run(optimizer):
    whole = quick(optimizer=optimizer)
    for first in (1, 4):
        begun = quick(optimizer=optimizer, epochs=first)
        assert_same(quick(optimizer=optimizer, start=begun), whole)


@bits
def test_batch_normalisation_and_dropout_go_on():
    whole = quick(NORMALIZED, seed=5)
    begun = quick(NORMALIZED, seed=5, epochs=2)
    assert_same(quick(NORMALIZED, start=begun), whole)


@bits
@pytest.mark.parametrize("how", ["saved", "pickled"])
def test_a_run_that_was_put_away_goes_on(tmp_path, how):
    begun = quick(epochs=2)
    if how == "saved":
        begun.save(tmp_path / "run")
        begun = fnn.load(tmp_path / "run")
    else:
        begun = pickle.loads(pickle.dumps(begun))
    assert_same(quick(start=begun), quick())


@bits
def test_the_run_that_is_given_stays_as_it_is():
    begun = quick(epochs=2)
    before = jax.tree.map(np.array, begun._replace(origin=None))
    quick(start=begun)
    chex.assert_trees_all_equal(jax.tree.map(np.array, begun._replace(origin=None)), before)


@bits
def test_more_patience_is_the_patience_it_had_from_the_start():
    options = {"optimizer": optim.adam(0.1), "epochs": 40}
    short, long, endless = (quick(**options, patience=p) for p in (2, 6, None))
    assert short.stopped_epoch < long.stopped_epoch < endless.stopped_epoch
    assert_same(quick(**options, patience=2, start=short), short)
    assert_same(quick(**options, patience=6, start=short), long)
    assert_same(quick(**options, start=long), endless)


def test_a_run_that_ended_compiles_nothing():
    run = quick(epochs=2)
    again = quick(epochs=2, start=run)
    assert_same(again, run)
    assert again.compile_seconds == again.run_seconds == 0


def test_more_epochs_are_the_same_program():
    clear_caches()
    for epochs in (3, 7, 32):
        run = quick(epochs=epochs)
        assert (run.compile_seconds == 0) == (epochs > 3)
        assert run.history["test_loss"].shape == (epochs,)
    assert quick(epochs=33).compile_seconds > 0


def test_less_patience_is_refused():
    run = quick(optimizer=optim.adam(0.1), epochs=40, patience=6)
    with pytest.raises(
        ValueError, match=r"patience: got 1, with which the run of start would have"
    ):
        quick(optimizer=optim.adam(0.1), epochs=40, patience=1, start=run)


def test_a_run_that_diverged_stays_so():
    growing = fnn.mlp((1, 1), init="constant"), losses.squared_error, optim.sgd(1e3), line()
    with pytest.warns(UserWarning, match="diverged"):
        begun, whole = (quick(*growing, epochs=epochs) for epochs in (20, 25))
    assert begun.diverged
    with pytest.warns(UserWarning, match="diverged"):
        assert_same(quick(*growing, epochs=25, start=begun), whole)


OTHERS = {
    "optimizer": ({"optimizer": optim.adam(2e-2)}, "optimizer.learning_rate: saved 0.01, now 0.02"),
    "net": ({"net": fnn.mlp((3, 4, 3), activation="tanh")}, "saved 8, now 4"),
    "activation": ({"net": fnn.mlp((3, 8, 3))}, "saved 'tanh'"),
    "data": ({"dataset": blobs(seed=1)}, "other numbers in train.x, "),
    "batch_size": ({"batch_size": 14}, "batch_size: saved 10, now 14"),
    "monitor": ({"monitor": "validation_accuracy"}, "monitor: saved .*validation_loss"),
    "seed": ({"seed": 3}, "seed: got 3, but the run in start has seed 0"),
    "epochs": ({"epochs": 1}, "epochs: got 1, but the run of start has trained 2"),
    "transform": ({"transform_train": data.label_noise(0.1, 3)}, "start: the run was trained by"),
    "loss": ({"loss": losses.smoothed(CE, 0.1)}, "start: the run was trained by another call"),
}


@pytest.mark.every(1)
@pytest.mark.parametrize("put_away", [False, True])
@pytest.mark.parametrize("other", OTHERS)
def test_another_call_is_refused_with_the_difference(other, put_away):
    run = quick(epochs=2)
    run = pickle.loads(pickle.dumps(run)) if put_away else run
    options, message = OTHERS[other]
    with pytest.raises(ValueError, match=message):
        quick(start=run, **options)


def test_data_that_were_changed_in_place_are_refused():
    dataset = blobs()
    x = np.array(dataset.train.x)
    dataset = dataset._replace(train=data.Split(x, dataset.train.y))
    run = quick(dataset=dataset, epochs=2)
    x[0, 0] += 1
    with pytest.raises(ValueError, match=r"other numbers in train.x"):
        quick(dataset=dataset, start=run)


def test_a_run_of_a_sweep_is_refused_with_what_to_do():
    sweep = fnn.sweep(
        lambda hyper: (NET, CE, ADAM), blobs(), epochs=2, batch_size=10, seeds=[0], progress=False
    )
    with pytest.raises(ValueError, match=r"without the state of its optimizer.* start=run\.params"):
        quick(start=sweep.run(0, 0))


# ------------------------------------------------------------------------------------ parameters


@bits
def test_it_begins_at_given_parameters():
    """Given those that the seed draws, it is the run of that seed; given others, one of a network
    whose init returns them."""
    params, state = jax.jit(NORMALIZED.init)(jax.random.fold_in(jax.random.key(0), 0))
    assert_same(quick(NORMALIZED, start=(params, state)), quick(NORMALIZED))
    own = quick(epochs=3).params
    begins_there = NET._replace(init=lambda key: (own, ()))
    chex.assert_trees_all_equal(quick(start=own).params, quick(begins_there).params)
    assert quick(start=own).optimizer_state.steps == 6 * 5


def test_parameters_of_numpy_are_taken_as_they_are():
    params = jax.tree.map(np.array, quick(epochs=1).params)
    as_jax = quick(start=jax.tree.map(jnp.asarray, params))
    chex.assert_trees_all_equal(quick(start=params).params, as_jax.params)


def test_wrong_parameters_are_refused():
    with jax.enable_x64(True):
        fnn.apply(NET, NET.init(jax.random.key(0))[0], np.zeros((1, 3)))  # its float64 is not kept
    params = quick(epochs=1).params
    for wrong, message in {
        "a folder": ("runs/one", "start: got 'runs/one'; load it first"),
        "other shapes": (
            fnn.mlp((3, 4, 3)).init(jax.random.key(0))[0],
            "neither a Run, nor params",
        ),
        "a list": (list(params), "start: got a list that is neither a Run, nor params"),
    }.values():
        with pytest.raises(ValueError, match=message):
            quick(start=wrong)
    turned = NORMALIZED.init(jax.random.key(0))[::-1]
    with pytest.raises(ValueError, match=r"start: got \(state, params\)"):
        quick(NORMALIZED, start=turned)
    with pytest.raises(ValueError, match=r"start: params.*got dtype float64, expected float32"):
        quick(start=jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params))
    with pytest.raises(ValueError, match=r"start: params.*not finite"):
        quick(start=jax.tree.map(lambda leaf: leaf * jnp.nan, params))


# ------------------------------------------------------------------------------------ directories


@bits
def test_a_directory_goes_on_to_more_epochs(tmp_path):
    whole = quick()
    for epochs in (2, 4, 6):
        run = quick(epochs=epochs, checkpoint=tmp_path / "run")
    assert_same(run, whole)
    assert_same(fnn.load(tmp_path / "run"), whole)
    with pytest.raises(ValueError, match=r"epochs: got 3, but the run of .* has trained 6"):
        quick(epochs=3, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match=r"optimizer\.learning_rate: saved 0\.01, now 0\.02"):
        quick(optimizer=optim.adam(2e-2), checkpoint=tmp_path / "run")


@bits
def test_a_directory_goes_on_with_more_patience(tmp_path):
    options = {"optimizer": optim.adam(0.1), "epochs": 40}
    quick(**options, patience=2, checkpoint=tmp_path / "run")
    run = quick(**options, patience=6, checkpoint=tmp_path / "run")
    assert_same(run, quick(**options, patience=6))


@bits
def test_a_longer_run_that_is_interrupted_goes_on(tmp_path, monkeypatch):
    """It was saved at 3 of 3 epochs, and then at 5 of 6: the furthest state counts."""
    whole = quick()
    directory = tmp_path / "run"
    quick(epochs=3, checkpoint=directory)

    class Stopped(Exception):
        pass

    def stop(self, block, state):
        save(self, block, state)
        raise Stopped

    save = fnn.runs.journal.DirectoryJournal.save_progress
    with monkeypatch.context() as patched:
        patched.setattr(fnn.runs.journal.DirectoryJournal, "save_progress", stop)
        with pytest.raises(Stopped):
            quick(checkpoint=directory, checkpoint_epochs=1)
    assert fnn.load(directory).stopped_epoch == 3
    assert_same(quick(checkpoint=directory), whole)


def test_another_float_setting_is_refused(x64):
    with jax.enable_x64(False):
        run = quick(dataset=blobs(), epochs=1)
        put_away = pickle.dumps(run)
    for narrow in (run, pickle.loads(put_away)):
        with pytest.raises(ValueError, match="float: saved 'float32', now 'float64'"):
            quick(dataset=blobs(), start=narrow)


def test_a_run_that_ended_is_in_its_directory(tmp_path):
    run = quick(epochs=2)
    quick(epochs=2, start=run, checkpoint=tmp_path / "run")
    assert_same(fnn.load(tmp_path / "run"), run)


@bits
def test_a_start_is_part_of_the_call_of_a_directory(tmp_path):
    begun = quick(epochs=2)
    assert_same(quick(start=begun, checkpoint=tmp_path / "run"), quick())
    assert_same(quick(start=begun, checkpoint=tmp_path / "run"), quick())
    with pytest.raises(ValueError, match="belongs to a call with other arguments"):
        quick(start=quick(epochs=1).params, checkpoint=tmp_path / "run")


def named(names):
    """Return one table under the names of its classes and of its categories."""
    rng = np.random.default_rng(0)
    number = np.arange(60) % 2
    numbers = rng.normal(size=60)
    classes = np.array(names)[(numbers > 0).astype(int)]
    columns = {"animal": np.array(names)[number], "size": numbers, "kind": classes}
    return data.from_frame(columns, "kind")


def test_other_names_for_equal_numbers_are_other_data(tmp_path):
    net = fnn.mlp((3, 4, 2))
    run = quick(net, dataset=named(["cat", "dog"]))
    others = named(["rat", "sheep"])
    message = r"classes: .*cat, dog.*rat, sheep"
    with pytest.raises(ValueError, match=message):
        quick(net, dataset=others, start=run, epochs=8)
    with pytest.raises(ValueError, match=message):
        quick(net, dataset=others, start=pickle.loads(pickle.dumps(run)), epochs=8)
    options = {"epochs": 2, "batch_size": 10, "seeds": [0], "progress": False}

    def builder(hyper):
        return net, CE, ADAM

    sweep = fnn.sweep(builder, named(["cat", "dog"]), checkpoint=tmp_path / "kept", **options)
    with pytest.raises(ValueError, match=message):
        fnn.sweep(builder, others, checkpoint=tmp_path / "kept", **options)
    loaded = pickle.loads(pickle.dumps(sweep))
    with pytest.raises(ValueError, match=message):
        loaded.extend(seeds=[1], builder=builder, dataset=others, progress=False)


def test_a_sweep_is_no_start():
    sweep = fnn.sweep(
        lambda hyper: (NET, CE, ADAM), blobs(), seeds=[0], epochs=1, batch_size=10, progress=False
    )
    with pytest.raises(ValueError, match=r"start: got a Sweep.*start=sweep\.run\(setting, seed\)"):
        quick(start=sweep)
