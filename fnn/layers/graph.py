"""Any acyclic network: a_i = σ_i(b_i + Σ w_ij a_j), over the predecessors j of node i.

Adornetto, claims 0.2-0.5. Nodes with the same predecessors form a group (the document's "layer"),
and a group is evaluated as one matrix product. Values are held in blocks: block 0 holds the inputs,
block g + 1 the nodes of group g. A `RowRange` is a range of rows of a block, so that a group that
reads a whole block reads it without a copy.
"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import groupby
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from fnn import activations, checks, initializers
from fnn.activations import Activation
from fnn.initializers import Initializer
from fnn.layers.dense import DenseParams, affine, affine_backward
from fnn.remembered import remembered
from fnn.types import Layer

NodeSpec = tuple[Sequence[str], str | Activation] | tuple[Sequence[str], str | Activation, int]
Inputs: TypeAlias = Sequence[str] | Mapping[str, int]
Nodes: TypeAlias = Mapping[str, NodeSpec]


class Node(NamedTuple):
    """A neuron, or `width` neurons that share predecessors and activation."""

    predecessors: tuple[str, ...]
    activation: Activation
    width: int


class RowRange(NamedTuple):
    """Rows start to stop of a block."""

    block: int
    start: int
    stop: int


Positions: TypeAlias = dict[str, RowRange]
"""name -> the rows of its values."""


class NodeGroup(NamedTuple):
    """Nodes with the same predecessors, and the rows of their z that each activation takes."""

    name: str
    sources: tuple[RowRange, ...]
    fan_in: int
    width: int
    segments: tuple[tuple[Activation, slice], ...]


class Depth(NamedTuple):
    """The depth of a network, by each of the counts that documents use (claims 2.9, X8).

    weight_layers  groups of nodes with the same predecessors; each has one matrix
    hidden_layers  those groups in which no node is an output
    longest_path   weights on the longest path from an input to an output
    """

    weight_layers: int
    hidden_layers: int
    longest_path: int


@remembered
def graph(
    inputs: Inputs,
    nodes: Nodes,
    outputs: Sequence[str],
    *,
    init: str | Initializer = "he",
) -> Layer:
    """Return the Layer of a directed acyclic graph of neurons.

    inputs   names, each one feature of x in this order; or name -> number of features
    nodes    name -> (predecessors, activation), or (predecessors, activation, width) for a layer as
             one node
    outputs  the names whose values, in this order, are y
    init     name or function that draws W of each group; b starts at 0

    Parameters are a dict, group -> DenseParams. Each neuron of the group has a row of W and an
    entry of b, in the order of `nodes`. Each predecessor has a column, in the order of the group's
    first node. A group is named after its nodes: "h1+h2", or "h1..h9" where there are more than
    three.

    Raises ValueError, naming the node, for a cycle, an unknown predecessor or output, a name used
    twice, and a node that reaches no output.

    >>> import fnn, jax
    >>> nodes = {"h": (("a", "b"), "relu"), "y": (("a", "h"), "identity")}
    >>> net = fnn.layers.graph(("a", "b"), nodes, ("y",))
    >>> params, state = net.init(jax.random.key(0))
    >>> print({group: dense.W.shape for group, dense in params.items()})
    {'h': (1, 2), 'y': (1, 2)}
    """
    widths, table, order = _parse(inputs, nodes, outputs)
    draw = initializers.get(init)
    groups, positions = _group_nodes(order, table, widths)
    sinks = _merge(outputs, positions)
    n_in = sum(widths.values())

    def initialise(key):
        params = {}
        for i, group in enumerate(groups):
            group_key = jax.random.fold_in(key, i)
            W = initializers.sample(draw, group_key, (group.width, group.fan_in))
            b = jnp.zeros(group.width, W.dtype)
            params[group.name] = DenseParams(W, b)
        return params, ()

    def forward(params, state, x, *, key=None, train=False):
        if x.shape[0] != n_in:
            raise ValueError(
                f"x: got {x.shape[0]} features, expected {n_in}, one for each input of the graph."
            )
        blocks, residuals = [x], []
        for group in groups:
            sources = _read(blocks, group.sources)
            z, a = affine(params[group.name], sources)
            values = [sigma.value(z[rows]) for sigma, rows in group.segments]
            blocks.append(_join(values))
            residuals.append((z, a))
        return _read(blocks, sinks), state, residuals

    def backward(params, residuals, dy):
        batch = dy.shape[1]
        heights = [n_in, *(group.width for group in groups)]
        cotangents = [jnp.zeros((height, batch), dy.dtype) for height in heights]
        _accumulate(cotangents, sinks, dy)
        grads = {}
        for i in reversed(range(len(groups))):
            group = groups[i]
            z, a = residuals[i]
            da = cotangents[i + 1]
            segments = [sigma.backward(z[rows], da[rows]) for sigma, rows in group.segments]
            dz = _join(segments)
            gradient, d_sources = affine_backward(params[group.name], a, dz)
            grads[group.name] = gradient
            _accumulate(cotangents, group.sources, d_sources)
        return grads, cotangents[0]

    name = f"graph of {len(table)} nodes"
    return Layer(initialise, forward, backward, name, per_example=True)


def depth(inputs: Inputs, nodes: Nodes, outputs: Sequence[str]) -> Depth:
    """Return the depth of the network that `graph` makes of the same arguments.

    inputs, nodes, outputs  as of `graph`

    Raises ValueError for what `graph` refuses.

    >>> import fnn
    >>> nodes = {"h": (("a", "b"), "relu"), "y": (("a", "h"), "identity")}
    >>> fnn.layers.depth(("a", "b"), nodes, ("y",))
    Depth(weight_layers=2, hidden_layers=1, longest_path=2)
    """
    widths, table, order = _parse(inputs, nodes, outputs)
    length = dict.fromkeys(widths, 0)
    for name in order:
        predecessors = table[name].predecessors
        longest = max(length[each] for each in predecessors)
        length[name] = 1 + longest
    groups, output_groups = set(), set()
    for name, node in table.items():
        group = frozenset(node.predecessors)
        groups.add(group)
        if name in outputs:
            output_groups.add(group)
    return Depth(
        weight_layers=len(groups),
        hidden_layers=len(groups - output_groups),
        longest_path=max(length.values()),
    )


# ----------------------------------------------------------------------------------- reading blocks


def _read(blocks, ranges):
    """Return the rows of these ranges, one below the other."""
    arrays = []
    for block, start, stop in ranges:
        arrays.append(blocks[block][start:stop])
    return _join(arrays)


def _accumulate(cotangents, ranges, d):
    """Add the rows of d to the rows that `_read` read: the transpose of `_read`."""
    row = 0
    for block, start, stop in ranges:
        height = stop - start
        d_rows = d[row : row + height]
        cotangent = cotangents[block]
        cotangents[block] = cotangent.at[start:stop].add(d_rows)
        row += height


def _join(arrays):
    return arrays[0] if len(arrays) == 1 else jnp.concatenate(arrays)


# ------------------------------------------------------------------------------- checking the graph


def _parse(inputs, nodes, outputs) -> tuple[dict[str, int], dict[str, Node], list[str]]:
    """Return the width of each input, the nodes, and their names in topological order."""
    widths = _input_widths(inputs)
    table = _node_table(nodes, widths)
    order = _topological_order(table, widths)
    _check_outputs(outputs, table, widths)
    return widths, table, order


def _input_widths(inputs) -> dict[str, int]:
    names = _names("inputs", inputs)
    widths = dict.fromkeys(names, 1)
    if isinstance(inputs, Mapping):
        for name, width in inputs.items():
            widths[name] = checks.count(f"inputs[{name!r}]", width)
    if not widths:
        raise ValueError("inputs: got none, expected at least one name.")
    return widths


def _names(argument: str, names) -> tuple[str, ...]:
    """Return the names as a tuple.

    Refuse repeats, and a bare string, which Python would take letter by letter.
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
        table[name] = _node(name, spec)
    return table


