"""The networks in which a fault can happen."""

from planted.networks import Network

CURVED = ("sigmoid", "tanh", "softplus")


def batched(network: Network) -> bool:
    """Return whether there is more than one example."""
    return network.batch > 1


def several_outputs(network: Network) -> bool:
    """Return whether there is more than one output."""
    return network.sizes[-1] > 1


def weighted(network: Network) -> bool:
    """Return whether examples count differently."""
    return network.weighted


def wide(network: Network) -> bool:
    """Return whether some layer has several units."""
    return max(network.sizes[1:]) > 1


def plain(network: Network) -> bool:
    """Return whether biases have gradients: before batch norm they have none."""
    return not network.batch_norm


def plain_hidden(network: Network) -> bool:
    """Return whether there are several hidden units, and no batch norm."""
    return max(network.sizes[1:-1]) > 1 and not network.batch_norm


def curved(network: Network) -> bool:
    """Return whether a hidden f has f′(a) ≠ f′(z)."""
    return network.hidden in CURVED and network.depth > 1 and not network.batch_norm


def curved_top(network: Network) -> bool:
    """Return whether the output has f′(a) ≠ f′(z), under the squared error."""
    return network.loss == "squared" and network.output in CURVED


def not_linear(network: Network) -> bool:
    """Return whether there is a hidden layer with an f."""
    return network.hidden != "identity" and network.depth > 1


def relu(network: Network) -> bool:
    """Return whether the hidden f is relu."""
    return network.hidden == "relu"


def sigmoid(network: Network) -> bool:
    """Return whether the hidden f is sigmoid."""
    return network.hidden == "sigmoid"


def entropy(network: Network) -> bool:
    """Return whether the loss is softmax cross-entropy."""
    return network.loss == "cross-entropy"


def soft_squared(network: Network) -> bool:
    """Return whether softmax is under the squared error."""
    return network.loss == "squared" and network.output == "softmax"


def square_above(network: Network) -> bool:
    """Return whether every layer above the first has as many outputs as inputs."""
    return network.depth > 1 and len(set(network.sizes[1:])) == 1 and network.sizes[1] > 1


def deep(network: Network) -> bool:
    """Return whether there is a hidden layer."""
    return network.depth > 1


def thin(network: Network) -> bool:
    """Return whether every layer has one unit: claim 0.17 has no shape error there."""
    return set(network.sizes) == {1}


def fits(network: Network) -> bool:
    """Return whether ∂L/∂z has the shape of ∂L/∂W."""
    return set(network.sizes[:-1]) == {network.batch}


def deep_wide(network: Network) -> bool:
    """Return whether there is a hidden layer of several units."""
    return network.depth > 1 and max(network.sizes[1:-1]) > 1


def batch_is_width(network: Network) -> bool:
    """Return whether there are as many examples as units in every layer."""
    return set(network.sizes[1:]) == {network.batch}


def single_output(network: Network) -> bool:
    """Return whether one output and several examples let (1, n) and (n, 1) broadcast."""
    return (
        network.sizes[-1] == 1
        and network.batch > 1
        and (network.loss == "bce" or network.output == "identity")
    )


def dropped(network: Network) -> bool:
    """Return whether there is dropout."""
    return network.dropout > 0


def normed(network: Network) -> bool:
    """Return whether there is batch norm."""
    return network.batch_norm
