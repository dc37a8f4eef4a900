"""The verdicts of the last full report, kept with the code, and how a report differs from them."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.report.records import Record

FILE = Path(__file__).with_name("recorded.json")


class Change(NamedTuple):
    """A claim whose verdict is not the recorded one."""

    record: Record
    recorded: str


def recorded() -> dict[str, Any]:
    """Return {"date": …, "jax": …, "verdicts": {id: word}} of the last full report."""
    return json.loads(FILE.read_text())


def record(records: Iterable[Record], date: str, jax_version: str) -> None:
    """Write the verdicts of a full report into the file that `recorded` reads."""
    verdicts = {record.id: record.verdict for record in records}
    content = {"date": date, "jax": jax_version, "verdicts": verdicts}
    FILE.write_text(json.dumps(content, indent=1) + "\n")


def changes(records: Sequence[Record]) -> list[Change]:
    """Return the claims whose verdicts are not the recorded ones, in the order of the records."""
    verdicts = recorded()["verdicts"]
    changed = []
    for each in records:
        before = verdicts.get(each.id, "new")
        if before != each.verdict:
            changed.append(Change(each, before))
    return changed
