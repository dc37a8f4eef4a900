"""The verdicts of all experiments as records, in the order of the documents."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from experiments.claims import plain
from experiments.course import IDS, document_of
from experiments.experiment import claims_of
from experiments.report.store import Kept

NOT_FINITE = ("nan", "inf", "-inf")  # JSON has no numbers for them


class Record(NamedTuple):
    """One claim with its verdict, as claims.json has it.

    numbers  name -> number, interval, or a list or dict of them
    figure   path relative to claims.json, or None
    """

    id: str
    source: str
    statement: str
    verdict: str
    evidence: str
    numbers: dict[str, Any]
    experiment: str
    figure: str | None


def records_of(experiments: Iterable[Kept]) -> list[Record]:
    """Return a record for each id. Raises ValueError if an id has no claim, or several."""
    records = [record for experiment in experiments for record in _records(experiment)]
    ids = [record.id for record in records]
    missing = [id for id in IDS if id not in ids]
    repeated = sorted({id for id in ids if ids.count(id) > 1})
    _refuse("no experiment settles", missing)
    _refuse("more than one experiment settles", repeated)
    return sorted(records, key=lambda record: IDS.index(record.id))


def _refuse(problem: str, ids: list[str]) -> None:
    """Raise ValueError if there are any ids with the problem."""
    if ids:
        raise ValueError(
            f"claims: {problem} {', '.join(ids)}; expected each id of experiments/course.py once."
        )


def _records(experiment: Kept) -> Iterable[Record]:
    for claim in claims_of(experiment.name):
        verdict = claim.rule(experiment.results)
        numbers = plain(verdict.numbers)
        _refuse_sentences(claim.id, numbers)
        yield Record(
            id=claim.id,
            source=document_of(claim.id).source,
            statement=claim.statement,
            verdict=verdict.word,
            evidence=verdict.evidence,
            numbers=numbers,
            experiment=experiment.name,
            figure=_figure(experiment, claim.figure),
        )


def _refuse_sentences(id: str, numbers: dict[str, Any]) -> None:
    """Raise ValueError if there is a text among the numbers of a claim."""
    for name, value in numbers.items():
        texts = [text for text in _texts(value) if text not in NOT_FINITE]
        if texts:
            raise ValueError(
                f"claim {id}: got {texts[0]!r} in the numbers {name!r}, expected numbers only; a "
                f"text belongs into the evidence, or names an entry of a dict."
            )


def _texts(value: Any) -> list[str]:
    """Return the texts in a value of JSON, without the keys."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for entry in value for text in _texts(entry)]
    return [value] if isinstance(value, str) else []


def _figure(experiment: Kept, name: str | None) -> str | None:
    """Return the path of the drawing of that name, or of the first one for None.

    Raises ValueError for an unknown name. Returns None if nothing is drawn.
    """
    files = experiment.drawings
    if name is not None:
        files = [file for file in files if file.rpartition(".")[0] == name]
        if not files:
            raise ValueError(
                f"{experiment.name}: a claim names the figure {name!r}, but plot draws "
                f"{experiment.drawings}."
            )
    if not files:
        return None
    return f"results/{experiment.folder.name}/{files[0]}"
