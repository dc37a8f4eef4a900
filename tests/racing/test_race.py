"""`fnn.race`: runs that finish are those of the sweep, what left costs nothing, and it says so."""

import os
import pickle
import signal
from concurrent.futures import BrokenExecutor

import jax
import numpy as np
import pytest

import fnn
from fnn import figures, losses, optim
from fnn.racing.race import checked_budget
from fnn.racing.rungs import Rung
from fnn.runs import sweep_collector
from tests.problems import blobs
from tests.runs.test_executor import Inline

D = blobs()
NET = fnn.mlp((3, 8, 3), activation="tanh")
HYPER = {"learning_rate": [1e-5, 1e-4, 1e-2, 1.01e-2, 1.02e-2], "width": [4, 8]}
OPTIONS = {
    "hyper": HYPER,
    "seeds": range(9),
    "epochs": 8,
    "batch_size": 10,
    "runs_per_vmap": 8,
    "progress": False,
}


def build(hyper):
    net = fnn.mlp((3, hyper["width"], 3), activation="tanh")
    return net, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])


def raced(guarantee="rung", **options):
    return fnn.race(build, D, guarantee=guarantee, **(OPTIONS | options))


@pytest.fixture(scope="module")
def full():
    return fnn.sweep(build, D, **OPTIONS)


@pytest.fixture(scope="module")
def by_rungs():
    return raced()


def assert_runs_are_those_of(race, full):
    finished = race.sweep.finished
    assert finished.any()
    for name, values in full.history.items():
        assert np.array_equal(race.sweep.history[name][finished], values[finished], equal_nan=True)
    for name in ("best_epoch", "stopped_epoch", "diverged_step"):
        ours, theirs = getattr(race.sweep, name), getattr(full, name)
        np.testing.assert_array_equal(ours[finished], theirs[finished])
    for row, column in np.argwhere(finished)[::7]:
        ours = race.sweep.run(int(row), race.sweep.seeds[column]).params
        theirs = full.run(int(row), full.seeds[column]).params
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.mark.optimized
def test_runs_that_finish_have_the_bits_of_the_sweep(by_rungs, full):
    assert_runs_are_those_of(by_rungs, full)


def test_the_winner_is_one_that_the_sweep_cannot_tell_from_its_own(by_rungs, full):
    values = full.history["validation_loss"][:, :, -1]
    ours, best = values[by_rungs.best_row], values[values.mean(axis=1).argmin()]
    difference = ours - best
    assert difference.mean() <= 3 * difference.std(ddof=1) / 3 + 1e-12


def test_only_epochs_that_were_needed_are_trained(by_rungs):
    done = by_rungs.sweep.stopped_epoch + 1
    assert by_rungs.run_epochs == done.sum()
    assert by_rungs.share == by_rungs.run_epochs / (10 * 9 * 8)
    assert by_rungs.share < 0.8
    for row in np.flatnonzero(by_rungs.left >= 0):
        rung = by_rungs.rungs[by_rungs.left[row]].rung
        assert (done[row, : rung.seeds] == rung.epochs).all()
        assert by_rungs.sweep.finished[row].any() == (rung.epochs == 8)
    assert (done[by_rungs.remaining] == 8).all()


def test_histories_of_what_left_are_those_of_the_sweep_up_to_there(by_rungs, full):
    row = int(np.flatnonzero(by_rungs.left >= 0)[0])
    epochs = by_rungs.rungs[by_rungs.left[row]].rung.epochs
    ours = by_rungs.sweep.history["train_loss"][row]
    np.testing.assert_array_equal(ours[:, :epochs], full.history["train_loss"][row, :, :epochs])
    assert np.isnan(ours[:, epochs:]).all()


@pytest.mark.optimized
def test_final_compares_after_the_last_epoch_with_more_and_more_seeds(full):
    race = raced("final")
    assert_runs_are_those_of(race, full)
    assert [tuple(found.rung) for found in race.rungs] == [(8, 4), (8, 8), (8, 9)]
    for row in np.flatnonzero(race.left >= 0):
        seeds = race.rungs[race.left[row]].rung.seeds
        assert race.sweep.finished[row].sum() == seeds


