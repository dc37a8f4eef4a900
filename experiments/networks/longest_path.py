"""How deep a network is: three counts, and the words of three documents.

Question: Which networks are deep or an MLP, by which count, and is the longest path found in any
          acyclic graph?
Source:   Between the documents (claim X8) and Sharif (2.9).
Command:  python -m experiments run longest_path
Expected: with one hidden layer De Marzo and Sharif disagree; off a chain weight layers and longest
          path differ; the longest path is the one that enumeration finds.
Cost:     about 2 s on 2 cores, quick or not.
"""

from dataclasses import dataclass
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from experiments.networks import random_graphs as random
from fnn import layers
from fnn import plot as draw
from fnn.layers import DenseParams

SIZES = (3, 4, 5, 2, 1)


@dataclass(frozen=True)
class Config(Common):
    """How many graphs."""

    graphs: int = 1000
    """Random graphs of 3 inputs and 8 neurons whose longest path is looked for."""


QUICK = Config(graphs=200, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """depths (graphs, 3): weight layers, hidden layers and longest path by fnn; enumerated
    (graphs,).
    """
    graphs = [random.graph(seed) for seed in range(config.graphs)]
    with jax.enable_x64(True):
        chains = [chain(hidden) for hidden in range(4)]
    return {
        "depths": np.array([layers.depth(*graph) for graph in graphs]),
        "enumerated": np.array([random.longest_by_enumeration(graph) for graph in graphs]),
        "chain_depths": np.array([depth for depth, _ in chains]),
        "formula_errors": np.array([error for _, error in chains]),
    }


def chain(hidden: int) -> tuple[layers.Depth, float]:
    """Of a chain: its depth, and how far fnn is from g(W₃ f(W₂ f(W₁ x))) as printed, without
    biases, in float64.
    """
    rng, widths = np.random.default_rng(hidden), SIZES[: hidden + 1] + SIZES[-1:]
    names = ["x", *(f"h{k}" for k in range(hidden)), "y"]
    nodes = {
        name: ((before,), "tanh", n)
        for before, name, n in zip(names, names[1:], widths[1:], strict=False)
    }
    matrices = [rng.uniform(-1, 1, (m, n)) for n, m in pairwise(widths)]
    params = {
        name: DenseParams(jnp.asarray(W), jnp.zeros(len(W)))
        for name, W in zip(names[1:], matrices, strict=True)
    }
    graph = {"x": SIZES[0]}, nodes, ("y",)
    x = rng.normal(size=(50, SIZES[0]))
    z = x.T
    for W in matrices:
        z = np.tanh(W @ z)
    return layers.depth(*graph), float(
        np.abs(fnn.apply(layers.graph(*graph), params, x) - z.T).max()
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Longest path over weight layers of the random graphs."""
    figure, (axis,) = draw.figure()
    weight_layers, _, longest = results["depths"].T
    most = weight_layers.max()
    counts = np.zeros((most + 1, most + 1))
    np.add.at(counts, (longest, weight_layers), 1)
    up, across = np.nonzero(counts)
    axis.scatter(
        across, up, s=900 * counts[up, across] / counts.max() + 4, color=draw.LINES[0]["color"]
    )
    axis.plot([1, most], [1, most], color="gray", label="equal, as in a chain")
    axis.set(
        xlabel="weight layers",
        ylabel="longest path",
        title=f"{len(longest)} random graphs; area is their number",
    )
    axis.legend(frameon=False)
    return {"depths": figure}
