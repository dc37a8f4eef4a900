"""Compute the reference by automatic differentiation: the gradient in float64 and its noise."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from fnn.gradcheck.flat_jaxpr import FlatJaxpr, flat_jaxpr_of, is_float
from fnn.gradcheck.kinks import ties
from fnn.gradcheck.noise import noise_floor, program_of, repeated, rounded_again
from fnn.gradcheck.problem import EPSILONS, Problem, Unusable

# Share of a narrow dtype's rounding: the thousand floors that a float64 check allows are then
# thirty.
NARROW = 0.03


class Reference(NamedTuple):
    """The true gradient by autodiff.

    traced      the loss as a function of its leaves
    loss_noise  the effect of rounding on the loss
    gradient    a leaf each
    noise       the noise floor, a leaf each
    ties        tied comparisons inside the loss, by operation
    """

    traced: ClosedJaxpr
    loss_noise: float
    gradient: list[np.ndarray]
    noise: list[np.ndarray]
    ties: dict[str, int]


def reference_of(problem: Problem) -> Reference | None:
    """Compute the reference, or return None where JAX cannot trace or differentiate the loss."""
    if "reference" in problem.programs:
        return _evaluated(problem, *problem.programs["reference"])
    try:
        traced = trace(problem.loss, problem.leaves)
    except Exception:
        # Tracing fails in as many ways as there is code that is not JAX.
        _check_value(problem)
        return None
    _check_traced(traced)
    try:
        gradient = jax.make_jaxpr(gradient_function(traced))(*problem.leaves)
    except ValueError:  # a while loop, for example, has no reverse mode
        return None
    flats = [flat_jaxpr_of(gradient), flat_jaxpr_of(traced)]
    problem.programs["reference"] = traced, flats, _program(flats)
    return _evaluated(problem, *problem.programs["reference"])


def _check_traced(traced: ClosedJaxpr) -> None:
    """Refuse a traced loss that is no real scalar."""
    shapes = [aval.shape for aval in traced.out_avals]
    if shapes != [()]:
        raise Unusable(
            f"loss: returned shapes {shapes}, expected one scalar; use check_vjp for a "
            "vector-valued function."
        )
    (aval,) = traced.out_avals
    if not is_float(aval):
        raise Unusable(f"loss: returned dtype {aval.dtype}, expected a real floating-point number.")


def _check_value(problem: Problem) -> None:
    """Refuse a loss in NumPy that cannot be called, or that returns no real scalar."""
    try:
        value = problem.loss(problem.leaves)
    except Exception as error:
        raise Unusable(f"loss: raised {type(error).__name__} at params: {error}") from error
    dtype = np.asarray(value).dtype
    if np.shape(value) != () or dtype.kind != "f":
        raise Unusable(
            f"loss: returned {dtype} of shape {np.shape(value)}, expected one real floating-point "
            "number; use check_vjp for a vector-valued function."
        )


def _program(flats: list[FlatJaxpr]) -> Callable:
    """Return the program of gradient, value and ties of a loss, with other roundings."""
    gradient, loss = flats

    def evaluate(xp, leaves, roundings):
        of_gradient, of_loss = roundings
        gradients, decided = rounded_again(gradient, leaves, of_gradient, narrow=NARROW, xp=xp)
        (value,), decided_in_loss = rounded_again(loss, leaves, of_loss, narrow=1.0, xp=xp)
        is_again = xp is np and of_loss.fixed  # ties are those of the exact evaluation
        tied = {} if is_again else ties(loss, leaves, xp)
        return (gradients, value, tied), [decided, decided_in_loss]

    return program_of(flats, evaluate)


def _evaluated(
    problem: Problem, traced: ClosedJaxpr, flats: list[FlatJaxpr], evaluate: Callable
) -> Reference:
    """Evaluate the programs at the point."""
    epsilons = [problem.epsilon, EPSILONS["float64"]]
    in_dtype, in_float64 = repeated(evaluate, flats, problem.leaves, epsilons)
    exact, value, tied = in_dtype.exact
    other_gradients = [gradients for gradients, _, _ in in_dtype.others]
    other_values = [value for _, value, _ in in_float64.others]
    loss_errors = [abs(float(other) - float(value)) for other in other_values]
    return Reference(
        traced=traced,
        loss_noise=max(loss_errors),
        gradient=exact,
        noise=noise_floor(exact, other_gradients),
        ties={name: int(number) for name, number in tied.items()},
    )


def trace(loss: Callable[[list], Any], leaves: list[np.ndarray]) -> ClosedJaxpr:
    """Trace the loss as a function of its flat leaves."""
    return jax.make_jaxpr(lambda *values: loss(list(values)))(*leaves)


def gradient_function(traced: ClosedJaxpr) -> Callable[..., tuple]:
    """Return ∂loss/∂leaves of a traced scalar function."""
    function = jaxpr_as_fun(traced)
    every_leaf = tuple(range(len(traced.in_avals)))
    return jax.grad(lambda *values: function(*values)[0], argnums=every_leaf)
