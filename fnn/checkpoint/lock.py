"""Admit one writer to a directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fnn.checkpoint import files

NAME = ".lock"
OWNER_BYTES = 100


class InUse(RuntimeError):
    """Another process, or another run of this one, works in the directory."""


@contextmanager
def lock(directory: str | Path) -> Iterator[Path]:
    """Lock a directory for this process, and yield its path.

    directory  made if it is missing; files that killed writers left in it are deleted

    Leaving the block unlocks it. Where the owner is killed, the system unlocks it as soon as the
    owner and the processes that it forked inside have ended, so a dead owner is never in the way.
    On file systems without flock, such as some network ones, the system refuses with an OSError.

    Raises InUse, naming the owner, where the directory is locked.

    >>> import tempfile
    >>> from fnn import checkpoint
    >>> with tempfile.TemporaryDirectory() as folder, checkpoint.lock(folder) as path:
    ...     print([file.name for file in path.iterdir()])
    ['.lock']
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _acquire(descriptor, directory)
        files.remove_leftovers(directory)
        try:
            yield directory
        finally:
            # Closing alone would leave the lock to processes that were forked meanwhile.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, directory: Path) -> None:
    """Lock the file and write the owner into it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        text = os.read(descriptor, OWNER_BYTES).decode(errors="replace")
        owner = text.strip() or "another process"
        raise InUse(
            f"{directory}: {owner} works in it; wait for it to end, or take another directory. "
            "Two runs in one would overwrite each other."
        ) from error
    owner = f"process {os.getpid()} of {os.uname().nodename}\n"
    with files.named_in_errors(directory / NAME):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, owner.encode(), 0)
