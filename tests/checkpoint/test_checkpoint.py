"""Checkpoints: what is saved comes back bit for bit, anything else is refused, and no failure
spoils what was there.
"""

import io
import json
import os
import subprocess
import sys
import zipfile

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fnn import checkpoint
from fnn.checkpoint import files
from fnn.checkpoint.arrays import Damaged, leaves, packed, unpacked
from tests.amounts import amount

TREE = {
    "W": jnp.arange(6.0).reshape(2, 3),
    "keys": jax.random.split(jax.random.key(3), 4),
    "half": jnp.array([1.5, -0.0, jnp.nan], jnp.bfloat16),
    "eight": jnp.ones(2, jnp.float8_e4m3fn),
    "host": [np.float64(0.1), np.arange(8)[::2], np.zeros((0, 3), np.int8), np.array(True)],
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "big endian": np.arange(3, dtype=">f4"),
    "file": np.complex64(1 + 2j),
}


def bits(tree):
    """Every leaf as bytes with its dtype and shape."""
    data = jax.tree.map(
        lambda leaf: jax.random.key_data(leaf) if "key" in str(leaf.dtype) else leaf, tree
    )
    return [(np.asarray(leaf).tobytes(), np.shape(leaf)) for leaf in jax.tree.leaves(data)]


def contents(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_pytree_comes_back_bit_for_bit(tmp_path):
    folder = checkpoint.save(tmp_path, 12, TREE, {"validation_loss": 0.25})
    assert folder == tmp_path / "step-00000012"
    loaded = checkpoint.load(tmp_path, TREE)
    assert bits(loaded) == bits({**TREE, "big endian": np.arange(3, dtype="f4")})
    for mine, theirs in zip(jax.tree.leaves(TREE), jax.tree.leaves(loaded), strict=True):
        assert isinstance(theirs, jax.Array) == isinstance(mine, jax.Array)
        assert theirs.dtype == (
            mine.dtype.newbyteorder("=") if isinstance(mine, np.ndarray) else mine.dtype
        )
    assert str(jax.random.key_impl(loaded["keys"])) == "threefry2x32"
    shapes = jax.eval_shape(lambda: {name: TREE[name] for name in ("W", "keys", "half", "eight")})
    checkpoint.save(tmp_path, 13, {name: TREE[name] for name in shapes})
    assert bits(checkpoint.load(tmp_path, shapes)) == bits({name: TREE[name] for name in shapes})


def test_the_files_are_what_they_are_said_to_be(tmp_path):
    """arrays.npz is read by NumPy without pickle; the manifest has versions, machine, sums and
    names.
    """
    folder = checkpoint.save(tmp_path, 1, TREE)
    with np.load(folder / "arrays.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["W"], TREE["W"])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"format", "step", "leaves", "sums", "archive_sum", "checksum", "made_by"} <= set(
        manifest
    )
    assert set(manifest["made_by"]) == {
        "fnn",
        "jax",
        "jaxlib",
        "python",
        "cpu_count",
        "device_kind",
        "key_impl",
    }
    assert manifest["leaves"][0] == {"name": "W", "shape": [2, 3], "dtype": "float32", "key": None}
    again = checkpoint.save(tmp_path, 2, TREE)
    assert (again / "arrays.npz").read_bytes() == (folder / "arrays.npz").read_bytes()


def test_without_like_leaves_come_by_their_names(tmp_path):
    checkpoint.save(tmp_path, 0, TREE)
    loaded = checkpoint.load(tmp_path)
    assert set(loaded) == {
        "W",
        "keys",
        "half",
        "eight",
        "host/0",
        "host/1",
        "host/2",
        "host/3",
        "fortran",
        "big endian",
        "file",
    }
    assert isinstance(loaded["host/0"], np.ndarray)
    assert loaded["half"].dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"W": jnp.ones((3, 2))}, r"W: saved 'float32 \(2, 3\)', now 'float32 \(3, 2\)'"),
        ({"W": jnp.ones((2, 3), int)}, r"W: saved 'float32 \(2, 3\)', now 'int32 \(2, 3\)'"),
        (
            {"W": jnp.ones((2, 3), jnp.bfloat16)},
            r"W: saved 'float32 \(2, 3\)', now 'bfloat16 \(2, 3\)'",
        ),
        ({"b": jnp.ones(2)}, r"b: saved None, now 'float32 \(2,\)'"),
        (
            {"keys": jnp.ones((4, 2), jnp.uint32)},
            r"keys: saved 'threefry2x32 keys \(4,\)', now 'uint32 \(4, 2\)'",
        ),
    ],
)
def test_another_tree_is_refused(tmp_path, change, message):
    checkpoint.save(tmp_path, 0, TREE)
    with pytest.raises(ValueError, match=message):
        checkpoint.load(tmp_path, TREE | change)


