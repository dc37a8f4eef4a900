"""The rules of the claims about gradient descent, its rates, its fixed points and clipping."""

import numpy as np
import pytest

from experiments.descent import (
    claims,
    parabola,
    training_procedure,
)
from tests.experiments.claim_cases import Case, name_of

SLOPES = {
    "slopes": np.linspace(-0.99, 0.99, 20).reshape(2, 1, 10),
    "special": np.tile([-1.0, 1.0, 0.3], (2, 1, 1)),
    "beaten": [[[0.0, 0.2]], [[0.0, 0.4]]],
    "lengths": [0.1, 1.0],
}
CHAIN = {
    "newton_end": [[0.0, 0.0], [2.0, 0.5]],
    "newton_eigenvalues": [[-2.0, 2.0], [0.0, 8.5]],
    "newton_gradient": [0.0, 0.0],
    "newton_loss": [1.0, 0.0],
    "random_last_step": np.zeros(40),
    "random_eigenvalues": np.tile([0.0, 4.0], (40, 1)),
    "ridge_last_step": np.zeros(5),
    "ridge_eigenvalues": np.tile([-2.0, 2.0], (5, 1)),
    "ridge_loss": np.ones(5),
}
BASINS = {
    "gradient": np.zeros(40),
    "eigenvalues": np.ones((40, 2)),
    "loss": np.repeat([0.2, 0.8], 20),
}
STEPS = {
    "train_loss": np.stack(
        [np.tile([1.0, 9.0, 9.0], (40, 1))]
        + [np.tile([1.0, 0.3, 0.1 * k], (40, 1)) for k in (1, 2)]
    ),
    "test_loss": np.stack(
        [np.tile([1.0, 9.0, 9.0], (40, 1))]
        + [np.tile([1.0, 0.3, 0.1 * k], (40, 1)) for k in (1, 2)]
    )
    + np.linspace(0, 1e-6, 40)[:, None],
    "rates": np.array([1.0, 0.2, 0.1]),
    "first_step": np.tile([[1.0], [0.2], [0.1]], (1, 40)),
    "gradient": np.ones((3, 40)),
    "angle": np.zeros((3, 40)),
    "rows": 10,
}
LEARNS_WITHOUT_A_RATE = {"train_loss": np.tile([1.0, 0.3, 0.1], (3, 40, 1))}
FULL_STEPS = {"first_step": np.ones((3, 40))}
OVERFITS = {"test_loss": STEPS["train_loss"] + np.array([0.0, 0.0, 5.0])}
MAY_OVERFIT = {
    "test_loss": STEPS["train_loss"] + np.linspace(-1, 1, 40)[:, None] * np.array([0.0, 0.0, 1.0])
}
FASTER_AT_HALF = {name: STEPS[name][[0, 2, 1]] for name in ("train_loss", "test_loss")}
TURNS = {"angle": np.full((3, 40), 0.1)}


def decays(*factors):
    """Distances over 400 steps, shrinking by a factor each."""
    return np.array(factors)[:, None] ** np.arange(401.0)


RATES = {
    "rates": [0.05, 0.1, 0.2, 0.22, 0.25],
    "limit": 0.25,
    "turning": 0.2,
    "distance": decays(0.95, 0.9, 0.8, 0.9, 1.0),
    "predicted": [0.95, 0.9, 0.8, 0.9, 1.0],
}
SMALL_RATES = {
    "rates": [0.005, 0.01, 0.2, 0.22, 0.25]
}  # two below a tenth of the limit, for the proportion
PARABOLA = {
    "zeros": [0.0],
    "lowest": [0.0],
    "slope_error": [0.0],
    "rates": [0.1, 0.5],
    "fates": [["stalls", "stalls"], ["ends", "ends"]],
    "steps": [[3000, 3000], [1, 1]],
    "traces": [[1.0, 0.8, 0.64], [1.0, 0.0, 0.0]],
}
LIST = {
    "anew": np.tile([1.0, 1e-9], (40, 1)),
    "kept": np.tile([1.0, -50.0], (40, 1)),
    "one_example": np.stack([np.ones(40), np.linspace(-0.1, 0.1, 40)], axis=1),
    "bias": np.zeros(40),
    "examples": 200,
}
WELLS = {
    "ends": np.stack([np.full((1, 100), -1.0), np.full((1, 100), -1.0), np.full((1, 100), 1.0)]),
    "updates": np.stack([np.full((1, 100), updates) for updates in (10.0, 2.0, 1.0)]),
    "batch_sizes": [1, 5, 10],
    "learning_rates": [0.05],
    "examples": 10,
}
CLIFF = {
    "plain": [[2.0, 0.0], [1.9, 0.0], [-28.1, 0.0]],
    "slopes": [[0.2, 0.0], [60.0, 0.0], [0.0, 0.0]],
    "clipped": [[2.0, 0.0], [1.9, 0.0], [1.4, 0.0]],
    "gradients": [1e-8, 1e8],
    "moves": [-0.5e-8, -0.5e8],
    "learning_rate": 0.5,
    "threshold": 1.0,
}
CLIPPED = {
    "angle": np.stack([np.full(40, 30.0), np.zeros(40)]),
    "pair_angle": 5.1387,
    "pair_norm": 1.005,
    "before": np.full(40, 3.0),
    "after": np.ones((2, 40)),
    "twice": np.zeros((2, 40)),
    "below": np.zeros((2, 40)),
    "zero": np.zeros(3),
    "nan": np.full(2, np.nan),
    "norm_limit": 1.0,
    "learning_rate": 10.0,
    "accuracy": np.array([[0.5], [0.97], [0.971]]) + np.linspace(0, 1e-3, 40),
}
TURNING = CLIPPED | {"angle": np.full((2, 40), 30.0)}
NEWTON = {
    "parameters": [9, 33, 129],
    "gradient_operations": [1.0, 4.0, 16.0],
    "newton_operations": [10.0, 150.0, 4000.0],
    "solved_parameters": 9,
    "linear_gradient": 1e-15,
    "loss": np.stack([np.full(40, 0.2), np.full(40, 0.1)]),
    "gradient": np.zeros((2, 40)),
    "eigenvalue": np.full((2, 40), -1.0),
}
CONVERGED = np.array([1.0, 0.1, 0.01, 0.01])
PROCEDURE = {
    "names": ["SGD", "Adam"],
    "loss": np.tile(CONVERGED, (2, 2, 40, 1)),
    "moved": np.stack([np.zeros(40), np.ones(40)]),
    "printed_entries": [1, 1],
}
FIXED = {
    "residual": np.tile([0.1, 1e-4], (40, 1)),
    "gradient": np.tile([1.0, 1e-3], (40, 1)),
    "rate": 0.1,
    "loss": np.tile([0.2, 1e-2, 1e-5], (40, 1)),
    "special_residual": np.zeros(3),
    "special_loss": 0.25,
}

