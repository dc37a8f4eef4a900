"""Learning by perturbing weights: no gradient, only forward passes, and far too many of them.

Claims 2.10-2.12. A loss here is a function from parameters (any pytree of floating-point arrays) to
a scalar. It is compiled together with the loop, once for each function object. Define it once and
reuse it: an equal lambda written anew compiles anew. Values that it closes over are read at the
first call only.
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
Positive: TypeAlias = float | Array


class OneAtATime(NamedTuple):
    """The result of `one_at_a_time`.

    params    after the last step
    history   (steps,), the loss after each step
    accepted  (steps,), whether the change of the step was kept
    """

    params: Params
    history: Float[Array, "steps"]
    accepted: Bool[Array, "steps"]


class AllInParallel(NamedTuple):
    """The result of `all_in_parallel`.

    params   after the last step
    history  (steps,), the loss after each step
    """

    params: Params
    history: Float[Array, "steps"]


def one_at_a_time(
    loss: Objective, params: Params, *, key: PRNGKey, steps: int, sigma: Positive
) -> OneAtATime:
    """Add a random amount to one weight at a time, and keep the change iff the loss falls.

    w_i ← w_i + N(0, σ²), for i picked uniformly among all entries

    loss    params -> floating-point scalar
    params  the start, a pytree of floating-point arrays; structure and dtypes are kept
    key     step s draws from fold_in(key, s)
    steps   at least 1
    sigma   σ, above zero; may be traced

    It takes one forward pass a step, for one weight, and one before the first: steps + 1 in all
    (claim 2.10). A change is kept about half the time where σ is small against the distance to the
    minimum along that weight, and hardly ever where σ is large (claim 2.11). A change to a loss of
    NaN is undone, because NaN is not below any loss. From a start with a loss of NaN no change is
    ever kept.

    Raises ValueError for parameters that are not floating-point or (outside jit) not finite, a loss
    that is not a floating-point scalar, steps < 1, and σ that is not above zero. Sharif S2,
    "Learning by perturbing weights".

    >>> import fnn, jax
    >>> result = fnn.course.perturbation.one_at_a_time(
    ...     lambda w: w**2, 2.0, key=jax.random.key(0), steps=100, sigma=0.5
    ... )
    >>> print(abs(result.params) < 0.1, result.accepted.shape)
    True (100,)
    """
    _check(loss, params, key, steps, sigma)
    return _one_at_a_time(loss, params, key, sigma, steps=steps)


@partial(compiler.jit, static_argnames=("loss", "steps"))
def _one_at_a_time(loss, params, key, sigma, *, steps):
    w, unravel = ravel_pytree(params)
    scale = jnp.asarray(sigma, w.dtype)

    def step(carry, number):
        w, value = carry
        step_key = jax.random.fold_in(key, number)
        index_key, noise_key = jax.random.split(step_key)
        i = jax.random.randint(index_key, (), 0, w.size)
        change = scale * jax.random.normal(noise_key, (), w.dtype)
        trial = w.at[i].add(change)
        trial_value = loss(unravel(trial))
        falls = trial_value < value
        value = jnp.where(falls, trial_value, value)
        w = jnp.where(falls, trial, w)
        return (w, value), (value, falls)

    start = (w, _initial_value(loss, params))
    last, of_steps = jax.lax.scan(step, start, jnp.arange(steps))
    w, _ = last
    history, accepted = of_steps
    return OneAtATime(unravel(w), history, accepted)


def all_in_parallel(
    loss: Objective,
    params: Params,
    *,
    key: PRNGKey,
    steps: int,
    sigma: Positive,
    learning_rate: Positive,
    trials: int = 1,
) -> AllInParallel:
    """Estimate the gradient by random changes of all weights at once, and descend along it.

    ξ_k = σ ε_k, with ε_k ~ N(0, 1) on all weights, k = 1 … K
    ĝ = (1/K) Σ_k (L(w + ξ_k) − L(w)) ξ_k/σ²
    w ← w − η ĝ

    loss           params -> floating-point scalar
    params         the start, a pytree of floating-point arrays; structure and dtypes are kept
    key            step s draws from fold_in(key, s)
    steps          at least 1
    sigma          σ, above zero; may be traced
    learning_rate  η, above zero; may be traced
    trials         K, at least 1; the trials of a step run as one vmap

    ĝ is a forward difference, not one of antithetic pairs. It takes trials + 1 forward passes a
    step, the last one for the new L(w), and one before the first step. A step is always taken; the
    loss may rise.

    ĝ has mean ∇E L(w + ξ), which is ∇L(w) for a loss of up to second degree. For a linear loss it
    has variance (‖g‖² + g_i²)/K in entry i: every other weight is noise to this one, so that the
    trials needed grow with the number of weights (claim 2.12).

    Raises ValueError for parameters that are not floating-point or (outside jit) not finite, a loss
    that is not a floating-point scalar, steps or trials < 1, and σ or η that are not above zero.
    Sharif S2, "Learning by perturbing weights"; Werfel, Xie & Seung 2005.

    >>> import fnn, jax
    >>> result = fnn.course.perturbation.all_in_parallel(
    ...     lambda w: w**2, 2.0, key=jax.random.key(0), steps=100, sigma=0.1, learning_rate=0.05
    ... )
    >>> print(abs(result.params) < 0.1, result.history.shape)
    True (100,)
    """
    _check(loss, params, key, steps, sigma)
    checks.positive("learning_rate", learning_rate)
    checks.count("trials", trials)
    return _all_in_parallel(loss, params, key, sigma, learning_rate, steps=steps, trials=trials)


@partial(compiler.jit, static_argnames=("loss", "steps", "trials"))
def _all_in_parallel(loss, params, key, sigma, learning_rate, *, steps, trials):
    w, unravel = ravel_pytree(params)
    scale = jnp.asarray(sigma, w.dtype)
    eta = jnp.asarray(learning_rate, w.dtype)

    def loss_of_trial(w, xi):
        return loss(unravel(w + xi))

    losses = jax.vmap(loss_of_trial, in_axes=(None, 0))

    def step(carry, number):
        w, value = carry
        step_key = jax.random.fold_in(key, number)
        epsilon = jax.random.normal(step_key, (trials, w.size), w.dtype)
        xi = scale * epsilon
        change = (losses(w, xi) - value).astype(w.dtype)
        direction = change @ epsilon
        w = w - eta * direction / (trials * scale)
        value = loss(unravel(w))
        return (w, value), value

    start = (w, _initial_value(loss, params))
    last, history = jax.lax.scan(step, start, jnp.arange(steps))
    w, _ = last
    return AllInParallel(unravel(w), history)


def _initial_value(loss: Objective, params: Params) -> Scalar:
    """Return L at the start. Refuse a loss that is not a floating-point scalar, while tracing."""
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
            "scalar; take its mean or its sum."
        )
    return value


def _check(loss: Objective, params: Params, key: PRNGKey, steps: int, sigma: Positive) -> None:
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
