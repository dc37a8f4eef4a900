"""`fnn.load`: results that were saved, and what a checkpoint directory has."""

from pathlib import Path
from typing import Any

import jax

from fnn.checkpoint import result
from fnn.checkpoint.run_directory import CALL, read_arguments, saved_steps
from fnn.checkpoint.store import ARGUMENTS
from fnn.data import Encoding
from fnn.runs import sweep_arrays
from fnn.runs import sweep_function as function_door
from fnn.runs.journal import FINISHED, MACHINE, PROGRESS
from fnn.runs.origin import Fingerprint, Origin
from fnn.runs.results import Sweep
from fnn.runs.retraining import Retraining
from fnn.runs.run import Run
from fnn.runs.sweep_collector import Places, SweepCollector
from fnn.runs.train import run_of
from fnn.types import PyTree


def load(path: str | Path) -> Run | Sweep:
    """Load what `run.save` or `sweep.save` has saved, or what a checkpoint directory has so far.

    A run in a checkpoint directory is the last that was saved of it; a sweep has the runs of the
    finished blocks. Nothing in the folder is executed. A sweep comes without its programs and data:
    `sweep.run` takes builder= and dataset= where parameters were not kept.

    Raises fnn.checkpoint.Damaged where it is not what was saved, ValueError for another kind of
    folder or another version of the format, FileNotFoundError where there is none.
    """
    folder = Path(path)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder; expected one that save() has made.")
    if (folder / ARGUMENTS).exists():
        return load_checkpoint(folder)
    kind, content = result.load(folder)
    if kind == "run":
        origin = content.pop("origin")
        encoding = encoding_of(content.pop("encoding", None))
        return Run(**content, origin=origin and origin_of(origin), encoding=encoding)
    retrain, encodings = content.pop("retrain"), encodings_of(content)
    retrain = retrain and Retraining.from_json(retrain)
    return Sweep(**content, retrain=retrain, encodings=encodings)


def load_checkpoint(folder: Path) -> Run | Sweep:
    """Load what the directory of a call has so far."""
    read_arguments(folder)  # refuses other formats
    kind, content = result.load(folder / CALL)
    if kind == "run":
        return load_run(folder, content)
    blocks = list(saved_steps(folder, FINISHED))
    if not blocks:
        raise ValueError(f"path: {folder} has no finished block of its sweep yet.")
    likes: list[PyTree] = [None] * len(content["rows"])
    for block, _ in blocks:
        likes[int(block["id"]["group"])] = jax.tree.map(lambda leaf: leaf[0], block["tree"])
    make = {"sweep": load_sweep, "function": load_function}[kind]
    collector = make(content, likes)
    for block, about in blocks:
        group, numbers = int(block["id"]["group"]), block["id"]["runs"]
        collector.receive(group, numbers, block["tree"], about.get(MACHINE))
    return collector.sweep


def encoding_of(saved: dict[str, Any] | None) -> Encoding | None:
    """Return the preprocessing, as it was saved."""
    return None if saved is None else Encoding.from_json(saved)


def encodings_of(content: dict[str, Any]) -> list[Encoding]:
    """Take out the preprocessing of each split; earlier versions saved that of one."""
    saved = content.pop("encodings", None) or [content.pop("encoding", None)]
    return [Encoding.from_json(each) for each in saved if each is not None]


def origin_of(saved: dict[str, Any]) -> Origin:
    """Return what tells the call of a run, as it was saved."""
    return Origin(saved=Fingerprint(**saved))


def load_run(folder: Path, content: dict[str, Any]) -> Run:
    """Load the furthest state that was saved of a run."""
    saved = [b["tree"] for name in (FINISHED, PROGRESS) for b, _ in saved_steps(folder, name)]
    if not saved:
        raise ValueError(f"path: {folder} has nothing saved of its run yet.")
    furthest = max(saved, key=lambda state: int(state.epochs))
    epochs = max(content["epochs"], int(furthest.epochs))
    encoding = encoding_of(content.get("encoding"))
    return run_of(furthest, content["seed"], epochs, origin_of(content["origin"]), encoding)


def load_sweep(content: dict[str, Any], likes: list[PyTree]) -> SweepCollector:
    """Make an empty sweep of a checkpoint directory."""
    retraining = Retraining.from_json(content["retrain"])
    empty = sweep_arrays.empty_sweep(retraining.arguments, content["rows"], likes, retraining)
    empty.encodings = encodings_of(content)
    return SweepCollector(empty, places_in(content, empty), sweep_arrays.put_states)


def places_in(content: dict[str, Any], sweep: Sweep) -> list[Places]:
    """Return the rows and columns of each group; earlier versions saved the rows alone."""
    rows = content["rows"]
    columns = content.get("columns") or [range(sweep.finished.shape[1])] * len(rows)
    return list(zip(rows, columns, strict=True))


def load_function(content: dict[str, Any], likes: list[PyTree]) -> SweepCollector:
    """Make an empty sweep of a function of a checkpoint directory."""
    rows, per_vmap = content["rows"], content["runs_per_vmap"]
    empty = function_door.empty_sweep(content["settings"], content["seeds"], rows, likes, per_vmap)
    return SweepCollector(empty, places_in(content, empty), function_door.put_values)
