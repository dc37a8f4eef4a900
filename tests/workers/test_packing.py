"""Objects as bytes: equal after the way, refused where a byte is another."""

import pickle
import sys
import threading

import numpy as np
import pytest

from fnn.workers import packing
from fnn.workers.packing import LEAST, WrongData, pack, unpack


def large(value=1.0):
    return np.full(LEAST // 8 + 1, value)


def test_closures_and_lambdas_go_along():
    factor = 3
    packed = pack({"f": lambda x: factor * x, "x": large()}, None)
    back = unpack(packed)
    assert back["f"](2) == 6
    assert np.array_equal(back["x"], large())
    assert packed.stored == ()


def test_large_arrays_are_saved_once_and_small_ones_stay(tmp_path):
    packed = pack([large(), np.arange(3), large()], tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    assert len(packed.stored) == 2
    assert len(packed.content) < 1000
    first, small, second = unpack(packed)
    assert np.array_equal(first, large())
    assert np.array_equal(second, large())
    assert np.array_equal(small, np.arange(3))


def test_a_file_that_is_there_is_not_written_again(tmp_path):
    pack(large(), tmp_path)
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns
    pack(large(), tmp_path)
    assert file.stat().st_mtime_ns == before


def test_a_damaged_file_is_refused_by_who_reads_and_mended_by_who_writes(tmp_path):
    packed = pack(large(), tmp_path)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    with pytest.raises(WrongData, match="checksum"):
        unpack(packed)
    file.write_bytes(content[:50])
    with pytest.raises(WrongData, match="damaged"):
        unpack(packed)
    pack(large(), tmp_path)
    assert np.array_equal(unpack(packed), large())


def test_a_directory_that_workers_do_not_see_is_named(tmp_path):
    packed = pack(large(), tmp_path)
    next(tmp_path.iterdir()).unlink()
    with pytest.raises(WrongData, match="data_directory= must be one that all workers see"):
        unpack(packed)


def test_other_bytes_are_refused():
    packed = pack([1, 2], None)
    with pytest.raises(WrongData, match="not those that were sent"):
        unpack(packed._replace(content=packed.content + b" "))


def test_what_cannot_be_pickled_is_refused_with_what_to_do():
    lock = threading.Lock()
    with pytest.raises(ValueError, match=r"(?s)cannot be sent .*lock.* open them in the builder"):
        pack(lambda: lock, None)


def test_without_cloudpickle_functions_of_modules_go_and_others_say_how(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    assert packing.pickler()[0] is pickle.dumps
    assert unpack(pack(np.sin, None)) is np.sin
    with pytest.raises(ValueError, match=r"fnn\[cluster\]"):
        pack(lambda x: x, None)
