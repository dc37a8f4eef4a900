"""Random acyclic graphs of neurons, and what they are compared with: single neurons and paths."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.networks.parameters import largest_difference, layer
from fnn import layers
from fnn.layers import DenseParams


def identity(z):
    """Return z."""
    return z


INPUTS, NEURONS, EXAMPLES = 3, 8, 5
ALL = INPUTS + NEURONS
SIGMAS = {
    "identity": identity,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
}


class Graph(NamedTuple):
    """The arguments of `layers.graph`.

    Nodes are named n0, n1, … in a topological order, and are declared in random order.
    """

    inputs: tuple[str, ...]
    nodes: dict[str, tuple[tuple[str, ...], str]]
    outputs: tuple[str, ...]


def graph(seed: int) -> Graph:
    """Return a random graph, whose outputs are the neurons that none reads.

    Each neuron reads one to three of the inputs and neurons before it. Half of them read what the
    neuron before them reads instead, so that there are layers of several neurons.
    """
    rng = np.random.default_rng(seed)
    inputs = tuple(f"x{i}" for i in range(INPUTS))
    nodes: dict[str, tuple[tuple[str, ...], str]] = {}
    is_read: set[str] = set()
    for i in range(NEURONS):
        sources = rng.choice([*inputs, *nodes], rng.integers(1, 4), replace=False).tolist()
        if nodes and rng.random() < 0.5:
            sources_before, _ = nodes[f"n{i - 1}"]
            sources = rng.permutation(sources_before).tolist()
        nodes[f"n{i}"] = (tuple(sources), str(rng.choice(list(SIGMAS))))
        is_read.update(sources)
    outputs = tuple(name for name in nodes if name not in is_read)
    declared = rng.permutation(list(nodes)).tolist()
    return Graph(inputs, {name: nodes[name] for name in declared}, outputs)


def with_loop(graph: Graph, seed: int) -> Graph:
    """Return the graph with one more edge, to a neuron from itself or one of its descendants."""
    number = np.random.default_rng(seed).integers(NEURONS)
    start = f"n{number}"
    descendants = [start]
    for name in sorted(graph.nodes):  # a topological order
        sources, _ = graph.nodes[name]
        if name not in descendants and not set(sources).isdisjoint(descendants):
            descendants.append(name)
    sources, sigma = graph.nodes[start]
    looped = ((*sources, descendants[-1]), sigma)
    return graph._replace(nodes=graph.nodes | {start: looped})


def refused(graph: Graph) -> bool:
    """Return whether fnn refuses a graph for a cycle."""
    try:
        layers.graph(*graph)
    except ValueError as error:
        if "cycle" not in str(error):
            raise
        return True
    return False


# --------------------------------------------------------------------- as matrices over all neurons


def names(graph: Graph) -> list[str]:
    """Return the inputs first, then the neurons in topological order."""
    return [*graph.inputs, *sorted(graph.nodes)]


def positions(graph: Graph) -> dict[str, int]:
    """Return the place of each input and neuron in `names`."""
    return {name: position for position, name in enumerate(names(graph))}


def edges(graph: Graph) -> np.ndarray:
    """Return from and to of each edge as positions, (edges, 2), in ascending order of to."""
    at = positions(graph)
    pairs = []
    for name in sorted(graph.nodes):
        sources, _ = graph.nodes[name]
        pairs += [(at[source], at[name]) for source in sources]
    return np.array(pairs)


def adjacency(graph: Graph) -> np.ndarray:
    """Return a matrix with 1 where the neuron of the row reads the one of the column."""
    matrix = np.zeros((ALL, ALL), int)
    source, target = edges(graph).T
    matrix[target, source] = 1
    return matrix


def loop_free(graph: Graph) -> bool:
    """Return whether no walk closes.

    A graph of N nodes is acyclic if and only if the Nth power of its adjacency matrix is zero.
    """
    walks = np.linalg.matrix_power(adjacency(graph), ALL)
    return not walks.any()


def columns(graph: Graph) -> np.ndarray:
    """Return the longest path from an input to each neuron."""
    depth = np.zeros(ALL, int)
    for source, target in edges(graph):
        depth[target] = max(depth[target], depth[source] + 1)
    return depth


def longest_by_enumeration(graph: Graph) -> int:
    """Return the longest of all paths from an input to an output, each of them walked."""
    return max(length for name in graph.outputs for length in path_lengths(graph, name))


def path_lengths(graph: Graph, name: str) -> list[int]:
    """Return the lengths of all paths from an input to a neuron."""
    if name in graph.inputs:
        return [0]
    sources, _ = graph.nodes[name]
    lengths = []
    for source in sources:
        lengths += [1 + length for length in path_lengths(graph, source)]
    return lengths


# ---------------------------------------------------------------------------------------- as layers


def members(graph: Graph) -> list[list[str]]:
    """Return the classes of neurons with the same predecessors, in the order of declaration."""
    classes: dict[frozenset[str], list[str]] = {}
    for name, (sources, _) in graph.nodes.items():
        classes.setdefault(frozenset(sources), []).append(name)
    return list(classes.values())


def predecessor_classes(graph: Graph) -> np.ndarray:
    """Return the sizes of the classes with the same predecessors, padded as `layer_sizes` is."""
    sizes = [len(names) for names in members(graph)]
    return descending(sizes)


def layer_sizes(graph: Graph) -> np.ndarray:
    """Return the rows of fnn's weight matrices in descending order, padded with zeros."""
    net = layers.graph(*graph, init="zeros")
    params, _ = jax.eval_shape(net.init, jax.random.key(0))
    return descending([dense.b.size for dense in params.values()])


