"""Automatic differentiation as the first oracle: the gradient in float64, and its noise floor."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from fnn.gradcheck.flow import flow_of
from fnn.gradcheck.kinks import ties
from fnn.gradcheck.noise import draws_for, noise_floor, rounded_again
from fnn.gradcheck.problem import EPSILONS, Problem, Unusable


class Truth(NamedTuple):
    """The traced loss and its noise, its gradient by autodiff and the noise floor, a leaf each, tied comparisons."""

    traced: ClosedJaxpr
    loss_noise: float
    gradient: list[np.ndarray]
    noise: list[np.ndarray]
    ties: dict[str, int]


NOT_TRACEABLE = (
    jax.errors.TracerArrayConversionError,
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
)


def traced_loss(problem: Problem) -> ClosedJaxpr | None:
    """The loss as a jaxpr of its flat leaves; None for one that JAX cannot trace, such as one in NumPy."""
    try:
        traced = trace(problem.loss, problem.leaves)
    except NOT_TRACEABLE:
        return None
    if [aval.shape for aval in traced.out_avals] != [()]:
        shapes = [aval.shape for aval in traced.out_avals]
        raise Unusable(
            f"loss: returned shapes {shapes}, expected one scalar; use check_vjp for a vector-valued function."
        )
    return traced


def autodiff(traced: ClosedJaxpr, problem: Problem) -> Truth:
    """The truth by autodiff, in one program."""
    gradient = flow_of(jax.make_jaxpr(gradient_function(traced))(*problem.leaves))
    loss = flow_of(traced)

    @jax.jit
    def evaluated(leaves, epsilon, draws):
        gradients = rounded_again(gradient, leaves, epsilon, draws)
        return gradients, rounded_again(loss, leaves, epsilon, draws)[0], ties(loss, leaves)

    rows = draws_for(gradient, problem.leaves)
    exact, value, tied = jax.device_get(evaluated(problem.leaves, 0.0, rows[0]))
    repeated = [jax.device_get(evaluated(problem.leaves, problem.epsilon, row)) for row in rows]
    in_float64 = [jax.device_get(evaluated(problem.leaves, EPSILONS["float64"], row))[1] for row in rows]
    return Truth(
        traced,
        max(abs(float(other - value)) for other in in_float64),
        exact,
        noise_floor(exact, [gradients for gradients, _, _ in repeated]),
        {name: int(number) for name, number in tied.items()},
    )


def trace(loss: Callable[[list], Any], leaves: list[np.ndarray]) -> ClosedJaxpr:
    """The loss as a jaxpr of its flat leaves."""
    return jax.make_jaxpr(lambda *values: loss(list(values)))(*leaves)


def gradient_function(traced: ClosedJaxpr) -> Callable[..., tuple]:
    """∂loss/∂leaves of a traced scalar function."""
    function = jaxpr_as_fun(traced)
    return jax.grad(lambda *values: function(*values)[0], argnums=tuple(range(len(traced.in_avals))))
