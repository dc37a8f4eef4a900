"""Rules as the course's documents print them, where that is not the form in use."""

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
    """Return Piccoli's AdaDelta, θ ← θ − η g/√(E[g²] + ε), which is `fnn.optim.rmsprop`.

    The average of the squared updates, from which AdaDelta has its name, is missing in the printed
    rule (X10, 4.29); `fnn.optim.adadelta` is Zeiler's.

    learning_rate  η: a small one, for the rule has no scale of its own
    decay          γ of the average of g²
    eps            ε, inside the root
    """
    return rmsprop(learning_rate, decay=decay, eps=eps)
