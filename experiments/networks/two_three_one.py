"""The 2-3-1 network: one function written as single neurons, as a graph, as layers and as matrices.

Question: Are the ways of writing a small network the same function?
Source:   Adornetto (claims 0.5, 0.6), Sharif (2.7) and Piccoli (4.14).
Command:  python -m experiments run two_three_one
Expected: all forms agree to 1e-15, with 13 parameters; Sharif's printed index would make a hidden
          value for each input.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass

import jax
import numpy as np

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.networks.parameters import as_mlp, largest_difference, layer, normal
from experiments.networks.printed_notations import GATES, logistic
from fnn import layers
from fnn.layers import DenseParams

NODES = {
    "3": (("1", "2"), "sigmoid"),
    "4": (("1", "2"), "sigmoid"),
    "5": (("1", "2"), "sigmoid"),
    "6": (("3", "4", "5"), "sigmoid"),
}
EDGES = [("1", "3"), ("2", "3"), ("1", "4"), ("2", "4"), ("1", "5"), ("2", "5")]
EDGES += [("3", "6"), ("4", "6"), ("5", "6")]


@dataclass(frozen=True)
class Config(Common):
    """Size."""

    examples: int = 1000
    """Inputs at which the forms are compared."""


QUICK = Config(examples=50, quick=True)


def run(config: Config) -> Results:
    """Compute the largest differences between the forms, in float64."""
    rng = np.random.default_rng(1)
    hidden, output = normal(rng, (2, 3, 1))
    x = rng.normal(size=(config.examples, 2))
    with jax.enable_x64(True):
        z = written_out(hidden, output, x)
        parameters, _ = network(("1", "2")).init(jax.random.key(0))
        return {
            "graph_error": largest_difference(as_graph(hidden, output, x), z),
            "matrix_error": largest_difference(as_matrices(hidden, output, x), z[:, 3]),
            "ghost_error": largest_difference(with_always_on_unit(hidden, output, x), z),
            "printed_units": np.array(printed_hidden(hidden, x).shape[1]),
            "weights": np.array(sum(dense.W.size for dense in parameters.values())),
            "biases": np.array(sum(dense.b.size for dense in parameters.values())),
            "gate_errors": np.array(gate_errors(config.examples)),
        }


def written_out(hidden: DenseParams, output: DenseParams, x: np.ndarray) -> np.ndarray:
    """Return z₃ to z₆ of the 2-3-1 network, written out weight by weight."""
    (w13, w23), (w14, w24), (w15, w25) = hidden.W
    ((w36, w46, w56),) = output.W
    b3, b4, b5 = hidden.b
    (b6,) = output.b
    z1, z2 = x.T
    z3 = logistic(b3 + w13 * z1 + w23 * z2)
    z4 = logistic(b4 + w14 * z1 + w24 * z2)
    z5 = logistic(b5 + w15 * z1 + w25 * z2)
    z6 = logistic(b6 + w36 * z3 + w46 * z4 + w56 * z5)
    return np.stack([z3, z4, z5, z6], axis=1)


def network(inputs: tuple[str, ...], always_on: tuple[str, ...] = ()) -> fnn.Layer:
    """Return the graph of the 2-3-1 network, which shows z₃ to z₆.

    always_on  names of inputs that every neuron reads besides its own
    """
    nodes = {name: ((*sources, *always_on), gate) for name, (sources, gate) in NODES.items()}
    return layers.graph(inputs, nodes, ("3", "4", "5", "6"))


def as_graph(hidden: DenseParams, output: DenseParams, x: np.ndarray) -> jax.Array:
    """Return z₃ to z₆ of the graph."""
    return fnn.apply(network(("1", "2")), {"3+4+5": hidden, "6": output}, x)


def as_matrices(hidden: DenseParams, output: DenseParams, x: np.ndarray) -> jax.Array:
    """Return z₆ by two matrix products, each z = f(b + W z of the layer before)."""
    net = fnn.mlp((2, 3, 1), activation="sigmoid", output="sigmoid")
    params = (*as_mlp([hidden, output]), ())
    return fnn.apply(net, params, x)[:, 0]


def with_always_on_unit(hidden: DenseParams, output: DenseParams, x: np.ndarray) -> jax.Array:
    """Return z₃ to z₆ with each bias as a weight from a unit that is always 1."""
    net = network(("1", "2", "one"), always_on=("one",))
    params = {"3+4+5": without_bias(hidden), "6": without_bias(output)}
    ones = np.ones(len(x))
    return fnn.apply(net, params, np.column_stack([x, ones]))


def without_bias(dense: DenseParams) -> DenseParams:
    """Return parameters with the bias as one more column of W."""
    W = np.column_stack([dense.W, dense.b])
    return layer(W, np.zeros(len(dense.b)))


def printed_hidden(hidden: DenseParams, x: np.ndarray) -> np.ndarray:
    """Return the hidden values with Sharif's index, Y_i = f(b_i + Σ_j X_i W_ij)."""
    summed = np.einsum("ni,ij->ni", x, hidden.W.T)
    return logistic(hidden.b[:2] + summed)


def gate_errors(examples: int) -> list[np.ndarray]:
    """Return how far gate(Σ x w + b) of a neuron with five inputs is from fnn's, for each gate."""
    rng = np.random.default_rng(3)
    w = rng.uniform(-1, 1, 5)
    b = 0.5
    x = rng.uniform(-1, 1, (examples, 5))
    errors = []
    for name, gate in GATES.items():
        net = fnn.mlp((5, 1), output=name)
        params = layer(w[None], np.array([b])), ()
        y = fnn.apply(net, params, x)[:, 0]
        printed = [gate(sum(row * w) + b) for row in x]
        errors.append(largest_difference(y, printed))
    return errors


def plot(results: Results, config: Config) -> Figures:
    """Draw the network."""
    figure, (axis,) = draw.figure(height=3.0)
    columns = np.array([0, 0, 1, 1, 1, 2])
    edges = np.array(EDGES, int) - 1
    draw.network(axis, list("123456"), columns, edges)
    axis.set_title("The 2-3-1 network")
    return {"network": figure}
