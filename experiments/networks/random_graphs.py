"""Random acyclic graphs of neurons, and what they are compared with: neuron by neuron, path by
path.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from fnn import layers, losses
from fnn.layers import DenseParams

INPUTS, NEURONS, EXAMPLES = 3, 8, 5
SIGMAS = {
    "identity": lambda z: z,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": jax.nn.softplus,
}


class Graph(NamedTuple):
    """The arguments of `layers.graph`; nodes are declared in random order and named n0, n1, … in a
    topological one.
    """

    inputs: tuple[str, ...]
    nodes: dict[str, tuple[tuple[str, ...], str]]
    outputs: tuple[str, ...]


def graph(seed: int) -> Graph:
    """Each neuron reads one to three of the inputs and neurons before it, or, half of them, what
    the neuron before it reads, so that layers come about; those that none reads are the outputs.
    """
    rng = np.random.default_rng(seed)
    inputs = tuple(f"x{i}" for i in range(INPUTS))
    nodes: dict[str, tuple[tuple[str, ...], str]] = {}
    for i in range(NEURONS):
        read = rng.choice([*inputs, *nodes], rng.integers(1, 4), replace=False).tolist()
        if nodes and rng.random() < 0.5:
            read = rng.permutation(nodes[f"n{i - 1}"][0]).tolist()
        nodes[f"n{i}"] = (tuple(read), str(rng.choice(list(SIGMAS))))
    outputs = tuple(
        name for name in nodes if all(name not in sources for sources, _ in nodes.values())
    )
    return Graph(
        inputs, {name: nodes[name] for name in rng.permutation(list(nodes)).tolist()}, outputs
    )


def with_loop(graph: Graph, seed: int) -> Graph:
    """The graph with one more edge, from a neuron or one of its descendants back to it."""
    name = f"n{np.random.default_rng(seed).integers(NEURONS)}"
    descendants = [name]
    for other in sorted(graph.nodes):  # a topological order: names count up
        if other not in descendants and set(graph.nodes[other][0]) & set(descendants):
            descendants.append(other)
    sources, sigma = graph.nodes[name]
    return graph._replace(nodes=graph.nodes | {name: ((*sources, descendants[-1]), sigma)})


def refused(graph: Graph) -> bool:
    """Whether fnn refuses it for a cycle."""
    try:
        layers.graph(*graph)
    except ValueError as error:
        if "cycle" not in str(error):
            raise
        return True
    return False


# --------------------------------------------------------------------- as matrices over all neurons


def names(graph: Graph) -> list[str]:
    """Inputs first, then neurons in topological order."""
    return [*graph.inputs, *sorted(graph.nodes)]


def edges(graph: Graph) -> np.ndarray:
    """(edges, 2): from and to, positions in `names`."""
    at = {name: position for position, name in enumerate(names(graph))}
    return np.array(
        [(at[source], at[name]) for name in sorted(graph.nodes) for source in graph.nodes[name][0]]
    )


def adjacency(graph: Graph) -> np.ndarray:
    """1 where the neuron of the row reads the one of the column."""
    matrix = np.zeros((INPUTS + NEURONS, INPUTS + NEURONS), int)
    source, target = edges(graph).T
    matrix[target, source] = 1
    return matrix


def loop_free(graph: Graph) -> bool:
    """Whether no walk closes: the adjacency matrix of N neurons is acyclic iff its Nth power is
    zero.
    """
    return not np.linalg.matrix_power(adjacency(graph), INPUTS + NEURONS).any()


def columns(graph: Graph) -> np.ndarray:
    """The longest path from an input to each neuron."""
    depth = np.zeros(INPUTS + NEURONS, int)
    for source, target in edges(graph):  # sorted by target
        depth[target] = max(depth[target], depth[source] + 1)
    return depth


def longest_by_enumeration(graph: Graph) -> int:
    """The longest of all paths from an input to an output, each of them walked."""

    def lengths(name):
        if name in graph.inputs:
            return [0]
        return [1 + length for source in graph.nodes[name][0] for length in lengths(source)]

    return max(length for name in graph.outputs for length in lengths(name))


def members(graph: Graph) -> list[list[str]]:
    """Neurons with the same predecessors, in the order of declaration."""
    classes: dict[frozenset[str], list[str]] = {}
    for name, (sources, _) in graph.nodes.items():
        classes.setdefault(frozenset(sources), []).append(name)
    return list(classes.values())


def predecessor_classes(graph: Graph) -> np.ndarray:
    """Sizes of the classes of neurons with the same predecessors, descending, padded with zeros."""
    return _padded([len(names) for names in members(graph)])


def layer_sizes(graph: Graph) -> np.ndarray:
    """Rows of fnn's weight matrices, descending, padded with zeros."""
    params, _ = jax.eval_shape(layers.graph(*graph, init="zeros").init, jax.random.key(0))
    return _padded([p.b.size for p in params.values()])


