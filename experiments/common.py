"""What every experiment shares: its options, and where its results go."""

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
from typing import Any

import jax
import numpy as np
from matplotlib.animation import Animation, PillowWriter
from matplotlib.figure import Figure

from fnn.devices import usable_cores


@dataclasses.dataclass(frozen=True)
class Common:
    """Options of every experiment."""

    quick: bool = False
    """A small version that runs in seconds; other options still apply on top."""
    out: Path = Path("runs")
    """Folder for results; each run makes one of its own in it."""


def result_folder(out: Path, name: str) -> Path:
    """A new folder out/name/<date>-<time>."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for suffix in ("", *(f"-{i}" for i in range(2, 100))):
        folder = out / name / f"{stamp}{suffix}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{out / name}: a hundred runs in one second.")


Drawings = Mapping[str, Figure | Animation]


def save(folder: Path, config: Any, results: Mapping[str, np.ndarray], *, seconds: float) -> None:
    """config.json, results.npz and env.json, with the seconds that `run` took."""
    (folder / "config.json").write_text(
        json.dumps(dataclasses.asdict(config), indent=2, default=str) + "\n"
    )
    np.savez_compressed(folder / "results.npz", **dict(results), allow_pickle=False)
    (folder / "env.json").write_text(
        json.dumps(environment() | {"seconds": seconds}, indent=2) + "\n"
    )


def draw(folder: Path, drawings: Drawings) -> list[str]:
    """Each drawing under its name, figures as png, animations as gif; the names of the files."""
    files = [
        f"{name}.png" if isinstance(drawing, Figure) else f"{name}.gif"
        for name, drawing in drawings.items()
    ]
    for file, drawing in zip(files, drawings.values(), strict=True):
        if isinstance(drawing, Figure):
            drawing.savefig(folder / file)
        else:
            drawing.save(folder / file, writer=PillowWriter(fps=12))
    return files


def environment() -> dict[str, Any]:
    """What a number depends on besides the code and the configuration."""
    devices = jax.devices()
    return {
        "command": " ".join(sys.orig_argv),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: version(name) for name in ("fnn", "jax", "jaxlib", "optax", "numpy")},
        "commit": _commit(),
        "devices": [f"{device.platform}: {device.device_kind}" for device in devices],
        "cores": usable_cores(),
        "prng": str(jax.random.key_impl(jax.random.key(0))),
        "x64": jax.dtypes.canonicalize_dtype(float) == np.float64,
        "flags": {
            name: os.environ[name] for name in ("XLA_FLAGS", "JAX_PLATFORMS") if name in os.environ
        },
    }


def _commit() -> str | None:
    """The commit of the checkout this file lies in, with "+" where it has changes; None outside
    one.
    """
    here = Path(__file__).parent
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        )
        changes = subprocess.run(
            ["git", "status", "--porcelain"], cwd=here, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+" if changes.stdout else "")
