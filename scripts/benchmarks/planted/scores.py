"""The counts of trials: by kind of fault, over all, and false alarms by condition."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from planted.catalogue import FAULTS
from planted.trial import CONTENDERS, OURS, Trial


def scores_of(faulty: Sequence[Trial], clean: Sequence[Trial]) -> dict[str, Any]:
    """Return all numbers of the table, as plain JSON."""
    kinds = []
    for fault in FAULTS:
        of_kind = [trial for trial in faulty if trial.fault == fault.name]
        kinds.append(kind_scores(fault.name, of_kind))
    planted = [trial for trial in faulty if not trial.silent]
    at_scale_1 = [trial for trial in planted if trial.scale == 1.0]
    diagnosed = [trial for trial in planted if is_diagnosed(trial)]
    misnamed = [trial for trial in planted if is_misnamed(trial)]
    diagnosed_kinds = sum(kind["diagnosed"] > kind["planted"] / 2 for kind in kinds)
    missed = [trial for trial in planted if not trial.answers[OURS].objected]
    objected = [trial for trial in planted if trial.answers[OURS].objected]
    misdiagnosed = [trial for trial in objected if not is_diagnosed(trial)]
    false_alarms = [trial for trial in clean if trial.answers[OURS].objected]
    abstained = [trial for trial in clean if trial.answers[OURS].objected is None]
    return {
        "kinds": kinds,
        "faults": {name: detected(planted, name) for name in CONTENDERS},
        "faults_at_scale_1": {name: detected(at_scale_1, name) for name in CONTENDERS},
        "diagnosed_draws": [len(diagnosed), len(planted)],
        "diagnosed_kinds": [diagnosed_kinds, len(kinds)],
        "misnamed_draws": [len(misnamed), len(planted)],
        "changed_nothing": len(faulty) - len(planted),
        "missed": described(missed),
        "misnamed": described(misnamed),
        "misdiagnosed": described(misdiagnosed),
        "clean": {name: alarms(clean, name) for name in CONTENDERS},
        "clean_by_condition": by_condition(clean),
        "false_alarms": described(false_alarms),
        "abstained": described(abstained),
    }


def by_condition(clean: Sequence[Trial]) -> dict[str, dict[str, dict[str, int]]]:
    """Return the alarms on right gradients by condition and contender."""
    alarms_of: dict[str, dict[str, dict[str, int]]] = {}
    for condition in dict.fromkeys(trial.condition for trial in clean):
        trials = [trial for trial in clean if trial.condition == condition]
        alarms_of[condition] = {name: alarms(trials, name) for name in CONTENDERS}
    return alarms_of


def kind_scores(name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """Return one row of the table."""
    planted = [trial for trial in trials if not trial.silent]
    return {
        "name": name,
        "planted": len(planted),
        "detected": {contender: detected(planted, contender) for contender in CONTENDERS},
        "diagnosed": sum(map(is_diagnosed, planted)),
        "causes": dict(Counter(str(trial.answers[OURS].cause) for trial in planted)),
    }


def detected(trials: Iterable[Trial], name: str) -> list[int]:
    """Return [number detected, number asked]. Abstaining detects nothing."""
    asked = [trial.answers[name] for trial in trials if _was_asked(trial, name)]
    return [sum(answer.objected is True for answer in asked), len(asked)]


def alarms(trials: Iterable[Trial], name: str) -> dict[str, int]:
    """Return the numbers of false alarms, of abstentions, and of right gradients in all."""
    answers = [trial.answers[name] for trial in trials if _was_asked(trial, name)]
    return {
        "false": sum(answer.objected is True for answer in answers),
        "abstained": sum(answer.objected is None for answer in answers),
        "of": len(answers),
    }


def is_diagnosed(trial: Trial) -> bool:
    """Return whether our cause is one of the causes of the planted fault."""
    causes = next(fault.causes for fault in FAULTS if fault.name == trial.fault)
    return trial.answers[OURS].objected is True and trial.answers[OURS].cause in causes


def is_misnamed(trial: Trial) -> bool:
    """Return whether fnn named a cause that is not one of the fault's. "unknown" is no cause."""
    answer = trial.answers[OURS]
    return (
        answer.objected is True
        and answer.cause not in (None, "unknown")
        and not is_diagnosed(trial)
    )


def described(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """Return draws that went wrong, with the answers of fnn."""
    rows = []
    for trial in trials:
        answer = trial.answers[OURS]
        row = {
            "fault": trial.fault,
            "network": trial.network,
            "condition": trial.condition,
            "scale": trial.scale,
            "seed": trial.seed,
            "cause": answer.cause,
            "said": answer.said,
        }
        rows.append(row)
    return rows


def _was_asked(trial: Trial, name: str) -> bool:
    """Return whether a contender was asked.

    The rivals answer None if they cannot be asked. None of fnn is an abstention.
    """
    return name in trial.answers and (name == OURS or trial.answers[name].objected is not None)
