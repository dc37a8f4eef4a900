"""The path of an optimizer over a function, and its updates for given gradients."""

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
    """Return the parameters before and after each of `steps` updates.

    gradient   params -> ∂L/∂params; with a key, gradient(params, key), for a gradient estimated
               from a sample
    optimizer  an optax rule
    params     the start
    steps      number of updates, at least 1
    key        random key or None; step s passes fold_in(key, s) to `gradient`

    Returns the structure of params, with leaves (steps + 1, …). It is one program, which can be
    jitted and vmapped, over starts or learning rates for instance. Points that are not finite stay
    in the path. Raises ValueError for steps < 1 and a gradient of another structure than params.

    >>> import fnn
    >>> optimizer = fnn.optim.sgd(0.25)
    >>> path = fnn.course.descent.trajectory(lambda x: 2 * x, optimizer, 8.0, steps=3)
    >>> print(path)
    [8. 4. 2. 1.]
    """
    checks.function("gradient", gradient)
    checks.floating("params", params)
    checks.count("steps", steps)

    def gradient_in_step(params, number):
        if key is None:
            return gradient(params)
        return gradient(params, jax.random.fold_in(key, number))

    def step(carry, number):
        params, state = carry
        grads = gradient_in_step(params, number)
        checks.gradients(grads, params)
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    params = jax.tree.map(jnp.asarray, params)
    start = (params, optimizer.init(params))
    _, after = compiler.scan(step, start, jnp.arange(steps))
    return jax.tree.map(_prepended, params, after)


def _prepended(first, rest):
    return jnp.concatenate([first[None], rest])


def updates_for(
    optimizer: optax.GradientTransformation, params: Params, gradients: Params
) -> PyTree:
    """Return the updates that an optimizer makes of given gradients, at any point.

    optimizer  an optax rule
    params     the start
    gradients  the structure of params, leaves (steps, …), one entry a step

    Returns the structure of gradients. An impulse and then zeros, for instance, show the momentum
    of an optimizer. Raises ValueError for gradients of another structure or shapes than params.

    >>> import fnn, jax.numpy as jnp
    >>> optimizer = fnn.optim.momentum(1.0, decay=0.5)
    >>> impulse = jnp.array([1.0, 0.0, 0.0])
    >>> print(fnn.course.descent.updates_for(optimizer, 0.0, impulse))
    [-1.   -0.5  -0.25]
    """
    checks.floating("params", params)

    def step(carry, grads):
        params, state = carry
        checks.gradients(grads, params)
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), updates

    params = jax.tree.map(jnp.asarray, params)
    start = (params, optimizer.init(params))
    gradients = jax.tree.map(jnp.asarray, gradients)
    _, updates = compiler.scan(step, start, gradients)
    return updates
