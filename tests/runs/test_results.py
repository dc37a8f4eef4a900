"""Results are arrays: they are pickled, saved, loaded, and turned into tables."""

import json
import pickle
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import fnn
from fnn import checkpoint, figures, losses, optim
from fnn.runs.chunks import ChunkScheduler
from fnn.runs.engine import clear_caches
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), batch_norm="before")
CE = losses.softmax_cross_entropy
D = blobs()
OPTIONS = {"epochs": 3, "batch_size": 10, "progress": False}
HYPER = {"kind": ["adam"], "rate": [1e-2, 1e-1]}


def builder(hyper):
    return NET, CE, getattr(optim, hyper["kind"])(hyper["rate"])


def swept(**options):
    return fnn.sweep(builder, D, **{"seeds": [4, 2, 9], "hyper": HYPER} | OPTIONS | options)


def noisy(key, hyper):
    """A loss over three steps, a number, and an array that is neither."""
    draw = jax.random.normal(key, (3,))
    return {"loss": hyper["scale"] * draw**2, "end": draw[0], "table": jnp.ones((2, 2))}


def function_swept(**options):
    hyper = {"scale": [1.0, 2.0]}
    return fnn.sweep_function(
        noisy, **{"seeds": range(5), "hyper": hyper, "progress": False} | options
    )


@pytest.fixture(scope="module")
def sweep():
    return swept()


@pytest.fixture(scope="module")
def of_function():
    return function_swept()


def assert_same(a: fnn.Sweep, b: fnn.Sweep) -> None:
    assert (a.settings, a.seeds, list(a.runs_per_vmap)) == (
        b.settings,
        b.seeds,
        list(b.runs_per_vmap),
    )
    chex.assert_trees_all_equal(
        (a.history, a.finished, a.outputs, a.best_epoch, a.stopped_epoch, a.diverged_step),
        (b.history, b.finished, b.outputs, b.best_epoch, b.stopped_epoch, b.diverged_step),
    )
    assert repr(a) == repr(b)


def test_results_hold_no_array_of_a_device(sweep, of_function):
    for each in (sweep, of_function):
        for leaf in jax.tree.leaves((each.history, each.outputs, each.finished)):
            assert type(leaf) is np.ndarray


@pytest.mark.parametrize("way", ["pickle", "save"])
@pytest.mark.parametrize("name", ["sweep", "of_function"])
def test_a_sweep_comes_back(request, tmp_path, way, name):
    found = request.getfixturevalue(name)
    if way == "pickle":
        back = pickle.loads(pickle.dumps(found))
    else:
        back = fnn.load(found.save(tmp_path / "sweep"))
    assert_same(back, found)
    assert len(pickle.dumps(back)) < 200_000
    if name == "sweep":
        chex.assert_trees_all_equal(back.run(1, 2).params, found.run(1, 2).params)


@pytest.mark.parametrize("way", ["pickle", "save"])
def test_a_run_comes_back(tmp_path, way):
    run = fnn.train(NET, CE, optim.adam(1e-2), D, seed=7, **OPTIONS)
    back = (
        pickle.loads(pickle.dumps(run)) if way == "pickle" else fnn.load(run.save(tmp_path / "run"))
    )
    chex.assert_trees_all_equal(back, run)
    assert (back.seed, back.stopped_epoch) == (7, 2)
    assert type(back.optimizer_state) is type(run.optimizer_state)
    assert isinstance(back.params[0].W, jax.Array)


def test_parameters_that_were_not_kept_need_builder_and_data_after_pickle():
    lost = pickle.loads(pickle.dumps(swept(keep_params=False)))
    with pytest.raises(
        ValueError, match=r"run: this sweep was unpickled .*builder= and dataset= missing"
    ):
        lost.run(0, 4)
    with pytest.raises(ValueError, match="builder= and dataset= missing"):
        lost.net(0)
    other = D._replace(train=D.train._replace(x=D.train.x + 1))
    with pytest.raises(ValueError, match=r"not those of this sweep\. other numbers in train\.x"):
        lost.run(0, 4, builder=builder, dataset=other)

    def slower(hyper):
        return NET, CE, getattr(optim, hyper["kind"])(hyper["rate"] / 2)

    with pytest.raises(ValueError, match=r"optimizer\.learning_rate: saved 0\.01, now 0\.005"):
        lost.run(0, 4, builder=slower, dataset=D)

    def doubled(hyper):
        loss = CE._replace(forward=lambda prediction, target: 2 * CE.forward(prediction, target))
        return NET, loss, getattr(optim, hyper["kind"])(hyper["rate"])

    with pytest.raises(ValueError, match=r"loss.*: saved 'fnn\.losses\..*, now 'tests\."):
        lost.run(0, 4, builder=doubled, dataset=D)
    run = lost.run(1, 9, builder=builder, dataset=D)
    chex.assert_trees_all_equal(run.params, swept().run(1, 9).params)
    chex.assert_trees_all_equal(lost.run(1, 9).params, run.params)  # they are remembered
    assert fnn.apply(lost.net(1), run.params, D.test.x, state=run.state).shape == (9, 3)


