"""Evaluating a traced function operation by operation, with a hook at each.

Two parts of the checker stand on it: the noise floor repeats a computation with every operation's result rounded
another way, and the diagnosis asks what the gradient would be if one operation's derivative were wrong.
"""

from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import ClosedJaxpr, Literal
from jaxtyping import Array

Values = list[Array]
Place = tuple[int, ...]  # of an operation: its position, and within calls the position there
Hook = Callable[[Place, Any, Values, Callable[..., Values]], Values]
"""hook(place, equation, inputs, apply) -> outputs, where apply(*inputs) is what the equation does of itself."""

INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where call-like operations keep what they call
OPAQUE = ("scan", "while", "cond")  # evaluated whole: what they call is not called just once


def interpret(closed: ClosedJaxpr, arguments: Sequence[Array], hook: Hook, place: Place = ()) -> Values:
    """The outputs of a traced function for flat `arguments`, every equation passing through `hook`.

    A call (of a jitted or custom-derivative function) passes as a whole first, and its apply() passes its inside.
    """
    jaxpr = closed.jaxpr
    values = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    values |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(variable):
        return variable.val if isinstance(variable, Literal) else values[variable]

    for i, equation in enumerate(jaxpr.eqns):
        here = (*place, i)
        inputs = [read(variable) for variable in equation.invars]
        outputs = hook(here, equation, inputs, _application(equation, hook, here))
        values |= dict(zip(equation.outvars, outputs, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def inner_function(equation: Any) -> ClosedJaxpr | None:
    """What a call-like equation calls, or None for an elementary operation."""
    if equation.primitive.name in OPAQUE:
        return None
    found = (equation.params.get(name) for name in INNER)
    return next((inner for inner in found if isinstance(inner, ClosedJaxpr)), None)


def _application(equation: Any, hook: Hook, place: Place) -> Callable[..., Values]:
    inner = inner_function(equation)
    if inner is not None:
        return lambda *inputs: interpret(inner, inputs, hook, place)

    def bind(*inputs):
        parameters = equation.primitive.get_bind_params(equation.params)
        outputs = equation.primitive.bind(*inputs, **parameters)
        return list(outputs) if equation.primitive.multiple_results else [outputs]

    return bind
