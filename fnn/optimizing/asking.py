"""Who says which settings are tried: an Optuna study, or points drawn beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from fnn import checks
from fnn.optimizing.result import Ended, Trial, spread
from fnn.runs.settings import Setting

MARK = "fnn.optimize"  # a study's trials that are ours to finish
SAMPLERS = ("sobol", "random")
PLAIN = (bool, int, float, str, type(None))


class Asked(NamedTuple):
    """A setting to be tried.

    handle  what is told of: a trial of Optuna
    """

    number: int
    setting: Setting
    handle: Any = None


class Asker(Protocol):
    """Asks for settings, and tells what came of them."""

    def earlier(self) -> list[Trial]:
        """Return the trials of earlier calls."""

    def ask(self, most: int) -> list[Asked]:
        """Return at most so many settings; none at the end."""

    def tell(self, asked: Asked, trial: Trial, values: Sequence[float]) -> None:
        """Tell what came of one."""


def trial_of(asked: Asked, values: Sequence[float], epochs: int, ended: Ended) -> Trial:
    """Return what came of a setting; values are those of its seeds."""
    mean, std = spread(np.asarray(values))
    return Trial(asked.number, asked.setting, mean, std, len(values), epochs, ended)


# -------------------------------------------------------------------------------- without a study


class Drawn:
    """Settings that are drawn at the beginning."""

    def __init__(self, space: Mapping[str, Any], trials: int, sampler: str, seed: int) -> None:
        self.settings = drawn(space, trials, sampler, seed)
        self.next = 0

    def earlier(self) -> list[Trial]:  # noqa: D102
        return []

    def ask(self, most: int) -> list[Asked]:  # noqa: D102
        numbers = range(self.next, min(self.next + most, len(self.settings)))
        self.next = numbers.stop
        return [Asked(number, self.settings[number]) for number in numbers]

    def tell(self, asked: Asked, trial: Trial, values: Sequence[float]) -> None:  # noqa: D102
        pass


def drawn(space: Mapping[str, Any], trials: int, sampler: str, seed: int) -> list[Setting]:
    """Draw settings from a space: points of Sobol's sequence, scrambled, or independent ones."""
    from scipy.stats import qmc

    checks.lookup("sampler", sampler, dict.fromkeys(SAMPLERS))
    if sampler == "sobol":
        points = qmc.Sobol(len(space), rng=seed).random_base2((trials - 1).bit_length())[:trials]
    else:
        points = np.random.default_rng(seed).random((trials, len(space)))
    return [
        {name: at_share(space[name], share) for name, share in zip(space, point, strict=True)}
        for point in points
    ]


def at_share(values: Any, share: float) -> Any:
    """Return the value below which a share of a distribution lies; of a list the one there."""
    if isinstance(values, list):
        return values[int(share * len(values))]
    value = values.ppf(share)
    is_whole = hasattr(values.dist, "pmf")
    return int(value) if is_whole else float(value)


def check_space(space: Any, has_study: bool) -> None:
    """Refuse what is no space of this kind."""
    if not isinstance(space, Mapping) or not space:
        raise ValueError(f"space: got {space!r}, expected a dict of names and what they may be.")
    for name, values in space.items():
        if isinstance(values, list) and values:
            if has_study and not all(isinstance(each, PLAIN) for each in values):
                raise ValueError(
                    f"space: {name!r} has choices that a study cannot keep, expected numbers, "
                    "texts, truth values or None; take names, and look them up in the builder."
                )
            continue
        if has_study and hasattr(values, "to_external_repr"):
            continue
        if not has_study and hasattr(values, "ppf") and hasattr(values, "dist"):
            continue
        kind = "optuna.distributions" if has_study else "scipy.stats, such as loguniform(1e-4, 1)"
        raise ValueError(
            f"space: {name!r} is {values!r}, expected a list of choices or a distribution of "
            f"{kind}{'' if has_study else '; those of Optuna go with study='}."
        )


# ----------------------------------------------------------------------------------- with a study


