"""The loss with one operation's derivative replaced by a common mistake, its value unchanged.

A mistake in a hand-written backward pass is a wrong derivative of one step. So each operation of the traced loss is
given a wrong derivative in turn, and autodiff of the altered loss says what gradient that mistake makes.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr
from jaxtyping import Array

from fnn.gradcheck.interpreter import Place, interpret

NONLINEAR = frozenset(
    (
        "tanh logistic exp exp2 log log1p expm1 erf erfc max min select_n abs sqrt rsqrt integer_pow pow sin cos square"
    ).split()
)
WIDEST_SOFTMAX = 128

Function = Callable[..., Array]
Derivative = Callable[[Function, list[Array]], Array]
"""(function, inputs) -> function(*inputs) with another derivative."""


class Step(NamedTuple):
    """One operation of the loss, or a call of a function with a name."""

    place: Place
    name: str
    call: bool
    inputs: list[Array]
    output: Array
    axes: tuple[int, ...]  # of a sum


class Mistake(NamedTuple):
    """Which derivatives it replaces, and what to call it."""

    cause: str
    explanation: str
    derivatives: dict[Place, Derivative]


class Mutant(NamedTuple):
    """A mistake, and the gradient that it makes."""

    cause: str
    explanation: str
    gradient: Callable[..., tuple]


def mutants(traced: ClosedJaxpr, leaves: list[Array]) -> Iterator[Mutant]:
    """Every mistake that is known here, at every place of the loss where it can be made."""
    found = steps(traced, leaves)
    for mistakes in (_of_activations, _of_softmaxes, _of_sums, _of_products):
        for mistake in mistakes(found):
            yield Mutant(mistake.cause, mistake.explanation, _gradient(traced, mistake.derivatives))


def steps(traced: ClosedJaxpr, leaves: list[Array]) -> list[Step]:
    """The operations of the loss that have one output, and what went in and came out."""
    found: list[Step] = []

    def hook(place, equation, inputs, apply):
        outputs = apply(*inputs)
        if len(outputs) == 1:
            name = str(equation.params.get("name", equation.primitive.name))
            call = name != equation.primitive.name or "call" in equation.primitive.name
            arrays = [jnp.asarray(value) for value in inputs]
            axes = tuple(equation.params.get("axes", ())) if equation.primitive.name == "reduce_sum" else ()
            found.append(Step(place, name, call, arrays, outputs[0], axes))
        return outputs

    interpret(traced, leaves, hook)
    return sorted(found, key=lambda step: step.place)


def _gradient(traced: ClosedJaxpr, derivatives: dict[Place, Derivative]) -> Callable[..., tuple]:
    """Autodiff of the loss with the derivatives of some operations replaced."""

    def altered(*leaves):
        def hook(place, equation, inputs, apply):
            if place not in derivatives:
                return apply(*inputs)
            arrays = [jnp.asarray(value) for value in inputs]
            return [derivatives[place](lambda *values: apply(*values)[0], arrays)]

        return interpret(traced, leaves, hook)[0]

    return jax.grad(altered, argnums=tuple(range(len(traced.in_avals))))


# ------------------------------------------------------------------------------ mistakes about f′(z)


def _of_activations(found: list[Step]) -> Iterator[Mistake]:
    """f′ left out, taken at the activation, or ⊙ the diagonal of a Jacobian, for each operation f: z -> a."""
    for ordinal, (step, j) in enumerate(_activations(found), start=1):
        where = f"{step.name} (number {ordinal} in the forward pass)"
        yield Mistake(
            "derivative at the activation",
            f"f′ of {where} is taken at the activation a = f(z) instead of the pre-activation z.",
            {step.place: _derivative_at_output(j)},
        )
        yield Mistake("missing derivative", f"f′ of {where} is missing.", {step.place: _identity_derivative(j)})
        if _couples(step):
            for axis in range(step.output.ndim):
                if step.output.shape[axis] <= WIDEST_SOFTMAX:
                    yield Mistake(
                        "elementwise softmax",
                        f"the Jacobian of {where} is replaced by its diagonal, ⊙; its outputs depend on every input.",
                        {step.place: _diagonal_derivative(j, axis)},
                    )
    outer = [(step, j) for step, j in _activations(found) if len(step.place) == 1]
    for name in sorted({step.name for step, _ in outer}):
        same = [(step.place, j) for step, j in outer if step.name == name]
        yield Mistake(
            "derivative at the activation",
            f"f′ of every {name} is taken at the activation a = f(z) instead of the pre-activation z.",
            {place: _derivative_at_output(j) for place, j in same},
        )
        yield Mistake(
            "missing derivative",
            f"f′ of every {name} is missing.",
            {place: _identity_derivative(j) for place, j in same},
        )


def _of_softmaxes(found: list[Step]) -> Iterator[Mistake]:
    """⊙ p(1 − p), the diagonal of the Jacobian, for a softmax that is written out as eᶻ/Σ eᶻ."""
    for e in (step for step in found if step.name == "exp" and step.output.ndim):
        for total in (step for step in found if step.axes and step.inputs[0].shape == e.output.shape):
            if jnp.array_equal(total.inputs[0], e.output):
                p = e.output / jnp.sum(e.output, axis=total.axes, keepdims=True)
                yield Mistake(
                    "elementwise softmax",
                    "the Jacobian of softmax is replaced by its diagonal, ⊙ p(1 − p); outputs depend on every input.",
                    {total.place: _constant, e.place: _scaled_derivative(1 - p)},
                )


def _scaled_derivative(factor: Array) -> Derivative:
    def derivative(function, inputs):
        value = function(*inputs)
        fixed = lax.stop_gradient(value)
        return fixed + factor * (value - fixed)

    return derivative


def _activations(found: list[Step]) -> list[tuple[Step, int]]:
    """Nonlinear operations and called functions with an output of the shape of an input, and that input's position."""
    return [
        (step, j)
        for step in found
        if (step.call or step.name in NONLINEAR) and step.output.ndim >= 1
        for j, value in enumerate(step.inputs)
        if value.shape == step.output.shape and _float(value) and _float(step.output)
    ]


