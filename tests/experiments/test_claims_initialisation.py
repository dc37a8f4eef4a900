"""The rules of the claims about initial weights, vanishing gradients and batch normalisation."""

import gzip

import jax
import numpy as np
import pytest

import fnn
from experiments.initialisation import (
    claims,
    initial_signals,
    initialisers,
    starting_again,
    symmetry,
    then_and_now,
)
from fnn import diagnostics, initializers, losses
from fnn.data import mnist
from tests.experiments.claim_cases import Case, name_of

SEEDS = 1 + 1e-3 * np.arange(4)  # four seeds that differ by little
LAYERS = 30
POWER = np.array([0.01, 1.0, 2.0, 9.0, 100.0])  # n σ² of the scales
BACK = np.array([
    [0.1, 0.937, 1.04, 1.36, 2.3],
    [0.0707, 0.707, 1.0, 2.14, 7.1],
    [0.025, 0.235, 0.315, 0.62, 0.974],
    [0.1, 0.93, 1.05, 3.0, 7.0],
])  # fmt: skip
FORTH = np.array([
    [0.1, 0.945, 0.99, 1.0, 1.0],
    [0.0702, 0.702, 0.992, 2.1, 7.0],
    [0.98, 0.98, 0.98, 1.0, 1.0],
    [0.1, 0.93, 1.02, 3.0, 7.0],
])  # fmt: skip


def flows(back=BACK, forth=FORTH, **others):
    """What `initial_signals.flows` returns where each layer multiplies by these factors."""
    hops = np.arange(LAYERS)
    by_seed = np.where(hops == 0, SEEDS[:, None], 1.0)
    delta = back[..., None, None] ** (LAYERS - 1 - hops) * by_seed
    deviation = forth[..., None, None] ** hops * by_seed
    mean = np.array([0.0, 0.66, 9.0, 0.2])[:, None, None, None] * deviation
    slope = (back**2 / POWER)[..., None, None] * np.ones((4, LAYERS))
    shares = {
        "saturated": np.full((4, 5, 4, LAYERS), 0.6),
        "dead": np.full((4, 5, 4, LAYERS), 0.25),
    }
    found = {
        "delta": delta,
        "deviation": deviation,
        "mean": mean,
        "slope": slope,
        "update": delta,
        "power": POWER,
    }
    return found | shares | others


def replaced(table, activation, scale, value):
    changed = table.copy()
    changed[initial_signals.place(activation, scale)] = value
    return changed


DRAWN = {
    "drawn_mean": [0, 0.5, 0, 0],
    "drawn_variance": [1, 1 / 12, 1 / 3, 0.05**2 / 3],
    "drawn_rank": [100] * 4,
    "first_gradient": np.ones((4, 4)),
    "width": 100,
}
FADING = np.full((4, 5), 0.5)
WEAK = BACK.copy()
WEAK[2] = 0.95  # a sigmoid that keeps the gradient
BENT = flows()["delta"].copy()
BENT[:, :, :, :15] = BENT[:, :, :, 15:16]  # half of the layers change nothing
CLEAN = flows(forth=np.where(FORTH > 0.9, 1.0, FORTH), mean=np.zeros((4, 5, 4, LAYERS)))

SYMMETRIC = {
    "difference": np.array([[0, 0, 1.0]] * 3),
    "singular": np.array([[[0, 0], [1, 1e-16], [2, 1]]] * 3),
    "moved": np.array([[[0, 0, 0, 0.1], [1, 1, 1, 1], [1, 1, 1, 1]]] * 3),
    "loss": np.full((3, 3, 601), 0.69),
    "random_loss": 0.01 * np.ones((3, 4)) * SEEDS,
}
IMPROVED = SYMMETRIC["loss"].copy()
IMPROVED[2, 1] = 0.3

VARIANCES = np.array(
    [[r(*shape) for r in initialisers.RULES.values()] for shape in initialisers.SHAPES]
)
SINGLE = {
    "variance": VARIANCES[..., None] * np.ones(4),
    "forward": np.array([into for _, into in initialisers.SHAPES])[:, None, None]
    * VARIANCES[..., None]
    * SEEDS,
    "backward": np.array([out for out, _ in initialisers.SHAPES])[:, None, None]
    * VARIANCES[..., None]
    * SEEDS,
}

