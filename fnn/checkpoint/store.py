"""Checkpoints: a directory with a folder for each step, `step-00000012`, of `arrays.npz` and
`manifest.json`.

A folder appears when it is complete and on the disk. Loading executes nothing, compares every byte
with the sums in the manifest and every leaf with what is asked for, and converts nothing.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import checks
from fnn.checkpoint import files
from fnn.checkpoint.arrays import Damaged, Leaf, leaves, on_host, packed, restored, unpacked
from fnn.checkpoint.lock import lock
from fnn.checkpoint.manifest import Manifest, leaf_differences, sum_of, surroundings
from fnn.types import PyTree

ARRAYS, MANIFEST, PREFIX = "arrays.npz", "manifest.json", "step-"
ARGUMENTS = "arguments.json"  # in the directory of a run


class Stored(NamedTuple):
    """A checkpoint that was read: its arrays by the names of their leaves, every sum compared."""

    manifest: Manifest
    arrays: dict[str, np.ndarray]

    def tree(self, like: PyTree | None, *, shapes_as_saved: bool = False) -> PyTree:
        """A dict of arrays by name or, in the structure of `like`, JAX arrays where it has JAX
        arrays or shapes. ValueError where a leaf is missing, not expected, or of another shape or
        dtype, and where JAX would narrow.

        shapes_as_saved  shapes may be others than those of `like`, whose leaves are then shapes too
        """
        values = {
            leaf.name: restored(leaf, self.arrays[leaf.name]) for leaf in self.manifest.leaves
        }
        if like is None:
            return values
        if shapes_as_saved:
            like = self._reshaped(like)
        expected = leaves(like)
        if found := leaf_differences(self.manifest.leaves, [leaf for leaf, _ in expected]):
            raise ValueError("like: not the tree that was saved. " + "; ".join(found))
        placed = [_placed(leaf.name, values[leaf.name], target) for leaf, target in expected]
        return jax.tree.unflatten(jax.tree.structure(like), placed)

    def _reshaped(self, like: PyTree) -> PyTree:
        """The leaves of `like`, those that are shapes with the shapes that were saved."""
        saved = {leaf.name: leaf.shape for leaf in self.manifest.leaves}

        def reshaped(leaf: Leaf, target: Any) -> Any:
            is_shape = isinstance(target, jax.ShapeDtypeStruct) and leaf.key is None
            return (
                jax.ShapeDtypeStruct(saved.get(leaf.name, target.shape), target.dtype)
                if is_shape
                else target
            )

        return jax.tree.unflatten(
            jax.tree.structure(like), [reshaped(*each) for each in leaves(like)]
        )


def save(
    directory: str | Path,
    step: int,
    tree: PyTree,
    metrics: Mapping[str, float] | None = None,
    *,
    keep: int | None = None,
    best: str | None = None,
    mode: Literal["min", "max"] = "min",
) -> Path:
    """Saves a pytree of arrays and typed keys as a step of the directory; returns the step's
    folder.

    metrics  numbers to be kept with it
    keep     delete all steps but the last so many, and the one that `best` names
    best     the metric whose smallest (mode "min") or largest ("max") value makes a step worth
             keeping

    Nothing is deleted before the new step has been read back from the disk. Raises ValueError for a
    step that exists and for leaves that are no arrays, InUse where another process works in the
    directory, and OSError naming the file.
    """
    checks.count("step", step, minimum=0)
    if keep is not None:
        checks.count("keep", keep)
    if mode not in ("min", "max"):
        raise ValueError(f"mode: got {mode!r}, expected 'min' or 'max'.")
    metrics = {name: float(value) for name, value in (metrics or {}).items()}
    if best is not None and best not in metrics:
        raise ValueError(
            f"best: got {best!r}, expected one of the metrics: "
            f"{', '.join(metrics) or 'there are none'}."
        )
    with lock(directory) as locked:
        if (locked / ARGUMENTS).exists():
            raise ValueError(
                f"directory: {directory} belongs to a run, which its steps are kept for; take "
                f"another one."
            )
        folder = commit(locked, step, tree, metrics=metrics)
        if keep is not None:
            prune(locked, step, keep, best, mode)
    return folder


def load(
    directory: str | Path,
    like: PyTree | None = None,
    step: int | None = None,
    *,
    fallback: bool = False,
) -> PyTree:
    """The pytree of a step, the newest by default, in the structure of `like` (arrays, keys or
    ShapeDtypeStructs), or as a dict of arrays by the names of their leaves.

    Raises Damaged, a ValueError that names the file and the leaf, what it is and what was expected,
    for whatever is not exactly what was saved; a ValueError where that is not what `like` asks for;
    FileNotFoundError where there is no checkpoint. With fallback=True the newest intact step is
    taken and a warning says which ones are damaged.
    """
    return stored(directory, step, fallback=fallback).tree(like)


def stored(directory: str | Path, step: int | None = None, *, fallback: bool = False) -> Stored:
    """A step, the newest by default, with its manifest; errors and fallback as in `load`."""
    known = steps(directory)
    if not known or (step is not None and step not in known):
        has = f"it has {', '.join(map(str, known))}" if known else "it has none"
        raise FileNotFoundError(
            f"{directory}: no checkpoint{'' if step is None else f' of step {step}'}; {has}."
        )
    candidates = known[::-1] if step is None else [step]
    refused: list[str] = []
    for candidate in candidates if fallback else candidates[:1]:
        try:
            found = read(folder_of(directory, candidate))
        except Damaged as error:
            refused.append(str(error))
            continue
        if refused:
            warnings.warn(
                f"load: took step {candidate}, since newer ones are damaged. {' '.join(refused)}",
                stacklevel=3,
            )
        return found
    hint = "" if fallback or len(known) == 1 else " fallback=True takes the newest intact step."
    raise Damaged(" ".join(refused) + hint)


def steps(directory: str | Path) -> list[int]:
    """The steps that were saved, in order."""
    names = [path.name.removeprefix(PREFIX) for path in Path(directory).glob(f"{PREFIX}*")]
    return sorted(int(name) for name in names if name.isdecimal())


def commit(
    directory: Path,
    step: int,
    tree: PyTree,
    *,
    metrics: dict[str, float] | None = None,
    about: Any = None,
) -> Path:
    """`save` without its checks, in a directory that is locked; `about` is JSON of what the tree
    belongs to.
    """
    folder = folder_of(directory, step)
    if folder.exists():
        raise ValueError(
            f"step: {folder} exists, expected a new step; delete it or save another one."
        )
    files.commit(folder, packed_step(step, tree, metrics or {}, about or {}))
    return folder


def packed_step(
    step: int, tree: PyTree, metrics: dict[str, float], about: dict[str, Any]
) -> dict[str, bytes]:
    """Return the files of a step."""
    described = leaves(tree)
    arrays = {leaf.name: on_host(leaf, value) for leaf, value in described}
    archive = packed(arrays)
    manifest = Manifest(
        step,
        metrics,
        about,
        [leaf for leaf, _ in described],
        [sum_of(array.tobytes()) for array in arrays.values()],
        sum_of(archive),
        surroundings(),
    )
    return {ARRAYS: archive, MANIFEST: manifest.to_bytes()}


def prune(
    directory: Path, saved: int, keep: int, best: str | None = None, mode: str = "min"
) -> None:
    """Deletes all steps but the last `keep`, the best one and the one just saved, if that can be
    read back.
    """
    known = steps(directory)
    read(folder_of(directory, saved))
    spared = {saved, *known[-keep:]}
    if best is not None:
        spared.add(best_step(directory, known, best, mode))
    for step in known:
        if step not in spared:
            files.remove(folder_of(directory, step))


def best_step(directory: Path, known: Sequence[int], metric: str, mode: str) -> int:
    """The step with the best value of a metric, NaN and a manifest that is damaged being the worst,
    and the later one where two are equal.
    """
    sign = 1.0 if mode == "min" else -1.0

    def value(step: int) -> float:
        try:
            found = sign * read_manifest(folder_of(directory, step)).metrics.get(metric, np.nan)
        except Damaged:
            return np.inf
        return np.inf if np.isnan(found) else found

    return min(reversed(known), key=value)


def read(folder: Path, step: int | None = None) -> Stored:
    """Read manifest and arrays, every sum compared; as in `read_manifest`."""
    manifest = read_manifest(folder, step)
    archive = _content(folder / ARRAYS)
    if sum_of(archive) != manifest.archive_sum:
        raise Damaged(
            f"{folder / ARRAYS}: its SHA-256 is {sum_of(archive)}, expected {manifest.archive_sum}."
        )
    try:
        arrays = unpacked(archive, manifest.leaves)
    except Damaged as error:
        raise Damaged(f"{folder / ARRAYS}: {error}") from error
    for (name, array), expected in zip(arrays.items(), manifest.sums, strict=True):
        if sum_of(array.tobytes()) != expected:
            raise Damaged(
                f"{folder / ARRAYS}: {name} has the SHA-256 {sum_of(array.tobytes())}, expected "
                f"{expected}."
            )
    return Stored(manifest, arrays)


def read_manifest(folder: Path, step: int | None = None) -> Manifest:
    """Read the manifest of a step; Damaged where it is another step's or not what was written.

    step  None: the one that the folder is called by
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.from_bytes(_content(path))
    except Damaged as error:
        raise Damaged(f"{path}: {error}.") from error
    is_named_so = folder.name == folder_of(folder.parent, manifest.step).name
    if manifest.step != step and not (step is None and is_named_so):
        raise Damaged(
            f"{path}: is of step {manifest.step}, but its folder is called {folder.name}."
        )
    return manifest


def folder_of(directory: str | Path, step: int) -> Path:
    """directory/step-00000012"""
    return Path(directory) / f"{PREFIX}{step:08d}"


def _placed(name: str, value: Any, target: Any) -> Any:
    """On the device, unless the target is an array of NumPy; typed keys are there already."""
    if isinstance(target, (np.ndarray, np.generic)) or isinstance(value, jax.Array):
        return value
    if jax.dtypes.canonicalize_dtype(value.dtype) != value.dtype:
        raise ValueError(
            f"{name}: {value.dtype} was saved, which JAX would narrow; enable x64, or take NumPy "
            f"arrays as `like`."
        )
    return jnp.asarray(value)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Damaged(f"{path}: missing.") from error
