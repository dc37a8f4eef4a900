"""What an executor may be."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

from fnn.workers import Workers, machine, workers_of

POOL = ThreadPoolExecutor(1)


@pytest.mark.parametrize("what", [3, "dask", ThreadPoolExecutor, object()])
def test_what_is_no_executor_is_refused(what):
    with pytest.raises(ValueError, match=r"expected a concurrent.futures.Executor"):
        workers_of(what)


def test_forked_processes_are_refused_with_the_reason():
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool,
        pytest.raises(ValueError, match="do not survive a fork"),
    ):
        workers_of(pool)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries"),
        ({"timeout": 0.0}, "timeout"),
        ({"mixed": "yes"}, "mixed"),
        ({"runs_per_task": 0}, "runs_per_task"),
        ({"data_directory": 3}, "data_directory"),
    ],
)
def test_wrong_options_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        Workers(POOL, **options)


def test_machines_that_differ_are_told_apart():
    one = machine.machine()
    assert machine.unlike(one, dict(one)) == ""
    other = one | {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    assert (
        machine.unlike(one, other).startswith("XLA_FLAGS '' and '--xla_cpu_multi")
        or one["XLA_FLAGS"]
    )


def test_cpu_features_are_those_that_choose_instructions(tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    file.write_text("processor : 0\nflags\t: fpu sse4_2 avx2 fma aes\nflags : avx\n")
    monkeypatch.setattr(machine, "CPU_INFO", file)
    assert machine.cpu_features().split()[1:] == ["avx2", "fma", "sse4_2"]
    monkeypatch.setattr(machine, "CPU_INFO", tmp_path / "none")
    assert machine.cpu_features()
