"""A run or a sweep in a process of its own, to be killed:
python -m tests.runs.interrupted_child train|sweep OUT [DIRECTORY]

It prints a line after every step that it has saved, trains in very short chunks, and writes its
arrays to OUT at the end.
"""

import sys

import jax
import numpy as np

import fnn
from fnn import losses, optim
from fnn.checkpoint import files
from fnn.runs import chunks, engine
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.2)
CE = losses.softmax_cross_entropy
OPTIONS = {"epochs": 20, "batch_size": 10, "patience": 18, "progress": False}


def train(**checkpoint):
    run = fnn.train(NET, CE, optim.adam(1e-2), blobs(), seed=3, **OPTIONS, **checkpoint)
    return run._replace(compile_seconds=0.0, run_seconds=0.0)


def builder(hyper):
    return NET, CE, optim.adam(hyper["learning_rate"])


def sweep(**checkpoint):
    hyper = {"learning_rate": [1e-2, 1e38]}
    found = fnn.sweep(builder, blobs(), seeds=range(20), hyper=hyper, **OPTIONS, **checkpoint)
    return (
        found.history,
        found.best_epoch,
        found.diverged_step,
        [found.params(row) for row in range(2)],
    )


def main(kind, out, directory=None):
    engine.MOST_RUNS_PER_VMAP, engine.MOST_ROWS = 8, 1  # several blocks
    chunks.CHUNK_SECONDS = 0.001
    commit = files.commit

    def telling(*arguments):
        commit(*arguments)
        print("saved", flush=True)

    files.commit = telling
    checkpoint = {} if directory is None else {"checkpoint": directory, "checkpoint_every": 1e-6}
    print("begun", flush=True)
    found = (train if kind == "train" else sweep)(**checkpoint)
    np.savez(out, *map(np.asarray, jax.tree.leaves(found)))


if __name__ == "__main__":
    main(*sys.argv[1:])
