"""Runs of which no epoch is the best do not answer as if they were trained."""

import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import data, losses, optim

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3))
DATASET = data.from_arrays(X, (X[:, 0] > 0).astype(int))
NET = fnn.mlp((3, 4, 2))
LOSS = losses.softmax_cross_entropy
OPTIONS = {"epochs": 2, "batch_size": 8, "progress": False}


def diverging(hyper):
    return NET, LOSS, optim.sgd(hyper["rate"])


def adam(hyper):
    return NET, LOSS, optim.adam(0.1)


def not_always_finite(prediction, target):
    """Return NaN for some seeds."""
    return jnp.where(prediction[0, 0] > 0, jnp.nan, jnp.mean(prediction))


MONITORED = {
    "metrics": {"f1": not_always_finite},
    "monitor": "validation_f1",
    "mode": "max",
}


@pytest.mark.filterwarnings("ignore:train. the run diverged")
def test_a_run_that_diverged_at_once_does_not_predict():
    run = fnn.train(NET, LOSS, optim.sgd(1e38), DATASET, **OPTIONS)
    with pytest.raises(ValueError, match=r"the run diverged in its first epoch.*run\.params"):
        run.predict(X[:3])


def test_a_sweep_without_a_best_run_says_so():
    sweep = fnn.sweep(diverging, DATASET, seeds=range(2), hyper={"rate": [1e38]}, **OPTIONS)
    with pytest.raises(ValueError, match="predict: setting 0 has no run with a finite validation_"):
        sweep.predict(X[:3], setting=0)
    with pytest.raises(ValueError, match="predict: all 2 runs of setting 0 diverged"):
        sweep.predict(X[:3], "mean", setting=0)
    with pytest.warns(UserWarning, match="predict: no epoch is the best in 2 runs"):
        assert sweep.predict(X[:3], "all").shape == (1, 2, 3)


def test_a_monitored_metric_that_was_never_finite_is_told_and_left_out():
    with pytest.warns(UserWarning, match=r"validation_f1 was never a finite number in \d of 6"):
        sweep = fnn.sweep(adam, DATASET, seeds=range(6), **MONITORED, **OPTIONS)
    has_best = sweep.best_epoch[0] >= 0
    assert 0 < has_best.sum() < 6
    (row,) = sweep.summary().rows
    assert row["n"] == has_best.sum()
    values = sweep.at("validation_f1")[0, has_best]
    assert row["mean"] == pytest.approx(values.mean(), rel=1e-6)
    with pytest.warns(UserWarning, match="runs diverged or have no best epoch, and are left out"):
        mean = sweep.predict(X[:5], "mean", probabilities=True)
    alone = []
    for seed in np.flatnonzero(has_best).tolist():
        run = sweep.run(0, seed=seed)
        alone.append(run.predict(X[:5], probabilities=True))
    np.testing.assert_allclose(mean, np.mean(alone, axis=0), rtol=1e-5)
