"""At which parameters a network is evaluated, for rules that descend at others."""

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from fnn.optim.shown import Optimizer
from fnn.types import Params, PyTree

EvaluationParams: TypeAlias = Callable[[PyTree, Params], Params]
"""(optimizer state, params) -> the parameters of the network that one gets."""


class EvaluatedAtState(NamedTuple):
    """The state of a rule that says where it is evaluated."""

    inner: PyTree


def evaluated_at(
    optimizer: optax.GradientTransformation, evaluation_params: EvaluationParams
) -> optax.GradientTransformation:
    """Say at which parameters the network of an optimizer is evaluated.

    `fnn.train` and `fnn.sweep` then evaluate each epoch there, and return these as `params`. For
    optax.contrib.schedule_free this is known; a rule of your own that averages says it here. It is
    the outermost: within a chain it is refused, since the chain does not pass it on.

    evaluation_params  (state of the optimizer, params) -> params

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

    # what the rule accepts is what it accepts with this around it
    update.__signature__ = signature(optimizer.update, follow_wrapped=False)  # type: ignore[attr-defined]
    marked = Optimizer(init, update)
    marked.made_by = f"evaluated_at({optimizer!r})"
    marked.evaluation_params = evaluation_params
    return marked


def evaluation_params(
    optimizer: optax.GradientTransformation, state: PyTree, params: Params
) -> Params | None:
    """Return the parameters at which the network is evaluated; None where they are params.

    What is known of optax's rules, wherever they stand in a chain:

    schedule_free  gradients are taken at params, y; what one gets is the average x
    sam            between two updates params are moved to the worst place nearby; what one gets is
                   the parameters before that. With opaque_mode=True params never are there
    """
    own = getattr(optimizer, "evaluation_params", None)
    if own is not None:
        return own(state.inner, params)
    for each in jax.tree.leaves(state, is_leaf=_is_known):
        if isinstance(each, EvaluatedAtState):
            raise ValueError(
                "optimizer: fnn.optim.evaluated_at is within another rule, which does not pass it "
                "on; put it around the whole."
            )
        if isinstance(each, optax.contrib.ScheduleFreeState):
            return optax.contrib.schedule_free_eval_params(each, params)
        if isinstance(each, optax.contrib.SAMState) and each.cache is not None:
            return _before_the_search(each, params)
    return None


def _before_the_search(state: optax.contrib.SAMState, params: Params) -> Params:
    is_moved = state.steps_since_sync > 0
    return jax.tree.map(lambda old, new: jnp.where(is_moved, old, new), state.cache, params)


def _is_known(value: Any) -> bool:
    known = (EvaluatedAtState, optax.contrib.ScheduleFreeState, optax.contrib.SAMState)
    return isinstance(value, known)
