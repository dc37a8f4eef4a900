"""The verdicts of all experiments as records, in the order of the documents."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from experiments.claims import plain
from experiments.course import IDS, document_of
from experiments.experiment import claims_of
from experiments.report.store import Kept


class Record(NamedTuple):
    """One claim with its verdict, as claims.json has it; figure is a path relative to that file, or
    None.
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
    """A record for each id. ValueError where an id has no claim, or more than one."""
    found = [record for each in experiments for record in _records(each)]
    ids = [record.id for record in found]
    for problem, wrong in (
        ("no experiment settles", [id for id in IDS if id not in ids]),
        ("more than one experiment settles", sorted({id for id in ids if ids.count(id) > 1})),
    ):
        if wrong:
            raise ValueError(
                f"claims: {problem} {', '.join(wrong)}; expected each id of experiments/course.py "
                f"once."
            )
    return sorted(found, key=lambda record: IDS.index(record.id))


def _records(experiment: Kept) -> Iterable[Record]:
    for claim in claims_of(experiment.module):
        verdict = claim.rule(experiment.results)
        yield Record(
            claim.id,
            document_of(claim.id).source,
            claim.statement,
            verdict.word,
            verdict.evidence,
            plain(verdict.numbers),
            experiment.name,
            _figure(experiment, claim.figure),
        )


def _figure(experiment: Kept, name: str | None) -> str | None:
    """The drawing of that name, the first one by default."""
    files = [file for file in experiment.drawings if name in (None, file.rpartition(".")[0])]
    if name is not None and not files:
        raise ValueError(
            f"{experiment.name}: a claim names the figure {name!r}, plot draws "
            f"{experiment.drawings}."
        )
    return f"results/{experiment.folder.name}/{files[0]}" if files else None
