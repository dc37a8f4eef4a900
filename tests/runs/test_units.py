"""Targets that were scaled: metrics are in their units, losses are those of the scaled targets."""

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


def trained(dataset, **options):
    return fnn.train(
        NET,
        losses.squared_error,
        optim.adam(1e-2),
        dataset,
        epochs=20,
        batch_size=10,
        progress=False,
        metrics={"mae": mean_error},
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
    std = float(dataset.encoding.units.std)
    np.testing.assert_allclose(
        run.final("test_rmse") / std, run.final("test_loss") ** 0.5, rtol=1e-4
    )
    assert 0.5 < run.final("test_r2") <= 1


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
