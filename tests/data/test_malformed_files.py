"""Files that are not what they claim to be: always a ValueError that names the file, in bounded
memory, and never a wrong array. The idx format itself, then MNIST's files as they lie in a folder
or come from a mirror.
"""

import gzip
import hashlib
import io
import struct
import tracemalloc
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnn.data import download, idx, mnist

MEGABYTE = 2**20
LIMIT = MEGABYTE // 4
ARRAY = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
HEADER = 16

fixed = settings(max_examples=200, derandomize=True, deadline=None, database=None)


def idx_bytes(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


CONTENT = idx_bytes(ARRAY)


def peak_of(refused) -> int:
    """Bytes allocated at most by a call that raises ValueError about the file."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="the-file"):
            refused()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# -------------------- idx


@fixed
@given(st.integers(0, len(CONTENT) - 1))
def test_truncated_anywhere(length):
    with pytest.raises(ValueError, match=r"^the-file: "):
        idx.parse(CONTENT[:length], "the-file", 3)


@fixed
@given(st.binary(min_size=1, max_size=40))
def test_bytes_left_over(rest):
    with pytest.raises(
        ValueError,
        match=rf"^the-file: got {len(CONTENT) + len(rest)} bytes, expected {len(CONTENT)}",
    ):
        idx.parse(CONTENT + rest, "the-file", 3)


@fixed
@given(st.integers(0, HEADER - 1), st.integers(1, 255))
def test_one_changed_byte_of_the_header(position, change):
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    with pytest.raises(ValueError, match=r"^the-file: "):
        idx.parse(bytes(damaged), "the-file", 3)


@pytest.mark.parametrize("code", [0, 7, 9, 0x0B, 0x0C, 0x0D, 0x0E, 255])
def test_another_type_of_numbers(code):
    with pytest.raises(
        ValueError, match=rf"^the-file: starts with 0000{code:02x}03, expected 00000803"
    ):
        idx.parse(bytes([0, 0, code]) + CONTENT[3:], "the-file", 3)


@fixed
@given(
    st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 5), min_size=3, max_size=3),
    st.binary(max_size=60),
)
def test_any_shape_with_any_values(shape, values):
    """The array that the header declares, or a refusal: reshaping never sees what does not fit."""
    content = bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape) + values
    if len(values) == np.prod([float(n) for n in shape]) and 0 not in shape:
        np.testing.assert_array_equal(
            idx.parse(content, "the-file", 3), np.array([*values]).reshape(shape)
        )
    else:
        with pytest.raises(ValueError, match=r"^the-file: (got .* bytes, expected|declares shape)"):
            idx.parse(content, "the-file", 3)


@fixed
@given(st.binary(max_size=64), st.integers(1, 3))
def test_random_bytes(content, dimensions):
    try:
        parsed = idx.parse(content, "the-file", dimensions)
    except ValueError as error:
        refusal = error
    else:
        refusal = None
        assert parsed.tobytes() == content[4 + 4 * dimensions :]
    assert refusal is None or str(refusal).startswith("the-file: ")


@pytest.mark.parametrize(
    "shape", [(2**32 - 1,) * 3, (0, 2**32 - 1, 2**32 - 1), (60_000, 28, 28)], ids=str
)
def test_absurd_dimensions_allocate_nothing(shape):
    content = bytes([0, 0, 8, 3]) + struct.pack(">3I", *shape)
    assert peak_of(lambda: idx.parse(content, "the-file", 3)) < MEGABYTE


# -------------------- one file


SHA256 = hashlib.sha256(CONTENT).hexdigest()


def bomb(unpacked: int) -> bytes:
    return gzip.compress(CONTENT + bytes(unpacked), mtime=0)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "the-file"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_the_right_file(tmp_path, pack):
    assert download.read(written(tmp_path, pack(CONTENT)), SHA256, LIMIT) == CONTENT
    assert download.read(written(tmp_path, pack(CONTENT)), SHA256, len(CONTENT)) == CONTENT


def test_a_gzip_bomb_is_not_unpacked(tmp_path):
    path = written(tmp_path, bomb(64 * MEGABYTE))
    assert path.stat().st_size < MEGABYTE
    assert peak_of(lambda: download.read(path, SHA256, LIMIT)) < 8 * LIMIT


def test_a_bomb_within_the_limit_is_another_file(tmp_path):
    with pytest.raises(ValueError, match="the-file: its content has SHA-256"):
        download.read(written(tmp_path, bomb(LIMIT // 2)), SHA256, LIMIT)


def test_a_huge_raw_file_is_not_read(tmp_path):
    path = written(tmp_path, CONTENT)
    with path.open("r+b") as file:
        file.truncate(2**40)  # a sparse one, which takes no room on the disk
    assert peak_of(lambda: download.read(path, SHA256, LIMIT)) < 8 * LIMIT


def test_a_mirror_that_never_ends(monkeypatch, tmp_path):
    class Endless(io.RawIOBase):
        headers: dict = {}  # noqa: RUF012

        def read(self, size=-1):
            return bytes(size)

    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: Endless())
    with pytest.raises(
        ConnectionError, match=r"the-file: ValueError: .*/the-file: sends more than"
    ):
        download.from_mirrors("the-file", ("https://mirror/",), SHA256, tmp_path, LIMIT)
    assert not list(tmp_path.iterdir())


@fixed
@given(st.data())
def test_damage_anywhere_is_refused_or_harmless(tmp_path_factory, data):
    """Bytes changed, cut off or added, raw or gzipped: the content that was meant, or a refusal."""
    whole = data.draw(st.sampled_from([CONTENT, gzip.compress(CONTENT, mtime=0)]))
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(0, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))]
    damaged += data.draw(st.just(b"") | st.binary(max_size=8))
    path = written(tmp_path_factory.getbasetemp(), bytes(damaged))
    try:
        content, refusal = download.read(path, SHA256, LIMIT), None
    except ValueError as error:
        refusal = error
    assert content == CONTENT if refusal is None else "the-file: " in str(refusal)


# -------------------- mnist


def test_the_limit_is_that_of_the_largest_file():
    assert mnist.LIMIT == 47_040_016


def test_a_bomb_in_the_folder_of_mnist(monkeypatch, tmp_path):
    for name in mnist.SHA256:
        (tmp_path / f"{name}.gz").write_bytes(bomb(8 * MEGABYTE))
    monkeypatch.setattr(mnist, "LIMIT", LIMIT)
    monkeypatch.setenv("FNN_DATA_DIR", str(tmp_path))
    with pytest.raises(
        ValueError, match=rf"train-images-idx3-ubyte\.gz: has more than {LIMIT} bytes"
    ):
        mnist.mnist()
