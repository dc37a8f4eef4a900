"""An experiment as a file: its header, its module, and the claims that it settles."""

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
    """Return the name of each experiment -> its file, topic by topic.

    An experiment is a module in a topic's folder whose header has a Question.
    """
    paths = sorted(HERE.glob("*/*.py"))
    return {path.stem: path for path in paths if "Question" in header(path)}


def topics() -> dict[str, list[str]]:
    """Return the title of each topic -> the names of its experiments."""
    names_of: dict[str, list[str]] = {}
    for name, path in files().items():
        names_of.setdefault(_title(path.parent), []).append(name)
    return names_of


def _title(folder: Path) -> str:
    """Return the docstring of a topic's package, or the name of its folder."""
    docstring = _docstring(folder / "__init__.py") or folder.name
    return docstring.rstrip(".")


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def load(name: str) -> ModuleType:
    """Import the module of an experiment. Raises ValueError for an unknown name."""
    path = checks.lookup("experiment", name, files())
    return importlib.import_module(f"experiments.{path.parent.name}.{name}")


def claims_of(name: str) -> list[Claim]:
    """Return the claims that an experiment settles, in the order of its topic's file of claims."""
    topic = files()[name].parent.name
    module = importlib.import_module(f"experiments.{topic}.claims")
    claims = [value for value in vars(module).values() if isinstance(value, Claim)]
    return [claim for claim in claims if claim.experiment == name]


def header(path: Path) -> dict[str, str]:
    """Return the fields of a module's docstring below its title, such as Question and Cost.

    A field is one line, also if the docstring wraps it.
    """
    fields: dict[str, str] = {}
    title = ""
    for line in _docstring(path).splitlines()[1:]:
        name, colon, text = line.partition(":")
        if colon and name.isalpha():
            title = name
            fields[title] = text.strip()
        elif line.startswith(" ") and title:
            fields[title] += f" {line.strip()}"
    return fields


def listing() -> str:
    """Return name, question and cost of each experiment by topic, without importing any."""
    lines = []
    for topic, names in topics().items():
        underline = "-" * len(topic)
        lines.append(f"{topic}\n{underline}")
        for name in names:
            fields = header(files()[name])
            lines.append(f"{name}\n  {fields['Question']}\n  Cost: {fields['Cost']}")
    return "\n\n".join(lines)
