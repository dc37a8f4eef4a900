"""The noise of the hand-written gradient itself, looked at where it differs from the truth."""

import jax
import numpy as np

from fnn.gradcheck.flow import flow_of
from fnn.gradcheck.noise import REPETITIONS, draws_for, noise_floor, rounded_again
from fnn.gradcheck.oracle import Truth
from fnn.gradcheck.problem import Problem


def with_hand_noise(truth: Truth, problem: Problem) -> Truth:
    """The truth with the noise floor of the hand-written gradient added: its formula may cancel where autodiff's does
    not, as 1 + tanh z does for large −z."""
    leaves = [leaf.astype(problem.dtype) for leaf in problem.leaves]
    try:
        hand = flow_of(jax.make_jaxpr(lambda *values: problem.hand(values))(*leaves))
    except (TypeError, AttributeError):  # NumPy: only the parameters can be rounded another way
        exact, repeated = problem.gradient(), [problem.hand(moved) for moved in _moved(problem)]
    else:
        evaluated = jax.jit(lambda leaves, epsilon, draws: rounded_again(hand, leaves, epsilon, draws))
        rows = draws_for(hand, leaves)
        exact = jax.device_get(evaluated(leaves, 0.0, rows[0]))
        repeated = [jax.device_get(evaluated(leaves, problem.epsilon, row)) for row in rows]
    added = noise_floor(exact, repeated)
    return truth._replace(noise=[np.hypot(one, other) for one, other in zip(truth.noise, added, strict=True)])


def _moved(problem: Problem) -> list[list[np.ndarray]]:
    """The parameters, each entry moved by a rounding."""
    rng = np.random.default_rng(0)
    return [
        [leaf * (1 + problem.epsilon * rng.uniform(-1, 1, leaf.shape)) for leaf in problem.leaves]
        for _ in range(REPETITIONS)
    ]
