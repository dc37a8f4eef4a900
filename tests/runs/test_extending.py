"""More seeds and settings for a sweep: old runs stay, new ones have the bits of one sweep."""

import pickle

import chex
import jax
import numpy as np
import pytest

import fnn
from fnn import losses, optim
from fnn.runs.driver import Driver
from tests.problems import blobs

CE = losses.softmax_cross_entropy
D = blobs()
OPTIONS = {"epochs": 3, "batch_size": 10, "progress": False}


def builder(hyper):
    return fnn.mlp((3, hyper["width"], 3)), CE, optim.adam(hyper["rate"])


def swept(**options):
    options = {"seeds": [5, 2], "hyper": {"rate": [1e-3, 1e-2], "width": [8]}} | options
    return fnn.sweep(builder, D, **OPTIONS | options)


def assert_same(one, other):
    assert (one.settings, one.seeds, one.runs_per_vmap) == (
        other.settings,
        other.seeds,
        other.runs_per_vmap,
    )
    for name in ("history", "finished", "outputs", "best_epoch", "stopped_epoch", "diverged_step"):
        chex.assert_trees_all_equal(getattr(one, name), getattr(other, name))


@pytest.mark.optimized(otherwise=False)
@pytest.mark.parametrize("keep_params", [True, False])
@pytest.mark.parametrize("runs_per_vmap", [1, 8])
def test_it_is_one_sweep_over_all_of_them(keep_params, runs_per_vmap):
    options = {"keep_params": keep_params, "runs_per_vmap": runs_per_vmap}
    small = swept(**options)
    large = small.extend(
        seeds=[7, 5, *range(10, 20)], hyper={"rate": [1e-2, 0.1], "width": [8]}, progress=False
    )
    points = [{"rate": rate, "width": 8} for rate in (1e-3, 1e-2, 0.1)]
    whole = swept(seeds=[5, 2, 7, *range(10, 20)], hyper=points, **options)
    assert_same(large, whole)
    chex.assert_trees_all_equal(large.run(2, 7).params, whole.run(2, 7).params)
    assert small.finished.shape == (2, 2)


@pytest.mark.slow
@pytest.mark.every(1)
@pytest.mark.parametrize("runs_per_vmap", [1, 8])
def test_what_the_caller_asked_for_holds_for_new_programs_too(runs_per_vmap):
    sweep = swept(runs_per_vmap=runs_per_vmap)
    larger = sweep.extend(
        seeds=np.arange(10, 25), hyper={"rate": [1e-2], "width": [4]}, progress=False
    )
    assert larger.runs_per_vmap == (runs_per_vmap,) * 3


@pytest.mark.slow
def test_parameters_stay_where_a_sweep_was_not_finished(tmp_path, monkeypatch):
    class Stopped(Exception):
        pass

    save = fnn.runs.journal.DirectoryJournal.save_finished

    def stop(self, block, outcome):
        save(self, block, outcome)
        raise Stopped

    two_programs = {"hyper": {"rate": [1e-2], "width": [8, 4]}, "checkpoint": tmp_path / "sweep"}
    with monkeypatch.context() as patched:
        patched.setattr(fnn.runs.journal.DirectoryJournal, "save_finished", stop)
        with pytest.raises(Stopped):
            swept(**two_programs)
    partial = fnn.load(tmp_path / "sweep")
    assert partial.finished.tolist() == [[True, True], [False, False]]
    whole = partial.extend(seeds=[9], progress=False, builder=builder, dataset=D)
    assert whole.finished.all()
    assert all(outputs is not None for outputs in whole.outputs)


def test_what_is_there_is_not_trained_again(monkeypatch):
    sweep = swept()
    trained = []
    run_block = Driver._run_block

    def noted(self, number, numbers, scheduler):
        trained.extend(numbers.tolist())
        run_block(self, number, numbers, scheduler)

    monkeypatch.setattr(Driver, "_run_block", noted)
    sweep.extend(seeds=[9], progress=False)
    assert trained == [2, 5]  # of settings × (5, 2, 9)
    trained.clear()
    sweep.extend(seeds=[5], hyper={"rate": [1e-3], "width": [8]}, progress=False)
    assert not trained


def test_other_programs_may_be_added():
    sweep = swept().extend(hyper={"rate": [1e-2], "width": [4]}, progress=False)
    assert sweep.settings[-1] == {"rate": 1e-2, "width": 4}
    assert sweep.outputs[2].params[0].W.shape == (2, 4, 3)
    assert sweep.finished.all()


@pytest.mark.optimized(otherwise=False)
def test_what_was_put_away_is_extended(tmp_path):
    sweep, given = swept(), {"builder": builder, "dataset": D}
    whole = sweep.extend(seeds=[9], progress=False)
    pickled = pickle.loads(pickle.dumps(sweep))
    assert_same(pickled.extend(seeds=[9], progress=False, **given), whole)
    sweep.save(tmp_path / "sweep")
    assert_same(fnn.load(tmp_path / "sweep").extend(seeds=[9], progress=False, **given), whole)
    with pytest.raises(ValueError, match=r"extend: this sweep was unpickled or loaded.*builder="):
        fnn.load(tmp_path / "sweep").extend(seeds=[9])
    with pytest.raises(ValueError, match=r"builder, dataset, metrics: not those of this sweep"):
        pickled.extend(seeds=[9], builder=builder, dataset=blobs(seed=1))


def test_wrong_additions_are_refused():
    sweep = swept()
    with pytest.raises(ValueError, match=r"hyper: got the names rate, expected those of the sweep"):
        sweep.extend(hyper={"rate": [0.1]})
    with pytest.raises(ValueError, match="seed: got -1"):
        sweep.extend(seeds=[-1])
    with pytest.raises(ValueError, match="extend: got neither seeds nor hyper"):
        sweep.extend()
    with pytest.raises(ValueError, match="seeds"):
        sweep.extend(seeds=[])
    function = fnn.sweep_function(
        lambda key, _: {"x": jax.random.normal(key)}, seeds=[0], progress=False
    )
    with pytest.raises(ValueError, match="extend: this is a sweep of a function"):
        function.extend(seeds=[1])