def test_rungs_of_both_kinds(full):
    race = raced(rungs=[(2, 5), (4, 5), (4, 9), (8, 9)])
    assert_runs_are_those_of(race, full)
    trained = race.sweep.stopped_epoch + 1
    left = np.flatnonzero((race.left >= 0) & (race.left < 2))
    assert len(left)
    assert (trained[left, 5:] == 0).all()


@pytest.mark.optimized
def test_on_an_executor(by_rungs):
    executor = Inline()
    race = raced(executor=executor)
    np.testing.assert_array_equal(race.left, by_rungs.left)
    for name, values in by_rungs.sweep.history.items():
        np.testing.assert_array_equal(race.sweep.history[name], values)
    assert any(task.states is not None and task.whole for task in executor.tasks)
    assert str(race) == str(by_rungs)


def test_the_answer_is_a_sentence_and_a_table(by_rungs):
    text = str(by_rungs)
    assert text.startswith(f"Best of 10: setting {by_rungs.best_row} (learning_rate=")
    assert "Each rung keeps its best setting with 95 % confidence" in text
    assert f"{by_rungs.share:.1%} of the full sweep was trained" in text
    rows = by_rungs.rows()
    assert rows[0]["setting"] == by_rungs.best_row
    assert rows[0]["worse by"] == 0.0
    assert len(rows) == 10
    assert [row["left at rung"] for row in rows][-1] == 1
    assert "With 95 % confidence the setting of the best mean in the last epoch is" in str(
        raced("final")
    )


def test_a_budget_of_epochs_is_not_exceeded(by_rungs):
    whole = by_rungs.run_epochs
    race = raced(budget={"epochs": whole - 1})
    assert race.ended == "budget"
    assert race.run_epochs < whole
    assert "the budget ended it" in race.sentence()
    assert raced(budget={"epochs": whole}).ended == ""


def test_a_budget_of_runs_or_seconds():
    race = raced("final", budget={"runs": 10 * 4 + 1})
    assert race.ended == "budget"
    assert len(race.rungs) == 1
    assert raced("rung", budget={"seconds": 1e-9}).ended == "budget"


def test_a_race_ends_where_one_is_left_or_all_are_near():
    near = raced("final", delta=10.0)
    assert near.ended == "delta"
    assert "no other remaining one can be better by 10" in near.sentence()
    assert len(near.rungs) == 1
    one = raced(hyper={"learning_rate": [1e-5, 3e-2], "width": [8]})
    assert one.ended == ""
    assert one.sweep.finished[one.best_row].all()
    assert one.remaining == [one.best_row]
    assert "Every other setting was worse than the best of the rung" in one.sentence()


def test_settings_that_diverge_are_told_as_such():
    race = raced(hyper={"learning_rate": [1e-2, 1e38], "width": [8]})
    assert race.best_row == 0
    assert race.sweep.finished[1, :5].all()  # as in the sweep, they ended
    assert (race.sweep.diverged_step[1, :5] >= 0).all()
    dead = race.rows()[-1]
    assert np.isnan(dead["validation_loss"])
    assert dead["diverged"] == dead["seeds"]


