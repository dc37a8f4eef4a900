"""fnn.sweep on every core."""

import numpy as np

import fnn
from fnn import data, losses, optim
from rivals.case import LEARNING_RATE, Case, Problem


def prepare(case: Case, problem: Problem, lanes: int):
    """Compiles; the function returned gives the test accuracies (lanes, epochs)."""
    run = trainer(case, problem, lanes)
    run()
    return run


def trainer(case: Case, problem: Problem, lanes: int):
    """The same, compiling with the first call."""
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
            seeds=range(lanes),
            progress=False,
        )
        return sweep.history["test_accuracy"][0]

    return run
