"""From raw rows to answers in the user's terms: runs, sweeps, files, fresh processes."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest

import fnn
from fnn import data, losses, optim
from tests.jax_events import jax_events

N = 60
RNG = np.random.default_rng(0)
TABLE = {
    "size": RNG.normal(5, 2, N),
    "colour": np.array(["red", "green", "blue"])[np.arange(N) % 3],
    "new": np.arange(N) % 2 == 0,
}
PRICE = 2e5 + 1e4 * TABLE["size"] + 3e4 * (TABLE["colour"] == "red")
KIND = np.where(TABLE["size"] + TABLE["new"] > 5.5, "large", "small")
OPTIONS = {"epochs": 30, "batch_size": 10, "progress": False}


def trained(dataset, outputs, loss, **options):
    net = fnn.mlp((5, 16, outputs))
    return net, fnn.train(net, loss, optim.adam(1e-2), dataset, **OPTIONS, **options)


@pytest.mark.slow
def test_prices_in_their_units():
    dataset = data.from_frame(TABLE | {"price": PRICE}, "price")
    _, run = trained(dataset, 1, losses.squared_error)
    predicted = run.predict(TABLE)
    assert predicted.shape == (N,)
    assert np.corrcoef(predicted, PRICE)[0, 1] > 0.9
    assert abs(predicted.mean() / PRICE.mean() - 1) < 0.05
    with pytest.raises(ValueError, match="the targets are real numbers"):
        run.predict(TABLE, probabilities=True)


@pytest.mark.every(1)
@pytest.mark.parametrize("outputs", [1, 2])
def test_labels_as_they_were_and_their_probabilities(outputs):
    dataset = data.from_frame(TABLE | {"kind": KIND}, "kind")
    loss = losses.sigmoid_cross_entropy if outputs == 1 else losses.softmax_cross_entropy
    if outputs == 1:  # a single output takes zeros and ones
        splits = (s._replace(y=s.y.astype(np.float32)) for s in dataset.splits.values())
        dataset = dataset._replace(**dict(zip(dataset.splits, splits, strict=True)))
    _, run = trained(dataset, outputs, loss)
    labels, shares = run.predict(TABLE), run.predict(TABLE, probabilities=True)
    assert np.mean(labels == KIND) > 0.8
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(np.array(["large", "small"])[shares.argmax(axis=1)], labels)
    with pytest.raises(ValueError, match=r"column\(s\) new missing"):
        run.predict({name: TABLE[name] for name in ("size", "colour")})


def test_a_loss_without_probabilities_says_so():
    dataset = data.from_frame(TABLE | {"kind": KIND}, "kind")
    hinge = losses.softmax_cross_entropy._replace(name="hinge")
    _, run = trained(dataset, 2, hinge)
    assert set(run.predict(TABLE)) <= {"large", "small"}
    with pytest.raises(ValueError, match="hinge gives no probabilities"):
        run.predict(TABLE, probabilities=True)


@pytest.mark.slow
def test_a_saved_run_predicts_the_same_in_a_fresh_process(tmp_path):
    """With nothing but the core: no narwhals, no pandas."""
    dataset = data.from_frame(TABLE | {"kind": KIND}, "kind")
    net, run = trained(dataset, 2, losses.softmax_cross_entropy, checkpoint=tmp_path / "directory")
    run.save(tmp_path / "run")
    for name in ("run", "directory"):
        loaded = fnn.load(tmp_path / name)
        assert loaded.encoding.to_json() == run.encoding.to_json()
        with pytest.raises(ValueError, match="pass net="):
            loaded.predict(TABLE)
        np.testing.assert_array_equal(loaded.predict(TABLE, net=net), run.predict(TABLE))
    script = f"""
import sys
for name in ("narwhals", "pandas", "polars", "sklearn"):
    sys.modules[name] = None
import fnn
run = fnn.load({str(tmp_path / "run")!r})
rows = [
    {{"size": 9.0, "colour": "red", "new": True}},
    {{"colour": "blue", "size": 1.0, "new": False}},
]
print(run.predict(rows, net=fnn.mlp((5, 16, 2))).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    rows = {"size": [9.0, 1.0], "colour": ["red", "blue"], "new": [True, False]}
    assert done.stdout.strip() == str(run.predict(rows).tolist())


def build(hyper):
    net = fnn.mlp((5, 16, 2))
    return net, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])


@pytest.fixture(scope="module")
def sweep():
    dataset = data.from_frame(TABLE | {"kind": KIND}, "kind")
    hyper = {"learning_rate": [1e-4, 1e-2]}
    return fnn.sweep(build, dataset, seeds=range(3), hyper=hyper, **OPTIONS), dataset


