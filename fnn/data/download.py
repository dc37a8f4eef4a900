"""Files with a known hash: unpacked, verified, and fetched from mirrors."""

import gzip
import hashlib
import io
import tempfile
import zlib
from pathlib import Path

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 16
SLACK = 1 << 16  # by which packing may make a file longer


def verified(data: bytes, source: str, sha256: str, limit: int) -> bytes:
    """The data, decompressed where they are gzipped. ValueError where the result has another
    SHA-256, or more than `limit` bytes, of which no more are unpacked.
    """
    content = _gunzip(data, source, limit) if data.startswith(b"\x1f\x8b") else data
    if len(content) > limit:
        raise ValueError(
            f"{source}: has more than {limit} bytes. It is another file: put the right one there."
        )
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise ValueError(
            f"{source}: its content has SHA-256 {got}, expected {sha256}. It is damaged or "
            f"another file: delete it or "
            "put the right one there."
        )
    return content


def read(path: Path, sha256: str, limit: int) -> bytes:
    """The verified content of a file."""
    with path.open("rb") as file:
        return verified(file.read(limit + SLACK), str(path), sha256, limit)


def _gunzip(data: bytes, source: str, limit: int) -> bytes:
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
    """Fetches `file` from the first mirror that has it whole, and puts it, as it came, in `folder`.

    Raises ConnectionError with what each mirror answered.
    """
    from http.client import (
        HTTPException,  # imported here, as in _fetch: they would slow `import fnn`
    )

    failures = []
    for mirror in mirrors:
        try:
            data = _fetch(mirror + file, limit)
            verified(data, mirror + file, sha256, limit)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"  {mirror}{file}: {type(error).__name__}: {error}")
        else:
            return _store(data, folder / file)
    raise ConnectionError("\n".join([f"{file} could not be downloaded:", *failures]))


def _fetch(url: str, limit: int) -> bytes:
    import urllib.request

    from tqdm import tqdm

    chunks = []
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        size = response.headers.get("Content-Length")
        with tqdm(
            total=size and int(size), unit="B", unit_scale=True, desc=url.rsplit("/", 1)[1]
        ) as progress:
            while chunk := response.read(CHUNK_BYTES):
                chunks.append(chunk)
                progress.update(len(chunk))
                if sum(map(len, chunks)) > limit + SLACK:
                    raise ValueError(f"{url}: sends more than {limit} bytes.")
    return b"".join(chunks)


def _store(data: bytes, path: Path) -> Path:
    """Writes under a temporary name first: the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        partial = Path(scratch, path.name)
        partial.write_bytes(data)
        partial.replace(path)
    return path
