"""Automatic differentiation as the first oracle: the gradient in float64, and its noise floor."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from fnn.gradcheck.differences import LIGHT
from fnn.gradcheck.interpreter import inner_function
from fnn.gradcheck.kinks import ties
from fnn.gradcheck.noise import noise_floor
from fnn.gradcheck.problem import Problem, Unusable


class Truth(NamedTuple):
    """The traced loss, its gradient by autodiff and the noise floor, a leaf each, and tied comparisons."""

    traced: ClosedJaxpr
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
    gradient = jax.make_jaxpr(gradient_function(traced))(*problem.leaves)

    def everything(leaves):
        exact = jaxpr_as_fun(gradient)(*leaves)
        return exact, noise_floor(gradient, leaves, exact, problem.epsilon), ties(traced, leaves)

    exact, noise, tied = compiled(everything)([jnp.asarray(leaf) for leaf in problem.leaves])
    counts = {name: int(number) for name, number in tied.items()}
    return Truth(traced, [np.asarray(g) for g in exact], [np.asarray(n) for n in noise], counts)


def trace(loss: Callable[[list], Any], leaves: list[np.ndarray]) -> ClosedJaxpr:
    """The loss as a jaxpr of its flat leaves."""
    return jax.make_jaxpr(lambda *values: loss(list(values)))(*leaves)


def constants(closed: ClosedJaxpr) -> Iterator[Any]:
    """Every number that tracing has fixed: closed-over arrays and literals, calls included."""
    yield from closed.consts
    for equation in closed.jaxpr.eqns:
        yield from (atom.val for atom in equation.invars if isinstance(atom, Literal))
        inner = inner_function(equation)
        if inner is not None:
            yield from constants(inner)


def gradient_function(traced: ClosedJaxpr) -> Callable[..., tuple]:
    """∂loss/∂leaves of a traced scalar function."""
    function = jaxpr_as_fun(traced)
    return jax.grad(lambda *values: function(*values)[0], argnums=tuple(range(len(traced.in_avals))))


def compiled(function: Callable) -> Callable:
    """Jitted with as little optimisation as possible: it runs once."""
    return jax.jit(function, compiler_options=LIGHT)
