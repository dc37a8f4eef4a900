"""Does XLA compute the loss that was written? A right gradient of a wrong loss helps nobody."""

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from fnn import compiler
from fnn.compiled.judging import Counting, TooLong, judge_of

MANY_AXES = 6  # a product of arrays with more may end the process, where the fault of that name is


def compiled_loss_note(traced: ClosedJaxpr, leaves: list[np.ndarray], passed: bool) -> str | None:
    """Return a sentence where a plain `jax.jit` computes another loss than NumPy, or None.

    traced  the loss of its leaves, in float64
    passed  whether the gradient is right
    """
    if may_crash(traced):
        return None
    try:
        judge = judge_of(traced, leaves, Counting())
    except (NotImplementedError, TooLong):  # nothing is known: fnn.check_compiled says why
        return None
    (computed,) = jax.jit(jaxpr_as_fun(traced))(*leaves)
    if judge.deviation([np.asarray(computed)]) is None:
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
    names = [fault.name for fault in compiler.present()]
    axes = [len(aval.shape) for aval in avals_of(traced.jaxpr) if hasattr(aval, "shape")]
    return "many axes" in names and max(axes, default=0) > MANY_AXES


def avals_of(jaxpr):
    """Yield the shapes of every value of a program, those of functions that it calls included."""
    for equation in jaxpr.eqns:
        yield from (variable.aval for variable in equation.outvars)
        for parameter in equation.params.values():
            if isinstance(parameter, ClosedJaxpr):
                yield from avals_of(parameter.jaxpr)
