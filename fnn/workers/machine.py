"""A description of the machine, as far as the last bits of a result depend on it."""

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
"""Beginnings of the names of those CPU features by which XLA chooses instructions."""


@cache
def machine() -> dict[str, Any]:
    """Return versions, device, CPU features, cores and XLA flags of this process."""
    description = surroundings()
    description["cpu_count"] = usable_cores()
    description["cpu"] = cpu_features()
    description["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "")
    return description


def cpu_features() -> str:
    """Return the kind of processor and, if the system lists them, its vector instructions."""
    kind = platform.machine()
    if not CPU_INFO.is_file():
        return f"{kind} {platform.processor()}".strip()
    features: set[str] = set()
    for line in CPU_INFO.read_text(errors="replace").splitlines():
        if line.lower().startswith(("flags", "features")):
            features = set(line.split())
            break
    vectors = [feature for feature in features if feature.startswith(VECTORS)]
    return " ".join([kind, *sorted(vectors)])


def unlike(one: Mapping[str, Any], another: Mapping[str, Any]) -> str:
    """Say in which entries two machines differ. Return "" if they do not."""
    differences = []
    for name, value in one.items():
        if value != another.get(name):
            differences.append(f"{name} {value!r} and {another.get(name)!r}")
    return "; ".join(differences)