def _couples(step: Step) -> bool:
    return step.call and "softmax" in step.name


def _identity_derivative(j: int) -> Derivative:
    def derivative(function, inputs):
        z = inputs[j]
        return lax.stop_gradient(function(*inputs)) + z - lax.stop_gradient(z)

    return derivative


def _derivative_at_output(j: int) -> Derivative:
    def derivative(function, inputs):
        z, a = inputs[j], lax.stop_gradient(function(*inputs))
        _, slope = jax.jvp(_of_one(function, inputs, j), (a,), (jnp.ones_like(a),))
        return a + lax.stop_gradient(slope) * (z - lax.stop_gradient(z))

    return derivative


def _diagonal_derivative(j: int, axis: int) -> Derivative:
    def derivative(function, inputs):
        z, a = inputs[j], lax.stop_gradient(function(*inputs))
        shape = tuple(a.shape[axis] if i == axis else 1 for i in range(a.ndim))
        diagonal = jnp.zeros_like(a)
        for k in range(a.shape[axis]):
            unit = (jnp.arange(a.shape[axis]) == k).astype(a.dtype).reshape(shape)
            tangent = jnp.broadcast_to(unit, a.shape)
            diagonal += unit * jax.jvp(_of_one(function, inputs, j), (lax.stop_gradient(z),), (tangent,))[1]
        return a + lax.stop_gradient(diagonal) * (z - lax.stop_gradient(z))

    return derivative


def _of_one(function: Function, inputs: list[Array], j: int) -> Function:
    """The function of its j-th input alone."""
    fixed = [lax.stop_gradient(value) for value in inputs]
    return lambda value: function(*fixed[:j], value, *fixed[j + 1 :])


# ---------------------------------------------------------------------------- mistakes about statistics


def _of_sums(found: list[Step]) -> Iterator[Mistake]:
    """Sums over an axis (means, variances) treated as constants: one, or all over the same axes."""
    sums = [step for step in found if step.axes and step.output.ndim >= 1]
    for axes in sorted({step.axes for step in sums}):
        group = [step for step in sums if step.axes == axes]
        words = f"over axis {axes[0]}" if len(axes) == 1 else f"over axes {axes}"
        yield Mistake(
            "constant statistics",
            f"statistics {words} (batch mean and variance) are treated as constants, but they depend on the input.",
            {step.place: _constant for step in group},
        )
        for step in group:
            yield Mistake(
                "constant statistics",
                f"one of the sums {words} (a batch mean or variance) is treated as a constant.",
                {step.place: _constant},
            )


def _constant(function: Function, inputs: list[Array]) -> Array:
    return lax.stop_gradient(function(*inputs))


# ------------------------------------------------------------------------------- mistakes about Wᵀ δ


def _of_products(found: list[Step]) -> Iterator[Mistake]:
    """The way back through a matrix product without Wᵀ: with W itself, with δ as it is, or summed."""
    for step in found:
        if step.name != "dot_general" or any(value.ndim != 2 for value in step.inputs):
            continue
        for j in (0, 1):
            W = step.inputs[1 - j]
            if W.shape[0] == W.shape[1]:
                yield _without_transpose(step, j, jnp.transpose, "W itself stands where Wᵀ should")
                yield _without_transpose(step, j, lambda W: jnp.eye(W.shape[0], dtype=W.dtype), "Wᵀ is left out")
            yield _without_transpose(step, j, jnp.ones_like, "δ is summed over the units instead of multiplied by Wᵀ")


def _without_transpose(step: Step, j: int, other: Callable[[Array], Array], what: str) -> Mistake:
    """dot(a, W) with the derivative of a passing through other(W)."""

    def derivative(function, inputs):
        fixed = [lax.stop_gradient(value) for value in inputs]
        a, W = inputs[j], inputs[1 - j]

        def product(a, W):
            return function(a, W) if j == 0 else function(W, a)

        by_a = product(a - fixed[j], other(fixed[1 - j]))
        return product(fixed[j], W) + by_a

    shape = " × ".join(str(n) for n in step.inputs[1 - j].shape)
    return Mistake("missing Wᵀ", f"δ is not multiplied by Wᵀ of the {shape} matrix: {what}.", {step.place: derivative})


def _float(value: Array) -> bool:
    return jnp.issubdtype(value.dtype, jnp.floating)
