"""Save and load the steps of a directory.

Each step has a folder, such as `step-00000012`, of `arrays.npz` and `manifest.json`. A folder
appears when it is complete and on the disk. Loading executes nothing, compares every byte with the
sums in the manifest and every leaf with the tree that is asked for, and converts nothing.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from fnn import checks
from fnn.checkpoint import files
from fnn.checkpoint.arrays import (
    Damaged,
    Leaf,
    leaves,
    on_device,
    on_host,
    packed,
    restored,
    unpacked,
)
from fnn.checkpoint.lock import lock
from fnn.checkpoint.manifest import Manifest, leaf_differences, sum_of, surroundings
from fnn.types import PyTree

ARRAYS, MANIFEST, PREFIX = "arrays.npz", "manifest.json", "step-"
# The directory of a run has this file too.
ARGUMENTS = "arguments.json"


class Stored(NamedTuple):
    """A step that was read and whose sums were compared; its arrays by the names of the leaves."""

    manifest: Manifest
    arrays: dict[str, np.ndarray]

    def tree(self, like: PyTree | None, *, shapes_as_saved: bool = False) -> PyTree:
        """Return the saved tree.

        like             a tree of arrays, keys or ShapeDtypeStructs, whose structure is returned;
                         NumPy arrays stay NumPy arrays, the others become JAX arrays. None: return
                         a dict of NumPy arrays by name
        shapes_as_saved  accept other shapes than `like` has where its leaves are shapes

        Raises ValueError for leaves that are missing, not expected, or of another shape or dtype,
        and for dtypes that JAX would narrow.
        """
        saved = self.manifest.leaves
        values = {leaf.name: restored(leaf, self.arrays[leaf.name]) for leaf in saved}
        if like is None:
            return values
        if shapes_as_saved:
            like = self._reshaped(like)
        expected = leaves(like)
        asked = [leaf for leaf, _ in expected]
        unlike = leaf_differences(saved, asked)
        if unlike:
            raise ValueError("like: not the tree that was saved. " + "; ".join(unlike))
        placed = [_placed(leaf.name, values[leaf.name], target) for leaf, target in expected]
        structure = jax.tree.structure(like)
        return jax.tree.unflatten(structure, placed)

    def _reshaped(self, like: PyTree) -> PyTree:
        """Return `like` with the saved shapes at the leaves that are shapes."""
        saved = {leaf.name: leaf.shape for leaf in self.manifest.leaves}

        def reshaped(leaf: Leaf, target: Any) -> Any:
            if not isinstance(target, jax.ShapeDtypeStruct) or leaf.key is not None:
                return target
            shape = saved.get(leaf.name, target.shape)
            return jax.ShapeDtypeStruct(shape, target.dtype)

        targets = [reshaped(leaf, target) for leaf, target in leaves(like)]
        structure = jax.tree.structure(like)
        return jax.tree.unflatten(structure, targets)


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
    """Save a pytree as a step of a directory, and return the folder of the step.

    directory  made if it is missing
    step       a number of at least 0 that the directory does not have yet
    tree       a pytree of arrays and typed keys
    metrics    numbers to keep with the step
    keep       how many of the last steps to keep; the one that `best` names is kept too. None: all
    best       the metric by which a step is worth keeping
    mode       "min" where the smallest value of `best` is worth keeping, "max" for the largest

    Nothing is deleted before the new step has been read back from the disk.

    Raises ValueError for a step that exists and for leaves that are no arrays, InUse where another
    process works in the directory, and OSError naming the file.

    >>> import tempfile
    >>> import numpy as np
    >>> from fnn import checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for step in range(3):
    ...         path = checkpoint.save(folder, step, {"W": np.ones((2, 3))}, keep=2)
    ...     path.name, checkpoint.steps(folder)
    ('step-00000002', [1, 2])
    """
    checks.count("step", step, minimum=0)
    if keep is not None:
        checks.count("keep", keep)
    if mode not in ("min", "max"):
        raise ValueError(f"mode: got {mode!r}, expected 'min' or 'max'.")
    metrics = {name: float(value) for name, value in (metrics or {}).items()}
    if best is not None and best not in metrics:
        names = ", ".join(metrics) or "there are none"
        raise ValueError(f"best: got {best!r}, expected one of the metrics: {names}.")
    with lock(directory) as locked:
        if (locked / ARGUMENTS).exists():
            raise ValueError(
                f"directory: {directory} belongs to a run, which its steps are kept for; take "
                "another one."
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
    """Load the pytree of a step.

    like      a tree of arrays, keys or ShapeDtypeStructs, whose structure is returned. None: return
              a dict of arrays by the names of their leaves
    step      its number; None: the newest
    fallback  take the newest intact step where newer ones are damaged, and warn which ones are

    Raises Damaged, a ValueError that names the file, the leaf, what it is and what was expected,
    for bytes that are not exactly those that were saved. Raises ValueError for another tree than
    `like`, and FileNotFoundError where there is no checkpoint.

    >>> import tempfile
    >>> import numpy as np
    >>> from fnn import checkpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = checkpoint.save(folder, 0, {"W": np.zeros((1, 2)), "b": np.ones(2)})
    ...     checkpoint.load(folder)
    {'W': array([[0., 0.]]), 'b': array([1., 1.])}
    """
    return stored(directory, step, fallback=fallback).tree(like)


def stored(directory: str | Path, step: int | None = None, *, fallback: bool = False) -> Stored:
    """Read a step with its manifest. The arguments and the errors are those of `load`."""
    available = steps(directory)
    if not available or (step is not None and step not in available):
        of_step = "" if step is None else f" of step {step}"
        numbers = ", ".join(map(str, available)) or "none"
        raise FileNotFoundError(f"{directory}: no checkpoint{of_step}; it has {numbers}.")
    candidates = [step] if step is not None else available[::-1]
    if not fallback:
        candidates = candidates[:1]
    refusals: list[str] = []
    for candidate in candidates:
        try:
            intact = read(folder_of(directory, candidate))
        except Damaged as error:
            refusals.append(str(error))
            continue
        if refusals:
            checks.warn(
                f"load: took step {candidate}, since newer ones are damaged. {' '.join(refusals)}"
            )
        return intact
    if not fallback and len(available) > 1:
        refusals.append("fallback=True takes the newest intact step.")
    raise Damaged(" ".join(refusals))


def steps(directory: str | Path) -> list[int]:
    """Return the numbers of the saved steps, in order.

    directory  that of `save`; a directory that is missing has none

    >>> from fnn import checkpoint
    >>> checkpoint.steps("no/such/directory")
    []
    """
    paths = Path(directory).glob(f"{PREFIX}*")
    names = [path.name.removeprefix(PREFIX) for path in paths]
    numbers = [int(name) for name in names if name.isdecimal()]
    return sorted(numbers)


def commit(
    directory: Path,
    step: int,
    tree: PyTree,
    *,
    metrics: dict[str, float] | None = None,
    about: Any = None,
) -> Path:
    """Save a step in a directory that is locked, without the checks of `save`.

    about  JSON that is kept in the manifest

    Raises ValueError for a step that exists.
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
    """Return the files of a step by name."""
    described = leaves(tree)
    arrays = {leaf.name: on_host(leaf, value) for leaf, value in described}
    archive = packed(arrays)
    manifest = Manifest(
        step=step,
        metrics=metrics,
        about=about,
        leaves=[leaf for leaf, _ in described],
        sums=[sum_of(array.tobytes()) for array in arrays.values()],
        archive_sum=sum_of(archive),
        made_by=surroundings(),
    )
    return {ARRAYS: archive, MANIFEST: manifest.to_bytes()}


