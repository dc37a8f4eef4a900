"""fnn.train in a Python loop over seeds."""

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
    train, validation, test = (data.Split(*split) for split in problem)
    dataset = data.Dataset(train, validation, test)
    net, optimizer = fnn.mlp(case.sizes), optim.adam(LEARNING_RATE)

    def one(seed: int) -> np.ndarray:
        run = fnn.train(
            net,
            losses.softmax_cross_entropy,
            optimizer,
            dataset,
            epochs=case.epochs,
            batch_size=case.batch_size,
            seed=seed,
            progress=False,
        )
        return run.history["test_accuracy"]

    def run() -> np.ndarray:
        return np.stack([one(seed) for seed in range(lanes)])

    return run