ACCURACY = np.full((3, 2, 5, 4), 0.95) * SEEDS  # activations, depths, scales, seeds
ACCURACY[:2, 1, 0] = 0.1 * SEEDS
ACCURACY[2, 1] = 0.2 * SEEDS
HOPS_BACK = np.arange(LAYERS)[::-1]
KEPT = (np.ones((3, 2, 1, 1)) * SEEDS[:, None]) ** HOPS_BACK  # activations, starts, seeds, layers
VANISHING = 0.5**HOPS_BACK * KEPT
XAVIER_KEEPS_TANH = VANISHING.copy()
XAVIER_KEEPS_TANH[1, 1] = KEPT[1, 1]
DEEP = {
    "accuracy": ACCURACY,
    "depths": [1, 16],
    "deviation": flows()["deviation"][:2, 0],
    "delta": XAVIER_KEEPS_TANH,
}
EQUAL = np.full((3, 2, 5, 4), 0.95) * SEEDS
WORSE_THAN_RELU = EQUAL * np.array([1, 0.5, 0.5])[:, None, None, None]
SCATTERED = np.full((3, 2, 5, 4), 0.95) - [0.0, 0.1, 0.0, 0.1]
SCATTERED[0] = 0.95

STEADY = np.ones((4, 10, 5)) * SEEDS[:, None, None]
TRAINED = {"weights": STEADY, "gradients": STEADY * 0.2 ** np.arange(5)[::-1]}
SHRINKING = STEADY * 0.5 ** np.arange(10)[:, None]

CIRCLES = {
    "accuracy": np.array([[0.5], [0.5], [0.99], [0.6]]) * SEEDS,
    "loss": np.ones((4, 4, 600)),
}
ENDS = np.tile([0.001, 0.35, 0.48, 0.35, 0.35], 40)
XOR = {
    "loss": ENDS,
    "again": ENDS,
    "settled_loss": ENDS,
    "gradient": np.full(200, 1e-12),
    "newton_step": np.full(200, 1e-10),
    "lowest": np.tile([1e-3, 1e-3, -1e-3, 1e-3, 1e-3], 40),  # 0.48 is the loss of a saddle
}
SADDLES = XOR | {"lowest": np.full(200, -1e-3)}
TO_INFINITY = XOR | {"newton_step": np.ones(200)}  # as e⁻ʷ, whose gradient vanishes at no minimum
STILL_MOVING = XOR | {"gradient": np.full(200, 1e-2)}
SOLVED = XOR | dict.fromkeys(("loss", "again", "settled_loss"), np.full(200, 0.001))
NEVER_SOLVED = XOR | dict.fromkeys(("loss", "again", "settled_loss"), np.full(200, 0.35))
ONCE_IN_200 = XOR | {"settled_loss": np.append(np.full(197, 0.001), [0.35, 0.35, 0.35])}

IDENTITIES = {
    **dict.fromkeys(("mean", "variance", "affine", "running", "evaluation", "backward"), 1e-15),
    "below_one": 1e-5,
    "shortcut": 0.1,
    "state_kept": True,
    "accuracy": np.linspace([0.1] * 3, [0.95] * 3, 20).T,
}

DIGITS = {
    "arriving": np.ones((2, 5)) + np.arange(5) / 100,
    "dataset": "digits",
    "epochs": 4,
    "saturated": np.array([[[0.8] * 5], [[0.1] * 5]]) * SEEDS[:, None],
    "deviation": np.array([[[0.9] * 5], [[0.6, 0.6, 0.55, 0.55, 0.5]]])
    * SEEDS[:, None] ** np.arange(5),
    "loss": np.array([[1.0], [0.1]]) * SEEDS,
    "accuracy": np.array([[0.8], [0.95]]) * SEEDS,
}
FADED = DIGITS["deviation"] * 0.2 ** np.arange(5)

RECIPES = {
    "gates": then_and_now.TRUTH,
    "mistakes": np.zeros((3, 5)),
    "loss": np.array([[[2.3]], [[0.1]]]) * SEEDS[:, None],
    "accuracy": np.array([[[0.1]], [[0.96]]]) * SEEDS[:, None],
}

