"""Search for mistakes in a matrix product: Wᵀ left out, not transposed, or of another W."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn.gradcheck.flat_jaxpr import Operation, Variable, apply_by_jax
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay, Rule

# Operations that leave a parameter what it is.
RESHAPING = ("transpose", "reshape", "convert_element_type")


class Product(NamedTuple):
    """A product v = W a, or the like with another order.

    operation  the product
    a, W       the variables of its two inputs
    """

    operation: Operation
    a: Variable
    W: Variable

    @property
    def v(self) -> Variable:
        """Return the variable of the result."""
        return self.operation.outputs[0]

    def contribution(self, W: np.ndarray, a: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """Return Wᵀ δ, the contribution of δ_v to δ_a when W stands in the product."""

        def product(a):
            fixed = jnp.asarray(W)
            inputs = [a if variable == self.a else fixed for variable in self.operation.inputs]
            return apply_by_jax(self.operation, inputs)[0]

        _, vjp = jax.vjp(product, jnp.asarray(a))
        return np.asarray(vjp(jnp.asarray(delta))[0])


Replacement = Callable[[np.ndarray], np.ndarray]

REPLACEMENTS: tuple[tuple[Replacement, str], ...] = (
    (lambda W: W.T if W.ndim == 2 else W[..., None], "W itself stands where Wᵀ should"),
    (lambda W: np.eye(len(W)), "Wᵀ is left out"),
    (np.ones_like, "δ is summed over the units instead of multiplied by Wᵀ"),
)
"""Matrices that may stand in the place of W, and a sentence about each."""


def of_products(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield another matrix for Wᵀ, or a δ summed over an axis: in one product, or in all."""
    every_product = products(replay)
    for replacement, text in REPLACEMENTS:
        fitting = [p for p in every_product if _fits(replay, p, replacement)]
        for group in _groups(fitting):
            rules = {p.a: _replaced(replay, p, replacement) for p in group}
            yield BackwardHypothesis(
                "missing Wᵀ",
                f"δ is not multiplied by Wᵀ of {_shapes(replay, group)}: {text}.",
                replay.with_rules(rules).grads,
            )
    for axis in (0, 1):
        for group in _groups(every_product):
            rules = {p.a: _summed(p, axis) for p in group}
            yield BackwardHypothesis(
                "silent broadcast",
                f"Wᵀδ below {_shapes(replay, group)} is summed over axis {axis} and broadcast "
                "back, as a row meets a column.",
                replay.with_rules(rules).grads,
            )


def of_updated_weights(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Yield Wᵀ taken after the step of its own gradient:

    Wᵀ + c (∂L/∂W)ᵀ

    The fitted c is the same in every product.
    """
    trained = [p for p in products(replay) if p.W in replay.flat.dependent]
    if not trained:
        return
    top = max(trained, key=lambda p: p.a)
    others = {}
    for product in trained:
        if product is not top:
            others[product.a] = np.ones_like(replay.values[product.a])
    below = replay.run(others) if others else replay.right
    error = _updated(replay, top, 1.0)(replay.right)
    c = fit(replay, observed, below, [{top.a: error}])
    if c is None:
        return
    rules = {p.a: _updated(replay, p, c[0]) for p in trained}
    yield BackwardHypothesis(
        "stale weights",
        f"δ goes back through W {c[0]:+.4g} ∂L/∂W instead of W: the weights were updated before δ "
        "had passed.",
        replay.with_rules(rules).grads,
    )


# ----------------------------------------------------------------------------------------- products


def products(replay: Replay, *, of_parameters: bool = False) -> list[Product]:
    """Return every product of two matrices, with either input as a.

    of_parameters  whether a is a parameter itself, or else is none
    """
    matrix_products = []
    for operation in replay.flat.operations:
        if operation.primitive != "dot_general":
            continue
        axes = [np.ndim(replay.values[variable]) for variable in operation.inputs]
        if axes != [2, 2] or operation.outputs[0] not in replay.deltas:
            continue
        for a, W in (operation.inputs, operation.inputs[::-1]):
            is_asked_for = is_leaf(replay, a) == of_parameters
            if a != W and a in replay.flat.dependent and is_asked_for:
                matrix_products.append(Product(operation, a, W))
    return matrix_products


def is_leaf(replay: Replay, variable: Variable) -> bool:
    """Return whether a value is a parameter, perhaps transposed."""
    operation = replay.producer(variable)
    if operation is None:
        return variable in replay.flat.leaves
    return operation.primitive in RESHAPING and is_leaf(replay, operation.inputs[0])


def gradient_of_factor(replay: Replay, product: Product) -> np.ndarray:
    """Return the contribution of this product alone to δ_a, by the right rules."""
    W = replay.values[product.W]
    a = replay.values[product.a]
    return product.contribution(W, a, replay.deltas[product.v])


def _groups(products: Sequence[Product]) -> list[list[Product]]:
    """Return each product alone, then all together."""
    alone = [[product] for product in products]
    return [*alone, list(products)] if len(products) > 1 else alone


def _shapes(replay: Replay, group: list[Product]) -> str:
    if len(group) > 1:
        return "every matrix"
    shape = np.shape(replay.values[group[0].W])
    return f"the {' × '.join(map(str, shape))} matrix"


# -------------------------------------------------------------------------------------------- rules


def _fits(replay: Replay, product: Product, replacement: Replacement) -> bool:
    W = replay.values[product.W]
    return np.shape(W) == np.shape(replacement(W))


def _replaced(replay: Replay, product: Product, replacement: Replacement) -> Rule:
    """Return the error of δ_a with another matrix in the place of W."""
    W = replay.values[product.W]
    a = replay.values[product.a]

    def rule(backward):
        change = replacement(W) - W
        return product.contribution(change, a, backward.deltas[product.v])

    return rule


def _updated(replay: Replay, product: Product, c: float) -> Rule:
    """Return the error of δ_a with W + c ∂L/∂W in the place of W.

    The gradient is the one that this product makes of δ.
    """
    W = replay.values[product.W]
    a = replay.values[product.a]
    turned = Product(product.operation, product.W, product.a)

    def rule(backward):
        delta = backward.deltas[product.v]
        update = c * turned.contribution(a, W, delta)
        return product.contribution(update, a, delta)

    return rule


def _summed(product: Product, axis: int) -> Rule:
    """Return the error of a δ_a that is summed over an axis and broadcast back."""

    def rule(backward):
        delta = backward.deltas[product.a]
        return delta.sum(axis=axis, keepdims=True) - delta

    return rule