def _node(name: str, spec) -> Node:
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise ValueError(
            f"nodes[{name!r}]: got {spec!r}, expected (predecessors, activation) or "
            "(predecessors, activation, width)."
        )
    predecessors = _names(f"nodes[{name!r}]", spec[0])
    if not predecessors:
        raise ValueError(f"nodes[{name!r}]: has no predecessor, expected at least one.")
    width = 1
    if len(spec) == 3:
        width = checks.count(f"width of {name!r}", spec[2])
    return Node(predecessors, activations.get(spec[1]), width)


def _topological_order(table, widths) -> list[str]:
    predecessors = {name: node.predecessors for name, node in table.items()}
    for name, needed in predecessors.items():
        for predecessor in needed:
            if predecessor not in widths and predecessor not in table:
                raise ValueError(
                    f"nodes[{name!r}]: its predecessor {predecessor!r} is neither an input nor a "
                    "node."
                )
    try:
        order = TopologicalSorter(predecessors).static_order()
        return [name for name in order if name in table]
    except CycleError as error:
        cycle = " → ".join(reversed(error.args[1]))
        raise ValueError(
            f"nodes: the graph has a cycle, {cycle}; expected an acyclic graph."
        ) from error


def _check_outputs(outputs, table, widths) -> None:
    """Refuse unknown outputs, and nodes that reach no output."""
    waiting = list(_names("outputs", outputs))
    if not waiting:
        raise ValueError("outputs: got none, expected at least one name.")
    for name in waiting:
        if name not in table and name not in widths:
            raise ValueError(f"outputs: {name!r} is neither an input nor a node.")
    reached = set(waiting)
    while waiting:
        node = table.get(waiting.pop())
        predecessors = node.predecessors if node else ()
        new = [name for name in predecessors if name not in reached]
        reached.update(new)
        waiting.extend(new)
    for name in table:
        if name not in reached:
            raise ValueError(f"nodes: {name!r} reaches no output; remove it or name it in outputs.")


