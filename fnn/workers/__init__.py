"""Blocks of runs on other processes and machines, through a `concurrent.futures.Executor`.

In: an executor, as itself or as a `Workers` with options. Out: bytes that another process can
unpack, and checks that it computes the same bits.

Read the modules in this order:

    workers.py  `Workers`: an executor and how it is used.
    packing.py  Python objects as bytes with a checksum; large arrays as files that workers share.
    machine.py  A description of the machine, as far as the last bits of a result depend on it.
    cores.py    Cores that a worker process has for itself.
    memory.py   The settings of malloc under Dask.

`fnn.runs.dispatch` decides which blocks go where. `fnn.runs.task` is the code that a worker runs.
To add an option of the executor, add a field to `Workers` and read it there.
"""

from fnn.workers.workers import Workers, workers_of

__all__ = ["Workers", "workers_of"]
