"""Every module of scripts/benchmarks can be imported."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "scripts" / "benchmarks"
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
