"""Trials counted: by kind of fault, over all, and false alarms by condition."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from planted.catalogue import FAULTS
from planted.trial import CONTENDERS, OURS, Trial


def scores_of(faulty: Sequence[Trial], clean: Sequence[Trial]) -> dict[str, Any]:
    """Everything that the table shows, as plain JSON."""
    kinds = [
        kind_scores(fault.name, [t for t in faulty if t.fault == fault.name]) for fault in FAULTS
    ]
    planted = [trial for trial in faulty if not trial.silent]
    return {
        "kinds": kinds,
        "faults": {name: detected(planted, name) for name in CONTENDERS},
        "faults_at_scale_1": {
            name: detected([t for t in planted if t.scale == 1.0], name) for name in CONTENDERS
        },
        "diagnosed_draws": [sum(map(is_diagnosed, planted)), len(planted)],
        "diagnosed_kinds": [
            sum(kind["diagnosed"] > kind["planted"] / 2 for kind in kinds),
            len(kinds),
        ],
        "misnamed_draws": [sum(map(is_misnamed, planted)), len(planted)],
        "changed_nothing": len(faulty) - len(planted),
        "missed": [described(t) for t in planted if not t.answers[OURS].objected],
        "misnamed": [described(t) for t in planted if is_misnamed(t)],
        "misdiagnosed": [
            described(t) for t in planted if t.answers[OURS].objected and not is_diagnosed(t)
        ],
        "clean": {name: alarms(clean, name) for name in CONTENDERS},
        "clean_by_condition": {
            condition: {
                name: alarms([t for t in clean if t.condition == condition], name)
                for name in CONTENDERS
            }
            for condition in dict.fromkeys(t.condition for t in clean)
        },
        "false_alarms": [described(t) for t in clean if t.answers[OURS].objected],
        "abstained": [described(t) for t in clean if t.answers[OURS].objected is None],
    }


def kind_scores(name: str, trials: Sequence[Trial]) -> dict[str, Any]:
    """One row of the table."""
    planted = [trial for trial in trials if not trial.silent]
    return {
        "name": name,
        "planted": len(planted),
        "detected": {contender: detected(planted, contender) for contender in CONTENDERS},
        "diagnosed": sum(map(is_diagnosed, planted)),
        "causes": dict(Counter(str(trial.answers[OURS].cause) for trial in planted)),
    }


def detected(trials: Iterable[Trial], name: str) -> list[int]:
    """[detected, asked]. Abstaining detects nothing."""
    asked = [trial.answers[name] for trial in trials if _was_asked(trial, name)]
    return [sum(answer.objected is True for answer in asked), len(asked)]


def alarms(trials: Iterable[Trial], name: str) -> dict[str, int]:
    """Of right gradients."""
    answers = [trial.answers[name] for trial in trials if _was_asked(trial, name)]
    return {
        "false": sum(answer.objected is True for answer in answers),
        "abstained": sum(answer.objected is None for answer in answers),
        "of": len(answers),
    }


def is_diagnosed(trial: Trial) -> bool:
    """Whether our cause is one of those that the fault was planted with."""
    causes = next(fault.causes for fault in FAULTS if fault.name == trial.fault)
    return trial.answers[OURS].objected is True and trial.answers[OURS].cause in causes


def is_misnamed(trial: Trial) -> bool:
    """Whether a cause was named that is not one of them; "unknown" is none."""
    answer = trial.answers[OURS]
    return (
        answer.objected is True
        and answer.cause not in (None, "unknown")
        and not is_diagnosed(trial)
    )


def described(trial: Trial) -> dict[str, Any]:
    """A draw that went wrong, with what was said."""
    answer = trial.answers[OURS]
    return {
        "fault": trial.fault,
        "network": trial.network,
        "condition": trial.condition,
        "scale": trial.scale,
        "seed": trial.seed,
        "cause": answer.cause,
        "said": answer.said,
    }


def _was_asked(trial: Trial, name: str) -> bool:
    """The rivals answer None where they cannot be asked; our None is an abstention."""
    return name in trial.answers and (name == OURS or trial.answers[name].objected is not None)
