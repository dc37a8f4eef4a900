"""Networks of several widths as runs of one program: a padded network is the small one it stands
for.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import data, initializers, losses, optim
from fnn.layers import MaskedWidth, unpad

KEY = jax.random.key(3)
MOST = 6
PADDED = fnn.layers.padded(4, MaskedWidth(2, MOST))
RULES = ("fan_out", "lecun", "glorot", "glorot_uniform", "he", "he_fan_out")
BLOBS = data.from_arrays(
    np.random.default_rng(0).normal(size=(90, 4)).astype(np.float32),
    np.random.default_rng(1).integers(0, 3, 90).astype(np.int32),
)


def pair(units, **options):
    """The padded network, and the small one that it stands for."""
    init = options.pop("init", "he")
    wide = fnn.mlp(
        (4, MaskedWidth(units, MOST), MaskedWidth(units + 1, MOST), 3), init=init, **options
    )
    return wide, fnn.mlp((4, units, units + 1, 3), init=initializers.by_unit(init), **options)


def beyond(wide, small):
    """How many entries that are cut off are not zero."""
    total = sum(np.count_nonzero(leaf) for leaf in jax.tree.leaves(wide))
    return total - sum(np.count_nonzero(leaf) for leaf in jax.tree.leaves(unpad(wide, small)))


@pytest.mark.every(1)
@pytest.mark.parametrize("init", RULES)
def test_it_starts_as_the_small_network(init, x64):
    wide, small = (net.init(KEY)[0] for net in pair(3, init=init))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-15), unpad(wide, small), small
    )
    assert beyond(wide, small) == 0


@pytest.mark.parametrize("init", RULES)
def test_drawing_by_unit_keeps_the_variance(init):
    """s²/σ² of 10⁵ draws lies within 5 standard errors, √(2/n), of 1."""
    shape = (200, 500)
    W = np.asarray(initializers.by_unit(init)(KEY, shape))
    ratio = W.var() / initializers.get(init).variance(*shape)
    assert abs(ratio - 1) < 5 * np.sqrt(2 / W.size)


@pytest.mark.slow
@pytest.mark.every(5)
@pytest.mark.parametrize(
    ("units", "options"),
    [
        (1, dict(activation="sigmoid")),
        (MOST - 1, dict()),
        (2, dict(activation="softplus", batch_norm="before")),
        (3, dict(activation="sigmoid", batch_norm="after")),
        (4, dict(dropout=0.5)),
    ],
    ids=str,
)
def test_it_trains_as_the_small_network(units, options, x64):
    """Decay and momentum included: what lies beyond stays zero. (Adam would follow the rounding of
    the gradient of a bias before batch normalisation, which is 0.)
    """
    optimizer = (
        optim.momentum(0.05) if "batch_norm" in options else optim.adamw(1e-2, weight_decay=0.1)
    )
    runs = [
        fnn.train(
            net,
            losses.softmax_cross_entropy,
            optimizer,
            BLOBS,
            epochs=4,
            batch_size=16,
            seed=5,
            progress=False,
        )
        for net in pair(units, **options)
    ]
    wide, small = runs
    for name, values in small.history.items():
        np.testing.assert_allclose(wide.history[name], values, rtol=1e-10, err_msg=name)
    weights, expected = ([p.W for p in run.params if hasattr(p, "W")] for run in runs)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8), unpad(weights, expected), expected
    )
    assert beyond(weights, expected) == 0


@pytest.mark.slow
@pytest.mark.every(2)
@pytest.mark.parametrize(
    "options", [dict(activation="tanh"), dict(activation="sigmoid", batch_norm="after")], ids=str
)
def test_its_backward_pass_is_right(options):
    wide, _ = pair(3, **options)
    x, y = BLOBS.train.x[:12], BLOBS.train.y[:12]
    assert fnn.check_network(wide, losses.softmax_cross_entropy, x, y).passed


@pytest.mark.slow
def test_weights_beyond_have_no_effect_and_no_gradient():
    """Whatever they are: an optimizer of others may move them."""
    wide, _ = pair(3, activation="sigmoid")
    params, _ = wide.init(KEY)
    last = params[-1]._replace(W=params[-1].W.at[:, 4:].set(7.0))
    moved = (*params[:-1], last)
    x, y = jnp.asarray(BLOBS.train.x[:12]), BLOBS.train.y[:12]
    value_and_grad = fnn.value_and_grad(wide, losses.softmax_cross_entropy)
    jax.tree.map(
        np.testing.assert_array_equal, value_and_grad(params, x, y), value_and_grad(moved, x, y)
    )


@pytest.mark.long
def test_a_sweep_over_widths_is_one_program():
    def builder(hyper):
        net = fnn.mlp((4, MaskedWidth(hyper["width"], MOST), 3))
        return net, losses.softmax_cross_entropy, optim.adam(hyper["rate"])

    options = dict(epochs=3, batch_size=16, progress=False)
    hyper = {"width": [1, 3, 6], "rate": [1e-3, 1e-2]}
    sweep = fnn.sweep(builder, BLOBS, seeds=[4, 9], hyper=hyper, **options)
    assert len(sweep.retrain.groups) == 1
    for row, setting in enumerate(sweep.settings):
        small = fnn.mlp((4, setting["width"], 3), init=initializers.by_unit("he"))
        alone = fnn.train(
            small,
            losses.softmax_cross_entropy,
            optim.adam(setting["rate"]),
            BLOBS,
            seed=9,
            **options,
        )
        run = sweep.run(row, 9)
        np.testing.assert_allclose(
            run.history["train_loss"], alone.history["train_loss"], rtol=1e-5
        )
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5),
            unpad(run.params, alone.params),
            alone.params,
        )
        logits = fnn.apply(sweep.net(row), run.params, BLOBS.test.x)
        np.testing.assert_allclose(
            logits, fnn.apply(small, alone.params, BLOBS.test.x), rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fnn.mlp((4, MaskedWidth(7, 6), 3)), r"sizes\[1\]: got 7 units of at most 6"),
        (lambda: fnn.mlp((4, MaskedWidth(0, 6), 3)), r"sizes\[1\].units: got 0"),
        (lambda: fnn.mlp((4, MaskedWidth(2, 2.5), 3)), r"sizes\[1\].most: got 2.5"),
        (
            lambda: fnn.mlp((MaskedWidth(2, 4), 3)),
            r"sizes\[0\]: got MaskedWidth.*, expected a whole number; only hidden sizes may be",
        ),
        (
            lambda: fnn.mlp((4, MaskedWidth(2, 4))),
            r"sizes\[1\]: got MaskedWidth.*; only hidden sizes",
        ),
        (
            lambda: unpad(fnn.mlp((4, 3)).init(KEY)[0], fnn.mlp((4, 2, 3)).init(KEY)[0]),
            "wide: has the structure",
        ),
        (
            lambda: unpad({"a": np.ones(3)}, {"a": np.ones(4)}),
            r"wide\['a'\]: \(4,\) does not fit into \(3,\)",
        ),
        (
            lambda: unpad([np.ones(3)], [np.ones((1, 2))]),
            r"wide\[0\]: \(1, 2\) does not fit into \(3,\)",
        ),
        (
            lambda: fnn.mlp((4, MaskedWidth(2, 6), 3), init="orthogonal"),
            "init: got 'orthogonal', which cannot be drawn unit",
        ),
        (
            lambda: fnn.mlp((4, MaskedWidth(2, 6), 3), activation="softmax"),
            "activation: softmax couples the units",
        ),
        (lambda: initializers.by_unit("zeros"), "init: got 'zeros'"),
        (
            lambda: fnn.apply(PADDED, PADDED.init(KEY)[0], np.ones((5, 3))),
            "x: got 3 features, expected 4",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_numbers_of_numpy_and_a_rule_that_draws_by_unit_are_taken():
    one, other = (
        fnn.mlp((4, MaskedWidth(units, most), 3), init=init)
        for units, most, init in [
            (2, 6, "he"),
            (np.int64(2), np.int64(6), initializers.by_unit("he")),
        ]
    )
    jax.tree.map(np.testing.assert_array_equal, one.init(KEY), other.init(KEY))


def test_a_width_is_no_part_of_a_tuple_of_sizes():
    """As a tuple it would be two layers in (4, *MaskedWidth(2, 6), 3)."""
    with pytest.raises(TypeError):
        (4, *MaskedWidth(2, 6), 3)


def test_a_width_beyond_the_room_is_refused_before_anything_is_compiled():
    def builder(hyper):
        return (
            fnn.mlp((4, MaskedWidth(hyper["width"], MOST), 3)),
            losses.softmax_cross_entropy,
            optim.adam(1e-3),
        )

    with pytest.raises(ValueError, match=r"setting 1, .*got 7 units of at most 6"):
        fnn.sweep(
            builder,
            BLOBS,
            epochs=1,
            batch_size=16,
            seeds=[0],
            hyper={"width": [3, 7]},
            progress=False,
        )


def test_units_are_not_drawn_apart_from_the_old_generator():
    with (
        jax.threefry_partitionable(False),
        pytest.raises(ValueError, match="jax_threefry_partitionable"),
    ):
        initializers.by_unit("he")(KEY, (3, 2))
