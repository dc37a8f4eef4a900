"""The rules of the claims about optimizers and batches, and what the printed recurrences
compute.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.optimizers import (
    claims,
    optimizer_race,
)
from experiments.optimizers import printed_optimizers as printed
from fnn import optim
from fnn.course import descent
from tests.experiments.claim_cases import Case, name_of

rng = np.random.default_rng(0)

PATH = np.column_stack([0.99 ** np.arange(201), 0.5 ** np.arange(201)])
PATHS = dict.fromkeys(
    (
        "ema",
        "classical",
        "classical at (1 − α)η",
        "library",
        "classical, schedule",
        "nesterov library",
        "nesterov lookahead",
        "printed de marzo",
        "printed notes",
        "printed piccoli",
        "printed nesterov, lookahead",
    ),
    PATH,
) | {"library, schedule": PATH + 0.1, "printed nesterov": PATH + 0.1}

LOSS = 0.9 ** np.arange(201)
VELOCITY = {
    "descent": LOSS,
    "averaged, α = 0.9": np.where(np.arange(201) < 100, 2, 0.5) * LOSS,
    "averaged, α = 0.99": 2 * LOSS,
    "classical, α = 0.9": LOSS / 10,
    "change": [np.full(20, 1.0), rng.normal(0.1, 0.01, 20)],
    "crossings": [0, 14],
    "away": [1e-3 * growth ** np.arange(501) for growth in (1.02, 1.04, 1.1, 1.2)],
    "gain": [1, 2, 10, 100],
}
FASTER = {"averaged, α = 0.9": LOSS / 2, "averaged, α = 0.99": LOSS / 2, "crossings": [0, 0]}
SLOWER = {
    "averaged, α = 0.9": 2 * LOSS,
    "change": [np.full(20, 1.0), rng.normal(2, 0.01, 20)],
}

FLAGS = {
    f"flags {name}": flags
    for name, flags in {
        "SGD": [0, 0, 0],
        "Momentum": [1, 0, 0],
        "Nesterov": [1, 0, 0],
        "AdaGrad": [0, 1, 1],
        "AdaDelta": [0, 1, 1],
        "RMSProp": [0, 1, 1],
        "Adam": [1, 1, 1],
    }.items()
}
AS_PRINTED = {f"flags {name}": [1, 1, 1] for name in ("AdaGrad", "AdaDelta", "RMSProp")}
FORMS = {
    "adadelta_printed": np.ones((20, 4)),
    "rmsprop": np.ones((20, 4)),
    "adadelta_zeiler": np.zeros((20, 4)),
    "adam_printed": [-3.162, np.nan],
    "adam_uncorrected": [3.162],
    "adam_kingma": [1.0],
}


def race(sgd, adagrad):
    """Distances of two rates and 20 seeds that end about here; with the second rate both rules
    diverge.
    """
    curves = np.array([sgd, adagrad])[:, None, None] * rng.uniform(0.9, 1.1, (2, 20, 5))
    return np.stack([curves, np.full_like(curves, np.nan)], axis=1)


RACE = {
    "printed_adagrad": np.ones((3, 20, 4)),
    "adagrad": np.ones((20, 4)),
    "printed_adadelta": np.ones((20, 4)),
    "rmsprop": np.ones((20, 4)),
    "rates": [0.1, 1.0],
    "sparse": race(1.0, 0.1),
    "dense": race(1.0, 1.0),
}

SADDLE = np.zeros((7, 200, 2))
SADDLE[:, :, 1] = np.arange(200) / np.array([120, 150, 150, 2, 10, 4, 4])[:, None]
RANKING = {
    "saddle": SADDLE,
    "saddle_at_rate_of_sgd": SADDLE[[0, 3, 3, 3, 3, 3, 3]],
    "rates": np.ones(7),
}

TUNED = {
    "data_sets": ["a", "b"],
    "rules": ["SGD", "Momentum", "RMSProp", "Adam"],
    "rates": np.ones((2, 4, 3)),
    "validation_losses": np.array([[0.3], [0.2], [0.2], [0.1]])
    + np.array([[[0.1, 0, np.inf]], [[0.1, 0, 0.2]]]),
    "accuracy": np.array([0.8, 0.9, 0.9, 0.95])[:, None] + rng.normal(0, 1e-3, (2, 4, 20)),
}
MOMENTUM_AHEAD = TUNED["accuracy"][:, [0, 3, 2, 1]]

B = np.arange(1, 13)
FORMULA = 9 / B * (12 - B) / 11
BATCHES = {
    "bias": np.full(12, 1e-16),
    "variance": FORMULA,
    "formula": FORMULA,
    "epoch_batches": [100, 32, 1],
    "updates": [1, 4, 100],
}

SIZES = np.array([1, 4, 16, 256])
NOISY = 1 + 0.02 * rng.normal(size=(4, 20))


def bouncing(shares):
    """Losses that fall from 10 to about 5 and rise in these shares of the steps."""
    ups = rng.uniform(size=(len(shares), 20, 100)) < np.array(shares)[:, None, None]
    steps = np.where(ups, 0.01, -0.06)
    return 10 + np.concatenate([np.zeros((len(shares), 20, 1)), np.cumsum(steps, axis=-1)], axis=-1)


WALKS = {
    "batch_sizes": SIZES,
    "roughness": NOISY / np.sqrt(SIZES)[:, None],
    "loss": bouncing([0.3, 0.1, 0.02, 0]),
    "timed_batches": [1, 32, 1024],
    "speed": [1e4, 2e5, 1e6],
}

FLOOR = (
    np.ones((2, 3, 3, 20, 40))
    * (np.array([1, 2, 4]) / np.array([1, 4, 16])[:, None])[:, :, None, None]
)
FLOOR = FLOOR * rng.uniform(0.95, 1.05, FLOOR.shape)
FLOOR[1] /= 1 + np.arange(40)
ENDS = {
    "excess": FLOOR,
    "rates": [1, 2, 4],
    "batch_sizes": [1, 4, 16],
    "network_distance": np.r_[np.zeros(60), np.ones(40)],
    "network_loss": np.ones((2, 100)),
}
DECAYING = np.stack([FLOOR[1], FLOOR[1]])

GRID = {
    "batch_sizes": [8, 64, 512],
    "rates": [0.01, 0.1],
    "train_loss": np.array([[2, 1], [2, 2], [9, 3]])[:, :, None]
    * rng.uniform(0.99, 1.01, (3, 2, 20)),
    "validation_loss": np.array([[2, 1], [2, 2], [9, 3]])[:, :, None]
    * rng.uniform(0.99, 1.01, (3, 2, 20)),
    "test_accuracy": np.array([[0.8, 0.9], [0.8, 0.8], [0.1, 0.5]])[:, :, None]
    + rng.normal(0, 1e-3, (3, 2, 20)),
}
NEAR = rng.uniform(0.99, 1.01, (3, 2, 20))  # training losses of all sizes and rates
DIVERGED = GRID["validation_loss"].copy()
DIVERGED[2, 1, 3] = np.nan

CASES = [
    Case(claims.four_conventions, "holds", PATHS),
    Case(claims.four_conventions, "fails", PATHS | {"printed piccoli": PATH + 1e-9}),
    Case(claims.four_conventions, "fails", PATHS | {"library, schedule": PATH}),
    Case(claims.lookahead_is_held, "holds", PATHS),
    Case(claims.lookahead_is_held, "fails", PATHS | {"nesterov library": PATH + 0.1}),
    Case(claims.notes, "holds", PATHS),
    Case(claims.notes, "fails", PATHS | {"printed notes": 2 * PATH}),
    Case(claims.averaged_gradient, "depends", VELOCITY),
    Case(claims.averaged_gradient, "holds", VELOCITY | FASTER),
    Case(claims.averaged_gradient, "fails", VELOCITY | SLOWER),
    Case(claims.velocity_speeds_up, "holds", VELOCITY),
    Case(
        claims.velocity_speeds_up,
        "fails",
        VELOCITY | {"away": np.array(VELOCITY["away"])[[0, 2, 1, 3]]},
    ),
    Case(claims.velocity_speeds_up, "fails", VELOCITY | {"gain": [1, 1, 1, 1]}),
    Case(claims.names, "holds", FORMS),
    Case(claims.names, "fails", FORMS | {"adadelta_printed": np.zeros((20, 4))}),
    Case(claims.names, "fails", FORMS | {"adam_printed": [-1.0, 1.0]}),
    Case(claims.momentum_and_rates, "depends", FLAGS),
    Case(claims.momentum_and_rates, "holds", FLAGS | AS_PRINTED),
    Case(claims.momentum_and_rates, "fails", FLAGS | {"flags Adam": [1, 0, 1]}),
    Case(claims.tunes_the_rate, "depends", FLAGS),
    Case(claims.tunes_the_rate, "holds", {name: [1, 1, 1] for name in FLAGS}),
    Case(claims.adam, "fails", FORMS),
    Case(claims.adam, "holds", FORMS | {"adam_printed": [-1.0, 1.0]}),
    Case(claims.summary_table, "depends", FLAGS),
    Case(claims.summary_table, "holds", FLAGS | AS_PRINTED),
    Case(claims.adagrad, "depends", RACE),
    Case(claims.adagrad, "holds", RACE | {"dense": race(1.0, 0.1)}),
    Case(
        claims.adagrad,
        "fails",
        RACE
        | {"sparse": race(0.1, 1.0), "adagrad": np.zeros((20, 4)), "rmsprop": np.zeros((20, 4))},
    ),
    Case(claims.ranking, "depends", RANKING),
    Case(claims.ranking, "holds", RANKING | {"saddle": SADDLE[[0, 3, 3, 3, 3, 3, 3]]}),
    Case(
        claims.ranking,
        "fails",
        {"saddle": SADDLE[[3] + [0] * 6], "saddle_at_rate_of_sgd": SADDLE, "rates": B[:7]},
    ),
    Case(claims.adam_and_rmsprop, "holds", TUNED),
    Case(claims.adam_and_rmsprop, "fails", TUNED | {"accuracy": MOMENTUM_AHEAD}),
    Case(
        claims.adam_and_rmsprop,
        "depends",
        TUNED | {"accuracy": np.stack([TUNED["accuracy"][0], MOMENTUM_AHEAD[1]])},
    ),
    Case(
        claims.adam_and_rmsprop,
        "undecided",
        TUNED | {"accuracy": rng.normal(0.9, 1e-3, (2, 4, 20))},
    ),
    Case(claims.unbiased, "holds", BATCHES),
    Case(claims.unbiased, "fails", BATCHES | {"bias": np.full(12, 1e-3)}),
    Case(claims.fluctuation, "holds", BATCHES),
    Case(claims.fluctuation, "fails", BATCHES | {"variance": FORMULA[::-1]}),
    Case(claims.updates, "holds", BATCHES),
    Case(claims.updates, "fails", BATCHES | {"updates": [1, 3, 100]}),
    Case(claims.roughness, "holds", WALKS),
    Case(claims.roughness, "fails", WALKS | {"roughness": NOISY / SIZES[:, None]}),
    Case(claims.on_average, "holds", WALKS),
    Case(claims.on_average, "fails", WALKS | {"loss": bouncing([0, 0, 0, 0])}),
    Case(claims.on_average, "fails", WALKS | {"speed": [1e4, 1e4, 1e4]}),
    Case(claims.same_result, "depends", ENDS),
    Case(
        claims.same_result,
        "holds",
        ENDS | {"excess": DECAYING, "network_distance": np.zeros(100)},
    ),
    Case(claims.same_result, "fails", ENDS | {"excess": np.stack([FLOOR[0], FLOOR[0]])}),
    Case(claims.batch_size_matters, "holds", GRID),
    Case(claims.batch_size_matters, "holds", GRID | {"validation_loss": DIVERGED}),
    Case(claims.batch_size_matters, "depends", GRID | {"train_loss": NEAR}),
    Case(
        claims.batch_size_matters,
        "fails",
        GRID | {"train_loss": NEAR, "test_accuracy": 0.9 + rng.normal(0, 1e-3, (3, 2, 20))},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()


def test_responses_of_an_optimizer(x64):
    """The updates that momentum makes of an impulse: −η αᵗ."""
    gradients = {"W": np.eye(5)[0], "b": np.zeros((5, 2))}
    params = {"W": np.zeros(()), "b": np.zeros(2)}
    updates = jax.jit(lambda g: descent.updates_for(optim.momentum(0.1), params, g))(gradients)
    np.testing.assert_allclose(updates["W"], -0.1 * 0.9 ** np.arange(5), rtol=1e-14)
    np.testing.assert_array_equal(updates["b"], np.zeros((5, 2)))


def test_responses_sees_the_parameters(x64):
    """The weight decay of AdamW is that of the parameters at hand."""
    rule = optim.adamw(0.1, weight_decay=0.5)
    updates = descent.updates_for(rule, jnp.ones(1), np.zeros((2, 1)))
    np.testing.assert_allclose(updates[:, 0], [-0.05, -0.05 * 0.95], rtol=1e-14)


def test_responses_refuses_gradients_of_other_parameters():
    with pytest.raises(ValueError, match=r"grads has shape \(3,\) instead of \(2,\)"):
        descent.updates_for(optim.sgd(0.1), jnp.zeros(2), np.zeros((5, 3)))


def test_printed_adam_is_not_a_number_after_a_negative_gradient():
    steps = printed.adam_piccoli(np.array([[1.0, -1.0]]))
    np.testing.assert_allclose(steps[0, 0], -0.1 / np.sqrt(0.001), rtol=1e-6)
    assert np.isnan(steps[0, 1])


def test_distance_of_a_path_that_diverges_is_infinite():
    paths = np.broadcast_to(np.array([[3.0, 0.5], [np.nan, 0], [4.0, 0.5]])[:, None], (3, 9, 2))
    np.testing.assert_array_equal(optimizer_race.distance(paths), [0, np.inf, 1])


def test_a_path_that_leaves_the_view_is_cut():
    path = np.column_stack([np.zeros(9), np.arange(9.0)])
    assert len(optimizer_race.visible(path, "saddle")) == 6
    assert len(optimizer_race.visible(path / 100, "saddle")) == 9