def test_a_damaged_result_is_refused(sweep, tmp_path):
    folder = sweep.save(tmp_path / "sweep")
    whole = (folder / "arrays.npz").read_bytes()
    (folder / "arrays.npz").write_bytes(whole[:-30] + bytes([whole[-30] ^ 1]) + whole[-29:])
    with pytest.raises(checkpoint.Damaged, match=r"arrays\.npz: its SHA-256 is"):
        fnn.load(folder)
    (folder / "arrays.npz").write_bytes(whole)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["about"]["result"] = "run"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(checkpoint.Damaged, match=r"manifest\.json: its checksum is not"):
        fnn.load(folder)


def test_nothing_is_overwritten_unasked(sweep, tmp_path):
    folder = sweep.save(tmp_path / "sweep")
    with pytest.raises(
        ValueError, match=r"path: .*sweep exists; .* overwrite=True to replace a result"
    ):
        sweep.save(folder)
    sweep.save(folder, overwrite=True)
    (tmp_path / "mine").mkdir()
    with pytest.raises(ValueError, match="mine is not a saved result alone, so it is not overwr"):
        sweep.save(tmp_path / "mine", overwrite=True)
    with pytest.raises(ValueError, match=r"sweep has manifest\.json and no arguments\.json"):
        swept(checkpoint=folder)
    with pytest.raises(ValueError, match="mine is no folder that save"):
        fnn.load(tmp_path / "mine")
    checkpoint.save(tmp_path / "steps", 0, {"a": np.ones(1)})
    with pytest.raises(ValueError, match=r"fnn\.checkpoint\.load reads it"):
        fnn.load(tmp_path / "steps")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        fnn.load(tmp_path / "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "steps", "sweep"]


class Pair(NamedTuple):
    """A NamedTuple of the user's."""

    a: jax.Array
    b: jax.Array


def test_structures_of_the_user_come_back_or_are_refused(tmp_path):
    found = fnn.sweep_function(
        lambda key, hyper: {
            "z": Pair(jax.random.normal(key), jnp.ones(2)),
            "a": [jnp.ones(()), None],
        },
        seeds=range(2),
        progress=False,
    )
    back = fnn.load(found.save(tmp_path / "mine"))
    assert type(back.outputs[0]["z"]) is Pair
    assert list(back.outputs[0]) == list(found.outputs[0])
    chex.assert_trees_all_equal(back.outputs, found.outputs)
    run = fnn.train(NET, CE, optim.adam(1e-2), D, **OPTIONS)
    with pytest.raises(ValueError, match=r"run\.params: got a set, expected tuples, lists, dicts"):
        run._replace(params={1, 2}).save(tmp_path / "set")


@pytest.mark.parametrize("every_epoch", [False, True])
def test_pandas_has_the_records(sweep, of_function, every_epoch):
    frame = sweep.to_pandas(every_epoch=every_epoch)
    assert len(frame) == 6 * (3 if every_epoch else 1)
    assert list(frame.columns[:4]) == ["setting", "kind", "rate", "seed"]
    best = frame.groupby("setting")["validation_loss"].mean().idxmin()
    assert every_epoch or best == sweep.best()["setting"]
    pd.testing.assert_frame_equal(frame, pd.DataFrame(sweep.records(every_epoch=every_epoch)))
    assert len(of_function.to_pandas(every_epoch=every_epoch)) == 10 * (3 if every_epoch else 1)


def test_xarray_has_the_axes(sweep, of_function):
    dataset = sweep.to_xarray()
    assert dict(dataset.sizes) == {"setting": 2, "seed": 3, "epoch": 3}
    assert dataset["rate"].values.tolist() == [1e-2, 1e-1]
    np.testing.assert_array_equal(
        dataset["test_loss"].sel(seed=9).isel(setting=1), sweep.history["test_loss"][1, 2]
    )
    of_adam = dataset.where(dataset.kind == "adam", drop=True)
    assert of_adam.sizes["setting"] == 2
    table = of_function.to_xarray()
    assert table["loss"].dims == ("setting", "seed", "epoch")
    assert table["end"].dims == ("setting", "seed")


def test_a_function_has_what_a_sweep_has(of_function, tmp_path):
    assert set(of_function.history) == {"loss", "end"}
    np.testing.assert_array_equal(of_function.history["loss"], of_function.values["loss"])
    best = of_function.best("loss")
    assert (best["setting"], best["metric"]) == (0, "loss")
    assert of_function.best("loss", mode="max")["setting"] == 1
    of_function.to_csv(tmp_path / "runs.csv")
    assert len((tmp_path / "runs.csv").read_text().splitlines()) == 11
    figures.curves(of_function, "loss")
    figures.distribution(of_function, "end")
    for asked in (of_function.run, lambda *_: of_function.params(0), lambda *_: of_function.net(0)):
        with pytest.raises(ValueError, match=r"(run|params|net): this is a sweep of a function"):
            asked(0, 1)
    with pytest.raises(ValueError, match="mode: got 'largest' for 'loss', expected 'min' or 'max'"):
        of_function.best("loss", mode="largest")
    with pytest.raises(ValueError, match="mode: got None for 'end', whose name does not say which"):
        of_function.best("end")


def test_a_function_goes_on_in_another_call(tmp_path, monkeypatch):
    whole, original, blocks = function_swept(seeds=range(100)), ChunkScheduler.chunks, []

    def interrupted(*arguments):
        blocks.append(1)
        if len(blocks) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ChunkScheduler, "chunks", interrupted)
        with pytest.raises(fnn.SweepInterrupted, match="128 of 200 runs finished"):
            function_swept(seeds=range(100), checkpoint=tmp_path)
    loaded = fnn.load(tmp_path)
    assert loaded.finished.sum() == 128
    blocks.clear()
    found = function_swept(seeds=range(100), checkpoint=tmp_path)
    assert_same(found, whole)
    assert_same(fnn.load(tmp_path), whole)
    with pytest.raises(
        ValueError, match=r"setting 1: saved \{'scale': 2\.0\}, now \{'scale': 3\.0\}"
    ):
        function_swept(seeds=range(100), checkpoint=tmp_path, hyper={"scale": [1.0, 3.0]})


