"""An experiment as a file: its header, its parts, and the claims it settles."""

import ast
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from experiments.claims import Claim
from fnn import checks

HERE = Path(__file__).parent


@cache
def files() -> dict[str, Path]:
    """Experiment name -> its file, topic by topic: every module in a topic's folder that asks a
    question.
    """
    return {path.stem: path for path in sorted(HERE.glob("*/*.py")) if "Question" in header(path)}


def topics() -> dict[str, list[str]]:
    """What a topic is about, as its folder says -> the names of its experiments."""
    found: dict[str, list[str]] = {}
    for name, path in files().items():
        about = (
            ast.get_docstring(ast.parse((path.parent / "__init__.py").read_text()))
            or path.parent.name
        )
        found.setdefault(about.rstrip("."), []).append(name)
    return found


def load(name: str) -> ModuleType:
    """The module of an experiment. ValueError for unknown names."""
    path = checks.lookup("experiment", name, files())
    return importlib.import_module(f"experiments.{path.parent.name}.{name}")


def claims_of(module: ModuleType) -> list[Claim]:
    """The claims that the experiment settles, in the order of its file."""
    return [value for value in vars(module).values() if isinstance(value, Claim)]


def header(path: Path) -> dict[str, str]:
    """The fields of a module's docstring below its title, such as Question and Cost, each on one
    line.
    """
    fields: dict[str, str] = {}
    for line in (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[1:]:
        title, colon, text = line.partition(":")
        if colon and title.isalpha():
            fields[title] = text.strip()
        elif line.startswith(" ") and fields:
            fields[next(reversed(fields))] += f" {line.strip()}"
    return fields


def listing() -> str:
    """Lists name, question and cost of each experiment by topic, without importing any."""
    lines = []
    for topic, names in topics().items():
        lines.append(f"{topic}\n{'-' * len(topic)}")
        for name in names:
            fields = header(files()[name])
            lines.append(f"{name}\n  {fields['Question']}\n  Cost: {fields['Cost']}")
    return "\n\n".join(lines)
