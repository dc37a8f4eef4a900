"""Targets that were scaled: the history has losses and metrics in their units."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import data, losses, optim
from fnn.runs.train import advice_on_scales

N = 60
X = np.random.default_rng(0).normal(size=(N, 3))
PRICES = 2e5 + 3e4 * (X[:, 0] + np.sin(X[:, 1]))
NET = fnn.mlp((3, 8, 1))


def table():
    return {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "price": PRICES}


def mean_error(prediction, target):
    return jnp.mean(jnp.abs(prediction - target))


def trained(dataset, net=NET, metric=("mae", mean_error), **options):
    return fnn.train(
        net,
        losses.squared_error,
        optim.adam(1e-2),
        dataset,
        epochs=20,
        batch_size=10,
        progress=False,
        metrics=dict([metric]),
        **options,
    )


def test_metrics_are_in_the_units_of_the_target():
    dataset = data.from_frame(table(), "price")
    run = trained(dataset)
    predicted = dataset.decode(fnn.apply(NET, run.params, dataset.test.x))
    actual = dataset.decode(dataset.test.y[:, None])
    rmse = np.sqrt(np.mean((predicted - actual) ** 2))
    np.testing.assert_allclose(run.final("test_rmse"), rmse, rtol=1e-4)
    np.testing.assert_allclose(run.final("test_mae"), np.abs(predicted - actual).mean(), rtol=1e-4)
    np.testing.assert_allclose(run.final("test_loss"), rmse**2, rtol=1e-4)
    assert 0.5 < run.final("test_r2") <= 1
    assert "in the units of price" in repr(run)


@pytest.mark.every(1)
@pytest.mark.parametrize("of", [("price",), ("price", "rent")])
@pytest.mark.parametrize("weighted", [False, True])
def test_squared_and_absolute_errors_of_one_target_are_in_its_units(of, weighted):
    """After one epoch in one batch, at a rate that changes nothing; of two they stay scaled."""
    frame = table() | {"rent": 10 * X[:, 1]}
    frame = {name: frame[name] for name in ("a", "b", "c", *of)}
    counts = np.arange(1.0, N + 1) if weighted else None
    dataset = data.from_frame(frame, of, weights=counts)
    net = fnn.mlp((3, 8, len(of)))
    factor = float(dataset.encoding.units.std) if len(of) == 1 else 1.0
    given = [(losses.squared_error, 2), (losses.absolute_error, 1), (losses.huber(1e3), None)]
    for loss, power in given:
        run = fnn.train(
            net, loss, optim.sgd(1e-30), dataset, epochs=1, batch_size=42, progress=False
        )
        for name, split in dataset.splits.items():
            output = fnn.apply(net, run.params, split.x)
            each = loss.value(output, split.y)
            if power is not None:
                each = each * factor**power
            w = None if counts is None else getattr(dataset.weights, name)
            value = run.history[f"{name}_loss"][0]
            np.testing.assert_allclose(value, np.average(each, weights=w), rtol=1e-4)


def test_a_large_mean_rounds_no_error_away():
    y = 1e6 + 0.1 * (X[:, 0] + X[:, 1])
    dataset = data.from_frame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "price": y}, "price")
    run = trained(dataset)
    std = float(dataset.encoding.units.std)
    errors = std * (np.asarray(fnn.apply(NET, run.params, dataset.test.x))[:, 0] - dataset.test.y)
    np.testing.assert_allclose(run.final("test_loss"), np.mean(errors**2), rtol=1e-4)
    np.testing.assert_allclose(run.final("test_rmse"), np.sqrt(np.mean(errors**2)), rtol=1e-4)
    values = np.asarray(dataset.test.y)
    r2 = 1 - np.mean((errors / std) ** 2) / np.var(values)
    np.testing.assert_allclose(run.final("test_r2"), r2, rtol=1e-4)


@pytest.mark.slow
def test_tables_say_in_whose_units():
    def build(hyper):
        return NET, losses.squared_error, optim.adam(1e-2)

    options = {"epochs": 2, "batch_size": 10, "seeds": [0, 1], "progress": False}
    sweep = fnn.sweep(build, data.from_frame(table(), "price"), **options)
    assert "in the units of price;" in str(sweep.summary("validation_loss"))
    assert "units" not in str(sweep.summary("validation_r2"))
    plain = fnn.sweep(build, data.from_arrays(X, X[:, 0]), **options)
    assert "units" not in str(plain.summary("validation_loss"))


def test_targets_whose_squares_are_beyond_float32_are_refused():
    with pytest.raises(
        ValueError, match=r"column 'price': got a value of magnitude 2.*squared err"
    ):
        data.from_frame(table() | {"price": 1e15 * PRICES}, "price")


@pytest.mark.slow
def test_a_sweep_and_going_on_know_the_units(tmp_path):
    dataset = data.from_frame(table(), "price")
    run = trained(dataset, checkpoint=tmp_path / "run")

    def build(hyper):
        return NET, losses.squared_error, optim.adam(hyper["learning_rate"])

    sweep = fnn.sweep(
        build,
        dataset,
        epochs=20,
        batch_size=10,
        seeds=[0],
        hyper={"learning_rate": [1e-2]},
        progress=False,
    )
    np.testing.assert_allclose(
        sweep.run(0, 0).final("test_rmse"), run.final("test_rmse"), rtol=1e-2
    )
    units = dataset.encoding.units._replace(std=2 * dataset.encoding.units.std)
    other = dataset._replace(encoding=dataset.encoding._replace(units=units))
    with pytest.raises(ValueError, match=r"units\.std"):
        trained(other, checkpoint=tmp_path / "run")


def test_a_dataset_is_a_tree_of_its_arrays():
    dataset = data.from_frame(table(), "price")
    mapped = jax.tree.map(jnp.asarray, dataset)
    assert mapped.encoding is dataset.encoding
    assert isinstance(mapped.train.x, jax.Array)
    jax.tree.map(lambda one, other: None, dataset, mapped)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:y. got targets")
def test_advice_at_divergence_looks_at_both_scales():
    dataset = data.from_arrays(X, PRICES)
    with pytest.warns(UserWarning, match=r"diverged.*scale y \(up to [23]\.\d+e\+05\), or clip"):
        fnn.train(
            NET,
            losses.squared_error,
            optim.sgd(1.0),
            dataset,
            epochs=3,
            batch_size=10,
            progress=False,
        )
    assert advice_on_scales(data.from_frame(table(), "price")) == ""
    far = data.from_arrays(100 * X, X[:, 0], standardize=False)
    assert advice_on_scales(far).startswith("scale x (up to ")


def test_several_targets_have_no_unit_in_common():
    """Their RMSE is that of the scaled targets; one target's is a metric of one's own."""
    both = table() | {"rate": 0.05 + 0.01 * X[:, 1]}
    dataset = data.from_frame(both, ["price", "rate"])

    def rmse_of_price(prediction, target):
        return fnn.metrics.rmse(prediction[:, 0], target[:, 0])

    net = fnn.mlp((3, 8, 2))
    run = trained(dataset, net, ("rmse_of_price", rmse_of_price))
    x, y = dataset.test
    scaled = np.asarray(fnn.apply(net, run.params, x)) - y
    assert run.final("test_rmse") == pytest.approx(np.sqrt(np.mean(scaled**2)), rel=1e-5)
    of_price = np.sqrt(np.mean(scaled[:, 0] ** 2)) * dataset.encoding.units.std[0]
    assert run.final("test_rmse_of_price") == pytest.approx(of_price, rel=1e-4)
    assert dataset.encoding.in_units("test_rmse") == "of the scaled targets"
    own = dataset.encoding.in_units("test_rmse_of_price")
    assert own == "of values in the units of price, rate"
    assert "rmse of the scaled targets" in repr(run)