def test_a_checkpoint_directory_is_loaded(tmp_path):
    found = swept(checkpoint=tmp_path / "sweep")
    assert_same(fnn.load(tmp_path / "sweep"), found)
    lost = swept(checkpoint=tmp_path / "lost", keep_params=False)
    loaded = fnn.load(tmp_path / "lost")
    assert_same(loaded, lost)
    run = loaded.run(0, 4, builder=builder, dataset=D)
    chex.assert_trees_all_equal(run.params, found.run(0, 4).params)


def test_a_directory_of_the_old_format_is_refused(tmp_path):
    swept(checkpoint=tmp_path)
    arguments = json.loads((tmp_path / "arguments.json").read_text())
    del arguments["format"], arguments["checksum"]
    old = arguments | {"checksum": checkpoint.manifest.checksum_of(arguments)}
    (tmp_path / "arguments.json").write_text(json.dumps(old))
    message = "was written by another version of fnn, in format 1; this one reads format 4"
    with pytest.raises(ValueError, match=message):
        swept(checkpoint=tmp_path)
    with pytest.raises(ValueError, match=message):
        fnn.load(tmp_path)


@pytest.mark.slow
def test_the_recorded_runs_per_vmap_are_kept(tmp_path, monkeypatch):
    options = {"hyper": {"kind": ["sgd"], "rate": [0.1]}, "checkpoint": tmp_path, "epochs": 1}
    assert swept(**options).runs_per_vmap == (1,)
    monkeypatch.setattr("fnn.runs.engine.FEW", 0)
    assert swept(**options | {"checkpoint": None}).runs_per_vmap == (8,)
    assert swept(**options).runs_per_vmap == (1,)
    with pytest.raises(ValueError, match=r"runs_per_vmap: saved \[1\], now \[8\]"):
        swept(**options, runs_per_vmap=8)


@pytest.mark.parametrize("name", ["FunctionSweep", "sweeping", "training"])
def test_old_names_say_the_new_one(name):
    with pytest.raises(AttributeError, match=rf"fnn\.{name} is now fnn\."):
        getattr(fnn, name)


def test_lane_is_now_run(sweep):
    with pytest.raises(AttributeError, match=r"Sweep\.lane is now Sweep\.run"):
        sweep.lane(0, 4)
    with pytest.raises(AttributeError, match="has no attribute 'lanes'"):
        sweep.lanes  # noqa: B018


