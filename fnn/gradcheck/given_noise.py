"""Measure the noise of the given gradient itself, where it differs from the reference."""

import jax
import numpy as np

from fnn.gradcheck.flat_jaxpr import flat_jaxpr_of
from fnn.gradcheck.noise import REPETITIONS, noise_floor, program_of, repeated, rounded_again
from fnn.gradcheck.problem import Problem


def given_noise(problem: Problem) -> list[np.ndarray]:
    """Compute the noise floor of the given gradient, a leaf each.

    Its formula may cancel where that of autodiff does not: 1 + tanh z does for large −z. Numbers
    that are narrower than those of the check are not excused.
    """
    leaves = [leaf.astype(problem.dtype) for leaf in problem.leaves]
    try:
        traced = jax.make_jaxpr(lambda *values: problem.given(values))(*leaves)
        flat = flat_jaxpr_of(traced)
    except Exception:
        # It ran on arrays just now, so it is NumPy: only its parameters can be rounded again.
        return _noise_of_parameters(problem)

    def evaluate(xp, leaves, roundings):
        (rounding,) = roundings
        gradients, decided = rounded_again(flat, leaves, rounding, narrow=0.0, xp=xp)
        return gradients, [decided]

    program = program_of([flat], evaluate)
    (results,) = repeated(program, [flat], leaves, [problem.epsilon])
    return noise_floor(results.exact, results.others)


def _noise_of_parameters(problem: Problem) -> list[np.ndarray]:
    """Compute the noise floor from parameters that are moved by a rounding."""
    exact = problem.gradient(problem.leaves)
    rng = np.random.default_rng(0)
    others = []
    for _ in range(REPETITIONS):
        moved = []
        for leaf in problem.leaves:
            u = rng.uniform(-1, 1, leaf.shape)
            moved.append(leaf * (1 + problem.epsilon * u))
        others.append(problem.given(moved))
    return noise_floor(exact, others)
