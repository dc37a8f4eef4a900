"""The idx file format, in which MNIST is published.

Two zero bytes, one byte for the type (8: unsigned bytes), one for the number of dimensions d, then
d big-endian 32-bit sizes, then the values, the last dimension running fastest.
"""

import math
import struct

import numpy as np
from jaxtyping import UInt8


def parse(content: bytes, source: str, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """The array of unsigned bytes in an idx file's content; `source` names the file in errors.

    Raises ValueError for another type or number of dimensions, an empty shape, and bytes that are
    missing or left over.
    """
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise ValueError(
            f"{source}: starts with {content[:4].hex() or 'nothing'}, expected {magic.hex()}: an "
            f"idx file of unsigned "
            f"bytes in {dimensions} dimension(s)."
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError(
            f"{source}: ends within its header, {len(content)} of {start} bytes; fetch it again."
        )
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if 0 in shape:
        raise ValueError(f"{source}: declares shape {shape}, which is empty; fetch it again.")
    expected = start + math.prod(shape)
    if len(content) != expected:
        raise ValueError(
            f"{source}: got {len(content)} bytes, expected {expected} for shape {shape}; fetch it "
            f"again."
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
