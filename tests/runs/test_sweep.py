"""`fnn.sweep`: its runs are those of `fnn.train`, whatever runs beside them."""

import csv
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import chex
import jax
import numpy as np
import optax
import pytest
from jax.sharding import AxisType
from scipy import stats

import fnn
from fnn import activations, data, initializers, layers, losses, optim
from fnn.runs.blocks import BlockShape, Runs, slots
from fnn.runs.builder import training_processes
from fnn.runs.chunks import ChunkScheduler
from fnn.runs.engine import default_runs_per_vmap
from fnn.runs.results import Sweep
from fnn.runs.settings import runs_of, settings_of
from fnn.runs.summary import statistics
from fnn.runs.sweep_groups import SweepCall, sweep_groups
from fnn.runs.training import Plan
from tests.problems import blobs, line

NET = fnn.mlp((3, 8, 3), activation="tanh")
CE = losses.softmax_cross_entropy
ADAM = optim.adam(1e-2)
D = blobs()


def constant(hyper):
    return NET, CE, ADAM


def by_rate(hyper):
    return NET, CE, optim.adam(hyper["learning_rate"])


def quick(builder=constant, **options):
    options = {"epochs": 3, "batch_size": 10, "progress": False} | options
    return fnn.sweep(builder, D, **options)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 8 runs a device, so that few seeds make several of them."""
    monkeypatch.setattr("fnn.runs.engine.MOST_RUNS_PER_VMAP", 8)
    monkeypatch.setattr("fnn.runs.engine.MOST_ROWS", 1)


def arrays(run):
    """What a run found, without its times."""
    return run._replace(optimizer_state=None, origin=None, compile_seconds=0.0, run_seconds=0.0)


@pytest.mark.optimized(otherwise=False)
def test_exact_runs_are_those_of_train_bit_for_bit():
    sweep = quick(seeds=[0, 5], exact=True)
    for seed in (0, 5):
        run = fnn.train(NET, CE, ADAM, D, epochs=3, batch_size=10, seed=seed, progress=False)
        chex.assert_trees_all_equal(arrays(sweep.run(0, seed)), arrays(run))


@pytest.mark.slow
@pytest.mark.quick
def test_vmapped_runs_are_those_of_train_up_to_rounding():
    """A product with another shape adds in another order: 1e-6 after a few dozen updates in
    float32.
    """
    sweep = quick(seeds=range(3))
    for seed in range(3):
        run = fnn.train(NET, CE, ADAM, D, epochs=3, batch_size=10, seed=seed, progress=False)
        chex.assert_trees_all_close(sweep.run(0, seed).params, run.params, atol=1e-6)
        chex.assert_trees_all_close(sweep.run(0, seed).history, run.history, rtol=1e-5, atol=1e-6)


@pytest.mark.optimized(otherwise=False)
def test_a_run_is_the_same_bit_for_bit_in_any_company(small_blocks, monkeypatch):
    """Alone, among many, in another order, in another block, and on one device instead of two."""
    assert jax.device_count() > 1
    for count in (1, 8):
        several = partial(quick, runs_per_vmap=count)
        many = several(seeds=range(11))
        variants = [several(seeds=[7]), several(seeds=[9, 7, 3, 1, 0])]
        one_device = jax.make_mesh(
            (1,), ("rows",), axis_types=(AxisType.Auto,), devices=jax.devices()[:1]
        )
        with monkeypatch.context() as patch:
            patch.setattr("fnn.runs.engine.device_mesh", lambda: one_device)  # noqa: B023
            variants.append(several(seeds=range(11)))
        for variant in variants:
            chex.assert_trees_all_equal(arrays(variant.run(0, 7)), arrays(many.run(0, 7)))


SEATED = [
    fnn.mlp((3, 8, 3), activation="tanh"),
    fnn.mlp((3, 7, 5, 3), activation="gelu", batch_norm="before"),
    fnn.mlp((3, 33, 3), dropout=0.3),
]


@pytest.mark.optimized(otherwise=False)
@pytest.mark.parametrize(
    ("net", "abreast"),
    list(zip(SEATED, [16, 8, 32], strict=True)),
    ids=["tanh", "batch norm", "dropout"],
)
def test_a_run_is_the_same_bit_for_bit_in_every_seat(net, abreast, monkeypatch):
    """The same seed in every seat of a row. (With 2 or 4 abreast some seats differ: why there are
    no such rows.)
    """
    call = SweepCall([{}], [7], Plan(2, 10), {}, runs_per_vmap=[abreast])
    (group,) = sweep_groups(lambda hyper: (net, CE, ADAM), [D], call)
    block = group.engine.block(Runs(np.full(abreast, 7, np.uint32), {}))
    outcome = block.collect(block.advance(block.begin(), np.int32(2)))
    for leaf in jax.tree.leaves(outcome):
        for seat in range(1, abreast):
            np.testing.assert_array_equal(leaf[seat], leaf[0])


@pytest.mark.long
def test_settings_share_their_random_numbers_and_do_not_touch_each_other():
    alone = quick(by_rate, seeds=range(3), hyper={"learning_rate": [1e-2]})
    beside_divergence = quick(by_rate, seeds=range(3), hyper={"learning_rate": [1e38, 1e-2]})
    assert beside_divergence.diverged.tolist() == [[True] * 3, [False] * 3]
    for seed in range(3):
        chex.assert_trees_all_equal(
            arrays(beside_divergence.run(1, seed)), arrays(alone.run(0, seed))
        )
    runs = runs_of(settings_of({"learning_rate": [1.0, 2.0]}), ["learning_rate"], [4, 9])
    np.testing.assert_array_equal(runs.seeds, [4, 9, 4, 9])
    np.testing.assert_array_equal(runs.hyper["learning_rate"], [1.0, 1.0, 2.0, 2.0])


def test_one_program_for_any_number_of_runs(small_blocks):
    traces = []

    def value(prediction, target):
        traces.append(1)
        return CE.forward(prediction, target)

    counted = CE._replace(forward=value)

    def builder(hyper):
        return NET, counted, ADAM

    quick(builder, seeds=range(3))
    first = len(traces)
    quick(builder, seeds=range(40))
    assert len(traces) == first > 0


def test_early_stopping_freezes_a_run_of_a_sweep_as_it_stops_one_alone():
    hyper = {"learning_rate": [0.3]}
    sweep = quick(by_rate, seeds=range(4), hyper=hyper, epochs=20, patience=2)
    stops = sweep.stopped_epoch[0]
    assert len(set(stops)) > 1  # the runs stop at different epochs
    full = quick(by_rate, seeds=range(4), hyper=hyper, epochs=20)
    for run, stop in enumerate(stops):
        values = sweep.history["validation_loss"][0, run]
        np.testing.assert_array_equal(
            values[: stop + 1], full.history["validation_loss"][0, run, : stop + 1]
        )
        assert np.isnan(values[stop + 1 :]).all()
    assert np.isfinite(sweep.final("test_loss")).all()


def test_settings_are_every_combination_in_order():
    rows = settings_of({"a": [1, 2], "b": [0.5, 0.25, 0.125]})
    assert rows == [{"a": a, "b": b} for a in (1, 2) for b in (0.5, 0.25, 0.125)]
    assert settings_of(None) == [{}]


def test_shapes_and_runs():
    sweep = quick(by_rate, seeds=[3, 1, 8], hyper={"learning_rate": [1e-3, 1e-2]})
    assert sweep.history["test_accuracy"].shape == (2, 3, 3)
    assert sweep.params(1)[0].W.shape == (3, 8, 3)
    run = sweep.run(1, 8)
    np.testing.assert_array_equal(run.history["train_loss"], sweep.history["train_loss"][1, 2])
    assert run.best_epoch == sweep.best_epoch[1, 2]
    with pytest.raises(ValueError, match="setting: got 2, expected a row from 0 to 1"):
        sweep.run(2, 8)
    with pytest.raises(ValueError, match="seed: got 0, expected one of the sweep's 3 seeds"):
        sweep.run(0, 0)


@pytest.mark.parametrize("name", ["best_epoch", "test_rmse", "test_f1"])
def test_a_name_of_a_column_is_no_hyperparameter(name):
    metrics = {"f1": lambda prediction, target: prediction.mean()}
    with pytest.raises(ValueError, match=f"hyper: got the name '{name}'"):
        quick(by_rate, seeds=[0], hyper={"learning_rate": [0.1], name: [1.0]}, metrics=metrics)


@pytest.mark.slow
def test_best_shows_the_test_split_of_what_was_compared():
    metrics = {"f1": lambda prediction, target: prediction.mean()}
    sweep = quick(
        by_rate,
        seeds=[0, 1],
        hyper={"learning_rate": [1e-3, 1e-2]},
        metrics=metrics,
        monitor="validation_f1",
        mode="max",
    )
    assert sweep.summary().metric == "validation_f1"
    assert sweep.best()["metric"] == "test_f1"
    assert sweep.best("validation_loss")["metric"] == "test_accuracy"
    with pytest.raises(ValueError, match="metric: 'validation_foo' is not known"):
        sweep.best("validation_foo")


@pytest.mark.long
def test_summary_counts_survivors_and_best_follows_validation():
    rates = [1e38, 1e-4, 3e-2]
    sweep = quick(by_rate, seeds=range(6), hyper={"learning_rate": rates}, epochs=10)
    summary = sweep.summary()
    assert [(row["n"], row["diverged"]) for row in summary.rows] == [(0, 6), (6, 0), (6, 0)]
    assert np.isnan(summary.rows[0]["mean"])
    final = sweep.at("validation_accuracy", "best")[2]
    assert summary.rows[2]["mean"] == pytest.approx(final.mean())
    assert (summary.rows[2]["min"], summary.rows[2]["max"]) == (final.min(), final.max())
    validation = sweep.at("validation_loss", "best")[1:].mean(axis=1)
    assert sweep.best()["learning_rate"] == rates[1 + int(validation.argmin())]
    lines = str(summary).splitlines()
    assert len(lines) == 5
    assert all(len(line) <= 104 for line in lines)
    assert lines[1].split()[:3] == ["setting", "learning_rate", "mean"]
    with pytest.raises(ValueError, match="did you mean 'test_accuracy'"):
        sweep.summary("test_acuracy")


def test_the_interval_is_students():
    values = np.random.default_rng(0).normal(size=12)
    expected = stats.t.interval(0.95, 11, values.mean(), stats.sem(values))
    row = statistics(values)
    np.testing.assert_allclose((row["low"], row["high"]), expected, rtol=1e-12)
    assert np.isnan(statistics(values[:1])["low"])
    assert statistics(values[:1])["mean"] == values[0]


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        (1, [1, 1, 1, 1, 1, 1, 1]),
        (4, [1, 1, 1, 1, 1, 1, 1]),
        (8, [8, 8, 1, 1, 1, 1, 1]),
        (9, [8, 8, 8, 8, 8, 1, 1]),
        (63, [8, 8, 8, 8, 8, 1, 1]),
        (64, [32, 32, 16, 8, 8, 1, 1]),
        (10**6, [32, 32, 16, 8, 8, 1, 1]),
    ],
)
def test_runs_per_vmap_depend_on_the_network_and_the_number_of_runs_alone(runs, expected):
    sizes = (1, 354, 986, 2410, 4810, 9930, 10**7)
    assert [default_runs_per_vmap(size, runs) for size in sizes] == expected


@pytest.mark.long
def test_orthogonal_matrices_are_drawn_on_several_devices():
    """In another process, with a time limit: batched LAPACK calls of several devices can wait for
    each other.
    """
    code = """
