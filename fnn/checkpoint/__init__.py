"""Save pytrees so that a crash cannot spoil them and a reader cannot misread them.

A pytree of arrays and typed keys flows in. A folder flows out that holds `arrays.npz`, the numbers,
and `manifest.json`, their names, shapes, dtypes and SHA-256. A folder is complete as soon as it has
its name. Loading executes nothing and compares every byte with the sums in the manifest.

`save`, `load` and `steps` keep a directory of steps, and `lock` keeps other writers out of it. A
call of `fnn.train` or `fnn.sweep` with `checkpoint=` keeps a directory of its own kind, which
`run_directory` describes.

The modules, in the order of reading:

- `files`: writes files and folders that are there completely or not at all.
- `lock`: admits one writer to a directory.
- `arrays`: turns the arrays of a pytree into the bytes of an npz archive, and back.
- `manifest`: describes the arrays and keeps their sums; compares two descriptions.
- `store`: saves, reads and prunes the steps of a directory.
- `structure`: writes the structure of a pytree as JSON, and rebuilds it.
- `result`: saves and loads a finished run or sweep.
- `run_directory`: keeps the directory of one call, and refuses another call in it.

Change `arrays` where a new kind of leaf is to be stored, and `structure` where a new kind of node
is. Raise the `FORMAT` of `manifest`, `result` or `run_directory` with every change of its files.
"""

from fnn.checkpoint.arrays import Damaged
from fnn.checkpoint.lock import InUse, lock
from fnn.checkpoint.store import load, save, steps

__all__ = ["Damaged", "InUse", "load", "lock", "save", "steps"]
