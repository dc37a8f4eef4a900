"""Automatic differentiation as the first oracle: the gradient in float64, and its noise floor."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from fnn import compiler
from fnn.gradcheck.flat_jaxpr import FlatJaxpr, flat_jaxpr_of, is_float
from fnn.gradcheck.kinks import ties
from fnn.gradcheck.noise import noise_floor, repeated, rounded_again
from fnn.gradcheck.problem import EPSILONS, Problem, Unusable

# share of a narrow dtype's rounding: the thousand floors that a float64 check allows are then
# thirty
NARROW = 0.03


class Reference(NamedTuple):
    """The traced loss and its noise, its gradient by autodiff and the noise floor, a leaf each,
    tied comparisons.
    """

    traced: ClosedJaxpr
    loss_noise: float
    gradient: list[np.ndarray]
    noise: list[np.ndarray]
    ties: dict[str, int]


def reference_of(problem: Problem) -> Reference | None:
    """The truth by autodiff; None where JAX cannot trace or differentiate the loss, as one in
    NumPy.
    """
    if "reference" in problem.programs:
        return _evaluated(problem, *problem.programs["reference"])
    try:
        traced = trace(problem.loss, problem.leaves)
    # tracing fails in as many ways as there is code that is not JAX; whether it runs is seen next
    except Exception:
        _check_value(problem)
        return None
    if [aval.shape for aval in traced.out_avals] != [()]:
        shapes = [aval.shape for aval in traced.out_avals]
        raise Unusable(
            f"loss: returned shapes {shapes}, expected one scalar; use check_vjp for a "
            f"vector-valued function."
        )
    if not is_float(traced.out_avals[0]):
        raise Unusable(
            f"loss: returned dtype {traced.out_avals[0].dtype}, expected a real floating-point "
            f"number."
        )
    try:
        gradient = jax.make_jaxpr(gradient_function(traced))(*problem.leaves)
    except ValueError:  # a while loop, say, which has no reverse mode
        return None
    problem.programs["reference"] = traced, *compiled(traced, gradient)
    return _evaluated(problem, *problem.programs["reference"])


def _check_value(problem: Problem) -> None:
    """Refuses a loss in NumPy that cannot be called, or returns no number."""
    try:
        value = problem.loss(problem.leaves)
    except Exception as error:
        raise Unusable(f"loss: raised {type(error).__name__} at params: {error}") from error
    if np.shape(value) != () or np.asarray(value).dtype.kind != "f":
        raise Unusable(
            f"loss: returned {np.asarray(value).dtype} of shape {np.shape(value)}, expected one "
            f"real floating-point "
            "number; use check_vjp for a vector-valued function."
        )


def compiled(traced: ClosedJaxpr, gradient: ClosedJaxpr) -> tuple[list[FlatJaxpr], Callable]:
    """Gradient, value and ties of a loss with roundings done another way, in one program."""
    flats = [flat_jaxpr_of(gradient), flat_jaxpr_of(traced)]

    @compiler.jit
    def evaluate(leaves, roundings):
        gradients, decided = rounded_again(flats[0], leaves, roundings[0], narrow=NARROW)
        (value,), in_loss = rounded_again(flats[1], leaves, roundings[1], narrow=1.0)
        return (gradients, value, ties(flats[1], leaves)), [decided, in_loss]

    return flats, evaluate


def _evaluated(
    problem: Problem, traced: ClosedJaxpr, flats: list[FlatJaxpr], evaluate: Callable
) -> Reference:
    """The truth at the point."""
    narrow, in_float64 = repeated(
        evaluate, flats, problem.leaves, [problem.epsilon, EPSILONS["float64"]]
    )
    exact, value, tied = narrow.exact
    return Reference(
        traced,
        max(abs(float(other - value)) for _, other, _ in in_float64.others),
        exact,
        noise_floor(exact, [gradients for gradients, _, _ in narrow.others]),
        {name: int(number) for name, number in tied.items()},
    )


def trace(loss: Callable[[list], Any], leaves: list[np.ndarray]) -> ClosedJaxpr:
    """The loss as a jaxpr of its flat leaves."""
    return jax.make_jaxpr(lambda *values: loss(list(values)))(*leaves)


def gradient_function(traced: ClosedJaxpr) -> Callable[..., tuple]:
    """∂loss/∂leaves of a traced scalar function."""
    function = jaxpr_as_fun(traced)
    return jax.grad(
        lambda *values: function(*values)[0], argnums=tuple(range(len(traced.in_avals)))
    )
