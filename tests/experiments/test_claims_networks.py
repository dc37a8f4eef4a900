"""The rules of the claims about networks as graphs, layers and matrices, and about their
notations.
"""

import numpy as np
import pytest

from experiments import drawing as draw
from experiments.networks import claims, random_graphs
from tests.experiments.claim_cases import Case, name_of

SYMBOLS = [
    ("A", "pre-activation", "a"),
    ("B", "output", "a"),
    ("A", "prediction", "ŷ"),
    ("B", "target", "ŷ"),
    ("A", "learning rate", "α"),
    ("B", "momentum", "α"),
]
APART = [
    (document, meaning, f"{letter}{k}") for k, (document, meaning, letter) in enumerate(SYMBOLS)
]
NOTATIONS = {
    "documents": ["A", "B"],
    "errors": np.full((2, 3), 1e-16),
    "symbols": SYMBOLS,
    "role_errors": np.zeros(3),
    "exchanged_value": 0.0,
    "exchanged_gradient": 0.0,
    "exchanged_cross_entropy": 0.7,
}
ORIENTATION = {
    "literal_raises": ~np.eye(5, dtype=bool),
    "literal_error": np.ones(5),
    "round_trip": True,
    "in_out_error": 0.0,
    "refusal": "W has shape (3, 4) instead of (4, 3)",
    "neuron_error": 1e-16,
    "columns_error": 1e-16,
    "printed_shape_raises": True,
}
GRAPHS = {
    "value_error": [1e-15, 2e-15],
    "gradient_error": [1e-15, 2e-15],
    "ghost_error": 0.0,
    "layers_found": [[2, 1, 0], [3, 0, 0]],
    "layers_expected": [[2, 1, 0], [3, 0, 0]],
    "groups_231": ["3+4+5", "6"],
    "groups_skip": ["3", "4+5", "6"],
    "refused": [False, False, True, True],
    "loop_free": [True, True, False, False],
}
PATHS = {
    "chain_depths": [[1, 0, 1], [2, 1, 2], [3, 2, 3], [4, 3, 4]],
    "depths": [[3, 2, 2], [2, 1, 2]],
    "enumerated": [2, 2],
    "formula_errors": np.zeros(4),
}
SMALL = {
    "graph_error": 0.0,
    "matrix_error": 0.0,
    "ghost_error": 0.0,
    "printed_units": 2,
    "weights": 9,
    "biases": 4,
    "gate_errors": np.zeros(4),
}
MOVED = np.linspace(-1, 1, 5)[:, None] * np.ones((10, 5, 3))  # a linear effect of every parameter
BENT = np.where(np.arange(10)[:, None, None] < 6, np.abs(MOVED), MOVED)
SHALLOW = {
    "printed_error": [1e-15],
    "slope_error": [1e-15],
    "pieces": [4],
    "joint_distance": [0.5],
    "parameters": 10,
    "moved": BENT,
}
DEEP = {
    "written_out": [0.0, 0.0],
    "pieces": [[5, 10], [6, 8]],
    "parameters": [22, 22],
    "folded_pieces": 10,
}
MATRICES = {
    "rows_by_columns": True,
    "commute": [False, True, False],
    "example": [[[1, 0], [0, 0]], [[0, 0], [0, 1]]],
    "fits": np.eye(5, dtype=bool),
    "hidden_layers": [0.0, 2.0],
    "weight_matrices": [1.0, 3.0],
    "counted": [6.0, 22.0],
    "formula": [6.0, 22.0],
    "shape_errors": [0.0, 1e-16],
}
PARTS = {
    "changed": np.eye(5, dtype=bool),
    "moved": np.ones(5),
    "inputs_equal": True,
    "nodes_with_parameters": ["h"],
}
OPERATOR = {
    "risk_error": 0.0,
    "risk_gradient_error": 1e-16,
    "operator_on_target": "x: got 1 features",
    "beyond_linear": [[1e-16, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]],
}

