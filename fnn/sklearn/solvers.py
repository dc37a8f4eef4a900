"""scikit-learn's solvers, each as a function learning_rate -> optimizer.

Solvers of equal numbers are equal, so the recipes that hold them share their compiled programs.
"""

from typing import Any, NamedTuple, Self

import optax

from fnn import optim

SOLVERS = ("adam", "sgd", "lbfgs")
LEARNING_RATES = ("constant", "invscaling")


class Adam(NamedTuple):
    """Adam, with scikit-learn's names for its numbers."""

    beta_1: float
    beta_2: float
    epsilon: float

    def __call__(self, learning_rate: Any) -> Any:
        """Return the optimizer."""
        return optim.adam(learning_rate, b1=self.beta_1, b2=self.beta_2, eps=self.epsilon)


class Sgd(NamedTuple):
    """Gradient descent with momentum.

    momentum         of the velocity; 0 is plain gradient descent
    nesterov         whether the gradient is that of the point where the velocity leads
    power_t          the learning rate is divided by (1 + examples seen)^power_t, counted in whole
                     epochs; None: it is constant
    epoch_examples   examples of an epoch
    epoch_steps      steps of an epoch
    """

    momentum: float
    nesterov: bool
    power_t: float | None
    epoch_examples: int = 0
    epoch_steps: int = 0

    def __call__(self, learning_rate: Any) -> Any:
        """Return the optimizer."""
        rate = learning_rate
        if self.power_t is not None:
            rate = self._schedule(learning_rate)
        if self.momentum == 0:
            return optim.sgd(rate)
        rule = optim.nesterov if self.nesterov else optim.momentum
        return rule(rate, decay=self.momentum)

    def _schedule(self, learning_rate: Any) -> Any:
        def rate_at(step: Any) -> Any:
            epochs = step // self.epoch_steps
            examples_seen = epochs * self.epoch_examples
            return learning_rate / (1.0 + examples_seen) ** self.power_t

        return rate_at

    def in_epochs(self, examples: int, steps: int) -> Self:
        """Return the solver for epochs of so many examples and steps."""
        if self.power_t is None:
            return self
        return self._replace(epoch_examples=examples, epoch_steps=steps)


class Lbfgs(NamedTuple):
    """L-BFGS with a line search, on all rows at once. It needs no learning rate."""

    def __call__(self, learning_rate: Any) -> Any:
        """Return the optimizer."""
        return optax.lbfgs()
