"""The rules of the claims about activations, losses and linear layers, and the scans that some of
them read.
"""

import math

import numpy as np
import pytest

from experiments.functions import (
    claims,
    regression_targets,
    scans,
    what_makes_a_loss,
)
from tests.experiments.claim_cases import Case, name_of

X = np.array([-6.0, -1.0, 1.0, 6.0])
SIGMOID = 1 / (1 + np.exp(-X))
CURVES = np.array(
    [np.maximum(X, 0), np.where(X > 0, X, np.exp(X) - 1), np.tanh(X), SIGMOID, np.log1p(np.exp(X))]
)
SLOPES = np.array(
    [X > 0, np.minimum(np.exp(X), 1), 1 - np.tanh(X) ** 2, SIGMOID * (1 - SIGMOID), SIGMOID], float
)
TAIL_SLOPES = np.array([[0, 1], [0, 1], [0, 0], [0, 0], [0, 1]], float)
TAILS = np.array([[0, 1000], [-1, 1000], [-1, 1], [0, 1], [0, 1000]], float)
ACTIVATIONS = {
    "x": X,
    "values": CURVES,
    "printed": CURVES,
    "slopes": SLOPES,
    "autodiff": SLOPES,
    "alphas": [0.5, 1.0, 2.0],
    "elu_jumps": [0.5, 0.0, -1.0],
    "tails": np.stack([TAILS, TAILS]),
    "tail_slopes": np.stack([TAIL_SLOPES, TAIL_SLOPES]),
    "printed_tails": np.full((2, 5, 2), np.inf),
    "softplus_at_zero": math.log(2),
}


def activations(**rows):
    """ACTIVATIONS with other ends at ±1000, slopes there, or values of one function."""
    changed = {name: ACTIVATIONS[name].copy() for name in ("tails", "tail_slopes", "values")}
    for name, (function, values) in rows.items():
        changed[name][..., function, :] = values
    return ACTIVATIONS | changed


RELU, TANH, SIGMOID_ROW = 0, 2, 3
LEAKY = activations(tail_slopes=(RELU, [0.01, 1]))
SHIFTED = activations(tails=(TANH, [0, 1]), values=(TANH, (CURVES[2] + 1) / 2))
SHIFTED_AND_LEAKY = SHIFTED | {"tail_slopes": LEAKY["tail_slopes"]}
STEEP = activations(tail_slopes=(SIGMOID_ROW, [0, 1]))

OUTPUTS = {
    "sum_error": [2e-7, 1e-16],
    "shift_error": 1e-16,
    "sigmoid_error": 1e-16,
    "gaps": [0.0, 10.0, 1000.0],
    "smaller": [[0.5, 1e-5, 0], [0.5, 1e-5, 0]],
    "larger": [[0.5, 0.9, 1], [0.5, 0.9, 1]],
    "printed": [1.0, np.nan],
}
NEURON = {
    "outputs": np.ones((4, 5)),
    "sums": np.ones((4, 5)),
    "loss": np.geomspace(10, 1, 20),
    "path": np.ones((20, 2)),
    "least_squares": np.ones(2),
}
ZERO = {
    "slopes": [[0, 0, 0, 1, 1], [0, 0, 0.5, 1, 1], [0, 0, 1, 1, 1]],
    "autodiff": [0, 0.5, 1, 1, 1],
    "weights": np.stack([np.arange(3.0)[:, None, None] * np.ones((3, 8, 2)), np.ones((3, 8, 2))]),
    "zeros": np.stack([np.ones((3, 8, 5), int), np.zeros((3, 8, 5), int)]),
    "right": np.ones((2, 3, 8), bool),
}
SPARSE = {
    "zero_share": np.stack([np.random.default_rng(0).normal(0.5, 0.01, (20, 4)), np.zeros((20, 4))])
}

