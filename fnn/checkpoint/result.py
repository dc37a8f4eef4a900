"""Save a result as a folder of its own: `arrays.npz` and `manifest.json`, as a step has them."""

from pathlib import Path
from typing import Any

from fnn.checkpoint import files, store
from fnn.checkpoint.arrays import Damaged, restored
from fnn.checkpoint.structure import from_json, to_json
from fnn.types import PyTree

FORMAT = 2


def save(path: str | Path, kind: str, content: PyTree, *, overwrite: bool = False) -> Path:
    """Save the content of a result, and return its folder.

    kind       "run", "sweep", "function" or "race"
    overwrite  replace a folder that holds a saved result and nothing else

    Raises ValueError for a folder that exists and is not to be overwritten.
    """
    folder = Path(path)
    if folder.exists():
        _check_may_overwrite(folder, overwrite)
    structure, arrays = to_json(content, kind)
    about = {"result": kind, "format": FORMAT, "structure": structure}
    folder.parent.mkdir(parents=True, exist_ok=True)
    tree = {str(number): array for number, array in enumerate(arrays)}
    files.commit_over(folder, store.packed_step(0, tree, {}, about))
    return folder


def _check_may_overwrite(folder: Path, overwrite: bool) -> None:
    if not overwrite:
        raise ValueError(
            f"path: {folder} exists; take another one, or overwrite=True to replace a result."
        )
    if not is_result(folder):
        raise ValueError(f"path: {folder} is not a saved result alone, so it is not overwritten.")


def is_result(path: str | Path) -> bool:
    """Return whether a folder holds a saved result and nothing else."""
    folder = Path(path)
    names = {file.name for file in folder.iterdir()}
    if names != {store.ARRAYS, store.MANIFEST}:
        return False
    try:
        return "result" in store.read_manifest(folder, step=0).about
    except Damaged:
        return False


def load(path: str | Path) -> tuple[str, PyTree]:
    """Load the kind and the content of a result.

    Raises ValueError for another folder and another format, Damaged for other bytes than were
    saved.
    """
    folder = Path(path)
    if not (folder / store.MANIFEST).is_file():
        has_steps = folder.is_dir() and store.steps(folder)
        remedy = " fnn.checkpoint.load reads it." if has_steps else ""
        raise ValueError(
            f"path: {folder} is no folder that save() has made, and no checkpoint directory of a "
            f"run or a sweep.{remedy}"
        )
    stored = store.read(folder, step=0)
    about: dict[str, Any] = stored.manifest.about
    if about.get("format") != FORMAT:
        raise ValueError(
            f"path: {folder} has format {about.get('format')} of a result, expected {FORMAT}: it "
            "was written by another version of fnn."
        )
    arrays = {
        leaf.name: restored(leaf, stored.arrays[leaf.name]) for leaf in stored.manifest.leaves
    }
    in_order = (arrays[str(number)] for number in range(len(arrays)))
    return about["result"], from_json(about["structure"], in_order)
