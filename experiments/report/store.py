"""Results of experiments, kept under a hash of everything they depend on."""

import ast
import dataclasses
import hashlib
import inspect
import json
import shutil
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import fnn
from experiments.common import draw, save
from experiments.experiment import HERE

LIBRARY = Path(fnn.__file__).parent
NOT_HASHED = {
    "plot",
    "table",
    "QUICK",
    "ALONE",
}  # of an experiment: what reads results, and what is hashed as config
NOT_COMPUTING = {"claims", "common", "experiment"}


class Kept(NamedTuple):
    """An experiment's results as they lie in `folder`; drawings are file names, in the order of
    `plot`.
    """

    name: str
    module: ModuleType
    folder: Path
    results: dict[str, np.ndarray]
    drawings: list[str]
    environment: dict[str, Any]


def kept(module: ModuleType, config: Any, results_folder: Path) -> Kept | None:
    """The results of this experiment with this config, if they are there and nothing that they
    depend on has changed; drawn again where only the drawing has.
    """
    folder = _folder(module, config, results_folder)
    return _read(module, config, folder) if folder.is_dir() else None


def _read(module: ModuleType, config: Any, folder: Path) -> Kept:
    """What lies in a folder, drawn where it is not, or not as it is drawn now."""
    with np.load(folder / "results.npz", allow_pickle=False) as file:
        results = dict(file)
    drawn, stamp = folder / "drawings.json", _stamp(module)
    if not drawn.exists() or json.loads(drawn.read_text())["stamp"] != stamp:
        files = draw(folder, module.plot(results, config))
        drawn.write_text(json.dumps({"stamp": stamp, "files": files}) + "\n")
    environment = json.loads((folder / "env.json").read_text())
    return Kept(
        _name(module), module, folder, results, json.loads(drawn.read_text())["files"], environment
    )


def compute(module: ModuleType, config: Any, results_folder: Path) -> Kept:
    """Runs the experiment and keeps its results; what was begun and not finished is never taken for
    results.
    """
    folder = _folder(module, config, results_folder)
    start = time.perf_counter()
    results = module.run(config)
    begun = folder.with_name(f".{folder.name}")
    shutil.rmtree(begun, ignore_errors=True)
    begun.mkdir(parents=True)
    save(begun, config, results, seconds=time.perf_counter() - start)
    begun.rename(folder)
    return _read(module, config, folder)


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _folder(module: ModuleType, config: Any, results_folder: Path) -> Path:
    return results_folder / f"{_name(module)}-{_key(module, config)}"


def _key(module: ModuleType, config: Any) -> str:
    """A hash of the config, the experiment without what only reads its results, what it shares, the
    library, JAX.
    """
    options = {name: value for name, value in dataclasses.asdict(config).items() if name != "out"}
    own = Path(str(module.__file__))
    parts = [json.dumps(options, sort_keys=True, default=str)]
    parts += [_code(path) for path in (own, *sorted(_shared(own)))]
    parts += [_library(), version("jax"), version("numpy")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


@cache
def _library() -> str:
    """The code of fnn, read once: it is what this process runs, whatever happens to the files
    meanwhile.
    """
    return "\0".join(
        _code(path) for path in sorted(LIBRARY.rglob("*.py")) if path.name != "plot.py"
    )


def _shared(path: Path) -> set[Path]:
    """The modules beside an experiment that it imports, and those that they do, without the ones
    that only judge and save.
    """
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "experiments":
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
            paths = {HERE.parent.joinpath(*name.split(".")).with_suffix(".py") for name in names}
            found |= {each for each in paths if each.exists() and each.stem not in NOT_COMPUTING}
    return found.union(*map(_shared, found))


def _code(path: Path) -> str:
    """The code of a file as a syntax tree, so that comments and layout do not count; without
    docstrings, and without what only reads results.
    """
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not _only_reads(node)]
    for node in ast.walk(tree):
        if (
            isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef))
            and ast.get_docstring(node) is not None
        ):
            del node.body[0]
    return ast.dump(tree)


def _only_reads(node: ast.stmt) -> bool:
    """Whether a statement of a module defines one of NOT_HASHED or the rule of a claim."""
    if isinstance(node, ast.FunctionDef):
        makers = [getattr(decorator, "func", None) for decorator in node.decorator_list]
        return node.name in NOT_HASHED or any(
            getattr(maker, "id", None) == "claim" for maker in makers
        )
    return isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) in NOT_HASHED


def _stamp(module: ModuleType) -> str:
    """A hash of what a drawing depends on besides the results."""
    return hashlib.sha256(
        (inspect.getsource(module) + (LIBRARY / "plot.py").read_text()).encode()
    ).hexdigest()[:12]
