"""Learning by perturbing weights: no gradient, only forward passes, and far too many of them
(claims 2.10-2.12).

A loss here is a function from parameters (any pytree of floating-point arrays) to a scalar. It is
compiled together with the loop, once for each loss object: define it once and reuse it, because an
equal lambda written anew compiles anew, and what it closes over is read at the first call only.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Scalar

from fnn import checks, compiler
from fnn.types import Params, PRNGKey

Objective: TypeAlias = Callable[[Params], Scalar]


class OneAtATime(NamedTuple):
    """The parameters reached, the loss after each step, and whether the step's change was kept."""

    params: Params
    history: Float[Array, "steps"]
    accepted: Bool[Array, "steps"]


class AllInParallel(NamedTuple):
    """The parameters reached, and the loss after each step."""

    params: Params
    history: Float[Array, "steps"]


def one_at_a_time(
    loss: Objective, params: Params, *, key: PRNGKey, steps: int, sigma: float | Array
) -> OneAtATime:
    """Add N(0, σ²) to one weight, picked uniformly among all entries, and keep the change iff the
    loss falls.

    One forward pass a step, for one weight, and one before the first: steps + 1 in all (claim
    2.10). A change is kept about half the time where σ is small against the distance to the minimum
    along that weight, and hardly ever where it is large (claim 2.11). Step s draws from
    fold_in(key, s). σ may be traced. A loss of NaN is not below anything: such a change is undone,
    and from a start with loss NaN nothing is ever kept.

    Parameters keep their structure and dtypes. Raises ValueError for parameters that are not
    floating-point or (outside jit) not finite, a loss that is not a floating-point scalar, steps <
    1, and σ that is not above zero. Sharif S2, "Learning by perturbing weights".
    """
    _check(loss, params, key, steps, sigma)
    return _one_at_a_time(loss, params, key, sigma, steps=steps)


@partial(compiler.jit, static_argnames=("loss", "steps"))
def _one_at_a_time(loss, params, key, sigma, *, steps):
    w, unravel = ravel_pytree(params)
    scale = jnp.asarray(sigma, w.dtype)

    def step(carry, number):
        w, value = carry
        which, noise = jax.random.split(jax.random.fold_in(key, number))
        i = jax.random.randint(which, (), 0, w.size)
        trial = w.at[i].add(scale * jax.random.normal(noise, (), w.dtype))
        trial_value = loss(unravel(trial))
        falls = trial_value < value
        value = jnp.where(falls, trial_value, value)
        return (jnp.where(falls, trial, w), value), (value, falls)

    (w, _), (history, accepted) = jax.lax.scan(step, (w, _initial(loss, params)), jnp.arange(steps))
    return OneAtATime(unravel(w), history, accepted)


def all_in_parallel(
    loss: Objective,
    params: Params,
    *,
    key: PRNGKey,
    steps: int,
    sigma: float | Array,
    learning_rate: float | Array,
    trials: int = 1,
) -> AllInParallel:
    """w ← w − η ĝ with ĝ = (1/K) Σ_k (L(w + ξ_k) − L(w)) ξ_k/σ², K trials of ξ_k = σ ε_k, ε_k ~
    N(0, 1) on all weights.

    A forward difference, not antithetic pairs: trials + 1 forward passes a step, the last one for
    the new L(w), and one before the first step. ĝ has mean ∇E L(w + ξ), which is ∇L(w) for a loss
    of up to second degree, and variance (‖g‖² + g_i²)/K in entry i for a linear loss: every other
    weight is noise to this one, so that the trials needed grow with the number of weights (claim
    2.12). A step is always taken; the loss may rise. Step s draws from fold_in(key, s); the trials
    of a step run as one vmap. σ and η may be traced.

    Parameters keep their structure and dtypes. Raises ValueError for parameters that are not
    floating-point or (outside jit) not finite, a loss that is not a floating-point scalar, steps or
    trials < 1, and σ or η that are not above zero. Sharif S2, "Learning by perturbing weights";
    Werfel, Xie & Seung 2005.
    """
    _check(loss, params, key, steps, sigma)
    checks.positive("learning_rate", learning_rate)
    checks.count("trials", trials)
    return _all_in_parallel(loss, params, key, sigma, learning_rate, steps=steps, trials=trials)


@partial(compiler.jit, static_argnames=("loss", "steps", "trials"))
def _all_in_parallel(loss, params, key, sigma, learning_rate, *, steps, trials):
    w, unravel = ravel_pytree(params)
    scale, eta = jnp.asarray(sigma, w.dtype), jnp.asarray(learning_rate, w.dtype)
    losses = jax.vmap(lambda w, xi: loss(unravel(w + xi)), in_axes=(None, 0))

    def step(carry, number):
        w, value = carry
        epsilon = jax.random.normal(jax.random.fold_in(key, number), (trials, w.size), w.dtype)
        change = (losses(w, scale * epsilon) - value).astype(w.dtype)
        w = w - eta * (change @ epsilon) / (trials * scale)
        value = loss(unravel(w))
        return (w, value), value

    (w, _), history = jax.lax.scan(step, (w, _initial(loss, params)), jnp.arange(steps))
    return AllInParallel(unravel(w), history)


def _initial(loss: Objective, params: Params) -> Scalar:
    """L at the start, refused while tracing where it is not a floating-point scalar."""
    returned = loss(params)
    try:
        value = jnp.asarray(returned)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"loss: returned {returned!r}, expected a floating-point scalar."
        ) from error
    if value.shape != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(
            f"loss: returned shape {value.shape} of {value.dtype}, expected a floating-point "
            f"scalar; take its mean "
            "or its sum."
        )
    return value


def _check(loss: Objective, params: Params, key: PRNGKey, steps: int, sigma: float | Array) -> None:
    if not callable(loss):
        raise ValueError(f"loss: got {loss!r}, expected a function from params to a scalar.")
    leaves = jax.tree.leaves_with_path(params)
    if not any(np.size(leaf) for _, leaf in leaves):
        raise ValueError(
            f"params: got {params!r}, which holds no array; expected at least one weight."
        )
    checks.floating("params", params)
    for path, leaf in leaves:
        if checks.is_concrete(leaf):
            checks.finite(f"params{jax.tree_util.keystr(path)}", leaf)
    checks.key("key", key)
    checks.count("steps", steps)
    checks.positive("sigma", sigma)
