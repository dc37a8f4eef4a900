"""What is said about a compiled program."""

from typing import Any, NamedTuple


class CompiledReport(NamedTuple):
    """Whether a compiled program computes what was written.

    verdict    "agrees", "disagrees" or "abstains"
    reason     why nothing can be said, or in a sentence what is wrong
    output     the path of the output that is off most, such as "[0]['W']"; "" for the only one
    times      its deviation in multiples of what rounding may make of it; 0.0 where it agrees
    operation  the smallest part that is computed wrongly by itself, an operation a line; "" where
               no part is
    remedy     lines to paste, under which the program is right; "" where no option was found
    notes      what was not looked at
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
        """Return plain JSON."""
        return self._asdict() | {"passed": self.passed, "notes": list(self.notes)}

    def __str__(self) -> str:
        head = {
            "agrees": "AGREES: the compiled program computes what was written",
            "disagrees": "DISAGREES: the compiled program does not compute what was written",
            "abstains": "ABSTAINS: nothing can be said",
        }
        lines = [head[self.verdict]]
        parts = [("", self.reason), ("where", self.operation), ("try", self.remedy)]
        parts += [("note", note) for note in self.notes]
        for title, text in parts:
            for number, line in enumerate(text.splitlines()):
                lines.append(f"  {title if not number else '':<7}{line}" if title else f"  {line}")
        return "\n".join(lines)
