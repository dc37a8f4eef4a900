"""The path of an optimizer over a function, point by point, and what it makes of given
gradients.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

from fnn import checks, compiler
from fnn.types import Params, PRNGKey, PyTree


def trajectory(
    gradient: Callable[..., Params],
    optimizer: optax.GradientTransformation,
    params: Params,
    *,
    steps: int,
    key: PRNGKey | None = None,
) -> PyTree:
    """params before and after each of `steps` updates: the structure of params, leaves (steps + 1,
    …).

    gradient  params -> ∂L/∂params; with a key, gradient(params, key) with fold_in(key, s) in step
              s, for a gradient estimated from a sample

    One program, which can be jitted and vmapped, over starts or learning rates for instance. Points
    that are not finite stay in the path. Raises ValueError for steps < 1 and a gradient of another
    structure than params.
    """
    checks.function("gradient", gradient)
    checks.floating("params", params)
    checks.count("steps", steps)

    def step(carry, number):
        params, state = carry
        found = (
            gradient(params) if key is None else gradient(params, jax.random.fold_in(key, number))
        )
        checks.gradients(found, params)
        updates, state = optimizer.update(found, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    params = jax.tree.map(jnp.asarray, params)
    _, after = compiler.scan(step, (params, optimizer.init(params)), jnp.arange(steps))
    return jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), params, after)


def updates_for(
    optimizer: optax.GradientTransformation, params: Params, gradients: Params
) -> PyTree:
    """The updates that an optimizer makes of these gradients, one after the other, whatever the
    point: an impulse and then nothing, for instance, shows its momentum.

    gradients  the structure of params, leaves (steps, …), as is what is returned

    Raises ValueError for gradients of another structure or shapes than params.
    """
    checks.floating("params", params)

    def step(carry, found):
        params, state = carry
        checks.gradients(found, params)
        updates, state = optimizer.update(found, state, params)
        return (optax.apply_updates(params, updates), state), updates

    params = jax.tree.map(jnp.asarray, params)
    _, updates = compiler.scan(
        step, (params, optimizer.init(params)), jax.tree.map(jnp.asarray, gradients)
    )
    return updates
