"""A JAX user with one run at a time: jit(train) without vmap."""

import jax
import numpy as np

from rivals.case import Case, Problem
from rivals.jax_user import training


def prepare(case: Case, problem: Problem, runs: int):
    """Compile, and return a function that gives the test accuracies (runs, epochs)."""
    keys = [jax.random.key(seed) for seed in range(runs)]
    compiled = jax.jit(training(case, problem)).lower(keys[0]).compile()
    return lambda: np.stack([np.asarray(compiled(key)["test_accuracy"]) for key in keys])