def test_a_missing_leaf_is_refused_and_so_is_narrowing(tmp_path):
    checkpoint.save(tmp_path, 0, TREE)
    with pytest.raises(ValueError, match=r"W: saved 'float32 \(2, 3\)', now None"):
        checkpoint.load(tmp_path, {name: leaf for name, leaf in TREE.items() if name != "W"})
    with jax.enable_x64(True):
        wide = {"W": jnp.ones(2)}
        checkpoint.save(tmp_path, 1, wide)
    with pytest.raises(
        ValueError, match="W: float64 was saved, which JAX would narrow; enable x64"
    ):
        checkpoint.load(tmp_path, wide)


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"a": 1.0}, r"a: got 1\.0, expected an array"),
        ({"a": np.array(["x"])}, "a: got dtype <U1, expected numbers"),
        ({"a": np.array([None])}, "a: got dtype object, expected numbers"),
        ({"a": {"b": np.ones(1)}, "a/b": np.ones(1)}, "tree: two leaves are called 'a/b'"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_leaves_nothing(tmp_path, tree, message):
    with pytest.raises(ValueError, match=message):
        checkpoint.save(tmp_path, 0, tree)
    assert checkpoint.steps(tmp_path) == []


def test_steps_are_never_overwritten_and_must_exist_to_be_loaded(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint; it has none"):
        checkpoint.load(tmp_path)
    checkpoint.save(tmp_path, 3, TREE)
    with pytest.raises(ValueError, match="step-00000003 exists, expected a new step"):
        checkpoint.save(tmp_path, 3, TREE)
    with pytest.raises(FileNotFoundError, match="no checkpoint of step 4; it has 3"):
        checkpoint.load(tmp_path, step=4)


def test_the_last_steps_and_the_best_one_are_kept(tmp_path):
    for step, loss in enumerate([3.0, 1.0, 2.0, np.nan, 5.0, 4.0]):
        checkpoint.save(
            tmp_path, step, {"step": np.int32(step)}, {"loss": loss}, keep=2, best="loss"
        )
    assert checkpoint.steps(tmp_path) == [1, 4, 5]
    checkpoint.save(tmp_path, 6, TREE, {"loss": 9.0}, keep=1, best="loss", mode="max")
    assert checkpoint.steps(tmp_path) == [6]
    with pytest.raises(ValueError, match="best: got 'accuracy', expected one of the metrics: loss"):
        checkpoint.save(tmp_path, 7, TREE, {"loss": 9.0}, best="accuracy")


def test_an_earlier_step_may_be_saved_later_and_damaged_ones_do_not_stop_pruning(tmp_path):
    for step in (5, 10, 3):
        checkpoint.save(tmp_path, step, TREE, {"loss": float(step)}, keep=1, best="loss")
    assert checkpoint.steps(tmp_path) == [3, 10]
    (tmp_path / "step-00000003" / "manifest.json").write_text("{}")
    checkpoint.save(tmp_path, 11, TREE, {"loss": 20.0}, keep=1, best="loss")
    assert checkpoint.steps(tmp_path) == [10, 11]


def test_a_lock_ends_though_a_child_lives_on(tmp_path):
    with checkpoint.lock(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False
        )
    checkpoint.save(tmp_path, 0, TREE)
    child.communicate(b"\n")


def test_nothing_is_deleted_unless_the_new_step_can_be_read(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, 0, TREE)
    commit = files.commit

    def spoiling(folder, content):
        commit(folder, content | {"arrays.npz": content["arrays.npz"][:-1]})

    monkeypatch.setattr("fnn.checkpoint.files.commit", spoiling)
    with pytest.raises(Damaged, match=r"step-00000001/arrays\.npz: its SHA-256 is"):
        checkpoint.save(tmp_path, 1, TREE, keep=1)
    assert bits(checkpoint.load(tmp_path, TREE, step=0)["W"]) == bits(TREE["W"])
    with pytest.warns(
        UserWarning, match=r"took step 0, since newer ones are damaged\. .*step-00000001"
    ):
        checkpoint.load(tmp_path, TREE, fallback=True)
    with pytest.raises(Damaged, match="fallback=True takes the newest intact step"):
        checkpoint.load(tmp_path, TREE)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved")
    folder = checkpoint.save(directory, 5, TREE, {"loss": 1.0})
    return directory, {
        name: (folder / name).read_bytes() for name in ("arrays.npz", "manifest.json")
    }


@settings(
    max_examples=amount(300, 5_000),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_every_flip_and_every_truncation_of_both_files_is_refused(saved, data):
    directory, original = saved
    name = data.draw(st.sampled_from(sorted(original)))
    content = bytearray(original[name])
    if data.draw(st.booleans()):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path = directory / "step-00000005" / name
    path.write_bytes(content)
    try:
        with pytest.raises(Damaged, match=name):
            checkpoint.load(directory, TREE)
    finally:
        path.write_bytes(original[name])
    checkpoint.load(directory, TREE)


def test_a_manifest_of_another_step_or_format_is_refused(tmp_path):
    folder = checkpoint.save(tmp_path, 5, TREE)
    folder.rename(tmp_path / "step-00000006")
    with pytest.raises(Damaged, match="is of step 5, but its folder is called step-00000006"):
        checkpoint.load(tmp_path, TREE)
    path = tmp_path / "step-00000006" / "manifest.json"
    content = json.loads(path.read_text()) | {"format": 2, "step": 6}
    del content["checksum"]
    from fnn.checkpoint.manifest import checksum_of

    path.write_text(json.dumps(content | {"checksum": checksum_of(content)}))
    with pytest.raises(Damaged, match="format 2, expected 1: it was written by another version"):
        checkpoint.load(tmp_path, TREE)


def archive_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


EXPECTED = [leaf for leaf, _ in leaves({"a": np.ones((2, 2), np.float32)})]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an npz archive"),
        (b"PK\x03\x04 and nothing more", "not an npz archive"),
        (archive_of({}), "a: missing in the file"),
        (
            archive_of({"a.npy": npy(np.ones((2, 2), np.float32)), "b.npy": b""}),
            "b: in the file, not expected",
        ),
        (archive_of({"a.npy": b"no npy"}), "a: .*magic"),
        (
            archive_of({"a.npy": npy(np.ones((2, 2)))}),
            r"a: float64 \(2, 2\) in the file, expected float32 \(2, 2\)",
        ),
        (
            archive_of({"a.npy": npy(np.ones((2, 3), np.float32))}),
            r"a: float32 \(2, 3\) in the file",
        ),
        (archive_of({"a.npy": npy(np.ones((2, 2), np.float32))[:-1]}), "a: 15 bytes of numbers"),
        (archive_of({"a.npy": npy(np.array([None]))}), r"a: object \(1,\) in the file"),
        (
            archive_of({"a.npy": npy(np.ones((2, 2), np.float32)) + bytes(50_000_000)}),
            r"a: 50000\d+ bytes in the file, expected 16",
        ),
    ],
    ids=["empty", "cut", "missing", "extra", "no npy", "dtype", "shape", "short", "pickle", "bomb"],
)
def test_archives_that_are_not_what_is_expected(content, message):
    with pytest.raises(Damaged, match=message):
        unpacked(content, EXPECTED)


def test_archives_of_numpy_are_read():
    array = np.arange(4, dtype=np.float32).reshape(2, 2)
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, a=np.asfortranarray(array))
        np.testing.assert_array_equal(unpacked(buffer.getvalue(), EXPECTED)["a"], array)
    np.testing.assert_array_equal(unpacked(packed({"a": array}), EXPECTED)["a"], array)


