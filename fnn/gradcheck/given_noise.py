"""The noise of the hand-written gradient itself, looked at where it differs from the truth."""

import jax
import numpy as np

from fnn import compiler
from fnn.gradcheck.flat_jaxpr import flat_jaxpr_of
from fnn.gradcheck.noise import REPETITIONS, noise_floor, repeated, rounded_again
from fnn.gradcheck.problem import Problem


def given_noise(problem: Problem) -> list[np.ndarray]:
    """The noise floor of the hand-written gradient: its formula may cancel where autodiff's does
    not, as 1 + tanh z does for large −z. Narrower numbers than those of the check are not excused.
    """
    leaves = [leaf.astype(problem.dtype) for leaf in problem.leaves]
    try:
        given = flat_jaxpr_of(jax.make_jaxpr(lambda *values: problem.given(values))(*leaves))
    except (
        Exception
    ):  # it ran on arrays just now, so it is NumPy: only its parameters can be rounded another way
        return noise_floor(
            problem.gradient(problem.leaves), [problem.given(moved) for moved in _moved(problem)]
        )

    @compiler.jit
    def evaluate(leaves, roundings):
        gradients, decided = rounded_again(given, leaves, roundings[0], narrow=0.0)
        return gradients, [decided]

    (found,) = repeated(evaluate, [given], leaves, [problem.epsilon])
    return noise_floor(found.exact, found.others)


def _moved(problem: Problem) -> list[list[np.ndarray]]:
    """The parameters, each entry moved by a rounding."""
    rng = np.random.default_rng(0)
    return [
        [leaf * (1 + problem.epsilon * rng.uniform(-1, 1, leaf.shape)) for leaf in problem.leaves]
        for _ in range(REPETITIONS)
    ]
