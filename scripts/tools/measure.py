"""Measures how readable the code of a package is, beside two packages that many people read.

Without arguments there is a row for fnn, experiments, optax and equinox. With files or folders
there is a row for each file, the densest first.

files          Modules of the package. Tests inside a package are left out.
classes        Class definitions.
names          Public names: functions, classes and constants that a module defines at its top
               level and whose name has no leading underscore. Imported names do not count.
nodes          AST nodes. A node is a statement or an expression; the others (operators, contexts
               such as Load, argument lists) say nothing that its neighbours do not say.
p90, max       Lines of code of a function. Blank lines, comments and the docstring do not count.
               The lines of a function within a function count for both.
median         Nodes of a function.
a line         Nodes of all functions over their lines of code: how much one line says.
wide           Share of the lines that are not blank which have more than 100 columns.
verb           Share of the docstrings of functions that begin with a verb. The first word counts
               as a verb if verbs.txt, beside this file, has it, in the base form or with an s.
article        Share of the docstrings of functions that begin with an article, a pronoun, a number,
               a preposition or a question word. Formulas and headings count as neither.
circles        Import circles: groups of modules that import each other, directly or through others.
               Imports inside functions and under `if TYPE_CHECKING` do not count, for they do not
               run when the module is imported. A module's own packages do not count either.
"""

import argparse
import ast
import importlib.util
import io
import json
import math
import statistics
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from import_circles import import_circles

ROOT = Path(__file__).resolve().parents[2]
OURS = ("fnn", "experiments")
OTHERS = ("optax", "equinox")
WIDE = 100
TEST_FILES = ("test_*.py", "*_test.py", "conftest.py")
NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
NO_VERB = set(
    """
    a an the this that these those its their it he she they one each every all both any some such no
    none another other others same whose first last only two three four five six seven eight nine
    ten
    about above across after against among as at before below between by down during for from in
    inside into like of off on onto out outside over per than through to toward under until unlike
    up upon via with within without given if while once
    what whether which who why how where when is are does
    """.split()
)


@dataclass(frozen=True)
class Function:
    """Counts of one function."""

    lines: int
    nodes: int
    first_word: str
    """In lower case, empty where there is no docstring."""


@dataclass(frozen=True)
class File:
    """Counts of one file."""

    lines: int
    """Lines that are not blank."""
    wide: int
    nodes: int
    classes: int
    names: int
    functions: list[Function]


def main(arguments: Sequence[str]) -> None:
    """Prints the table, or JSON."""
    options = parser().parse_args(arguments)
    rows = closer_look(options.paths) if options.paths else packages()
    print(json.dumps(rows, indent=2) if options.json else table(rows))


def parser() -> argparse.ArgumentParser:
    """Builds the command line."""
    made = argparse.ArgumentParser(
        prog="scripts/measure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("paths", nargs="*", type=Path, help="files or folders for a closer look")
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return made


def packages() -> list[dict[str, Any]]:
    """Measures our packages and the ones that they are compared with."""
    folders = {name: ROOT / name for name in OURS} | {name: installed(name) for name in OTHERS}
    rows = []
    for name, folder in folders.items():
        row: dict[str, Any] = {"name": name}
        if folder is None:
            row["missing"] = 'not installed: pip install -e ".[measure]"'
        else:
            row |= measured([file_counts(path) for path in modules(folder)])
            row["circles"] = len(import_circles(folder, modules(folder)))
        rows.append(row)
    return rows


def installed(package: str) -> Path | None:
    """Finds the folder of a package without importing it, None where it is not installed."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


def closer_look(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Measures each file on its own and sorts by nodes a line, the densest first."""
    files: dict[Path, None] = {}
    for path in paths:
        found = modules(path) if path.is_dir() else [path]
        if not path.exists() or not found:
            sys.exit(f"error: paths: got {path}, expected a Python file or a folder with some.")
        files |= dict.fromkeys(found)
    rows = [{"name": str(path)} | measured([file_counts(path)]) for path in files]
    return sorted(rows, key=lambda row: row["a line"] or 0, reverse=True)


def modules(folder: Path) -> list[Path]:
    """Lists the modules below a folder, without tests."""
    paths = sorted(folder.rglob("*.py"))
    return [path for path in paths if not any(path.match(pattern) for pattern in TEST_FILES)]


def measured(files: Sequence[File]) -> dict[str, Any]:
    """Computes a row of the table; None where there is no function or no docstring."""
    functions = [function for file in files for function in file.functions]
    lines = sorted(function.lines for function in functions)
    nodes = [function.nodes for function in functions]
    words = [function.first_word for function in functions if function.first_word]
    return {
        "files": len(files),
        "classes": sum(file.classes for file in files),
        "names": sum(file.names for file in files),
        "nodes": sum(file.nodes for file in files),
        "p90": lines[math.ceil(0.9 * len(lines)) - 1] if lines else None,
        "max": lines[-1] if lines else None,
        "median": statistics.median(nodes) if nodes else None,
        "a line": share(sum(nodes), sum(lines)),
        "wide": share(sum(file.wide for file in files), sum(file.lines for file in files)),
        "verb": share(sum(word in verbs() for word in words), len(words)),
        "article": share(sum(word in NO_VERB for word in words), len(words)),
    }


def share(part: int, whole: int) -> float | None:
    """Divides, or returns None where there is nothing to divide by."""
    return part / whole if whole else None


def file_counts(path: Path) -> File:
    """Counts what stands in one file."""
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        sys.exit(f"error: {path} is no Python that can be read: {error}.")
    code = code_lines(text, tree)
    written = [line for line in text.splitlines() if line.strip()]
    return File(
        lines=len(written),
        wide=sum(len(line) > WIDE for line in written),
        nodes=count_nodes(tree),
        classes=sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree)),
        names=len(public_names(tree)),
        functions=[function_counts(node, code) for node in functions_in(tree)],
    )


