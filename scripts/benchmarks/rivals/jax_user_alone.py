"""jit(train), not vmapped: what somebody who knows JAX writes for one run."""

import jax
import numpy as np

from rivals.case import Case, Problem
from rivals.jax_user import training


def prepare(case: Case, problem: Problem, lanes: int):
    """Compiles; the function returned gives the test accuracies (lanes, epochs), run after run."""
    keys = [jax.random.key(seed) for seed in range(lanes)]
    compiled = jax.jit(training(case, problem)).lower(keys[0]).compile()
    return lambda: np.stack([np.asarray(compiled(key)["test_accuracy"]) for key in keys])
