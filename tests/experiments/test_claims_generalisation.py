"""The rules of the claims about learning curves, fitting too little and too much, double descent
and grid search.
"""

import numpy as np
import pytest

from experiments.generalisation import (
    claims,
    curves,
    polynomial_degree,
)
from tests.experiments.claim_cases import Case, name_of

NOISE = (
    np.random.default_rng(0).normal(size=(40, 3, 8, 40)) / 1000
)  # of as many seeds, widths, … as a case needs


def near(*values, seeds=8):
    """A curve, (seeds, points), with a little noise."""
    return np.array(values) + NOISE[:seeds, 0, 0, : len(values)]


# -------------------- learning curves

EPOCHS = np.arange(40)
LEARNED = {
    "train_loss": near(*(0.01 + 2 * np.exp(-EPOCHS / 3))),
    "validation_loss": near(*(0.2 + 2 * np.exp(-EPOCHS / 3))),
    "weights": np.ones((2, 5)),
    "losses_of_two_validations": [0.2, 4.0],
}
LOOP = {
    "validation_loss": near(3.0, 1.0, 2.0),
    "best_epoch": np.ones(8, int),
    "restored_loss": near(3.0, 1.0, 2.0)[:, 1],
    "resumed_same": True,
    "cut_at": 2,
    "visits": np.full(96, 5.0),
    "updates": 15,
}

# --------------------------------------------------------------------------- under- and overfitting

TRAIN = np.stack(
    [near(2.2, 2.0, 2.0), near(2.2, 1.2, 0.8), near(2.1, 0.9, 0.1)]
)  # widths, seeds, epochs
NEW = np.stack([near(2.2, 2.1, 2.1), near(2.2, 1.3, 1.5), near(2.1, 1.2, 3.0)])
FITS = {"train_loss": TRAIN, "validation_loss": NEW, "test_loss": NEW, "widths": [1, 8, 128]}
NOTHING_LOST = np.minimum.accumulate(
    np.minimum.accumulate(NEW, axis=2), axis=0
)  # more is never worse
SCATTERED = NEW + 1000 * NOISE[:8, :3, :1, :3].transpose(1, 0, 2, 3)[:, :, 0]

# ------------------------------------------------------------------------------------- polynomials

FITTED = np.stack(
    [near(0.3, 0.1, 0.05), near(0.4, 0.2, 3.0), near(0.4, 0.2, 3.0)]
)  # splits, sets, degrees
RIDGED = np.stack([near(0.3, 0.15, 0.1), near(0.4, 0.2, 0.3), near(0.4, 0.2, 0.3)])
POLYNOMIALS = {"errors": np.stack([FITTED, RIDGED]), "degrees": [1, 2, 3], "slope_at_ridge": 1e-14}

# -------------------------------------------------------------------------------------- grid search

SEARCHED = {
    "names": ["hidden_layers", "neurons", "learning_rate"],
    "values": [["1", "8", "0.1"], ["1", "8", "0.01"], ["2", "8", "0.1"]],
    "parameters": ["[0].W (8, 64)", "[0].b (8,)"],
    "derivatives": ["[0].W (8, 64)", "[0].b (8,)"],
    "starts": [1, 1, 2],
    "validation_accuracy": np.stack([near(0.2, 0.5), near(0.3, 0.9), near(0.1, 0.4)]),
    "test_accuracy": np.stack([near(0.2, 0.5), near(0.3, 0.9), near(0.1, 0.4)]),
}
CHOICE_IS_BAD = np.stack([near(0.2, 0.9), near(0.3, 0.5), near(0.1, 0.9)])

# ----------------------------------------------------------------------------------- double descent

DESCENDS = near(0.7, 0.47, 0.54, 0.45)
FALLS = near(0.7, 0.6, 0.5, 0.4)


def double(error, loss):
    """Results whose curves (seeds, 4) over widths are these, with right and with wrong labels; the
    latter over epochs too, for the widest network.
    """
    made = {
        "widths": [2, 16, 47, 300],
        "wrong": [0, 0.135],
        "wall_seconds": 900.0,
        "cpu_seconds": 1800.0,
    }
    for name, pair in (("test_error", error), ("test_loss", loss)):
        made[name] = np.repeat(np.stack([curve.T for curve in pair])[..., None], 4, axis=-1)
        made[name][1, -1] = pair[1]
    return made


