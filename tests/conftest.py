"""Strict defaults for every test: no implicit promotion, several CPU devices."""

import atexit
import gc
import os
import random
import shutil
import signal
import tempfile
from collections import defaultdict
from pathlib import Path

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")

if (
    "PYTEST_XDIST_WORKER" not in os.environ
):  # the workers, and the processes that tests start, inherit it
    compiled = tempfile.mkdtemp(prefix="fnn-tests-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = (
        compiled  # many tests compile equal programs, each anew
    )
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import jax
import pytest

from fnn.runs.engine import clear_caches
from tests import amounts

jax.config.update("jax_numpy_rank_promotion", "raise")

# A shell starts what stands in the background with this signal ignored, and fnn leaves an ignored
# signal alone, while some tests send it to themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def x64():
    """float64 for one test; the setting before it is restored."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module", autouse=True)
def programs_of_a_file():
    """Let a file's compiled programs go at its end.

    Each takes memory maps, of which Linux gives a process 65,530 by default; XLA crashes when a
    worker has used them up, as one did after 2,600 tests.
    """
    yield
    clear_caches()


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests that are marked long")
    parser.addoption("--slow", action="store_true", help="also run those that take seconds each")
    parser.addoption("--quick", action="store_true", help="run only what takes a minute")
    parser.addoption(
        "--optimized",
        action="store_true",
        help="run only what is about optimizations of XLA, with all of them",
    )


def pytest_configure(config):
    amounts.ALL = config.getoption("--all")
    config.addinivalue_line(
        "markers",
        "optimized: about what XLA's optimizations make, such as equal bits or known faults; run "
        "by --optimized as users' programs are compiled, and, with otherwise=False, by it alone",
    )
    config.option.loadscopereorder = (
        False  # xdist would begin with the files that have the most tests
    )
    if not config.getoption("--optimized"):  # nearly all time is compiling
        os.environ["XLA_FLAGS"] = (
            f"{os.environ.get('XLA_FLAGS', '')} {amounts.FEWER_OPTIMIZATIONS}".strip()
        )
    config.addinivalue_line("markers", "long: run by scripts/test --all alone")
    config.addinivalue_line(
        "markers", "slow: run by --slow, as CI does, and by --all; takes seconds"
    )
    config.addinivalue_line("markers", "quick: run by scripts/test --quick too")
    config.addinivalue_line(
        "markers",
        "every(n): one in n of its cases by --slow, fewer by default, all by --all, -k or ids",
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("--optimized"):
        left_out = {item for item in items if not item.get_closest_marker("optimized")}
    else:
        left_out = {item for item in items if is_only_optimized(item)}
        if not config.getoption("--all"):
            left_out |= beyond_the_default(items, config)
        if config.getoption("--quick"):
            left_out |= {item for item in items if not is_quick(item)}
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    gc.collect()
    gc.freeze()  # no collection looks through modules and tests again: 4% of the time
    items[:] = [item for item in items if item not in left_out]
    items.sort(key=place)  # stable: tests of a file keep their order


def beyond_the_default(items, config):
    """Return what --all runs beyond the default or --slow.

    These are the tests marked long, by default those marked slow, and cases of those marked
    every(n). A test that is named by its id or chosen by -k is run with all of its cases.
    """
    is_slow = config.getoption("--slow")
    items_of = defaultdict(list)
    left_out = set()
    for item in items:
        if is_named(item, config):
            continue
        if item.get_closest_marker("long") or (item.get_closest_marker("slow") and not is_slow):
            left_out.add(item)
        if item.get_closest_marker("every"):
            items_of[item.function].append(item)
    for function, cases in items_of.items():
        every = cases[0].get_closest_marker("every").args[0]
        step = every if is_slow else every * amounts.FEWER_CASES
        number = -(-len(cases) // step)
        # drawn, since every n-th of stacked tables would always be the same row of one of them
        chosen = random.Random(function.__qualname__).sample(cases, number)
        left_out |= set(cases) - set(chosen)
    return left_out


def is_named(item, config) -> bool:
    """Whether a test is named by its id, or chosen by -k with no more than words."""
    ids = [argument for argument in config.args if "::" in argument]
    path = item.path.as_posix()
    for each in ids:
        file, _, name = each.partition("::")
        wanted = name.replace("::", ".")
        if path.endswith(Path(file).as_posix()) and item.nodeid.partition("::")[2].startswith(
            wanted
        ):
            return True
    keyword = config.option.keyword
    return bool(keyword) and not keyword.startswith("not ") and not item.get_closest_marker("long")


def is_only_optimized(item) -> bool:
    """Whether a test would fail under fewer optimizations."""
    marker = item.get_closest_marker("optimized")
    return marker is not None and not marker.kwargs.get("otherwise", True)


def is_quick(item) -> bool:
    """Whether --quick runs a test."""
    return file_of(item) in amounts.QUICK_FILES or item.get_closest_marker("quick") is not None


def place(item) -> int:
    """Return where a test's file comes: the longest first, so that no worker waits at the end."""
    file, first = file_of(item), amounts.LONGEST_FILES
    return first.index(file) if file in first else len(first)


def file_of(item) -> str:
    """A test's file, from tests/ on."""
    return item.path.relative_to(Path(__file__).parent).as_posix()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give a worker all tests of a file, so that a program which several need is compiled once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)
