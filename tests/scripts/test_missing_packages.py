"""A command of the experiments that lacks a package says so at once."""

import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from experiments import needs

ROOT = Path(__file__).parents[2]
HIDE_AND_RUN = """
import runpy, sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mnist1d":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Hidden())
runpy.run_module("experiments", run_name="__main__", alter_sys=True)
"""
SECONDS = 2.0


def without_mnist1d(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `python -m experiments` where mnist1d cannot be imported."""
    command = [sys.executable, "-c", HIDE_AND_RUN, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    [("report", "--quick"), ("run", "double_descent", "--quick"), ("run", "best_optimizer")],
    ids=" ".join,
)
def test_what_is_missing_is_said_at_once(arguments):
    start = time.perf_counter()
    done = without_mnist1d(*arguments)
    seconds = time.perf_counter() - start
    command = " ".join(arguments[:2]).removesuffix(" --quick")
    remedy = 'pip install -e ".[experiments]"'
    expected = f"error: {command} needs mnist1d, which is not installed: {remedy}\n"
    assert (done.returncode, done.stderr, done.stdout) == (1, expected, "")
    assert seconds < SECONDS


@pytest.mark.slow
def test_an_experiment_that_does_not_need_it_runs_without():
    done = without_mnist1d("run", "xor", "--help")
    assert done.returncode == 0, done.stderr


def test_several_missing_packages_are_named_by_their_package(monkeypatch):
    monkeypatch.setattr(needs, "importable", lambda module: module not in ("sklearn", "tyro"))
    with pytest.raises(ValueError, match="report needs scikit-learn, tyro, which are not inst"):
        needs.check_report()


def test_the_packages_are_those_of_the_extra():
    """So that scripts/run, which installs the extra, installs what every experiment needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"]["experiments"]
    packages = [re.split("[>=<]", requirement)[0] for requirement in extra]
    assert sorted(packages) == sorted(needs.PACKAGES.values())
    assert set(needs.EVERY_RUN) <= set(needs.PACKAGES)
