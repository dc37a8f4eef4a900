"""Callbacks are told every epoch of every run once, and cannot end a run."""

import json

import numpy as np
import pytest

import fnn
from fnn import callbacks, losses, optim
from tests.problems import blobs

DATASET = blobs(60)
NET = fnn.mlp((3, 4, 3))
LOSS = losses.softmax_cross_entropy


def trained(told, **options):
    options = {"epochs": 12, "batch_size": 10, "progress": False} | options
    return fnn.train(NET, LOSS, optim.adam(1e-2), DATASET, callbacks=told, **options)


def build(hyper):
    return NET, LOSS, optim.adam(hyper["learning_rate"])


def swept(told, **options):
    return fnn.sweep(
        build,
        DATASET,
        epochs=12,
        batch_size=10,
        seeds=[3, 5],
        hyper={"learning_rate": [1e-2, 1e-1]},
        progress=False,
        callbacks=told,
        **options,
    )


def test_a_run_tells_every_epoch_once():
    records = []
    run = trained([records.extend])
    assert [record["epoch"] for record in records] == list(range(12))
    assert {(record["seed"], str(record["setting"])) for record in records} == {(0, "{}")}
    for name, values in run.history.items():
        np.testing.assert_array_equal([record["metrics"][name] for record in records], values)


def test_going_on_tells_what_is_new():
    records = []
    run = trained([])
    trained([records.extend], start=run, epochs=15)
    assert [record["epoch"] for record in records] == [12, 13, 14]


def test_an_early_stop_tells_no_more():
    records = []
    run = trained([records.extend], epochs=300, patience=1, monitor="validation_accuracy")
    assert len(records) == run.stopped_epoch + 1 < 300


def test_a_sweep_tells_the_epochs_of_every_run():
    records = []
    sweep = swept([records.extend])
    assert len(records) == 2 * 2 * 12
    for record in records:
        row = sweep.settings.index(record["setting"])
        column = sweep.seeds.index(record["seed"])
        for name, value in record["metrics"].items():
            assert sweep.history[name][row, column, record["epoch"]] == value


def test_json_lines(tmp_path):
    file = tmp_path / "log.jsonl"
    sweep = swept([callbacks.json_lines(file)])
    records = [json.loads(line) for line in file.read_text().splitlines()]
    assert len(records) == 48
    last = max((r for r in records if r["seed"] == 5), key=lambda r: r["epoch"])
    assert last["metrics"]["test_loss"] in sweep.history["test_loss"][:, 1, -1].tolist()
    odd = {"setting": {"f": max}, "seed": 0, "epoch": 0, "metrics": {"a": float("nan")}}
    callbacks.json_lines(file)([odd])
    assert json.loads(file.read_text().splitlines()[-1])["metrics"] == {"a": None}


@pytest.mark.parametrize("call", [trained, swept])
def test_a_callback_that_fails_is_warned_of_twice_and_ends_nothing(call):
    records, calls = [], []

    def broken(records):
        calls.append(records)
        raise OSError("disk full")

    with pytest.warns(UserWarning, match="broken raised OSError: disk full") as warned:
        result = call([broken, records.extend])
    assert len(calls) == 1
    assert len([w for w in warned if "broken" in str(w.message)]) == 2
    assert np.isfinite(result.history["train_loss"]).all()
    assert len(records) in (12, 48)


@pytest.mark.parametrize("given", [print, [1], "print"])
def test_what_is_no_list_of_functions_is_refused(given):
    with pytest.raises(ValueError, match="callbacks: got"):
        trained(given)


def test_two_functions_of_one_name_are_both_told_of():
    def failing(message):
        def callback(records):
            raise RuntimeError(message)

        return callback

    with pytest.warns(UserWarning, match="raised") as warned:
        trained([failing("one"), failing("two")])
    texts = [str(each.message) for each in warned]
    for message in ("one", "two"):
        assert sum(f"RuntimeError: {message}" in text for text in texts) == 2


def test_json_has_null_and_numbers_wherever_they_stand(tmp_path):
    record = {"setting": {"rates": (np.float32(0.5), float("nan"))}, "metrics": {"a": np.inf}}
    callbacks.json_lines(tmp_path / "log")([record])
    assert json.loads((tmp_path / "log").read_text()) == {
        "setting": {"rates": [0.5, None]},
        "metrics": {"a": None},
    }
