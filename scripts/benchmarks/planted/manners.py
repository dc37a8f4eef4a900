"""How a loss and its gradient are written: functions, a class, one function, in float32."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from planted.networks import Case, loss


class Kept:
    """A class as courses have it: backward reads what forward has kept."""

    def __init__(self, case: Case, gradient: Callable) -> None:
        self.case, self.gradient = case, gradient

    def forward(self, params: Any) -> Any:
        """The loss at params, which it keeps."""
        self.params = params
        return loss(self.case, params)

    def backward(self) -> Any:
        """The gradient at what forward has kept."""
        return self.gradient(self.params)


def arguments(case: Case, gradient: Callable, manner: str) -> tuple[Any, ...]:
    """What `fnn.check_gradient` is given before params."""
    value = partial(loss, case)
    if manner == "class":
        model = Kept(case, gradient)
        return model.forward, model.backward
    if manner == "loss and grads":
        return (lambda params: (value(params), gradient(params)),)
    if manner.startswith("float32"):
        return value, lambda params: gradient(
            jax.tree.map(lambda leaf: leaf.astype("float32"), params)
        )
    return value, gradient
