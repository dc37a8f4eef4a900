"""Turn arrays into the bytes of an npz archive, and back.

Reading executes nothing and believes no size that a file states.
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

# The header of an npy file with a plain dtype and up to 32 axes is smaller.
HEADER_BYTES = 1024
NPY = ".npy"
NAMES_SHOWN = 3
# np.savez uses the first, np.savez_compressed the second.
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError)
# NumPy reads a header with Python's parser, which raises these.
UNREADABLE_HEADER = (ValueError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError)


class Damaged(ValueError):
    """A file does not hold what was written."""


class Leaf(NamedTuple):
    """The description of a stored leaf.

    name   its path in the tree, joined by slashes
    shape  of its array; for a typed key, of the key's data
    dtype  the name of the dtype of its array or of the key's data
    key    the name of the key's generator; None for an array
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    key: str | None

    def __str__(self) -> str:
        if self.key:
            return f"{self.key} keys {self.shape[:-1]}"
        return f"{self.dtype} {self.shape}"

    @property
    def stored(self) -> np.dtype:
        """Return the dtype in the archive.

        The npz format lacks bfloat16 and similar dtypes. Their bits are stored as integers.
        """
        dtype = jnp.dtype(self.dtype)
        is_known_to_npz = dtype.kind in "biufc" and dtype.isbuiltin == 1
        if is_known_to_npz:
            return dtype
        return np.dtype(f"u{dtype.itemsize}")


def leaves(tree: PyTree) -> list[tuple[Leaf, Any]]:
    """Return the description and the value of every leaf.

    Raises ValueError for a leaf that is neither an array of numbers nor a typed key, and for two
    leaves of one name.
    """
    described: dict[str, tuple[Leaf, Any]] = {}
    for path, value in jax.tree_util.tree_leaves_with_path(tree):
        name = jax.tree_util.keystr(path, simple=True, separator="/") or "value"
        if name in described:
            raise ValueError(
                f"tree: two leaves are called {name!r}; expected names without a slash."
            )
        leaf = _leaf(name, value)
        described[name] = leaf, value
    return list(described.values())


def _leaf(name: str, value: Any) -> Leaf:
    is_array = hasattr(value, "shape") and hasattr(value, "dtype")
    if not is_array:
        raise ValueError(f"{name}: got {value!r}, expected an array; use np.asarray.")
    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
        return _leaf_of_key(name, value)
    is_number = jnp.issubdtype(value.dtype, jnp.number)
    if not is_number and value.dtype != bool:
        raise ValueError(
            f"{name}: got dtype {value.dtype}, expected numbers, truth values or typed keys."
        )
    shape = tuple(value.shape)
    dtype = jnp.dtype(value.dtype)
    return Leaf(name, shape, dtype.name, None)


def _leaf_of_key(name: str, value: Any) -> Leaf:
    generators: list[str] = []

    def data_of(key):
        generator = jax.random.key_impl(key)
        generators.append(str(generator))
        return jax.random.key_data(key)

    # Traced, because a ShapeDtypeStruct of keys does not tell its generator and a tracer does.
    data = jax.eval_shape(data_of, value)
    return Leaf(name, data.shape, data.dtype.name, generators[0])


def on_host(leaf: Leaf, value: Any) -> np.ndarray:
    """Return the numbers to store, C-contiguous and in the byte order of this machine."""
    if leaf.key is not None:
        value = jax.random.key_data(value)
    array = np.asarray(value)
    native = array.dtype.newbyteorder("=")
    contiguous = np.ascontiguousarray(array, native)
    shaped = contiguous.reshape(leaf.shape)
    return shaped.view(leaf.stored)


def restored(leaf: Leaf, array: np.ndarray) -> Any:
    """Return the leaf that was stored: a NumPy array, or JAX's typed keys."""
    dtype = jnp.dtype(leaf.dtype)
    numbers = array.view(dtype)
    if leaf.key is None:
        return numbers
    data = jnp.asarray(numbers)
    return jax.random.wrap_key_data(data, impl=leaf.key)


def on_device(name: str, array: np.ndarray, alternative: str = "") -> jax.Array:
    """Return an array as a JAX array of the same dtype.

    alternative  ends the error with another remedy than x64

    Raises ValueError where JAX would narrow the dtype.
    """
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise ValueError(
            f"{name}: {array.dtype} was saved, which JAX would narrow; enable x64 by "
            f"jax.config.update('jax_enable_x64', True){alternative}."
        )
    return jnp.asarray(array)


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return an npz archive of arrays. Equal arrays make equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            file_name = f"{name}{NPY}"
            entry = zipfile.ZipInfo(file_name)
            with archive.open(entry, "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def unpacked(content: bytes, expected: Sequence[Leaf]) -> dict[str, np.ndarray]:
    """Return the arrays of an npz archive by name.

    The memory that it takes is bounded by the expected arrays, however large the file says it is.

    Raises Damaged for an archive that does not hold exactly the expected arrays.
    """
    buffer = io.BytesIO(content)
    arrays = {}
    try:
        with zipfile.ZipFile(buffer) as archive:
            members = _members(archive)
            _check_names(members, expected)
            for leaf in expected:
                member = members[leaf.name]
                arrays[leaf.name] = _member(archive, member, leaf)
            return arrays
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


def _check_names(members: Mapping[str, zipfile.ZipInfo], expected: Sequence[Leaf]) -> None:
    names = {leaf.name for leaf in expected}
    missing = names - set(members)
    if missing:
        raise Damaged(f"{_first_names(missing)}: missing in the file.")
    extra = set(members) - names
    if extra:
        raise Damaged(f"{_first_names(extra)}: in the file, not expected.")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, leaf: Leaf) -> np.ndarray:
    """Read one array, its header first, and no more bytes than are expected."""
    name = leaf.name
    stored = leaf.stored
    start = _first_bytes(archive, info, HEADER_BYTES)
    shape, is_fortran, dtype = _header(name, start)
    if (shape, dtype) != (leaf.shape, stored):
        raise Damaged(f"{name}: {dtype} {shape} in the file, expected {stored} {leaf.shape}.")
    entries = math.prod(shape)
    size = entries * dtype.itemsize
    limit = size + HEADER_BYTES
    if info.file_size > limit:
        raise Damaged(f"{name}: {info.file_size} bytes in the file, expected {size} for {leaf}.")
    member = _first_bytes(archive, info, limit)
    _header(name, member)
    numbers = member.read()
    length = len(numbers)
    if length != size:
        raise Damaged(f"{name}: {length} bytes of numbers in the file, expected {size}.")
    writable = bytearray(numbers)
    flat = np.frombuffer(writable, dtype)
    order: Any = "F" if is_fortran else "C"
    return flat.reshape(shape, order=order)


def _first_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, count: int) -> io.BytesIO:
    with archive.open(info) as file:
        beginning = file.read(count)
    return io.BytesIO(beginning)


def _header(name: str, member: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Return the shape, the Fortran order and the dtype of an npy file. Its numbers follow."""
    try:
        version = npy.read_magic(member)
        if version == (1, 0):
            return npy.read_array_header_1_0(member)
        return npy.read_array_header_2_0(member)
    except UNREADABLE_HEADER as error:
        raise Damaged(f"{name}: no header of an npy file: {error}") from error


def _first_names(names: set[str]) -> str:
    first = sorted(names)[:NAMES_SHOWN]
    shown = ", ".join(first)
    rest = len(names) - NAMES_SHOWN
    if rest > 0:
        return f"{shown} and {rest} more"
    return shown
