"""`fnn.metrics` against scikit-learn and by hand, and metrics in the history of a run."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

import fnn
from fnn import losses, metrics, optim
from fnn.runs import evaluate
from tests.problems import blobs, line

CE = losses.softmax_cross_entropy
NET = fnn.mlp((3, 8, 3))


def quick(net=NET, loss=CE, dataset=None, **options):
    options = {"epochs": 3, "batch_size": 10, "progress": False} | options
    return fnn.train(net, loss, optim.adam(1e-2), dataset or blobs(), **options)


def recall_of_class_0(prediction, target):
    return jnp.sum((jnp.argmax(prediction, 1) == 0) & (target == 0)) / jnp.sum(target == 0)


@pytest.mark.parametrize("outputs", [1, 3])
def test_r2_and_rmse_are_those_of_scikit_learn(x64, outputs):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(50, outputs))
    prediction = y + 0.5 * rng.normal(size=y.shape)
    given = jnp.array(prediction), jnp.array(y)
    expected = sklearn_metrics.r2_score(y, prediction)
    assert float(metrics.r2(*given)) == pytest.approx(expected, 1e-12)
    expected = np.sqrt(sklearn_metrics.mean_squared_error(y, prediction))
    assert float(metrics.rmse(*given)) == pytest.approx(expected, 1e-12)


@pytest.mark.parametrize(("shift", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_r2_of_a_target_that_does_not_vary(shift, expected):
    y = np.full((5, 1), 3.0, np.float32)
    assert sklearn_metrics.r2_score(y, y + shift) == expected
    assert float(metrics.r2(jnp.array(y + shift), jnp.array(y))) == expected


def test_a_target_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"target of shape \(4,\).* prediction of shape \(4, 2\)"):
        metrics.rmse(jnp.ones((4, 2)), jnp.ones(4))


def test_regression_has_r2_and_rmse_beside_the_loss():
    dataset = line()
    run = quick(fnn.mlp((1, 8, 1)), losses.squared_error, dataset)
    names = {"loss", "rmse", "r2"}
    expected = {f"{split}_{name}" for split in ("validation", "test") for name in names}
    assert set(run.history) == expected | {"train_loss"}
    prediction = fnn.apply(fnn.mlp((1, 8, 1)), run.params, dataset.test.x)
    r2 = sklearn_metrics.r2_score(dataset.test.y, prediction[:, 0])
    assert run.final("test_r2") == pytest.approx(r2, rel=1e-5)
    assert run.final("test_rmse") == pytest.approx(np.sqrt(run.final("test_loss")), rel=1e-5)


def test_one_output_and_a_vector_are_compared_entry_by_entry():
    """(n, 1) − (n,) would be (n, n), and its mean a number too."""
    dataset, net = line(), fnn.mlp((1, 8, 1))
    metric = {"mae": lambda prediction, target: jnp.mean(jnp.abs(prediction - target))}
    run = quick(net, losses.squared_error, dataset, metrics=metric)
    prediction = fnn.apply(net, run.params, dataset.test.x)[:, 0]
    assert run.final("test_mae") == pytest.approx(np.abs(prediction - dataset.test.y).mean(), 1e-5)


def test_a_loss_of_ones_own_may_have_other_outputs_than_the_target():
    """A Gaussian's mean and log σ² for one number."""

    def forward(prediction, target):
        mean, log_variance = prediction
        return log_variance + (target - mean) ** 2 * jnp.exp(-log_variance)

    def backward(prediction, target):
        mean, log_variance = prediction
        error, precision = target - mean, jnp.exp(-log_variance)
        return jnp.stack([-2 * error * precision, 1 - error**2 * precision])

    loss = fnn.Loss("gaussian", forward, backward)
    run = quick(fnn.mlp((1, 8, 2)), loss, line())
    assert set(run.history) == {"train_loss", "validation_loss", "test_loss"}


@pytest.mark.slow
def test_the_order_of_metrics_does_not_matter():
    both = {"f": recall_of_class_0, "g": lambda prediction, target: prediction.mean()}
    run = quick(metrics=both)
    again = quick(metrics=dict(reversed(both.items())), start=run, epochs=4)
    assert again.stopped_epoch == 3


def test_what_is_never_a_number_is_warned_of():
    with pytest.warns(UserWarning, match="validation_nan was never a finite number"):
        run = quick(
            metrics={"nan": lambda p, y: p.mean() * jnp.nan}, monitor="validation_nan", mode="min"
        )
    assert run.best_epoch == -1


def test_a_metric_of_ones_own_is_in_the_history():
    dataset = blobs()
    run = quick(metrics={"recall": recall_of_class_0})
    assert "train_recall" not in run.history
    for split in ("validation", "test"):
        x, y = dataset.splits[split]
        guess = np.argmax(fnn.apply(NET, run.params, x), axis=1)
        expected = sklearn_metrics.recall_score(y == 0, guess == 0)
        assert run.final(f"{split}_recall") == pytest.approx(expected)


