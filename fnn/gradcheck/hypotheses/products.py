"""Mistakes about the way back through a matrix product: Wᵀ left out, not transposed, not the W of
the forward pass.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnn.gradcheck.flat_jaxpr import Operation, Variable, apply
from fnn.gradcheck.hypotheses.hypothesis import BackwardHypothesis, Observed, fit
from fnn.gradcheck.replay import Replay, Rule


class Product(NamedTuple):
    """v = W a, or the like with other orders: the operation, and which of its inputs a
    and W are.
    """

    step: Operation
    a: Variable
    W: Variable

    def contribution(self, W: np.ndarray, a: np.ndarray, delta: np.ndarray) -> np.ndarray:
        """What δ_v adds to δ_a when W stands in the product: Wᵀ δ."""

        def product(a):
            inputs = [a if number == self.a else jnp.asarray(W) for number in self.step.inputs]
            return apply(self.step, inputs)[0]

        return np.asarray(jax.vjp(product, jnp.asarray(a))[1](jnp.asarray(delta))[0])


def of_products(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """W, the identity or ones for Wᵀ in one product or in all; a δ summed over an axis; a W that
    was updated.
    """
    known = products(replay)
    for other, what in OTHERS:
        fitting = [
            p
            for p in known
            if np.shape(replay.right.values[p.W]) == np.shape(other(replay.right.values[p.W]))
        ]
        for group in [[p] for p in fitting] + ([fitting] if len(fitting) > 1 else []):
            rules = {p.a: _instead(replay, p, other) for p in group}
            yield BackwardHypothesis("missing Wᵀ", f"δ is not multiplied by Wᵀ of {_shapes(replay, group)}: "
f"{what}.",
                          replay.with_rules(rules).grads)  # fmt: skip
    for axis in (0, 1):
        for group in [[p] for p in known] + ([known] if len(known) > 1 else []):
            rules = {p.a: _summed(p, axis) for p in group}
            yield BackwardHypothesis(
                "silent broadcast",
                f"Wᵀδ below {_shapes(replay, group)} is summed over axis {axis} and broadcast "
                f"back, as a row meets a "
                "column.",
                replay.with_rules(rules).grads,
            )


def of_updated_weights(replay: Replay, observed: Observed) -> Iterator[BackwardHypothesis]:
    """Wᵀ taken after the step of its own gradient: Wᵀ + c (∂L/∂W)ᵀ, with one c in every product."""
    known = [p for p in products(replay) if p.W in replay.flat.dependent]
    if not known:
        return
    top = max(known, key=lambda p: p.a)
    others = {p.a: np.ones_like(replay.right.values[p.a]) for p in known if p is not top}
    below = replay.run(others) if others else replay.right
    c = fit(replay, observed, below, [{top.a: _updated(replay, top, 1.0)(replay.right)}])
    if c is None:
        return
    rules = {p.a: _updated(replay, p, c[0]) for p in known}
    yield BackwardHypothesis(
        "stale weights",
        f"δ goes back through W {c[0]:+.4g} ∂L/∂W instead of W: the weights were updated before δ "
        f"had passed.",
        replay.with_rules(rules).grads,
    )


OTHERS: tuple[tuple[Callable[[np.ndarray], np.ndarray], str], ...] = (
    (lambda W: W.T if W.ndim == 2 else W[..., None], "W itself stands where Wᵀ should"),
    (lambda W: np.eye(len(W)), "Wᵀ is left out"),
    (np.ones_like, "δ is summed over the units instead of multiplied by Wᵀ"),
)
"""What stands for W, and how to say so."""


def products(replay: Replay, *, of_parameters: bool = False) -> list[Product]:
    """Every product of two matrices, a being the one that is no parameter itself, or else the one
    that is.
    """
    found = []
    for step in replay.flat.operations:
        if step.equation.primitive.name == "dot_general" and step.outputs[0] in replay.right.deltas:
            shapes = [np.ndim(replay.right.values[number]) for number in step.inputs]
            for a, W in (step.inputs, step.inputs[::-1]):
                if (
                    shapes == [2, 2]
                    and a != W
                    and a in replay.flat.dependent
                    and is_leaf(replay, a) == of_parameters
                ):
                    found.append(Product(step, a, W))
    return found


def is_leaf(replay: Replay, number: Variable) -> bool:
    """Whether a value is a parameter, perhaps transposed."""
    step = replay.producer(number)
    if step is None:
        return number in replay.flat.leaves
    return step.equation.primitive.name in (
        "transpose",
        "reshape",
        "convert_element_type",
    ) and is_leaf(replay, step.inputs[0])


def _instead(replay: Replay, product: Product, other: Callable[[np.ndarray], np.ndarray]) -> Rule:
    """The error of δ_a with other(W) in the place of W."""
    W, a = replay.right.values[product.W], replay.right.values[product.a]

    def rule(found):
        return product.contribution(other(W) - W, a, found.deltas[product.step.outputs[0]])

    return rule


def _updated(replay: Replay, product: Product, c: float) -> Rule:
    """The error of δ_a with W + c ∂L/∂W in the place of W, the gradient being what this product
    makes of δ.
    """
    W, a = replay.right.values[product.W], replay.right.values[product.a]
    turned = Product(product.step, product.W, product.a)

    def rule(found):
        delta = found.deltas[product.step.outputs[0]]
        return product.contribution(c * turned.contribution(a, W, delta), a, delta)

    return rule


def gradient_of_factor(replay: Replay, product: Product) -> np.ndarray:
    """What this product alone contributes to δ_a, by the right rules."""
    values, deltas = replay.right.values, replay.right.deltas
    return product.contribution(
        values[product.W], values[product.a], deltas[product.step.outputs[0]]
    )


def _summed(product: Product, axis: int) -> Rule:
    """The error of δ_a summed over an axis, and broadcast back."""

    def rule(found):
        delta = found.deltas[product.a]
        return delta.sum(axis=axis, keepdims=True) - delta

    return rule


def _shapes(replay: Replay, group: list[Product]) -> str:
    texts = dict.fromkeys(" × ".join(map(str, np.shape(replay.right.values[p.W]))) for p in group)
    return f"the {', '.join(texts)} matrix" if len(group) == 1 else "every matrix"
