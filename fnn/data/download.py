"""Unpack files, compare them with their known hash, and fetch them from mirrors."""

import gzip
import hashlib
import io
import zlib
from pathlib import Path

from fnn.checkpoint import files

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 16
# By how many bytes packing may make a file longer.
SLACK = 1 << 16
GZIP_MAGIC = b"\x1f\x8b"


def verified(data: bytes, source: str, sha256: str, limit: int) -> bytes:
    """Return data, decompressed where they are gzipped.

    source  the name of the file, in errors
    sha256  of the result, in hexadecimal
    limit   how many bytes the result may have; no more are unpacked

    Raises ValueError for a result with more bytes or another SHA-256.
    """
    content = data
    if data.startswith(GZIP_MAGIC):
        content = _gunzip(data, source, limit)
    if len(content) > limit:
        raise ValueError(
            f"{source}: has more than {limit} bytes. It is another file: put the right one there."
        )
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise ValueError(
            f"{source}: its content has SHA-256 {got}, expected {sha256}. It is damaged or "
            "another file: delete it or put the right one there."
        )
    return content


def read(path: Path, sha256: str, limit: int) -> bytes:
    """Return the verified content of a file. Arguments and errors are those of `verified`."""
    with path.open("rb") as file:
        data = file.read(limit + SLACK)
    return verified(data, str(path), sha256, limit)


def _gunzip(data: bytes, source: str, limit: int) -> bytes:
    """Unpack data, and stop at one byte more than the limit."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            return file.read(limit + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{source}: is no whole gzip file: {error}. Delete it or put the right one there."
        ) from error


def from_mirrors(
    file: str, mirrors: tuple[str, ...], sha256: str, folder: Path, limit: int
) -> Path:
    """Fetch a file from the first mirror that has it whole, and put it in a folder as it came.

    file     its name
    mirrors  addresses that end with a slash
    sha256   of its content, unpacked
    folder   made if it is missing
    limit    how many bytes its content may have

    Returns the path of the file.

    Raises ConnectionError with the answer of each mirror.
    """
    # Imported here, as in _fetch, because they would slow `import fnn`.
    from http.client import HTTPException

    failures = []
    for mirror in mirrors:
        url = mirror + file
        try:
            data = _fetch(url, limit)
            verified(data, url, sha256, limit)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"  {url}: {type(error).__name__}: {error}")
        else:
            return _store(data, folder / file)
    raise ConnectionError("\n".join([f"{file} could not be downloaded:", *failures]))


def _fetch(url: str, limit: int) -> bytes:
    """Return the answer of a server, with a progress bar."""
    import urllib.request

    from tqdm import tqdm

    name = url.rsplit("/", 1)[1]
    chunks = []
    received = 0
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        length = response.headers.get("Content-Length")
        total = length and int(length)
        with tqdm(total=total, unit="B", unit_scale=True, desc=name) as progress:
            while chunk := response.read(CHUNK_BYTES):
                chunks.append(chunk)
                received += len(chunk)
                progress.update(len(chunk))
                if received > limit + SLACK:
                    raise ValueError(f"{url}: sends more than {limit} bytes.")
    return b"".join(chunks)


def _store(data: bytes, path: Path) -> Path:
    """Write a file that is there whole or not at all, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, data)
    return path
