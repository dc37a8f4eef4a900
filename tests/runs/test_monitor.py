"""What is monitored decides the best epoch and when a run stops."""

import itertools

import numpy as np
import pytest

import fnn
from fnn import losses, optim
from fnn.runs.monitor import Monitor, mode_of
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), activation="tanh")
CE = losses.softmax_cross_entropy


def quick(**options):
    options = {"epochs": 30, "batch_size": 10, "progress": False} | options
    return fnn.train(NET, CE, optim.adam(0.1), blobs(), **options)


@pytest.mark.every(1)
@pytest.mark.parametrize(
    ("metric", "best"),
    [
        ("validation_loss", np.argmin),
        ("validation_accuracy", np.argmax),
        ("train_loss", np.argmin),
        ("train_accuracy", np.argmax),
    ],
)
def test_the_best_epoch_is_the_first_with_the_best_value(metric, best):
    run = quick(monitor=metric)
    assert run.best_epoch == best(run.history[metric])
    if metric.startswith("validation"):
        value, _ = fnn.value_and_grad(NET, CE)(run.best_params, *blobs().validation)
        loss = run.history["validation_loss"][run.best_epoch]
        assert float(value) == pytest.approx(loss, rel=1e-6)


def test_patience_waits_for_what_is_monitored():
    run = quick(monitor="validation_accuracy", patience=4)
    assert run.stopped_epoch == run.best_epoch + 4 < 29
    assert run.stopped_epoch != quick(patience=4).stopped_epoch


def test_an_improvement_is_larger_than_min_delta():
    run = quick(monitor="train_loss", min_delta=0.2)
    losses_of_epochs = run.history["train_loss"]
    best, epoch = np.inf, -1
    for number, value in enumerate(losses_of_epochs):
        if value < best - np.float32(0.2):
            best, epoch = value, number
    assert run.best_epoch == epoch < np.argmin(losses_of_epochs)
    stopped = quick(monitor="train_loss", min_delta=0.2, patience=3)
    assert stopped.stopped_epoch == stopped.best_epoch + 3


def test_the_other_direction_is_taken_if_asked_for():
    run = quick(monitor="validation_loss", mode="max")
    assert run.best_epoch == np.argmax(run.history["validation_loss"])


def test_a_metric_of_ones_own_is_monitored():
    def spread(prediction, target):
        return prediction.std()

    run = quick(metrics={"spread": spread}, monitor="validation_spread", mode="max")
    assert run.best_epoch == np.argmax(run.history["validation_spread"])
    with pytest.raises(ValueError, match="name does not say which direction is better"):
        quick(metrics={"spread": spread}, monitor="validation_spread")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"monitor": "test_loss"},
            "the test split is for measuring a choice.* Take 'validation_loss'",
        ),
        ({"monitor": "accuracy"}, "monitor: got 'accuracy'.* Take 'validation_accuracy'"),
        ({"min_delta": 1e-60}, "min_delta: got 1e-60, which .* rounds to 0"),
        ({"monitor": "validation_los"}, "did you mean 'validation_loss'"),
        ({"monitor": "validation_rmse"}, "monitor: 'validation_rmse' is not known"),
        ({"monitor": 3}, "monitor: 3 is not known"),
        ({"mode": "lowest"}, "mode: got 'lowest' for 'validation_loss', expected 'min' or 'max'"),
        ({"min_delta": -1.0}, "min_delta: got -1.0"),
    ],
)
def test_what_cannot_be_monitored_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        quick(**options)


def test_names_say_which_direction_is_better():
    named = {"validation_loss": "min", "test_r2": "max", "f_error": "min"}
    assert {name: mode_of(name, None) for name in named} == named
    with pytest.raises(ValueError, match="does not say which direction"):
        mode_of("accuracy_error", None)


@pytest.mark.slow
def test_when_a_run_stops_is_told_from_its_history():
    """As the compiled program decides, also where values are NaN from the start."""
    history = np.array([3, 2, 2.5, 2.4, 1, 1.5, 1.4, 1.3], np.float32)
    monitor = Monitor()
    assert [monitor.stop(history, p) for p in (None, 1, 2, 3, 4)] == [None, 3, 4, 8, None]
    assert monitor.stop(np.full(5, np.nan, np.float32), 2) == 2
    assert Monitor("x", "max").stop(-history, 2) == 4
    assert Monitor("x", "min", 0.99).stop(history, 2) == 3 + 1
    for patience in (1, 2, 3, 5):
        run = quick(patience=patience)
        trained = run.history["validation_loss"][: run.stopped_epoch + 1]
        stopped = run.stopped_epoch + 1 if run.stopped_epoch < 29 else None
        assert monitor.stop(trained, patience) == stopped
    assert quick(patience=1).stopped_epoch < 29


def test_the_rule_of_scikit_learn():
    """Patience counts from the best of all; improvements below tol do not add up."""
    falling = np.array([3, 2.9, 2.8, 2.7, 2.6, 1, 1.05], np.float32)
    by_tol = Monitor("train_loss", tol=0.5)
    assert Monitor("train_loss", min_delta=0.25).stop(falling, 4) is None
    assert by_tol.stop(falling, 4) == 5
    assert by_tol.stop(falling, 5) is None
    assert Monitor("x", "max", tol=0.5).stop(-falling, 4) == 5
    for tol, patience in itertools.product((0.0, 0.01, 0.1), (2, 4)):
        monitor = Monitor("train_loss", tol=tol)
        run = quick(monitor=monitor, patience=patience)
        losses = run.history["train_loss"][: run.stopped_epoch + 1]
        assert run.best_epoch == np.argmin(losses)
        stopped = run.stopped_epoch + 1 if run.stopped_epoch < 29 else None
        assert monitor.stop(losses, patience) == stopped
    assert quick(monitor=Monitor("train_loss", tol=0.1), patience=2).stopped_epoch < 29


def test_the_direction_is_that_of_a_whole_word():
    from fnn.runs.monitor import mode_of

    assert mode_of("validation_f1_loss", None) == "min"
    assert mode_of("validation_r2", None) == "max"
    for name in ("validation_lossless_share", "validation_glossary"):
        with pytest.raises(ValueError, match="name does not say which direction is better"):
            mode_of(name, None)
