"""An experiment as a file: its header, its parts, and the claims it settles."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

from experiments.claims import Claim
from fnn import checks

HERE = Path(__file__).parent


def files() -> dict[str, Path]:
    """Experiment name -> its file: every module here that asks a question."""
    return {path.stem: path for path in sorted(HERE.glob("*.py")) if "Question" in header(path)}


def load(name: str) -> ModuleType:
    """The module of an experiment. ValueError for unknown names."""
    checks.lookup("experiment", name, files())
    return importlib.import_module(f"experiments.{name}")


def claims_of(module: ModuleType) -> list[Claim]:
    """The claims that the experiment settles, in the order of its file."""
    return [value for value in vars(module).values() if isinstance(value, Claim)]


def header(path: Path) -> dict[str, str]:
    """The fields of a module's docstring below its title, such as Question and Cost, each on one line."""
    fields: dict[str, str] = {}
    for line in (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[1:]:
        title, colon, text = line.partition(":")
        if colon and title.isalpha():
            fields[title] = text.strip()
        elif line.startswith(" ") and fields:
            fields[next(reversed(fields))] += f" {line.strip()}"
    return fields
