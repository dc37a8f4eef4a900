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

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def x64():
    """float64 for one test; the setting before it is restored."""
    with jax.enable_x64(True):
        yield


def pytest_configure(config):
    config.addinivalue_line("markers", "first: long, so that the other worker has something to do meanwhile")
    config.addinivalue_line("markers", "xdist_group: tests that one worker runs (without pytest-xdist, nothing)")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("first") is None)  # stable: the others keep their order
