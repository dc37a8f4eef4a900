"""One writer for a directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fnn.checkpoint import files

NAME = ".lock"


class InUse(RuntimeError):
    """Another process, or another run of this one, works in the directory."""


@contextmanager
def lock(directory: str | Path) -> Iterator[Path]:
    """The directory, made if it is missing, locked for this process and swept of what killed
    writers left.

    The system gives the lock back when its owner ends, however it ends, and those processes that it
    has forked within, so no lock of the dead is ever in the way. (On file systems without flock,
    some network ones, the system refuses it with an OSError.) Raises InUse, naming the owner.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.read(descriptor, 100).decode(errors="replace").strip() or "another process"
            raise InUse(
                f"{directory}: {owner} works in it; wait for it to end, or take another "
                f"directory. Two runs in one "
                "would overwrite each other."
            ) from error
        with files.naming(directory / NAME):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} of {os.uname().nodename}\n".encode(), 0)
        files.sweep(directory)
        try:
            yield directory
        finally:
            fcntl.flock(
                descriptor, fcntl.LOCK_UN
            )  # closing alone leaves it to processes forked meanwhile
    finally:
        os.close(descriptor)
