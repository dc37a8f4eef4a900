"""Networks as directed acyclic graphs: values, backpropagation, and what a closed loop would mean.

Question: Does a network evaluated layer by layer compute what its graph says neuron by neuron?
Source:   Adornetto (claims 0.2, 0.3), Sharif (2.17) and Piccoli (4.13).
Command:  python -m experiments run graphs
Expected: on random graphs values and gradients agree to 1e-12, and the layers are the nodes with
          equal predecessors. Every graph with a closed loop is refused, so that backpropagation is
          for acyclic graphs only.
Cost:     about 15 s on 2 cores, nearly all of it compiling a program for each graph; quick about 5
          s.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.networks import random_graphs as random
from experiments.networks.parameters import largest_difference
from fnn import layers, losses
from fnn.layers import DenseParams

TWO_THREE_ONE = {
    "3": (("1", "2"), "tanh"),
    "4": (("1", "2"), "tanh"),
    "5": (("1", "2"), "tanh"),
    "6": (("3", "4", "5"), "tanh"),
}
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


def run(config: Config) -> Results:
    """Compare graphs with single neurons, their layers with predecessors, and try closed loops.

    value_error and gradient_error (graphs,) are the largest differences, in float64. refused and
    loop_free (2 · loops,) are of the graphs as they are, and then of those with a loop.
    """
    graphs = [random.graph(seed) for seed in range(config.loops)]
    looped = [random.with_loop(graph, seed) for seed, graph in enumerate(graphs)]
    deepest = max(graphs, key=random.longest_by_enumeration)
    with jax.enable_x64(True):
        errors = compare(graphs[: config.graphs])
        layer_sizes, class_sizes = compare_layers(graphs[:LAYERED])
        refused, loop_free = try_loops(graphs + looped)
        return {
            **errors,
            "layers_found": np.array(layer_sizes),
            "layers_expected": np.array(class_sizes),
            "groups_231": names_of_matrices(TWO_THREE_ONE),
            "groups_skip": names_of_matrices(SKIP),
            "refused": np.array(refused),
            "loop_free": np.array(loop_free),
            "edges": random.edges(deepest),
            "columns": random.columns(deepest),
        }


def compare(graphs: list[random.Graph]) -> Results:
    """Return how far fnn's values and gradients are from the neuron-by-neuron form, for each graph.

    ghost_error is of the first graph alone.
    """
    rng = np.random.default_rng(0)
    matrices = [random.adjacency(graph) for graph in graphs]
    A = np.stack([matrix * rng.normal(size=matrix.shape) for matrix in matrices])
    b = rng.normal(size=(len(graphs), random.ALL))
    x = rng.normal(size=(len(graphs), random.EXAMPLES, random.INPUTS))
    z, d_A, d_b = by_neurons(graphs, A, b, x)
    errors = list(map(errors_of_graph, graphs, A, b, x, z, d_A, d_b))
    value_errors, gradient_errors = zip(*errors, strict=True)
    return {
        "value_error": np.array(value_errors),
        "gradient_error": np.array(gradient_errors),
        "ghost_error": random.ghost_error(graphs[0], A[0], b[0], x[0], z[0]),
    }


def by_neurons(graphs: list[random.Graph], A: np.ndarray, b: np.ndarray, x: np.ndarray):
    """Return z, ∂L/∂A and ∂L/∂b of all graphs, neuron by neuron and by autodiff."""
    kinds = np.array([random.kinds_of(graph) for graph in graphs])
    shown = np.array([random.are_outputs(graph) for graph in graphs])
    of_graphs = jax.jit(jax.vmap(gradient_by_neurons))
    return jax.tree.map(np.asarray, of_graphs(A, b, kinds, shown, x))


def errors_of_graph(graph: random.Graph, A, b, x, z, d_A, d_b) -> tuple[np.ndarray, np.ndarray]:
    """Return how far fnn's values and gradient of one graph are from those by neurons."""
    params = random.as_layers(graph, A, b)
    expected = random.as_layers(graph, d_A, d_b)
    values, gradient = values_and_gradient(graph, params, x)
    value_error = largest_difference(values.T, z[random.output_positions(graph)])
    return value_error, random.largest_difference_of_trees(gradient, expected)


