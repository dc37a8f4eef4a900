"""Networks as directed acyclic graphs: values, backpropagation, and what a closed loop would mean.

Question: Does a network evaluated layer by layer compute what its graph says neuron by neuron?
Source:   Adornetto (claims 0.2, 0.3), Sharif (2.17) and Piccoli (4.13).
Command:  python -m experiments run graphs
Expected: on random graphs values and gradients agree to 1e-12, and the layers are the nodes with
          equal predecessors; every graph with a closed loop is refused, so that backpropagation is
          for acyclic graphs only.
Cost:     about 15 s on 2 cores, nearly all of it compiling a program for each graph; quick about 5
          s.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.common import Common
from experiments.networks import random_graphs as random
from fnn import layers

TWO_THREE_ONE = dict.fromkeys("345", (("1", "2"), "tanh")) | {"6": (("3", "4", "5"), "tanh")}
SKIP = {
    "3": (("1",), "tanh"),
    "4": (("1", "3"), "tanh"),
    "5": (("3", "1"), "tanh"),
    "6": (("4", "5", "2"), "tanh"),
}
CLOSE = 1e-12
LAYERED = 50  # graphs whose layers are compared


@dataclass(frozen=True)
class Config(Common):
    """How many graphs, each of 3 inputs and 8 neurons."""

    graphs: int = 20
    """Graphs that are evaluated and differentiated."""
    loops: int = 1000
    """Graphs into a copy of which a closed loop is put."""


QUICK = Config(graphs=4, loops=200, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64. value_error and gradient_error (graphs,): the largest difference from the
    neuron-by-neuron form; refused and loop_free (2 · loops,): of the graphs as they are, and then
    of those with a loop put in.
    """
    graphs = [random.graph(seed) for seed in range(config.loops)]
    every_graph = graphs + [random.with_loop(graph, seed) for seed, graph in enumerate(graphs)]
    deepest = max(graphs, key=random.longest_by_enumeration)
    with jax.enable_x64(True):
        return {
            **random.compared(graphs[: config.graphs]),
            "layers_found": np.array([random.layer_sizes(graph) for graph in graphs[:LAYERED]]),
            "layers_expected": np.array(
                [random.predecessor_classes(graph) for graph in graphs[:LAYERED]]
            ),
            "groups_231": groups(TWO_THREE_ONE),
            "groups_skip": groups(SKIP),
            "refused": np.array([random.refused(graph) for graph in every_graph]),
            "loop_free": np.array([random.loop_free(graph) for graph in every_graph]),
            "edges": random.edges(deepest),
            "columns": random.columns(deepest),
        }


def groups(nodes) -> np.ndarray:
    """Names of the weight matrices of a graph on the inputs 1 and 2, each made of the names of its
    nodes.
    """
    return np.array(sorted(layers.graph(("1", "2"), nodes, ("6",)).init(jax.random.key(0))[0]))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """How far values and gradients are from the reference, and one of the graphs."""
    errors, (axis,) = draw.figure()
    for name, marker in (("value", "o"), ("gradient", "^")):
        found = results[f"{name}_error"]
        axis.plot(np.arange(1, len(found) + 1), np.maximum(found, 1e-18), marker, label=name)
    axis.axhline(CLOSE, color="black", linewidth=1, label="asked for")
    axis.set(
        yscale="log",
        xlabel="random graph",
        ylabel="largest difference (0 at 1e-18)",
        title="fnn and neuron by neuron",
    )
    axis.locator_params(axis="x", integer=True)
    axis.legend(frameon=False)
    graph, (axis,) = draw.figure()
    names = [*(f"x{i + 1}" for i in range(random.INPUTS)), *map(str, range(1, random.NEURONS + 1))]
    draw.network(axis, names, results["columns"], results["edges"])
    axis.set_title(f"A random graph; its longest path has {results['columns'].max()} edges")
    return {"errors": errors, "graph": graph}