CASES = [
    Case(claims.saturated, "depends", flows()),
    Case(claims.saturated, "holds", flows(BACK * 0.2)),
    Case(claims.saturated, "fails", flows(saturated=np.full((4, 5, 4, LAYERS), 0.1))),
    Case(claims.mapped_to_zero, "depends", flows()),
    Case(
        claims.mapped_to_zero,
        "holds",
        flows(forth=FORTH * 0.1, mean=np.zeros((4, 5, 4, LAYERS))),
    ),
    Case(claims.mapped_to_zero, "fails", flows(forth=np.ones((4, 5)))),
    Case(claims.simplest, "holds", DRAWN),
    Case(claims.simplest, "fails", DRAWN | {"drawn_rank": [100, 1, 100, 100]}),
    Case(claims.simplest, "fails", DRAWN | {"drawn_variance": [1, 1, 1, 1]}),
    Case(claims.relu_keeps, "depends", flows()),
    Case(claims.relu_keeps, "holds", flows(np.ones((4, 5)))),
    Case(claims.relu_keeps, "fails", flows(FADING)),
    Case(claims.explodes, "holds", flows()),
    Case(claims.explodes, "fails", flows(FADING)),
    Case(claims.explodes, "fails", flows(delta=BENT)),
    Case(claims.explodes, "fails", flows(slope=np.ones((4, 5, 4, LAYERS)))),
    Case(claims.vanishes, "holds", flows()),
    Case(claims.vanishes, "fails", flows(WEAK)),
    Case(claims.vanishes, "fails", flows(delta=BENT)),
    Case(claims.components_below_one, "depends", flows()),
    Case(claims.components_below_one, "holds", flows(FADING)),
    Case(claims.components_below_one, "fails", flows(np.ones((4, 5)))),
    Case(claims.relu_instead_of_sigmoid, "depends", flows()),
    Case(
        claims.relu_instead_of_sigmoid,
        "holds",
        flows(np.where(np.arange(4)[:, None] == 1, 1.0, BACK)),
    ),
    Case(claims.relu_instead_of_sigmoid, "fails", flows(WEAK)),
    Case(claims.mean_and_variance, "depends", flows()),
    Case(claims.mean_and_variance, "holds", CLEAN),
    Case(claims.mean_and_variance, "fails", flows(forth=FADING)),
    Case(claims.xavier_and_he, "holds", flows()),
    Case(claims.xavier_and_he, "fails", flows(replaced(BACK, "tanh", "1/n", 0.5))),
    Case(claims.xavier_and_he, "fails", flows(replaced(BACK, "relu", "2/n", 1.5))),
    Case(claims.xavier_and_he, "fails", flows(np.ones((4, 5)), np.ones((4, 5)))),
    Case(claims.notes, "depends", flows()),
    Case(
        claims.notes,
        "holds",
        flows(np.where(np.arange(4)[:, None] == 2, BACK[0], BACK)),
    ),
    Case(claims.notes, "fails", flows(FADING)),
    Case(claims.conventions, "holds", SINGLE),
    Case(claims.conventions, "fails", SINGLE | {"variance": np.full((3, 5, 4), 0.01)}),
    Case(claims.both_variances, "depends", SINGLE),
    Case(
        claims.both_variances,
        "holds",
        SINGLE | dict.fromkeys(("forward", "backward"), np.ones((3, 5, 1)) * SEEDS),
    ),
    Case(claims.both_variances, "fails", SINGLE | {"backward": np.full((3, 5, 1), 4.0) * SEEDS}),
    Case(claims.symmetric, "holds", SYMMETRIC),
    Case(claims.symmetric, "fails", SYMMETRIC | {"difference": np.ones((3, 3))}),
    Case(claims.symmetric, "fails", SYMMETRIC | {"singular": np.ones((3, 3, 2))}),
    Case(claims.no_improvement, "holds", SYMMETRIC),
    Case(claims.no_improvement, "depends", SYMMETRIC | {"loss": IMPROVED}),
    Case(claims.no_improvement, "fails", SYMMETRIC | {"loss": np.full((3, 3, 601), 0.1)}),
    Case(claims.unsuitable, "depends", DEEP),
    Case(claims.unsuitable, "fails", DEEP | {"accuracy": EQUAL, "delta": KEPT}),
    Case(
        claims.unsuitable,
        "holds",
        DEEP | {"accuracy": WORSE_THAN_RELU, "delta": VANISHING},
    ),
    Case(claims.unsuitable, "depends", DEEP | {"accuracy": EQUAL, "delta": VANISHING}),
    Case(claims.unsuitable, "depends", DEEP | {"accuracy": WORSE_THAN_RELU, "delta": KEPT}),
    Case(claims.unsuitable, "undecided", DEEP | {"accuracy": SCATTERED, "delta": KEPT}),
    Case(claims.small_sigma, "holds", DEEP),
    Case(claims.small_sigma, "fails", DEEP | {"accuracy": EQUAL}),
    Case(claims.small_sigma, "fails", DEEP | {"accuracy": ACCURACY / 2}),
    Case(claims.weights_shrink, "fails", TRAINED),
    Case(claims.weights_shrink, "holds", TRAINED | {"weights": SHRINKING}),
    Case(claims.good_and_bad, "holds", CIRCLES),
    Case(
        claims.good_and_bad,
        "depends",
        CIRCLES | {"accuracy": np.array([[0.99], [0.5], [0.9], [0.6]]) * SEEDS},
    ),
    Case(
        claims.good_and_bad,
        "fails",
        CIRCLES | {"accuracy": CIRCLES["accuracy"][[3, 3, 0, 3]]},
    ),
    Case(claims.crucial, "holds", XOR),
    Case(claims.crucial, "fails", SOLVED),
    Case(claims.crucial, "fails", XOR | {"again": XOR["loss"][::-1]}),
    Case(claims.start_again, "holds", XOR),
    Case(claims.start_again, "depends", SADDLES),
    Case(claims.start_again, "depends", TO_INFINITY),
    Case(claims.start_again, "depends", STILL_MOVING),
    Case(claims.start_again, "depends", NEVER_SOLVED),
    Case(claims.start_again, "undecided", ONCE_IN_200),
    Case(claims.start_again, "fails", SOLVED),
    Case(claims.normalises, "holds", IDENTITIES),
    Case(claims.normalises, "fails", IDENTITIES | {"backward": 0.1}),
    Case(claims.normalises, "fails", IDENTITIES | {"mean": 1e-3}),
    Case(claims.normalises, "fails", IDENTITIES | {"accuracy": np.full((3, 20), 0.1)}),
    Case(claims.piled_up, "holds", DIGITS),
    Case(claims.piled_up, "fails", DIGITS | {"saturated": DIGITS["saturated"][::-1]}),
    Case(claims.spread_out, "holds", DIGITS),
    Case(claims.spread_out, "fails", DIGITS | {"deviation": FADED}),
    Case(claims.spread_out, "fails", DIGITS | {"arriving": DIGITS["arriving"] * 0.01}),
    Case(claims.spread_out, "fails", DIGITS | {"loss": DIGITS["loss"][::-1]}),
    Case(claims.history, "holds", RECIPES),
    Case(claims.history, "fails", RECIPES | {"loss": RECIPES["loss"][::-1]}),
    Case(claims.history, "fails", RECIPES | {"gates": 1 - then_and_now.TRUTH}),
]


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_rule(case):
    case.check()


