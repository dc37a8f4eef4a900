"""Any acyclic network: a_i = σ_i(b_i + Σ w_ij a_j) over the predecessors j of node i. Adornetto,
claims 0.2-0.5.

Nodes with the same predecessors form a group (the document's "layer"), and a group is evaluated as
one matrix product. Values are held in blocks, the inputs being block 0 and group g block g + 1; a
`Piece` is a run of rows of a block, so that a group that reads a whole block reads it without a
copy.
"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from typing import NamedTuple

import jax
import jax.numpy as jnp

from fnn import activations, checks, initializers
from fnn.activations import Activation
from fnn.initializers import Initializer
from fnn.layers.dense import DenseParams, affine, affine_backward
from fnn.remembered import remembered
from fnn.types import Layer

NodeSpec = tuple[Sequence[str], str | Activation] | tuple[Sequence[str], str | Activation, int]


class Node(NamedTuple):
    """A neuron, or `width` of them that share predecessors and activation."""

    predecessors: tuple[str, ...]
    activation: Activation
    width: int


class Piece(NamedTuple):
    """Rows start to stop of a block."""

    block: int
    start: int
    stop: int


class Group(NamedTuple):
    """Nodes with the same predecessors, and which rows of their z each activation takes."""

    name: str
    sources: tuple[Piece, ...]
    fan_in: int
    width: int
    segments: tuple[tuple[Activation, slice], ...]


class Depth(NamedTuple):
    """How deep a network is, by each of the counts that documents call its depth (claims 2.9, X8).

    weight_layers  groups of nodes with the same predecessors, each a matrix
    hidden_layers  those of them in which no node is an output
    longest_path   weights on the longest path from an input to an output
    """

    weight_layers: int
    hidden_layers: int
    longest_path: int


@remembered
def graph(
    inputs: Sequence[str] | Mapping[str, int],
    nodes: Mapping[str, NodeSpec],
    outputs: Sequence[str],
    *,
    init: str | Initializer = "he",
) -> Layer:
    """A Layer from a directed acyclic graph of neurons.

    inputs   names, each one feature of x in this order; or name -> number of features
    nodes    name -> (predecessors, activation), or (predecessors, activation, width) for a layer as
             one node
    outputs  the names whose values, in this order, are y

    Parameters are a dict, group -> DenseParams: a row of W and an entry of b for each neuron of the
    group in the order of `nodes`, a column for each predecessor in the order of the group's first
    node. A group is named after its nodes: "h1+h2", or "h1..h9" where there are more than three.

    Raises ValueError, naming the node, for a cycle, an unknown predecessor or output, a name used
    twice, and a node that reaches no output.
    """
    widths, table, order = _parsed(inputs, nodes, outputs)
    draw = initializers.get(init)
    groups, pieces = _group(order, table, widths)
    sinks = _pieces(outputs, pieces)
    n_in = sum(widths.values())

    def initialise(key):
        params = {}
        for i, g in enumerate(groups):
            W = initializers.drawn(draw, jax.random.fold_in(key, i), (g.width, g.fan_in))
            params[g.name] = DenseParams(W, jnp.zeros(g.width, W.dtype))
        return params, ()

    def forward(params, state, x, *, key=None, train=False):
        if x.shape[0] != n_in:
            raise ValueError(
                f"x: got {x.shape[0]} features, expected {n_in}, one for each input of the graph."
            )
        blocks, residuals = [x], []
        for g in groups:
            z, a = affine(params[g.name], _read(blocks, g.sources))
            blocks.append(_join([sigma.value(z[rows]) for sigma, rows in g.segments]))
            residuals.append((z, a))
        return _read(blocks, sinks), state, residuals

    def backward(params, residuals, dy):
        heights = [n_in, *(g.width for g in groups)]
        cotangents = [jnp.zeros((height, dy.shape[1]), dy.dtype) for height in heights]
        _accumulate(cotangents, sinks, dy)
        grads = {}
        for i in reversed(range(len(groups))):
            g, (z, a) = groups[i], residuals[i]
            da = cotangents[i + 1]
            dz = _join([sigma.backward(z[rows], da[rows]) for sigma, rows in g.segments])
            grads[g.name], d_sources = affine_backward(params[g.name], a, dz)
            _accumulate(cotangents, g.sources, d_sources)
        return grads, cotangents[0]

    return Layer(initialise, forward, backward, f"graph of {len(table)} nodes", per_example=True)


def depth(
    inputs: Sequence[str] | Mapping[str, int], nodes: Mapping[str, NodeSpec], outputs: Sequence[str]
) -> Depth:
    """How deep the network of `graph` with the same arguments is. ValueError for what `graph`
    refuses.
    """
    widths, table, order = _parsed(inputs, nodes, outputs)
    length = dict.fromkeys(widths, 0)
    for name in order:
        length[name] = 1 + max(length[predecessor] for predecessor in table[name].predecessors)
    groups = {frozenset(node.predecessors) for node in table.values()}
    last = {frozenset(table[name].predecessors) for name in outputs if name in table}
    return Depth(len(groups), len(groups) - len(last), max(length.values()))


# -------------------- reading blocks


def _read(blocks, pieces):
    """The rows of `pieces`, one below the other."""
    return _join([blocks[p.block][p.start : p.stop] for p in pieces])


def _accumulate(cotangents, pieces, d):
    """The transpose of `_read`: adds the rows of d to where they were read from."""
    row = 0
    for p in pieces:
        height = p.stop - p.start
        cotangents[p.block] = cotangents[p.block].at[p.start : p.stop].add(d[row : row + height])
        row += height


def _join(arrays):
    return arrays[0] if len(arrays) == 1 else jnp.concatenate(arrays)


# ------------------------------------------------------------------------------- building the graph


def _parsed(inputs, nodes, outputs) -> tuple[dict[str, int], dict[str, Node], list[str]]:
    """Width of each input, the nodes, and their names in topological order."""
    widths = _input_widths(inputs)
    table = _node_table(nodes, widths)
    order = _topological_order(table, widths)
    _check_outputs(outputs, table, widths)
    return widths, table, order


def _input_widths(inputs) -> dict[str, int]:
    if isinstance(inputs, Mapping):
        _names("inputs", inputs)
        widths = {name: checks.count(f"inputs[{name!r}]", width) for name, width in inputs.items()}
    else:
        widths = dict.fromkeys(_names("inputs", inputs), 1)
    if not widths:
        raise ValueError("inputs: got none, expected at least one name.")
    return widths


def _names(argument: str, names) -> tuple[str, ...]:
    """The names as a tuple; refuses a bare string, which would be taken letter by letter, and
    repeats.
    """
    if isinstance(names, str):
        raise ValueError(
            f"{argument}: got the string {names!r}, expected a tuple such as ({names!r},)."
        )
    try:
        names = tuple(names)
    except TypeError as error:
        raise ValueError(f"{argument}: got {names!r}, expected a tuple of names.") from error
    for name in names:
        if not isinstance(name, str):
            raise ValueError(f"{argument}: got {name!r}, expected names, which are strings.")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{argument}: {name!r} appears twice.")
    return names


def _node_table(nodes, widths) -> dict[str, Node]:
    if not isinstance(nodes, Mapping):
        raise ValueError(
            f"nodes: got {nodes!r}, expected a dict, name -> (predecessors, activation)."
        )
    _names("nodes", nodes)
    table = {}
    for name, spec in nodes.items():
        if name in widths:
            raise ValueError(f"nodes: {name!r} is already the name of an input.")
        if not isinstance(spec, tuple) or len(spec) not in (2, 3):
            raise ValueError(
                f"nodes[{name!r}]: got {spec!r}, expected (predecessors, activation) or (…, …, "
                f"width)."
            )
        predecessors = _names(f"nodes[{name!r}]", spec[0])
        if not predecessors:
            raise ValueError(f"nodes[{name!r}]: has no predecessor, expected at least one.")
        width = checks.count(f"width of {name!r}", spec[2]) if len(spec) == 3 else 1
        table[name] = Node(predecessors, activations.get(spec[1]), width)
    return table


def _topological_order(table, widths) -> list[str]:
    for name, node in table.items():
        for predecessor in node.predecessors:
            if predecessor not in widths and predecessor not in table:
                raise ValueError(
                    f"nodes[{name!r}]: its predecessor {predecessor!r} is neither an input nor a "
                    f"node."
                )
    try:
        order = TopologicalSorter(
            {name: node.predecessors for name, node in table.items()}
        ).static_order()
        return [name for name in order if name in table]
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        raise ValueError(
            f"nodes: the graph has a cycle, {cycle}; expected an acyclic graph."
        ) from error


def _check_outputs(outputs, table, widths) -> None:
    used = list(_names("outputs", outputs))
    if not used:
        raise ValueError("outputs: got none, expected at least one name.")
    for name in used:
        if name not in table and name not in widths:
            raise ValueError(f"outputs: {name!r} is neither an input nor a node.")
    reached = set(used)
    while used:
        node = table.get(used.pop())
        fresh = [p for p in node.predecessors if p not in reached] if node else []
        reached.update(fresh)
        used.extend(fresh)
    for name in table:
        if name not in reached:
            raise ValueError(f"nodes: {name!r} reaches no output; remove it or name it in outputs.")


def _group(order, table, widths) -> tuple[list[Group], dict[str, Piece]]:
    """Groups in topological order, and where each name's rows stand."""
    members: dict[frozenset[str], list[str]] = {}
    for name in order:  # all nodes of a group become computable at the same moment
        members.setdefault(frozenset(table[name].predecessors), [])
    for name in table:  # within a group, the order of declaration
        members[frozenset(table[name].predecessors)].append(name)

    pieces = _stack(0, widths)
    groups: list[Group] = []
    for names in members.values():
        rows = {name: table[name].width for name in names}
        sources = _pieces(table[names[0]].predecessors, pieces)
        fan_in = sum(p.stop - p.start for p in sources)
        own = _stack(len(groups) + 1, rows)
        name = _group_name(names)
        if any(group.name == name for group in groups):
            raise ValueError(
                f"nodes: {name!r} is the name of a node and of a group of others; rename that node."
            )
        groups.append(
            Group(name, sources, fan_in, sum(rows.values()), _segments(names, table, own))
        )
        pieces |= own
    return groups, pieces


