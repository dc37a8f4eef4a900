"""What stands beside the arrays of a checkpoint: what they are, by whom they were made, and sums to
know them by.
"""

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple, Self

import jax

from fnn.checkpoint.arrays import Damaged, Leaf

FORMAT = 1
SHOWN = 6  # differences


class Manifest(NamedTuple):
    """step, metrics and about come from the caller; the sums are SHA-256 of each array's bytes and
    of the archive.
    """

    step: int
    metrics: dict[str, float]
    about: dict[str, Any]
    leaves: list[Leaf]
    sums: list[str]
    archive_sum: str
    made_by: dict[str, Any]

    def to_bytes(self) -> bytes:
        """JSON, with a sum of its own over the rest."""
        content = (
            {"format": FORMAT}
            | self._asdict()
            | {"leaves": [leaf._asdict() for leaf in self.leaves]}
        )
        return json.dumps(content | {"checksum": checksum_of(content)}, indent=1).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> Self:
        """Damaged for anything but what `to_bytes` made, and for another format version."""
        try:
            content = json.loads(text)
            claimed = content.pop("checksum")
            number = content.pop("format")
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            raise Damaged(f"not a manifest: {error!r}") from error
        if claimed != checksum_of({"format": number} | content):
            raise Damaged(f"its checksum is not the one it states, {claimed}")
        if number != FORMAT:
            raise Damaged(
                f"format {number}, expected {FORMAT}: it was written by another version of fnn"
            )
        leaves = [
            Leaf(leaf["name"], tuple(leaf["shape"]), leaf["dtype"], leaf["key"])
            for leaf in content["leaves"]
        ]
        manifest = cls(**content | {"leaves": leaves})
        if manifest.to_bytes() != text:  # a blank for another says the same and was not written
            raise Damaged("it is not byte for byte what was written")
        return manifest


def surroundings() -> dict[str, Any]:
    """What the last bits of a result may depend on."""
    return {
        **{package: version(package) for package in ("fnn", "jax", "jaxlib")},
        "python": platform.python_version(),
        "cpu_count": os.cpu_count(),
        "device_kind": jax.devices()[0].device_kind,
        "key_impl": str(jax.random.key_impl(jax.random.key(0))),
    }


def sum_of(content: bytes | memoryview) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def differences(saved: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """name: saved …, now …, for the names whose value is not the same; arrays of other numbers by
    their names alone.
    """
    unlike = [
        name for name in dict.fromkeys([*saved, *asked]) if saved.get(name) != asked.get(name)
    ]
    arrays = [
        name for name in unlike if _shape(saved.get(name)) == _shape(asked.get(name)) is not None
    ]
    found = [
        f"{name}: saved {saved.get(name)!r}, now {asked.get(name)!r}"
        for name in unlike
        if name not in arrays
    ]
    if arrays:
        found.insert(0, f"other numbers in {', '.join(arrays)}")
    rest = len(found) - SHOWN
    return [*found[:SHOWN], f"and {rest} more"] if rest > 0 else found


def _shape(value: Any) -> str | None:
    """dtype and shape in the fingerprint of an array: "float32 (2, 3)"; None of anything else."""
    found = re.fullmatch(r"(\w+ \(.*\)) [0-9a-f]{16}", value) if isinstance(value, str) else None
    return found[1] if found else None


def leaf_differences(saved: Sequence[Leaf], asked: Sequence[Leaf]) -> list[str]:
    """Where a tree is not the one that was saved: missing and extra leaves, shapes, dtypes."""
    here, there = ({leaf.name: str(leaf) for leaf in leaves} for leaves in (saved, asked))
    return differences(here, there)


def checksum_of(content: Any) -> str:
    """SHA-256 of the content as JSON, its names sorted."""
    return sum_of(json.dumps(content, sort_keys=True).encode())
