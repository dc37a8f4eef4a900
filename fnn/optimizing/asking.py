"""Who says which settings are tried: an Optuna study, or points drawn beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from fnn import checks
from fnn.optimizing.result import Trial
from fnn.runs.settings import Setting

MARK = "fnn.optimize"  # a study's trials that are ours to finish
SAMPLERS = ("sobol", "random")


class Asked(NamedTuple):
    """A setting to be tried.

    handle  what is told of: a trial of Optuna
    """

    number: int
    setting: Setting
    handle: Any = None


class Asker(Protocol):
    """Asks for settings, and tells what came of them."""

    def ask(self, most: int) -> list[Asked]:
        """Return at most so many settings; none at the end."""

    def tell(self, asked: Asked, trial: Trial, values: Sequence[float]) -> None:
        """Tell what came of one."""


# -------------------------------------------------------------------------------- without a study


class Drawn:
    """Settings that are drawn at the beginning."""

    def __init__(self, space: Mapping[str, Any], trials: int, sampler: str, seed: int) -> None:
        self.settings = drawn(space, trials, sampler, seed)
        self.next = 0

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
        {name: at_share(values, share) for (name, values), share in zip(space.items(), point)}  # noqa: B905
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
    """An Optuna study, up to so many trials in all.

    Trials of ours that were asked for and not told, by a process that was killed, are taken first.
    """

    def __init__(self, study: Any, space: Mapping[str, Any], trials: int, mode: str) -> None:
        self.optuna = checks.optional("optuna", "optuna")
        check_direction(study, mode)
        self.study = study
        categorical = self.optuna.distributions.CategoricalDistribution
        self.space = {
            name: categorical(values) if isinstance(values, list) else values
            for name, values in space.items()
        }
        states = self.optuna.trial.TrialState
        ours = [trial for trial in study.trials if MARK in trial.user_attrs]
        self.unfinished = [trial for trial in ours if trial.state == states.RUNNING]
        self.left = trials - (len(ours) - len(self.unfinished))

    def ask(self, most: int) -> list[Asked]:  # noqa: D102
        count = min(most, self.left)
        found: list[Any] = []
        while self.unfinished and len(found) < count:
            frozen = self.unfinished.pop(0)
            found.append(self.optuna.trial.Trial(self.study, frozen._trial_id))
        while len(found) < count:
            trial = self.study.ask(fixed_distributions=self.space)
            trial.set_user_attr(MARK, True)
            found.append(trial)
        self.left -= len(found)
        return [
            Asked(trial.number, {name: trial.params[name] for name in self.space}, trial)
            for trial in found
        ]

    def tell(self, asked: Asked, trial: Trial, values: Sequence[float]) -> None:  # noqa: D102
        asked.handle.set_user_attr("std", trial.std)
        asked.handle.set_user_attr("values", list(values))
        states = self.optuna.trial.TrialState
        if trial.ended == "pruned":
            asked.handle.report(trial.value, len(values))
            self.study.tell(asked.handle, state=states.PRUNED)
        elif trial.ended == "diverged":
            self.study.tell(asked.handle, state=states.FAIL)
        else:
            self.study.tell(asked.handle, trial.value)


def check_direction(study: Any, mode: str) -> None:
    """Refuse what is no study, several objectives, and the other direction."""
    if not hasattr(study, "ask") or not hasattr(study, "directions"):
        raise ValueError(f"study: got {study!r}, expected one of optuna.create_study(…), or None.")
    directions = [direction.name.lower()[:3] for direction in study.directions]
    if directions != [mode]:
        raise ValueError(
            f"study: its directions are {directions}, expected ['{mode}'], that of what is "
            "monitored; make it with optuna.create_study(direction="
            f"'{mode}imize') or pass mode=."
        )
