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
        gap = -len(content) % 8
        content += bytes(gap)
        start = len(content)
        dtype = array.dtype.name
        layout[name] = {"dtype": dtype, "shape": array.shape, "start": start}
        in_order = np.ascontiguousarray(array)
        content += in_order.tobytes()
    compressed = zlib.compress(bytes(content), 6)
    text = base64.b64encode(compressed)
    return layout, text.decode()


def quantized(values: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Return values as whole numbers of 16 bits, and how they become numbers again.

    Values that are all positive are spaced by their logarithm, so that small losses keep three
    digits beside large ones.
    """
    is_finite = np.isfinite(values)
    finite = values[is_finite]
    is_logarithmic = finite.size > 0 and bool(finite.min() > 0)
    if is_logarithmic:
        missing = np.full(values.shape, np.nan)
        scaled = np.log(values, where=is_finite, out=missing)
    else:
        scaled = values.astype(float)
    low, high = range_of(scaled)
    step = (high - low) / (MISSING - 1) or 1.0
    whole = np.round((scaled - low) / step)
    is_whole = np.isfinite(whole)
    codes = np.where(is_whole, whole, MISSING)
    return codes.astype(np.uint16), {"low": low, "step": step, "log": is_logarithmic}


def range_of(values: np.ndarray) -> tuple[float, float]:
    """Return the least and the largest finite value; 0 and 1 where there is none."""
    is_finite = np.isfinite(values)
    inside = values[is_finite]
    if not inside.size:
        return 0.0, 1.0
    low = float(inside.min())
    high = float(inside.max())
    return low, high
