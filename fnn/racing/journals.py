"""The journals of a race: a directory for each rung, from which the same call goes on."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fnn.checkpoint.run_directory import Call
from fnn.runs.journal import Journal, journal_of
from fnn.runs.prepared import PreparedSweep

CALL = "fnn.race"


def part_name(rung: int, have_begun: bool) -> str:
    """Return the name of the directory of the runs of a rung that begin, or that go on."""
    name = f"rung-{rung + 1}"
    return f"{name}-continued" if have_begun else name


def race_call(sweep: PreparedSweep, promise: Mapping[str, Any]) -> Call:
    """Describe the call of a race for a checkpoint directory."""
    call = sweep.call(CALL)
    return call._replace(arguments={**call.arguments, **promise}, kind="race", content=())


class RungJournals(NamedTuple):
    """Makes a journal for each part of a race: in a directory inside its own, or in memory."""

    directory: Path | None
    every: float
    describe: Callable[[], Call]

    def of(self, name: str) -> Journal:
        """Return the journal of a part."""
        otherwise = Journal([signal.SIGINT])
        inner = self.directory and self.directory / name
        return journal_of(inner, self.every, None, self.describe, otherwise)
