"""How deep a network is: three counts, and the words of three documents.

Question: Which networks are deep or an MLP, by which count, and is the longest path found in any
          acyclic graph?
Source:   Between the documents (claim X8) and Sharif (2.9).
Command:  python -m experiments run longest_path
Expected: with one hidden layer De Marzo and Sharif disagree. Off a chain weight layers and longest
          path differ. The longest path is the one that enumeration finds.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from experiments.networks import random_graphs as random
from experiments.networks.parameters import largest_difference, layer
from fnn import layers
from fnn import plot as draw

SIZES = (3, 4, 5, 2, 1)


@dataclass(frozen=True)
class Config(Common):
    """How many graphs."""

    graphs: int = 1000
    """Random graphs of 3 inputs and 8 neurons whose longest path is looked for."""


QUICK = Config(graphs=200, quick=True)


def run(config: Config) -> Results:
    """Count the depth of random graphs and of chains, and compare chains with the formula.

    depths (graphs, 3) and chain_depths (chains, 3) are weight layers, hidden layers and longest
    path by fnn. enumerated is (graphs,).
    """
    graphs = [random.graph(seed) for seed in range(config.graphs)]
    chains = [chain(hidden_layers) for hidden_layers in range(4)]
    with jax.enable_x64(True):
        errors = [formula_error(hidden_layers) for hidden_layers in range(4)]
    return {
        "depths": np.array([layers.depth(*graph) for graph in graphs]),
        "enumerated": np.array([random.longest_by_enumeration(graph) for graph in graphs]),
        "chain_depths": np.array([layers.depth(*graph) for graph in chains]),
        "formula_errors": np.array(errors),
    }


def widths_of_chain(hidden_layers: int) -> tuple[int, ...]:
    """Return the widths of a chain, from the input to the output."""
    return SIZES[: hidden_layers + 1] + SIZES[-1:]


def chain(hidden_layers: int):
    """Return the arguments of `layers.graph` for a chain of tanh layers."""
    hidden = [f"h{number}" for number in range(hidden_layers)]
    names = ["x", *hidden, "y"]
    widths = widths_of_chain(hidden_layers)
    nodes = {}
    for (before, name), width in zip(pairwise(names), widths[1:], strict=True):
        nodes[name] = ((before,), "tanh", width)
    return {"x": widths[0]}, nodes, ("y",)


def formula_error(hidden_layers: int) -> np.ndarray:
    """Return how far fnn is from g(W₃ f(W₂ f(W₁ x))), which is printed without biases."""
    rng = np.random.default_rng(hidden_layers)
    widths = widths_of_chain(hidden_layers)
    matrices = [rng.uniform(-1, 1, (n_out, n_in)) for n_in, n_out in pairwise(widths)]
    x = rng.normal(size=(50, widths[0]))
    z = x.T
    for W in matrices:
        z = np.tanh(W @ z)
    graph = chain(hidden_layers)
    _, nodes, _ = graph
    params = {}
    for name, W in zip(nodes, matrices, strict=True):
        params[name] = layer(W, np.zeros(len(W)))
    return largest_difference(fnn.apply(layers.graph(*graph), params, x), z.T)


def plot(results: Results, config: Config) -> Figures:
    """Draw the longest path over the weight layers of the random graphs."""
    figure, (axis,) = draw.figure()
    weight_layers, _, longest = results["depths"].T
    most = weight_layers.max()
    counts = np.zeros((most + 1, most + 1))
    np.add.at(counts, (longest, weight_layers), 1)
    up, across = np.nonzero(counts)
    areas = 900 * counts[up, across] / counts.max() + 4
    axis.scatter(across, up, s=areas, color=draw.LINES[0]["color"])
    axis.plot([1, most], [1, most], color="gray", label="equal, as in a chain")
    axis.set(xlabel="weight layers", ylabel="longest path")
    axis.set_title(f"{len(longest)} random graphs; area is their number")
    axis.legend(frameon=False)
    return {"depths": figure}
