"""Lines have 100 columns at most, but for the files of a list that only shrinks.

ruff formats the Python of README.md too, so that the README may stand in the list.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = ROOT / "scripts" / "tools" / "wide_files.txt"
NUMBER = 280
"""How many files the list has. It may be lowered, never raised."""


def test_the_list_only_shrinks():
    names = LIST.read_text().splitlines()
    assert names == sorted(set(names)), "the list is not in order, or names a file twice"
    assert len(names) <= NUMBER, "a new file was added; it has to pass at 100 columns instead"
    assert len(names) == NUMBER, f"files have left the list: lower NUMBER to {len(names)}"


def test_every_file_of_the_list_has_a_line_over_100_columns():
    names = LIST.read_text().splitlines()
    missing = [name for name in names if not (ROOT / name).is_file()]
    assert not missing, "\n".join(["take off the list, for they do not exist:", *missing])
    wide = wide_python() | {name for name in names if name.endswith(".md") and wide_blocks(name)}
    narrow = sorted(set(names) - wide)
    assert not narrow, "\n".join(["take off the list, for they pass at 100 columns:", *narrow])


def wide_python() -> set[str]:
    """Asks ruff which files of the list have a line of Python over 100 columns."""
    command = "-m ruff check --isolated --select E501 --line-length 100 --output-format json"
    done = subprocess.run(
        [sys.executable, *command.split(), f"@{LIST}"], cwd=ROOT, capture_output=True, text=True
    )
    return {str(Path(found["filename"]).relative_to(ROOT)) for found in json.loads(done.stdout)}


def wide_blocks(name: str) -> bool:
    """Tells whether a block of Python in a text has a line over 100 columns."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
    return any(len(line) > 100 for block in blocks for line in block.splitlines())
