"""The rules of the claims about XOR and the cubic fit."""

import numpy as np
import pytest

from experiments.capacity import claims as capacity_claims
from experiments.descent import claims as descent_claims
from tests.experiments.claim_cases import Case, name_of

FOUND = {
    "rows_right": np.array([[[3, 2, 3], [4, 4, 4]]]),
    "solved": np.array([[np.zeros(40), np.ones(40)]], bool),
    "widths": [0, 8],
    "best_threshold_rows": 3,
    "least_squares": [0, 0, 0.5],
    "exact_error": 0.0,
}
LOSS = (
    np.geomspace(1000.0, 1e-9, 40) + 1.0
)  # of one start, towards the minimum 1; its root falls later
FIT = {
    "loss": np.broadcast_to(np.stack([LOSS**0.5, LOSS])[:, None], (3, 2, 4, 40)),
    "minimum": [1.0, 1.0, 1.0],
    "reached": np.ones((4, 4)),
    "least_squares": np.ones((3, 4)),
    "critical_rate": [1e-3, 1e-3, 1e-3],
    "rates": [2e-5, 7.5e-4],
}
RISING = np.where(np.arange(3)[:, None, None, None] == 2, LOSS[::-1], FIT["loss"])

CASES = [
    Case(capacity_claims.output_nonlinearity, "holds", FOUND),
    Case(
        capacity_claims.output_nonlinearity,
        "fails",
        FOUND | {"rows_right": [[[4, 2, 3], [4, 4, 4]]]},
    ),
    Case(capacity_claims.output_nonlinearity, "fails", FOUND | {"best_threshold_rows": 4}),
    Case(capacity_claims.hidden_layer, "holds", FOUND),
    Case(capacity_claims.hidden_layer, "fails", FOUND | {"least_squares": [0.1, 0, 0.5]}),
    Case(capacity_claims.hidden_layer, "fails", FOUND | {"best_threshold_rows": 4}),
    Case(capacity_claims.hidden_layer, "fails", FOUND | {"solved": np.zeros((1, 2, 40))}),
    Case(
        capacity_claims.hidden_layer,
        "undecided",
        FOUND | {"solved": [[[0, 0, 0, 0], [0, 1, 0, 1]]]},
    ),
    Case(descent_claims.every_start_arrives, "holds", FIT),
    Case(descent_claims.every_start_arrives, "fails", FIT | {"reached": np.full((4, 4), 1.1)}),
    Case(descent_claims.starts, "holds", FIT),
    Case(descent_claims.starts, "fails", FIT | {"loss": RISING[::-1]}),
    Case(descent_claims.starts, "fails", FIT | {"reached": np.full((4, 4), 1.1)}),
    Case(descent_claims.rates, "holds", FIT),
    Case(descent_claims.rates, "fails", FIT | {"loss": FIT["loss"][:, ::-1]}),
    Case(descent_claims.rates, "depends", FIT | {"loss": RISING}),
    Case(descent_claims.rates, "fails", FIT | {"loss": np.broadcast_to(LOSS[::-1], (3, 2, 4, 40))}),
    Case(descent_claims.monitored, "holds", FIT),
    Case(descent_claims.monitored, "fails", FIT | {"critical_rate": [1e-3, 1e-3, 1e-5]}),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()
