"""Gradient clipping, to be chained before an optimizer: `optax.chain(clip_by_global_norm(1.0),
adam(1e-3))`.
"""

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim.shown import shown
from fnn.types import PyTree


@shown
def clip_by_value(high: float, low: float | None = None) -> optax.GradientTransformation:
    """gᵢ ← min(max(gᵢ, low), high); low is −high unless given.

    It turns the gradient: Sharif, claim 2.28. NaN stays NaN. ValueError unless low < high.
    """
    checks.real("high", high)
    low = -high if low is None else low
    checks.real("low", low)
    if checks.is_concrete((low, high)) and not low < high:
        raise ValueError(f"clip_by_value: got low = {low}, high = {high}, expected low < high.")

    def clip(g):
        return jnp.clip(g, jnp.asarray(low, g.dtype), jnp.asarray(high, g.dtype))

    return _stateless(lambda grads: jax.tree.map(clip, grads))


@shown
def clip_by_global_norm(max_norm: float) -> optax.GradientTransformation:
    """g ← g · min(1, v/‖g‖), ‖g‖ over all leaves together and v = max_norm; the direction stays.

    A zero gradient stays zero; a NaN, or a norm beyond the range of its dtype, shows as NaN in
    every entry. Pascanu et al. 2013; Sharif, claim 2.29.
    """
    checks.positive("max_norm", max_norm)

    def clip(grads):
        norm = tree.l2_norm(grads)
        norm = jnp.where(
            jnp.isfinite(norm), norm, jnp.nan
        )  # v/∞ would turn the gradient into 0, silently
        factor = jnp.where(norm <= max_norm, 1.0, max_norm / jnp.where(norm == 0, 1.0, norm))
        return tree.scale(factor, grads)

    return _stateless(clip)


def _stateless(clip) -> optax.GradientTransformation:
    def init(params: PyTree):
        return optax.EmptyState()

    def update(grads: PyTree, state, params=None):
        return clip(grads), state

    return optax.GradientTransformation(init, update)
