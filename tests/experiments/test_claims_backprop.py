"""The rules of the claims about backpropagation, and the numbers of the worked examples."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import drawing as draw
from experiments.backprop import (
    backprop_shortcuts,
    chain_rule,
    claims,
    hand_made_example,
    printed_two_layers,
)
from experiments.backprop.errors import refusal_of_layer, relative_error
from tests.experiments.claim_cases import Case, name_of

SEEDS = 20
TINY, LARGE = np.full(SEEDS, 1e-15), np.full(SEEDS, 0.5)
REFUSED = ["no such product", "no such product", "another shape"]


def recursion(printed):
    """Two activations, two shapes, three forms."""
    return np.broadcast_to(np.stack([printed, LARGE, TINY]), (2, 2, 3, SEEDS))


RECURSION = {
    "recursion_error": recursion(LARGE),
    "activations": ["tanh", "identity"],
    "refused": REFUSED,
} | {"autodiff_error": 1e-15}
UPDATES = {
    "update_error": np.broadcast_to(LARGE, (2, 2, 2, SEEDS)),
    "uphill": np.zeros((2, 2, 2, SEEDS), bool),
    "activations": ["tanh", "identity"],
    "refused": REFUSED,
}
RIGHT_UPDATES = UPDATES | {"update_error": np.broadcast_to(TINY, (2, 2, 2, SEEDS))}


def two_layers(tanh, relu):
    errors = [[tanh, TINY], [relu, TINY]]
    return {
        "activations": ["tanh", "relu"],
        "error_2_3_1": errors,
        "error_1_1_1": errors,
        "worked_error": [0.7, 0.0],
        "worked_gradients": np.ones(13),
        "autodiff_error": 1e-16,
    }


DELTAS = {
    "activations": ["tanh", "relu"],
    "output_error": [TINY, TINY],
    "combined_error": np.full((2, SEEDS), 1e-11),
    "strongest_error": [LARGE, LARGE],
    "rule_error": [LARGE, TINY],
    "autodiff_error": 1e-15,
}
ELEMENTWISE = {
    "outputs": ["tanh", "softmax"],
    "gradient_error": [TINY, LARGE],
    "softmax_example": [[-0.17, 0, 0], [-0.17, 0.064, 0.106]],
    "printed_shape": [4, 4],
    "right_shape": [4, 1],
    "column_error": [TINY],
    "summed_error": [LARGE],
    "refused": "b has another shape",
}
LAYERWISE = {
    "same_bits": np.ones((2, 5), bool),
    "average_error": TINY,
    "layer_error": [TINY, TINY],
    "depths": [1, 4],
    "shapes": [[2, 3], [4, 2]],
    "right_shapes": [[2, 3], [4, 2]],
}
DEPTHS = np.array([2, 4, 8, 16, 32])
SHORTCUTS = {
    "depths": DEPTHS,
    "products": np.stack([10 * DEPTHS, 10 * DEPTHS**2], axis=1),
    "widths": [2, 4],
    "jacobian_error": np.full((2, 2), 1e-16),
    "jacobian_bytes": [[64, 32], [512, 128]],
    "gradient_bytes": [[32, 16], [128, 32]],
}
CHAIN = {
    "points": [1.0, 2.0],
    "chain_rule": [1.0, 0.38],
    "chain_autodiff": [1.0, 0.38],
    "chain_differences": [1.0, 0.38],
    "sum_and_product": [3, -12, -4, -4, 3, -4],
}
NEURONS = {"seven": np.ones((2, 7)), "formulas": np.ones((2, 7)), "deeper_error": 1e-15}
NUMBERS = [5, -8, 5, 0, -4, 81, -18, 36, 36, -90, 72, -0.072, -1.91, -1.91]
HAND_MADE = {
    "numbers": NUMBERS,
    "nine": np.ones(9),
    "loss": [[81, 65.9, 1e-7]] * 2,
    "o1": [[5, 4.8], [5, -5.8]],
    "partial_loss": [68.5, 75.9],
    "learning_rates": [1e-3, 0.05],
}
COST = {
    "ratio": [[2.9, 3.0, 3.1, 3.0]],
    "widths": [64],
    "batch_size": 32,
    "batches": [1, 64],
    "model": [100],
    "temporaries": [[10, 6400]],
    "same_residuals": np.ones(7, bool),
    "same_gradients": np.ones(8, bool),
}
AS_CLAIMED = COST | {"ratio": [[1.0, 1.01, 0.99, 1.0]], "temporaries": [[900, 1100]]}
TWO_WIDTHS = {"ratio": [[2.9, 3.1]] * 2, "widths": [64, 128], "model": [100, 400]}

CASES = [
    Case(claims.printed_recursion, "fails", RECURSION),
    Case(
        claims.printed_recursion,
        "holds",
        RECURSION | {"recursion_error": recursion(TINY)},
    ),
    Case(claims.printed_update, "fails", UPDATES),
    Case(claims.printed_update, "holds", RIGHT_UPDATES),
    Case(claims.derivative_by_z, "fails", UPDATES),
    Case(claims.derivative_by_z, "holds", RIGHT_UPDATES),
    Case(claims.slopes_at_outputs, "depends", two_layers(LARGE, TINY)),
    Case(claims.slopes_at_outputs, "holds", two_layers(TINY, TINY)),
    Case(claims.slopes_at_outputs, "fails", two_layers(LARGE, LARGE)),
    Case(claims.one_one_one, "depends", two_layers(LARGE, TINY)),
    Case(claims.one_one_one, "holds", two_layers(TINY, TINY)),
    Case(claims.one_one_one, "fails", two_layers(LARGE, LARGE)),
    Case(claims.output_layer, "holds", DELTAS),
    Case(claims.output_layer, "fails", DELTAS | {"output_error": [TINY, LARGE]}),
    Case(claims.effects_combine, "holds", DELTAS),
    Case(claims.effects_combine, "fails", DELTAS | {"combined_error": [LARGE, LARGE]}),
    Case(claims.effects_combine, "fails", DELTAS | {"strongest_error": [TINY, TINY]}),
    Case(claims.sigmoid_rule, "depends", DELTAS),
    Case(claims.sigmoid_rule, "holds", DELTAS | {"rule_error": [TINY, TINY]}),
    Case(claims.sigmoid_rule, "fails", DELTAS | {"rule_error": [LARGE, LARGE]}),
    Case(claims.elementwise_gradients, "depends", ELEMENTWISE),
    Case(
        claims.elementwise_gradients,
        "holds",
        ELEMENTWISE | {"gradient_error": [TINY, TINY]},
    ),
    Case(
        claims.elementwise_gradients,
        "fails",
        ELEMENTWISE | {"gradient_error": [LARGE, LARGE]},
    ),
    Case(claims.row_times_column, "fails", ELEMENTWISE),
    Case(claims.row_times_column, "holds", ELEMENTWISE | {"printed_shape": [4, 1]}),
    Case(claims.one_vector, "holds", LAYERWISE),
    Case(claims.one_vector, "fails", LAYERWISE | {"same_bits": np.eye(5, dtype=bool)}),
    Case(claims.one_vector, "fails", LAYERWISE | {"average_error": LARGE}),
    Case(claims.handed_down, "holds", LAYERWISE),
    Case(claims.handed_down, "fails", LAYERWISE | {"layer_error": [TINY, LARGE]}),
    Case(claims.shape_of_w, "holds", LAYERWISE),
    Case(claims.shape_of_w, "fails", LAYERWISE | {"shapes": [[3, 2], [4, 2]]}),
    Case(claims.reuse, "holds", SHORTCUTS),
    Case(
        claims.reuse,
        "fails",
        SHORTCUTS | {"products": np.stack([10 * DEPTHS] * 2, axis=1)},
    ),
    Case(claims.jacobian_product, "holds", SHORTCUTS),
    Case(
        claims.jacobian_product,
        "fails",
        SHORTCUTS | {"jacobian_error": np.full((2, 2), 0.1)},
    ),
    Case(claims.chain_rule, "holds", CHAIN),
    Case(claims.chain_rule, "fails", CHAIN | {"chain_autodiff": [1.0, 0.39]}),
    Case(claims.chain_rule, "fails", CHAIN | {"chain_differences": [1.1, 0.38]}),
    Case(claims.sum_times_z, "holds", CHAIN),
    Case(claims.sum_times_z, "fails", CHAIN | {"sum_and_product": [3, -12, -4, -4, -4, 3]}),
    Case(claims.one_two_one, "holds", NEURONS),
    Case(claims.one_two_one, "fails", NEURONS | {"formulas": np.full((2, 7), 1.1)}),
    Case(claims.one_two_one, "fails", NEURONS | {"deeper_error": 0.1}),
    Case(claims.hand_made, "depends", HAND_MADE),
    Case(claims.hand_made, "fails", HAND_MADE | {"numbers": np.full(14, 1.0)}),
    Case(claims.cost, "fails", COST),
    Case(claims.cost, "holds", AS_CLAIMED),
    Case(claims.cost, "undecided", AS_CLAIMED | {"ratio": [[1.0, 2.0, 1.0, 2.0]]}),
    Case(claims.cost, "depends", AS_CLAIMED | {"temporaries": [[10, 6400]]}),
    Case(claims.cost, "depends", AS_CLAIMED | {"ratio": [[2.9, 3.0, 3.1, 3.0]]}),
    Case(claims.cost, "depends", COST | {"temporaries": [[10, 1000]]}),
    Case(claims.cost, "depends", COST | TWO_WIDTHS | {"temporaries": [[10, 1000], [20, 4000]]}),
    Case(claims.cost, "fails", COST | TWO_WIDTHS | {"temporaries": [[10, 1000], [20, 1900]]}),
    Case(claims.stored_quantities, "holds", COST),
    Case(claims.stored_quantities, "fails", COST | {"same_residuals": np.arange(7) > 0}),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()


def test_the_hand_made_example_has_its_numbers():
    results = hand_made_example.run(hand_made_example.QUICK)
    np.testing.assert_allclose(results["numbers"], NUMBERS, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(results["nine"], [72, 36, 0, 0, 36, 0, -90, 0, -18])
    np.testing.assert_allclose(
        [results["loss"][0, 1], *results["partial_loss"]], [65.92530591, 68.474963, 75.898944]
    )
    assert np.argmax(results["loss"][0] < 1e-6) == 457
    np.testing.assert_allclose(results["o1"][:, 1], 5 - 216 * results["learning_rates"], atol=1e-13)
    np.testing.assert_allclose(results["loss"][-1, 1:30], 3.61 * 0.81 ** np.arange(29), rtol=1e-11)


def test_the_chain_rule_has_its_numbers():
    results = chain_rule.run(chain_rule.QUICK)
    np.testing.assert_allclose(results["points"], [0.5, 1, 2, np.e, 10])
    printed = [1.5384778, 1, 0.3846195, 0.1987661, -0.0668202]
    np.testing.assert_allclose(results["chain_rule"], printed, rtol=0, atol=6e-8)
    np.testing.assert_array_equal(results["sum_and_product"], [3, -12, -4, -4, 3, -4])


@pytest.mark.long
def test_the_worked_2_3_1_network_has_its_numbers():
    results = printed_two_layers.run(dataclasses.replace(printed_two_layers.QUICK, seeds=2))
    np.testing.assert_allclose(results["worked_error"], [8.2e-2, 0.74, 0.78, 0, 0], rtol=7e-3)
    hidden = [-0.0024797535, 0.0049595071, 0.0026285646, -0.0052571292, -0.0026557093, 0.0053114186]
    biases = [-0.0049595071, 0.0052571292, -0.0053114186, -0.0284791336]
    right = [*hidden, -0.013244422, -0.0102877118, -0.0201296845, *biases]
    np.testing.assert_allclose(results["worked_gradients"], right, rtol=0, atol=6e-11)


def test_multiplications_of_what_is_wanted_alone():
    program = jax.make_jaxpr(lambda a, b: (a @ b, b @ a))(jnp.ones((2, 3)), jnp.ones((3, 2))).jaxpr
    assert backprop_shortcuts.multiplications(program, program.outvars) == 12 + 18
    assert backprop_shortcuts.multiplications(program, program.outvars[1:]) == 18


def test_relative_error_takes_equal_zeros_for_none():
    found = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 4.5]])
    expected = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_array_equal(relative_error(found, expected), [0, np.inf, 0.1])


def test_a_layer_with_the_right_gradient_is_not_refused():
    assert refusal_of_layer((2, 3, 1), lambda first: first) == ""
    assert "grads[0].W has shape (3, 1)" in refusal_of_layer(
        (2, 3, 1), lambda first: first._replace(W=first.W[:, :1])
    )


def test_spreads_draw_zero_and_infinity_at_the_ends():
    figure, (axis,) = draw.figure()
    values = np.array([[0.0, 1e-3, np.inf], [1e-5, 1e-4, 1e-3]])
    draw.spreads(axis, values[None], ("error",), ("wide", "narrow"))
    (line,) = axis.get_lines()
    np.testing.assert_allclose(line.get_xdata(), [1e-3, 1e-4])
    ends = [path[:, 0].tolist() for path in axis.collections[0].get_segments()]
    np.testing.assert_allclose(ends, [[1e-17, 1e3], [1e-5, 1e-3]])
    assert [text.get_text() for text in axis.get_yticklabels()] == ["wide", "narrow"]
    figure.draw_without_rendering()
