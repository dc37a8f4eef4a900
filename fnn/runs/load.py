"""Read saved results, and the state of a checkpoint directory: `fnn.load`."""

from pathlib import Path
from typing import Any

import jax

from fnn.checkpoint import result
from fnn.checkpoint.run_directory import CALL, read_arguments, saved_steps
from fnn.checkpoint.store import ARGUMENTS
from fnn.data import Encoding
from fnn.runs import sweep_arrays, sweep_function
from fnn.runs.journal import FINISHED, MACHINE, PROGRESS
from fnn.runs.origin import Fingerprint, Origin
from fnn.runs.results import Sweep
from fnn.runs.retraining import Retraining
from fnn.runs.run import Run
from fnn.runs.sweep_collector import Places, SweepCollector
from fnn.runs.train import run_of
from fnn.types import PyTree


def load(path: str | Path) -> Run | Sweep:
    """Load a saved result, or the present state of a checkpoint directory.

    path  a folder that `run.save` or `sweep.save` made, or the checkpoint directory of a call

    Returns a Run or a Sweep. For a checkpoint directory of a run it is the state that was saved
    last; for one of a sweep it has the runs of the finished blocks. A sweep comes without its
    programs and data: where parameters were not kept, `sweep.run` needs builder= and dataset=.
    Nothing in the folder is executed.

    Raises fnn.checkpoint.Damaged if a file was changed after saving, ValueError for another kind of
    folder or another version of the format, and FileNotFoundError if there is no such folder.

    >>> import fnn, tempfile
    >>> xor = fnn.data.load("xor")
    >>> net = fnn.mlp((2, 4, 1))
    >>> loss = fnn.losses.sigmoid_cross_entropy
    >>> adam = fnn.optim.adam(0.1)
    >>> run = fnn.train(net, loss, adam, xor, epochs=30, batch_size=4, progress=False)
    >>> folder = run.save(tempfile.mkdtemp() + "/run")
    >>> fnn.load(folder).final("test_accuracy") == run.final("test_accuracy")
    True
    """
    folder = Path(path)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder; expected one that save() has made.")
    if (folder / ARGUMENTS).exists():
        return load_checkpoint(folder)
    kind, content = result.load(folder)
    if kind == "run":
        saved_origin = content.pop("origin")
        saved_encoding = content.pop("encoding", None)
        origin = saved_origin and origin_of(saved_origin)
        encoding = encoding_of(saved_encoding)
        return Run(**content, origin=origin, encoding=encoding)
    saved_retraining = content.pop("retrain")
    retrain = saved_retraining and Retraining.from_json(saved_retraining)
    encodings = encodings_of(content)
    return Sweep(**content, retrain=retrain, encodings=encodings)


def load_checkpoint(folder: Path) -> Run | Sweep:
    """Load the finished part of the call that a checkpoint directory is of."""
    read_arguments(folder)  # refuses other formats
    kind, content = result.load(folder / CALL)
    if kind == "run":
        return load_run(folder, content)
    if kind == "race":
        raise ValueError(
            f"path: {folder} is part of a race, which goes on by the same call of fnn.race."
        )
    steps = list(saved_steps(folder, FINISHED))
    if not steps:
        raise ValueError(
            f"path: {folder} has no finished block of its sweep yet; load it later, or go on with "
            "the same call."
        )
    groups = len(content["rows"])
    likes: list[PyTree] = [None] * groups
    for step, _ in steps:
        block = step["id"]
        group = int(block["group"])
        likes[group] = jax.tree.map(lambda leaf: leaf[0], step["tree"])
    collectors = {"sweep": sweep_collector, "function": function_collector}
    make_collector = collectors[kind]
    collector = make_collector(content, likes)
    for step, about in steps:
        block = step["id"]
        group = int(block["group"])
        machine = about.get(MACHINE)
        collector.receive(group, block["runs"], step["tree"], machine)
    return collector.sweep


def load_run(folder: Path, content: dict[str, Any]) -> Run:
    """Load the furthest state that was saved of a run."""
    states = []
    for name in (FINISHED, PROGRESS):
        states += [step["tree"] for step, _ in saved_steps(folder, name)]
    if not states:
        raise ValueError(
            f"path: {folder} has nothing saved of its run yet; load it later, or go on with the "
            "same call."
        )
    furthest = max(states, key=lambda state: int(state.epochs))
    trained = int(furthest.epochs)
    epochs = max(content["epochs"], trained)
    origin = origin_of(content["origin"])
    encoding = encoding_of(content.get("encoding"))
    return run_of(furthest, content["seed"], epochs, origin, encoding)


def encoding_of(saved: dict[str, Any] | None) -> Encoding | None:
    """Return the preprocessing that was saved, None if there is none."""
    if saved is None:
        return None
    return Encoding.from_json(saved)


def encodings_of(content: dict[str, Any]) -> list[Encoding]:
    """Take the preprocessing of each split out of `content`.

    Earlier versions of fnn saved the preprocessing of one split.
    """
    saved = content.pop("encodings", None)
    if not saved:
        saved = [content.pop("encoding", None)]
    encodings = []
    for encoding in saved:
        if encoding is not None:
            encodings.append(Encoding.from_json(encoding))
    return encodings


def origin_of(saved: dict[str, Any]) -> Origin:
    """Return the origin of a run from its saved fingerprint."""
    fingerprint = Fingerprint(**saved)
    return Origin(saved=fingerprint)


def sweep_collector(content: dict[str, Any], likes: list[PyTree]) -> SweepCollector:
    """Make a sweep of networks without finished runs, for the blocks of a checkpoint directory.

    likes  of each group, the shapes of one run; None where no block is finished
    """
    saved_retraining = content["retrain"]
    retraining = Retraining.from_json(saved_retraining)
    rows = content["rows"]
    empty = sweep_arrays.empty_sweep(retraining.arguments, rows, likes, retraining)
    empty.encodings = encodings_of(content)
    places = places_in(content, empty)
    return SweepCollector(empty, places, sweep_arrays.put_states)


def function_collector(content: dict[str, Any], likes: list[PyTree]) -> SweepCollector:
    """Make a sweep of a function without finished runs, as `sweep_collector` does."""
    empty = sweep_function.empty_sweep(
        content["settings"], content["seeds"], content["rows"], likes, content["runs_per_vmap"]
    )
    places = places_in(content, empty)
    return SweepCollector(empty, places, sweep_function.put_values)


def places_in(content: dict[str, Any], sweep: Sweep) -> list[Places]:
    """Return the rows and columns of each group. Earlier versions of fnn saved the rows alone."""
    rows = content["rows"]
    columns = content.get("columns")
    if not columns:
        _, runs = sweep.finished.shape
        columns = [range(runs)] * len(rows)
    places = zip(rows, columns, strict=True)
    return list(places)
