"""The rules of the claims about what perceptrons and networks can represent, and what it costs."""

import numpy as np
import pytest

from experiments.capacity import (
    claims,
    units_needed,
)
from tests.experiments.claim_cases import Case, name_of

NOISE = np.random.default_rng(0).normal(size=40)  # of the seeds

# ------------------------------------------------------------------------------------------ gates

GATES = {
    "separable": [gate not in (6, 9) for gate in range(16)],
    "learned": [[gate not in (6, 9)] * 8 for gate in range(16)],
    "nand": [1, 1, 1, 0],
    "xor": [0, 1, 1, 0],
    "reached": np.arange(16),
    "gradient_refusal": "step: asked for the derivative of the step function",
    "changed_outputs": np.zeros(8),
    "smooth_gradient": 0.1,
}

# ------------------------------------------------------------------------------------- perceptrons

POINTS = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])
UNIT = {
    "points": POINTS,
    "unit": [1.0, -1.0, 1.0],  # sums 2, -1, -2
    "predicted": [1, 0, 0],
    "step_unit": [1.0, 0.0, 0.0],
    "on_line": [1, 1, 1],
}
ENDS = {
    "xor_mistakes": np.full(12, 2),
    "xor_weights": np.tile([[0, 1, 0], [1, 0, 0], [0, 0, -1]], (4, 1)),
    "mistakes": np.tile([3, 1, 0], (8, 1)),
    "bound": np.full(8, 20.0),
}
RISE = np.append(0.5, np.full(30, 0.8))
JUMPS = np.append([0, 0], np.tile([0.02, -0.02], 15)[:29])


def accuracies(mean, noise=0.001):
    """(distances, seeds, epochs) around a mean curve."""
    curves = mean + noise * NOISE[:, None] + JUMPS * np.sign(NOISE)[:, None]
    return {
        "distances": [0.5, 1.0],
        "last": np.stack([curves] * 2),
        "averaged": np.stack([curves + 0.02] * 2),
    }


WORSE_FOR_AN_EPOCH = np.append([0.8, 0.5], np.full(29, 0.8))
WORSE_AT_ONCE = np.append(0.8, np.full(30, 0.5))
FALLING = RISE - np.append([0, 0], np.linspace(0, 0.1, 29))
ZERO = np.tile([4.0, 4.0, 4.0], (40, 1))
RATE = {
    "rates": [0.01, 1.0, 100.0],
    "mistakes": np.stack([ZERO, np.array([50.0, 5.0, 4.0]) + NOISE[:, None] * [9, 1, 1]]),
    "predictions": np.ones((40, 3, 5), int),
}
OTHER = np.ones((40, 3, 5), int)
OTHER[0, 2, 0] = 0

# ------------------------------------------------------------------------------------ perturbation

WEIGHTS = np.array([4, 8, 16, 32])


def passes(exponents, factors=(10.0, 6.0, 3.0)):
    """Forward passes (methods, weights, seeds) that grow with these exponents."""
    rows = [factor * WEIGHTS**exponent for factor, exponent in zip(factors, exponents, strict=True)]
    return {
        "weights": WEIGHTS,
        "methods": ["one at a time", "all in parallel", "backpropagation"],
        "passes": np.stack(rows)[..., None] * np.exp(0.05 * NOISE * np.arange(1, 5)[:, None]),
    }


def accepted(late_large, late_small, early_large=0.4):
    """Shares (seeds, points, sigmas)."""
    return {
        "accepted": np.array([[0.5, early_large], [late_small, late_large]])
        + 0.01 * NOISE[:, None, None],
        "sigmas": [1e-6, 1.0],
        "loss": np.tile([1.0, 1e-4], (40, 1)),
        "steps": [0, 3000],
    }


# ----------------------------------------------------------------------------------- approximation

UNITS = np.array([8, 16, 32, 64])
BUILT = 0.99 * (2 * np.pi) ** 2 / (8 * UNITS**2)
SPREAD = np.exp(0.1 * NOISE)
APPROXIMATION = {
    "units": UNITS,
    "built": BUILT,
    "squares": np.full(4, 0.1875),
    "longer": [1e-3, 0.1, 1.0],
    "trained": (3 * BUILT * UNITS / 8)[:, None] * SPREAD,
}
SIZES = np.array([2, 4, 8, 16, 32, 64])
NEEDED = {
    "units": UNITS,
    "names": list(units_needed.FUNCTIONS),
    "interpolated": [UNITS**-2.0, UNITS**-2.0, UNITS**-0.5],
    "inputs": [1, 2, 3],
    "sizes": SIZES,
    "fitted": [
        np.tile(first / SIZES, (40, 1)) for first in (0.8, 3.2, 12.8)
    ],  # 0.2 is reached by 4, 16, 64 units
    "error": 0.2,
}
DEPTHS = np.arange(1, 7)
DEEP = {
    "depths": DEPTHS,
    "pieces": 2**DEPTHS,
    "deep_units": 2 * DEPTHS,
    "shallow_units": 2**DEPTHS,
    "difference": np.zeros(6),
    "missed_beyond": np.ones(6),
    "trained_loss": np.stack([0.5 * SPREAD, 0.1 * SPREAD]),
    "hidden": ["24", "8-8-8"],
}
TRAINED = np.stack([np.full(40, 0.01) * SPREAD] * 3)
PARAMETERS = {
    "inputs": [1, 4, 10],
    "degree": [285, 6, 3],
    "coefficients": [286, 210, 286],
    "network_parameters": [286, 283, 277],
    "network": np.stack([TRAINED, TRAINED]),
}

