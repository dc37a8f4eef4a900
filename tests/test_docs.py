"""The pages of docs/: what they name exists, and no error of the library is missing.

scripts/docs runs every cell of them.
"""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
INTERNAL = {"LostTask", "Crash", "TooLong", "NoCores", "WrongData"}
"""Errors that never reach a user: they are caught, or say the same as a ValueError."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    for link in links:
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link
    for entry in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL):
        names = [line for line in entry.splitlines() if line and not line.startswith(":")]
        for name in names:
            assert (page.parent / f"{name}.md").exists(), name


INCLUDED = re.compile(r"```\{literalinclude\} (\S+)\n((?::.*\n)*)```")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_included_code_exists(page):
    text = page.read_text()
    included = INCLUDED.findall(text)
    assert len(included) == text.count("{literalinclude}"), "an option that is not understood here"
    for link, options in included:
        path = page.parent / link
        assert path.exists(), link
        for name in re.findall(r":pyobject: (\S+)", options):
            assert name in objects_of(path), f"{link} has no {name}"


def objects_of(path: Path) -> set[str]:
    """Return the functions, classes and methods of a file, as `:pyobject:` names them."""
    found = set()

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                found.add(f"{prefix}{child.name}")
                visit(child, f"{prefix}{child.name}.")

    visit(ast.parse(path.read_text()), "")
    return found


def test_every_error_is_explained():
    text = (ROOT / "docs" / "errors.md").read_text()
    errors = set()
    for path in (ROOT / "fnn").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and any(is_error(base) for base in node.bases):
                errors.add(node.name)
    assert len(errors) > 10
    missing = sorted(name for name in errors - INTERNAL if name not in text)
    assert not missing


def is_error(base: ast.expr) -> bool:
    name = ast.unparse(base)
    return name.endswith(("Error", "Exception", "KeyboardInterrupt"))


def test_every_public_module_has_a_page():
    import fnn

    text = "".join(page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md"))
    missing = [name for name in fnn.__all__ if not re.search(rf"fnn\.{name}\b", text)]
    assert not missing
