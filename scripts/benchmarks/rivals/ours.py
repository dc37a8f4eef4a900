"""fnn.sweep on every core."""

import numpy as np

import fnn
from fnn import data, losses, optim
from rivals.case import LEARNING_RATE, Case, Problem


def prepare(case: Case, problem: Problem, runs: int):
    """Compile, and return a function that gives the test accuracies (runs, epochs)."""
    run = trainer(case, problem, runs)
    run()
    return run


def trainer(case: Case, problem: Problem, runs: int):
    """Return a function that gives the test accuracies. Its first call compiles."""
    fnn.use_all_devices()
    train, validation, test = (data.Split(*split) for split in problem)
    splits = data.Dataset(train, validation, test)
    net, optimizer = fnn.mlp(case.sizes), optim.adam(LEARNING_RATE)

    def builder(hyper):
        return net, losses.softmax_cross_entropy, optimizer

    def run() -> np.ndarray:
        sweep = fnn.sweep(
            builder,
            splits,
            epochs=case.epochs,
            batch_size=case.batch_size,
            seeds=range(runs),
            progress=False,
        )
        return sweep.history["test_accuracy"][0]

    return run
