"""What an estimator trains, as a builder of `fnn.sweep`: equal for equal arguments."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fnn import optim, penalties
from fnn.activations import Activation
from fnn.losses import get as get_loss
from fnn.losses import squared_error
from fnn.mlp import mlp
from fnn.remembered import remembered
from fnn.types import Layer, Loss

RATE, PENALTY = "learning_rate", "penalty"  # traced: their values share a program
ALIASES = {"logistic": "sigmoid"}
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    name: getattr(optim, name)
    for name in ("adam", "adamw", "sgd", "momentum", "nesterov", "rmsprop", "adagrad")
}
RELUS = ("relu", "leaky_relu", "elu", "gelu", "silu")


class Recipe(NamedTuple):
    """A network, its loss and its optimizer, but for the learning rate and the penalty.

    sizes       (inputs, hidden…, outputs)
    activation  of the hidden layers, a name or a fnn.activations.Activation
    loss        a name or a fnn Loss
    optimizer   a name, or a function learning_rate -> optimizer
    """

    sizes: tuple[int, ...]
    activation: str | Activation
    loss: str | Loss
    optimizer: str | Callable[[Any], Any]
    dropout: float
    batch_norm: Any

    def __call__(self, hyper: Mapping[str, Any]) -> tuple[Layer, Loss, Any]:
        """Return (net, loss, optimizer) for a learning rate and a penalty, which may be traced."""
        loss = penalties.penalized(self.training_loss(), penalties.l2(hyper[PENALTY]))
        make = self.optimizer
        optimizer = OPTIMIZERS[make] if isinstance(make, str) else make
        return self.net(), loss, optimizer(hyper[RATE])

    def net(self) -> Layer:
        """Return the network."""
        activation = self.activation
        name = activation if isinstance(activation, str) else activation.name
        name = ALIASES.get(name, name)
        init = "he" if name in RELUS else "glorot"
        return mlp(
            self.sizes,
            activation=name if isinstance(activation, str) else activation,
            init=init,
            batch_norm=self.batch_norm,
            dropout=self.dropout,
        )

    def training_loss(self) -> Loss:
        """Return the loss; squared errors are halved and averaged over outputs, as sklearn's."""
        if self.loss == "squared_error":
            return scaled(squared_error, 0.5 / self.sizes[-1])
        return get_loss(self.loss)


@remembered
def scaled(loss: Loss, factor: float) -> Loss:
    """Return a loss times a factor."""
    return loss._replace(
        name=f"{factor:g} {loss.name}",
        forward=lambda prediction, target: factor * loss.forward(prediction, target),
        backward=lambda prediction, target: factor * loss.backward(prediction, target),
    )