def functions_in(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields every function and method, those inside other functions too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def function_counts(node: ast.FunctionDef | ast.AsyncFunctionDef, code: set[int]) -> Function:
    """Counts one function."""
    own_lines = code & lines_of(node)
    words = (ast.get_docstring(node) or "").split()
    first_word = words[0].lower().rstrip(".,:;") if words else ""
    return Function(len(own_lines), count_nodes(node), first_word)


def code_lines(text: str, tree: ast.Module) -> set[int]:
    """Finds the numbers of the lines with code: not blank, no comment, no docstring."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            lines -= lines_of(node.body[0])
    return lines


def lines_of(node: ast.stmt) -> set[int]:
    """Numbers the lines of a statement."""
    return set(range(node.lineno, (node.end_lineno or node.lineno) + 1))


def count_nodes(tree: ast.AST) -> int:
    """Counts statements and expressions."""
    return sum(isinstance(node, ast.stmt | ast.expr) for node in ast.walk(tree))


def public_names(tree: ast.Module) -> set[str]:
    """Collects what a module defines at its top level for others."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


@cache
def verbs() -> frozenset[str]:
    """Reads verbs.txt and adds the third person of each verb."""
    lines = (Path(__file__).parent / "verbs.txt").read_text().splitlines()
    bases = {word for line in lines if not line.startswith("#") for word in line.split()}
    return frozenset(bases | {third_person(verb) for verb in bases})


def third_person(verb: str) -> str:
    """Inflects a verb: apply, push and take become applies, pushes and takes."""
    if verb.endswith(("s", "x", "z", "ch", "sh", "o")):
        return f"{verb}es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}s"


FORMATS = {
    "files": "d",
    "classes": "d",
    "names": "d",
    "nodes": "d",
    "p90": "d",
    "max": "d",
    "median": ".0f",
    "a line": ".1f",
    "wide": ".1%",
    "verb": ".0%",
    "article": ".0%",
    "circles": "d",
}
"""Column -> how its numbers are written."""


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Writes a line for each row below the names of the columns."""
    columns = [column for column in FORMATS if any(column in row for row in rows)]
    width = max(len(row["name"]) for row in rows)
    lines = [" " * width + "".join(f"{column:>9}" for column in columns)]
    for row in rows:
        cells = row.get("missing") or "".join(cell(row[column], column) for column in columns)
        separator = "  " if "missing" in row else ""
        lines.append(f"{row['name']:{width}}{separator}{cells}")
    return "\n".join(lines)


def cell(value: float | None, column: str) -> str:
    """Writes one number, or a dash where there is none."""
    return f"{'–' if value is None else format(value, FORMATS[column]):>9}"


if __name__ == "__main__":
    main(sys.argv[1:])
