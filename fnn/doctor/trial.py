"""Compile and run a canary and compare its outputs with those of NumPy."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn import compiler, witness
from fnn.doctor.canaries import Canary

ROUNDINGS = 1000.0
"""An output of a canary may be off by this many times the rounding of its dtype at its largest
entry. Right programs were off by up to a thirtieth of that, and a known fault makes a hundred times
as much."""


class Outcome(NamedTuple):
    """The outcome of a trial.

    name    of the canary
    status  "right", "wrong", "crash" (the process died) or "error" (an exception)
    detail  by how much it is wrong, or the exception; "" where it is right
    """

    name: str
    status: str
    detail: str = ""


def attempt(canary: Canary, seed: int, with_options: bool) -> Outcome:
    """Run a canary, compiled as fnn compiles its own programs or as a plain `jax.jit` does."""
    try:
        with jax.enable_x64(canary.x64), jax.default_matmul_precision("highest"):
            generator = np.random.default_rng(seed)
            function, arguments = canary.draw(generator)
            jit = jit_as_for_training if with_options else jax.jit
            jitted = jit(function)
            computed = jax.device_get(jitted(*arguments))
            expected = witness.evaluate(function, *arguments)
    except Exception as error:  # an outcome too, of any kind that a compiler raises
        kind = type(error).__name__
        return Outcome(canary.name, "error", f"{kind}: {error}")
    roundings = largest_error(computed, expected)
    if roundings <= ROUNDINGS:
        return Outcome(canary.name, "right")
    if not np.isfinite(roundings):
        return Outcome(canary.name, "wrong", "by infinitely much")
    detail = f"by {roundings:.0e} times the rounding of its largest number"
    return Outcome(canary.name, "wrong", detail)


def jit_as_for_training(function: Callable) -> Callable:
    """Return a function that compiles under the options of the programs that train."""

    def call(*arguments: Any) -> Any:
        lowered = compiler.jit(function).lower(*arguments)
        program = lowered.compile(compiler.options_to_compile_fast())
        return program(*arguments)

    return call


def largest_error(computed: Any, expected: Any) -> float:
    """Return the largest deviation of any output, in roundings of its dtype at its largest number.

    Returns infinity where one side has a number that is not finite and the other does not have the
    same.
    """
    outputs = jax.tree.leaves(computed)
    pairs = zip(outputs, jax.tree.leaves(expected), strict=True)
    errors = [error_of_output(*pair) for pair in pairs]
    return max(errors, default=0.0)


def error_of_output(computed: Any, expected: Any) -> float:
    """Return the largest deviation of one output in roundings.

    An output of whole numbers has to be equal: a deviation of 1 is twice the allowed one.
    """
    is_real = witness.is_real(np.asarray(computed))
    rounding = 1 / ROUNDINGS / 2
    if is_real:
        limits = jnp.finfo(computed.dtype)
        rounding = float(limits.eps)
    computed = np.asarray(computed, np.float64)
    expected = np.asarray(expected, np.float64)
    if computed.shape != expected.shape:
        return np.inf
    is_finite = np.isfinite(expected)
    infinite = expected[~is_finite]
    if not np.array_equal(computed[~is_finite], infinite, equal_nan=True):
        return np.inf
    distance = np.abs(computed - expected)
    magnitude = np.abs(expected)
    deviation = np.max(distance, where=is_finite, initial=0.0)
    largest = np.max(magnitude, where=is_finite, initial=0.0)
    if not np.isfinite(deviation):
        return np.inf
    scale = largest if is_real and largest else 1.0
    with np.errstate(over="ignore"):
        return float(deviation / scale / rounding)
