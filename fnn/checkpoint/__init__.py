"""Checkpoints that a crash cannot spoil and a reader cannot misread: `save`, `load`, `steps`,
`lock`.
"""

from fnn.checkpoint.arrays import Damaged
from fnn.checkpoint.lock import InUse, lock
from fnn.checkpoint.store import load, save, steps

__all__ = ["Damaged", "InUse", "load", "lock", "save", "steps"]
