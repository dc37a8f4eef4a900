"""fnn's docstrings as reStructuredText.

They are written to be read in a terminal: aligned lists of arguments, formulas on lines of their
own, and none of the marks of reStructuredText. Here an aligned list

    learning_rate  η, a number or a schedule
    eps            ε, inside the root

becomes a list of fields, an indented block becomes a literal block, and characters that would be
marks are escaped.
"""

import re

from sphinx.application import Sphinx

ENTRY = re.compile(r"^(\S+(?: \S+)*?)  +(\S.*)$")
"""A name, at least two spaces, and what it means."""


def blocks_of(lines: list[str]) -> list[list[str]]:
    """Split lines at the empty ones."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def is_list(block: list[str]) -> bool:
    """Tell whether a block is an aligned list: entries, and what goes on below one of them."""
    margin = indent_of(block[0])
    return is_entry(block[0]) and all(
        is_entry(line) if indent_of(line) == margin else indent_of(line) > margin for line in block
    )


def is_entry(line: str) -> bool:
    """Tell whether a line is a name and its meaning."""
    return ENTRY.match(line.strip()) is not None


def indent_of(line: str) -> int:
    """Count the spaces in front."""
    return len(line) - len(line.lstrip())


def escaped(text: str) -> str:
    """Escape what reStructuredText would take for marks, outside of `code`."""
    pieces = re.split(r"(`[^`]+`)", text)
    for number in range(0, len(pieces), 2):  # the others are code
        text = re.sub(r"([*|\\`]|_(?=\W|$))", r"\\\1", pieces[number])
        continues_code = number > 0 and text[:1].isalnum()
        pieces[number] = "\\ " + text if continues_code else text
    return "".join(pieces)


def fields(block: list[str]) -> list[str]:
    """Return an aligned list as a definition list."""
    margin = indent_of(block[0])
    result = []
    for line in block:
        if indent_of(line) == margin:
            name, meaning = ENTRY.match(line.strip()).groups()
            names = ", ".join(f"`{each.strip()}`" for each in name.split(","))
            result += [escaped(name) if "`" in name else names, f"   {escaped(meaning)}"]
        else:
            result.append(f"   {escaped(line.strip())}")
    return result


def converted(lines: list[str]) -> list[str]:
    """Return the docstring as reStructuredText."""
    result = []
    for block in blocks_of(lines):
        if block[0].lstrip().startswith(">>>"):
            result += block
        elif is_list(block):
            result += fields(block)
        elif indent_of(block[0]) >= 4:
            result += ["::", "", *block]
        elif all(indent_of(line) == 0 for line in block):
            result += escaped("\n".join(block)).split("\n")
        else:
            result += ["| " + " " * indent_of(line) + escaped(line.strip()) for line in block]
        result.append("")
    return result


def process(app, what, name, obj, options, lines: list[str]) -> None:
    """Convert a docstring in place: autodoc calls it for each."""
    lines[:] = converted(lines)


def skip(app, what, name, obj, is_skipped: bool, options) -> bool | None:
    """Leave out fields of a NamedTuple without a text, and what other packages have put in."""
    text = getattr(obj, "__doc__", None) or ""
    module = getattr(obj, "__module__", None) or "fnn"
    if text.startswith("Alias for field number") or not module.startswith("fnn"):
        return True
    if name.startswith("set_") and name.endswith("_request"):  # scikit-learn's
        return True
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the conversion."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
