"""Keep the directory of one call: how it was started, and the steps that it has saved."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from fnn.checkpoint import files, result, store
from fnn.checkpoint.arrays import Damaged
from fnn.checkpoint.lock import lock
from fnn.checkpoint.manifest import (
    checksum_of,
    differences,
    from_checked_json,
    surroundings,
    to_checked_json,
)
from fnn.checkpoint.structure import from_json, structure_of
from fnn.types import PyTree

FORMAT = 4
# The content and the structure of the call.
CALL = "call"
NAMES = (f"{store.PREFIX}*", store.MANIFEST, store.ARRAYS, CALL, "finished", "progress")
PROGRAM_LINES_SHOWN = 2


class RunDirectory(NamedTuple):
    """A directory of steps.

    path   the directory
    owner  the checksum of the call's arguments; steps with another one are refused
    """

    path: Path
    owner: str

    def save(
        self,
        step: int,
        tree: PyTree,
        keep: int | None = None,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Save a new step.

        keep  how many of the last steps to keep; None: all
        more  JSON that is kept with the step
        """
        about = {"owner": self.owner, "structure": structure_of(tree), **more}
        store.commit(self.path, step, tree, about=about)
        if keep is not None:
            store.prune(self.path, step, keep)

    def read(self, step: int) -> store.Stored:
        """Read a step of this call.

        Raises Damaged for a damaged step, saying what can be done, and ValueError for a step of
        another call.
        """
        folder = store.folder_of(self.path, step)
        try:
            stored = store.read(folder)
        except Damaged as error:
            raise Damaged(
                f"{error} Delete {folder} to go on from what was saved before it."
            ) from error
        if stored.manifest.about.get("owner") != self.owner:
            raise ValueError(
                f"checkpoint: {folder} was saved by another run; take another directory."
            )
        return stored

    def inner(self, name: str) -> "RunDirectory":
        """Return a directory inside this one that belongs to the same call."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        files.remove_leftovers(path)
        return RunDirectory(path, self.owner)


class Call(NamedTuple):
    """The description of a call.

    arguments  JSON by name, to be compared with the arguments of a later call
    programs   the texts of the traced programs, to be compared too
    kind       "run", "sweep", "function" or "race"
    content    a pytree that `fnn.load` needs beside the steps
    """

    arguments: Mapping[str, Any]
    programs: Sequence[str]
    kind: str
    content: PyTree


@contextmanager
def run_directory(directory: str | Path, call: Call) -> Iterator[RunDirectory]:
    """Lock the directory of a call, and yield it.

    The first call writes its description down, and later calls are compared with it. Where the
    version of JAX, the number of cores or the device differs, a warning says so, since the last
    bits of the result may depend on them.

    Raises ValueError for a call with other arguments or another program, showing the differences,
    and for a directory that holds something else.
    """
    content = {
        "format": FORMAT,
        "arguments": json.loads(json.dumps(call.arguments, default=_plain)),
        "programs": list(call.programs),
        "made_by": surroundings(),
    }
    with lock(directory) as path:
        file = path / store.ARGUMENTS
        is_begun = file.exists()
        if is_begun:
            _compare(path, read_arguments(path), content)
        else:
            _check_is_free(path)
        # Saved again by a later call, whose number of epochs may be larger.
        result.save(path / CALL, call.kind, call.content, overwrite=True)
        if not is_begun:
            files.replace(file, to_checked_json(content))
        yield RunDirectory(path, checksum_of(content["arguments"]))


def _check_is_free(path: Path) -> None:
    """Refuse a directory that something else was saved in."""
    for name in NAMES:
        if list(path.glob(name)):
            raise ValueError(
                f"checkpoint: {path} has {name} and no {store.ARGUMENTS}, so it is not the "
                "directory of a run; take another directory."
            )


def read_arguments(directory: Path) -> dict[str, Any]:
    """Read the description of a call: "arguments", "programs" and "made_by".

    Raises Damaged for other bytes than were written, and ValueError for another format.
    """
    file = directory / store.ARGUMENTS
    try:
        saved = from_checked_json(file.read_bytes())
    except Damaged as error:
        raise Damaged(f"{file}: {error}.") from error
    saved_format = saved.get("format", 1)
    if saved_format != FORMAT:
        raise ValueError(
            f"checkpoint: {directory} was written by another version of fnn, in format "
            f"{saved_format}; this one reads format {FORMAT}. End the run with that version, or "
            "take another directory."
        )
    return saved


def _plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's, for JSON; other values as text."""
    if isinstance(value, np.generic):
        return value.item()
    return repr(value)


def _compare(path: Path, saved: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse a call that is not the saved one, and warn of other surroundings."""
    unlike = differences(saved["arguments"], now["arguments"])
    is_same_jax = saved["made_by"]["jax"] == now["made_by"]["jax"]
    # The text of a program depends on the version of JAX.
    if not unlike and is_same_jax:
        pairs = zip_longest(saved["programs"], now["programs"], fillvalue="")
        unlike = [_first_differences(before, after) for before, after in pairs if before != after]
    if unlike:
        raise ValueError(
            f"checkpoint: {path} belongs to a call with other arguments. {'; '.join(unlike)}. "
            f"Start it with the same ones, or take another directory.{hint_of(saved)}"
        )
    moved = differences(saved["made_by"], now["made_by"])
    if moved:
        unchecked = "Whether net, loss and optimizer are the same could not be compared."
        warnings.warn(
            f"checkpoint: {path} was begun elsewhere: {'; '.join(moved)}. The last bits of the "
            f"result may depend on it.{'' if is_same_jax else ' ' + unchecked}",
            stacklevel=6,
        )


def hint_of(saved: dict[str, Any]) -> str:
    """Return a sentence on extending a sweep; "" for the directory of another call."""
    if saved["arguments"].get("call") != "fnn.sweep":
        return ""
    return " fnn.load(directory).extend(seeds=, builder=, dataset=) adds seeds and settings to it."


def _first_differences(saved: str, now: str) -> str:
    """Return the first lines in which two programs differ."""
    unlike = []
    for before, after in zip(saved.splitlines(), now.splitlines(), strict=False):
        if before != after:
            unlike.append(f"{before.strip()} → {after.strip()}")
    shown = " | ".join(unlike[:PROGRAM_LINES_SHOWN]) or "one is longer"
    return f"the program that it runs is not the same; saved → now: {shown}"


def recorded(directory: str | Path | None, call: str, name: str) -> Any:
    """Return an argument of the call that a directory belongs to.

    call  such as "fnn.sweep"
    name  of the argument

    Returns None for a directory without a call, and for one of another call.
    """
    if not isinstance(directory, (str, Path)) or directory == "":
        return None
    path = Path(directory)
    if not (path / store.ARGUMENTS).exists():
        return None
    arguments = read_arguments(path)["arguments"]
    if arguments.get("call") != call:
        return None
    return arguments.get(name)


def saved_steps(directory: Path, name: str) -> Iterator[tuple[PyTree, dict[str, Any]]]:
    """Yield the steps of a directory inside that of a call, the last first.

    Each is a pair of the saved tree and the JSON that was kept with it.

    Raises ValueError for a tree whose structure could not be described.
    """
    for step in reversed(store.steps(directory / name)):
        folder = store.folder_of(directory / name, step)
        stored = store.read(folder)
        about = stored.manifest.about
        structure = about["structure"]
        if structure is None:
            raise ValueError(
                f"path: {folder} holds a pytree that is not of tuples, lists, dicts and "
                "NamedTuples; start the call that made it again, which reads it."
            )
        arrays = iter(stored.tree(None).values())
        yield from_json(structure, arrays), about