def gradient_by_neurons(A, b, kinds, shown, x):
    """Return all z, and autodiff's ∂L/∂A and ∂L/∂b of the neuron-by-neuron form."""
    loss = partial(loss_by_neurons, kinds=kinds, shown=shown, x=x)
    (_, z), (d_A, d_b) = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(A, b)
    return z, d_A, d_b


def loss_by_neurons(A, b, kinds, shown, x):
    """Return the mean over examples of Σ z² of the outputs, and all z (neurons, examples).

    One neuron comes after the other: a_i = b_i + Σ_j w_ij z_j and z_i = f_i(a_i).
    """
    sigmas = list(random.SIGMAS.values())
    z = jnp.zeros((len(b), len(x))).at[: random.INPUTS].set(x.T)
    for i in range(random.INPUTS, len(b)):
        a_i = b[i] + A[i] @ z
        z_i = jax.lax.switch(kinds[i - random.INPUTS], sigmas, a_i)
        z = z.at[i].set(z_i)
    outputs = jnp.where(shown[:, None], z, 0)
    return jnp.mean(jnp.sum(outputs**2, axis=0)), z


def values_and_gradient(graph: random.Graph, params: dict[str, DenseParams], x: np.ndarray):
    """Return fnn's outputs, and its gradient of the mean of Σ z²."""
    net = layers.graph(*graph)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    target = jnp.zeros((random.EXAMPLES, len(graph.outputs)))

    @jax.jit
    def both(params):
        _, gradient = loss_and_gradient(params, x, target)
        return fnn.apply(net, params, x), gradient

    return both(params)


def compare_layers(graphs: list[random.Graph]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the sizes of fnn's layers, and of the classes of nodes with equal predecessors."""
    layer_sizes = [random.layer_sizes(graph) for graph in graphs]
    class_sizes = [random.predecessor_classes(graph) for graph in graphs]
    return layer_sizes, class_sizes


def names_of_matrices(nodes) -> np.ndarray:
    """Return the names of a graph's weight matrices, each made of the names of its nodes."""
    net = layers.graph(("1", "2"), nodes, ("6",))
    params, _ = net.init(jax.random.key(0))
    return np.array(sorted(params))


def try_loops(graphs: list[random.Graph]) -> tuple[list[bool], list[bool]]:
    """Return whether fnn refuses each graph, and whether its adjacency matrix has no loop."""
    refused = [random.refused(graph) for graph in graphs]
    loop_free = [random.loop_free(graph) for graph in graphs]
    return refused, loop_free


def plot(results: Results, config: Config) -> Figures:
    """Draw how far values and gradients are from single neurons, and one of the graphs."""
    return {"errors": draw_errors(results), "graph": draw_graph(results)}


def draw_errors(results: Results) -> Figure:
    """Draw the largest differences of each graph."""
    figure, (axis,) = draw.figure()
    numbers = np.arange(1, len(results["value_error"]) + 1)
    axis.plot(numbers, np.maximum(results["value_error"], 1e-18), "o", label="value")
    axis.plot(numbers, np.maximum(results["gradient_error"], 1e-18), "^", label="gradient")
    axis.axhline(CLOSE, color="black", linewidth=1, label="asked for")
    axis.set(yscale="log", xlabel="random graph", ylabel="largest difference (0 at 1e-18)")
    axis.set_title("fnn and neuron by neuron")
    axis.locator_params(axis="x", integer=True)
    axis.legend(frameon=False)
    return figure


def draw_graph(results: Results) -> Figure:
    """Draw the random graph with the longest path."""
    figure, (axis,) = draw.figure()
    inputs = [f"x{number + 1}" for number in range(random.INPUTS)]
    neurons = [str(number + 1) for number in range(random.NEURONS)]
    draw.network(axis, inputs + neurons, results["columns"], results["edges"])
    axis.set_title(f"A random graph; its longest path has {results['columns'].max()} edges")
    return figure
