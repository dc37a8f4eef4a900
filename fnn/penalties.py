"""Penalties: terms of the objective that depend on the parameters alone.

They act on weight matrices. Biases, scales and shifts (arrays of fewer than two axes) are left
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
    """Return the L2 penalty. Under plain SGD it is weight decay.

    value     ½ λ Σ w²
    gradient  λ w

    strength  λ, at least 0

    >>> import fnn, jax.numpy as jnp
    >>> penalty = fnn.penalties.l2(0.5)
    >>> print(penalty.value({"W": jnp.array([[2.0, 4.0]]), "b": jnp.array([3.0])}))
    5.0
    """
    checks.non_negative("strength", strength)

    def value(params):
        squares = tree.total(jnp.square, _matrices(params))
        return 0.5 * strength * squares

    def gradient_of(w):
        return strength * _if_matrix(w)

    def gradient(params):
        return jax.tree.map(gradient_of, params)

    return Penalty(value, gradient)


@remembered
def l1(strength: float) -> Penalty:
    """Return the L1 penalty.

    value     λ Σ |w|
    gradient  λ sign(w), and 0 at w = 0

    strength  λ, at least 0

    >>> import fnn, jax.numpy as jnp
    >>> penalty = fnn.penalties.l1(0.5)
    >>> print(penalty.gradient({"W": jnp.array([[2.0, -4.0]]), "b": jnp.array([3.0])}))
    {'W': Array([[ 0.5, -0.5]], dtype=float32), 'b': Array([0.], dtype=float32)}
    """
    checks.non_negative("strength", strength)

    def value(params):
        magnitudes = tree.total(jnp.abs, _matrices(params))
        return strength * magnitudes

    def gradient_of(w):
        return strength * jnp.sign(_if_matrix(w))

    def gradient(params):
        return jax.tree.map(gradient_of, params)

    return Penalty(value, gradient)


@remembered
def penalized(loss: Loss, penalty: Penalty) -> Loss:
    """Return the loss with a penalty on the parameters. Penalties add up.

    loss     an `fnn.Loss`, which may have a penalty already
    penalty  such as `l2(1e-4)`

    value_and_grad and train minimise reduction(ℓ) + penalty.value(params). Histories report the
    loss without the penalty, so that training and validation curves compare. Raises ValueError for
    a loss or a penalty of another type.

    >>> import fnn
    >>> fnn.penalties.penalized(fnn.losses.squared_error, fnn.penalties.l2(1e-4))
    Loss(squared_error, no accuracy, penalized)
    """
    if not isinstance(penalty, Penalty):
        raise ValueError(
            f"penalty: got {penalty!r}, expected a Penalty such as fnn.penalties.l2(1e-4)."
        )
    checks.instance("loss", loss, isinstance(loss, Loss), "a Loss such as fnn.losses.squared_error")
    if loss.penalty is not None:
        penalty = _sum(loss.penalty, penalty)
    return loss._replace(penalty=penalty)


def _sum(first: Penalty, second: Penalty) -> Penalty:
    def value(params):
        return first.value(params) + second.value(params)

    def gradient(params):
        return tree.add(first.gradient(params), second.gradient(params))

    return Penalty(value, gradient)


def _matrices(params: Params) -> list[Array]:
    return [leaf for leaf in jax.tree.leaves(params) if np.ndim(leaf) >= 2]


def _if_matrix(leaf: Array) -> Array:
    return leaf if np.ndim(leaf) >= 2 else jnp.zeros_like(leaf)
