"""Load MNIST: 70,000 handwritten digits of 28×28 pixels.

LeCun, Bottou, Bengio & Haffner 1998; copyright Y. LeCun and C. Cortes, CC BY-SA 3.0 as
redistributed.

Its four files, raw or gzipped, are looked for in $FNN_DATA_DIR and $FNN_DATA_DIR/mnist, then in the
cache, $XDG_CACHE_HOME/fnn/mnist or ~/.cache/fnn/mnist. Files that are in none of them are
downloaded into the cache (11 MB). $FNN_DATA_DIR is never written to. The SHA-256 of the content of
every file is checked at every load.
"""

import os
import warnings
from pathlib import Path

from fnn.data import download, idx
from fnn.data.dataset import Dataset, Split, standardise
from fnn.data.parts import partition
from fnn.renamed import renamed

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
LIMIT = 16 + 60_000 * 28 * 28
"""How many bytes the largest of the four has, unpacked."""

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
VALIDATION = 5000

renamed(__name__, {"at_hand": "is_local"})


def mnist() -> Dataset:
    """Load x (n, 784) and labels y 0 to 9; 55,000 / 5,000 / 10,000 rows.

    The test rows are the canonical 10,000, in order. The validation rows are drawn from the 60,000
    with seed 0. All pixels are scaled by one mean and std, those of the training rows.

    Raises ValueError for a file with another content, and ConnectionError where a file is neither
    on this machine nor to be downloaded.
    """
    paths = locate()
    train_and_validation = _read(paths, "train")
    test = _read(paths, "t10k")
    x, y = train_and_validation
    validation_rows, train_rows = partition(len(x), [VALIDATION], seed=0)
    train = Split(x[train_rows], y[train_rows])
    validation = Split(x[validation_rows], y[validation_rows])
    unscaled = Dataset(train, validation, test)
    return standardise(unscaled, axis=None)


def fetch() -> dict[str, Path]:
    """Return the path of each of the four files, after downloading those that are missing.

    Raises ValueError for a file with another content, and ConnectionError where a file cannot be
    downloaded.
    """
    paths = locate()
    for name, path in paths.items():
        _content(name, path)
    return paths


def is_local() -> bool:
    """Return whether all four files are on this machine, so that `mnist` downloads nothing."""
    folders = [*_own_folders(), cache_folder()]
    return all(_find(name, folders) for name in SHA256)


def locate() -> dict[str, Path]:
    """Return the path of each of the four files, after downloading those that are missing.

    Warns of files that FNN_DATA_DIR lacks. The content of the files is not checked.

    Raises ConnectionError where a file cannot be downloaded.
    """
    folders = _own_folders()
    own = {name: _find(name, folders) for name in SHA256}
    missing = [name for name, path in own.items() if path is None]
    if folders and missing:
        warnings.warn(
            f"FNN_DATA_DIR={folders[0]} lacks {', '.join(missing)} (raw or .gz, there or in its "
            f"folder mnist); using the cache {cache_folder()} or a download.",
            stacklevel=2,
        )
    paths = {}
    for name, path in own.items():
        paths[name] = path or _find(name, [cache_folder()]) or _download(name)
    return paths


def cache_folder() -> Path:
    """Return the folder in which downloads are kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return cache.expanduser() / "fnn" / "mnist"


def _own_folders() -> list[Path]:
    name = os.environ.get("FNN_DATA_DIR")
    if not name:
        return []
    folder = Path(name).expanduser()
    return [folder, folder / "mnist"]


def _find(name: str, folders: list[Path]) -> Path | None:
    """Return the path of a file, raw or gzipped, in the first folder that has it."""
    for folder in folders:
        for file in (name, f"{name}.gz"):
            path = folder / file
            if path.is_file():
                return path
    return None


def _download(name: str) -> Path:
    try:
        return download.from_mirrors(f"{name}.gz", MIRRORS, SHA256[name], cache_folder(), LIMIT)
    except ConnectionError as error:
        own_folder = os.environ.get("FNN_DATA_DIR") or "not set"
        names = "\n  ".join(SHA256)
        raise ConnectionError(
            f"mnist: {error}\nPut these four files, raw or .gz, in one folder and set "
            f"FNN_DATA_DIR to it (it is {own_folder}), or put them in {cache_folder()}:\n  {names}"
        ) from None


def _read(paths: dict[str, Path], part: str) -> Split:
    """Return the images (n, 784), as unsigned bytes, and the labels (n,) of a part.

    part  "train" or "t10k", with which the names of the files begin
    """
    images_name = f"{part}-images-idx3-ubyte"
    labels_name = f"{part}-labels-idx1-ubyte"
    images_content = _content(images_name, paths[images_name])
    images = idx.parse(images_content, images_name, dimensions=3)
    labels_content = _content(labels_name, paths[labels_name])
    labels = idx.parse(labels_content, labels_name, dimensions=1)
    pixels = images.reshape(len(images), -1)
    return Split(pixels, labels.astype("int32"))


def _content(name: str, path: Path) -> bytes:
    """Return the content of a file, compared with its SHA-256."""
    return download.read(path, SHA256[name], LIMIT)