def test_a_directory_of_another_kind_is_refused(tmp_path):
    function_swept(checkpoint=tmp_path / "function")
    with pytest.raises(ValueError, match=r"call: saved 'fnn\.sweep_function', now 'fnn\.sweep'"):
        swept(checkpoint=tmp_path / "function")
    swept(checkpoint=tmp_path / "sweep")
    with pytest.raises(ValueError, match=r"call: saved 'fnn\.sweep', now 'fnn\.sweep_function'"):
        function_swept(checkpoint=tmp_path / "sweep")
    more = HYPER | {"rate": [1e-2, 1e-1, 1.0]}
    with pytest.raises(ValueError, match="belongs to a call with other arguments"):
        swept(checkpoint=tmp_path / "sweep", hyper=more)


def test_another_builder_is_refused_where_the_programs_are_there_too():
    lost = swept(keep_params=False)
    run = lost.run(0, 4, builder=builder, dataset=D)
    chex.assert_trees_all_equal(run.params, lost.run(0, 4).params)

    def slower(hyper):
        return NET, CE, getattr(optim, hyper["kind"])(hyper["rate"] / 2)

    with pytest.raises(ValueError, match=r"optimizer\.learning_rate: saved 0\.01, now 0\.005"):
        lost.run(0, 4, builder=slower)


def test_settings_keep_their_values_in_a_pickle():
    def of_function(hyper):
        return fnn.mlp((3, 4, 3), activation=hyper["f"]), CE, optim.sgd(0.1)

    elu = fnn.activations.make_elu(0.5)  # a closure, which pickle refuses
    hyper = {"f": [fnn.activations.relu, elu]}
    found = fnn.sweep(of_function, D, seeds=[1], hyper=hyper, keep_params=False, **OPTIONS)
    back = pickle.loads(pickle.dumps(found))
    assert back.settings[0]["f"] is fnn.activations.relu
    assert back.settings[1]["f"] == repr(elu)


@pytest.mark.slow
def test_tables_and_files_have_texts_for_what_is_no_number(tmp_path):
    """Different values stay different: two smoothed losses, and two functions of one name."""
    first, second = (losses.smoothed(CE, amount) for amount in (0.1, 0.5))
    hyper = {"loss": [first, second], "rate": [0.1]}

    def of_loss(hyper):
        return NET, hyper["loss"], optim.sgd(hyper["rate"])

    found = fnn.sweep(of_loss, D, seeds=[1], hyper=hyper, keep_params=False, **OPTIONS)
    frame = found.to_pandas()
    assert frame["loss"].nunique() == 2
    assert frame.groupby("loss").size().tolist() == [1, 1]
    back = fnn.load(found.save(tmp_path / "sweep"))
    assert back.settings[0]["loss"] == repr(first)
    with pytest.raises(ValueError, match="loss: got 'Loss") as error:
        back.run(0, 1, builder=of_loss, dataset=D)
    assert "came back as texts" in error.value.__notes__[-1]


def test_names_that_tables_have_are_refused():
    for name, what in (("scale", "a hyperparameter"), ("seed", "a column of the tables")):

        def f(key, hyper, name=name):
            return {name: hyper["scale"] * jax.random.normal(key)}

        with pytest.raises(ValueError, match=f"f: returns '{name}', which is the name of {what}"):
            fnn.sweep_function(f, seeds=range(2), hyper={"scale": [1.0]}, progress=False)


def test_histories_of_two_lengths_have_two_dimensions():
    def f(key, hyper):
        return {"loss": jax.random.normal(key, (5,)), "w": jnp.ones(3)}

    found = fnn.sweep_function(f, seeds=range(2), progress=False)
    assert found.to_xarray()["loss"].dims == ("setting", "seed", "epoch")
    assert found.to_xarray()["w"].dims == ("setting", "seed", "w_entry")
    with pytest.raises(ValueError, match=r"every_epoch: got histories with \[3, 5\] entries"):
        list(found.records(every_epoch=True))


FACTOR = 2.0


@pytest.mark.slow
def test_a_global_that_is_another_one_is_seen_in_the_program(monkeypatch):
    """Nothing that the builder holds tells it, but the program does."""

    def multiplied(prediction, target):
        return FACTOR * CE.forward(prediction, target)

    def of_global(hyper):
        return NET, CE._replace(forward=multiplied), optim.sgd(hyper["rate"])

    options = {"hyper": {"rate": [0.1]}, "seeds": [1], "keep_params": False, **OPTIONS}
    found = pickle.loads(pickle.dumps(fnn.sweep(of_global, D, **options)))
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    clear_caches()  # as in another process
    message = "the program of net, loss, optimizer or metrics is another one"
    with pytest.raises(ValueError, match=message):
        found.run(0, 1, builder=of_global, dataset=D)
