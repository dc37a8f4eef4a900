"""The programs of the three doors: where they run, what is static, what is refused before."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import jax
import jax.export
import numpy as np
import pytest

import fnn
from fnn import layers, losses, optim
from fnn.runs.blocks import SINGLE
from fnn.runs.builder import training_processes
from fnn.runs.engine import advance_block, begin_block, engine_of, locate_block
from fnn.runs.placed import on_devices
from fnn.runs.settings import runs_of, settings_of
from fnn.runs.step import TrainSpec
from fnn.runs.sweep_function import FunctionProcess, function_groups
from fnn.runs.sweep_groups import SweepCall, sweep_groups
from fnn.runs.train import ConstantBuilder
from fnn.runs.training import Plan, TrainProcess
from tests.jax_events import jax_events
from tests.problems import blobs

ROOT = Path(__file__).parents[2]
NET = fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.2)
CE = losses.softmax_cross_entropy
D = blobs()


def by_rate(hyper):
    return NET, CE, optim.adam(hyper["rate"])


def engine_of_train():
    process = TrainProcess(ConstantBuilder(TrainSpec(NET, CE, optim.adam(1e-2))), Plan(2, 10))
    runs = runs_of([{}], [], [3])
    engine = engine_of(process, runs, 1, partial(on_devices, D))
    assert engine.shape == SINGLE
    return engine, runs


def engine_of_sweep():
    call = SweepCall([{"rate": 0.1}], [3, 4], Plan(2, 10), {})
    (group,) = sweep_groups(by_rate, [D], call)
    return group.engine, group.runs


def engine_of_splits():
    call = SweepCall([{"rate": 0.1}], [3, 4], Plan(2, 10), {}, splits=2)
    (group,) = sweep_groups(by_rate, [D, D], call)
    return group.engine, group.runs


def engine_of_function():
    def f(key, hyper):
        return {"a": hyper["rate"] * jax.random.normal(key)}

    settings = [{"rate": 0.1}]
    (group,) = function_groups(f, settings, None)
    runs = runs_of(settings, group.traced, [3, 4])
    return engine_of(FunctionProcess(f, group.static), runs, 8), runs


@pytest.mark.slow
@pytest.mark.every(1)
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize(
    "make", [engine_of_train, engine_of_sweep, engine_of_splits, engine_of_function]
)
def test_every_program_lowers_for_accelerators(make, platform):
    """Without float64, and without calls back to Python."""
    engine, runs = make()
    block = engine.block(runs)
    state = engine.block_like()
    exports = [
        jax.export.export(begin_block, platforms=[platform])(
            *engine._static, block.runs, block.occupied
        ),
        jax.export.export(advance_block, platforms=[platform])(
            *engine._static, block.runs, engine.data, state, np.int32(1)
        ),
        jax.export.export(locate_block, platforms=[platform])(
            *engine._static, block.runs, engine.data, state
        ),
    ]
    for exported in exports:
        text = exported.mlir_module()
        assert "f64" not in text
        assert "callback" not in text


# ------------------------------------------------------------------------------------------ static


def groups_of(builder, grid, static=None):
    """The groups of a sweep; nothing is compiled."""
    return training_processes(builder, settings_of(grid), D, Plan(1, 42), static)


def test_declared_names_are_static_and_the_others_are_traced():
    def builder(hyper):
        return fnn.mlp((3, hyper["width"], 3)), CE, optim.adam(hyper["rate"])

    grid = {"width": [4, 5], "rate": [0.1, 0.2]}
    found = {None: 2, ("width",): 2, ("width", "rate"): 4}
    assert {static: len(groups_of(builder, grid, static)) for static in found} == found
    with pytest.raises(ValueError, match=r"sizes.*got a traced number"):
        groups_of(builder, grid, ())
    with pytest.raises(ValueError, match=r"static: got 'widht', but hyper has 'width', 'rate'"):
        groups_of(builder, grid, ("widht",))
    with pytest.raises(ValueError, match="static: got 'width', expected names of hyper"):
        groups_of(builder, grid, "width")


def test_an_error_of_the_builder_that_tracing_hides_is_shown():
    def builder(hyper):
        if not isinstance(hyper["depth"], int):
            raise ValueError("depth must be a whole number")
        return fnn.mlp((3, *[4] * hyper["depth"], 3)), CE, optim.sgd(0.1)

    message = r"hyper\['depth'\].*ValueError: depth must be a whole number"
    with pytest.warns(UserWarning, match=message):
        groups_of(builder, {"depth": [1, 2]})
    with pytest.raises(ValueError, match="depth must be a whole number"):
        groups_of(builder, {"depth": ["1", "2"]})


# ---------------------------------------------------------------------------------- runs_per_vmap


@pytest.mark.parametrize("count", [2, 4, 6, 12, 0, -1, True, 8.0])
def test_rows_that_would_treat_runs_unlike_are_refused(count):
    for sweep in (
        lambda: fnn.sweep(by_rate, D, epochs=1, batch_size=9, seeds=[0], runs_per_vmap=count),
        lambda: fnn.sweep_function(lambda key, hyper: key, seeds=[0], runs_per_vmap=count),
    ):
        with pytest.raises(ValueError, match="runs_per_vmap: got"):
            sweep()


@pytest.mark.slow
def test_exact_is_another_word_for_one():
    options = {"epochs": 1, "batch_size": 42, "seeds": [0, 1], "progress": False}
    hyper = {"rate": [0.1]}
    assert fnn.sweep(by_rate, D, exact=True, hyper=hyper, **options).runs_per_vmap == (1,)
    with pytest.raises(ValueError, match="runs_per_vmap: got 8 with exact=True, which means 1"):
        fnn.sweep(by_rate, D, exact=True, runs_per_vmap=8, hyper=hyper, **options)


# -------------------------------------------------------------------------------------------- keys


def test_a_function_that_never_uses_its_key_is_refused():
    def ignores(key, hyper):
        return {"a": hyper["rate"] * jax.random.normal(jax.random.key(0))}

    def numpys(key, hyper):
        return {"a": hyper["rate"] * np.random.default_rng(0).normal()}

    def jitted(key, hyper):
        return jax.jit(lambda key, rate: {"a": rate * 2})(key, hyper["rate"])

    for f in (ignores, numpys, jitted):
        with pytest.raises(ValueError, match="seeds: got 4, but f never uses its key"):
            fnn.sweep_function(f, seeds=range(4), hyper={"rate": [0.1]}, progress=False)
        fnn.sweep_function(f, seeds=[0], hyper={"rate": [0.1]}, progress=False)


def test_a_key_that_is_used_anywhere_is_used():
    def within(key, hyper):
        return jax.jit(lambda key: jax.random.split(key))(key).shape[0] + jax.random.normal(key)

    def data(key, hyper):
        return jax.random.key_data(key)

    for f in (within, data):
        fnn.sweep_function(f, seeds=range(2), progress=False)


# ----------------------------------------------------------------------------------------- reprs


def test_what_is_printed_says_what_it_is():
    assert (
        repr(fnn.mlp((64, 32, 10), dropout=0.1))
        == "serial(dense 64→32, relu, dropout 0.1, dense 32→10)"
    )
    assert repr(layers.dense(2, 3)) == "Layer(dense 2→3)"
    assert repr(optim.adam(1e-3)) == "adam(learning_rate=0.001)"
    assert (
        repr(optim.adam(0.1, b1=0.8, bias_correction=False))
        == "adam(learning_rate=0.1, b1=0.8, bias_correction=False)"
    )
    assert repr(fnn.activations.relu) == "Activation(relu, elementwise, kinks at 0)"
    shown = []
    jax.jit(lambda rate: shown.append(repr(optim.sgd(rate))) or rate)(0.1)
    assert shown == ["sgd(learning_rate=traced)"]


@pytest.mark.slow
def test_warnings_point_at_the_caller(tmp_path):
    """From whatever depth within fnn they come."""
    file = tmp_path / "script.py"
    file.write_text(
        "import fnn\nfrom fnn import losses, optim\nfrom tests.problems import line\n"
        "fnn.train(fnn.mlp((1, 1)), losses.squared_error, optim.sgd(1e9), line(), epochs=2,\n"
        "          batch_size=3, progress=False)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "script.py:4: UserWarning: train: the run diverged" in done.stderr


@pytest.mark.parametrize("runs", [1, 5])
@pytest.mark.parametrize("keep_params", [True, False])
def test_a_second_call_traces_and_compiles_nothing(runs, keep_params):
    """What a call costs beyond its runs is then a millisecond; a trace alone takes several."""

    def swept(first):
        seeds = range(first, first + runs)
        options = {"epochs": 2, "batch_size": 10, "keep_params": keep_params, "progress": False}
        fnn.sweep(by_rate, D, hyper={"rate": [0.01]}, seeds=seeds, **options)

    swept(0)
    with jax_events() as events:
        swept(runs)
    assert events == []
