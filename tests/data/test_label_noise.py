"""Label noise: the right share of labels, of other classes only, the same for a run alone and in
a sweep.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import data, losses, optim
from fnn.runs.keys import run_keys
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), activation="tanh")
CE = losses.softmax_cross_entropy
LABELS = jnp.arange(30_000, dtype=jnp.int32) % 10


def noisy(rate, seed=0):
    x = jnp.zeros((len(LABELS), 1))
    kept, y = data.label_noise(rate, 10)(jax.random.key(seed), x, LABELS)
    assert kept is x
    return np.asarray(y)


def test_a_share_of_the_labels_becomes_another_class_all_equally():
    rate, y = 0.3, noisy(0.3)
    wrong = y != LABELS
    assert abs(wrong.mean() - rate) < 4 * np.sqrt(rate * (1 - rate) / len(y))
    distance = np.bincount((y - np.asarray(LABELS))[wrong] % 10, minlength=10)
    assert distance[0] == 0
    each = wrong.sum() / 9
    assert np.all(np.abs(distance[1:] - each) < 4.5 * np.sqrt(each))


def test_rate_zero_changes_nothing_and_a_higher_rate_changes_more_of_the_same():
    few, many = noisy(0.1), noisy(0.4)
    chex.assert_trees_all_equal(noisy(0.0), np.asarray(LABELS))
    turned = few != np.asarray(LABELS)
    assert turned.any()
    chex.assert_trees_all_equal(few[turned], many[turned])


def test_a_run_trains_on_the_labels_of_its_seed():
    """Equal to a run on data that hold those labels already."""
    d, seed, noise, options = (
        blobs(),
        5,
        data.label_noise(0.5, 3),
        {"epochs": 4, "batch_size": 10, "progress": False},
    )
    _, y = noise(run_keys(np.uint32(seed)).data, *map(jnp.asarray, d.train))
    assert np.any(y != d.train.y)
    by_hand = d._replace(train=d.train._replace(y=np.asarray(y)))
    run = fnn.train(NET, CE, optim.adam(1e-2), d, seed=seed, transform_train=noise, **options)
    expected = fnn.train(NET, CE, optim.adam(1e-2), by_hand, seed=seed, **options)
    chex.assert_trees_all_close(run.params, expected.params, rtol=1e-6)
    chex.assert_trees_all_close(run.history, expected.history, rtol=1e-6)


@pytest.mark.long
def test_a_sweep_over_rates_is_one_program_and_each_run_is_that_of_train():
    d, options = blobs(), {"epochs": 4, "batch_size": 10, "progress": False}

    def builder(hyper):
        return NET, CE, optim.adam(1e-2), data.label_noise(hyper["rate"], 3)

    sweep = fnn.sweep(builder, d, seeds=range(3), hyper={"rate": [0.0, 0.5]}, **options)
    assert len(sweep.retrain.groups) == 1
    for row, rate in enumerate((0.0, 0.5)):
        run = fnn.train(
            NET,
            CE,
            optim.adam(1e-2),
            d,
            seed=2,
            transform_train=data.label_noise(rate, 3),
            **options,
        )
        chex.assert_trees_all_close(sweep.run(row, 2).params, run.params, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("transform_train", "message"),
    [
        (0.3, r"transform_train: got 0\.3, expected a function \(key, x, y\) -> \(x, y\)"),
        (
            lambda x, y: (x, y),
            r"transform_train: .*positional.*called as transform_train\(key, x, y\)",
        ),
        (
            lambda key, x, y: (x[:5], y),
            r"transform_train: returned \(5, 3\) float32.*expected x and y as they came",
        ),
        (
            lambda key, x, y: (x, y.astype(float)),
            r"transform_train: returned .*\(42,\) float32; expected",
        ),
        (lambda key, x, y: x, r"transform_train: returned .*expected x and y as they came"),
    ],
)
def test_what_transform_train_may_not_be(transform_train, message):
    with pytest.raises(ValueError, match=message):
        fnn.train(
            NET,
            CE,
            optim.adam(1e-2),
            blobs(),
            epochs=1,
            batch_size=10,
            transform_train=transform_train,
            progress=False,
        )


@pytest.mark.parametrize(
    ("rate", "classes", "message"),
    [
        (1.0, 3, r"rate: got 1\.0"),
        (-0.1, 3, "rate: got -0.1"),
        (0.1, 1, "classes: got 1"),
        (0.1, 2.0, "classes: got"),
    ],
)
def test_refusals(rate, classes, message):
    with pytest.raises(ValueError, match=message):
        data.label_noise(rate, classes)


def test_targets_that_are_no_labels_are_refused():
    with pytest.raises(
        ValueError, match="label_noise: got targets of dtype float32, expected integer"
    ):
        data.label_noise(0.1, 3)(jax.random.key(0), jnp.zeros((4, 1)), jnp.zeros(4))
