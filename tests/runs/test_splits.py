"""Sweeps over splits of the same rows: each run is that of its split alone."""

import csv
import pickle

import jax
import numpy as np
import pytest
from sklearn.model_selection import KFold

import fnn
from fnn import data, layers, losses, optim
from fnn.runs.covered import interval_over
from tests.data.tables import table

RNG = np.random.default_rng(0)
N = 63
X = RNG.normal(size=(N, 3))
LABELS = (X[:, 0] + X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
REAL = X @ [1.0, 2.0, -1.0] + 0.1 * RNG.normal(size=N)
OPTIONS = {"epochs": 4, "batch_size": 8, "progress": False}
EQUAL = data.from_arrays(X, LABELS, splits=3)
UNEQUAL = data.from_arrays(X, LABELS, splits=KFold(4, shuffle=True, random_state=0))


def classifier(hyper):
    return fnn.mlp((3, 8, 3)), losses.softmax_cross_entropy, optim.sgd(hyper["rate"])


def normalised(hyper):
    net = layers.serial(
        layers.dense(3, 8), layers.batch_norm(8), layers.activation("relu"), layers.dense(8, 3)
    )
    return net, losses.softmax_cross_entropy, optim.sgd(hyper["rate"])


def regressor(hyper):
    return fnn.mlp((3, 8, 1)), losses.squared_error, optim.sgd(hyper["rate"])


def sweep(datasets, builder=classifier, **options):
    given = {"seeds": [3, 1], "hyper": {"rate": [0.1, 0.01]}, **OPTIONS}
    return fnn.sweep(builder, datasets, **given | options)


def alone(builder, dataset, seed, rate):
    return fnn.train(*builder({"rate": rate}), dataset, seed=seed, **OPTIONS)


def assert_equal(run, other, rtol=2e-6):
    for mine, its in zip(
        jax.tree.leaves((run.params, run.best_params, run.history)),
        jax.tree.leaves((other.params, other.best_params, other.history)),
        strict=True,
    ):
        np.testing.assert_allclose(mine, its, rtol=rtol, atol=rtol / 10)


@pytest.mark.every(1)
@pytest.mark.parametrize(
    ("builder", "datasets"),
    [
        (classifier, EQUAL),
        (classifier, UNEQUAL),
        (normalised, UNEQUAL),
        (regressor, data.from_arrays(X, REAL, splits=KFold(4))),
        (regressor, data.from_arrays(X, REAL, splits=3, weights=RNG.uniform(0.5, 2, N))),
        (regressor, data.from_frame({"x": X[:, 0], "z": X[:, 1], "w": X[:, 2], "y": 1e5 * REAL},
                                    "y", splits=3)),
    ],
    ids=["equal", "unequal", "batch_norm", "regression", "weights", "units"],
)  # fmt: skip
def test_a_run_is_that_of_its_split_alone(builder, datasets, x64):
    made = sweep(datasets, builder)
    assert made.finished.all()
    assert made.finished.shape == (2, 2 * len(datasets))
    for split, dataset in enumerate(datasets):
        assert_equal(made.run(1, 3, split), alone(builder, dataset, 3, 0.01), rtol=1e-11)
        assert_equal(made.run(0, 1, split), alone(builder, dataset, 1, 0.1), rtol=1e-11)


@pytest.mark.slow
@pytest.mark.optimized
def test_the_bits_do_not_depend_on_the_other_splits():
    """With one run per row each split has the bits of a sweep over it alone."""
    made = sweep(EQUAL, runs_per_vmap=1)
    wide = sweep(EQUAL, runs_per_vmap=8)
    for split, dataset in enumerate(EQUAL):
        for seed in made.seeds:
            ours = made.run(1, seed, split)
            its = sweep([dataset], runs_per_vmap=1).run(1, seed)
            for mine, other in zip(
                jax.tree.leaves(ours.params), jax.tree.leaves(its.params), strict=True
            ):
                np.testing.assert_allclose(mine, other, rtol=2e-6, atol=1e-7)
    turned = sweep(EQUAL[::-1], runs_per_vmap=8)
    for name, values in wide.history.items():
        other = turned.history[name].reshape(2, 2, 3, -1)[:, :, ::-1].reshape(values.shape)
        np.testing.assert_array_equal(values, other)


@pytest.mark.slow
def test_one_split_in_a_list_is_a_sweep_without_splits():
    listed, plain = sweep(EQUAL[:1]), sweep(EQUAL[0])
    assert listed.splits == 1
    for name, values in plain.history.items():
        np.testing.assert_array_equal(listed.history[name], values)


@pytest.mark.slow
def test_equal_splits_are_one_program_and_unequal_ones_one_more():
    assert len(sweep(EQUAL).retrain.groups) == 1
    sizes = {tuple(len(split.x) for split in dataset.splits.values()) for dataset in UNEQUAL}
    assert len(sweep(UNEQUAL).retrain.groups) == len(sizes) == 2


@pytest.mark.slow
def test_transformed_rows_are_those_of_the_split():
    def noisy(hyper):
        def transform(key, x, y):
            return x + 0.1 * jax.random.normal(key, x.shape), y

        return (*classifier(hyper), transform)

    made = sweep(EQUAL, noisy)
    for split, dataset in enumerate(EQUAL):
        parts = noisy({"rate": 0.1})
        run = fnn.train(*parts[:3], dataset, seed=1, transform_train=parts[3], **OPTIONS)
        assert_equal(made.run(0, 1, split), run)


@pytest.mark.slow
def test_a_run_needs_its_split():
    made = sweep(EQUAL)
    with pytest.raises(ValueError, match="split: the sweep has 3; say which, from 0 to 2"):
        made.run(0, 3)
    with pytest.raises(ValueError, match="split: got 3, expected one from 0 to 2"):
        made.run(0, 3, 3)


@pytest.mark.slow
def test_records_tables_and_files_have_the_split(tmp_path):
    made = sweep(UNEQUAL)
    records = list(made.records())
    assert [(r["seed"], r["split"]) for r in records[:5]] == [
        (3, 0),
        (3, 1),
        (3, 2),
        (3, 3),
        (1, 0),
    ]
    made.to_csv(tmp_path / "runs.csv")
    with open(tmp_path / "runs.csv") as file:
        assert [int(row["split"]) for row in csv.DictReader(file)] == [r["split"] for r in records]
    array = made.to_xarray()
    assert array["test_loss"].dims == ("setting", "seed", "split", "epoch")
    assert float(array["test_loss"].sel(setting=1, seed=1, split=2)[-1]) == pytest.approx(
        made.run(1, 1, 2).history["test_loss"][-1]
    )
    assert "2 settings × 2 seeds × 4 splits" in repr(made)


@pytest.mark.slow
def test_callbacks_are_told_the_split():
    told = []
    sweep(EQUAL, callbacks=[told.extend])
    assert {(r["seed"], r["split"]) for r in told} == {(s, k) for s in (3, 1) for k in range(3)}


@pytest.mark.every(1)
@pytest.mark.parametrize("keep", [True, False])
def test_saved_pickled_extended_and_trained_again(tmp_path, keep):
    made = sweep(UNEQUAL, keep_params=keep)
    made.save(tmp_path / "saved")
    given = {"builder": classifier, "dataset": UNEQUAL}
    for other in (fnn.load(tmp_path / "saved"), pickle.loads(pickle.dumps(made))):
        assert other.splits == 4
        assert_equal(other.run(1, 1, 2, **given), made.run(1, 1, 2))
        assert len(other.encodings) == 4
    if not keep:
        with pytest.raises(ValueError, match="not those of this sweep"):
            fnn.load(tmp_path / "saved").run(1, 1, 2, builder=classifier, dataset=UNEQUAL[::-1])
    whole = sweep(UNEQUAL, seeds=[3, 1, 7], runs_per_vmap=8)
    extended = sweep(UNEQUAL, runs_per_vmap=8).extend(seeds=[7], progress=False)
    for name, values in whole.history.items():
        np.testing.assert_array_equal(extended.history[name], values)


def test_a_checkpoint_goes_on_and_is_loaded(tmp_path):
    made = sweep(UNEQUAL, checkpoint=tmp_path / "kept")
    again = sweep(UNEQUAL, checkpoint=tmp_path / "kept")
    loaded = fnn.load(tmp_path / "kept")
    for name, values in made.history.items():
        np.testing.assert_array_equal(again.history[name], values)
        np.testing.assert_array_equal(loaded.history[name], values)
    with pytest.raises(ValueError, match=r"split 0 train\.x"):
        sweep(UNEQUAL[::-1], checkpoint=tmp_path / "kept")


@pytest.mark.slow
def test_predictions_are_in_the_users_terms():
    frame = table()
    folds = data.from_frame(frame, "price", splits=KFold(3, shuffle=True, random_state=0))
    features = folds[0].train.x.shape[1]

    def builder(hyper):
        return fnn.mlp((features, 8, 1)), losses.squared_error, optim.sgd(0.05)

    made = fnn.sweep(builder, folds, seeds=[0, 1], **OPTIONS)
    rows = {name: values for name, values in frame.items() if name != "price"}
    every = made.predict(rows, how="all")[0]
    for column, (seed, split) in enumerate((s, k) for s in (0, 1) for k in range(3)):
        own = made.run(0, seed, split).predict(rows, net=made.net(0))
        np.testing.assert_allclose(every[column], own, rtol=1e-5)
    np.testing.assert_allclose(made.predict(rows, how="mean"), every.mean(axis=0), rtol=1e-5)


@pytest.mark.slow
def test_an_interval_says_what_it_covers():
    made = sweep(EQUAL)
    assert "mean over seeds and splits" in str(made.summary())
    assert "mean over seeds\n" in str(made.summary(covers="seeds"))
    assert "mean over splits\n" in str(made.summary(covers="splits"))
    assert "mean over splits\n" in str(sweep(EQUAL, seeds=[1]).summary())
    assert "mean over seeds\n" in str(sweep(EQUAL[0]).summary())
    with pytest.raises(ValueError, match=r"covers: got 'both' for 2 seed\(s\) on 1 split"):
        sweep(EQUAL[0]).summary(covers="both")
    with pytest.raises(ValueError, match="interval: got 'bootstrap' for 3 splits"):
        made.summary(interval="bootstrap")
    values = made.at("validation_loss")[0].reshape(2, 3)
    row = made.summary("validation_loss", covers="seeds").rows[0]
    half = 12.706204736 * np.std(values.mean(axis=1), ddof=1) / np.sqrt(2)
    np.testing.assert_allclose(row["high"] - row["mean"], half, rtol=1e-5)


@pytest.mark.parametrize(
    ("of_splits", "of_seeds"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.3, 0.1)]
)
def test_intervals_cover_what_they_say(of_splits, of_seeds):
    """At independent splits; those that share rows make the splits' part larger still."""
    rng = np.random.default_rng(0)
    seeds, splits, draws, held = 5, 6, 3000, 0
    for _ in range(draws):
        a, b = rng.normal(0, of_splits, splits), rng.normal(0, of_seeds, (seeds, 1))
        values = a + b + rng.normal(0, 0.2, (seeds, splits))
        low, high = interval_over(values, "both", 0.0, False)
        held += low <= 0 <= high
    assert held / draws > 0.935  # three standard errors below 0.947, the least in 6,000 draws
    values = np.full((3, 4), np.nan)
    assert np.isnan(interval_over(values, "both", 0.0, False)).all()
    assert np.isnan(interval_over(np.ones((3, 4)), "both", 0.2, True)).all()


