"""`Recipe`: the network, loss and optimizer of an estimator, as a builder of `fnn.sweep`.

Recipes of equal arguments are equal, so they share their compiled programs.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, NamedTuple

from fnn import optim, penalties
from fnn.activations import Activation
from fnn.losses import get as get_loss
from fnn.losses import squared_error
from fnn.mlp import mlp
from fnn.remembered import remembered
from fnn.types import Layer, Loss

RATE, PENALTY = "learning_rate", "penalty"  # traced, so that their values share a program
ALIASES = {"logistic": "sigmoid"}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    name: getattr(optim, name)
    for name in optim.__all__
    if name.islower() and RATE in signature(getattr(optim, name)).parameters
}
RELUS = ("relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu")


class Recipe(NamedTuple):
    """A network, its loss and its optimizer, without the learning rate and the penalty.

    sizes       (inputs, hidden…, outputs)
    activation  of the hidden layers: a name or an Activation
    loss        a name or a Loss
    optimizer   a name, or a function learning_rate -> optimizer
    dropout     as for `fnn.mlp`
    batch_norm  as for `fnn.mlp`
    """

    sizes: tuple[int, ...]
    activation: str | Activation
    loss: str | Loss
    optimizer: Any
    dropout: float
    batch_norm: Any

    def __call__(self, hyper: Mapping[str, Any]) -> tuple[Layer, Loss, Any]:
        """Return (net, loss, optimizer) for a learning rate and a penalty, which may be traced."""
        penalty = penalties.l2(hyper[PENALTY])
        loss = penalties.penalized(self.training_loss(), penalty)
        make_optimizer = self.optimizer
        if isinstance(make_optimizer, str):
            make_optimizer = OPTIMIZERS[make_optimizer]
        return self.net(), loss, make_optimizer(hyper[RATE])

    def net(self) -> Layer:
        """Return the network, initialized by "he" for activations of the ReLU family."""
        activation = self.activation
        if isinstance(activation, str):
            activation = ALIASES.get(activation, activation)
            name = activation
        else:
            name = ALIASES.get(activation.name, activation.name)
        init = "he" if name in RELUS else "glorot"
        return mlp(
            self.sizes,
            activation=activation,
            init=init,
            batch_norm=self.batch_norm,
            dropout=self.dropout,
        )

    def training_loss(self) -> Loss:
        """Return the loss. Squared errors are halved and averaged over outputs, as sklearn does."""
        if self.loss == "squared_error":
            outputs = self.sizes[-1]
            return scaled(squared_error, 0.5 / outputs)
        return get_loss(self.loss)


@remembered
def scaled(loss: Loss, factor: float) -> Loss:
    """Return a loss times a factor."""
    return loss._replace(
        name=f"{factor:g} {loss.name}",
        forward=lambda prediction, target: factor * loss.forward(prediction, target),
        backward=lambda prediction, target: factor * loss.backward(prediction, target),
    )
