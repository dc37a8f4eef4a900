"""Example weights in training, evaluation and metrics: whole numbers are repeated rows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import data, layers, losses, metrics, optim, penalties
from fnn.data import Dataset, Split, Weights

RNG = np.random.default_rng(0)
N = 24
COUNTS = RNG.integers(0, 4, N)


def split(n, classes=3):
    return Split(RNG.normal(size=(n, 4)), RNG.integers(0, classes, n).astype(np.int32))


TRAIN, HELD = split(N), split(10)
HELD_COUNTS = np.array([1, 2, 3, 1, 1, 2, 0, 1, 5, 1])
NET = fnn.mlp((4, 8, 3))


def repeated(rows, counts):
    return Split(*(np.repeat(array, counts, axis=0) for array in rows))


def weighted(train=TRAIN, counts=COUNTS, held=HELD, held_counts=HELD_COUNTS):
    weights = Weights(*(w.astype(float) for w in (counts, held_counts, held_counts)))
    return Dataset(train, held, held, weights=weights)


def trained(dataset, batch_size, net=NET, loss=losses.softmax_cross_entropy, epochs=5, **options):
    with jax.enable_x64(True):
        return fnn.train(
            net,
            loss,
            options.pop("optimizer", optim.adam(1e-2)),
            dataset,
            epochs=epochs,
            batch_size=batch_size,
            progress=False,
            **options,
        )


def assert_same(one, other, rtol=1e-12):
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(other.params), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)
    for name in one.history:
        np.testing.assert_allclose(
            one.history[name], other.history[name], rtol=rtol, atol=1e-12, err_msg=name
        )


@pytest.mark.every(1)
@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_whole_number_weights_are_repeated_rows(penalty):
    """In full batches; the balance to a penalty is kept too."""
    loss = losses.softmax_cross_entropy
    loss = penalties.penalized(loss, penalties.l2(penalty)) if penalty else loss
    same = Dataset(repeated(TRAIN, COUNTS), *2 * (repeated(HELD, HELD_COUNTS),))
    one = trained(weighted(), N, loss=loss, train_metrics=True)
    other = trained(same, int(COUNTS.sum()), loss=loss, train_metrics=True)
    assert_same(one, other)


@pytest.mark.slow
def test_metrics_of_regression_are_weighted():
    y = RNG.normal(size=N)
    train, held = Split(TRAIN.x, y), Split(HELD.x, RNG.normal(size=10))
    same = Dataset(repeated(train, COUNTS), *2 * (repeated(held, HELD_COUNTS),))
    net = fnn.mlp((4, 6, 1))

    def mean_of_squares(prediction, target, weights=None):
        return jnp.average((prediction - target) ** 2, weights=weights)

    options = {"net": net, "loss": losses.squared_error, "metrics": {"mse": mean_of_squares}}
    one = trained(weighted(train, held=held), N, **options)
    other = trained(same, int(COUNTS.sum()), **options)
    assert "validation_r2" in one.history
    assert_same(one, other)


def test_a_constant_target_among_those_that_count_has_no_variance():
    prediction, target = jnp.array([1.0, 2.0, 9.0]), jnp.array([1.0, 1.0, 5.0])
    assert float(metrics.r2(prediction, target, jnp.array([1.0, 0.0, 0.0]))) == 1.0


def test_the_scale_of_weights_does_not_matter_and_equal_ones_are_none():
    dataset = weighted()
    scaled = dataset._replace(weights=Weights(*(7 * w for w in dataset.weights)))
    assert_same(trained(dataset, 5), trained(scaled, 5))
    equal = dataset._replace(weights=Weights(*(np.full(len(w), 3.0) for w in dataset.weights)))
    assert_same(trained(dataset._replace(weights=None), 5), trained(equal, 5))


@pytest.mark.parametrize("batch_size", [4, 5])
def test_a_batch_of_zero_weight_changes_nothing(batch_size):
    """Neither by momentum nor by a penalty: all but one row count nothing."""
    counts = np.zeros(N, int)
    counts[3] = 1
    loss = penalties.penalized(losses.softmax_cross_entropy, penalties.l2(0.1))
    run = trained(weighted(counts=counts), batch_size, loss=loss, epochs=1)
    steps = [leaf for leaf in jax.tree.leaves(run.optimizer_state) if leaf.dtype.kind == "i"]
    assert steps
    assert [int(step) for step in steps] == [1] * len(steps)


@pytest.mark.slow
@pytest.mark.parametrize("per_example", [True, False])
def test_minibatches_visit_every_weight_once(per_example):
    """A short last batch, filled up or of its own shape: the epoch's loss is the weighted mean."""
    net = NET if per_example else layers.serial(layers.batch_norm(4), NET)
    still = {"optimizer": optim.sgd(1e-30), "net": net, "train_metrics": True}
    run = trained(weighted(), 5, epochs=1, **still)
    if per_example:
        again = trained(weighted(), N, epochs=1, **still)
        np.testing.assert_allclose(
            run.history["train_loss"], again.history["train_loss"], rtol=1e-12
        )
    assert np.isfinite(run.history["train_loss"][0])