def test_folds_that_share_rows_make_wider_intervals():
    values = RNG.normal(size=(1, 5))
    low, high = interval_over(values, "splits", 0.0, False)
    low_shared, high_shared = interval_over(values, "splits", 0.25, False)
    ratio = (high_shared - low_shared) / (high - low)
    np.testing.assert_allclose(ratio, np.sqrt((1 / 5 + 1 / 4) / (1 / 5)))


def test_unlike_splits_are_refused():
    with pytest.raises(ValueError, match="dataset: got an empty list"):
        sweep([])
    with pytest.raises(ValueError, match=r"dataset: split 1 has features \(2,\), split 0 \(3,\)"):
        sweep([EQUAL[0], data.from_arrays(X[:, :2], LABELS)])
    weighted = data.from_arrays(X, LABELS, weights=np.ones(N))
    with pytest.raises(ValueError, match="split 1 has weights True"):
        sweep([EQUAL[0], weighted])
    with pytest.raises(ValueError, match="dataset: got int"):
        sweep([EQUAL[0], 3])
    with pytest.raises(ValueError, match="batch_size: got 60"):
        sweep(UNEQUAL, batch_size=60)
    with pytest.raises(ValueError, match="hyper: got the name 'split'"):
        sweep(EQUAL, hyper={"split": [1], "rate": [0.1]})
