"""Hold the report about a compiled program and print it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

HEADS = {
    "agrees": "AGREES: the compiled program computes what was written",
    "disagrees": "DISAGREES: the compiled program does not compute what was written",
    "abstains": "ABSTAINS: nothing can be said",
}


class CompiledReport(NamedTuple):
    """Whether a compiled program computes what was written.

    verdict    "agrees", "disagrees" or "abstains"
    reason     a sentence: why nothing can be said, or how the program is wrong; "" if it agrees
    output     the path of the output that is off most, such as "[0]['W']"; "" for the only one
    times      its deviation as a multiple of the one that rounding can cause; 0.0 if it agrees
    operation  the smallest part that is computed wrongly by itself, one operation a line; "" if
               there is none
    remedy     lines to paste, under which the program is right; "" if no option was found
    notes      sentences about the parts that were not compared
    """

    verdict: str
    reason: str = ""
    output: str = ""
    times: float = 0.0
    operation: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Tell whether the compiled program agrees with what was written."""
        return self.verdict == "agrees"

    def __bool__(self) -> bool:
        """Tell whether it passed, as `if` asks."""
        return self.passed

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return self._asdict() | {"passed": self.passed, "notes": list(self.notes)}

    def __str__(self) -> str:
        lines = [HEADS[self.verdict]]
        lines += [f"  {line}" for line in self.reason.splitlines()]
        lines += titled("where", self.operation)
        lines += titled("try", self.remedy)
        for note in self.notes:
            lines += titled("note", note)
        return "\n".join(lines)


def titled(title: str, text: str) -> Iterator[str]:
    """Yield the lines of a text, the first one behind a title and the others below it."""
    for number, line in enumerate(text.splitlines()):
        first_column = "" if number else title
        yield f"  {first_column:<7}{line}"