def test_flow_of_a_linear_regime_is_the_scale_of_the_weights():
    """tanh is the identity for small signals: forward and backward are multiplied by about √n σ."""
    W = initial_signals.weights(initializers.normal(0.01), seeds=3, depth=4, width=50)
    found = initial_signals.flow(W, activation="tanh")
    assert all(np.shape(each) == (3, 4) for each in found)
    np.testing.assert_allclose(found.delta[:, 0] / found.delta[:, -1], (50 * 1e-4) ** 1.5, rtol=0.3)
    np.testing.assert_allclose(
        found.deviation[:, -1] / found.deviation[:, 0], (50 * 1e-4) ** 1.5, rtol=0.3
    )
    np.testing.assert_allclose(found.slope, 1, atol=0.02)
    assert not found.saturated.any()
    assert not found.dead.any()


@pytest.mark.long
def test_large_weights_saturate_most_units_and_small_ones_map_to_zero(x64):
    """0.21 and 0.22: thirty layers of 100 units; the sigmoid with N(0, 1) keeps the gradient all
    the same.
    """
    W = initial_signals.weights(initializers.normal(1.0), seeds=10, depth=30, width=100)
    assert float(initial_signals.flow(W, activation="tanh").saturated.mean()) == pytest.approx(
        0.6, abs=0.01
    )
    small = initial_signals.flow(0.01 * W, activation="tanh")
    assert float(small.deviation[:, -1].mean()) == pytest.approx(1e-30, rel=0.1)
    large = initial_signals.flow(W, activation="sigmoid")
    factor = initial_signals.per_layer(large.delta[:, -1], large.delta[:, 0], 29)
    assert factor.middle == pytest.approx(0.974, rel=0.03)


