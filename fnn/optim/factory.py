"""Make optimizers that print the call that made them: `adam(learning_rate=0.001)`.

A factory that is decorated with `optimizer_factory` returns the same object for equal arguments.
The optimizer that it returns accepts and ignores extra arguments of `update`, as those of optax do.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import jax
import optax

from fnn.remembered import remembered

P = ParamSpec("P")
Factory = Callable[P, optax.GradientTransformation]


class Optimizer(optax.GradientTransformationExtraArgs):
    """The pair (init, update) of optax, with the call that made it as its repr."""

    made_by: str
    evaluation_params: Callable | None = None

    def __repr__(self) -> str:
        call = getattr(self, "made_by", None)
        return call or super().__repr__()


def optimizer_factory(factory: Factory[P]) -> Factory[P]:
    """Let the optimizers of a factory print their arguments, except those at their defaults.

    >>> import fnn
    >>> fnn.optim.adam(1e-3, b1=0.8, b2=0.999)
    adam(learning_rate=0.001, b1=0.8, b2=0.999)
    """
    signature = inspect.signature(factory)

    @remembered
    @wraps(factory)
    def make(*args: P.args, **kwargs: P.kwargs) -> optax.GradientTransformation:
        made = factory(*args, **kwargs)
        optimizer = Optimizer(made.init, with_extra_arguments(made.update))
        arguments = signature.bind(*args, **kwargs).arguments
        texts = []
        for name, value in arguments.items():
            default = signature.parameters[name].default
            if value is not default:
                texts.append(f"{name}={_text(value)}")
        optimizer.made_by = f"{factory.__name__}({', '.join(texts)})"
        return optimizer

    return make


def with_extra_arguments(update: Callable) -> Callable:
    """Let an `update` accept extra arguments and ignore them."""

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