def _stack(block: int, widths: dict[str, int]) -> dict[str, Piece]:
    """Each name's rows when they stand one below the other in a block."""
    pieces, start = {}, 0
    for name, width in widths.items():
        pieces[name] = Piece(block, start, start + width)
        start += width
    return pieces


def _pieces(names: Sequence[str], pieces: dict[str, Piece]) -> tuple[Piece, ...]:
    """The pieces of `names`, neighbours merged."""
    merged: list[Piece] = []
    for piece in (pieces[name] for name in names):
        if merged and merged[-1].block == piece.block and merged[-1].stop == piece.start:
            merged[-1] = merged[-1]._replace(stop=piece.stop)
        else:
            merged.append(piece)
    return tuple(merged)


def _segments(names, table, own) -> tuple[tuple[Activation, slice], ...]:
    """Runs of nodes that share an elementwise activation; any other activation takes one node at a
    time.
    """

    def kind(name):
        sigma = table[name].activation
        return sigma, None if sigma.product is None else name

    runs = [(sigma, list(run)) for (sigma, _), run in groupby(names, kind)]
    return tuple((sigma, slice(own[run[0]].start, own[run[-1]].stop)) for sigma, run in runs)


def _group_name(names: list[str]) -> str:
    return "+".join(names) if len(names) <= 3 else f"{names[0]}..{names[-1]}"