CASES = [
    Case(claims.letters, "holds", NOTATIONS),
    Case(claims.letters, "fails", NOTATIONS | {"errors": np.full((2, 3), 1e-3)}),
    Case(claims.letters, "fails", NOTATIONS | {"symbols": APART}),
    Case(claims.prediction_and_target, "holds", NOTATIONS),
    Case(claims.prediction_and_target, "fails", NOTATIONS | {"symbols": APART}),
    Case(claims.prediction_and_target, "fails", NOTATIONS | {"role_errors": [0.0, 0.5, 0.0]}),
    Case(claims.prediction_and_target, "fails", NOTATIONS | {"exchanged_gradient": 0.1}),
    Case(claims.collisions, "holds", NOTATIONS),
    Case(claims.collisions, "fails", NOTATIONS | {"symbols": APART}),
    Case(claims.orientations, "holds", ORIENTATION),
    Case(claims.orientations, "fails", ORIENTATION | {"literal_raises": np.zeros((5, 5), bool)}),
    Case(claims.orientations, "fails", ORIENTATION | {"refusal": ""}),
    Case(claims.per_neuron, "depends", ORIENTATION),
    Case(claims.per_neuron, "holds", ORIENTATION | {"printed_shape_raises": False}),
    Case(claims.per_neuron, "fails", ORIENTATION | {"neuron_error": 0.1, "columns_error": 0.1}),
    Case(claims.weighted_graph, "holds", GRAPHS),
    Case(claims.weighted_graph, "fails", GRAPHS | {"value_error": [1e-15, 1e-3]}),
    Case(claims.weighted_graph, "fails", GRAPHS | {"refused": [False, False, True, False]}),
    Case(claims.weighted_graph, "fails", GRAPHS | {"ghost_error": 1e-3}),
    Case(claims.shared_input, "holds", GRAPHS),
    Case(claims.shared_input, "fails", GRAPHS | {"layers_found": [[1, 1, 1], [3, 0, 0]]}),
    Case(claims.shared_input, "fails", GRAPHS | {"groups_skip": ["3", "4", "5", "6"]}),
    Case(claims.backpropagation, "depends", GRAPHS),
    Case(claims.backpropagation, "holds", GRAPHS | {"refused": np.zeros(4, bool)}),
    Case(claims.backpropagation, "fails", GRAPHS | {"gradient_error": [1e-3, 0.0]}),
    Case(claims.no_loop, "holds", GRAPHS),
    Case(claims.no_loop, "fails", GRAPHS | {"refused": [True, False, True, True]}),
    Case(claims.words, "holds", PATHS),
    Case(claims.words, "fails", PATHS | {"depths": [[2, 1, 2], [2, 1, 2]]}),
    Case(
        claims.words,
        "fails",
        PATHS | {"chain_depths": [[1, 0, 1], [2, 2, 2], [3, 2, 3], [4, 3, 4]]},
    ),
    Case(claims.longest_path, "holds", PATHS),
    Case(claims.longest_path, "fails", PATHS | {"enumerated": [2, 3]}),
    Case(claims.expanded, "holds", SMALL),
    Case(claims.expanded, "fails", SMALL | {"graph_error": 1e-3}),
    Case(claims.expanded, "fails", SMALL | {"biases": 1}),
    Case(claims.compact, "holds", SMALL),
    Case(claims.compact, "fails", SMALL | {"matrix_error": 1e-3}),
    Case(claims.always_on, "holds", SMALL),
    Case(claims.always_on, "fails", SMALL | {"ghost_error": 1e-3}),
    Case(claims.gate, "holds", SMALL),
    Case(claims.gate, "fails", SMALL | {"gate_errors": [0.0, 1e-3, 0.0, 0.0]}),
    Case(claims.clipped_lines, "holds", SHALLOW),
    Case(claims.clipped_lines, "fails", SHALLOW | {"pieces": [5]}),
    Case(claims.clipped_lines, "fails", SHALLOW | {"slope_error": [0.1]}),
    Case(claims.clipped_lines, "fails", SHALLOW | {"joint_distance": [9.0]}),
    Case(claims.moving, "holds", SHALLOW),
    Case(claims.moving, "fails", SHALLOW | {"moved": np.abs(MOVED)}),
    Case(claims.moving, "fails", SHALLOW | {"moved": BENT * (np.arange(10) != 3)[:, None, None]}),
    Case(claims.two_hidden_layers, "holds", DEEP),
    Case(claims.two_hidden_layers, "fails", DEEP | {"written_out": [0.0, 0.1]}),
    Case(claims.two_hidden_layers, "fails", DEEP | {"folded_pieces": 8}),
    Case(claims.matrix_product, "holds", MATRICES),
    Case(claims.matrix_product, "fails", MATRICES | {"commute": [True, True]}),
    Case(claims.matrix_product, "fails", MATRICES | {"fits": np.ones((5, 5), bool)}),
    Case(claims.general_form, "holds", MATRICES),
    Case(claims.general_form, "fails", MATRICES | {"weight_matrices": [0.0, 2.0]}),
    Case(claims.general_form, "fails", MATRICES | {"counted": [6.0, 21.0]}),
    Case(claims.five_parts, "holds", PARTS),
    Case(claims.five_parts, "fails", PARTS | {"changed": np.ones((5, 5), bool)}),
    Case(claims.five_parts, "fails", PARTS | {"moved": [1.0, 1.0, 0.0, 1.0, 1.0]}),
    Case(claims.input_nodes, "holds", PARTS),
    Case(claims.input_nodes, "fails", PARTS | {"inputs_equal": False}),
    Case(claims.input_nodes, "fails", PARTS | {"nodes_with_parameters": ["h", "x1"]}),
    Case(claims.objective, "holds", OPERATOR),
    Case(claims.objective, "fails", OPERATOR | {"risk_error": 0.1}),
    Case(claims.objective, "fails", OPERATOR | {"operator_on_target": ""}),
    Case(claims.nonlinear, "depends", OPERATOR),
    Case(claims.nonlinear, "holds", OPERATOR | {"beyond_linear": np.ones((5, 2))}),
    Case(claims.nonlinear, "fails", OPERATOR | {"beyond_linear": np.zeros((5, 2))}),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()


def test_random_graphs_are_acyclic_and_those_with_a_loop_are_not():
    for seed in range(20):
        graph = random_graphs.graph(seed)
        looped = random_graphs.with_loop(graph, seed)
        assert random_graphs.loop_free(graph)
        assert not random_graphs.loop_free(looped)
        assert [random_graphs.refused(graph), random_graphs.refused(looped)] == [False, True]
        assert random_graphs.columns(graph).max() == random_graphs.longest_by_enumeration(graph)


def test_a_network_is_drawn_with_a_column_for_each_depth():
    _, (axis,) = draw.figure()
    draw.network(axis, ["x", "h", "y"], np.array([0, 1, 2]), np.array([[0, 1], [1, 2], [0, 2]]))
    assert [text.get_text() for text in axis.texts if text.get_text()] == ["x", "h", "y"]
    arrows = [text.arrow_patch for text in axis.texts if not text.get_text()]
    assert [arrow.get_linestyle() for arrow in arrows] == ["-", "-", "--"]
