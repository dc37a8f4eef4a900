"""The experiments' command line, what they save, and the claims they make."""

import dataclasses
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments import __main__ as command_line
from experiments import common, experiment
from experiments.capacity import xor
from experiments.course import IDS
from experiments.descent import cubic_fit
from experiments.generalisation import digits

ROOT = Path(__file__).parents[2]
NAMES = list(experiment.files())


def test_every_header_has_its_fields():
    assert {"cubic_fit", "digits", "double_descent", "xor"} <= set(NAMES)
    for name, path in experiment.files().items():
        fields = experiment.header(path)
        assert list(fields) == ["Question", "Source", "Command", "Expected", "Cost"], name
        assert fields["Command"] == f"python -m experiments run {name}"
        assert not [field for field, text in fields.items() if len(text) < 5], name
        below_title = experiment._docstring(path).partition("Question:")[2]
        read = "Question: " + " ".join(f"{field}: {text}" for field, text in fields.items())
        lost = [word for word in below_title.split() if word not in read.split()]
        assert not lost, f"{name}: a line that goes on with a field must be indented"


def test_every_id_is_settled_once():
    """Without running anything; the report refuses it too, but after its runs."""
    ids = [claim.id for name in NAMES for claim in experiment.claims_of(name)]
    assert sorted(ids) == sorted(IDS)


def test_every_claim_has_a_case_for_it_and_one_against_it():
    words = {}
    for path in Path(__file__).parent.glob("test_claims_*.py"):
        for case in importlib.import_module(f"tests.experiments.{path.stem}").CASES:
            words.setdefault(case.claim.id, set()).add(case.word)
    assert [id for id in IDS if len(words.get(id, set())) < 2] == []


def test_every_module_has_its_parts():
    for name in NAMES:
        module = experiment.load(name)
        assert dataclasses.is_dataclass(module.Config)
        assert issubclass(module.Config, common.Common)
        assert module.QUICK.quick
        with pytest.raises(dataclasses.FrozenInstanceError):
            module.QUICK.quick = False


def test_list_and_help(capsys):
    command_line.main(["list"])
    listed = capsys.readouterr().out
    for name in NAMES:
        assert f"{name}\n  " in listed
    command_line.main(["--help"])
    assert "run NAME" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "digit"], "did you mean 'digits'"),
        (["run"], "expected the name of an experiment: backprop_shortcuts, "),
        (["train"], "got 'train', expected one of: list, run NAME, report"),
    ],
)
def test_wrong_commands(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        command_line.main(arguments)


@pytest.mark.long
def test_a_run_from_the_command_line(tmp_path):
    command = [
        sys.executable,
        "-m",
        "experiments",
        "run",
        "digits",
        "--quick",
        "--epochs",
        "3",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "test accuracy" in done.stdout
    assert "8/8" in done.stderr
    (folder,) = (tmp_path / "digits").iterdir()
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "results.npz",
        "figure.png",
        "env.json",
    }
    config = json.loads((folder / "config.json").read_text())
    assert (config["quick"], config["epochs"], config["seeds"]) == (True, 3, 8)
    environment = json.loads((folder / "env.json").read_text())
    assert {"jax", "fnn"} <= set(environment["versions"])
    results = np.load(folder / "results.npz", allow_pickle=False)
    assert results["test_accuracy"].shape == (8, 3)
    assert (folder / "figure.png").stat().st_size > 10_000
    digits.plot(
        dict(results), digits.Config(seeds=8, epochs=3)
    )  # the saved arrays suffice for the figure


@pytest.mark.long
def test_help_of_an_experiment():
    command = [sys.executable, "-m", "experiments", "run", "xor", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    for word in ("Question:", "--widths", "--quick", "Starts of each network"):
        assert word in done.stdout


@pytest.mark.long
def test_wrong_options_end_in_one_line_of_error():
    command = [sys.executable, "-m", "experiments", "run", "digits", "--batch-size", "5000"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: batch_size: got 5000 for 1257 training examples, expected at most 1257.\n"
    )


def test_result_folders_never_collide(tmp_path):
    folders = {common.result_folder(tmp_path, "digits") for _ in range(3)}
    assert len(folders) == 3


def test_cubic_fit_reaches_the_worked_numbers():
    """Steps to a thousandth of the starting excess: 45, 51, 22, 89 at 7.5e-4 and 3375 from 0 at
    2e-5.
    """
    config = cubic_fit.QUICK
    results = cubic_fit.run(config)
    np.testing.assert_allclose(
        results["least_squares"][0], [0.964505, -2.062499, -2.894904, 4.125564], atol=5e-7
    )
    np.testing.assert_allclose(results["minimum"][0], 22.323796, atol=5e-7)
    np.testing.assert_allclose(results["critical_rate"], [9.20e-4, 1.74e-3, 4.68e-4], rtol=2e-3)
    steps = [cubic_fit.arrival(loss, results["minimum"][0], 1e-3) for loss in results["loss"][0, 1]]
    assert steps == [45, 51, 22, 89]
    assert cubic_fit.arrival(results["loss"][0, 0, 3], results["minimum"][0], 1e-3) == 3375
    assert (results["loss"][2, 1, :, 29] > 1e20).all()
    assert cubic_fit.table(results, config).count("diverges") == 4
    cubic_fit.plot(results, config)


@pytest.mark.long
def test_xor_needs_a_hidden_layer():
    config = dataclasses.replace(
        xor.QUICK, seeds=32, widths=(0, 8), activations=("tanh",), epochs=400
    )
    results = xor.run(config)
    assert results["best_threshold_rows"] == 3
    assert results["rows_right"][0, 0].max() <= 3
    assert results["solved"][0, 1].mean() > 0.9
    assert results["perceptron_mistakes"].min() > 0
    assert "0.000 (0.000-" in xor.table(results, config)
    xor.plot(results, config)
