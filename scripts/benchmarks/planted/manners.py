"""The ways to write a loss and its gradient: functions, a class, one function, in float32."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from planted.networks import Case, loss


class ModelClass:
    """A class as in courses: backward reads values that forward has kept."""

    def __init__(self, case: Case, gradient: Callable) -> None:
        self.case, self.gradient = case, gradient

    def forward(self, params: Any) -> Any:
        """Return the loss at params, and keep them."""
        self.params = params
        return loss(self.case, params)

    def backward(self) -> Any:
        """Return the gradient at the params that forward has kept."""
        return self.gradient(self.params)


def arguments(case: Case, gradient: Callable, manner: str) -> tuple[Any, ...]:
    """Return the arguments of `fnn.check_gradient` before params."""
    value = partial(loss, case)
    if manner == "class":
        model = ModelClass(case, gradient)
        return model.forward, model.backward
    if manner == "loss and grads":
        return (lambda params: (value(params), gradient(params)),)
    if manner.startswith("float32"):
        return value, lambda params: gradient(
            jax.tree.map(lambda leaf: leaf.astype("float32"), params)
        )
    return value, gradient
