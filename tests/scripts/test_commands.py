"""Every command of the docs and of scripts/ answers --help, and installs nothing for it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
TEXT = "\n".join(page.read_text() for page in PAGES)
ALWAYS = (
    "python -m experiments",
    "python -m fnn",
    "python -m fnn check",
    "python -m fnn doctor",
    "scripts/measure",
    "scripts/mutants",
    "scripts/package",
)
"""Commands that are there, whether or not a page names them."""


def documented() -> set[str]:
    """Find the commands of the pages, in blocks and between backticks."""
    blocks = re.findall(r"```(?:bash|sh|console)\n(.*?)```", TEXT, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    lines += [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", TEXT)]
    return {command(line) for line in lines if command(line)}


def command(line: str) -> str:
    """Cuts a line off before its first option, placeholder or comment; "" for no command of ours.

    `scripts/bench limits --pairs widths` becomes `scripts/bench limits`.
    """
    line = line.removeprefix("$ ")
    if not re.match(r"scripts/\w+\b(?![/.])|python -m (fnn|experiments)\b", line):
        return ""
    words = line.split()
    first = 3 if words[0] == "python" else 1
    arguments: list[str] = []
    for word in words[first:]:
        if not re.fullmatch(r"[a-z]\w*", word):
            break
        arguments.append(word)
    return " ".join([*words[:first], *arguments])


def of_the_folder() -> set[str]:
    """Lists the executable files of scripts/, and scripts/bench once for each benchmark."""
    scripts = {path for path in (ROOT / "scripts").iterdir() if path.is_file()}
    commands = {f"scripts/{path.name}" for path in scripts if os.access(path, os.X_OK)}
    benchmarks = (ROOT / "scripts" / "benchmarks").glob("*.py")
    return commands | {f"scripts/bench {path.stem}" for path in benchmarks}


COMMANDS = sorted({*documented(), *of_the_folder(), *ALWAYS})


def test_commands_are_found():
    expected = {
        "python -m experiments list",
        "python -m experiments report",
        "python -m experiments run xor",
        "python -m fnn check",
        "scripts/bench",
        "scripts/bench accuracy",
        "scripts/bench limits",
        "scripts/fetch_data",
        "scripts/run",
        "scripts/test",
    }
    assert expected <= set(COMMANDS)


@pytest.mark.every(3)
@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, tmp_path):
    words = command.split()
    if words[0] == "python":
        words[0] = sys.executable
    environment = tmp_path / "environment"
    nothing_to_install = {"FNN_VENV": str(environment), "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        [*words, "--help"],
        cwd=ROOT,
        env=os.environ | nothing_to_install,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "usage: " in done.stdout
    assert not environment.exists(), "--help has made an environment"
