"""Cores and memory of a worker."""

import os
import subprocess
import sys

import pytest

from fnn.workers import cores, memory

TAKE = """
import os, sys
from fnn.workers.cores import keep_to
try:
    keep_to({count})
    keep_to({count})
    print(*sorted(os.sched_getaffinity(0)), flush=True)
except ValueError as error:
    print(error, flush=True)
sys.stdin.read()
"""


def holder(count, folder):
    """A process that takes cores and holds them until its input ends."""
    return subprocess.Popen(
        [sys.executable, "-c", TAKE.format(count=count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder)},
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="of Linux")
def test_workers_take_different_cores_and_give_them_back(tmp_path):
    usable = sorted(os.sched_getaffinity(0))
    holders = [holder(1, tmp_path) for _ in usable]
    taken = [int(each.stdout.readline()) for each in holders]
    assert sorted(taken) == usable
    with holder(1, tmp_path) as late:
        assert "have workers already; start fewer" in late.stdout.readline()
    holders[0].kill()
    holders[0].communicate()
    with holder(1, tmp_path) as next_one:
        assert int(next_one.stdout.readline()) == taken[0]
    for each in holders[1:]:
        each.communicate()


def test_a_system_that_cannot_says_so(monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity", raising=False)
    with pytest.raises(ValueError, match="pass None"):
        cores.keep_to(1)


def test_memory_is_kept_where_dask_asks_otherwise(monkeypatch):
    calls = []
    library = type("Library", (), {"mallopt": lambda self, *args: calls.append(args)})
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: library())
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.delenv(memory.TRIM, raising=False)
    memory.keep_memory()
    assert calls == []
    monkeypatch.setenv(memory.TRIM, "65536")
    memory.keep_memory()
    assert calls == [(-1, 2**27), (-3, 2**25)]
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    memory.keep_memory()
    assert len(calls) == 2
