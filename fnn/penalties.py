"""Regularisers: terms of the objective that depend on the parameters alone.

They act on weight matrices; biases, scales and shifts (arrays of fewer than two axes) are left
alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from fnn import checks, tree
from fnn.remembered import remembered
from fnn.types import Loss, Params, Penalty


@remembered
def l2(strength: float) -> Penalty:
    """½ λ Σ w², so that the gradient is λ w: under plain SGD this is weight decay."""
    checks.non_negative("strength", strength)
    return Penalty(
        lambda params: 0.5 * strength * tree.total(jnp.square, _matrices(params)),
        lambda params: jax.tree.map(lambda w: strength * _if_matrix(w), params),
    )


@remembered
def l1(strength: float) -> Penalty:
    """λ Σ |w|; the gradient is λ sign(w), 0 at w = 0."""
    checks.non_negative("strength", strength)
    return Penalty(
        lambda params: strength * tree.total(jnp.abs, _matrices(params)),
        lambda params: jax.tree.map(lambda w: strength * jnp.sign(_if_matrix(w)), params),
    )


@remembered
def penalized(loss: Loss, penalty: Penalty) -> Loss:
    """The loss with a term on the parameters; penalties add up.

    value_and_grad and train minimise reduction(ℓ) + penalty.value(params). Training histories
    report the loss without it, so that the training and the validation curve compare. Raises
    ValueError for what is not a Penalty.
    """
    if not isinstance(penalty, Penalty):
        raise ValueError(
            f"penalty: got {penalty!r}, expected a Penalty such as fnn.penalties.l2(1e-4)."
        )
    checks.instance("loss", loss, isinstance(loss, Loss), "a Loss such as fnn.losses.squared_error")
    return loss._replace(penalty=penalty if loss.penalty is None else _sum(loss.penalty, penalty))


def _sum(first: Penalty, second: Penalty) -> Penalty:
    return Penalty(
        lambda params: first.value(params) + second.value(params),
        lambda params: tree.add(first.gradient(params), second.gradient(params)),
    )


def _matrices(params: Params) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(params) if np.ndim(leaf) >= 2]


def _if_matrix(leaf: Array) -> Array:
    return leaf if np.ndim(leaf) >= 2 else jnp.zeros_like(leaf)
