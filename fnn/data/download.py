"""Files with a known hash: unpacked, verified, and fetched from mirrors."""

import gzip
import hashlib
import tempfile
import zlib
from pathlib import Path

TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 16


def verified(data: bytes, source: str, sha256: str) -> bytes:
    """The data, decompressed where they are gzipped. ValueError where the result has another SHA-256."""
    content = _gunzip(data, source) if data.startswith(b"\x1f\x8b") else data
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise ValueError(
            f"{source}: its content has SHA-256 {got}, expected {sha256}. It is damaged or another file: delete it or "
            "put the right one there."
        )
    return content


def _gunzip(data: bytes, source: str) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{source}: is no whole gzip file: {error}. Delete it or put the right one there.") from error


def from_mirrors(file: str, mirrors: tuple[str, ...], sha256: str, folder: Path) -> Path:
    """Fetches `file` from the first mirror that has it whole, and puts it, as it came, in `folder`.

    Raises ConnectionError with what each mirror answered.
    """
    from http.client import HTTPException  # imported here, as in _fetch: they would slow `import fnn`

    failures = []
    for mirror in mirrors:
        try:
            data = _fetch(mirror + file)
            verified(data, mirror + file, sha256)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"  {mirror}{file}: {type(error).__name__}: {error}")
        else:
            return _store(data, folder / file)
    raise ConnectionError("\n".join([f"{file} could not be downloaded:", *failures]))


def _fetch(url: str) -> bytes:
    import urllib.request

    from tqdm import tqdm

    chunks = []
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        size = response.headers.get("Content-Length")
        with tqdm(total=size and int(size), unit="B", unit_scale=True, desc=url.rsplit("/", 1)[1]) as progress:
            while chunk := response.read(CHUNK_BYTES):
                chunks.append(chunk)
                progress.update(len(chunk))
    return b"".join(chunks)


def _store(data: bytes, path: Path) -> Path:
    """Writes under a temporary name first: the file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        partial = Path(scratch, path.name)
        partial.write_bytes(data)
        partial.replace(path)
    return path
