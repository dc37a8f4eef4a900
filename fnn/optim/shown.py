"""Optimizers that say how they were made: print(adam(1e-3)) is adam(learning_rate=0.001).

Made again from equal arguments, they are the same object. They accept and ignore extra arguments of
update, as those of optax do.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import jax
import optax

from fnn.remembered import remembered

P = ParamSpec("P")


class Optimizer(optax.GradientTransformationExtraArgs):
    """optax's pair (init, update), with the call that made it as its repr."""

    made_by: str
    evaluation_params: Callable | None = None

    def __repr__(self) -> str:
        return getattr(self, "made_by", None) or super().__repr__()


def shown(
    factory: Callable[P, optax.GradientTransformation],
) -> Callable[P, optax.GradientTransformation]:
    """Let what a factory makes show its arguments, those that are not the defaults."""
    signature = inspect.signature(factory)

    @remembered
    @wraps(factory)
    def make(*args: P.args, **kwargs: P.kwargs) -> optax.GradientTransformation:
        made = factory(*args, **kwargs)
        optimizer = Optimizer(made.init, with_extra_arguments(made.update))
        given = signature.bind(*args, **kwargs).arguments
        texts = [
            f"{name}={_text(value)}"
            for name, value in given.items()
            if value is not signature.parameters[name].default
        ]
        optimizer.made_by = f"{factory.__name__}({', '.join(texts)})"
        return optimizer

    return make


def with_extra_arguments(update: Callable) -> Callable:
    """Let an update accept arguments that it has no use for."""

    @wraps(update)
    def update_with_extra(grads, state, params=None, **_):
        return update(grads, state, params)

    return update_with_extra


def _text(value: Any) -> str:
    if isinstance(value, jax.core.Tracer):
        return "traced"
    if isinstance(value, (bool, int, float, str, type(None))):
        return repr(value)
    return str(getattr(value, "__name__", value))
