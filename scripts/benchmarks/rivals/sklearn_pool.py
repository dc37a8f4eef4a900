"""scikit-learn's MLPClassifier in a process for each core.

Each call trains one epoch, so that the network can be evaluated after each.
"""

import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from rivals.case import LEARNING_RATE, Case, Problem


class Pool:
    """Train runs in a process for each core."""

    def __init__(self, case: Case, problem: Problem, runs: int):
        processes = len(os.sched_getaffinity(0))
        # The processes inherit these: each has one thread.
        os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        self.runs = runs
        self.pool = ProcessPoolExecutor(processes, get_context("spawn"), keep, (case, problem))
        list(self.pool.map(one, range(processes)))  # so that all have started and imported

    def __call__(self) -> np.ndarray:
        """Return the test accuracies (runs, epochs)."""
        return np.array(list(self.pool.map(one, range(self.runs))))

    def close(self) -> None:
        """End the processes."""
        self.pool.shutdown()


prepare = Pool
work: tuple[Case, Problem]
"""The problem of a process, which `keep` sets there."""


def keep(case: Case, problem: Problem) -> None:
    """Keep the problem, which is sent to a process once."""
    global work
    work = (case, problem)
    warnings.simplefilter("ignore", ConvergenceWarning)


def one(seed: int) -> list[float]:
    """Return the test accuracies of one network, epoch by epoch."""
    case, problem = work
    net = MLPClassifier(
        case.sizes[1:-1],
        alpha=0.0,
        batch_size=case.batch_size,
        learning_rate_init=LEARNING_RATE,
        random_state=seed,
    )
    classes = np.arange(case.sizes[-1])
    history = []
    for _ in range(case.epochs):
        net.partial_fit(*problem.train, classes=classes)
        row = {"train_loss": net.loss_}
        for name in ("validation", "test"):
            x, y = getattr(problem, name)
            probability = net.predict_proba(x)
            row[f"{name}_loss"] = log_loss(y, probability, labels=classes)
            row[f"{name}_accuracy"] = float(np.mean(np.argmax(probability, axis=1) == y))
        history.append(row)
    return [row["test_accuracy"] for row in history]
