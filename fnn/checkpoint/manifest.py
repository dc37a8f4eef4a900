"""Describe the arrays of a checkpoint, and keep the sums by which they are recognised."""

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
DIFFERENCES_SHOWN = 6


class Manifest(NamedTuple):
    """The description of a step.

    step         its number
    metrics      numbers that the caller keeps with it
    about        JSON that the caller keeps with it
    leaves       a description of each array
    sums         the SHA-256 of the bytes of each array
    archive_sum  the SHA-256 of the archive
    made_by      the versions and the machine: see `surroundings`
    """

    step: int
    metrics: dict[str, float]
    about: dict[str, Any]
    leaves: list[Leaf]
    sums: list[str]
    archive_sum: str
    made_by: dict[str, Any]

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON with a checksum of its own."""
        content: dict[str, Any] = {"format": FORMAT} | self._asdict()
        content["leaves"] = [leaf._asdict() for leaf in self.leaves]
        return to_checked_json(content)

    @classmethod
    def from_bytes(cls, text: bytes) -> Self:
        """Make a manifest from the bytes of `to_bytes`.

        Raises Damaged for other bytes, and for another format version.
        """
        content = from_checked_json(text)
        number = content.pop("format", None)
        if number != FORMAT:
            raise Damaged(
                f"format {number}, expected {FORMAT}: it was written by another version of fnn"
            )
        leaves = [
            Leaf(leaf["name"], tuple(leaf["shape"]), leaf["dtype"], leaf["key"])
            for leaf in content["leaves"]
        ]
        manifest = cls(**content | {"leaves": leaves})
        # A changed blank leaves the JSON equal, but it was not written.
        if manifest.to_bytes() != text:
            raise Damaged("it is not byte for byte what was written")
        return manifest


def surroundings() -> dict[str, Any]:
    """Return everything outside the call that the last bits of a result may depend on."""
    versions = {package: version(package) for package in ("fnn", "jax", "jaxlib")}
    return {
        **versions,
        "python": platform.python_version(),
        "cpu_count": os.cpu_count(),
        "device_kind": jax.devices()[0].device_kind,
        "key_impl": str(jax.random.key_impl(jax.random.key(0))),
    }


# --------------------------------------------------------------------------------------- checksums


def sum_of(content: bytes | memoryview) -> str:
    """Return the SHA-256 of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def checksum_of(content: Any) -> str:
    """Return the SHA-256 of content as JSON, its names sorted."""
    return sum_of(json.dumps(content, sort_keys=True).encode())


def to_checked_json(content: Mapping[str, Any]) -> bytes:
    """Return content as JSON with a checksum over the rest."""
    checksum = checksum_of(content)
    return json.dumps({**content, "checksum": checksum}, indent=1).encode()


def from_checked_json(text: bytes) -> dict[str, Any]:
    """Return the content of `to_checked_json`.

    Raises Damaged for text without a checksum, and for another checksum than the content has.
    """
    try:
        content = json.loads(text)
        claimed = content.pop("checksum")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise Damaged(f"not what was written: {error!r}") from error
    if claimed != checksum_of(content):
        raise Damaged(f"its checksum is not the one it states, {claimed}")
    return content


# ------------------------------------------------------------------------------------- comparisons


def differences(saved: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """Return a line "name: saved …, now …" for each name whose values differ.

    Arrays of the same shape and dtype whose numbers differ share one line with their names alone.
    """
    names = dict.fromkeys([*saved, *asked])
    unlike = [name for name in names if saved.get(name) != asked.get(name)]
    arrays = []
    lines = []
    for name in unlike:
        before = saved.get(name)
        now = asked.get(name)
        shape = _shape(before)
        if shape is not None and shape == _shape(now):
            arrays.append(name)
        else:
            lines.append(f"{name}: saved {before!r}, now {now!r}")
    if arrays:
        lines.insert(0, f"other numbers in {', '.join(arrays)}")
    rest = len(lines) - DIFFERENCES_SHOWN
    if rest > 0:
        return [*lines[:DIFFERENCES_SHOWN], f"and {rest} more"]
    return lines


def _shape(value: Any) -> str | None:
    """Return dtype and shape from the fingerprint of an array, such as "float32 (2, 3)".

    Returns None for everything else.
    """
    if not isinstance(value, str):
        return None
    match = re.fullmatch(r"(\w+ \(.*\)) [0-9a-f]{16}", value)
    if match is None:
        return None
    return match[1]


def leaf_differences(saved: Sequence[Leaf], asked: Sequence[Leaf]) -> list[str]:
    """Return where a tree differs from the saved one: missing and extra leaves, shapes, dtypes."""
    saved_texts = {leaf.name: str(leaf) for leaf in saved}
    asked_texts = {leaf.name: str(leaf) for leaf in asked}
    return differences(saved_texts, asked_texts)