class Study:
    """An Optuna study, up to so many trials of ours in all.

    Trials of ours that were asked for and not told, by a process that was killed, are taken first;
    those whose settings are not of this space are told as failed.
    """

    def __init__(self, study: Any, space: Mapping[str, Any], trials: int, mode: str) -> None:
        self.optuna = checks.optional("optuna", "optuna")
        self.states = self.optuna.trial.TrialState
        check_direction(study, mode)
        self.study = study
        self.space = {
            name: self.optuna.distributions.CategoricalDistribution(values)
            if isinstance(values, list)
            else values
            for name, values in space.items()
        }
        ours = [trial for trial in study.trials if MARK in trial.user_attrs]
        self.told = [trial for trial in ours if trial.state != self.states.RUNNING]
        self.unfinished = [trial for trial in ours if trial.state == self.states.RUNNING]
        self.left = max(trials - len(self.told), 0)

    def earlier(self) -> list[Trial]:
        """Return the trials that earlier calls told; those that were failed untold are left out."""
        ended: dict[Any, Ended] = {
            self.states.COMPLETE: "complete",
            self.states.PRUNED: "pruned",
            self.states.FAIL: "diverged",
        }
        return [
            trial_of(Asked(each.number, dict(each.params)), values, epochs, ended[each.state])
            for each in self.told
            if (values := each.user_attrs.get("values")) is not None
            if (epochs := each.user_attrs.get("epochs")) is not None
        ]

    def ask(self, most: int) -> list[Asked]:  # noqa: D102
        found: list[Asked] = []
        while self.unfinished and len(found) < most:
            frozen = self.unfinished.pop(0)
            if self._is_of_space(frozen):
                found.append(self._suggested(self.optuna.trial.Trial(self.study, frozen._trial_id)))
            else:
                self.study.tell(frozen.number, state=self.states.FAIL)
        while len(found) < min(most, self.left):
            trial = self.study.ask()
            trial.set_user_attr(MARK, True)  # first: what is marked is finished by a later call
            found.append(self._suggested(trial))
        self.left = max(self.left - len(found), 0)
        return found

    def tell(self, asked: Asked, trial: Trial, values: Sequence[float]) -> None:  # noqa: D102
        asked.handle.set_user_attr("std", trial.std)
        asked.handle.set_user_attr("values", list(values))
        asked.handle.set_user_attr("epochs", trial.epochs)
        if trial.ended == "pruned":
            asked.handle.report(trial.value, trial.epochs)
            self.study.tell(asked.handle, state=self.states.PRUNED)
        elif trial.ended == "diverged":
            self.study.tell(asked.handle, state=self.states.FAIL)
        else:
            self.study.tell(asked.handle, trial.value)

    def _is_of_space(self, frozen: Any) -> bool:
        """Return whether what a trial has of its parameters are values of this space."""
        return all(
            name in self.space
            and self.space[name]._contains(self.space[name].to_internal_repr(value))
            for name, value in frozen.params.items()
        )

    def _suggested(self, trial: Any) -> Asked:
        """Return a trial with its setting; parameters that it lacks are drawn."""
        setting = {name: suggested(trial, name, each) for name, each in self.space.items()}
        return Asked(trial.number, setting, trial)


def suggested(trial: Any, name: str, values: Any) -> Any:
    """Ask a trial for a value of a distribution."""
    kind = type(values).__name__
    if kind == "CategoricalDistribution":
        return trial.suggest_categorical(name, values.choices)
    draw = trial.suggest_int if kind == "IntDistribution" else trial.suggest_float
    return draw(name, values.low, values.high, step=values.step, log=values.log)


def check_direction(study: Any, mode: str) -> None:
    """Refuse what is no study, several objectives, and the other direction."""
    if not hasattr(study, "ask") or not hasattr(study, "directions"):
        raise ValueError(f"study: got {study!r}, expected one of optuna.create_study(…), or None.")
    directions = [direction.name.lower()[:3] for direction in study.directions]
    if directions != [mode]:
        raise ValueError(
            f"study: its directions are {directions}, expected ['{mode}'], that of what is "
            f"monitored; make it with optuna.create_study(direction='{mode}imize')."
        )
