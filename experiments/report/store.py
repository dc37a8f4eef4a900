"""Results of experiments, stored under a hash of everything that they depend on."""

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
from experiments import drawing
from experiments.common import save
from experiments.experiment import HERE
from experiments.report import dark
from experiments.report.dark import draw_both

LIBRARY = Path(fnn.__file__).parent
PLOTTING = (LIBRARY / "plot.py", Path(drawing.__file__), Path(str(dark.__file__)))
NOT_HASHED = {"plot", "table", "QUICK", "ALONE"}
"""Names of an experiment that are not hashed.

The first two only read results. The others are hashed as the config, or do not change results.
"""
NOT_COMPUTING = {"claims", "common", "drawing", "experiment"}


class Kept(NamedTuple):
    """The results of an experiment, as they lie in a folder.

    drawings  file names, in the order of the experiment's `plot`
    """

    name: str
    module: ModuleType
    folder: Path
    results: dict[str, np.ndarray]
    drawings: list[str]
    environment: dict[str, Any]


def kept(module: ModuleType, config: Any, results_folder: Path) -> Kept | None:
    """Return stored results that are still valid, or None.

    They are valid as long as nothing that they depend on has changed. Only the drawings are made
    again if only their code has changed.
    """
    folder = _folder(module, config, results_folder)
    if not folder.is_dir():
        return None
    return _read(module, config, folder)


def _read(module: ModuleType, config: Any, folder: Path) -> Kept:
    """Read results. Draw them if they are not drawn, or if the code of the drawings has changed."""
    with np.load(folder / "results.npz", allow_pickle=False) as file:
        results = dict(file)
    index = folder / "drawings.json"
    stamp = _stamp(module)
    if not index.exists() or json.loads(index.read_text())["stamp"] != stamp:
        files = draw_both(folder, module.plot(results, config))
        index.write_text(json.dumps({"stamp": stamp, "files": files}) + "\n")
    return Kept(
        name=_name(module),
        module=module,
        folder=folder,
        results=results,
        drawings=json.loads(index.read_text())["files"],
        environment=json.loads((folder / "env.json").read_text()),
    )


def compute(module: ModuleType, config: Any, results_folder: Path) -> Kept:
    """Run the experiment and store its results.

    They are written into another folder first, so that an interrupted run leaves no results.
    """
    folder = _folder(module, config, results_folder)
    start = time.perf_counter()
    results = module.run(config)
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    save(unfinished, config, results, seconds=time.perf_counter() - start)
    unfinished.rename(folder)
    return _read(module, config, folder)


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _folder(module: ModuleType, config: Any, results_folder: Path) -> Path:
    return results_folder / f"{_name(module)}-{_key(module, config)}"


def _key(module: ModuleType, config: Any) -> str:
    """Return a hash of the config, the code that computes, fnn, JAX and NumPy."""
    options = dataclasses.asdict(config)
    options.pop("out", None)
    experiment = Path(str(module.__file__))
    parts = [json.dumps(options, sort_keys=True, default=str)]
    for path in (experiment, *sorted(_imported(experiment))):
        parts.append(_code(path))
    parts += [_library(), version("jax"), version("numpy")]
    return _hash("\0".join(parts))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def _library() -> str:
    """Return the code of fnn, without plot.py.

    It is read once, since this process runs that code even if the files change meanwhile.
    """
    paths = [path for path in sorted(LIBRARY.rglob("*.py")) if path.name != "plot.py"]
    return "\0".join(_code(path) for path in paths)


def _imported(path: Path) -> set[Path]:
    """Return the modules of experiments that a file imports, directly or through others.

    Modules that only judge, draw or save are left out.
    """
    modules = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            modules |= _modules_of(node)
    return modules.union(*map(_imported, modules))


def _modules_of(node: ast.ImportFrom) -> set[Path]:
    """Return the computing modules of experiments that one import names."""
    package = node.module or ""
    if package.split(".")[0] != "experiments":
        return set()
    names = [package, *(f"{package}.{alias.name}" for alias in node.names)]
    modules = set()
    for name in names:
        path = HERE.parent.joinpath(*name.split(".")).with_suffix(".py")
        if path.exists() and path.stem not in NOT_COMPUTING:
            modules.add(path)
    return modules


def _code(path: Path) -> str:
    """Return the code of a file as a syntax tree, so that comments and layout do not count.

    Docstrings and statements that only read results are left out.
    """
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not _only_reads(node)]
    documented = (ast.Module, ast.FunctionDef, ast.ClassDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def _only_reads(node: ast.stmt) -> bool:
    """Return whether a statement defines a name of NOT_HASHED."""
    if isinstance(node, ast.Assign):
        return getattr(node.targets[0], "id", None) in NOT_HASHED
    return isinstance(node, ast.FunctionDef) and node.name in NOT_HASHED


def _stamp(module: ModuleType) -> str:
    """Return a hash of the code that draws results."""
    plotting = [path.read_text() for path in PLOTTING]
    return _hash("".join([inspect.getsource(module), *plotting]))
