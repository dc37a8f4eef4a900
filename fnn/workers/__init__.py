"""Other processes and machines, through any `concurrent.futures.Executor`.

What goes out is a job (`fnn.workers.packing`): the builder and the data, as bytes with a checksum.
What comes back is told apart by the machine it was computed on (`fnn.workers.machine`). Which
blocks of runs go where is the dispatcher's (`fnn.runs.dispatch`), what a worker does with them the
task's (`fnn.runs.task`).
"""

from fnn.workers.workers import Workers, workers_of

__all__ = ["Workers", "workers_of"]