CASES = [
    Case(claims.plateau, "holds", LEARNED),
    Case(claims.plateau, "fails", LEARNED | {"weights": [[1.0, 1.0], [1.0, 1.0 + 1e-7]]}),
    Case(claims.plateau, "fails", LEARNED | {"train_loss": near(*np.linspace(2, 0.1, 40))}),
    Case(claims.plateau, "fails", LEARNED | {"validation_loss": LEARNED["train_loss"] - 0.1}),
    Case(claims.plateau, "fails", LEARNED | {"losses_of_two_validations": [0.2, 0.2]}),
    Case(claims.procedure, "holds", LOOP),
    Case(claims.procedure, "fails", LOOP | {"visits": np.append(np.full(95, 5.0), 4.0)}),
    Case(claims.procedure, "fails", LOOP | {"updates": 14}),
    Case(claims.procedure, "fails", LOOP | {"best_epoch": np.full(8, 2)}),
    Case(claims.procedure, "fails", LOOP | {"restored_loss": np.full(8, 2.0)}),
    Case(claims.procedure, "fails", LOOP | {"resumed_same": False}),
    Case(claims.between, "holds", FITS),
    Case(claims.between, "fails", FITS | {"validation_loss": NOTHING_LOST}),
    Case(claims.between, "fails", FITS | {"train_loss": np.zeros((3, 8, 3))}),
    Case(claims.between, "undecided", FITS | {"validation_loss": SCATTERED}),
    Case(claims.overfitting, "holds", FITS),
    Case(claims.overfitting, "fails", FITS | {"test_loss": NOTHING_LOST}),
    Case(claims.overfitting, "fails", FITS | {"train_loss": np.full((3, 8, 3), 2.0)}),
    Case(claims.underfitting, "holds", FITS),
    Case(claims.underfitting, "fails", FITS | {"train_loss": np.zeros((3, 8, 3))}),
    Case(claims.underfitting, "fails", FITS | {"test_loss": np.ones((3, 8, 3))}),
    Case(claims.validate, "holds", POLYNOMIALS),
    Case(
        claims.validate,
        "fails",
        POLYNOMIALS | {"errors": np.stack([FITTED, FITTED * 2])},
    ),
    Case(
        claims.validate,
        "fails",
        POLYNOMIALS | {"errors": np.stack([FITTED[[0, 0, 0]], RIDGED])},
    ),
    Case(claims.validate, "fails", POLYNOMIALS | {"slope_at_ridge": 0.1}),
    Case(claims.outside, "holds", SEARCHED),
    Case(
        claims.outside,
        "fails",
        SEARCHED | {"parameters": ["[0].W (8, 64)", "learning_rate ()"]},
    ),
    Case(claims.outside, "fails", SEARCHED | {"derivatives": ["[0].W (8, 64)"]}),
    Case(claims.outside, "fails", SEARCHED | {"starts": [1, 3, 2]}),
    Case(claims.outside, "fails", SEARCHED | {"test_accuracy": CHOICE_IS_BAD}),
    Case(
        claims.below_the_first_minimum,
        "holds",
        double((DESCENDS, DESCENDS), (DESCENDS, DESCENDS)),
    ),
    Case(claims.below_the_first_minimum, "fails", double((FALLS, FALLS), (FALLS, FALLS))),
    Case(claims.below_the_first_minimum, "depends", double((FALLS, DESCENDS), (FALLS, FALLS))),
    Case(
        claims.below_the_first_minimum,
        "undecided",
        double((DESCENDS, DESCENDS + 100 * NOISE[:8, 1, 0, :4]), (DESCENDS, DESCENDS)),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()


# ------------------------------------------------------------------------------------------- curves


def test_a_valley_lies_between_ends_that_are_higher():
    found = curves.valley(near(3.0, 1.0, 2.0))
    assert found.bottom == 1
    assert found.first.low < 2 < found.first.high
    assert found.last.low < 1 < found.last.high
    assert found.interior
    assert curves.valley(near(3.0, 2.0, 1.0)).interior is False


def test_turns_are_a_minimum_a_peak_and_a_minimum():
    assert curves.turns(np.array([9.0, 4, 5, 8, 7, 2, 3])) == (1, 3, 5)
    first, peak, second = curves.turns(np.array([9.0, 7, 5, 4, 3]))  # falls throughout
    assert first < peak < second


def test_little_is_found_in_noise():
    """Chosen and judged by the same numbers, minima of pure noise would lie below its ends nearly
    every time.
    """
    draws = np.random.default_rng(1).normal(size=(100, 16, 20))
    assert sum(curves.valley(noise).interior is True for noise in draws) <= 5
    assert sum(curves.second_descent(noise).lower is True for noise in draws) <= 5


def test_a_second_descent_is_measured_in_other_seeds():
    found = curves.second_descent(near(9.0, 4.0, 8.0, 3.0))
    assert (found.first, found.peak, found.second) == (1, 2, 3)
    for interval, size in zip((found.rise, found.fall, found.gain), (4, 5, 1), strict=True):
        assert interval.low < size < interval.high
    assert found.lower
    assert curves.second_descent(near(9.0, 3.0, 8.0, 4.0)).lower is False


# -------------------------------------------------------------------------------------- polynomials


def test_ridge_is_the_minimum_of_the_penalised_loss():
    config = polynomial_degree.Config()
    x, y = polynomial_degree.points(config, 3)[0]
    assert polynomial_degree.slope(x, y, 5, 0.1) < 1e-12
    np.testing.assert_allclose(
        polynomial_degree.fitted(x, y, 3, 0.0), np.polyfit(x, y, 3)[[2, 1, 0, 3]], rtol=1e-9
    )