# ------------------------------------------------------------------------------- grouping the nodes


def _group_nodes(order, table, widths) -> tuple[list[NodeGroup], Positions]:
    """Return the groups in topological order, and the rows of each name."""
    members: dict[frozenset[str], list[str]] = {}
    for name in order:  # all nodes of a group become computable at the same moment
        members.setdefault(frozenset(table[name].predecessors), [])
    for name in table:  # within a group, the order of declaration
        members[frozenset(table[name].predecessors)].append(name)

    positions = _stack(0, widths)
    groups: list[NodeGroup] = []
    for names in members.values():
        rows = {name: table[name].width for name in names}
        in_group = _stack(len(groups) + 1, rows)
        group = _node_group(names, table, positions, in_group)
        if any(other.name == group.name for other in groups):
            raise ValueError(
                f"nodes: {group.name!r} is the name of a node and of a group of others; rename "
                "that node."
            )
        groups.append(group)
        positions |= in_group
    return groups, positions


def _node_group(names, table, positions, in_group) -> NodeGroup:
    predecessors = table[names[0]].predecessors
    sources = _merge(predecessors, positions)
    return NodeGroup(
        name=_group_name(names),
        sources=sources,
        fan_in=sum(rows.stop - rows.start for rows in sources),
        width=sum(table[name].width for name in names),
        segments=_segments(names, table, in_group),
    )


def _stack(block: int, widths: dict[str, int]) -> Positions:
    """Return the rows of each name when they stand one below the other in a block."""
    positions, start = {}, 0
    for name, width in widths.items():
        stop = start + width
        positions[name] = RowRange(block, start, stop)
        start = stop
    return positions


def _merge(names: Sequence[str], positions: Positions) -> tuple[RowRange, ...]:
    """Return the rows of these names, neighbouring ranges merged."""
    merged: list[RowRange] = []
    for name in names:
        rows = positions[name]
        last = merged[-1] if merged else None
        if last and last.block == rows.block and last.stop == rows.start:
            merged[-1] = last._replace(stop=rows.stop)
        else:
            merged.append(rows)
    return tuple(merged)


def _segments(names, table, positions) -> tuple[tuple[Activation, slice], ...]:
    """Return each activation of a group with the rows of z that it takes.

    Neighbouring nodes share an elementwise activation. Any other activation takes one node at a
    time.
    """

    def kind(name):
        sigma = table[name].activation
        is_elementwise = sigma.product is None
        return sigma, None if is_elementwise else name

    segments = []
    for (sigma, _), run in groupby(names, kind):
        rows = [positions[name] for name in run]
        whole = slice(rows[0].start, rows[-1].stop)
        segments.append((sigma, whole))
    return tuple(segments)


def _group_name(names: list[str]) -> str:
    if len(names) <= 3:
        return "+".join(names)
    return f"{names[0]}..{names[-1]}"
