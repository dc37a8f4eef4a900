"""Write files and folders that are there completely or not at all, even after a crash.

Everything is written under a temporary name and brought to the disk by fsync. Then it gets its own
name, and the new name is brought to the disk too. A killed writer leaves temporary names only, and
the next writer deletes them. An OSError names the file.
"""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp-"
LEFTOVERS = (".tmp-step-*", ".tmp-removed-step-*", ".tmp-arguments.json-*")


def commit(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with these files, all at once.

    Raises OSError where a folder of this name exists and is not empty.
    """
    temporary = folder.with_name(f"{TEMPORARY}{folder.name}")
    os.mkdir(temporary)
    for name, content in files.items():
        write(temporary / name, content)
    sync(temporary)
    os.rename(temporary, folder)
    sync(folder.parent)


def commit_over(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder in the place of an older one.

    It deletes what a killed writer of the same folder left. The older folder is kept where the new
    one cannot be written.
    """
    leftover = folder.with_name(f"{TEMPORARY}{folder.name}")
    shutil.rmtree(leftover, ignore_errors=True)
    older = folder.with_name(f"{TEMPORARY}older-{folder.name}-{secrets.token_hex(8)}")
    if folder.exists():
        os.rename(folder, older)
    try:
        commit(folder, files)
    except BaseException:
        if older.exists() and not folder.exists():
            os.rename(older, folder)
        raise
    shutil.rmtree(older, ignore_errors=True)


def replace(path: Path, content: bytes) -> None:
    """Make a file, or put it in the place of an older one, at once.

    Several writers may do so at the same time: each has a temporary name of its own.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{secrets.token_hex(8)}")
    try:
        write(temporary, content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def remove(folder: Path) -> None:
    """Delete a folder. It loses its name first, so that no half of it is read."""
    temporary = folder.with_name(f"{TEMPORARY}removed-{folder.name}")
    os.rename(folder, temporary)
    shutil.rmtree(temporary)


def remove_leftovers(directory: Path) -> None:
    """Delete what killed writers left in a directory, known by its temporary names."""
    for pattern in LEFTOVERS:
        for path in list(directory.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                os.unlink(path)


def write(path: Path, content: bytes) -> None:
    """Write a new file. It is on the disk when this returns."""
    with named_in_errors(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            rest = memoryview(content)
            while rest:
                written = os.write(descriptor, rest)
                rest = rest[written:]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    with named_in_errors(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def named_in_errors(path: Path) -> Iterator[None]:
    """Add the file's name to an OSError that comes from a descriptor alone."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