CALLS = (
    "mkdir",
    "open",
    "write",
    "fsync",
    "rename",
    "replace",
    "unlink",
    "close",
    "ftruncate",
    "pwrite",
)


class Failing:
    """The n-th file operation raises; `count` of them were made."""

    def __init__(self, monkeypatch, number, error):
        self.count, self.number, self.error = 0, number, error
        for name in CALLS:
            monkeypatch.setattr(os, name, self.wrapped(name, getattr(os, name)))

    def wrapped(self, name, original):
        def call(*arguments, **options):
            mine = name != "close"  # what is open must be closed for the test itself
            self.count += mine
            if mine and self.count == self.number:
                raise OSError(
                    *self.error,
                    *([arguments[0]] if isinstance(arguments[0], (str, os.PathLike)) else []),
                )
            return original(*arguments, **options)

        return call


@pytest.mark.parametrize("error", [(28, "No space left on device"), (5, "Input/output error")])
def test_a_failure_of_any_file_operation_leaves_the_step_before(tmp_path, error):
    """Each operation of a saving that also prunes fails in turn, until a number is reached that
    there is not.
    """
    number, count = 0, 1
    while number < count:
        number += 1
        directory = tmp_path / str(number)
        for step in range(2):
            checkpoint.save(directory, step, TREE, {"loss": 1.0 - step})
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, number, error)
            raised = error_of(
                checkpoint.save, directory, 2, TREE, {"loss": 2.0}, keep=1, best="loss"
            )
        count = failing.count if raised is None else count + 1
        assert raised is None or (raised.errno == error[0] and raised.filename is not None), (
            f"operation {number}"
        )
        assert set(checkpoint.steps(directory)) >= ({1} if raised else {1, 2})
        for step in checkpoint.steps(directory):
            checkpoint.load(directory, TREE, step=step)
        checkpoint.save(directory, 9, TREE)
        assert not list(directory.glob(".tmp-*"))
    assert number > 10


