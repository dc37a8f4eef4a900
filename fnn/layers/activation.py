"""An activation as a layer: a = σ(z)."""

from fnn import activations
from fnn.activations import Activation
from fnn.remembered import remembered
from fnn.types import Layer


@remembered
def activation(activation: str | Activation) -> Layer:
    """Return the layer a = σ(z), which has no parameters.

    activation  a name such as "relu", or an `fnn.Activation`

    Raises ValueError for unknown names.

    >>> import fnn, jax.numpy as jnp
    >>> layer = fnn.layers.activation("relu")
    >>> a, state, residuals = layer.forward((), (), jnp.array([[-1.0, 2.0]]))
    >>> print(a)
    [[0. 2.]]
    """
    sigma = activations.get(activation)

    def forward(params, state, z, *, key=None, train=False):
        a = sigma.value(z)
        return a, state, z

    def backward(params, z, da):
        dz = sigma.backward(z, da)
        return params, dz

    return Layer(_no_parameters, forward, backward, sigma.name, per_example=True)


def _no_parameters(key):
    return (), ()
