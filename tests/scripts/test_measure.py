"""scripts/measure counts what its docstring says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "scripts" / "tools"
SAMPLE = '''"""A module."""

import os
from typing import TYPE_CHECKING

LIMIT = 3
_hidden: int = 4


class Thing:
    """A class."""

    def method(self):
        """Returns: one.

        More text.
        """
        # a comment

        return 1


def outer(x):
    """The sum."""

    def inner():
        return x + LIMIT

    return inner()


async def _private():
    """y = x"""
    text = """
    two
    """
    return text, "{wide}"
'''.replace("{wide}", "w" * 90)


@pytest.fixture
def tools(monkeypatch):
    monkeypatch.syspath_prepend(TOOLS)
    import import_circles
    import measure

    return measure, import_circles


def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOLS / "measure.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **options)


def test_counts_of_a_small_file(tools, tmp_path):
    path = tmp_path / "sample.py"
    path.write_text(SAMPLE)
    counts = tools[0].file_counts(path)
    assert (counts.classes, counts.names, counts.wide) == (1, 3, 1)  # LIMIT, Thing, outer
    lines = {function.first_word: function.lines for function in counts.functions}
    assert lines == {"returns": 2, "the": 4, "y": 5, "": 2}
    method = next(one for one in counts.functions if one.first_word == "returns")
    assert method.nodes == 5  # def, docstring and its string, return and its number
    row = tools[0].measured([counts])
    assert (row["p90"], row["max"]) == (5, 5)
    assert row["verb"] == row["article"] == pytest.approx(1 / 3)  # Returns, The, y
    assert row["a line"] == sum(one.nodes for one in counts.functions) / (2 + 4 + 5 + 2)


@pytest.mark.parametrize(
    ("verb", "third_person"),
    [("apply", "applies"), ("push", "pushes"), ("take", "takes"), ("display", "displays")],
)
def test_third_person(tools, verb, third_person):
    assert tools[0].third_person(verb) == third_person
    assert {verb, third_person} <= tools[0].verbs()


def test_no_word_is_in_both_lists(tools):
    assert tools[0].verbs() & tools[0].NO_VERB == set()


def circles(tools, folder: Path, **texts: str) -> list[set[str]]:
    """Finds the circles of a package made of these modules."""
    package = folder / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text)
    return tools[1].import_circles(package, sorted(package.rglob("*.py")))


@pytest.mark.parametrize(
    "back", ["import package.a", "from package.a import x", "from . import a", "from .a import x"]
)
def test_a_circle_is_found(tools, tmp_path, back):
    found = circles(tools, tmp_path, a="import package.b", b="from package import c", c=back)
    assert found == [{"package.a", "package.b", "package.c"}]


@pytest.mark.parametrize(
    "back",
    [
        "import os",
        "def f():\n    import package.a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import package.a",
    ],
)
def test_what_does_not_run_at_import_makes_no_circle(tools, tmp_path, back):
    assert circles(tools, tmp_path, a="import package.b", b=back) == []


@pytest.mark.long
def test_the_table_has_a_row_for_each_package():
    done = run("--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert list(rows) == ["fnn", "experiments", "optax", "equinox"]
    for name in ("fnn", "experiments"):
        assert rows[name]["files"] > 100
        assert 0 < rows[name]["wide"] < 1
        assert rows[name]["circles"] == 0
    printed = run().stdout
    assert printed.splitlines()[1].startswith("fnn ")
    assert "circles" in printed


@pytest.mark.slow
def test_a_missing_package_is_named():
    hide = "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]"
    code = f"{hide}; sys.path.insert(0, {str(TOOLS)!r}); import measure; measure.main([])"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    missing = done.stdout.splitlines()[-1]
    assert missing.split() == 'equinox not installed: pip install -e ".[measure]"'.split()


def test_a_closer_look_is_sorted_by_nodes_a_line():
    rows = json.loads(run("fnn/runs", "--json").stdout)
    densities = [row["a line"] or 0 for row in rows]
    assert densities == sorted(densities, reverse=True)
    assert "fnn/runs/run.py" in [row["name"] for row in rows]


def test_a_file_may_be_named():
    rows = json.loads(run("fnn/tree.py", "fnn/types.py", "fnn/tree.py", "--json").stdout)
    assert sorted(row["name"] for row in rows) == ["fnn/tree.py", "fnn/types.py"]


def test_a_wrong_path_is_refused():
    done = run("fnn/nothing")
    expected = "error: paths: got fnn/nothing, expected a Python file or a folder with some.\n"
    assert (done.returncode, done.stderr) == (1, expected)