@pytest.mark.long
def test_flow_is_what_the_signals_of_the_network_are():
    W = initial_signals.weights(initializers.lecun, seeds=2, depth=3, width=6)
    found = initial_signals.flow(W, activation="sigmoid")
    x_key, y_key = jax.random.split(jax.random.key(1))
    x, y = (
        jax.random.normal(x_key, (6, initial_signals.ROWS)).T,
        jax.random.randint(y_key, (32,), 0, 6),
    )
    net = fnn.mlp([6] * 5, activation="sigmoid")
    params, _ = net.init(jax.random.key(0))
    params = tuple(part._replace(W=W[1, i // 2]) if part else () for i, part in enumerate(params))
    signals = diagnostics.signals(net, losses.softmax_cross_entropy, params, x, y)
    norms = [np.linalg.norm(each) for each in signals.cotangents[:-1:2]]
    np.testing.assert_allclose(found.delta[1], norms, rtol=1e-5)
    np.testing.assert_allclose(
        found.deviation[1], [a.std() for a in signals.outputs[1::2]], rtol=1e-4
    )
    sizes = [
        np.linalg.norm(g.W) / np.linalg.norm(w)
        for g, w in zip(signals.gradients[:-1:2], W[1, :-1], strict=True)
    ]
    np.testing.assert_allclose(found.update[1], sizes, rtol=1e-5)


@pytest.mark.every(3)
@pytest.mark.parametrize(
    ("activation", "variance", "backward", "forward"),
    [
        ("sigmoid", 1e-4, 0.025, None),
        ("sigmoid", 1 / 100, 0.235, None),
        ("sigmoid", 2 / 100, 0.316, None),
        ("tanh", 1e-4, 0.100, 0.100),
        ("tanh", 1 / 100, 0.934, None),
        ("tanh", 1.0, 2.30, None),
        ("relu", 1e-4, 0.071, 0.071),
        ("relu", 1 / 100, 0.709, None),
        ("relu", 2 / 100, 1.000, 0.992),
    ],
)
def test_factors_a_layer(activation, variance, backward, forward, x64):
    """Thirty layers of 100 units, to 2%: what an independent computation found."""
    W = initial_signals.weights(initializers.normal(variance**0.5), seeds=10, depth=30, width=100)
    found = initial_signals.flow(W, activation=activation)
    factor = initial_signals.per_layer(found.delta[:, -1], found.delta[:, 0], 29)
    assert factor.middle == pytest.approx(backward, rel=0.02)
    if forward:
        factor = initial_signals.per_layer(found.deviation[:, 0], found.deviation[:, -1], 29)
        assert factor.middle == pytest.approx(forward, rel=0.02)


@pytest.mark.long
def test_equal_starts_stay_equal_and_zeros_stay_zeros():
    """0.20: the rows of W₁ are the same and its rank is 1; from zeros tanh and ReLU move the output
    bias alone.
    """
    results = symmetry.run(symmetry.Config(seeds=1, examples=40))
    assert results["difference"][:, :2].max() == 0
    assert claims.rank(results["singular"]).tolist() == [[1, 1, 2], [0, 1, 2], [0, 1, 2]]
    still = results["moved"][1:, 0]
    assert (still[:, :3] == 0).all()
    assert (still[:, 3] > 0).all()


def test_best_of_k_is_the_mean_for_one_and_the_lowest_for_all():
    losses = np.array([3.0, 1.0, 2.0])
    assert starting_again.best_of(losses, 1) == pytest.approx(2.0)
    assert starting_again.best_of(losses, 2) == pytest.approx(4 / 3)
    assert starting_again.best_of(losses, 3) == pytest.approx(1.0)


@pytest.mark.long
def test_descent_settles_in_minima_and_saddles():
    """The minimum and the next place have positive eigenvalues; the third place has not."""
    config = starting_again.Config(seeds=40)
    params = starting_again.trained(config).params(0)
    loss, gradient, lowest, newton_step = starting_again.settle(config, params)
    is_local = np.isclose(loss, 0.383, atol=1e-3)
    assert is_local.any()
    assert (lowest[is_local] > claims.CURVED).all()
    assert (gradient[is_local] < claims.AT_REST).all()
    assert (newton_step[is_local] < claims.AT_REST).all()
    assert (lowest[loss > 0.4] < claims.CURVED).all()


def test_mnist_is_at_hand_where_all_four_files_are(tmp_path, monkeypatch):
    monkeypatch.setenv("FNN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert not mnist.is_local()
    for name in mnist.SHA256:
        assert not mnist.is_local()
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(b""))
    assert mnist.is_local()