CASES = [
    Case(claims.nand_but_not_xor, "holds", GATES),
    Case(claims.nand_but_not_xor, "fails", GATES | {"nand": [1, 1, 1, 1]}),
    Case(
        claims.nand_but_not_xor,
        "fails",
        GATES | {"separable": [True] * 16, "learned": np.ones((16, 8))},
    ),
    Case(claims.complete_but_no_composition, "holds", GATES),
    Case(claims.complete_but_no_composition, "fails", GATES | {"xor": [0, 1, 1, 1]}),
    Case(claims.complete_but_no_composition, "fails", GATES | {"reached": np.arange(12)}),
    Case(claims.complete_but_no_composition, "fails", GATES | {"changed_outputs": [0, 0, 1.0]}),
    Case(claims.complete_but_no_composition, "fails", GATES | {"gradient_refusal": ""}),
    Case(claims.threshold, "holds", UNIT),
    Case(claims.threshold, "fails", UNIT | {"predicted": [1, 1, 0]}),
    Case(claims.threshold, "fails", UNIT | {"on_line": [1, 0, 1]}),
    Case(claims.may_not_end, "holds", ENDS),
    Case(claims.may_not_end, "fails", ENDS | {"xor_mistakes": np.append(np.full(11, 2), 0)}),
    Case(claims.may_not_end, "fails", ENDS | {"bound": np.full(8, 3.0)}),
    Case(claims.rises_then_falls, "holds", accuracies(FALLING)),
    Case(claims.rises_then_falls, "depends", accuracies(RISE)),
    Case(claims.rises_then_falls, "depends", accuracies(WORSE_AT_ONCE)),
    Case(claims.rises_then_falls, "fails", accuracies(WORSE_FOR_AN_EPOCH)),
    Case(
        claims.rises_then_falls,
        "undecided",
        accuracies(RISE - np.append([0, 0], np.full(29, 0.01))),
    ),
    Case(claims.needs_a_small_rate, "fails", RATE),
    Case(claims.needs_a_small_rate, "holds", RATE | {"predictions": OTHER}),
    Case(
        claims.needs_a_small_rate,
        "holds",
        RATE | {"mistakes": RATE["mistakes"][..., ::-1]},
    ),
    Case(claims.one_weight_is_inefficient, "holds", passes((1.0, 1.0, 0.1))),
    Case(claims.one_weight_is_inefficient, "fails", passes((0.1, 0.1, 0.1))),
    Case(claims.parallel_is_no_better, "depends", passes((1.0, 1.0, 0.1))),
    Case(claims.parallel_is_no_better, "holds", passes((1.0, 1.0, 0.1), (10.0, 15.0, 3.0))),
    Case(claims.parallel_is_no_better, "fails", passes((1.0, 0.1, 0.1))),
    Case(claims.late_large_ones_hurt, "holds", accepted(0.01, 0.49)),
    Case(claims.late_large_ones_hurt, "fails", accepted(0.3, 0.49)),
    Case(claims.late_large_ones_hurt, "fails", accepted(0.02, 0.49, early_large=0.01)),
    Case(claims.late_large_ones_hurt, "undecided", accepted(0.1, 0.49)),
    Case(claims.one_layer_approximates, "depends", APPROXIMATION),
    Case(
        claims.one_layer_approximates,
        "holds",
        APPROXIMATION | {"squares": 1 / UNITS, "longer": [1e-3, 1e-3, 1e-3]},
    ),
    Case(
        claims.one_layer_approximates,
        "fails",
        APPROXIMATION | {"built": np.full(4, 0.1)},
    ),
    Case(claims.theorem_gives_no_method, "holds", APPROXIMATION),
    Case(
        claims.theorem_gives_no_method,
        "fails",
        APPROXIMATION | {"trained": 0.5 * BUILT[:, None] * SPREAD},
    ),
    Case(claims.how_many_units, "holds", NEEDED),
    Case(claims.how_many_units, "fails", NEEDED | {"fitted": NEEDED["fitted"][::-1]}),
    Case(
        claims.how_many_units,
        "fails",
        NEEDED | {"interpolated": [UNITS**-1.0, UNITS**-2.0, UNITS**-0.5]},
    ),
    Case(claims.fewer_units, "depends", DEEP),
    Case(claims.fewer_units, "holds", DEEP | {"missed_beyond": np.zeros(6)}),
    Case(claims.fewer_units, "fails", DEEP | {"deep_units": 2**DEPTHS}),
    Case(claims.pieces_multiply, "holds", DEEP),
    Case(claims.pieces_multiply, "fails", DEEP | {"pieces": 2 * DEPTHS}),
    Case(
        claims.impossible_in_practice,
        "depends",
        PARAMETERS | {"polynomial": [[1e-14, 0.4, 1.0], [1e-14] * 3]},
    ),
    Case(
        claims.impossible_in_practice,
        "holds",
        PARAMETERS | {"polynomial": np.ones((2, 3))},
    ),
    Case(
        claims.impossible_in_practice,
        "fails",
        PARAMETERS | {"polynomial": np.zeros((2, 3)) + 1e-9},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()