def prune(
    directory: Path, saved: int, keep: int, best: str | None = None, mode: str = "min"
) -> None:
    """Delete all steps but the last `keep`, the best one and the one just saved.

    Raises Damaged, before it deletes anything, where the step just saved cannot be read back.
    """
    available = steps(directory)
    read(folder_of(directory, saved))
    spared = {saved, *available[-keep:]}
    if best is not None:
        spared.add(best_step(directory, available, best, mode))
    for step in available:
        if step not in spared:
            files.remove(folder_of(directory, step))


def best_step(directory: Path, available: Sequence[int], metric: str, mode: str) -> int:
    """Return the step with the best value of a metric, the later one of equals.

    A value that is NaN or missing, or whose manifest is damaged, is the worst.
    """
    sign = 1.0 if mode == "min" else -1.0

    def cost(step: int) -> float:
        try:
            metrics = read_manifest(folder_of(directory, step)).metrics
        except Damaged:
            return np.inf
        value = sign * metrics.get(metric, np.nan)
        if np.isnan(value):
            return np.inf
        return value

    return min(reversed(available), key=cost)


def read(folder: Path, step: int | None = None) -> Stored:
    """Read the manifest and the arrays of a step, and compare every sum.

    step  its number; None: the one in the name of the folder

    Raises Damaged, naming the file, for bytes that are not those that were saved.
    """
    manifest = read_manifest(folder, step)
    path = folder / ARRAYS
    archive = _content(path)
    archive_sum = sum_of(archive)
    if archive_sum != manifest.archive_sum:
        raise Damaged(f"{path}: its SHA-256 is {archive_sum}, expected {manifest.archive_sum}.")
    try:
        arrays = unpacked(archive, manifest.leaves)
    except Damaged as error:
        raise Damaged(f"{path}: {error}") from error
    for (name, array), expected in zip(arrays.items(), manifest.sums, strict=True):
        array_sum = sum_of(array.tobytes())
        if array_sum != expected:
            raise Damaged(f"{path}: {name} has the SHA-256 {array_sum}, expected {expected}.")
    return Stored(manifest, arrays)


def read_manifest(folder: Path, step: int | None = None) -> Manifest:
    """Read the manifest of a step.

    step  its number; None: the one in the name of the folder

    Raises Damaged for the manifest of another step, and for other bytes than were written.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest.from_bytes(_content(path))
    except Damaged as error:
        raise Damaged(f"{path}: {error}.") from error
    if step is None:
        is_expected = folder.name == folder_of(folder.parent, manifest.step).name
    else:
        is_expected = manifest.step == step
    if not is_expected:
        raise Damaged(
            f"{path}: is of step {manifest.step}, but its folder is called {folder.name}."
        )
    return manifest


def folder_of(directory: str | Path, step: int) -> Path:
    """Return the folder of a step, directory/step-00000012."""
    return Path(directory) / f"{PREFIX}{step:08d}"


def _placed(name: str, value: Any, target: Any) -> Any:
    """Return a value as a JAX array, unless the target is a NumPy array. Typed keys are one."""
    if isinstance(target, (np.ndarray, np.generic)) or isinstance(value, jax.Array):
        return value
    return on_device(name, value, alternative=", or take NumPy arrays as `like`")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Damaged(f"{path}: missing.") from error