def test_a_sweep_predicts_by_its_best_run_its_mean_or_all(sweep):
    found, _ = sweep
    every = found.predict(TABLE, "all", probabilities=True)
    assert every.shape == (2, 3, N, 2)
    best = found.settings.index({"learning_rate": found.best()["learning_rate"]})
    mean = found.predict(TABLE, "mean", probabilities=True)
    np.testing.assert_allclose(mean, every[best].mean(axis=0), rtol=1e-4, atol=1e-6)
    column = int(np.argmin(found.at("validation_loss")[best]))
    run = found.run(best, found.seeds[column])
    alone = run.predict(TABLE, probabilities=True)
    np.testing.assert_allclose(
        found.predict(TABLE, probabilities=True), alone, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(every[best, column], alone, rtol=1e-4, atol=1e-6)
    assert np.mean(found.predict(TABLE, "mean") == KIND) > 0.7
    assert found.predict(TABLE, setting=0).shape == (N,)
    with pytest.raises(ValueError, match="how"):
        found.predict(TABLE, "median")


def test_a_saved_sweep_predicts_the_same(sweep, tmp_path):
    found, dataset = sweep
    found.save(tmp_path / "sweep")
    loaded = fnn.load(tmp_path / "sweep")
    with pytest.raises(ValueError, match="builder="):
        loaded.predict(TABLE)
    again = loaded.predict(TABLE, "mean", builder=build, dataset=dataset)
    np.testing.assert_array_equal(again, found.predict(TABLE, "mean"))


def test_rows_of_arrays():
    x = RNG.normal(3, 2, size=(N, 5))
    dataset = data.from_arrays(x, np.where(x[:, 0] > 3, "over", "under"))
    _, run = trained(dataset, 2, losses.softmax_cross_entropy)
    predicted = run.predict(x)
    assert np.mean(predicted == np.where(x[:, 0] > 3, "over", "under")) > 0.8
    with pytest.raises(ValueError, match="got 4 features, expected 5"):
        run.predict(x[:, :4])
    for scaled in (dataset.test.x, dataset.test.x[:3]):
        with pytest.raises(ValueError, match="rows of a Dataset, which are scaled already"):
            run.predict(scaled)
    np.testing.assert_array_equal(run.predict(dataset.test.x.copy()).shape, (len(dataset.test.x),))


def test_a_mean_leaves_out_runs_that_diverged_and_says_so(sweep):
    found, _ = sweep
    before = found.diverged_step.copy()
    try:
        found.diverged_step[:, 0] = 3
        with pytest.warns(UserWarning, match="1 of 3 runs diverged or have no best epoch"):
            left = found.predict(TABLE, "mean", setting=0, probabilities=True)
        shares = found.predict(TABLE, "all", probabilities=True)[0]
        np.testing.assert_allclose(left, shares[1:].mean(axis=0), rtol=1e-4, atol=1e-6)
        found.diverged_step[0] = 3
        with pytest.raises(ValueError, match="all 3 runs of setting 0 diverged"):
            found.predict(TABLE, "mean", setting=0)
    finally:
        found.diverged_step[:] = before


def test_probabilities_are_true_or_false():
    dataset = data.from_frame(TABLE | {"kind": KIND}, "kind")
    net = fnn.mlp((5, 4, 2))
    run = fnn.train(net, losses.softmax_cross_entropy, optim.adam(1e-2), dataset, **OPTIONS)
    with pytest.raises(ValueError, match="probabilities: got 'no'"):
        run.predict(TABLE, probabilities="no")


def test_a_loaded_sweep_predicts_without_its_data(tmp_path):
    dataset = data.from_frame(TABLE | {"kind": KIND}, "kind")
    net = fnn.mlp((5, 4, 2))

    def builder(hyper, net=net):
        return net, losses.softmax_cross_entropy, optim.adam(1e-2)

    sweep = fnn.sweep(builder, dataset, seeds=range(2), **OPTIONS)
    sweep.save(tmp_path / "sweep")
    loaded = fnn.load(tmp_path / "sweep")
    for how in ("best", "mean"):
        expected = sweep.predict(TABLE, how, probabilities=True)
        given = loaded.predict(TABLE, how, probabilities=True, builder=builder)
        np.testing.assert_allclose(given, expected, rtol=1e-6)
    with pytest.raises(ValueError, match=r"predict: .* pass the builder= that it ran with"):
        loaded.predict(TABLE)
    for other in (fnn.mlp((5, 4, 2), activation="tanh"), fnn.mlp((5, 4, 4, 2))):
        with pytest.raises(ValueError, match=r"builder: not that of this sweep\..*net"):
            loaded.predict(TABLE, builder=partial(builder, net=other))


X = RNG.normal(size=(N, 3))
POSITIVE = X > 0


def trained_on_arrays(y, outputs, loss, output="identity"):
    net = fnn.mlp((3, 16, outputs), output=output)
    return net, fnn.train(net, loss, optim.adam(1e-2), data.from_arrays(X, y), **OPTIONS)


@pytest.mark.parametrize("dtype", [bool, int, float])
def test_several_labels_are_predicted_as_they_came(dtype):
    y = POSITIVE.astype(dtype)
    _, run = trained_on_arrays(y, 3, losses.sigmoid_cross_entropy)
    found = run.predict(X)
    assert found.dtype == y.dtype
    assert np.mean(found == y) > 0.85
    shares = run.predict(X, probabilities=True)
    np.testing.assert_array_equal(shares > 0.5, found.astype(bool))


def test_zeros_and_ones_are_decoded_by_their_loss(tmp_path):
    y = POSITIVE[:, 0].astype(float)
    loss = losses.smoothed(losses.sigmoid_cross_entropy, 0.01)
    net, run = trained_on_arrays(y, 1, loss)
    found = run.predict(X)
    assert set(found) == {0.0, 1.0}
    assert np.mean(found == y) > 0.85
    shares = run.predict(X, probabilities=True)
    np.testing.assert_array_equal(shares.argmax(axis=1), found)
    run.save(tmp_path / "run")
    loaded = fnn.load(tmp_path / "run")
    with pytest.raises(ValueError, match="does not know its loss; pass loss="):
        loaded.predict(X, net=net)
    np.testing.assert_array_equal(loaded.predict(X, net=net, loss=loss), found)
    _, run = trained_on_arrays(y, 1, losses.squared_error)
    assert len(set(run.predict(X))) > 2
    with pytest.raises(ValueError, match="the targets are real numbers"):
        run.predict(X, probabilities=True)


def test_the_mean_of_zeros_and_ones_is_decided_by_the_mean_probability():
    dataset = data.from_arrays(X, POSITIVE[:, 0].astype(float))

    def build_one(hyper):
        return fnn.mlp((3, 16, 1)), losses.sigmoid_cross_entropy, optim.adam(1e-2)

    found = fnn.sweep(build_one, dataset, seeds=range(2), **OPTIONS)
    shares = found.predict(X, "mean", probabilities=True)
    assert shares.shape == (N, 2)
    np.testing.assert_array_equal(found.predict(X, "mean"), shares.argmax(axis=1))
    every = found.predict(X, "all", probabilities=True)[0]
    np.testing.assert_allclose(shares, every.mean(axis=0), rtol=1e-5, atol=1e-6)


def test_rows_of_shares_are_decoded_by_their_loss():
    y = np.eye(3)[X.argmax(axis=1)]
    _, run = trained_on_arrays(y, 3, losses.softmax_cross_entropy)
    found = run.predict(X)
    np.testing.assert_array_equal(found.sum(axis=1), 1)
    np.testing.assert_array_equal(
        found.argmax(axis=1), run.predict(X, probabilities=True).argmax(1)
    )


BY_HALVES = [(losses.binary_cross_entropy, "sigmoid"), (losses.squared_error, "identity")]


@pytest.mark.parametrize(("loss", "output"), BY_HALVES)
def test_several_labels_are_decoded_by_their_loss(loss, output):
    net, run = trained_on_arrays(POSITIVE, 3, loss, output)
    outputs = fnn.apply(net, run.best_params, run.encoding.encode(X), state=run.best_state)
    np.testing.assert_array_equal(run.predict(X), np.asarray(outputs) > 0.5)
    with pytest.raises(ValueError, match="loss"):
        run.predict(X, loss="sigmoid_cross_entropy")


@pytest.mark.filterwarnings("ignore:target .* training rows have")
def test_one_class_has_one_column():
    _, run = trained_on_arrays(["only"] * N, 1, losses.sigmoid_cross_entropy)
    assert set(run.predict(X)) == {"only"}
    assert run.predict(X, probabilities=True).shape == (N, len(run.encoding.classes))


def test_scaled_zeros_and_ones_say_what_to_do():
    dataset = data.from_frame(TABLE | {"y": POSITIVE[:, 0].astype(float)}, "y")
    with pytest.raises(ValueError, match=r'expected targets in \[0, 1\].*task="classification"'):
        trained(dataset, 1, losses.sigmoid_cross_entropy)


def test_the_second_prediction_of_a_sweep_compiles_nothing():
    """A program serves all settings of a group, and later calls; so does a network of a run."""
    x, y = RNG.normal(size=(N, 3)).astype(np.float32), np.arange(N) % 3
    net = fnn.mlp((3, 4, 3))

    def builder(hyper):
        return net, losses.softmax_cross_entropy, optim.adam(hyper["rate"])

    options = OPTIONS | {"hyper": {"rate": [0.01, 0.02]}, "seeds": range(2), "epochs": 2}
    sweep = fnn.sweep(builder, data.from_arrays(x, y), **options)
    best = sweep.predict(x, setting=0)
    sweep.predict(x, "mean", setting=0)  # which takes softmax by itself
    run = sweep.run(0, seed=0)
    of_run = run.predict(x)
    with jax_events() as events:
        for how in ("best", "mean", "all"):
            sweep.predict(x, how)
        assert np.array_equal(sweep.predict(x, setting=0), best)
        assert np.array_equal(sweep.run(0, seed=0).predict(x), of_run)
        assert np.array_equal(sweep.predict(x, "all")[0, 0], of_run)
    assert not [name for name in events if "backend_compile" in name]
