"""The doctor finds what is wrong, says what to set, and ends with the right status."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import fnn.doctor
from fnn import __main__ as command_line
from fnn import compiler
from fnn.doctor import check_machine, children, report, trial
from fnn.doctor.canaries import CANARIES, Canary, numbers
from fnn.doctor.library import library, quick_library
from fnn.doctor.trial import Outcome

ROOT = Path(__file__).parents[2]
FAULTS = {fault.name: fault for fault in compiler.FAULTS}
AVOIDED = [canary for canary in CANARIES if FAULTS[canary.name].option.used]
LIBRARY = list(library())
RIGHT_JIT = trial.jit_as_for_training  # which tests replace


def sines(generator):
    """A right program."""
    return jax.numpy.sin, (numbers(generator, 5),)


def exits(generator):
    """A program that ends the process, as a crash of XLA does."""
    os.write(2, b"something else\nso it was planned\n")
    os._exit(7)


def raises(generator):
    raise RuntimeError("no such luck")


def sleeps(generator):
    time.sleep(600)


def miscompiled(function):
    """Compile a right program with a fault: the last entry of its first output is wrong."""

    def call(*arguments):
        leaves, tree = jax.tree.flatten(RIGHT_JIT(function)(*arguments))
        return jax.tree.unflatten(tree, [with_a_wrong_entry(leaves[0]), *leaves[1:]])

    return call


def with_a_wrong_entry(array):
    """Change the last entry by a thousandth of the largest, or by 1 where it is whole."""
    flat = jax.numpy.ravel(array)
    largest = jax.numpy.max(jax.numpy.abs(flat))
    whole = not jax.numpy.issubdtype(flat.dtype, jax.numpy.floating)
    change = 1 if whole else 0.001 * (largest + (largest == 0))
    return flat.at[-1].add(jax.numpy.asarray(change, flat.dtype)).reshape(array.shape)


def broken_sines(generator):
    """A right program, in a process whose compiler is broken from now on."""
    trial.jit_as_for_training = miscompiled
    return sines(generator)


GOOD, BROKEN = Canary("sines", sines), Canary("broken sines", broken_sines)


@pytest.mark.optimized
@pytest.mark.parametrize("canary", AVOIDED, ids=lambda canary: canary.name)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_canary_of_each_fault_is_right_under_the_options(canary, seed):
    assert trial.attempt(canary, seed, True) == Outcome(canary.name, "right")


@pytest.mark.optimized(otherwise=False)
@pytest.mark.parametrize("canary", AVOIDED, ids=lambda canary: canary.name)
def test_the_canary_of_each_fault_at_many_sizes(canary):
    outcomes = {trial.attempt(canary, seed, True) for seed in range(2, 20)}
    assert outcomes == {Outcome(canary.name, "right")}


@pytest.mark.optimized(otherwise=False)
@pytest.mark.parametrize("canary", LIBRARY, ids=lambda canary: canary.name)
def test_the_library_at_other_sizes(canary):
    assert trial.attempt(canary, 1, True) == Outcome(canary.name, "right")


@pytest.mark.optimized(otherwise=False)
def test_a_plain_jit_meets_the_faults_that_the_table_has_for_this_jaxlib():
    """In child processes: one of them is a crash. A canary may need several draws of its sizes."""
    trials = [(canary, seed, False) for seed in range(4) for canary in CANARIES]
    outcomes = children.attempt_all(trials)
    met = {outcome.name for outcome in outcomes if outcome.status != "right"}
    assert met == {fault.name for fault in compiler.present()}


def test_there_is_a_canary_for_each_fault():
    assert [canary.name for canary in CANARIES] == list(FAULTS)


@pytest.mark.parametrize(
    "canary",
    [*AVOIDED, *(pytest.param(canary, marks=pytest.mark.long) for canary in quick_library())],
    ids=lambda canary: canary.name,
)
def test_the_exit_status_is_1_with_each_canary_broken(monkeypatch, capsys, canary):
    """One canary is compiled by a broken compiler; the others are taken to be right."""

    def outcome(each, seed, with_options):
        if each.name != canary.name or not with_options:
            return Outcome(each.name, "right")
        with monkeypatch.context() as patch:
            patch.setattr(trial, "jit_as_for_training", miscompiled)
            return trial.attempt(each, seed, with_options)

    monkeypatch.setattr(report, "attempt_all", lambda trials: [outcome(*each) for each in trials])
    assert command_line.main(["doctor"]) == 1
    assert f"{canary.name} (wrong by" in capsys.readouterr().out


def test_deviations_are_counted_in_roundings():
    one = np.float32([1.0, 2.0])
    assert trial.largest_error(one, one) == 0
    assert trial.largest_error(one * np.float32(1 + 1e-6), one) == pytest.approx(8, abs=1)
    assert trial.largest_error(np.float64([1.0, 2 + 2e-9]), one) > trial.ROUNDINGS
    assert trial.largest_error(np.array([1, 3]), np.array([1, 2])) > trial.ROUNDINGS
    assert trial.largest_error(np.float32([np.nan, 1]), np.float64([np.nan, 1])) == 0
    assert trial.largest_error(np.float32([np.nan, 1]), np.float64([2, 1])) == np.inf
    assert trial.largest_error(np.float32([1, 1]), np.float64([np.inf, 1])) == np.inf
    assert trial.largest_error(np.float32([1, 1]), np.float64([1])) == np.inf


@pytest.mark.long
def test_a_child_that_dies_or_hangs_is_an_answer_and_the_others_get_theirs(monkeypatch):
    monkeypatch.setattr(children, "SECONDS", 10.0)
    monkeypatch.setattr(children, "usable_cores", lambda: 1)  # one child after the other
    canaries = [Canary("first", sines), Canary("exits", exits), Canary("raises", raises)]
    canaries += [Canary("sleeps", sleeps), Canary("last", sines)]
    outcomes = children.attempt_all([(canary, 0, True) for canary in canaries])
    assert [each.name for each in outcomes] == ["first", "exits", "raises", "sleeps", "last"]
    assert [each.status for each in outcomes] == ["right", "crash", "error", "crash", "right"]
    assert outcomes[1].detail == "exit status 7: so it was planned"
    assert outcomes[2].detail == "RuntimeError: no such luck"
    assert outcomes[3].detail == "did not end within 10 s"


def test_the_former_name_says_the_new_one():
    with pytest.raises(AttributeError, match=r"examine is now fnn\.doctor\.check_machine"):
        _ = fnn.doctor.examine


@pytest.mark.parametrize(("canaries", "status"), [([GOOD], 0), ([GOOD, BROKEN], 1)])
def test_the_exit_status_says_whether_the_numbers_are_right(monkeypatch, capsys, canaries, status):
    monkeypatch.setattr("fnn.doctor.check_machine", lambda: check_machine(canaries))
    assert command_line.main(["doctor", "--json"]) == status
    printed = json.loads(capsys.readouterr().out)
    assert printed["right"] == (status == 0)
    assert [each["status"] for each in printed["trials"][:2]] == ["right", "right"]
    assert [line["subject"] for line in printed["lines"][-2:]] == ["fnn", "your own jax.jit"]
    assert ("broken sines (wrong by" in printed["lines"][-2]["advice"]) == (status == 1)


def doctor(**environment):
    """Run the command; its exit status, report and seconds."""
    command = [sys.executable, "-m", "fnn", "doctor", "--json"]
    start = time.perf_counter()
    done = subprocess.run(
        command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), time.perf_counter() - start


@pytest.mark.optimized(otherwise=False)
def test_the_doctor_of_this_machine():
    status, report, seconds = doctor()
    print(f"doctor: {seconds:.1f} s")
    assert status == 0
    subjects = [line["subject"] for line in report["lines"]]
    assert subjects == [
        "python",
        "versions",
        "known faults",
        "devices",
        "x64",
        "random numbers",
        "XLA_FLAGS",
        "fnn",
        "your own jax.jit",
    ]
    exposed = {outcome["name"] for outcome in report["exposed"]}
    assert exposed <= {fault.name for fault in compiler.present()}
    advice = report["lines"][-1]["advice"]
    assert (compiler.xla_flags() in advice) == bool(exposed)


@pytest.mark.optimized(otherwise=False)
def test_the_flags_that_the_doctor_names_protect_a_plain_jit():
    status, report, _ = doctor(XLA_FLAGS=compiler.xla_flags())
    assert status == 0
    assert report["exposed"] == []


@pytest.mark.long
def test_settings_that_fnn_refuses_are_told():
    _, report, _ = doctor(JAX_DEFAULT_PRNG_IMPL="rbg", JAX_ENABLE_X64="1")
    lines = {line["subject"]: line for line in report["lines"]}
    assert "unset JAX_DEFAULT_PRNG_IMPL" in lines["random numbers"]["advice"]
    assert lines["x64"]["found"].startswith("on")


@pytest.mark.parametrize("implementation", ["threefry2x32", "rbg"])
def test_another_generator_of_random_numbers_is_told(implementation):
    before = jax.config.values["jax_default_prng_impl"]
    jax.config.update("jax_default_prng_impl", implementation)
    try:
        line = report.line_of_random_numbers()
    finally:
        jax.config.update("jax_default_prng_impl", before)
    assert line.found == implementation
    assert bool(line.advice) == (implementation == "rbg")


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ([], "exit status -11"),
        (["one", "two", "three"], "exit status -11: three"),
    ],
)
def test_the_last_words_of_a_child(errors, words):
    child = children.Child.__new__(children.Child)  # without a process of its own
    child.process = SimpleNamespace(returncode=-11)
    child.error_lines = errors
    assert child.last_words() == words
