"""Plugin of pytest for scripts/mutants: keeps the order of the files, and notes how each test went.

$MUTANTS_REPORT is the file to which it appends a JSON line for each test that has ended, with its
seconds, and for each file that could not be collected. $MUTANTS_CACHE is a folder of compiled
programs for JAX. They are only read unless $MUTANTS_FILLS_CACHE is set: JAX writes them in place,
so that a mutant that is killed halfway would leave a broken one to those that follow.
$MUTANTS_LEFT_OUT is a JSON list of tests that are not run. $MUTANTS_SECONDS is the time that
collecting, and then each test, may take: an alarm that nothing handles ends the process after it,
even in the middle of a compiled program.
"""

import json
import os
import signal
import sys
from collections import defaultdict

import pytest

NOT_USUAL = ("long", "slow", "every")  # marks of tests that pytest may leave out without --all
NEVER_WRITE = 1e9  # seconds that compiling has to take for a program to be kept
seconds: defaultdict[str, float] = defaultdict(float)
failed: set[str] = set()
long: set[str] = set()


def pytest_configure() -> None:
    """Sets the alarm, and the cache: here and in the processes that tests start."""
    set_alarm()
    folder = os.environ.get("MUTANTS_CACHE")
    if not folder:
        return
    least = 0.0 if "MUTANTS_FILLS_CACHE" in os.environ else NEVER_WRITE
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = str(least)
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    if jax := sys.modules.get("jax"):  # it read the variables when it was imported
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", least)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sorts the tests by file, as the files were named; a conftest may have sorted them."""
    order = {name: position for position, name in enumerate(config.args)}
    items.sort(key=lambda item: order.get(file_of(item.nodeid), len(order)))
    left_out = set(json.loads(os.environ.get("MUTANTS_LEFT_OUT", "[]")))
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]
    if "--all" in config.invocation_params.args:
        long.update(item.nodeid for item in items if any(map(item.get_closest_marker, NOT_USUAL)))


def pytest_runtest_logstart(nodeid: str) -> None:
    """Gives each test its time, and under coverage the lines that it executes."""
    set_alarm()
    coverage = sys.modules.get("coverage")
    measuring = coverage.Coverage.current() if coverage else None
    if measuring:
        measuring.switch_context(nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Notes a file that could not be collected."""
    if report.failed:
        failed.add(report.nodeid)
        note(report.nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Adds up setup, call and teardown of a test, and notes it after the last."""
    seconds[report.nodeid] += report.duration
    if report.failed:
        failed.add(report.nodeid)
    if report.when == "teardown":
        note(report.nodeid)


def set_alarm() -> None:
    """Starts the time of what comes next."""
    signal.alarm(int(os.environ.get("MUTANTS_SECONDS", "0")))  # 0 for no alarm


def note(test: str) -> None:
    """Appends a test to the report."""
    line = {
        "test": test,
        "seconds": round(seconds[test], 3),
        "long": test in long,
        "failed": test in failed,
    }
    with open(os.environ["MUTANTS_REPORT"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def file_of(test: str) -> str:
    """Returns the file of a test's id."""
    return test.partition("::")[0]