def _padded(sizes: list[int]) -> np.ndarray:
    return np.pad(sorted(sizes, reverse=True), (0, NEURONS - len(sizes)))


# -------------------------------------------------------------------------------- neuron by neuron


def compared(graphs: list[Graph]) -> dict[str, np.ndarray]:
    """The largest differences of fnn's values and gradients from the neuron-by-neuron form, for
    each graph.
    """
    rng = np.random.default_rng(0)
    weights = np.stack(
        [adjacency(each) * rng.normal(size=(INPUTS + NEURONS,) * 2) for each in graphs]
    )
    biases, x = (
        rng.normal(size=(len(graphs), INPUTS + NEURONS)),
        rng.normal(size=(len(graphs), EXAMPLES, INPUTS)),
    )
    kinds = np.array(
        [[list(SIGMAS).index(each.nodes[n][1]) for n in sorted(each.nodes)] for each in graphs]
    )
    shown = np.array([[name in each.outputs for name in names(each)] for each in graphs])
    reference = jax.vmap(jax.value_and_grad(neuron_by_neuron, argnums=(0, 1), has_aux=True))
    (_, values), slopes = jax.jit(reference)(weights, biases, kinds, shown, x)
    pairs = [
        _differences(
            each,
            weights[i],
            biases[i],
            x[i],
            np.asarray(values[i]),
            [np.asarray(s[i]) for s in slopes],
        )
        for i, each in enumerate(graphs)
    ]
    found = dict(zip(("value_error", "gradient_error"), np.array(pairs).T, strict=True))
    ghost = ghost_error(graphs[0], weights[0], biases[0], x[0], np.asarray(values[0]))
    return found | {"ghost_error": np.array(ghost)}


def neuron_by_neuron(A, b, kinds, shown, x):
    """a_i = b_i + Σ_j w_ij z_j, z_i = f_i(a_i), one neuron after the other. The mean over the
    examples of Σ z² of the outputs, and z (neurons, examples).
    """
    z = jnp.zeros((len(b), len(x))).at[:INPUTS].set(x.T)
    for i in range(INPUTS, len(b)):
        z = z.at[i].set(jax.lax.switch(kinds[i - INPUTS], list(SIGMAS.values()), b[i] + A[i] @ z))
    return jnp.mean(jnp.sum(jnp.where(shown[:, None], z, 0) ** 2, axis=0)), z


def ghost_error(graph: Graph, A, b, x, z) -> float:
    """How far the outputs are if each bias is a weight from one more input, which is always 1."""
    ghost = graph._replace(
        inputs=(*graph.inputs, "one"),
        nodes={name: ((*sources, "one"), sigma) for name, (sources, sigma) in graph.nodes.items()},
    )
    params = {
        name: DenseParams(jnp.column_stack([p.W, p.b]), jnp.zeros(len(p.b)))
        for name, p in _as_layers(graph, A, b)
    }
    outputs = fnn.apply(layers.graph(*ghost), params, np.column_stack([x, np.ones(len(x))]))
    return float(np.abs(np.asarray(outputs).T - z[_outputs(graph)]).max())


def _as_layers(graph: Graph, A, b) -> list[tuple[str, DenseParams]]:
    """A over all neurons cut into the matrices of `layers.graph`, each with its name there."""
    at = {name: position for position, name in enumerate(names(graph))}
    cut = []
    for group in members(graph):
        rows, reads = (
            [at[name] for name in group],
            [at[source] for source in graph.nodes[group[0]][0]],
        )
        name = "+".join(group) if len(group) <= 3 else f"{group[0]}..{group[-1]}"
        cut.append((name, DenseParams(A[np.ix_(rows, reads)], b[rows])))
    return cut


def _outputs(graph: Graph) -> list[int]:
    return [names(graph).index(name) for name in graph.outputs]


def _differences(graph: Graph, A, b, x, z, slopes) -> tuple[float, float]:
    """Of one graph: the largest difference in its outputs, and in its gradient."""
    net, params, expected = (
        layers.graph(*graph),
        dict(_as_layers(graph, A, b)),
        dict(_as_layers(graph, *slopes)),
    )

    @jax.jit
    def both(params):
        target = jnp.zeros((EXAMPLES, len(graph.outputs)))
        return fnn.apply(net, params, x), fnn.value_and_grad(net, losses.squared_error)(
            params, x, target
        )[1]

    values, grads = both(params)
    wrong = jax.tree.map(
        lambda mine, other: np.abs(np.asarray(mine) - other).max(), grads, expected
    )
    return np.abs(np.asarray(values).T - z[_outputs(graph)]).max(), max(jax.tree.leaves(wrong))
