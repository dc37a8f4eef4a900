"""The parts that all experiments share: their options, and how results are saved."""

import dataclasses
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np
from matplotlib.animation import Animation, PillowWriter
from matplotlib.figure import Figure

from fnn.devices import usable_cores

Results: TypeAlias = dict[str, np.ndarray]
"""What an experiment's `run` returns: the name of each array -> the array."""
Figures: TypeAlias = dict[str, Figure]
Drawings: TypeAlias = Mapping[str, Figure | Animation]
PACKAGES = ("fnn", "jax", "jaxlib", "optax", "numpy")
FLAGS = ("XLA_FLAGS", "JAX_PLATFORMS")


@dataclasses.dataclass(frozen=True)
class Common:
    """Options of every experiment."""

    quick: bool = False
    """A small version that runs in seconds; other options still apply on top."""
    out: Path = Path("runs")
    """Folder for results; each run makes one of its own in it."""


def result_folder(out: Path, name: str) -> Path:
    """Make a new folder out/name/<date>-<time> and return it."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    suffixes = ["", *(f"-{number}" for number in range(2, 100))]
    for suffix in suffixes:
        folder = out / name / f"{stamp}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{out / name}: got a hundred runs in one second, expected fewer.")


def save(folder: Path, config: Any, results: Mapping[str, np.ndarray], *, seconds: float) -> None:
    """Write config.json, results.npz and env.json.

    seconds  that `run` took
    """
    options = dataclasses.asdict(config)
    described = environment() | {"seconds": seconds}
    (folder / "config.json").write_text(json.dumps(options, indent=2, default=str) + "\n")
    np.savez_compressed(folder / "results.npz", **dict(results), allow_pickle=False)
    (folder / "env.json").write_text(json.dumps(described, indent=2) + "\n")


def draw(folder: Path, drawings: Drawings) -> list[str]:
    """Save each figure as png and each animation as gif, and return the names of the files."""
    files = []
    for name, drawing in drawings.items():
        if isinstance(drawing, Figure):
            file = f"{name}.png"
            drawing.savefig(folder / file)
        else:
            file = f"{name}.gif"
            drawing.save(folder / file, writer=PillowWriter(fps=12))
        files.append(file)
    return files


def environment() -> dict[str, Any]:
    """Return everything that a number depends on besides the code and the configuration."""
    devices = jax.devices()
    return {
        "command": " ".join(sys.orig_argv),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version(name) for name in PACKAGES},
        "commit": _commit(),
        "devices": [f"{device.platform}: {device.device_kind}" for device in devices],
        "cores": usable_cores(),
        "prng": str(jax.random.key_impl(jax.random.key(0))),
        "x64": jax.dtypes.canonicalize_dtype(float) == np.float64,
        "flags": {name: os.environ[name] for name in FLAGS if name in os.environ},
    }


def _commit() -> str | None:
    """Return the commit of this checkout, with "+" if it has changes. Return None outside one."""
    try:
        commit = _git("rev-parse", "HEAD")
        changes = _git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.strip() + ("+" if changes else "")


def _git(*arguments: str) -> str:
    """Run a command of git in the folder of this file, and return its output."""
    folder = Path(__file__).parent
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
