"""The networks in which a fault can happen."""

from planted.networks import Network

CURVED = ("sigmoid", "tanh", "softplus")


def batched(network: Network) -> bool:
    """More than one example."""
    return network.batch > 1


def several_outputs(network: Network) -> bool:
    """More than one output."""
    return network.sizes[-1] > 1


def weighted(network: Network) -> bool:
    """Examples that count differently."""
    return network.weighted


def wide(network: Network) -> bool:
    """Some layer has several units."""
    return max(network.sizes[1:]) > 1


def plain(network: Network) -> bool:
    """A bias before batch norm has no gradient that could be missing."""
    return not network.batch_norm


def plain_hidden(network: Network) -> bool:
    """Several hidden units, no batch norm."""
    return max(network.sizes[1:-1]) > 1 and not network.batch_norm


def curved(network: Network) -> bool:
    """A hidden f with f′(a) ≠ f′(z)."""
    return network.hidden in CURVED and network.depth > 1 and not network.batch_norm


def curved_top(network: Network) -> bool:
    """The same at the output, under the squared error."""
    return network.loss == "squared" and network.output in CURVED


def not_linear(network: Network) -> bool:
    """A hidden layer with an f."""
    return network.hidden != "identity" and network.depth > 1


def relu(network: Network) -> bool:
    """Relu."""
    return network.hidden == "relu"


def sigmoid(network: Network) -> bool:
    """Sigmoid."""
    return network.hidden == "sigmoid"


def entropy(network: Network) -> bool:
    """Softmax cross-entropy."""
    return network.loss == "cross-entropy"


def soft_squared(network: Network) -> bool:
    """Softmax under the squared error."""
    return network.loss == "squared" and network.output == "softmax"


def square_above(network: Network) -> bool:
    """Every layer above the first has as many outputs as inputs."""
    return network.depth > 1 and len(set(network.sizes[1:])) == 1 and network.sizes[1] > 1


def deep(network: Network) -> bool:
    """A hidden layer."""
    return network.depth > 1


def thin(network: Network) -> bool:
    """One unit in every layer: claim 0.17 has no shape error there."""
    return set(network.sizes) == {1}


def fits(network: Network) -> bool:
    """∂L/∂z has the shape of ∂L/∂W."""
    return set(network.sizes[:-1]) == {network.batch}


def deep_wide(network: Network) -> bool:
    """A hidden layer of several units."""
    return network.depth > 1 and max(network.sizes[1:-1]) > 1


def batch_is_width(network: Network) -> bool:
    """As many examples as units in every layer."""
    return set(network.sizes[1:]) == {network.batch}


def single_output(network: Network) -> bool:
    """One output and several examples, so that (1, n) and (n, 1) broadcast."""
    return (
        network.sizes[-1] == 1
        and network.batch > 1
        and (network.loss == "bce" or network.output == "identity")
    )


def dropped(network: Network) -> bool:
    """Dropout."""
    return network.dropout > 0


def normed(network: Network) -> bool:
    """Batch norm."""
    return network.batch_norm