def error_of(call, *arguments, **options):
    """The OSError of a call, if any."""
    try:
        call(*arguments, **options)
    except OSError as error:
        return error
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system takes root")
def test_a_full_disk_leaves_the_step_before(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        checkpoint.save(tmp_path, 0, {"a": np.ones(100)})
        with pytest.raises(OSError, match=r"No space left on device: .*arrays\.npz"):
            checkpoint.save(tmp_path, 1, {"a": np.ones(100_000)})
        np.testing.assert_array_equal(checkpoint.load(tmp_path)["a"], np.ones(100))
        checkpoint.save(tmp_path, 1, {"a": np.ones(200)})
        assert checkpoint.steps(tmp_path) == [0, 1]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_directory_that_is_a_file_or_cannot_be_written_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        checkpoint.save(tmp_path / "file", 0, TREE)
    with pytest.raises(OSError, match="proc"):
        checkpoint.save("/proc/fnn", 0, TREE)


def test_what_a_killed_writer_left_is_deleted(tmp_path):
    checkpoint.save(tmp_path, 0, TREE)
    (tmp_path / ".tmp-step-00000001").mkdir()
    (tmp_path / ".tmp-somebody-elses").write_text("mine")
    (tmp_path / ".tmp-step-00000001" / "arrays.npz").write_bytes(b"half")
    assert checkpoint.steps(tmp_path) == [0]
    checkpoint.save(tmp_path, 1, TREE)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".lock",
        ".tmp-somebody-elses",
        "step-00000000",
        "step-00000001",
    ]


def test_one_writer_at_a_time_and_a_dead_ones_lock_is_free(tmp_path):
    code = (
        "from fnn import checkpoint; import time\n"
        f"with checkpoint.lock({str(tmp_path)!r}):\n print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(checkpoint.InUse, match=rf"process {other.pid} of .* works in it"):
            checkpoint.save(tmp_path, 0, TREE)
        other.kill()
        other.wait()
        checkpoint.save(tmp_path, 0, TREE)
    with checkpoint.lock(tmp_path), pytest.raises(checkpoint.InUse):
        checkpoint.save(tmp_path, 1, TREE)
    checkpoint.save(tmp_path, 1, TREE)


def test_loading_reads_only(tmp_path):
    checkpoint.save(tmp_path, 0, TREE)
    before = contents(tmp_path)
    checkpoint.load(tmp_path, TREE)
    assert contents(tmp_path) == before


def test_equal_trees_of_any_shape_survive(tmp_path):
    rng = np.random.default_rng(0)
    for step in range(20):
        shapes = [tuple(rng.integers(0, 4, rng.integers(0, 4))) for _ in range(5)]
        tree = [
            (rng.normal(size=shape) * 10.0 ** rng.integers(-30, 30)).astype(np.float32)
            for shape in shapes
        ]
        checkpoint.save(tmp_path, step, tree)
        chex.assert_trees_all_equal(checkpoint.load(tmp_path, tree), tree)
