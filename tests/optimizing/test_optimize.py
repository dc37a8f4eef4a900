"""`fnn.optimize`: values are those of the sweep, nothing is lost or doubled in a study."""

from concurrent.futures import BrokenExecutor

import numpy as np
import optuna
import pytest
from scipy import stats

import fnn
from fnn import losses, optim
from fnn.optimizing import optimize as module
from fnn.optimizing.asking import sample
from fnn.optimizing.result import Optimized, Trial
from tests.problems import blobs
from tests.runs.test_executor import Inline

D = blobs()
OPTIONS = {"epochs": 3, "batch_size": 10, "seeds": range(3), "progress": False, "batch": 8}
SPACE = {"learning_rate": stats.loguniform(1e-4, 1e-1), "activation": ["tanh", "relu"]}
OF_OPTUNA = {
    "learning_rate": optuna.distributions.FloatDistribution(1e-4, 1e-1, log=True),
    "activation": ["tanh", "relu"],
}


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def build(hyper):
    net = fnn.mlp((3, 8, 3), activation=hyper["activation"])
    return net, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])


def optimized(trials=12, **options):
    return fnn.optimize(build, D, trials=trials, **({"space": SPACE} | OPTIONS | options))


def study_of(direction="minimize", **options):
    return optuna.create_study(direction=direction, **options)


@pytest.mark.slow
def test_values_are_those_of_a_sweep():
    found = optimized()
    settings = [trial.setting for trial in found.trials]
    assert len(settings) == 12
    full = fnn.sweep(build, D, hyper=settings, **{k: v for k, v in OPTIONS.items() if k != "batch"})
    values = full.at("validation_loss")
    np.testing.assert_allclose([t.value for t in found.trials], values.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose([t.std for t in found.trials], values.std(axis=1, ddof=1), rtol=1e-3)
    assert found.best == settings[int(values.mean(axis=1).argmin())]
    assert [trial.number for trial in found.trials] == list(range(12))


def test_points_fill_the_space_and_are_drawn_again():
    settings = sample(SPACE | {"width": stats.randint(2, 6)}, 64, "sobol", 0)
    assert settings == sample(SPACE | {"width": stats.randint(2, 6)}, 64, "sobol", 0)
    assert settings != sample(SPACE | {"width": stats.randint(2, 6)}, 64, "sobol", 1)
    logs = np.log10([each["learning_rate"] for each in settings])
    assert np.histogram(logs, bins=8, range=(-4, -1))[0].tolist() == [8] * 8
    assert [each["activation"] for each in settings].count("relu") == 32
    assert {each["width"] for each in settings} == {2, 3, 4, 5}
    assert all(isinstance(each["width"], int) for each in settings)
    assert len(sample(SPACE, 5, "random", 0)) == 5
    assert len(sample(SPACE, 1, "sobol", 0)) == 1


def test_a_study_is_told_everything():
    study = study_of(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=4))
    found = optimized(space=OF_OPTUNA, study=study)
    assert len(study.trials) == 12
    assert study.best_value == found.best_trial.value
    assert study.best_params == found.best
    told = study.trials[5]
    assert told.user_attrs["std"] == found.trials[5].std
    assert np.mean(told.user_attrs["values"]) == told.value


def test_a_study_goes_on_and_takes_first_what_was_left_untold(tmp_path, monkeypatch):

    def storage():
        file = optuna.storages.journal.JournalFileBackend(str(tmp_path / "study.log"))
        return optuna.storages.JournalStorage(file)

    study = study_of(storage=storage(), study_name="s")
    monkeypatch.setattr(module, "tell", interrupted_at(5, module.tell))
    with pytest.raises(KeyboardInterrupt):
        optimized(space=OF_OPTUNA, study=study)
    monkeypatch.undo()
    states = [trial.state.name for trial in study.trials]
    assert states.count("COMPLETE") == 5
    assert states.count("RUNNING") == 3
    asked = [trial.params for trial in study.trials]
    again = optuna.load_study(storage=storage(), study_name="s")
    found = optimized(space=OF_OPTUNA, study=again)
    assert [trial.state.name for trial in again.trials] == ["COMPLETE"] * 12
    assert [trial.params for trial in again.trials][:8] == asked
    assert [trial.number for trial in found.trials] == list(range(12))
    finished = optimized(space=OF_OPTUNA, study=again)
    assert len(again.trials) == 12
    assert finished.best_trial == found.best_trial
    assert finished.best_trial.value == again.best_value


def interrupted_at(number, f):
    calls = []

    def interrupted(*args):
        calls.append(args)
        if len(calls) > number:
            raise KeyboardInterrupt
        return f(*args)

    return interrupted


@pytest.mark.slow
def test_trials_of_others_are_left_alone():
    study = study_of()
    other = study.ask()
    study.tell(study.ask(), 1.0)
    optimized(space=OF_OPTUNA, study=study)
    assert len(study.trials) == 14
    assert study.trials[other.number].state.name == "RUNNING"


def test_losers_are_pruned():
    study = study_of(sampler=optuna.samplers.RandomSampler(seed=0))
    found = optimized(space=OF_OPTUNA, study=study, prune=True, epochs=8, seeds=range(6))
    ended = [trial.ended for trial in found.trials]
    assert "pruned" in ended
    assert "complete" in ended
    states = [trial.state.name for trial in study.trials]
    assert [s == "PRUNED" for s in states] == [e == "pruned" for e in ended]
    assert study.best_value == found.best_trial.value
    for trial in found.trials:
        if trial.ended == "pruned":
            assert study.trials[trial.number].intermediate_values == {trial.epochs: trial.value}
    assert {trial.epochs for trial in found.trials} > {8}


