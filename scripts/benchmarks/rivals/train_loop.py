"""fnn.train in a Python loop over seeds."""

import numpy as np

import fnn
from fnn import losses, optim
from rivals.case import LEARNING_RATE, Case, Problem
from rivals.ours import dataset_of


def prepare(case: Case, problem: Problem, runs: int):
    """Compile, and return a function that gives the test accuracies (runs, epochs)."""
    run = trainer(case, problem, runs)
    run()
    return run


def trainer(case: Case, problem: Problem, runs: int):
    """Return a function that gives the test accuracies. Its first call compiles."""
    dataset = dataset_of(problem)
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
        return np.stack([one(seed) for seed in range(runs)])

    return run