CASES = [
    Case(claims.falls_fastest, "holds", SLOPES),
    Case(claims.falls_fastest, "fails", SLOPES | {"slopes": SLOPES["slopes"] * 1.1}),
    Case(claims.rises_fastest, "depends", SLOPES),
    Case(
        claims.rises_fastest,
        "holds",
        SLOPES | {"special": np.tile([-1.0, 1.0, 1.0], (2, 1, 1))},
    ),
    Case(claims.rises_fastest, "fails", SLOPES | {"slopes": SLOPES["slopes"] * 1.1}),
    Case(claims.classified, "holds", CHAIN),
    Case(
        claims.classified,
        "fails",
        CHAIN | {"newton_eigenvalues": [[1.0, 2.0], [0.0, 8.5]]},
    ),
    Case(claims.classified, "fails", CHAIN | {"newton_end": [[0.0, 0.0], [3.0, 3.0]]}),
    Case(claims.rest_is_a_minimum, "fails", CHAIN),
    Case(claims.rest_is_a_minimum, "holds", CHAIN | {"ridge_eigenvalues": np.ones((5, 2))}),
    Case(claims.rest_is_a_minimum, "undecided", CHAIN | {"ridge_last_step": np.ones(5)}),
    Case(claims.ends_at_a_local_minimum, "holds", BASINS),
    Case(claims.ends_at_a_local_minimum, "fails", BASINS | {"gradient": np.full(40, 0.1)}),
    Case(claims.ends_at_a_local_minimum, "fails", BASINS | {"eigenvalues": np.full((40, 2), -1.0)}),
    Case(claims.ends_at_a_local_minimum, "fails", BASINS | {"loss": np.full(40, 0.2)}),
    Case(claims.step_of_the_gradient, "fails", STEPS),
    Case(
        claims.step_of_the_gradient,
        "holds",
        STEPS | {"train_loss": np.tile([1.0, 0.3, 0.1], (3, 40, 1))},
    ),
    Case(claims.tempers_the_magnitude, "holds", STEPS),
    Case(claims.tempers_the_magnitude, "depends", STEPS | LEARNS_WITHOUT_A_RATE),
    Case(claims.tempers_the_magnitude, "undecided", STEPS | MAY_OVERFIT),
    Case(
        claims.tempers_the_magnitude,
        "fails",
        STEPS | LEARNS_WITHOUT_A_RATE | OVERFITS | TURNS,
    ),
    Case(claims.converges, "depends", RATES),
    Case(
        claims.converges,
        "holds",
        RATES
        | {"distance": decays(0.95, 0.9, 0.8, 0.9, 0.95), "predicted": [0.95, 0.9, 0.8, 0.9, 0.95]},
    ),
    Case(claims.converges, "depends", RATES | {"limit": 0.22}),
    Case(claims.converges, "fails", RATES | {"predicted": np.full(5, 0.5)}),
    Case(claims.lower_is_slower, "depends", RATES | SMALL_RATES),
    Case(
        claims.lower_is_slower,
        "holds",
        RATES | SMALL_RATES | {"distance": decays(0.95, 0.9, 0.8, 0.7, 0.6)},
    ),
    Case(
        claims.lower_is_slower,
        "fails",
        RATES | SMALL_RATES | {"distance": decays(0.8, 0.9, 0.91, 0.94, 0.96)},
    ),
    Case(claims.derivative_is_zero, "holds", PARABOLA),
    Case(claims.derivative_is_zero, "fails", PARABOLA | {"lowest": [1.0]}),
    Case(claims.derivative_is_zero, "fails", PARABOLA | {"zeros": [-1.0, 0.0]}),
    Case(claims.loop_ends, "depends", PARABOLA),
    Case(claims.loop_ends, "holds", PARABOLA | {"fates": [["ends", "ends"], ["ends", "ends"]]}),
    Case(
        claims.loop_ends,
        "fails",
        PARABOLA | {"fates": [["two-cycle", "ends"], ["overflows", "ends"]]},
    ),
    Case(claims.list_of_steps, "depends", LIST),
    Case(claims.list_of_steps, "holds", LIST | {"kept": np.tile([1.0, 0.0], (40, 1))}),
    Case(
        claims.list_of_steps,
        "fails",
        LIST
        | {"anew": np.ones((40, 2)), "one_example": LIST["one_example"] + 5, "bias": np.ones(40)},
    ),
    Case(claims.stochastic_escapes, "holds", WELLS),
    Case(claims.stochastic_escapes, "fails", WELLS | {"ends": WELLS["ends"][::-1]}),
    Case(claims.stochastic_escapes, "depends", WELLS | {"ends": WELLS["ends"][[0, 2, 2]]}),
    Case(claims.stochastic_escapes, "fails", WELLS | {"updates": np.full((3, 1, 100), 10.0)}),
    Case(claims.extreme_gradients, "holds", CLIFF),
    Case(claims.extreme_gradients, "fails", CLIFF | {"moves": [-1.0, -1.0]}),
    Case(claims.extreme_gradients, "fails", CLIFF | {"plain": CLIFF["clipped"]}),
    Case(claims.cliff_paths, "holds", CLIFF),
    Case(claims.cliff_paths, "fails", CLIFF | {"clipped": CLIFF["plain"]}),
    Case(claims.by_value, "holds", CLIPPED),
    Case(claims.by_value, "fails", CLIPPED | {"angle": np.zeros((2, 40))}),
    Case(claims.by_value, "fails", CLIPPED | {"accuracy": CLIPPED["accuracy"][[1, 0, 2]]}),
    Case(claims.by_norm, "holds", CLIPPED),
    Case(claims.by_norm, "fails", TURNING),
    Case(claims.by_norm, "fails", CLIPPED | {"after": np.full((2, 40), 2.0)}),
    Case(claims.by_norm, "fails", CLIPPED | {"nan": [0.0, np.nan]}),
    Case(claims.solving_is_hard, "holds", NEWTON),
    Case(
        claims.solving_is_hard,
        "fails",
        NEWTON | {"newton_operations": NEWTON["gradient_operations"]},
    ),
    Case(claims.solving_is_hard, "fails", NEWTON | {"eigenvalue": np.ones((2, 40))}),
    Case(claims.solving_is_hard, "fails", NEWTON | {"loss": NEWTON["loss"][::-1]}),
    Case(claims.procedure, "depends", PROCEDURE),
    Case(
        claims.procedure,
        "holds",
        PROCEDURE
        | {
            "moved": np.zeros((2, 40)),
            "printed_entries": [3, 3],
            "loss": np.tile([1.0, 0.2, 0.05, 0.01], (2, 2, 40, 1)),
        },
    ),
    Case(
        claims.procedure,
        "fails",
        PROCEDURE | {"loss": np.ones((2, 2, 40, 4)), "moved": np.ones((2, 40))},
    ),
    Case(claims.fixed_points, "depends", FIXED),
    Case(claims.fixed_points, "holds", FIXED | {"special_residual": np.ones(3)}),
    Case(claims.fixed_points, "fails", FIXED | {"loss": np.ones((40, 3))}),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()


@pytest.mark.parametrize(
    ("rate", "fate", "steps"),
    [
        (0.1, "stalls", None),
        (0.25, "stalls", None),
        (0.3, "ends", None),
        (0.5, "ends", 1),
        (0.75, "two-cycle", None),
        (1.0, "two-cycle", 2),
        (1.5, "overflows", None),
    ],
)
def test_4_3_fates_of_the_printed_loop(rate, fate, steps):
    found, count = parabola.literal_loop(rate, 1.0)
    assert found == fate
    assert steps is None or count == steps


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        (LEARNS_WITHOUT_A_RATE | {"test_loss": STEPS["test_loss"]}, "tempering the magnitude"),
        (FULL_STEPS, "tempering the magnitude"),
        (OVERFITS, "not against overfitting"),
        (FASTER_AT_HALF, "not a condition for speed"),
        (TURNS, "not to find the direction"),
    ],
)
def test_4_22_names_the_part_that_fails(changed, part):
    verdict = claims.tempers_the_magnitude.rule(STEPS | changed)
    assert verdict.word == "depends"
    _, _, failing = verdict.evidence.partition("fails for ")
    assert part in failing


def test_0_25_the_printed_history_has_one_entry():
    assert training_procedure.printed_history([3.0, 2.0, 1.0]) == [1.0]
