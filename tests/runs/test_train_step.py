"""`fnn.train_step` in a loop of one's own is `fnn.train`, given the same batches and keys."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import layers, losses, optim
from fnn.data.shuffle import permutation
from fnn.runs.keys import run_keys
from tests.jax_events import jax_events
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.2)
CE = losses.softmax_cross_entropy
MOMENTUM = optim.momentum(0.05)
D = blobs()


@pytest.mark.quick
def test_a_loop_of_steps_is_train(x64):
    dataset = blobs()
    run = fnn.train(NET, CE, MOMENTUM, dataset, epochs=2, batch_size=10, seed=5, progress=False)
    step = fnn.train_step(NET, CE, MOMENTUM)
    state = step.init(jax.random.key(5))
    shuffle, (x, y) = run_keys(np.uint32(5)).shuffle, dataset.train
    for epoch in range(2):
        order = np.asarray(permutation(shuffle, len(x), epoch))
        total = correct = 0.0
        for start in range(0, len(x), 10):
            rows = order[start : start + 10]
            state, metrics = step.update(state, x[rows], y[rows])
            total += len(rows) * float(metrics["loss"])
            correct += len(rows) * float(metrics["accuracy"])
        assert run.history["train_loss"][epoch] == pytest.approx(total / len(x), rel=1e-12)
        assert run.history["train_accuracy"][epoch] == pytest.approx(correct / len(x))
    assert state.number == 10
    chex.assert_trees_all_close(state.params, run.params, rtol=1e-12, atol=1e-14)
    chex.assert_trees_all_close(state.state, run.state, rtol=1e-12, atol=1e-14)
    chex.assert_trees_all_close(state.optimizer_state, run.optimizer_state, rtol=1e-12, atol=1e-14)


def test_it_is_compiled_once_for_batches_of_a_size():
    traces = []

    def forward(prediction, target):
        traces.append(1)
        return CE.forward(prediction, target)

    step = fnn.train_step(NET, CE._replace(forward=forward), MOMENTUM)
    state = step.init(jax.random.key(0))
    for rows in range(0, 40, 10):
        state, _ = step.update(state, D.train.x[rows : rows + 10], D.train.y[rows : rows + 10])
    first = len(traces)
    step.update(state, jnp.asarray(D.train.x[:10]), jnp.asarray(D.train.y[:10]))
    assert len(traces) == first > 0


def test_regression_has_a_loss_alone():
    net = layers.dense(3, 1)
    step = fnn.train_step(net, losses.squared_error, MOMENTUM)
    y = np.ones(4, np.float32)
    _, metrics = step.update(step.init(jax.random.key(0)), np.ones((4, 3), np.float32), y)
    assert list(metrics) == ["loss"]


X, Y = D.train.x[:10], D.train.y[:10]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X, Y + 3, r"y: got label \d for a network with 3 outputs"),
        (np.full_like(X, np.nan), Y, "x: .*not finite"),
        (X[:, :2], Y, "x: got 2 features, expected 3"),
        (X, Y[:4], "y: got 4 targets for the 10 examples"),
        (jnp.asarray(X[:, :2]), jnp.asarray(Y), "x: got 2 features, expected 3"),
    ],
)
def test_batches_that_do_not_fit_are_refused(x, y, message):
    step = fnn.train_step(fnn.mlp((3, 4, 3)), CE, MOMENTUM)
    state = step.init(jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        step.update(state, x, y)


def test_what_is_no_step_is_refused():
    with pytest.raises(ValueError, match="the order is net, loss, optimizer"):
        fnn.train_step(NET, MOMENTUM, CE)
    step = fnn.train_step(NET, CE, MOMENTUM)
    with pytest.raises(ValueError, match="key: got 0, expected one random key"):
        step.init(0)
    other = fnn.train_step(NET, CE, optim.sgd(0.1)).init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"state: optimizer_state.* unlike that of this optimizer"):
        step.update(other, X, Y)
    state, _ = step.update(step.init(jax.random.key(0)), X.tolist(), Y.tolist())
    assert state.number == 1
    with pytest.raises(ValueError, match="state: got tuple, expected a StepState, as init"):
        step.update(NET.init(jax.random.key(0)), X, Y)


def test_weights_of_a_batch_are_repeated_rows(x64):
    net, (x, y) = fnn.mlp((3, 8, 3)), D.train
    x, y, counts = x[:8], y[:8], np.array([2, 0, 1, 3, 1, 0, 1, 0])
    step = fnn.train_step(net, CE, MOMENTUM)
    start = step.init(jax.random.key(1))
    weighted, one = step.update(start, x, y, weights=counts / counts.mean())
    repeated, other = step.update(start, np.repeat(x, counts, axis=0), np.repeat(y, counts))
    chex.assert_trees_all_close(weighted.params, repeated.params, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(one["loss"], other["loss"], rtol=1e-12)
    with pytest.raises(ValueError, match=r"weights: got shape \(3,\), expected \(8,\)"):
        step.update(start, x, y, weights=np.ones(3))


def test_a_step_traces_nothing_after_the_first():
    """A trace at each step, to know what a state looks like, took five times as long as a step."""
    step = fnn.train_step(fnn.mlp((3, 4, 3)), losses.softmax_cross_entropy, optim.adam(1e-3))
    x, y = D.train.x[:10], D.train.y[:10]
    state, _ = step.update(step.init(jax.random.key(0)), x, y)
    with jax_events() as events:
        step.update(state, x, y)
    assert events == []
