"""Every module of scripts/benchmarks can be imported, from what its extra installs."""

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "scripts" / "benchmarks"
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")
    for path in FOLDER.rglob("*.py")
)
ONLY_FOR_BENCHMARKS = ("equinox", "flax", "torch")
"""Packages that the tests' environment need not have."""

IMPORT_EACH = """
import importlib, json, sys, traceback

failures = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        failures[name] = [error.name, traceback.format_exc()]
    except Exception:
        failures[name] = ["", traceback.format_exc()]
print(json.dumps(failures))
"""


@pytest.fixture(scope="module")
def failures():
    """Module -> the name of the module that it lacks (or "") and the traceback."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH, *MODULES],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_it_imports(name, failures):
    lacking, traceback = failures.get(name, ("", ""))
    package = lacking.partition(".")[0]
    if package in ONLY_FOR_BENCHMARKS and find_spec(package) is None:
        pytest.skip(f"{package} is not installed; scripts/bench installs it")
    assert traceback == ""


def test_benchmarks_are_found():
    assert {"accuracy", "gradcheck", "planted.fault", "rivals", "sweep"} <= set(MODULES)


WITH_OTHERS = {
    "IPython": "the notebook in which it is imported",
    "joblib": "scikit-learn",
    "markupsafe": "jinja2",
    "scipy": "jax",
}
"""Module -> what installs it, since it needs it."""


def requirements_of(extra):
    """Return the names of the packages that an extra installs, those of fnn itself among them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    names, wanted = set(), [*project["dependencies"], *extras[extra]]
    for requirement in wanted:
        name, own_extras = re.match(r"([\w.-]+)(?:\[([\w,]+)\])?", requirement).groups()
        if name == "fnn":
            wanted += [each for own in own_extras.split(",") for each in extras[own]]
        else:
            names.add(name.lower())
    return names


@pytest.mark.parametrize(
    ("folder", "extra"), [("scripts/benchmarks", "bench"), ("experiments", "experiments")]
)
def test_the_extra_has_whatever_is_imported_somewhere(folder, extra):
    files = list((ROOT / folder).rglob("*.py"))
    imported = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.split(".")[0])
    own = {file.stem for file in files} | {file.parent.name for file in files}
    own |= {"fnn", "experiments", "tests", *WITH_OTHERS}
    packages = importlib.metadata.packages_distributions()
    third_party = imported - own - sys.stdlib_module_names
    needed = {packages.get(module, [module])[0].lower() for module in third_party}
    missing = needed - requirements_of(extra)
    assert not missing, f"extra {extra} lacks {missing}"
