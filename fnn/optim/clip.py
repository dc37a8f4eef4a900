"""Gradient clipping, chained before an optimizer.

optax.chain(clip_by_global_norm(1.0), adam(1e-3))
"""

import jax
import jax.numpy as jnp
import optax

from fnn import checks, tree
from fnn.optim.factory import optimizer_factory
from fnn.types import PyTree


@optimizer_factory
def clip_by_value(high: float, low: float | None = None) -> optax.GradientTransformation:
    """Return a transformation that clips each entry of the gradient.

    gᵢ ← min(max(gᵢ, low), high)

    high  the largest entry
    low   the smallest entry; None: −high

    It turns the gradient: Sharif, claim 2.28. NaN stays NaN. Raises ValueError unless low < high.

    >>> import fnn, jax.numpy as jnp
    >>> clip = fnn.optim.clip_by_value(1.0)
    >>> grads, _ = clip.update(jnp.array([3.0, -4.0, 0.5]), clip.init(jnp.zeros(3)))
    >>> print(grads)
    [ 1.  -1.   0.5]
    """
    checks.real("high", high)
    low = -high if low is None else low
    checks.real("low", low)
    is_concrete = checks.is_concrete((low, high))
    if is_concrete and not low < high:
        raise ValueError(f"clip_by_value: got low = {low}, high = {high}, expected low < high.")

    def clip(g):
        smallest = jnp.asarray(low, g.dtype)
        largest = jnp.asarray(high, g.dtype)
        return jnp.clip(g, smallest, largest)

    def clip_leaves(grads):
        return jax.tree.map(clip, grads)

    return _stateless(clip_leaves)


@optimizer_factory
def clip_by_global_norm(max_norm: float) -> optax.GradientTransformation:
    """Return a transformation that shortens gradients and keeps their direction.

    g ← g · min(1, v/‖g‖), where ‖g‖ is the norm over all leaves together

    max_norm  v, the largest norm, above 0

    A zero gradient stays zero. A NaN, or a norm beyond the range of its dtype, makes every entry
    NaN. Pascanu et al. 2013; Sharif, claim 2.29.

    >>> import fnn, jax.numpy as jnp
    >>> clip = fnn.optim.clip_by_global_norm(2.5)
    >>> grads, _ = clip.update(jnp.array([3.0, -4.0]), clip.init(jnp.zeros(2)))
    >>> print(grads)
    [ 1.5 -2. ]
    """
    checks.positive("max_norm", max_norm)

    def clip(grads):
        norm = tree.l2_norm(grads)
        # v/∞ = 0 would silently turn an infinite gradient into 0
        norm = jnp.where(jnp.isfinite(norm), norm, jnp.nan)
        is_short = norm <= max_norm
        divisor = jnp.where(norm == 0, 1.0, norm)
        factor = jnp.where(is_short, 1.0, max_norm / divisor)
        return tree.scale(factor, grads)

    return _stateless(clip)


def _stateless(clip) -> optax.GradientTransformation:
    def init(params: PyTree):
        return optax.EmptyState()

    def update(grads: PyTree, state, params=None):
        return clip(grads), state

    return optax.GradientTransformation(init, update)