def descending(sizes: list[int]) -> np.ndarray:
    """Return sizes in descending order, padded with zeros to NEURONS."""
    return np.pad(sorted(sizes, reverse=True), (0, NEURONS - len(sizes)))


def kinds_of(graph: Graph) -> list[int]:
    """Return the number of each neuron's activation in SIGMAS."""
    sigmas = [graph.nodes[name][1] for name in sorted(graph.nodes)]
    return [list(SIGMAS).index(sigma) for sigma in sigmas]


def are_outputs(graph: Graph) -> list[bool]:
    """Return for each input and neuron whether it is an output."""
    return [name in graph.outputs for name in names(graph)]


def output_positions(graph: Graph) -> list[int]:
    """Return the positions of the outputs in `names`."""
    at = positions(graph)
    return [at[name] for name in graph.outputs]


def as_layers(graph: Graph, A: np.ndarray, b: np.ndarray) -> dict[str, DenseParams]:
    """Return A and b over all neurons, cut into the matrices of `layers.graph`."""
    at = positions(graph)
    params = {}
    for group in members(graph):
        sources, _ = graph.nodes[group[0]]
        rows = [at[name] for name in group]
        reads = [at[source] for source in sources]
        params[name_of_layer(group)] = layer(A[np.ix_(rows, reads)], b[rows])
    return params


def name_of_layer(group: list[str]) -> str:
    """Return the name that `layers.graph` gives to the matrix of several neurons."""
    if len(group) <= 3:
        return "+".join(group)
    return f"{group[0]}..{group[-1]}"


def largest_difference_of_trees(some, others) -> np.ndarray:
    """Return the largest difference between entries of two pytrees."""
    differences = jax.tree.map(largest_difference, some, others)
    return max(jax.tree.leaves(differences))


def ghost_error(
    graph: Graph, A: np.ndarray, b: np.ndarray, x: np.ndarray, z: np.ndarray
) -> np.ndarray:
    """Return how far outputs are if each bias is a weight from one more input, always 1."""
    nodes = {name: ((*sources, "one"), sigma) for name, (sources, sigma) in graph.nodes.items()}
    ghost = layers.graph((*graph.inputs, "one"), nodes, graph.outputs)
    params = {}
    for name, dense in as_layers(graph, A, b).items():
        with_bias = np.column_stack([dense.W, dense.b])
        params[name] = layer(with_bias, np.zeros(len(dense.b)))
    with_one = np.column_stack([x, np.ones(len(x))])
    outputs = fnn.apply(ghost, params, with_one)
    return largest_difference(outputs.T, z[output_positions(graph)])
