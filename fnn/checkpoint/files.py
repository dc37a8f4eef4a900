"""Writing that survives a crash: a folder is wholly there under its name, or it is not there.

Everything is written under a temporary name and brought to the disk (fsync) before the folder gets
its own name; the rename itself is brought to the disk too. What a killed writer leaves has a
temporary name and is deleted by the next. An OSError names the file.
"""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp-"
LEFT = (".tmp-step-*", ".tmp-removed-step-*", ".tmp-arguments.json-*")


def commit(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder with these files. OSError if there is one of this name that is not empty."""
    temporary = folder.with_name(f"{TEMPORARY}{folder.name}")
    os.mkdir(temporary)
    for name, content in files.items():
        write(temporary / name, content)
    sync(temporary)
    os.rename(temporary, folder)
    sync(folder.parent)


def commit_over(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder, in the place of an older one and of what a killed writer left."""
    shutil.rmtree(folder.with_name(f"{TEMPORARY}{folder.name}"), ignore_errors=True)
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
    """Makes the file, or puts it in the place of an older one, at once. Several writers are in
    nobody's way.
    """
    temporary = path.with_name(f"{TEMPORARY}{path.name}-{secrets.token_hex(8)}")
    try:
        write(temporary, content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def remove(folder: Path) -> None:
    """Deletes a folder; half deleted it does not bear its name any more."""
    temporary = folder.with_name(f"{TEMPORARY}removed-{folder.name}")
    os.rename(folder, temporary)
    shutil.rmtree(temporary)


def sweep(directory: Path) -> None:
    """Deletes what killed writers left, by the names that they use."""
    for path in [path for pattern in LEFT for path in directory.glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            os.unlink(path)


def write(path: Path, content: bytes) -> None:
    """A new file, on the disk when this returns."""
    with naming(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync(folder: Path) -> None:
    """Brings the names in a folder to the disk."""
    with naming(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """The name of the file in errors that come from a descriptor alone."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
