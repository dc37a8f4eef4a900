"""A trial: a canary is compiled and run, and its outputs are compared with those of NumPy."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import compiler, witness
from fnn.doctor.canaries import Canary

ROUNDINGS = 1000.0
"""Times the rounding of its dtype, of the largest entry of an output, is what a canary may be off:
thirty times what was seen on right programs, and a hundredth of what a known fault makes."""


class Outcome(NamedTuple):
    """What became of a trial.

    name    of the canary
    status  "right", "wrong", "crash" (the process died) or "error" (an exception)
    detail  by how much it is wrong, or what was raised; "" where it is right
    """

    name: str
    status: str
    detail: str = ""


def attempt(canary: Canary, seed: int, with_options: bool) -> Outcome:
    """Try a canary, compiled as fnn compiles its own programs or as a plain `jax.jit` does."""
    try:
        with jax.enable_x64(canary.x64), jax.default_matmul_precision("highest"):
            function, arguments = canary.draw(np.random.default_rng(seed))
            jit = compiler.jit if with_options else jax.jit
            computed = jax.device_get(jit(function)(*arguments))
            expected = witness.evaluate(function, *arguments)
    except Exception as error:  # whatever a compiler raises is an answer
        return Outcome(canary.name, "error", f"{type(error).__name__}: {error}")
    roundings = largest_error(computed, expected)
    if roundings <= ROUNDINGS:
        return Outcome(canary.name, "right")
    much = f"{roundings:.0e} times the rounding of its largest number"
    return Outcome(
        canary.name, "wrong", f"by {much if np.isfinite(roundings) else 'infinitely much'}"
    )


def largest_error(computed: Any, expected: Any) -> float:
    """Return the largest deviation of any output, in roundings of its dtype at its largest number.

    Infinity where one side has a number that is not finite and the other does not have the same.
    """
    pairs = zip(jax.tree.leaves(computed), jax.tree.leaves(expected), strict=True)
    return max((error_of_output(*pair) for pair in pairs), default=0.0)


def error_of_output(computed: Any, expected: Any) -> float:
    """Return the largest deviation of one output; one that is not real has to be equal."""
    real = jnp.issubdtype(np.asarray(computed).dtype, jnp.floating)
    rounding = float(jnp.finfo(computed.dtype).eps) if real else 1 / ROUNDINGS / 2
    computed, expected = (np.asarray(side, np.float64) for side in (computed, expected))
    if computed.shape != expected.shape:
        return np.inf
    finite = np.isfinite(expected)
    if not np.array_equal(computed[~finite], expected[~finite], equal_nan=True):
        return np.inf
    deviation = np.max(np.abs(computed - expected), where=finite, initial=0.0)
    largest = np.max(np.abs(expected), where=finite, initial=0.0)
    if not np.isfinite(deviation):
        return np.inf
    scale = largest if real and largest else 1.0
    with np.errstate(over="ignore"):
        return float(deviation / scale / rounding)
