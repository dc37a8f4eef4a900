"""Arrays as one compressed text, which a browser unpacks."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

MISSING = 65535
"""Stands for NaN among whole numbers of 16 bits."""


def pack(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], str]:
    """Return where each array lies, and the bytes of all: deflated, then in base64.

    Every array begins at a multiple of 8 bytes, so that the browser can view it in place.
    """
    layout: dict[str, Any] = {}
    content = bytearray()
    for name, array in arrays.items():
        content += bytes(-len(content) % 8)
        layout[name] = {"dtype": array.dtype.name, "shape": array.shape, "start": len(content)}
        content += np.ascontiguousarray(array).tobytes()
    compressed = zlib.compress(bytes(content), 6)
    return layout, base64.b64encode(compressed).decode()


def quantized(values: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Return values as whole numbers of 16 bits, and how they become numbers again.

    Values that are all positive are spaced by their logarithm, so that small losses keep three
    digits beside large ones.
    """
    finite = values[np.isfinite(values)]
    is_logarithmic = finite.size > 0 and bool(finite.min() > 0)
    scaled = (
        np.log(values, where=np.isfinite(values), out=np.full(values.shape, np.nan))
        if (is_logarithmic)
        else values.astype(float)
    )
    inside = scaled[np.isfinite(scaled)]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 1.0)
    step = (high - low) / (MISSING - 1) or 1.0
    whole = np.round((scaled - low) / step)
    codes = np.where(np.isfinite(whole), whole, MISSING).astype(np.uint16)
    return codes, {"low": low, "step": step, "log": is_logarithmic}
