"""Python objects as bytes for another process, their large arrays once in a directory."""

import hashlib
import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnn.checkpoint import files
from fnn.checkpoint.manifest import sum_of

LEAST = 2**16  # bytes of an array that is worth a file


class Packed(NamedTuple):
    """An object as bytes.

    content    its pickle
    stored     the files of its large arrays, in the order of the pickle
    sums       their SHA-256
    checksum   SHA-256 of the pickle and of these
    """

    content: bytes
    stored: tuple[str, ...]
    sums: tuple[str, ...]
    checksum: str


class WrongData(ValueError):
    """What a worker read is not what was sent."""


def pack(value: Any, directory: str | Path | None) -> Packed:
    """Pickle an object, by cloudpickle where it is installed; large arrays go to the directory.

    Raises ValueError for what cannot be pickled.
    """
    sums: list[str] = []
    stored: list[str] = []

    def stays(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if directory is None or view.nbytes < LEAST:
            return True
        sums.append(sum_of(view))
        stored.append(store(Path(directory), sums[-1], view))
        return False

    dumps, remedy = pickler()
    try:
        content = dumps(value, protocol=5, buffer_callback=stays)
    except OSError:
        raise
    except Exception as error:  # of whatever kind the user's own objects raise
        raise ValueError(
            f"executor: what is trained cannot be sent to other processes: "
            f"{type(error).__name__}: {error}. {remedy}"
        ) from error
    return Packed(content, tuple(stored), tuple(sums), checksum(content, tuple(sums)))


def unpack(packed: Packed) -> Any:
    """Return the object. WrongData where bytes or files are not those that were sent."""
    if checksum(packed.content, packed.sums) != packed.checksum:
        raise WrongData("executor: a task's bytes are not those that were sent.")
    buffers = [read(*each) for each in zip(packed.stored, packed.sums, strict=True)]
    return pickle.loads(packed.content, buffers=buffers)


def checksum(content: bytes, sums: tuple[str, ...]) -> str:
    """Return the SHA-256 of a pickle and of the sums of its arrays."""
    found = hashlib.sha256(content)
    for each in sums:
        found.update(each.encode())
    return found.hexdigest()


def pickler() -> tuple[Callable[..., bytes], str]:
    """Return what pickles, and what to do where it fails."""
    remedy = (
        "Open files, locks, generators and connections cannot go there: open them in the builder."
    )
    try:
        import cloudpickle
    except ImportError:
        return pickle.dumps, (
            "Without cloudpickle only functions of modules can: functions of a script or a "
            'notebook, lambdas and closures need pip install "fnn[cluster]", here and there.'
        )
    return cloudpickle.dumps, remedy


def store(directory: Path, name: str, content: memoryview) -> str:
    """Save the bytes of an array as an npy file named by its sum, unless they are there."""
    directory.mkdir(parents=True, exist_ok=True)
    path = (directory / f"{name}.npy").resolve()
    if not is_there(path, name):
        file = io.BytesIO()
        np.save(file, np.frombuffer(content, np.uint8))
        files.replace(path, file.getvalue())
    return str(path)


def is_there(path: Path, name: str) -> bool:
    """Return whether a file has the bytes that its name says."""
    try:
        read(str(path), name)
    except (WrongData, OSError):
        return False
    return True


def read(path: str, name: str) -> np.ndarray:
    """Read the bytes of an array. WrongData where they are not those of this sum."""
    if not Path(path).is_file():
        raise WrongData(
            f"executor: {path} is not seen by a worker; data_directory= must be one that all "
            "workers see under the same name."
        )
    try:
        content = np.load(path)
    except (ValueError, EOFError) as error:
        raise WrongData(f"executor: {path} is damaged: {error}. Delete it.") from error
    if sum_of(content.data) != name:
        raise WrongData(f"executor: {path} is damaged: its checksum is another. Delete it.")
    return content