@pytest.mark.slow
def test_of_the_training_split_if_asked():
    """It is that of the network after the epoch; the loss stays that of the epoch as trained."""
    dataset = blobs()
    run = quick(metrics={"recall": recall_of_class_0}, train_metrics=True)
    guess = np.argmax(fnn.apply(NET, run.params, dataset.train.x), axis=1)
    expected = sklearn_metrics.recall_score(dataset.train.y == 0, guess == 0)
    assert run.final("train_recall") == pytest.approx(expected)
    np.testing.assert_array_equal(run.history["train_loss"], quick().history["train_loss"])


def test_it_sees_a_split_that_is_evaluated_in_chunks(monkeypatch):
    whole = quick(metrics={"recall": recall_of_class_0})
    monkeypatch.setattr(evaluate, "CHUNK", 4)
    fnn.runs.engine.clear_caches()
    chunked = quick(metrics={"recall": recall_of_class_0})
    for name, values in whole.history.items():
        np.testing.assert_allclose(chunked.history[name], values, rtol=1e-6)


@pytest.mark.slow
def test_a_sweep_has_them_too():
    given = {"epochs": 3, "batch_size": 10, "metrics": {"recall": recall_of_class_0}}
    sweep = fnn.sweep(
        lambda hyper: (NET, CE, optim.adam(1e-2)), blobs(), seeds=[0, 1], progress=False, **given
    )
    np.testing.assert_array_equal(
        sweep.history["test_recall"][0, 1], quick(seed=1, **given).history["test_recall"]
    )
    (row,) = sweep.summary("test_recall").rows
    assert not row["high"] > 1  # NaN where all seeds have the same


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"f1": 3}, r"metrics\['f1'\]: got 3, expected a function"),
        ({"loss": recall_of_class_0}, "metrics: got the name 'loss'"),
        ({"a b": recall_of_class_0}, "metrics: got the name 'a b'"),
        ([recall_of_class_0], "metrics: got .*expected a dict"),
        ({"f": lambda p, y: p}, r"metrics\['f'\]: returned shape \(9, 3\), expected one number"),
        ({"f": lambda p, y: (p, y)}, r"metrics\['f'\]: returned tuple"),
        ({"f": lambda p: p}, r"metrics\['f'\]: .*positional argument.*f\(prediction, target\)"),
        ({"f": lambda p, y: jnp.mean(p[y > 0])}, r"metrics\['f'\]: raises NonConcreteBoolean"),
        ({"f": lambda p, y: 1j * p.mean()}, r"metrics\['f'\]: returned a complex number"),
        ({"test_f1": recall_of_class_0}, "does not begin with a split"),
        ({"rmse": recall_of_class_0}, "metrics: got the name 'rmse'"),
        (
            {"f": lambda p, y: sklearn_metrics.f1_score(y, np.argmax(p, 1))},
            r"metrics\['f'\]: <lambda> \(test_metrics.py, line .* Write it with jax.numpy",
        ),
    ],
)
def test_what_is_no_metric_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        quick(metrics=given)


@pytest.mark.parametrize("metric", [metrics.rmse, metrics.r2])
def test_an_example_without_weight_counts_nothing_however_large(metric):
    """Its square is infinite in float32, and 0 · ∞ is no number."""
    y_hat, y = jnp.array([1.0, 2.0, 3e30]), jnp.array([1.5, 2.5, -3e30])
    weighted = metric(y_hat, y, jnp.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(weighted, metric(y_hat[:2], y[:2]), rtol=1e-6)


def weighted():
    dataset = blobs()
    weights = [1.0 + np.arange(len(split.x)) % 3 for split in dataset.splits.values()]
    return dataset._replace(weights=fnn.data.Weights(*weights))


def test_a_metric_that_is_not_told_the_weights_is_named():
    def share(prediction, target):
        return jnp.mean(jnp.argmax(prediction, 1) == target)

    with pytest.warns(UserWarning, match=r"metrics\['share'\]: the examples have weights.*third"):
        quick(dataset=weighted(), metrics={"share": share})


def test_a_metric_may_demand_the_weights():
    def total(prediction, target, weights):
        return jnp.sum(weights)

    dataset = weighted()
    run = quick(dataset=dataset, metrics={"total": total})
    assert run.final("test_total") == dataset.weights.test.sum()
    with pytest.raises(ValueError, match=r"metrics\['total'\]: raises TypeError.*weights"):
        quick(metrics={"total": total})


def test_the_error_of_a_metric_ends_as_a_sentence():
    with pytest.raises(ValueError, match=r"division by zero\. It is called as f"):
        quick(metrics={"m": lambda prediction, target: 1 / 0})
