"""The directory of one run: what it was started with, and what it has come to."""

import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

from fnn.checkpoint import files, store
from fnn.checkpoint.arrays import Damaged
from fnn.checkpoint.lock import lock
from fnn.checkpoint.manifest import differences, sum_of, surroundings
from fnn.types import PyTree

LINES_SHOWN = 2  # of a program that is not the one it was


class RunDirectory(NamedTuple):
    """`owner` tells the run, so that a step of another one is not taken for its own."""

    path: Path
    owner: str

    def save(self, step: int, tree: PyTree, keep: int | None = None) -> None:
        """A new step, and of the earlier ones only the last `keep` with it."""
        store.commit(self.path, step, tree, about={"owner": self.owner})
        if keep is not None:
            store.prune(self.path, step, keep)

    def newest(self, like: PyTree) -> PyTree | None:
        """The newest step; None if there is none."""
        known = store.steps(self.path)
        return self.read(known[-1]).tree(like) if known else None

    def read(self, step: int) -> store.Stored:
        """A step of this run. A damaged one is refused with what can be done."""
        folder = store.folder_of(self.path, step)
        try:
            found = store.read(folder)
        except Damaged as error:
            raise Damaged(f"{error} Delete {folder} to go on from what was saved before it.") from error
        if found.manifest.about != {"owner": self.owner}:
            raise ValueError(f"checkpoint: {folder} was saved by another run; take another directory.")
        return found

    def inner(self, name: str) -> "RunDirectory":
        """A directory in this one, of the same run."""
        path = self.path / name
        path.mkdir(exist_ok=True)
        files.sweep(path)
        return RunDirectory(path, self.owner)


@contextmanager
def run_directory(
    directory: str | Path, arguments: Mapping[str, Any], programs: Sequence[str]
) -> Iterator[RunDirectory]:
    """The directory, locked, of the run with these arguments, which are JSON, and traced programs.

    The first time they are written down. Later ones that are not the same are refused with a ValueError that shows
    what differs; another version of JAX, number of cores or device is warned of, since the last bits may depend on it.
    """
    mine = {
        "arguments": json.loads(json.dumps(arguments, default=_plain)),
        "programs": list(programs),
        "made_by": surroundings(),
    }
    with lock(directory) as path:
        file = path / store.ARGUMENTS
        if file.exists():
            _compare(path, _read(file), mine)
        elif known := store.steps(path):
            raise ValueError(
                f"checkpoint: {path} has steps ({known[0]}, …) and no {store.ARGUMENTS}, so they are not those of a "
                "run; take another directory."
            )
        else:
            files.replace(file, json.dumps(mine | {"checksum": _checksum(mine)}, indent=1).encode())
        yield RunDirectory(path, _checksum(mine["arguments"]))


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    return value.item() if isinstance(value, np.generic) else repr(value)


def fingerprint(array: np.ndarray) -> str:
    """Shape, dtype and the beginning of the SHA-256 of the numbers."""
    return f"{array.dtype} {array.shape} {sum_of(np.ascontiguousarray(array).tobytes())[:16]}"


def text_of(traced: Any) -> str:
    """A traced program: its operations and numbers, and the sums of its constant arrays. (What a callback to Python
    would do is not in it.)"""
    constants = "\n".join(f"constant {fingerprint(_numbers(value))}" for value in constants_of(traced.jaxpr))
    return address_free(f"{traced.jaxpr.pretty_print(use_color=False)}\n{constants}")


def constants_of(program: ClosedJaxpr) -> Iterator[Any]:
    """The arrays that a program closes over, those of the programs in it included."""
    yield from program.consts
    for inner in _inner(program.jaxpr):
        yield from constants_of(inner)


def _inner(program: Jaxpr) -> Iterator[ClosedJaxpr]:
    for equation in program.eqns:
        for parameter in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_program):
            if isinstance(parameter, ClosedJaxpr):
                yield parameter
            elif isinstance(parameter, Jaxpr):
                yield from _inner(parameter)


def _is_program(value: Any) -> bool:
    return isinstance(value, (ClosedJaxpr, Jaxpr))


def _numbers(value: Any) -> np.ndarray:
    is_key = isinstance(value, jax.Array) and jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(value) if is_key else value)


def address_free(text: str) -> str:
    """Without the addresses in memory that Python prints of functions."""
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def _read(file: Path) -> dict[str, Any]:
    try:
        saved = json.loads(file.read_bytes())
        claimed = saved.pop("checksum")
    except (ValueError, KeyError, AttributeError) as error:
        raise Damaged(f"{file}: not what was written: {error!r}.") from error
    if claimed != _checksum(saved):
        raise Damaged(f"{file}: its checksum is not the one it states.")
    return saved


def _compare(path: Path, saved: dict[str, Any], mine: dict[str, Any]) -> None:
    found = differences(saved["arguments"], mine["arguments"])
    same_jax = saved["made_by"]["jax"] == mine["made_by"]["jax"]
    if not found and same_jax:  # the program's text depends on the version
        pairs = zip_longest(saved["programs"], mine["programs"], fillvalue="")
        found = [_lines(*pair) for pair in pairs if pair[0] != pair[1]]
    if found:
        raise ValueError(
            f"checkpoint: {path} belongs to a run with other arguments. {'; '.join(found)}. Start it with the same "
            "ones, or take another directory."
        )
    if around := differences(saved["made_by"], mine["made_by"]):
        unchecked = "" if same_jax else " Whether net, loss and optimizer are the same could not be compared."
        warnings.warn(
            f"checkpoint: {path} was begun elsewhere: {'; '.join(around)}. The last bits of the result may depend on "
            f"it.{unchecked}",
            stacklevel=6,
        )


def _lines(saved: str, now: str) -> str:
    """The first lines in which two programs differ."""
    pairs = zip(saved.splitlines(), now.splitlines(), strict=False)
    unlike = [f"{a.strip()} → {b.strip()}" for a, b in pairs if a != b][:LINES_SHOWN] or ["one is longer"]
    return f"net, loss or optimizer is not the same; in the program, saved → now: {' | '.join(unlike)}"


def _checksum(content: Any) -> str:
    return sum_of(json.dumps(content, sort_keys=True).encode())
