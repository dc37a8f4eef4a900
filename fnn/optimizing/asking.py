"""Sources of settings: an Optuna study, or points that are sampled at the beginning."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from fnn import checks
from fnn.optimizing.result import Ended, Trial, mean_and_std
from fnn.runs.settings import Setting

MARK = "fnn.optimize"  # the user attribute of those trials of a study that this module may finish
SAMPLERS = ("sobol", "random")
PLAIN = (bool, int, float, str, type(None))


class Suggestion(NamedTuple):
    """A setting to try.

    number        of the trial
    setting       its hyperparameters
    optuna_trial  the trial of Optuna that is told the result; None without a study
    """

    number: int
    setting: Setting
    optuna_trial: Any = None


class Asker(Protocol):
    """A source of settings that is told the results."""

    def earlier(self) -> list[Trial]:
        """Return the trials of earlier calls."""

    def ask(self, most: int) -> list[Suggestion]:
        """Return at most so many settings, and none at the end."""

    def tell(self, suggestion: Suggestion, trial: Trial, values: Sequence[float]) -> None:
        """Report the result of a setting. `values` has one number for each seed."""


def trial_of(suggestion: Suggestion, values: Sequence[float], epochs: int, ended: Ended) -> Trial:
    """Return the trial of a setting. `values` has one number for each seed."""
    mean, std = mean_and_std(np.asarray(values))
    return Trial(
        number=suggestion.number,
        setting=suggestion.setting,
        value=mean,
        std=std,
        seeds=len(values),
        epochs=epochs,
        ended=ended,
    )


# ---------------------------------------------------------------------------------- without a study


class SampledSettings:
    """Settings that are sampled at the beginning, as an Asker."""

    def __init__(self, space: Mapping[str, Any], trials: int, sampler: str, seed: int) -> None:
        self.settings = sample(space, trials, sampler, seed)
        self.next = 0

    def earlier(self) -> list[Trial]:  # noqa: D102
        return []

    def ask(self, most: int) -> list[Suggestion]:  # noqa: D102
        end = min(self.next + most, len(self.settings))
        numbers = range(self.next, end)
        self.next = end
        return [Suggestion(number, self.settings[number]) for number in numbers]

    def tell(  # noqa: D102
        self, suggestion: Suggestion, trial: Trial, values: Sequence[float]
    ) -> None:
        pass


def sample(space: Mapping[str, Any], trials: int, sampler: str, seed: int) -> list[Setting]:
    """Sample settings from a space.

    sampler  "sobol" for points of Sobol's sequence, scrambled; "random" for independent points
    """
    from scipy.stats import qmc

    checks.lookup("sampler", sampler, dict.fromkeys(SAMPLERS))
    if sampler == "sobol":
        sequence = qmc.Sobol(len(space), rng=seed)
        log2_points = (trials - 1).bit_length()
        points = sequence.random_base2(log2_points)[:trials]
    else:
        points = np.random.default_rng(seed).random((trials, len(space)))
    return [setting_at(space, point) for point in points]


def setting_at(space: Mapping[str, Any], point: np.ndarray) -> Setting:
    """Return the setting at a point of the unit cube, which has one axis for each name."""
    setting = {}
    for (name, values), share in zip(space.items(), point, strict=True):
        setting[name] = value_at(values, share)
    return setting


def value_at(values: Any, share: float) -> Any:
    """Return the value below which a share of a distribution or of a list lies.

    values  a list, or a frozen distribution of scipy.stats
    share   from 0 to 1, without 1
    """
    if isinstance(values, list):
        return values[int(share * len(values))]
    value = values.ppf(share)
    is_whole = hasattr(values.dist, "pmf")
    return int(value) if is_whole else float(value)


def check_space(space: Any, has_study: bool) -> None:
    """Refuse a space unless it maps names to choices or distributions.

    has_study  whether the distributions are those of Optuna, or those of scipy.stats
    """
    if not isinstance(space, Mapping) or not space:
        raise ValueError(
            f"space: got {space!r}, expected a dict of names and their choices or distributions."
        )
    for name, values in space.items():
        if isinstance(values, list) and values:
            check_choices(name, values, has_study)
        elif not is_distribution(values, has_study):
            expected = f"space: {name!r} is {values!r}, expected a list of choices or a"
            if has_study:
                raise ValueError(f"{expected} distribution of optuna.distributions.")
            raise ValueError(
                f"{expected} distribution of scipy.stats, such as loguniform(1e-4, 1); those of "
                "Optuna go with study=."
            )


def check_choices(name: str, choices: list[Any], has_study: bool) -> None:
    """Refuse choices that a study cannot save."""
    if has_study and not all(isinstance(choice, PLAIN) for choice in choices):
        raise ValueError(
            f"space: {name!r} has choices that a study cannot keep, expected numbers, texts, "
            "truth values or None; take names, and look them up in the builder."
        )


def is_distribution(values: Any, has_study: bool) -> bool:
    """Return whether values are a distribution: of Optuna with a study, of scipy.stats without."""
    if has_study:
        return hasattr(values, "to_external_repr")
    return hasattr(values, "ppf") and hasattr(values, "dist")


# ------------------------------------------------------------------------------------- with a study


class Study:
    """An Optuna study, up to so many of our trials in all.

    A killed process leaves trials that were asked for and not told. They are taken first. Those
    whose settings do not belong to this space are told as failed.
    """

    def __init__(self, study: Any, space: Mapping[str, Any], trials: int, mode: str) -> None:
        self.optuna = checks.optional("optuna", "optuna")
        self.states = self.optuna.trial.TrialState
        check_direction(study, mode)
        self.study = study
        self.space = {name: self._distribution(values) for name, values in space.items()}
        self.finished: list[Any] = []
        self.unfinished: list[Any] = []
        for trial in study.trials:
            if MARK not in trial.user_attrs:
                continue
            if trial.state == self.states.RUNNING:
                self.unfinished.append(trial)
            else:
                self.finished.append(trial)
        self.left = max(trials - len(self.finished), 0)

    def _distribution(self, values: Any) -> Any:
        if isinstance(values, list):
            return self.optuna.distributions.CategoricalDistribution(values)
        return values

    def earlier(self) -> list[Trial]:
        """Return the trials that earlier calls told, without those that failed untold."""
        how_ended: dict[Any, Ended] = {
            self.states.COMPLETE: "complete",
            self.states.PRUNED: "pruned",
            self.states.FAIL: "diverged",
        }
        trials = []
        for frozen in self.finished:
            values = frozen.user_attrs.get("values")
            epochs = frozen.user_attrs.get("epochs")
            if values is not None and epochs is not None:
                suggestion = Suggestion(frozen.number, dict(frozen.params))
                trials.append(trial_of(suggestion, values, epochs, how_ended[frozen.state]))
        return trials

    def ask(self, most: int) -> list[Suggestion]:  # noqa: D102
        suggestions: list[Suggestion] = []
        while self.unfinished and len(suggestions) < most:
            frozen = self.unfinished.pop(0)
            if self._fits_space(frozen):
                trial = self.optuna.trial.Trial(self.study, frozen._trial_id)
                suggestions.append(self._suggestion(trial))
            else:
                self.study.tell(frozen.number, state=self.states.FAIL)
        while len(suggestions) < min(most, self.left):
            trial = self.study.ask()
            trial.set_user_attr(MARK, True)  # first, so that a later call can finish the trial
            suggestions.append(self._suggestion(trial))
        self.left = max(self.left - len(suggestions), 0)
        return suggestions

    def tell(  # noqa: D102
        self, suggestion: Suggestion, trial: Trial, values: Sequence[float]
    ) -> None:
        optuna_trial = suggestion.optuna_trial
        optuna_trial.set_user_attr("std", trial.std)
        optuna_trial.set_user_attr("values", list(values))
        optuna_trial.set_user_attr("epochs", trial.epochs)
        if trial.ended == "pruned":
            optuna_trial.report(trial.value, trial.epochs)
            self.study.tell(optuna_trial, state=self.states.PRUNED)
        elif trial.ended == "diverged":
            self.study.tell(optuna_trial, state=self.states.FAIL)
        else:
            self.study.tell(optuna_trial, trial.value)

    def _fits_space(self, frozen: Any) -> bool:
        """Return whether the parameters of a trial are values of this space."""
        for name, value in frozen.params.items():
            distribution = self.space.get(name)
            if distribution is None:
                return False
            if not distribution._contains(distribution.to_internal_repr(value)):
                return False
        return True

    def _suggestion(self, trial: Any) -> Suggestion:
        """Return a trial with its setting. Optuna chooses the parameters that it lacks."""
        setting = {name: suggest(trial, name, values) for name, values in self.space.items()}
        return Suggestion(trial.number, setting, trial)


def suggest(trial: Any, name: str, distribution: Any) -> Any:
    """Ask a trial of Optuna for a value of a distribution."""
    kind = type(distribution).__name__
    if kind == "CategoricalDistribution":
        return trial.suggest_categorical(name, distribution.choices)
    draw = trial.suggest_int if kind == "IntDistribution" else trial.suggest_float
    return draw(
        name,
        distribution.low,
        distribution.high,
        step=distribution.step,
        log=distribution.log,
    )


def check_direction(study: Any, mode: str) -> None:
    """Refuse an object that is no study, a study of several objectives, and a wrong direction.

    mode  "min" or "max"
    """
    if not hasattr(study, "ask") or not hasattr(study, "directions"):
        raise ValueError(f"study: got {study!r}, expected one of optuna.create_study(…), or None.")
    directions = [direction.name.lower()[:3] for direction in study.directions]
    if directions != [mode]:
        raise ValueError(
            f"study: its directions are {directions}, expected ['{mode}'], the direction of the "
            f"monitored entry; make it with optuna.create_study(direction='{mode}imize')."
        )