DISTANCES = np.array([0.0, 10.0, 1000.0])
FITS = np.array([np.tile(DISTANCES / 20, (4, 1)), np.zeros((4, 3)), np.zeros((4, 3))])
OUTLIERS = {
    "points": np.tile(np.linspace(-2, 2, 20), (4, 3, 1)),
    "distances": DISTANCES,
    "fits": FITS,
    "constants": [0, -1.0, -1e6],
    "without_bars": [0, -1.0, -1e6],
}
CROSS_ENTROPY = {
    **{name: np.full((3, 1), 0.1) for name in ("binary", "binary_expected", "binary_autodiff")},
    **{
        name: np.full((3, 2), 0.1)
        for name in ("categorical", "categorical_expected", "categorical_autodiff")
    },
    "on_logits": [0.7, 1e4],
    "slope_on_logits": [0.5, 1.0],
    "on_negative_logits": [0.7, 1e4],
    "on_probabilities": [0.7, np.inf],
    "logit": [0.0, 1e4],
    "sum_form": 1.0,
    "true_class_form": 1.0,
    "soft_sum_form": 1.0,
    "soft_class_form": 2.0,
}
SCALES = {
    "gradients": np.array([[5.0, 10.0], [10.0, 20.0], [1.0, 2.0]]),
    "examples": 10,
    "together": np.ones((3, 4, 2)),
    "apart": np.arange(3.0)[:, None, None] * np.ones((3, 4, 2)),
}
NONE = 1 + np.random.default_rng(0).uniform(0, 0.1, (3, 6, 4))
OBJECTIVE = {
    "gradient_error": np.zeros((3, 3, 6)),
    "objective": np.broadcast_to(np.linspace(2, 1, 5), (3, 3, 6, 5)),
    "weights": np.stack(
        [NONE, NONE * [0, 0, 0, 1] * (np.arange(6) > 0)[:, None], NONE / 2], axis=1
    ),
}

WORKING = np.isin(what_makes_a_loss.NAMES, ["e²", "|e|", "Huber", "5e² − 2"])
WAVES = np.isin(what_makes_a_loss.NAMES, ["sin e", "1 − cos e"])
CUBE = np.isin(what_makes_a_loss.NAMES, ["e³"])
CANDIDATES = {
    "defined": WORKING | WAVES | CUBE,
    "continuous": WORKING | WAVES | CUBE,
    "differentiable": (WORKING | WAVES | CUBE) & ~np.isin(what_makes_a_loss.NAMES, ["|e|"]),
    "minima": WORKING + 3 * WAVES,
    "minimum_at_zero": WORKING,
    "works": WORKING,
    "ends": np.where(WORKING, 0.0, 5.0)[:, None] * np.ones(6),
    "loss_between": np.where(np.isin(np.arange(151), [25, 125]), 0.0, 3.0),
}
EVERYTHING_WORKS = CANDIDATES | {"works": WORKING | WAVES}


def targets(*log_ratios):
    """Errors (targets, numberings, seeds, nets) with these logarithms of regression's over
    classification's.
    """
    noise = np.random.default_rng(0).normal(0, 0.05, (4, 2, 10))
    regression = np.exp(np.array(log_ratios)[:, None, None] + noise)
    return {"errors": np.stack([regression, np.ones((4, 2, 10))], axis=-1)}


LINEAR = {
    "product_error": np.full((3, 5), 1e-15),
    "rank": [[3, 3], [4, 4], [2, 2]],
    "narrowest": [3, 4, 2],
    "least_squares": 0.4,
    "loss": np.stack(
        [np.full((8, 3), 0.4), 0.001 * np.random.default_rng(0).uniform(1, 2, (8, 3))]
    ),
}
WIDE = np.where(np.arange(8)[:, None] == 0, 0.4, 0.001) * np.ones(3)
SCORES = np.random.default_rng(0).normal(0.9, 0.01, 10)
KINDS = {
    "r_squared": SCORES,
    "accuracy": SCORES,
    "explained": SCORES,
    "majority": 0.6,
    "prices": np.arange(300.0).reshape(150, 2),
    "logits": [-1.0, 1.0],
}

