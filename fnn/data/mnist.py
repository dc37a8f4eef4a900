"""MNIST: 70,000 handwritten digits of 28×28 pixels.

LeCun, Bottou, Bengio & Haffner 1998; copyright Y. LeCun and C. Cortes, CC BY-SA 3.0 as
redistributed.

Its four files, raw or gzipped, are looked for in $FNN_DATA_DIR and $FNN_DATA_DIR/mnist, then in the
cache, $XDG_CACHE_HOME/fnn/mnist or ~/.cache/fnn/mnist, and are otherwise downloaded into the cache
(11 MB). $FNN_DATA_DIR is never written to. The SHA-256 of every file's content is checked at every
load.
"""

import os
import warnings
from pathlib import Path

from fnn.data import download, idx
from fnn.data.dataset import Dataset, Split, standardise
from fnn.data.parts import partition

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
LIMIT = 16 + 60_000 * 28 * 28
"""Bytes of the largest of the four, unpacked."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
VALIDATION = 5000


def mnist() -> Dataset:
    """x (n, 784), y labels 0 to 9; 55,000 / 5,000 / 10,000 rows.

    The test rows are the canonical 10,000, in order; the validation rows are drawn from the 60,000
    with seed 0. All pixels are scaled by one mean and std, those of the training rows.

    Raises ValueError for a file with another content, ConnectionError where a file is nowhere to be
    had.
    """
    paths = locate()
    seen, test = _read(paths, "train"), _read(paths, "t10k")
    validation, train = partition(len(seen.x), [VALIDATION], seed=0)
    dataset = Dataset(
        Split(seen.x[train], seen.y[train]), Split(seen.x[validation], seen.y[validation]), test
    )
    return standardise(dataset, axis=None)


def fetch() -> dict[str, Path]:
    """Where each of the four files lies, downloaded where they were absent, their content
    checked.
    """
    paths = locate()
    for name, path in paths.items():
        _content(name, path)
    return paths


def at_hand() -> bool:
    """Whether all four files lie on this machine, so that `mnist` downloads nothing."""
    return all(_find(name, [*_own_folders(), cache_folder()]) for name in SHA256)


def locate() -> dict[str, Path]:
    """Where each of the four files lies, after downloading those that were nowhere."""
    own = _own_folders()
    found = {name: _find(name, own) for name in SHA256}
    absent = [name for name, path in found.items() if path is None]
    if own and absent:
        warnings.warn(
            f"FNN_DATA_DIR={own[0]} lacks {', '.join(absent)} (raw or .gz, there or in its folder "
            f"mnist); using the "
            f"cache {cache_folder()} or a download.",
            stacklevel=2,
        )
    return {
        name: path or _find(name, [cache_folder()]) or _download(name)
        for name, path in found.items()
    }


def cache_folder() -> Path:
    """Where downloads are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fnn" / "mnist"


def _own_folders() -> list[Path]:
    folder = os.environ.get("FNN_DATA_DIR")
    return [Path(folder).expanduser(), Path(folder).expanduser() / "mnist"] if folder else []


def _find(name: str, folders: list[Path]) -> Path | None:
    candidates = (folder / file for folder in folders for file in (name, f"{name}.gz"))
    return next((path for path in candidates if path.is_file()), None)


def _download(name: str) -> Path:
    try:
        return download.from_mirrors(f"{name}.gz", MIRRORS, SHA256[name], cache_folder(), LIMIT)
    except ConnectionError as error:
        raise ConnectionError(
            f"mnist: {error}\nPut these four files, raw or .gz, in one folder and set "
            f"FNN_DATA_DIR to it "
            f"(it is {os.environ.get('FNN_DATA_DIR') or 'not set'}), or put them in "
            f"{cache_folder()}:\n  " + "\n  ".join(SHA256)
        ) from None


def _read(paths: dict[str, Path], part: str) -> Split:
    """Images (n, 784) and labels (n,) of the files that begin with `part`; the images still
    unsigned bytes.
    """
    images_name, labels_name = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
    images = idx.parse(_content(images_name, paths[images_name]), images_name, dimensions=3)
    labels = idx.parse(_content(labels_name, paths[labels_name]), labels_name, dimensions=1)
    return Split(images.reshape(len(images), -1), labels.astype("int32"))


def _content(name: str, path: Path) -> bytes:
    return download.read(path, SHA256[name], LIMIT)
