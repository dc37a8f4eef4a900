"""Find the parameters of the network that a user gets, where a rule takes gradients at others."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from fnn import checks
from fnn.optim.factory import Optimizer
from fnn.types import Params, PyTree

EvaluationParams: TypeAlias = Callable[[PyTree, Params], Params]
"""(optimizer state, params) -> the parameters at which the network is evaluated."""


class EvaluatedAtState(NamedTuple):
    """The state of an optimizer that `evaluated_at` marked."""

    inner: PyTree


def evaluated_at(
    optimizer: optax.GradientTransformation, evaluation_params: EvaluationParams
) -> optax.GradientTransformation:
    """Mark an optimizer with the parameters at which its network is evaluated.

    optimizer          any optax rule
    evaluation_params  function (state of the optimizer, params) -> params

    `fnn.train` and `fnn.sweep` then evaluate each epoch there, and return these as `params`.
    optax.contrib.schedule_free and sam need no mark. A rule of your own that averages needs one.
    Put it around the whole optimizer: a chain does not pass it on, and is refused. Raises
    ValueError where evaluation_params is no function.

    >>> import jax, optax, fnn
    >>> average = optax.contrib.schedule_free_sgd(0.1)
    >>> rule = fnn.optim.evaluated_at(average, optax.contrib.schedule_free_eval_params)
    """
    if not callable(evaluation_params):
        raise ValueError(
            f"evaluation_params: got {evaluation_params!r}, expected a function (optimizer state, "
            "params) -> params."
        )

    def init(params: Params) -> EvaluatedAtState:
        return EvaluatedAtState(optimizer.init(params))

    @wraps(optimizer.update)
    def update(grads, state, params=None, **extra):
        updates, inner = optimizer.update(grads, state.inner, params, **extra)
        return updates, EvaluatedAtState(inner)

    # the trainer reads the signature to learn which extra arguments the inner rule takes
    inner_signature = signature(optimizer.update, follow_wrapped=False)
    update.__signature__ = inner_signature  # type: ignore[attr-defined]
    marked = Optimizer(init, update)
    marked.made_by = f"evaluated_at({optimizer!r})"
    marked.evaluation_params = evaluation_params
    return marked


def evaluation_params(
    optimizer: optax.GradientTransformation, state: PyTree, params: Params
) -> Params | None:
    """Return the parameters at which the network is evaluated; None where these are params.

    optimizer  the rule that made the state
    state      its state after an update
    params     the parameters after that update

    Besides rules marked by `evaluated_at`, it knows two of optax's, wherever in a chain they stand:

    schedule_free  takes gradients at params, y; the network is evaluated at the average x
    sam            moves params to the worst place nearby between two updates; the network is
                   evaluated at the parameters before that. With opaque_mode=True params never are
                   there

    Raises ValueError where `evaluated_at` stands within another rule, and where schedule_free
    stands in it twice or updates a part of params.

    >>> import jax.numpy as jnp, optax, fnn
    >>> theta = jnp.array([1.0, 2.0])
    >>> optimizer = fnn.optim.sgd(0.1)
    >>> print(fnn.optim.evaluation_params(optimizer, optimizer.init(theta), theta))
    None
    """
    of_optimizer = getattr(optimizer, "evaluation_params", None)
    if of_optimizer is not None:
        return of_optimizer(state.inner, params)
    parts = jax.tree.leaves(state, is_leaf=_is_known)
    averages = [part for part in parts if isinstance(part, optax.contrib.ScheduleFreeState)]
    if averages:
        _check_average(averages, params)
    for part in parts:
        if isinstance(part, EvaluatedAtState):
            raise ValueError(
                "optimizer: fnn.optim.evaluated_at is within another rule, which does not pass it "
                "on; put it around the whole."
            )
        if isinstance(part, optax.contrib.ScheduleFreeState):
            return optax.contrib.schedule_free_eval_params(part, params)
        if isinstance(part, optax.contrib.SAMState) and part.cache is not None:
            return _before_ascent(part, params)
    return None


def _check_average(averages: list[optax.contrib.ScheduleFreeState], params: Params) -> None:
    """Refuse averages of which none is that of all parameters."""
    if len(averages) > 1:
        raise ValueError(
            "optimizer: schedule_free stands in it several times, so the average at which the "
            "network is evaluated is not known; put fnn.optim.evaluated_at around the whole."
        )
    if checks.difference(averages[0].z, params):
        raise ValueError(
            "optimizer: schedule_free updates a part of the parameters; put "
            "fnn.optim.evaluated_at around the whole, which says where the network is evaluated."
        )


def _before_ascent(state: optax.contrib.SAMState, params: Params) -> Params:
    """Return the parameters before SAM moved them to the worst place nearby."""
    is_moved = state.steps_since_sync > 0
    return jax.tree.map(lambda old, new: jnp.where(is_moved, old, new), state.cache, params)


def _is_known(value: Any) -> bool:
    known = (EvaluatedAtState, optax.contrib.ScheduleFreeState, optax.contrib.SAMState)
    return isinstance(value, known)
