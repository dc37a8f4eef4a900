"""fnn.sweep on every core."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import data, losses, optim
from rivals.case import LEARNING_RATE, Case, Problem


def prepare(case: Case, problem: Problem, runs: int):
    """Compile, and return a function that gives the test accuracies (runs, epochs)."""
    run = trainer(case, problem, runs)
    run()
    return run


def dataset_of(problem: Problem) -> data.Dataset:
    """Return the problem as JAX arrays, which the other contenders on JAX have, too."""
    on_device: Any = jax.tree.map(jnp.asarray, problem)
    train, validation, test = (data.Split(*split) for split in on_device)
    return data.Dataset(train, validation, test)


def trainer(case: Case, problem: Problem, runs: int):
    """Return a function that gives the test accuracies. Its first call compiles."""
    fnn.use_all_devices()
    splits = dataset_of(problem)
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
