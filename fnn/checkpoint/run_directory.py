"""The directory of one call: what it was started with, and the steps that it has saved."""

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
from fnn.checkpoint.manifest import checksum_of, differences, surroundings
from fnn.checkpoint.structure import from_json, structure_of
from fnn.types import PyTree

FORMAT = 4
NAMES = (f"{store.PREFIX}*", store.MANIFEST, store.ARRAYS, "call", "finished", "progress")
CALL = "call"  # the folder with what was called
LINES_SHOWN = 2  # of a program that is not the one it was


class RunDirectory(NamedTuple):
    """A directory of steps; `owner` tells the call, so that no step of another one is taken."""

    path: Path
    owner: str

    def save(
        self,
        step: int,
        tree: PyTree,
        keep: int | None = None,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Save a new step, and keep only the last `keep` of all of them.

        more  JSON of what the step is, beside it
        """
        about = {"owner": self.owner, "structure": structure_of(tree), **more}
        store.commit(self.path, step, tree, about=about)
        if keep is not None:
            store.prune(self.path, step, keep)

    def read(self, step: int) -> store.Stored:
        """Read a step of this call. A damaged one is refused with what can be done."""
        folder = store.folder_of(self.path, step)
        try:
            found = store.read(folder)
        except Damaged as error:
            raise Damaged(
                f"{error} Delete {folder} to go on from what was saved before it."
            ) from error
        if found.manifest.about.get("owner") != self.owner:
            raise ValueError(
                f"checkpoint: {folder} was saved by another run; take another directory."
            )
        return found

    def inner(self, name: str) -> "RunDirectory":
        """Return a directory in this one, of the same call."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        files.sweep(path)
        return RunDirectory(path, self.owner)


class Call(NamedTuple):
    """What was called.

    arguments  names and values, which are JSON, for comparison with those of a later call
    programs   traced programs as texts, for the same
    kind       "run", "sweep" or "function"
    content    what `fnn.load` needs beside the steps
    """

    arguments: Mapping[str, Any]
    programs: Sequence[str]
    kind: str
    content: PyTree


@contextmanager
def run_directory(directory: str | Path, call: Call) -> Iterator[RunDirectory]:
    """Lock the directory of a call.

    The first call writes them down. Later ones that are not the same are refused with a ValueError
    that shows what differs. Another version of JAX, number of cores or device is warned of, since
    the last bits may depend on it.
    """
    content = {
        "format": FORMAT,
        "arguments": json.loads(json.dumps(call.arguments, default=_plain)),
        "programs": list(call.programs),
        "made_by": surroundings(),
    }
    with lock(directory) as path:
        file = path / store.ARGUMENTS
        if file.exists():
            _compare(path, read_arguments(path), content)
            result.save(path / CALL, call.kind, call.content, overwrite=True)  # epochs may be more
        elif other := [name for name in NAMES if list(path.glob(name))]:
            raise ValueError(
                f"checkpoint: {path} has {other[0]} and no {store.ARGUMENTS}, so it is not the "
                "directory of a run; take another directory."
            )
        else:
            text = json.dumps(content | {"checksum": checksum_of(content)}, indent=1)
            result.save(path / CALL, call.kind, call.content, overwrite=True)
            files.replace(file, text.encode())
        yield RunDirectory(path, checksum_of(content["arguments"]))


def read_arguments(directory: Path) -> dict[str, Any]:
    """Read what the call was: "arguments", "programs" and "made_by".

    Raises Damaged where the file is not what was written, ValueError for another format.
    """
    file = directory / store.ARGUMENTS
    try:
        saved = json.loads(file.read_bytes())
        claimed = saved.pop("checksum")
    except (ValueError, KeyError, AttributeError) as error:
        raise Damaged(f"{file}: not what was written: {error!r}.") from error
    if claimed != checksum_of(saved):
        raise Damaged(f"{file}: its checksum is not the one it states.")
    if saved.get("format", 1) != FORMAT:
        raise ValueError(
            f"checkpoint: {directory} was written by another version of fnn, in format "
            f"{saved.get('format', 1)}; this one reads format {FORMAT}. End the run with that "
            "version, or take another directory."
        )
    return saved


def _plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's, for JSON."""
    return value.item() if isinstance(value, np.generic) else repr(value)


def _compare(path: Path, saved: dict[str, Any], now: dict[str, Any]) -> None:
    unlike = differences(saved["arguments"], now["arguments"])
    same_jax = saved["made_by"]["jax"] == now["made_by"]["jax"]
    if not unlike and same_jax:  # the program's text depends on the version
        pairs = zip_longest(saved["programs"], now["programs"], fillvalue="")
        unlike = [_lines(*pair) for pair in pairs if pair[0] != pair[1]]
    if unlike:
        raise ValueError(
            f"checkpoint: {path} belongs to a call with other arguments. {'; '.join(unlike)}. "
            f"Start it with the same ones, or take another directory.{hint_of(saved)}"
        )
    if around := differences(saved["made_by"], now["made_by"]):
        unchecked = "Whether net, loss and optimizer are the same could not be compared."
        warnings.warn(
            f"checkpoint: {path} was begun elsewhere: {'; '.join(around)}. The last bits of the "
            f"result may depend on it.{'' if same_jax else ' ' + unchecked}",
            stacklevel=6,
        )


def hint_of(saved: dict[str, Any]) -> str:
    """Return what else can be done with the directory of a sweep."""
    if saved["arguments"].get("call") != "fnn.sweep":
        return ""
    return " fnn.load of it has a sweep, whose extend() adds seeds and settings."


def _lines(saved: str, now: str) -> str:
    """Return the first lines in which two programs differ."""
    pairs = zip(saved.splitlines(), now.splitlines(), strict=False)
    unlike = [f"{a.strip()} → {b.strip()}" for a, b in pairs if a != b][:LINES_SHOWN]
    shown = " | ".join(unlike or ["one is longer"])
    return f"the program that it runs is not the same; saved → now: {shown}"


def recorded(directory: str | Path | None, call: str, name: str) -> Any:
    """Return an argument of an earlier call of this kind in a directory; None if there was none."""
    if not isinstance(directory, (str, Path)) or directory == "":
        return None
    path = Path(directory)
    if not (path / store.ARGUMENTS).exists():
        return None
    arguments = read_arguments(path)["arguments"]
    return arguments.get(name) if arguments.get("call") == call else None


def saved_steps(directory: Path, name: str) -> Iterator[tuple[PyTree, dict[str, Any]]]:
    """Yield what was saved in a directory within that of a call, the last first.

    Each comes with what was saved beside it.
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
        yield from_json(structure, iter(stored.tree(None).values())), about