import fnn
from tests.problems import blobs
assert fnn.use_all_devices() > 1
for init in ("orthogonal", "he"):
    net = fnn.mlp((3, 40, 3), init=init)
    parts = net, fnn.losses.softmax_cross_entropy, fnn.optim.sgd(0.1)
    options = {"epochs": 1, "batch_size": 21, "seeds": range(64), "progress": False}
    fnn.sweep(lambda hyper: parts, blobs(), **options)
print("done")
"""
    environment = os.environ | {
        "JAX_NUM_CPU_DEVICES": "2",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout == "done\n"


def test_progress_counts_runs(small_blocks, capsys):
    quick(seeds=range(10), progress=True)
    assert "10/10" in capsys.readouterr().err


@pytest.mark.long
def test_progress_speaks_plainly(small_blocks, capsys):
    quick(seeds=range(10), progress=True)
    shown = capsys.readouterr().err
    assert "compiling" in shown
    assert f"training on {jax.device_count()} devices" in shown
    assert "best validation_loss " in shown
    quick(seeds=range(2), hyper={"batch_size": [5, 6]}, progress=True)
    assert "program 2 of 2, compiling" in capsys.readouterr().err


def test_a_run_by_its_row():
    sweep = quick(by_rate, seeds=[3, 1], hyper={"learning_rate": [1e-3, 1e-2]})
    for row in (sweep.summary().rows[1], sweep.best() | {"setting": 1}, np.int64(1)):
        chex.assert_trees_all_equal(arrays(sweep.run(row, 3)), arrays(sweep.run(1, 3)))
    for wrong in ("1", 1.0, True, None, {"learning_rate": 5.0}):
        with pytest.raises(
            ValueError, match=r"setting: got .*, expected a row number, one of `settings`, or a row"
        ):
            sweep.run(wrong, 3)


def made_up(validation, test, diverged):
    """A sweep of (settings, seeds) whose every history has one epoch."""
    history = {"validation_loss": np.array(validation), "test_loss": np.array(test)}
    diverged = np.array(diverged)
    history = {
        name: np.where(diverged, np.nan, values)[..., None] for name, values in history.items()
    }
    none, everything = np.zeros(diverged.shape, int), np.ones(diverged.shape, bool)
    settings = [{"rate": float(i)} for i in range(len(diverged))]
    return Sweep(
        settings,
        [0, 1],
        history,
        everything,
        [None] * len(settings),
        best_epoch=none,
        stopped_epoch=none,
        diverged_step=np.where(diverged, 0, -1),
    )


def test_the_test_set_has_no_say_in_best():
    sweep = made_up([[3.0, 3], [1, 1], [2, 2]], [[1.0, 1], [9, 9], [2, 2]], [[False] * 2] * 3)
    best = sweep.best()
    assert (best["setting"], best["rate"], best["metric"], best["mean"]) == (
        1,
        1.0,
        "test_loss",
        9.0,
    )
    assert best["validation_loss"] == 1.0


def test_the_fewest_divergences_come_first_in_best():
    sweep = made_up(
        [[1.0, 1], [5, 5], [1, 1]], [[0.0, 0]] * 3, [[True, False], [False, False], [True, True]]
    )
    assert sweep.best()["setting"] == 1
    nothing = made_up([[1.0, 1], [5, 5]], [[0.0, 0]] * 2, [[True, True], [True, False]])
    assert nothing.best()["setting"] == 1


def test_repr_shows_the_best_three_settings():
    losses_of = [[4.0, 4], [1, 1], [3, 3], [2, 2]]
    first, *rows = repr(made_up(losses_of, losses_of, [[False] * 2] * 4)).splitlines()
    assert first == "Sweep(4 settings × 2 seeds, 1 epochs)"
    assert rows[0] == "  the best 3 of 4, epoch of lowest validation_loss:"
    assert rows[1].split() == ["setting", "rate", "validation_loss", "n", "diverged"]
    assert [row.split()[:3] for row in rows[2:]] == [
        ["1", "1", "1"],
        ["3", "3", "2"],
        ["2", "2", "3"],
    ]
    everything = repr(made_up([[1.0, 1]] * 2, [[1.0, 1]] * 2, [[True] * 2] * 2))
    assert everything == "Sweep(2 settings × 2 seeds, 1 epochs, 4 diverged)"


def test_every_way_of_reading_hyper_counts():
    def rate_of(**named):
        return named["learning_rate"]

    readers = (
        lambda hyper: hyper["learning_rate"],
        lambda hyper: hyper.get("learning_rate"),
        lambda hyper: next(iter(hyper.values())),
        lambda hyper: next(value for _, value in hyper.items()),
        lambda hyper: rate_of(**hyper),
        lambda hyper: {**hyper}["learning_rate"],
        lambda hyper: [hyper[name] for name in hyper][0],  # noqa: RUF015
    )
    for reader in readers:
        training_processes(
            lambda hyper, reader=reader: (NET, CE, optim.sgd(reader(hyper))),
            [{"learning_rate": 0.1}],
            D,
            Plan(1, 9),
        )


def test_what_only_the_update_reads_counts():
    def builder(hyper):
        return NET, CE, optim.sgd(lambda count: hyper["learning_rate"] / (1 + count))

    training_processes(builder, [{"learning_rate": 0.1}], D, Plan(1, 9))


@pytest.mark.long
def test_initialisers_and_activations_take_traced_numbers():
    def builder(hyper):
        s = hyper["s"]
        parts = [
            layers.dense(3, 4, init=initializers.uniform(-s, s)),
            layers.activation(activations.make_elu(s)),
            layers.dense(4, 4, init=initializers.normal(s)),
            layers.activation(activations.make_leaky_relu(s)),
            layers.dense(4, 3, init=initializers.constant(s)),
        ]
        return layers.serial(*parts), CE, ADAM

    sweep = quick(builder, seeds=[0], hyper={"s": [0.5, 1.0]}, epochs=1)
    assert not sweep.diverged.any()
    assert sweep.params(0)[4].W.mean() != sweep.params(1)[4].W.mean()


REFUSALS = {
    "duplicate seeds": (dict(seeds=[1, 2, 1]), "seeds: 1 appears twice"),
    "no seeds": (dict(seeds=[]), "seeds: got none"),
    "seeds as a number": (dict(seeds=64), "seeds: got 64, expected an iterable"),
    "seed too large": (dict(seeds=[2**32]), "seed: got 4294967296"),
    "empty list": (
        dict(hyper={"learning_rate": []}),
        r"hyper\['learning_rate'\]: got an empty list",
    ),
    "a number for a list": (dict(hyper={"learning_rate": 0.1}), "expected a list of values"),
    "NaN": (
        dict(hyper={"learning_rate": [0.1, np.nan]}),
        r"hyper\['learning_rate'\]: .*not finite",
    ),
    "names": (dict(hyper={"learning_rate": ["relu", "tanh"]}), "learning_rate: got 'relu'"),
    "no mapping": (dict(hyper=[0.1]), r"hyper: got \[0\.1\], expected a dict of lists"),
    "no points": (dict(hyper=[]), r"hyper: got \[\], expected a dict of lists"),
    "points of other names": (
        dict(hyper=[{"learning_rate": 0.1}, {"rate": 0.1}]),
        "a list of dicts with the same names",
    ),
    "a name that is a number": (dict(hyper={1: [0.1]}), "hyper: got the name 1, expected a string"),
    "a name of a column": (
        dict(hyper={"mean": [0.1]}),
        "hyper: got the name 'mean', expected a string that is none of",
    ),
    "truth values": (dict(hyper={"learning_rate": [True, 0.1]}), "learning_rate: got True"),
    "ragged": (
        dict(hyper={"learning_rate": [[0.1], [0.1, 0.2]]}),
        r"hyper\['learning_rate'\]: got \[0\.1\], expected .*hashable",
    ),
    "a table": (
        dict(hyper={"learning_rate": np.ones((2, 2))}),
        r"hyper\['learning_rate'\]: got shape \(2, 2\)",
    ),
    "beyond float32": (
        dict(hyper={"learning_rate": [1e300]}),
        r"hyper\['learning_rate'\]: .*float32 holds up to",
    ),
    "below float32": (
        dict(hyper={"learning_rate": [0.1, 1e-300]}),
        "got 1e-300, which JAX's default float dtype rounds",
    ),
    "beyond int32": (
        dict(hyper={"learning_rate": [2**32 + 1]}),
        "got 4294967297, expected whole numbers that int32",
    ),
    "never read": (
        dict(hyper={"learning_rate": [0.1], "decay": [0.9]}),
        "hyper: the builder never reads 'decay'",
    ),
    "not there": (
        dict(builder=lambda hyper: (NET, CE, optim.sgd(hyper["rate"]))),
        r"builder: asks for hyper\['rate'\], but hyper has 'learning_rate'",
    ),
    "not there, no hyper": (
        dict(hyper=None),
        r"asks for hyper\['learning_rate'\], but hyper has no names",
    ),
    "a size": (
        dict(builder=lambda hyper: (fnn.mlp((3, hyper["learning_rate"], 3)), CE, ADAM)),
        "got 0.1, expected a whole",
    ),
    "a range": (
        dict(builder=lambda hyper: range(hyper["width"]), hyper={"width": [3]}),
        "builder: returned range",
    ),
    "batch size in hyper": (
        dict(hyper={"learning_rate": [0.1], "batch_size": [10, 43]}),
        "batch_size: got 43",
    ),
    "the second activation": (
        dict(
            builder=lambda hyper: (fnn.mlp((3, 2, 3), activation=hyper["f"]), CE, ADAM),
            hyper={"f": ["tanh", "tan"]},
        ),
        "activation: 'tan' is not known",
    ),
    "batch size": (dict(batch_size=43), "batch_size: got 43"),
    "not a builder": (dict(builder=NET), "builder: got"),
    "a builder of two": (dict(builder=lambda hyper: (NET, CE)), "builder: returned"),
    "wrong labels": (
        dict(builder=lambda hyper: (fnn.mlp((3, 2)), CE, ADAM)),
        r"train\.y: got label 2",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_before_anything_compiles(case, monkeypatch):
    monkeypatch.setattr("fnn.runs.sweep.run_missing", None)
    options, message = REFUSALS[case]
    with pytest.raises(ValueError, match=message):
        quick(
            **({"builder": by_rate, "seeds": range(2), "hyper": {"learning_rate": [0.1]}} | options)
        )


@pytest.mark.long
def test_a_number_that_is_asked_about_makes_a_program_of_each_value_and_says_so():
    def builder(hyper):
        return NET, CE, optim.adam(hyper["learning_rate"] if hyper["learning_rate"] > 0 else 1.0)

    hyper = {"learning_rate": [1e-2, 1e-3]}
    with pytest.warns(UserWarning, match=r"builder needs its value .* 2 values is compiled"):
        asked = quick(builder, seeds=[0], hyper=hyper)
    traced = quick(by_rate, seeds=[0], hyper=hyper)
    assert (len(asked.retrain.groups), len(traced.retrain.groups)) == (2, 1)
    chex.assert_trees_all_close(asked.params(1), traced.params(1), atol=1e-6)


def shaped(hyper):
    """Everything that makes another program, and two numbers that do not."""
    net = fnn.mlp(
        (3, *[hyper["width"]] * hyper["depth"], 3),
        activation=hyper["activation"],
        dropout=hyper["dropout"],
    )
    rule = optim.adam if hyper["adam"] else optim.sgd
    return net, CE, rule(hyper["learning_rate"])


@pytest.mark.long
def test_settings_of_other_shapes_are_grouped():
    """One program for each width, depth, activation, rule and batch size; every run is what it is
    on its own.
    """
    hyper = {
        "width": [4, 6],
        "learning_rate": [1e-2, 1e-3],
        "depth": [1, 2],
        "activation": ["tanh"],
        "adam": [True, False],
        "dropout": [0.0, 0.5],
        "batch_size": [10],
    }
    sweep = quick(shaped, seeds=[3, 4], hyper=hyper, epochs=2)
    assert len(sweep.settings) == 32
    assert len(sweep.retrain.groups) == 8
    assert sweep.finished.all()
    for row in (0, 9, 18, 31):
        setting = sweep.settings[row]
        alone = quick(shaped, seeds=[4], hyper=[setting], epochs=2)
        chex.assert_trees_all_equal(arrays(alone.run(0, 4)), arrays(sweep.run(row, 4)))
    run = fnn.train(*shaped(sweep.settings[31]), D, epochs=2, batch_size=10, seed=3, progress=False)
    chex.assert_trees_all_close(sweep.run(31, 3).params, run.params, atol=1e-6)


@pytest.mark.long
def test_batch_sizes_are_settings():
    sweep = quick(seeds=[1], hyper={"batch_size": [10, 42]})
    for row, batch_size in enumerate((10, 42)):
        alone = quick(seeds=[1], batch_size=batch_size)
        chex.assert_trees_all_equal(arrays(alone.run(0, 1)), arrays(sweep.run(row, 1)))


def test_a_list_of_points():
    points = [{"learning_rate": 1e-2}, {"learning_rate": np.float32(1e-3)}]
    sweep = quick(by_rate, seeds=[1], hyper=points)
    grid = quick(by_rate, seeds=[1], hyper={"learning_rate": [1e-2, float(np.float32(1e-3))]})
    assert sweep.settings == grid.settings
    chex.assert_trees_all_equal(sweep.history, grid.history)


@pytest.mark.slow
@pytest.mark.every(2)
@pytest.mark.parametrize("exact", [False, True])
def test_parameters_that_were_not_kept_are_trained_again(exact):
    kept, lost = (
        quick(
            by_rate,
            seeds=range(5),
            hyper={"learning_rate": [1e-2, 1e38]},
            exact=exact,
            keep_params=keep,
        )
        for keep in (True, False)
    )
    assert lost.outputs[0] is None
    for row in (0, 1):
        chex.assert_trees_all_equal(arrays(lost.run(row, 3)), arrays(kept.run(row, 3)))
        chex.assert_trees_all_equal(lost.params(row), kept.params(row))


@pytest.mark.slow
def test_large_parameters_are_not_kept_and_large_histories_lie_in_a_file(monkeypatch):
    monkeypatch.setattr("fnn.runs.prepared.BYTES_KEPT", 10_000)
    monkeypatch.setattr("fnn.runs.arrays.BYTES_IN_MEMORY", 100)
    large, small = quick(seeds=range(40)), quick(seeds=range(3))
    assert large.outputs[0] is None
    assert small.outputs[0] is not None
    assert isinstance(large.history["test_loss"], np.memmap)
    assert not isinstance(small.history["test_loss"], np.memmap)
    few = large.history["test_loss"][:, :3]
    np.testing.assert_allclose(few, small.history["test_loss"], rtol=1e-5)


def test_interrupted_sweeps_keep_what_is_finished_and_go_on(small_blocks, monkeypatch):
    whole = quick(by_rate, seeds=range(20), hyper={"learning_rate": [1e-2, 1e-3]})
    chunks, original = [], ChunkScheduler.chunks

    def interrupted(self, *arguments):
        chunks.append(1)
        if len(chunks) == 3:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(ChunkScheduler, "chunks", interrupted)
    with pytest.raises(fnn.SweepInterrupted, match=r"32 of 40 runs finished.*resume") as caught:
        quick(by_rate, seeds=range(20), hyper={"learning_rate": [1e-2, 1e-3]})
    partial = caught.value.sweep
    assert [row["n"] for row in partial.summary().rows] == [20, 12]
    assert "8 unfinished" in repr(partial)
    assert len(list(partial.records())) == 32
    with pytest.raises(ValueError, match="setting 1, seed 19 was not trained"):
        partial.run(1, 19)
    resumed = caught.value.resume(progress=False)
    chex.assert_trees_all_equal(resumed.history, whole.history)
    chex.assert_trees_all_equal(resumed.params(1), whole.params(1))


def test_every_run_has_a_seat_and_devices_fill_up_evenly():
    shape = BlockShape(devices=3, rows=2, runs_per_vmap=2)
    for runs in (1, 5, 7, 12):
        here = slots(shape, runs)
        taken = here.run[here.occupied]
        assert sorted(taken) == list(range(runs))
        rows_of_devices = here.occupied.any(axis=1).reshape(3, 2).sum(axis=1)
        assert rows_of_devices.max() - rows_of_devices.min() <= 1
        np.testing.assert_array_equal(here.collect(here.run), sorted(taken))


def test_records_and_csv(tmp_path):
    sweep = quick(by_rate, seeds=[5, 2], hyper={"learning_rate": [1e-2, 1e38]})
    rows = list(sweep.records())
    assert [(row["setting"], row["seed"], row["diverged"]) for row in rows] == [
        (0, 5, False),
        (0, 2, False),
        (1, 5, True),
        (1, 2, True),
    ]
    assert rows[1]["test_loss"] == sweep.history["test_loss"][0, 1, 2]
    every = list(sweep.records(every_epoch=True))
    assert [row["epoch"] for row in every] == [0, 1, 2, 0, 1, 2, 0, 0]
    sweep.to_csv(tmp_path / "runs.csv")
    with open(tmp_path / "runs.csv") as file:
        read = list(csv.DictReader(file))
    assert [float(row["test_loss"]) for row in read[:2]] == [row["test_loss"] for row in rows[:2]]
    assert list(read[0]) == list(rows[0])


def test_the_bootstrap_interval_is_scipys():
    values = np.random.default_rng(0).exponential(size=30)
    row = statistics(values, "bootstrap")
    expected = stats.bootstrap((values,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    np.testing.assert_allclose((row["low"], row["high"]), expected, rtol=1e-12)
    assert statistics(np.ones(4), "bootstrap")["low"] == 1.0
    with pytest.raises(ValueError, match="interval: got 'normal', expected 't' or 'bootstrap'"):
        statistics(values, "normal")


@pytest.mark.long
def test_rates_of_dropout_clipping_and_decay_and_scales_are_traced():
    """One program for all of them."""

    def builder(hyper):
        net = fnn.mlp((3, 8, 3), dropout=hyper["dropout"], init=initializers.normal(hyper["sigma"]))
        rule = optim.adamw(1e-2, weight_decay=hyper["decay"])
        return net, CE, optax.chain(optim.clip_by_global_norm(hyper["norm"]), rule)

    hyper = {"dropout": [0.0, 0.5], "sigma": [0.1, 0.5], "decay": [0.0, 0.1], "norm": [0.1, 10.0]}
    sweep = quick(builder, seeds=[0], hyper=hyper)
    assert len(sweep.retrain.groups) == 1
    assert len(np.unique(sweep.final("test_loss"))) == 16
    for row in (8, 14, 15):
        run = fnn.train(
            *builder(sweep.settings[row]), D, epochs=3, batch_size=10, seed=0, progress=False
        )
        chex.assert_trees_all_close(sweep.run(row, 0).params, run.params, atol=1e-6)


@pytest.mark.long
def test_compile_time_is_no_run_time():
    """What advances a block is compiled before it is timed; the second chunk finds the same
    program.
    """
    sweeps = [quick(seeds=range(3), epochs=50) for _ in range(2)]
    assert sweeps[0].run_seconds < 20 * sweeps[1].run_seconds + 0.2


def test_a_value_that_a_rule_refuses_alone_is_refused_in_a_grid():
    """A clip of 0 would leave every run where it is, silently."""

    def clipped(hyper):
        return NET, CE, optax.chain(optim.clip_by_global_norm(hyper["clip"]), ADAM)

    for builder, hyper in (
        (clipped, {"clip": [1.0, 0.0]}),
        (by_rate, {"learning_rate": [0.1, 0.0]}),
    ):
        with pytest.raises(
            ValueError, match=r"hyper: setting 1, .*: got 0\.0, expected .* above 0"
        ):
            quick(builder, seeds=[0], hyper=hyper)


def test_regression_sweeps_report_the_loss():
    sweep = fnn.sweep(
        lambda hyper: (fnn.mlp((1, 1)), losses.squared_error, optim.sgd(hyper["learning_rate"])),
        line(),
        epochs=30,
        batch_size=7,
        seeds=range(3),
        hyper={"learning_rate": [1e-3, 1e-1]},
        progress=False,
    )
    assert sweep.summary().metric == "validation_loss"
    assert sweep.best()["metric"] == "test_loss"
    assert sweep.best()["learning_rate"] == 1e-1


@pytest.mark.long
def test_the_data_may_be_float64_under_x64(x64):
    sweep = fnn.sweep(constant, blobs(), epochs=2, batch_size=10, seeds=range(2), progress=False)
    assert sweep.history["test_loss"].dtype == np.float64
    assert data.from_arrays(np.eye(20), np.zeros(20)).train.x.dtype == np.float64
