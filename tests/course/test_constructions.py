"""Networks of known weights: what they compute, and what they refuse."""

import jax
import numpy as np
import pytest

import fnn
from fnn import losses
from fnn.course import constructions

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)


def on(net_and_params, x):
    return np.asarray(fnn.apply(*net_and_params, np.reshape(x, (-1, 1))))[:, 0]


def test_interpolation_meets_its_knots_and_is_straight_in_between(x64):
    rng = np.random.default_rng(0)
    knots, values = np.sort(rng.uniform(-3, 3, 9)), rng.normal(size=9)
    built = constructions.interpolation(knots, values)
    x = np.linspace(knots[0], knots[-1], 1001)
    np.testing.assert_allclose(on(built, x), np.interp(x, knots, values), atol=1e-12)
    slope = np.diff(values)[-1] / np.diff(knots)[-1]
    beyond = on(built, [knots[0] - 5, knots[-1] + 2])
    np.testing.assert_allclose(beyond, [values[0], values[-1] + 2 * slope], atol=1e-12)
    assert built[1][0].W.shape == (8, 1)


@pytest.mark.parametrize(
    ("units", "error"), [(8, 7.04e-2), (16, 1.885e-2), (32, 4.79e-3), (64, 1.203e-3)]
)
def test_the_error_of_a_sine_is_below_its_bound(x64, units, error):
    knots = np.linspace(0, 1, units + 1)
    x = np.linspace(0, 1, 100_001)
    built = constructions.interpolation(knots, np.sin(2 * np.pi * knots))
    found = np.abs(on(built, x) - np.sin(2 * np.pi * x)).max()
    np.testing.assert_allclose(found, error, rtol=1e-3)
    assert found <= (2 * np.pi / units) ** 2 / 8


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_tent_map_is_exact_and_has_a_piece_for_each_pattern(x64, depth):
    x = expected = np.linspace(0, 1, 2 ** (depth + 3) + 1)
    for _ in range(depth):
        expected = np.minimum(2 * expected, 2 - 2 * expected)
    built = constructions.tent_map(depth)
    np.testing.assert_array_equal(on(built, x), expected)
    assert np.count_nonzero(np.diff(np.diff(expected))) + 1 == 2**depth
    assert sum(part.W.shape[0] for part in built[1][:-1] if part) == 2 * depth


def test_the_gates():
    np.testing.assert_array_equal(fnn.apply(*constructions.nand(), CORNERS)[:, 0], [1, 1, 1, 0])
    net, params = constructions.xor_of_nands()
    np.testing.assert_array_equal(fnn.apply(net, params, CORNERS)[:, 0], [0, 1, 1, 0])
    smooth, _ = constructions.xor_of_nands("sigmoid")
    _, grads = fnn.value_and_grad(smooth, losses.squared_error)(
        params, CORNERS, np.array([0.0, 1, 1, 0])
    )
    assert all((np.asarray(leaf) != 0).all() for leaf in jax.tree.leaves(grads))
    for unit in jax.tree.leaves(params, is_leaf=lambda each: hasattr(each, "W")):
        np.testing.assert_array_equal(unit.W, [[-2, -2]])
        np.testing.assert_array_equal(unit.b, [3])
    with pytest.raises(ValueError, match="derivative of the step"):
        fnn.value_and_grad(net, losses.squared_error)(params, CORNERS, np.array([0.0, 1, 1, 0]))


@pytest.mark.parametrize(
    ("knots", "values", "message"),
    [
        ([0.0, 1.0], [0.0], r"got shapes \(2,\) and \(1,\)"),
        ([0.0], [0.0], "n at least 2"),
        ([[0.0, 1.0]], [[0.0, 1.0]], r"got shapes \(1, 2\)"),
        ([0.0, 1.0, 1.0], [0.0, 1.0, 2.0], "knot 2 is not above"),
        ([0.0, np.nan], [0.0, 1.0], "knots: 1 value"),
        ([0.0, 1.0], [0.0, np.inf], "values: 1 value"),
        ([0.0, 1.0], ["a", "b"], "values: got dtype"),
    ],
)
def test_interpolation_refuses(knots, values, message):
    with pytest.raises(ValueError, match=message):
        constructions.interpolation(np.array(knots), np.array(values))


def test_a_tent_map_has_a_layer():
    with pytest.raises(ValueError, match="depth: got 0"):
        constructions.tent_map(0)
