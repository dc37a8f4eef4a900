"""Arrays as bytes of an npz archive and back, with nothing executed and nothing believed on the
way.
"""

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.lib import format as npy

from fnn.types import PyTree

HEADER_BYTES = 1024  # more than the header of any npy file with a plain dtype and up to 32 axes
NPY = ".npy"
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of np.savez and np.savez_compressed
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)


class Damaged(ValueError):
    """A file is not what was written."""


class Leaf(NamedTuple):
    """What is stored of a leaf: the shape and dtype of its array, for a typed key those of its data
    and the name of its generator.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    key: str | None

    def __str__(self) -> str:
        kind = f"{self.key} keys" if self.key else self.dtype
        return f"{kind} {self.shape[:-1] if self.key else self.shape}"

    @property
    def stored(self) -> np.dtype:
        """The dtype in the archive: npz does not know bfloat16 and its kin, whose bits are stored
        as integers.
        """
        dtype = jnp.dtype(self.dtype)
        return (
            dtype
            if dtype.kind in "biufc" and dtype.isbuiltin == 1
            else np.dtype(f"u{dtype.itemsize}")
        )


def leaves(tree: PyTree) -> list[tuple[Leaf, Any]]:
    """Every leaf with what would be stored of it. ValueError for leaves that are no arrays of
    numbers or keys, and for two of one name.
    """
    found: dict[str, tuple[Leaf, Any]] = {}
    for path, value in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "value"
        if name in found:
            raise ValueError(
                f"tree: two leaves are called {name!r}; expected names without a slash."
            )
        found[name] = (_leaf(name, value), value)
    return list(found.values())


def _leaf(name: str, value: Any) -> Leaf:
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise ValueError(f"{name}: got {value!r}, expected an array; use np.asarray.")
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        kinds: list[str] = []

        def data_of(key):
            kinds.append(str(jax.random.key_impl(key)))
            return jax.random.key_data(key)

        data = jax.eval_shape(
            data_of, value
        )  # a ShapeDtypeStruct of keys does not tell its kind, a tracer does
        return Leaf(name, data.shape, data.dtype.name, kinds[0])
    if not jnp.issubdtype(value.dtype, jnp.number) and value.dtype != bool:
        raise ValueError(
            f"{name}: got dtype {value.dtype}, expected numbers, truth values or typed keys."
        )
    return Leaf(name, tuple(value.shape), jnp.dtype(value.dtype).name, None)


def on_host(leaf: Leaf, value: Any) -> np.ndarray:
    """The numbers to be stored, C-contiguous and of this machine's byte order."""
    array = np.asarray(jax.random.key_data(value) if leaf.key else value)
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(leaf.shape)
    return array.view(leaf.stored)


def restored(leaf: Leaf, array: np.ndarray) -> Any:
    """What was stored: a NumPy array, or JAX's typed keys."""
    array = array.view(jnp.dtype(leaf.dtype))
    return jax.random.wrap_key_data(jnp.asarray(array), impl=leaf.key) if leaf.key else array


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An npz archive: equal arrays make equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}{NPY}"), "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def unpacked(content: bytes, expected: Sequence[Leaf]) -> dict[str, np.ndarray]:
    """The arrays of an npz archive, read only as far as they are what is expected: however large a
    file says it is, no more memory is taken. Damaged where it is anything else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _members(archive)
            names = {leaf.name for leaf in expected}
            if missing := names - set(members):
                raise Damaged(f"{_some(missing)}: missing in the file.")
            if extra := set(members) - names:
                raise Damaged(f"{_some(extra)}: in the file, not expected.")
            return {leaf.name: _member(archive, members[leaf.name], leaf) for leaf in expected}
    except UNREADABLE as error:
        raise Damaged(f"not an npz archive that can be read: {error}") from error


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(NPY)
        if name in members:
            raise Damaged(f"{name}: more than once in the file, expected once.")
        if info.compress_type not in COMPRESSIONS:
            raise Damaged(
                f"{name}: compressed by method {info.compress_type}, expected none or deflate."
            )
        members[name] = info
    return members


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, leaf: Leaf) -> np.ndarray:
    with archive.open(info) as file:
        shape, fortran, dtype = _header(leaf.name, io.BytesIO(file.read(HEADER_BYTES)))
    if (shape, dtype) != (leaf.shape, leaf.stored):
        raise Damaged(
            f"{leaf.name}: {dtype} {shape} in the file, expected {leaf.stored} {leaf.shape}."
        )
    size = math.prod(leaf.shape) * leaf.stored.itemsize
    if info.file_size > size + HEADER_BYTES:
        raise Damaged(
            f"{leaf.name}: {info.file_size} bytes in the file, expected {size} for {leaf}."
        )
    with archive.open(info) as file:
        member = io.BytesIO(file.read(size + HEADER_BYTES))
    _header(leaf.name, member)
    numbers = member.read()
    if len(numbers) != size:
        raise Damaged(f"{leaf.name}: {len(numbers)} bytes of numbers in the file, expected {size}.")
    return np.frombuffer(bytearray(numbers), dtype).reshape(shape, order="F" if fortran else "C")


def _header(name: str, member: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and dtype that an npy file states; its numbers follow."""
    try:
        read = (
            npy.read_array_header_1_0
            if npy.read_magic(member) == (1, 0)
            else npy.read_array_header_2_0
        )
        return read(member)
    except (
        ValueError,
        SyntaxError,
        tokenize.TokenError,
        RecursionError,
        MemoryError,
    ) as error:  # of Python's parser
        raise Damaged(f"{name}: no header of an npy file: {error}") from error


def _some(names: set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