CASES = [
    Case(claims.formulas, "holds", ACTIVATIONS),
    Case(claims.formulas, "fails", ACTIVATIONS | {"printed": CURVES + 1e-6}),
    Case(claims.formulas, "fails", ACTIVATIONS | {"autodiff": SLOPES + 1e-6}),
    Case(claims.formulas, "fails", ACTIVATIONS | {"elu_jumps": [0.0, 0.0, 0.0]}),
    Case(claims.saturation, "depends", ACTIVATIONS),
    Case(claims.saturation, "depends", SHIFTED),
    Case(claims.saturation, "depends", LEAKY),
    Case(claims.saturation, "holds", SHIFTED_AND_LEAKY),
    Case(claims.saturation, "depends", SHIFTED_AND_LEAKY | {"tails": ACTIVATIONS["tails"]}),
    Case(
        claims.saturation,
        "depends",
        SHIFTED_AND_LEAKY | {"tail_slopes": np.maximum(LEAKY["tail_slopes"], STEEP["tail_slopes"])},
    ),
    Case(claims.saturation, "fails", STEEP),
    Case(claims.smooth_relu, "holds", ACTIVATIONS),
    Case(
        claims.smooth_relu,
        "fails",
        ACTIVATIONS | {"tails": np.full((2, 5, 2), np.inf)},
    ),
    Case(claims.smooth_relu, "fails", ACTIVATIONS | {"slopes": SLOPES + 1e-6}),
    Case(claims.probabilities, "depends", OUTPUTS),
    Case(
        claims.probabilities,
        "holds",
        OUTPUTS | {"smaller": np.full((2, 3), 0.1), "larger": [[0.9] * 3] * 2},
    ),
    Case(claims.probabilities, "fails", OUTPUTS | {"sum_error": [0.1, 0.1]}),
    Case(claims.neuron_learns, "holds", NEURON),
    Case(claims.neuron_learns, "fails", NEURON | {"sums": np.zeros((4, 5))}),
    Case(claims.neuron_learns, "fails", NEURON | {"loss": np.geomspace(1, 10, 20)}),
    Case(claims.conventions, "holds", ZERO),
    Case(claims.conventions, "fails", ZERO | {"autodiff": np.zeros(5)}),
    Case(claims.conventions, "fails", ZERO | {"slopes": np.zeros((3, 5))}),
    Case(claims.arbitrary, "depends", ZERO),
    Case(claims.arbitrary, "holds", ZERO | {"weights": np.ones((2, 3, 8, 2))}),
    Case(claims.arbitrary, "fails", ZERO | {"weights": ZERO["weights"][[0, 0]]}),
    Case(claims.sparsity, "holds", SPARSE),
    Case(claims.sparsity, "fails", {"zero_share": SPARSE["zero_share"][::-1]}),
    Case(
        claims.sparsity,
        "fails",
        {"zero_share": 0 * SPARSE["zero_share"] + [[[0.01]], [[0.0]]]},
    ),
    Case(claims.squared, "holds", OUTLIERS),
    Case(claims.squared, "fails", OUTLIERS | {"fits": FITS[::-1]}),
    Case(claims.absolute, "depends", OUTLIERS),
    Case(claims.absolute, "holds", OUTLIERS | {"without_bars": [0, 1.0, 1e6]}),
    Case(claims.absolute, "fails", OUTLIERS | {"fits": FITS[[0, 0, 0]]}),
    Case(claims.binary, "holds", CROSS_ENTROPY),
    Case(claims.binary, "fails", CROSS_ENTROPY | {"on_logits": [0.7, np.inf]}),
    Case(claims.binary, "fails", CROSS_ENTROPY | {"binary_expected": np.zeros((3, 1))}),
    Case(claims.categorical, "holds", CROSS_ENTROPY),
    Case(claims.categorical, "fails", CROSS_ENTROPY | {"true_class_form": 1.1}),
    Case(
        claims.categorical,
        "fails",
        CROSS_ENTROPY | {"categorical_autodiff": np.zeros((3, 2))},
    ),
    Case(claims.scales, "holds", SCALES),
    Case(claims.scales, "fails", SCALES | {"gradients": np.ones((3, 2))}),
    Case(claims.scales, "fails", SCALES | {"together": SCALES["apart"]}),
    Case(claims.any_loss, "holds", OBJECTIVE),
    Case(claims.any_loss, "fails", OBJECTIVE | {"gradient_error": np.ones((3, 3, 6))}),
    Case(
        claims.any_loss,
        "fails",
        OBJECTIVE | {"objective": OBJECTIVE["objective"][..., ::-1]},
    ),
    Case(claims.any_loss, "fails", OBJECTIVE | {"weights": OBJECTIVE["weights"][:, ::-1]}),
    Case(claims.several_minima, "holds", CANDIDATES),
    Case(claims.several_minima, "fails", EVERYTHING_WORKS),
    Case(claims.examples, "holds", CANDIDATES),
    Case(claims.examples, "fails", CANDIDATES | {"minima": 3 * WORKING}),
    Case(claims.properties, "depends", CANDIDATES),
    Case(claims.properties, "holds", EVERYTHING_WORKS),
    Case(
        claims.properties,
        "fails",
        CANDIDATES | {"works": WORKING | ~CANDIDATES["continuous"]},
    ),
    Case(claims.quiz, "holds", CANDIDATES),
    Case(
        claims.quiz,
        "fails",
        CANDIDATES | {"minimum_at_zero": WORKING | CUBE, "works": WORKING | CUBE},
    ),
    Case(claims.quiz, "fails", CANDIDATES | {"works": ~WORKING}),
    Case(claims.not_a_regression, "holds", targets(-1, -0.2, 2, -0.5)),
    Case(claims.not_a_regression, "fails", targets(-1, -0.2, -2, -0.5)),
    Case(claims.not_a_regression, "fails", targets(-1, 0.2, 2, -0.5)),
    Case(claims.not_a_regression, "fails", targets(1, 1, 1, 1)),
    Case(claims.not_a_regression, "undecided", targets(-1, 0, 2, -0.5)),
    Case(claims.one_map, "holds", LINEAR),
    Case(claims.one_map, "fails", LINEAR | {"product_error": np.full((3, 5), 1e-3)}),
    Case(claims.one_map, "fails", LINEAR | {"rank": [[6, 6], [6, 6], [6, 6]]}),
    Case(claims.with_relu, "holds", LINEAR),
    Case(claims.with_relu, "fails", LINEAR | {"loss": np.full((2, 8, 3), 0.4)}),
    Case(claims.with_relu, "fails", LINEAR | {"loss": LINEAR["loss"][[1, 1]]}),
    Case(claims.with_relu, "undecided", LINEAR | {"loss": np.stack([LINEAR["loss"][0], WIDE])}),
    Case(claims.kinds, "holds", KINDS),
    Case(claims.kinds, "fails", KINDS | {"accuracy": SCORES - 0.5}),
    Case(claims.kinds, "fails", KINDS | {"explained": SCORES - 0.9}),
    Case(
        claims.kinds,
        "undecided",
        KINDS | {"r_squared": 0.5 + 100 * (SCORES - SCORES.mean())},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()


COARSE, FINE = np.linspace(-10, 10, 2001), np.linspace(-10, 10, 20_001)


@pytest.mark.parametrize(
    ("f", "continuous", "smooth"),
    [
        (np.square, True, True),
        (np.abs, True, False),
        (np.sign, False, False),
        (np.sin, True, True),
        (lambda e: np.where(e > 0, e, np.nan), False, False),
    ],
)
def test_shrinks(f, continuous, smooth):
    coarse, fine = f(COARSE), f(FINE)
    assert scans.shrinks(np.diff(coarse), np.diff(fine)) == continuous
    assert scans.shrinks(scans.kinks(coarse), scans.kinks(fine)) == smooth


def test_minima():
    np.testing.assert_allclose(scans.minima(COARSE, np.abs(COARSE)), [0], atol=1e-12)
    np.testing.assert_allclose(
        scans.minima(COARSE, np.maximum(np.abs(COARSE - 1), 2)), [1], atol=1e-12
    )
    np.testing.assert_allclose(
        scans.minima(COARSE, np.sin(COARSE)), np.pi * np.array([-2.5, -0.5, 1.5]), atol=0.01
    )
    assert scans.minima(COARSE, COARSE**3).size == 0
    with np.errstate(divide="ignore"):
        inverse = np.where(np.abs(COARSE) < 1e-12, np.nan, 1 / COARSE)
    assert scans.minima(COARSE, inverse).size == 0


def test_classes_of():
    many = np.random.default_rng(0).permutation(60).astype(float)
    classes, number_of = regression_targets.classes_of(many)
    assert np.bincount(classes).tolist() == [3] * regression_targets.CLASSES
    np.testing.assert_allclose(number_of, np.arange(1, 60, 3))
    classes, number_of = regression_targets.classes_of(np.array([2.0, -1.0, 2.0, 5.0]))
    assert classes.tolist() == [1, 0, 1, 2]
    assert number_of[:3].tolist() == [-1.0, 2.0, 5.0]
