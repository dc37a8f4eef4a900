"""Strict defaults for every test: no implicit promotion, several CPU devices, typed keys that are never reused."""

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")

if "PYTEST_XDIST_WORKER" not in os.environ:  # the workers, and the processes that tests start, inherit it
    compiled = tempfile.mkdtemp(prefix="fnn-tests-")
    atexit.register(shutil.rmtree, compiled, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = compiled  # many tests compile equal programs, each anew
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import jax
import pytest

from tests import amounts

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def x64():
    """float64 for one test; the setting before it is restored."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module", autouse=True)
def programs_of_a_file():
    """Lets a file's compiled programs go at its end. Each takes memory maps, of which Linux gives a process 65,530 by
    default; XLA crashes when a worker has used them up, as one did after 2,600 tests."""
    yield
    jax.clear_caches()


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests that are marked long")
    parser.addoption("--quick", action="store_true", help="run only what takes a minute")


def pytest_configure(config):
    amounts.ALL = config.getoption("--all")
    config.addinivalue_line("markers", "long: run by scripts/test --all alone")
    config.addinivalue_line("markers", "first: long, so that the other worker has something to do meanwhile")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("first") is None)  # stable: the others keep their order


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One worker takes all tests of the report, which it makes first; the others are dealt out one by one. (xdist's own
    groups do nothing under pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class OneReport(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return "report" if "test_report.py::" in nodeid else nodeid

    return OneReport(config, log)
