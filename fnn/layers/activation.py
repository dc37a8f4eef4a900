"""An activation as a layer: a = σ(z)."""

from fnn import activations
from fnn.activations import Activation
from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def activation(activation: str | Activation) -> Layer:
    """a = σ(z), without parameters. ValueError for unknown names."""
    sigma = activations.get(activation)

    def forward(params, state, z, *, key=None, train=False):
        return sigma.value(z), state, z

    def backward(params, z, da):
        return params, sigma.backward(z, da)

    return Layer(_no_parameters, forward, backward, sigma.name, per_example=True)


def _no_parameters(key):
    return (), ()
