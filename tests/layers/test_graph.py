"""Networks as acyclic graphs: grouping, evaluation against a naive recursion, gradients,
refusals.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnn import activations, losses, tree
from fnn.backprop import apply, value_and_grad
from fnn.layers import DenseParams, depth, graph
from fnn.mlp import mlp
from fnn.testing import assert_network, assert_vjp

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)
LOSS = losses.squared_error
TWO_THREE_ONE = {
    "3": (("1", "2"), "sigmoid"),
    "4": (("1", "2"), "sigmoid"),
    "5": (("1", "2"), "sigmoid"),
    "6": (("3", "4", "5"), "sigmoid"),
}


def sigma(z):
    return 1 / (1 + np.exp(-z))


def filled(net, seed=0):
    """Parameters with random biases too."""
    params, _ = net.init(KEY)
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), params)


def inputs(n, features, seed=1):
    return np.random.default_rng(seed).normal(size=(n, features))


# ------------------------------------------------------------------------------- the 2-3-1 network


def test_nodes_with_the_same_predecessors_are_a_group():
    """0.3: {1, 2}, {3, 4, 5}, {6}; 0.4: the inputs have no parameters; 0.5: 9 + 4 parameters."""
    params, state = graph(("1", "2"), TWO_THREE_ONE, ("6",)).init(KEY)
    assert {name: p.W.shape for name, p in params.items()} == {"3+4+5": (3, 2), "6": (1, 3)}
    assert all(p.b.shape == p.W.shape[:1] and not p.b.any() for p in params.values())
    assert tree.size(params) == 13
    assert state == ()


def test_2_3_1_expanded_graph_and_matrix_forms_agree():
    """0.2, 0.5, 0.6: one document writes out z₃ … z₆ weight by weight."""
    net = graph(("1", "2"), TWO_THREE_ONE, ("3", "4", "5", "6"))
    params = filled(net)
    (W, b), (V, c) = params["3+4+5"], params["6"]
    x = inputs(7, 2)
    z1, z2 = x[:, 0], x[:, 1]
    z3 = sigma(b[0] + W[0, 0] * z1 + W[0, 1] * z2)
    z4 = sigma(b[1] + W[1, 0] * z1 + W[1, 1] * z2)
    z5 = sigma(b[2] + W[2, 0] * z1 + W[2, 1] * z2)
    z6 = sigma(c[0] + V[0, 0] * z3 + V[0, 1] * z4 + V[0, 2] * z5)
    np.testing.assert_allclose(
        apply(net, params, x), np.stack([z3, z4, z5, z6], axis=1), rtol=0, atol=1e-15
    )

    layered = mlp((2, 3, 1), activation="sigmoid", output="sigmoid")
    layered_params = (params["3+4+5"], (), params["6"], ())
    np.testing.assert_allclose(apply(layered, layered_params, x)[:, 0], z6, rtol=0, atol=1e-15)


def test_1_3_3_1_expanded_and_matrix_forms_agree():
    """1.5: 22 parameters."""
    net = mlp((1, 3, 3, 1), activation="relu")
    params = filled(net)
    assert tree.size(params) == 22
    (Omega0, beta0), _, (Omega1, beta1), _, (Omega2, beta2) = jax.tree.map(np.asarray, params)
    x = inputs(9, 1)
    h = [np.maximum(0, beta0[d] + Omega0[d, 0] * x[:, 0]) for d in range(3)]
    k = [np.maximum(0, beta1[d] + sum(Omega1[d, j] * h[j] for j in range(3))) for d in range(3)]
    y = beta2[0] + sum(Omega2[0, j] * k[j] for j in range(3))
    np.testing.assert_allclose(apply(net, params, x)[:, 0], y, rtol=0, atol=1e-15)
    nodes = {f"h{d}": (("x",), "relu") for d in range(3)} | {
        f"k{d}": (("h0", "h1", "h2"), "relu") for d in range(3)
    }
    dag = graph(("x",), nodes | {"y": (("k0", "k1", "k2"), "identity")}, ("y",))
    dag_params = dict(zip(("h0+h1+h2", "k0+k1+k2", "y"), params[::2], strict=True))
    np.testing.assert_allclose(apply(dag, dag_params, x)[:, 0], y, rtol=0, atol=1e-15)


@pytest.mark.slow
def test_graph_and_mlp_have_the_same_gradient():
    nodes = {"h": (("x",), "tanh", 4), "k": (("h",), "tanh", 3), "y": (("k",), "identity", 2)}
    dag, layered = graph({"x": 3}, nodes, ("y",)), mlp((3, 4, 3, 2), activation="tanh")
    params = filled(dag)
    x, y = inputs(6, 3), inputs(6, 2, seed=2)
    _, of_dag = value_and_grad(dag, LOSS)(params, x, y)
    _, of_mlp = value_and_grad(layered, LOSS)((params["h"], (), params["k"], (), params["y"]), x, y)
    for name, grad in zip(("h", "k", "y"), of_mlp[::2], strict=True):
        np.testing.assert_allclose(of_dag[name].W, grad.W, rtol=1e-12)
        np.testing.assert_allclose(of_dag[name].b, grad.b, rtol=1e-12)


def test_a_bias_is_a_weight_from_a_constant_one():
    """0.2, 1.1, 2.7: the ghost node."""
    nodes = {"h1": (("x",), "tanh"), "h2": (("x",), "tanh"), "y": (("h1", "h2"), "identity")}
    ghost = {
        "h1": (("x", "1"), "tanh"),
        "h2": (("x", "1"), "tanh"),
        "y": (("h1", "h2", "1"), "identity"),
    }
    net, ghost_net = graph(("x",), nodes, ("y",)), graph(("x", "1"), ghost, ("y",))
    params = filled(net)
    ghost_params = {
        k: DenseParams(jnp.column_stack([p.W, p.b]), jnp.zeros_like(p.b)) for k, p in params.items()
    }
    x = inputs(5, 1)
    with_one = np.column_stack([x, np.ones(5)])
    np.testing.assert_allclose(
        apply(ghost_net, ghost_params, with_one), apply(net, params, x), rtol=0, atol=1e-15
    )


# -------------------- depth


def test_depth_counts_layers_hidden_ones_and_the_longest_path():
    """2.9, X8."""
    assert depth(("1", "2"), TWO_THREE_ONE, ("6",)) == (2, 1, 2)
    nodes = {"h": (("x",), "relu", 4), "k": (("h",), "relu", 4), "y": (("k",), "identity", 2)}
    assert depth({"x": 3}, nodes, ("y",)) == (3, 2, 3)
    assert depth({"x": 3}, {"y": (("x",), "identity")}, ("y",)) == (1, 0, 1)


def test_depth_where_layers_are_no_chain():
    side_by_side = {"a": (("x1",), "relu"), "b": (("x2",), "relu"), "y": (("a", "b"), "identity")}
    assert depth(("x1", "x2"), side_by_side, ("y",)) == (3, 2, 2)
    skipping = {"a": (("x",), "relu"), "b": (("x", "a"), "relu"), "y": (("x", "b"), "identity")}
    assert depth(("x",), skipping, ("y",)) == (3, 2, 3)
    assert depth(("x",), skipping, ("a", "y")) == (3, 1, 3)  # a is an output
    assert depth(("x",), {}, ("x",)) == (0, 0, 0)


def test_depth_refuses_what_graph_refuses():
    with pytest.raises(ValueError, match="the graph has a cycle, a → a"):
        depth(("x",), {"a": (("a", "x"), "relu")}, ("a",))


# ---------------------------------------------------------------------------------- what is allowed


def groups_of(*arguments):
    return sorted(graph(*arguments).init(KEY)[0])


def test_a_skip_connection_splits_the_groups():
    """0.3"""
    nodes = {
        "h1": (("x",), "relu"),
        "h2": (("x", "h1"), "relu"),
        "y": (("h1", "h2", "x"), "identity"),
    }
    assert groups_of(("x",), nodes, ("y",)) == ["h1", "h2", "y"]


def test_a_group_ignores_the_order_of_predecessors_and_of_declaration():
    nodes = {
        "y": (("b", "a"), "identity"),
        "b": (("x1", "x2"), "tanh"),
        "a": (("x2", "x1"), "tanh"),
    }
    net = graph(("x1", "x2"), nodes, ("y",))
    params = filled(net)
    assert sorted(params) == ["b+a", "y"]
    (W, b), (V, c) = params["b+a"], params["y"]
    x = inputs(5, 2)
    hidden = np.tanh(x @ W.T + b[None])  # columns in the order of b, the first of its group: x1, x2
    np.testing.assert_allclose(apply(net, params, x), hidden @ V.T + c[None], rtol=1e-14)


def test_names_of_large_groups():
    nodes = {f"h{i}": (("x",), "relu") for i in range(1, 10)}
    assert groups_of(("x",), nodes, tuple(nodes)) == ["h1..h9"]


def test_activations_may_differ_within_a_group():
    """0.2: per-node f_i. 3.10: per-neuron σ."""
    nodes = {
        "a": (("x",), "tanh"),
        "b": (("x",), "relu"),
        "c": (("x",), "tanh"),
        "d": (("x",), "identity"),
    }
    net = graph(("x",), nodes, ("a", "b", "c", "d"))
    params = filled(net)
    W, b = params["a..d"]
    x = inputs(6, 1)
    z = x @ W.T + b[None]
    expected = np.stack(
        [np.tanh(z[:, 0]), np.maximum(z[:, 1], 0), np.tanh(z[:, 2]), z[:, 3]], axis=1
    )
    np.testing.assert_allclose(apply(net, params, x), expected, rtol=1e-14)


def test_each_softmax_node_is_a_distribution_of_its_own():
    nodes = {"p": (("x",), "softmax", 3), "q": (("x",), "softmax", 2)}
    net = graph({"x": 4}, nodes, ("p", "q"))
    params = filled(net)
    assert list(params) == ["p+q"]
    y = apply(net, params, inputs(5, 4))
    np.testing.assert_allclose(y[:, :3].sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(y[:, 3:].sum(axis=1), 1, rtol=1e-14)


def test_an_input_may_be_an_output():
    net = graph({"u": 2, "v": 1}, {"h": (("u",), "tanh", 3)}, ("v", "h", "u"))
    params, x = filled(net), inputs(4, 3)
    y = apply(net, params, x)
    np.testing.assert_array_equal(y[:, :1], x[:, 2:])
    np.testing.assert_array_equal(y[:, 4:], x[:, :2])
    assert_network(net, LOSS, x, np.zeros(y.shape), params=params)


def test_the_gradient_reaches_the_input():
    """An input that feeds two nodes and is an output collects all three terms."""
    net = graph(("x",), {"a": (("x",), "tanh"), "b": (("a", "x"), "tanh")}, ("b", "x"))
    params = filled(net)

    def forward(x):
        return net.forward(params, (), x)[0]

    def backward(x, dy):
        _, _, residuals = net.forward(params, (), x)
        return net.backward(params, residuals, dy)[1]

    assert_vjp(forward, backward, jnp.asarray(inputs(5, 1).T))


def test_group_weights_are_drawn_from_their_own_keys():
    params, _ = graph({"x": 2}, {"h": (("x",), "relu", 2), "k": (("h",), "relu", 2)}, ("k",)).init(
        KEY
    )
    assert (params["h"].W != params["k"].W).all()


# ----------------------------------------------------------------------------------- random graphs


def random_graph(seed):
    """inputs, nodes, outputs: widths 1-3, any activation, outputs wherever a node has no
    successor.
    """
    rng = np.random.default_rng(seed)
    names = [name for name in activations.REGISTRY if name != "step"]
    sources = {f"x{i}": int(rng.integers(1, 4)) for i in range(rng.integers(1, 4))}
    nodes = {}
    for i in range(rng.integers(3, 9)):
        known = [*sources, *nodes]
        predecessors = tuple(
            map(str, rng.choice(known, rng.integers(1, min(3, len(known)) + 1), replace=False))
        )
        nodes[f"n{i}"] = (predecessors, str(rng.choice(names)), int(rng.integers(1, 4)))
    read = {p for predecessors, _, _ in nodes.values() for p in predecessors}
    outputs = [name for name in nodes if name not in read]
    declared = {name: nodes[name] for name in rng.permutation(list(nodes)).tolist()}
    return sources, declared, (*outputs, "x0")


def naive(sources, nodes, outputs, params, x):
    """Node by node, straight from a_i = σ_i(b_i + Σ W_ij a_j), with nothing but the naming rule
    shared.
    """
    rows = np.cumsum([0, *sources.values()])
    values = {name: x.T[a:b] for name, a, b in zip(sources, rows, rows[1:], strict=False)}

    def own_parameters(name):
        members = [m for m in nodes if set(nodes[m][0]) == set(nodes[name][0])]
        group = params["+".join(members) if len(members) <= 3 else f"{members[0]}..{members[-1]}"]
        start = sum(nodes[m][2] for m in members[: members.index(name)])
        stop = start + nodes[name][2]
        return group.W[start:stop], group.b[start:stop], nodes[members[0]][0]

    def value(name):
        if name not in values:
            W, b, predecessors = own_parameters(name)
            z, column = b[:, None], 0
            for predecessor in predecessors:
                a = value(predecessor)
                z = z + W[:, column : column + len(a)] @ a
                column += len(a)
            values[name] = np.asarray(activations.get(nodes[name][1]).value(jnp.asarray(z)))
        return values[name]

    return np.concatenate([value(name) for name in outputs]).T


@pytest.mark.slow
@pytest.mark.every(6)
@pytest.mark.parametrize("seed", range(12))
def test_random_graphs(seed):
    """0.2, 2.17: the groups' matrix products give what a node-by-node recursion gives, and their
    gradient is right.
    """
    sources, nodes, outputs = random_graph(seed)
    net = graph(sources, nodes, outputs)
    params, x = jax.tree.map(np.asarray, filled(net, seed)), inputs(5, sum(sources.values()), seed)
    expected = naive(sources, nodes, outputs, params, x)
    evaluate = jax.jit(lambda params, x: apply(net, params, x))
    np.testing.assert_allclose(evaluate(params, x), expected, rtol=1e-12, atol=1e-12)
    assert_network(net, LOSS, x, np.zeros(expected.shape), params=params)


# ---------------------------------------------------------------------------------------- refusals

LINE = {"h": (("x",), "relu")}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (("x",), {"a": (("b",), "relu"), "b": (("a",), "relu")}, ("a",)),
            r"cycle, (a → b → a|b → a → b)",
        ),
        ((("x",), {"a": (("a", "x"), "relu")}, ("a",)), "the graph has a cycle, a → a"),
        (
            (("x",), {"h": (("x", "w"), "relu")}, ("h",)),
            r"nodes\['h'\]: its predecessor 'w' is neither an input",
        ),
        ((("x",), LINE, ("y",)), "outputs: 'y' is neither an input nor a node"),
        ((("x",), LINE, ()), "outputs: got none"),
        ((("x",), LINE, ("h", "h")), "outputs: 'h' appears twice"),
        ((("x",), LINE, "h"), r"outputs: got the string 'h', expected a tuple such as \('h',\)"),
        (("x", LINE, ("h",)), "inputs: got the string 'x'"),
        ((("x", "x"), LINE, ("h",)), "inputs: 'x' appears twice"),
        ((("x",), {"x": (("x",), "relu")}, ("x",)), "nodes: 'x' is already the name of an input"),
        ((("x",), {"h": ("x", "relu")}, ("h",)), r"nodes\['h'\]: got the string 'x'"),
        ((("x",), {"h": (("x", "x"), "relu")}, ("h",)), r"nodes\['h'\]: 'x' appears twice"),
        ((("x",), {"h": ((), "relu")}, ("h",)), r"nodes\['h'\]: has no predecessor"),
        (
            (("x",), {"h": "relu"}, ("h",)),
            r"nodes\['h'\]: got 'relu', expected \(predecessors, activation\)",
        ),
        ((("x",), {"h": (("x",), "relu", 0)}, ("h",)), "width of 'h': got 0"),
        ((("x",), {"h": (("x",), "rellu")}, ("h",)), "'rellu' is not known; did you mean 'relu'"),
        ((("x",), LINE | {"k": (("h",), "relu")}, ("h",)), "nodes: 'k' reaches no output"),
        (
            (
                ("x",),
                {"a": (("x",), "relu"), "b": (("x",), "relu"), "a+b": (("a", "b"), "relu")},
                ("a+b",),
            ),
            r"nodes: 'a\+b' is the name of a node and of a group of others",
        ),
    ],
)
def test_refusals_name_the_node(arguments, message):
    with pytest.raises(ValueError, match=message):
        graph(*arguments)


def test_another_feature_count_is_refused():
    net = graph({"u": 2, "v": 1}, {"h": (("u", "v"), "relu")}, ("h",))
    with pytest.raises(
        ValueError, match="x: got 2 features, expected 3, one for each input of the graph"
    ):
        apply(net, filled(net), inputs(4, 2))
