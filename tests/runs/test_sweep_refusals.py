"""What a sweep refuses, finds out and says before and after training: values behind tracers, later
groups, results.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.model_selection import ParameterSampler

import fnn
from fnn import data, losses, optim
from fnn.runs.chunks import CHUNK_SECONDS, ChunkScheduler, ChunkTiming
from fnn.runs.summary import statistics
from fnn.runs.training import RunState
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), activation="tanh")
CE = losses.softmax_cross_entropy
D = blobs()


def quick(builder, **options):
    return fnn.sweep(
        builder,
        D,
        **{"epochs": 2, "batch_size": 10, "seeds": range(3), "progress": False} | options,
    )


def flexible(hyper):
    net = fnn.mlp((3, 8, 3), dropout=hyper.get("dropout", 0.0))
    return (
        net,
        CE,
        optim.adam(hyper.get("rate", 1e-2)),
        data.label_noise(hyper.get("noise", 0.1), hyper.get("classes", 3)),
    )


@pytest.mark.parametrize(
    ("hyper", "message"),
    [
        (
            {"dropout": [0.2, 1.5]},
            r"setting 1, \{'dropout': 1\.5\}: dropout: got 1\.5, expected a number in \[0, 1\)",
        ),
        ({"rate": [1e-2, -1e-3]}, r"setting 1, .*learning_rate: got -0\.001"),
        ({"noise": [0.1, 0.2, -3.0]}, r"setting 2, .*rate: got -3\.0"),
        ({"classes": [2]}, "setting 0, .*classes: got 2 for labels up to 2"),
        ({"classes": [30]}, r"setting 0, .*train\.y: got label"),
    ],
)
def test_values_that_are_traced_are_refused_as_in_a_single_run(hyper, message):
    with pytest.raises(ValueError, match=message):
        quick(flexible, hyper=hyper)


@pytest.mark.long
def test_a_rate_of_the_integer_0_is_a_rate():
    assert quick(flexible, hyper={"noise": [0, 0.5]}).finished.all()


def test_what_a_later_group_cannot_do_is_refused_before_anything_is_trained(monkeypatch):
    trained = []
    monkeypatch.setattr(ChunkScheduler, "chunks", lambda *arguments: trained.append(1) or iter(()))
    net = fnn.mlp((3, 4, 3), batch_norm="before")
    with pytest.raises(ValueError, match="batch of one example"):
        quick(lambda hyper: (net, CE, optim.sgd(0.1)), hyper={"batch_size": [10, 41]})
    assert not trained


@pytest.mark.long
def test_a_number_that_only_a_later_network_needs_to_know_is_found():
    def builder(hyper):
        rate = hyper["rate"]
        return (
            NET,
            CE,
            (optim.adam(rate) if hyper["kind"] == "adam" or rate > 1 else optim.sgd(rate)),
        )

    with pytest.warns(UserWarning, match=r"hyper\['rate'\]: the builder needs its value"):
        sweep = quick(builder, hyper={"kind": ["adam", "sgd"], "rate": [0.01, 0.1]})
    assert len(sweep.retrain.groups) == 4


@pytest.mark.long
def test_assertions_and_methods_of_python_numbers_make_groups():
    def builder(hyper):
        assert isinstance(hyper["width"], int)
        return fnn.mlp((3, 2 ** (hyper["width"].bit_length()), 3)), CE, optim.sgd(0.1)

    assert len(quick(builder, hyper={"width": [2, 4]}).retrain.groups) == 2


@pytest.mark.long
def test_values_that_are_equal_but_not_alike_are_two_programs():
    sweep = quick(
        lambda hyper: (
            fnn.mlp((3, 8, 3), batch_norm="before" if hyper["a"][1] is True else None),
            CE,
            optim.sgd(0.1),
        ),
        hyper={"a": [(8, 1), (8, True)]},
    )
    assert len(sweep.retrain.groups) == 2
    assert len(jax.tree.leaves(sweep.run(1, 0).params)) > len(
        jax.tree.leaves(sweep.run(0, 0).params)
    )


@pytest.mark.long
def test_the_network_of_a_setting_predicts_with_its_parameters():
    """A dropout of 0 is a layer where it is traced, and none where it is not."""
    sweep = quick(flexible, hyper={"dropout": [0.0, 0.5]})
    best = sweep.best()
    run = sweep.run(best, 1)
    net = sweep.net(best)
    logits = fnn.apply(net, run.params, D.test.x, state=run.state)
    accuracy = np.mean(np.argmax(logits, axis=1) == D.test.y)
    assert accuracy == pytest.approx(run.history["test_accuracy"][-1])
    assert fnn.check_network(net, CE, D.train.x[:4], D.train.y[:4]).passed
    chex.assert_trees_all_equal(sweep.run(sweep.settings[1], 1).params, sweep.run(1, 1).params)


@pytest.mark.long
def test_the_best_setting_has_a_result():
    def by_rate(hyper):
        return NET, CE, optim.adam(hyper["rate"])

    with pytest.raises(ValueError, match="best: of 6 runs 6 were finished and 6 of them diverged"):
        quick(by_rate, hyper={"rate": [1e38, 2e38]}).best()
    sweep = quick(by_rate, hyper={"rate": [0.1, 0.2]})
    sweep.finished[0] = False
    assert sweep.best()["setting"] == 1
    sweep.finished[0] = True
    sweep.history["validation_loss"][0] = np.nan
    assert sweep.best()["setting"] == 1


@pytest.mark.long
def test_runs_are_trained_again_only_under_the_same_precision():
    with jax.enable_x64(True):
        sweep = quick(lambda hyper: (NET, CE, optim.sgd(0.1)), keep_params=False)
        sweep.run(0, 1)
    with pytest.raises(ValueError, match="x64: the sweep ran under the other setting"):
        sweep.run(0, 1)


@pytest.mark.parametrize("name", ["test_loss", "train_accuracy", "n", "epoch"])
def test_names_of_results_are_taken(name):
    with pytest.raises(
        ValueError, match=f"hyper: got the name '{name}', expected a string that is none of"
    ):
        quick(lambda hyper: (NET, CE, optim.sgd(hyper[name])), hyper={name: [0.1]})


def test_sampled_points_need_no_list():
    points = ParameterSampler({"rate": [0.1, 0.2, 0.3]}, n_iter=2, random_state=0)
    assert len(quick(lambda hyper: (NET, CE, optim.sgd(hyper["rate"])), hyper=points).settings) == 2


def test_a_builder_that_returns_too_little_is_told_so_briefly():
    with pytest.raises(
        ValueError, match=r"builder: returned a tuple of 2, expected \(net, loss, optimizer\)"
    ) as error:
        quick(lambda hyper: (NET, CE))
    assert len(str(error.value)) < 200


def test_bootstrap_takes_bounded_memory(monkeypatch):
    values = np.random.default_rng(0).normal(size=50)
    whole = statistics(values, "bootstrap")
    monkeypatch.setattr("fnn.runs.summary.NUMBERS_AT_ONCE", 60)
    assert statistics(values, "bootstrap")["low"] == pytest.approx(whole["low"], abs=0.05)


def test_the_pace_is_measured_on_the_epochs_that_were_trained(monkeypatch):
    """Lanes that stop early at epoch 2 of the 1,000 that were asked for."""
    clock = iter(np.arange(0, 100, CHUNK_SECONDS))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))

    def training(epochs, active):
        return RunState(
            None, (), None, np.array([epochs]), None, np.array([active]), np.array([False]), None
        )

    scheduler = ChunkScheduler()
    scheduler.timing = ChunkTiming(CHUNK_SECONDS / 1000, runs=1)
    list(scheduler.chunks(lambda before, until: training(2, False), None, training(0, True), 1000))
    assert scheduler.timing == ChunkTiming(CHUNK_SECONDS / 2, runs=1)
    assert scheduler.timing.epochs(1) == 2
    assert scheduler.timing.epochs(16) == 1


def test_a_function_is_traced_once_for_all_numbers_and_its_results_are_not_cast():
    calls = []

    def f(key, hyper):
        calls.append(1)
        return {"y": (1 / hyper["x"]).astype(jnp.asarray(hyper["x"]).dtype)}

    found = fnn.sweep_function(
        f, seeds=[0], hyper={"x": [2, 0.5, 4, *np.linspace(5, 9, 40).tolist()]}, progress=False
    )
    assert found.values["y"][:3, 0].tolist() == [0.5, 2.0, 0.25]
    assert len(calls) < 10  # not once for each of the 43 values


def test_metrics_of_functions():
    def f(key, hyper):
        accuracy = jnp.ones(()) + 0 * jax.random.normal(key)
        return {"accuracy": accuracy, "weights": jnp.zeros(hyper["width"])}

    found = fnn.sweep_function(f, seeds=range(2), hyper={"width": [2, 3]}, progress=False)
    assert [row["mean"] for row in found.summary("accuracy").rows] == [1.0, 1.0]
    with pytest.raises(
        ValueError, match=r"metric: 'weights' is \(2,\) in the first setting, otherwise in others"
    ):
        found.summary("weights")
    bare = fnn.sweep_function(lambda key, hyper: jax.random.normal(key), seeds=[0], progress=False)
    with pytest.raises(ValueError, match="metric: f returned no dict"):
        bare.summary("accuracy")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("text", r"f: \['x'\] is 'text', expected a pytree of arrays"),
        (jax.random.key(0), r"f: \['x'\] is a typed key"),
    ],
)
def test_what_a_function_may_not_return(value, message):
    with pytest.raises(ValueError, match=message):
        fnn.sweep_function(lambda key, hyper: {"x": value}, seeds=range(2), progress=False)
