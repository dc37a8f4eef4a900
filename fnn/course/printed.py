"""Rules as the course's documents print them, where the form in use differs."""

import optax

from fnn.activations import make_relu
from fnn.optim.factory import optimizer_factory
from fnn.optim.learning_rate import LearningRate
from fnn.optim.rmsprop import rmsprop

relu_half = make_relu(0.5, "relu_half")
"""ReLU with the slope ½ at 0. `fnn.activations.relu` has 0 there, as autodiff has."""

relu_one = make_relu(1.0, "relu_one")
"""ReLU with the slope 1 at 0."""


@optimizer_factory
def adadelta(
    learning_rate: LearningRate, *, decay: float = 0.95, eps: float = 1e-6
) -> optax.GradientTransformation:
    """Return AdaDelta as Piccoli prints it, which is `fnn.optim.rmsprop`.

    E[g²] ← γ E[g²] + (1 − γ) g²
    θ ← θ − η g/√(E[g²] + ε)

    learning_rate  η: a small one, since the rule has no scale of its own
    decay          γ of the average of g²
    eps            ε, inside the root

    The printed rule lacks the average of the squared updates, from which AdaDelta has its name
    (X10, 4.29). `fnn.optim.adadelta` is Zeiler's rule.

    >>> import fnn
    >>> fnn.course.printed.adadelta(0.01)
    adadelta(learning_rate=0.01)
    """
    return rmsprop(learning_rate, decay=decay, eps=eps)