def test_no_setting_is_the_best_where_all_diverge():
    race = raced(hyper={"learning_rate": [1e38, 2e38], "width": [8]})
    assert race.sentence().startswith("No setting is the best: every run of all 2 settings")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": [0]}, "seeds"),
        ({"guarantee": "certain"}, "guarantee"),
        ({"confidence": 1.0}, "confidence"),
        ({"confidence": 95}, "confidence"),
        ({"delta": -1.0}, "delta"),
        ({"budget": 3}, "budget"),
        ({"budget": {"hours": 3}}, "hours"),
        ({"budget": {"epochs": 5}}, "the first rung alone takes 50"),
        ({"hyper": {"learning_rate": [1e-3], "width": [8]}}, "several to choose from"),
        ({"rungs": [(3, 9)]}, "rungs"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_compiled(options, message):
    with pytest.raises(ValueError, match=message):
        raced(**({"guarantee": "rung"} | options))


def test_several_splits_are_refused():
    with pytest.raises(ValueError, match="one Dataset"):
        fnn.race(build, [D, D], guarantee="rung", **OPTIONS)


def assert_equal_races(resumed, whole):
    """Expect the same answer and the same bits, as if nothing had stopped the race."""
    assert str(resumed) == str(whole)
    assert resumed.run_epochs == whole.run_epochs
    assert np.array_equal(resumed.sweep.finished, whole.sweep.finished)
    assert_runs_are_those_of(resumed, whole.sweep)


def test_ctrl_c_within_a_rung_keeps_what_was_found_before(monkeypatch, by_rungs):
    from fnn.runs.driver import Driver

    between, calls = Driver._between_chunks, []

    def interrupted(self, *args):
        calls.append(args)
        if self.groups[0].epochs == 4:
            os.kill(os.getpid(), signal.SIGINT)
        between(self, *args)

    monkeypatch.setattr(Driver, "_between_chunks", interrupted)
    with pytest.raises(fnn.RaceInterrupted) as stopped:
        raced()
    assert len(stopped.value.race.rungs) >= 1
    assert stopped.value.race.best
    monkeypatch.setattr(Driver, "_between_chunks", between)
    assert_equal_races(stopped.value.resume(progress=False), by_rungs)


def test_runs_that_fail_are_told_with_what_was_found_before(monkeypatch):
    def lose(task, answer):
        if task.states is not None:
            raise ConnectionError("gone")
        return answer

    with pytest.raises(fnn.RaceFailed, match=r"runs failed at rung 2: LostTask: .*gone") as failed:
        raced(executor=Inline(lose))
    assert len(failed.value.race.rungs) == 1


@pytest.mark.parametrize("lost", [1, 2, 5])
def test_a_race_whose_executor_breaks_goes_on_with_another(lost, by_rungs):
    """Whatever came back is kept: every task is computed once, in whichever rung the pool broke."""
    computed = []

    def count(task, answer):
        computed.append(task)
        return answer

    def break_after(task, answer):
        if len(computed) == lost:
            raise BrokenExecutor("gone")
        return count(task, answer)

    with pytest.raises(fnn.RaceFailed, match="gone") as failed:
        raced(executor=Inline(break_after))
    resumed = failed.value.resume(progress=False, executor=Inline(count))
    assert_equal_races(resumed, by_rungs)
    runs = sum(len(task.runs) for task in computed)
    whole = []
    raced(executor=Inline(lambda task, answer: whole.append(len(task.runs)) or answer))
    assert runs == sum(whole)


@pytest.mark.parametrize("where", ["keep", "put", "put_machine"])
@pytest.mark.parametrize("block", [1, 4])
def test_a_second_ctrl_c_while_a_block_comes_in_loses_nothing(monkeypatch, by_rungs, where, block):
    """A run counts as done when its state and its results are there, not before."""
    from fnn.racing import race as module

    calls = []
    owner = {"keep": module.RaceLoop, "put": module, "put_machine": sweep_collector}[where]
    name = "put_states" if where == "put" else where
    whole = getattr(owner, name)

    def interrupted(*args):
        calls.append(args)
        if len(calls) == block:
            raise KeyboardInterrupt
        return whole(*args)

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.raises(fnn.RaceInterrupted) as stopped:
        raced(executor=Inline())
    assert_equal_races(stopped.value.resume(progress=False), by_rungs)


def test_ctrl_c_between_two_rungs(monkeypatch, by_rungs):
    from fnn.racing import race as module

    compare, calls = module.compare, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return compare(*args)

    monkeypatch.setattr(module, "compare", interrupted)
    with pytest.raises(fnn.RaceInterrupted) as stopped:
        raced()
    assert_equal_races(stopped.value.resume(progress=False), by_rungs)


def broken(executor):
    with pytest.raises(fnn.RaceFailed, match="gone") as failed:
        raced(executor=executor)
    return failed.value


def break_in_second_rung(task, answer):
    if task.states is not None:
        raise BrokenExecutor("gone")
    return answer


class Killed(BaseException):
    """Stands for a kill: nothing that is in memory is left."""


@pytest.mark.parametrize("chunk", [1, 3, 4, 6])
def test_the_same_call_goes_on_where_it_was_killed(monkeypatch, tmp_path, by_rungs, chunk):
    from fnn.runs.driver import Driver

    between, calls = Driver._between_chunks, []

    def killed(self, *args):
        calls.append(args)
        if len(calls) == chunk:
            raise Killed
        between(self, *args)

    monkeypatch.setattr(Driver, "_between_chunks", killed)
    directory = tmp_path / "race"
    with pytest.raises(Killed):
        raced(checkpoint=directory, checkpoint_every=1e-9)
    monkeypatch.setattr(Driver, "_between_chunks", between)
    assert_equal_races(raced(checkpoint=directory), by_rungs)
    trained = []
    monkeypatch.setattr(Driver, "_run_block", lambda *args: trained.append(args))
    assert_equal_races(raced(checkpoint=directory), by_rungs)
    assert not trained


def test_workers_of_a_killed_race_are_not_asked_again(tmp_path, by_rungs):
    computed = []

    def count(task, answer):
        computed.append(len(task.runs))
        return answer

    def kill(task, answer):
        if len(computed) == 4:
            raise BrokenExecutor("gone")
        return count(task, answer)

    with pytest.raises(fnn.RaceFailed):
        raced(checkpoint=tmp_path / "race", executor=Inline(kill))
    resumed = raced(checkpoint=tmp_path / "race", executor=Inline(count))
    assert_equal_races(resumed, by_rungs)
    whole = []
    raced(executor=Inline(lambda task, answer: whole.append(len(task.runs)) or answer))
    assert sum(computed) == sum(whole)


def test_a_directory_of_another_race_is_refused(tmp_path):
    directory = tmp_path / "race"
    raced(checkpoint=directory, budget={"epochs": 80})
    with pytest.raises(ValueError, match="delta"):
        raced(checkpoint=directory, delta=0.1)
    assert raced(checkpoint=directory).ended != "budget"
    with pytest.raises(ValueError, match="part of a race, which goes on by the same call"):
        fnn.load(directory / "rung-1")
    fnn.sweep(build, D, checkpoint=tmp_path / "sweep", **OPTIONS)
    with pytest.raises(ValueError, match="belongs to another call, not to a race"):
        raced(checkpoint=tmp_path / "sweep")
    with pytest.raises(ValueError, match="checkpoint: got 3, expected a directory"):
        raced(checkpoint=3)


def test_resuming_twice_gives_the_same_race(by_rungs):
    failed = broken(Inline(break_in_second_rung))
    before = str(failed.race), len(failed.race.rungs)
    race = failed.resume(progress=False, executor=None)
    text = str(race)
    assert failed.resume(progress=False) is race
    assert str(race) == text == str(by_rungs)
    assert (str(failed.race), len(failed.race.rungs)) == before


def test_an_error_of_a_race_can_be_pickled(by_rungs):
    failed = broken(Inline(break_in_second_rung))
    again = pickle.loads(pickle.dumps(failed))
    assert str(again) == str(failed)
    assert str(again.race) == str(failed.race)
    with pytest.raises(ValueError, match="this error was pickled"):
        again.resume()


def test_a_figure_of_the_rungs(by_rungs):
    figure = figures.rungs(by_rungs)
    above, below = figure.axes
    assert len(above.lines) == 10
    assert above.get_yscale() == "log"  # of a loss
    assert above.get_xticklabels()[1].get_text().startswith("2 epochs\n5 seeds\n")
    texts = [text.get_text() for text in below.get_yticklabels()]
    assert texts[0] == f"{by_rungs.best_row}, in"
    assert texts[-1].split(", ")[1].startswith("left at rung")
    with pytest.raises(TypeError, match="got a Sweep, expected the Race"):
        figures.rungs(by_rungs.sweep)


@pytest.mark.parametrize(("name", "least"), [("runs", 20), ("epochs", 60), ("seconds", 1e-9)])
def test_a_budget_has_room_for_the_first_rung(name, least):
    first = Rung(epochs=3, seeds=2)
    assert checked_budget({name: least}, first, settings=10) == (name, least)
    if least > 1:
        message = f"got {least - 1} {name}, but the first rung alone takes {least}"
        with pytest.raises(ValueError, match=message):
            checked_budget({name: least - 1}, first, settings=10)
