"""Python objects as bytes for another process, and their large arrays as files."""

import hashlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn.checkpoint import files
from fnn.checkpoint.manifest import sum_of

LEAST = 2**16  # bytes; smaller arrays are not worth a file


class Packed(NamedTuple):
    """An object as bytes.

    content   its pickle
    stored    paths of the files of its large arrays, in the order of the pickle
    sums      SHA-256 of each of these arrays
    checksum  SHA-256 of the pickle and of `sums`
    """

    content: bytes
    stored: tuple[str, ...]
    sums: tuple[str, ...]
    checksum: str


class WrongData(ValueError):
    """A worker did not read the data that were sent."""


def pack(value: Any, directory: str | Path | None) -> Packed:
    """Pickle an object, by cloudpickle if that is installed.

    directory  for arrays of at least LEAST bytes; None keeps them in the pickle

    Raises ValueError for an object that cannot be pickled.
    """
    sums: list[str] = []
    stored: list[str] = []

    def stays_in_pickle(buffer: pickle.PickleBuffer) -> bool:
        content = buffer.raw()
        if directory is None or content.nbytes < LEAST:
            return True
        name = sum_of(content)
        sums.append(name)
        stored.append(store(Path(directory), name, content))
        return False

    dumps, remedy = pickler()
    try:
        content = dumps(value, protocol=5, buffer_callback=stays_in_pickle)
    except OSError:
        raise
    except Exception as error:  # the user's own objects may raise any kind
        raise ValueError(
            "executor: the builder or the data cannot be sent to other processes: "
            f"{type(error).__name__}: {error}. {remedy}"
        ) from error
    return Packed(content, tuple(stored), tuple(sums), checksum(content, tuple(sums)))


def unpack(packed: Packed) -> Any:
    """Return the object. Raises WrongData if bytes or files are not those that were sent."""
    if checksum(packed.content, packed.sums) != packed.checksum:
        raise WrongData("executor: a task's bytes are not those that were sent.")
    buffers = [read(path, name) for path, name in zip(packed.stored, packed.sums, strict=True)]
    return pickle.loads(packed.content, buffers=buffers)


def checksum(content: bytes, sums: tuple[str, ...]) -> str:
    """Return the SHA-256 of a pickle and of the sums of its arrays."""
    digest = hashlib.sha256(content)
    for array_sum in sums:
        digest.update(array_sum.encode())
    return digest.hexdigest()


def pickler() -> tuple[Callable[..., bytes], str]:
    """Return a function that pickles, and the advice for an object that it cannot pickle."""
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps, (
            "Without cloudpickle only functions of modules can be sent. Functions of a script or "
            'a notebook, lambdas and closures need pip install "fnn[cluster]" here and on the '
            "workers."
        )
    return cloudpickle.dumps, (
        "Open files, locks, generators and connections cannot be sent: open them in the builder."
    )


def store(directory: Path, name: str, content: memoryview) -> str:
    """Save the bytes of an array as an npy file unless it is there, and return its path.

    name  the SHA-256 of the bytes
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = (directory / f"{name}.npy").resolve()
    if not is_stored(path, name):
        file = io.BytesIO()
        np.save(file, np.frombuffer(content, np.uint8))
        files.replace(path, file.getvalue())
    return str(path)


def is_stored(path: Path, name: str) -> bool:
    """Return whether a file has the bytes of this sum."""
    try:
        read(str(path), name)
    except (WrongData, OSError):
        return False
    return True


def read(path: str, name: str) -> np.ndarray:
    """Read the bytes of an array. Raises WrongData unless they have the sum `name`."""
    if not Path(path).is_file():
        raise WrongData(
            f"executor: a worker does not find {path}; data_directory= must be one that all "
            "workers see under the same name."
        )
    try:
        content = np.load(path)
    except (ValueError, EOFError) as error:
        raise WrongData(f"executor: {path} is damaged: {error}. Delete it.") from error
    if sum_of(content.data) != name:
        raise WrongData(f"executor: {path} is damaged: its checksum is wrong. Delete it.")
    return content
