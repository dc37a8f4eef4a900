"""Read the idx file format, in which MNIST is published.

A file has two zero bytes, one byte for the type (8: unsigned bytes), one for the number of
dimensions d, then d big-endian 32-bit sizes, then the values, the last dimension running fastest.
"""

import math
import struct

import numpy as np
from jaxtyping import UInt8

UNSIGNED_BYTES = 8
MAGIC_BYTES = 4
SIZE_BYTES = 4


def parse(content: bytes, source: str, dimensions: int) -> UInt8[np.ndarray, "..."]:
    """Return the array of unsigned bytes in the content of an idx file.

    source      the name of the file, in errors
    dimensions  the number that is expected

    Raises ValueError for another type or number of dimensions, an empty shape, and bytes that are
    missing or left over.
    """
    magic = bytes([0, 0, UNSIGNED_BYTES, dimensions])
    start = content[:MAGIC_BYTES]
    if start != magic:
        raise ValueError(
            f"{source}: starts with {start.hex() or 'nothing'}, expected {magic.hex()}: an idx "
            f"file of unsigned bytes in {dimensions} dimension(s)."
        )
    header_bytes = MAGIC_BYTES + SIZE_BYTES * dimensions
    if len(content) < header_bytes:
        raise ValueError(
            f"{source}: ends within its header, {len(content)} of {header_bytes} bytes; fetch it "
            "again."
        )
    shape = struct.unpack(f">{dimensions}I", content[MAGIC_BYTES:header_bytes])
    if 0 in shape:
        raise ValueError(f"{source}: declares shape {shape}, which is empty; fetch it again.")
    expected = header_bytes + math.prod(shape)
    if len(content) != expected:
        raise ValueError(
            f"{source}: got {len(content)} bytes, expected {expected} for shape {shape}; fetch it "
            "again."
        )
    return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape)
