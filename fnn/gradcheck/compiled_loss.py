"""Check whether XLA computes the loss that was written: its gradient is right only for that."""

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from fnn import compiler
from fnn.compiled.judging import Counting, TooLong, judge_of
from fnn.witness import programs_in

# Where the compiler has the fault "many axes", a product of arrays with more axes than this may end
# the process.
MANY_AXES = 6


def compiled_loss_note(traced: ClosedJaxpr, leaves: list[np.ndarray], passed: bool) -> str | None:
    """Return a sentence where a plain `jax.jit` computes another loss than NumPy, or None.

    traced  the loss of its leaves, in float64
    passed  whether the gradient is right

    Returns None too where the two cannot be compared: `fnn.check_compiled` then says why.
    """
    if may_crash(traced):
        return None
    try:
        judge = judge_of(traced, leaves, Counting())
        (computed,) = jax.jit(jaxpr_as_fun(traced))(*leaves)
        deviation = judge.deviation([np.asarray(computed)])
    except (NotImplementedError, TooLong):
        return None
    except Exception as error:
        # The verdict is about the gradient, and stands all the same.
        return f"The compiled loss was not compared with NumPy: {type(error).__name__}: {error}"
    if deviation is None:
        return None
    subject = (
        "Your gradient is right; the compiled loss is not" if passed else "The loss is wrong too"
    )
    return (
        f"{subject}: jax.jit computes {float(computed):.6g} where the loss is "
        f"{float(judge.exact[0]):.6g}. fnn.check_compiled(loss, params) says which operation the "
        "compiler gets wrong, and what to set."
    )


def may_crash(traced: ClosedJaxpr) -> bool:
    """Return whether compiling a loss may end this process."""
    faults = [fault.name for fault in compiler.present()]
    return "many axes" in faults and _most_axes(traced) > MANY_AXES


def _most_axes(traced: ClosedJaxpr) -> int:
    """Return the largest number of axes of an array that a loss computes."""
    most = 0
    for jaxpr, _ in programs_in(traced):
        for equation in jaxpr.eqns:
            for output in equation.outvars:
                shape = getattr(output.aval, "shape", ())
                most = max(most, len(shape))
    return most