def test_what_diverged_is_told_as_failed():
    study = study_of()
    space = {"learning_rate": [1e-2, 1e38], "activation": ["tanh"]}
    found = optimized(space=space, study=study, trials=8)
    diverged = [trial for trial in found.trials if trial.ended == "diverged"]
    assert diverged
    assert all(trial.setting["learning_rate"] == 1e38 for trial in diverged)
    assert all(study.trials[trial.number].state.name == "FAIL" for trial in diverged)
    assert "diverged" in repr(found)


@pytest.mark.slow
def test_the_largest_is_the_best_of_an_accuracy():
    study = study_of("maximize")
    found = optimized(space=OF_OPTUNA, study=study, monitor="validation_accuracy")
    assert found.best_trial.value == max(trial.value for trial in found.trials)


def test_nothing_is_asked_before_everything_is_refused():
    study = study_of()
    for wrong in ({"prune": True, "seeds": [0]}, {"epochs": 0}, {"batch_size": 0}):
        with pytest.raises(ValueError, match=r"prune=True|epochs|batch_size"):
            optimized(space=OF_OPTUNA, study=study, **wrong)
    space = OF_OPTUNA | {"activation": [np.tanh, np.sin]}
    with pytest.raises(ValueError, match="'activation' has choices that a study cannot keep"):
        optimized(space=space, study=study)
    assert not study.trials


@pytest.mark.slow
def test_an_untold_trial_of_another_space_is_failed_and_one_without_parameters_drawn():
    study = study_of()
    for name in ("rate", None):
        trial = study.ask()
        trial.set_user_attr("fnn.optimize", True)
        if name:
            trial.suggest_float(name, 0.0, 1.0)
    found = optimized(space=OF_OPTUNA, study=study, trials=4)
    assert [trial.state.name for trial in study.trials] == ["FAIL", *["COMPLETE"] * 4]
    assert len(found.trials) == 4


def test_untold_trials_are_finished_beyond_the_number(tmp_path):
    study = study_of()
    optimized(space=OF_OPTUNA, study=study, trials=4)
    trial = study.ask()
    trial.set_user_attr("fnn.optimize", True)
    assert len(optimized(space=OF_OPTUNA, study=study, trials=4).trials) == 5


def test_ctrl_c_has_what_was_told(monkeypatch):
    sweep, calls = module.sweep, []

    def interrupted(*args, **options):
        calls.append(args)
        if len(calls) == 2:
            raise fnn.SweepInterrupted(type("S", (), {"finished": np.zeros(3)}), None)
        return sweep(*args, **options)

    monkeypatch.setattr(module, "sweep", interrupted)
    with pytest.raises(fnn.OptimizeInterrupted, match="8 trials are in") as stopped:
        optimized()
    assert len(stopped.value.found.trials) == 8
    assert stopped.value.found.best


@pytest.mark.parametrize(("prune", "most"), [(False, 8), (True, 24)])
def test_runs_that_fail_leave_what_was_found(prune, most):
    tasks = []

    def break_later(task, answer):
        tasks.append(task)
        if len(tasks) > most:
            raise BrokenExecutor("gone")
        return answer

    with pytest.raises(fnn.OptimizeFailed, match=r"gone\. \d+ finished trials are in") as failed:
        optimized(executor=Inline(break_later), prune=prune, batch=2)
    assert 0 < len(failed.value.found.trials) < 12


def test_on_an_executor():
    found, there = optimized(), optimized(executor=Inline())
    assert [trial.value for trial in found.trials] == [trial.value for trial in there.trials]


def test_a_table_says_what_is_best():
    found = optimized()
    text = repr(found)
    title = "Optimized(12 trials: 12 complete)\n  the best 5 by validation_loss, best epoch:"
    assert text.startswith(title)
    assert text.splitlines()[3].split()[0] == str(found.best_trial.number)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 0}, "trials"),
        ({"batch": 0}, "batch"),
        ({"space": {}}, "space"),
        ({"space": {"learning_rate": (1e-4, 1e-1)}}, r"scipy.stats"),
        ({"space": {"learning_rate": []}}, "list of choices"),
        ({"space": OF_OPTUNA}, "those of Optuna go with study="),
        ({"sampler": "grid"}, "sampler"),
        ({"prune": 1}, "prune"),
        ({"study": 3, "space": OF_OPTUNA}, "study"),
        ({"study": study_of("maximize"), "space": OF_OPTUNA}, r"expected \['min'\]"),
        ({"study": study_of(), "space": SPACE}, r"optuna.distributions"),
        ({"space": SPACE | {"unread": [1, 2]}}, "never reads 'unread'"),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        optimized(**options)


def test_several_objectives_are_refused():
    study = optuna.create_study(directions=["minimize", "minimize"])
    with pytest.raises(ValueError, match="directions"):
        optimized(space=OF_OPTUNA, study=study)


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (["diverged", "pruned"], "every trial diverged or was pruned"),
        ([], "there is no trial"),
    ],
)
def test_without_a_complete_trial_there_is_no_best(ended, message):
    trials = [Trial(number, {"a": 1.0}, 0.1, 0.0, 2, 3, each) for number, each in enumerate(ended)]
    optimized = Optimized(trials, "validation_loss", "min", "best epoch")
    with pytest.raises(ValueError, match=message):
        _ = optimized.best_trial


def test_the_best_trial_is_complete_and_has_the_best_value():
    ended = {0.3: "complete", 0.1: "pruned", 0.2: "complete"}
    trials = [
        Trial(number, {"a": value}, value, 0.0, 2, 3, each)
        for number, (value, each) in enumerate(ended.items())
    ]
    assert Optimized(trials, "validation_loss", "min", "best epoch").best == {"a": 0.2}
    assert Optimized(trials, "validation_accuracy", "max", "best epoch").best == {"a": 0.3}
