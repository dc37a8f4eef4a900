"""What the last bits of a result depend on, of the machine that computes it."""

import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fnn.checkpoint.manifest import surroundings
from fnn.devices import usable_cores

CPU_INFO = Path("/proc/cpuinfo")
VECTORS = tuple("sse4 avx fma amx asimd sve".split())
"""Beginnings of the names of features by which XLA chooses instructions."""


@cache
def machine() -> dict[str, Any]:
    """Return versions, device, CPU features, cores and XLA flags of this process."""
    return surroundings() | {
        "cpu_count": usable_cores(),
        "cpu": cpu_features(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
    }


def cpu_features() -> str:
    """Return the kind of processor and its vector instructions, where the system tells them."""
    kind = platform.machine()
    if not CPU_INFO.is_file():
        return f"{kind} {platform.processor()}".strip()
    lines = CPU_INFO.read_text(errors="replace").splitlines()
    told = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    features = sorted(each for each in set(told.split()) if each.startswith(VECTORS))
    return " ".join([kind, *features])


def unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Return in words in what two machines differ; "" where they do not."""
    names = [name for name in one if one[name] != other.get(name)]
    return "; ".join(f"{name} {one[name]!r} and {other.get(name)!r}" for name in names)