@pytest.mark.slow
def test_a_sweep_has_the_weights_of_a_run():
    def build(hyper):
        return NET, losses.softmax_cross_entropy, optim.sgd(hyper["learning_rate"])

    with jax.enable_x64(True):
        sweep = fnn.sweep(
            build,
            weighted(),
            epochs=3,
            batch_size=5,
            seeds=[0, 1],
            hyper={"learning_rate": [0.1, 0.2]},
            progress=False,
        )
    run = trained(weighted(), 5, epochs=3, optimizer=optim.sgd(0.2), seed=1)
    found = sweep.run(1, 1)
    np.testing.assert_allclose(
        found.history["validation_loss"], run.history["validation_loss"], rtol=1e-9
    )


def test_a_run_goes_on_only_with_the_same_weights(tmp_path):
    dataset = weighted()
    run = trained(dataset, 5, epochs=2, checkpoint=tmp_path / "run")
    assert trained(dataset, 5, epochs=3, start=run).stopped_epoch == 2
    other = dataset._replace(weights=dataset.weights._replace(train=COUNTS + 1.0))
    with pytest.raises(ValueError, match=r"train\.weights"):
        trained(other, 5, epochs=3, start=run)
    with pytest.raises(ValueError, match="weights"):
        trained(dataset._replace(weights=None), 5, epochs=3, start=run)
    with pytest.raises(ValueError, match=r"train\.weights"):
        trained(other, 5, epochs=2, checkpoint=tmp_path / "run")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((1.0, 2.0), r"got tuple, expected fnn\.data\.Weights"),
        (Weights(np.ones(3), np.ones(10), np.ones(10)), r"weights.train: got shape \(3,\)"),
        (Weights(np.ones(N), -np.ones(10), np.ones(10)), r"weights\.validation: expected numbers"),
        (Weights(np.ones(N), np.ones(10), np.zeros(10)), r"weights\.test: expected .* one above 0"),
        (Weights(list(np.ones(N)), np.ones(10), np.ones(10)), r"weights\.train: got list"),
    ],
)
def test_weights_that_are_none_are_refused(weights, message):
    dataset = Dataset(TRAIN, HELD, HELD, weights=weights)
    with pytest.raises(ValueError, match=message):
        trained(dataset, 5)


@pytest.mark.slow
def test_the_gradient_of_a_batch_is_that_of_the_checker():
    """The same loss as `value_and_grad` with weights whose mean is 1."""
    with jax.enable_x64(True):
        w = COUNTS / COUNTS.mean()
        params, _ = NET.init(jax.random.key(0))
        report = fnn.check_network(
            NET, losses.softmax_cross_entropy, TRAIN.x, TRAIN.y, params=params, weights=w
        )
    assert report.passed


def test_data_repr_names_weights():
    assert "train (24,) float64" in repr(weighted().weights)
    assert isinstance(data.Weights, type)


@pytest.mark.slow
def test_an_example_of_weight_0_may_have_an_infinite_loss():
    """A probability of exactly 0 for the right class: in training, evaluation and gradients."""

    def forward(params, state, x, *, key=None, train=False):
        return x + params, state, ()

    net = fnn.Layer(
        lambda key: (jnp.zeros(()), ()),
        forward,
        lambda params, residuals, dy: (jnp.sum(dy), dy),
        "plus a number",
    )
    x = np.array([[0.25, 0.75], [0.5, 0.5], [0.0, 1.0]], np.float32)
    rows = Split(x, np.array([1, 0, 0], np.int32))
    loss = losses.categorical_cross_entropy
    counts = np.array([1.0, 2.0, 0.0])
    value, grads = fnn.value_and_grad(net, loss)(jnp.zeros(()), *rows, weights=counts)
    expected, its_grads = fnn.value_and_grad(net, loss)(
        jnp.zeros(()), x[:2], rows.y[:2], weights=counts[:2]
    )
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(grads, its_grads, rtol=1e-6)
    dataset = Dataset(rows, rows, rows, weights=Weights(counts, counts, counts))
    run = fnn.train(net, loss, optim.sgd(1e-3), dataset, epochs=2, batch_size=3, progress=False)
    assert not run.diverged
    assert all(np.isfinite(values).all() for values in run.history.values())
