"""`fnn.train` against the same training written out as a Python loop, and its promises
one by one.
"""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnn
from fnn import data, layers, losses, optim, penalties
from fnn.data.shuffle import permutation
from fnn.runs.chunks import ChunkScheduler, ChunkTiming
from fnn.runs.engine import clear_caches
from fnn.runs.evaluate import evaluate, held_out
from fnn.runs.keys import run_keys
from fnn.runs.process import NEVER
from fnn.runs.step import EpochMetrics, TrainSpec, TrainState, guarded_step
from fnn.runs.training import Plan, advance, begin, locate_divergence
from tests.problems import blobs, line, with_split

NET = fnn.mlp((3, 8, 3), activation="tanh")
CE = losses.softmax_cross_entropy
ADAM = optim.adam(1e-2)


def quick(net=NET, loss=CE, optimizer=ADAM, dataset=None, **options):
    options = {"epochs": 3, "batch_size": 10, "progress": False} | options
    return fnn.train(net, loss, optimizer, dataset or blobs(), **options)


def written_out(net, loss, optimizer, dataset, *, epochs, batch_size, seed):
    """The training loop as one would write it in Python."""
    keys = run_keys(np.uint32(seed))
    params, state = net.init(keys.init)
    optimizer_state = optimizer.init(params)
    loss_and_gradient = jax.jit(fnn.value_and_grad(net, loss, has_state=True))
    x, y = dataset.train
    steps, train_loss, visited = 0, [], []
    for epoch in range(epochs):
        order = np.asarray(permutation(keys.shuffle, len(x), epoch))
        total = 0.0
        for start in range(0, len(x), batch_size):
            rows = order[start : start + batch_size]
            key = jax.random.fold_in(keys.noise, steps)
            (value, state), grads = loss_and_gradient(
                params, x[rows], y[rows], state=state, key=key
            )
            updates, optimizer_state = optimizer.update(grads, optimizer_state, params)
            params = optax.apply_updates(params, updates)
            total, steps = total + value * len(rows), steps + 1
            visited.extend(rows)
        train_loss.append(total / len(x))
    return params, state, np.array(train_loss), visited


@pytest.mark.every(3)
@pytest.mark.parametrize(
    ("net", "batch_size"),
    [
        (NET, 14),  # 42 training examples: three full batches
        (NET, 10),  # and a short last one
        (NET, 42),  # the whole set
        (fnn.mlp((3, 8, 3), batch_norm="before", dropout=0.3), 10),
        (
            layers.graph(
                {"x": 3}, {"h": (("x",), "tanh", 4), "y": (("x", "h"), "identity", 3)}, ("y",)
            ),
            10,
        ),
    ],
)
def test_the_program_is_the_loop_written_out(x64, net, batch_size):
    dataset = blobs()
    assert len(dataset.train.x) == 42
    plan = {"epochs": 3, "batch_size": batch_size, "seed": 7}
    optimizer = optim.momentum(
        0.05
    )  # not Adam, which blows up the rounding of the zero gradient before batch_norm
    run = fnn.train(net, CE, optimizer, dataset, progress=False, **plan)
    params, state, train_loss, visited = written_out(net, CE, optimizer, dataset, **plan)
    chex.assert_trees_all_close(run.params, params, rtol=1e-12, atol=1e-12)
    chex.assert_trees_all_close(run.state, state, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(run.history["train_loss"], train_loss, rtol=1e-12)
    assert sorted(visited) == sorted([*range(42)] * 3)


@pytest.mark.quick
def test_history_is_what_the_parameters_give():
    dataset = blobs()
    run = quick(dataset=dataset, epochs=4)
    for name in ("validation", "test"):
        split = getattr(dataset, name)
        logits = np.asarray(fnn.apply(NET, run.params, split.x))
        assert run.history[f"{name}_accuracy"][-1] == pytest.approx(
            np.mean(logits.argmax(1) == split.y)
        )
        value, _ = fnn.value_and_grad(NET, CE)(run.params, *split)
        assert run.history[f"{name}_loss"][-1] == pytest.approx(float(value), rel=1e-6)
    assert set(run.history) == {
        f"{s}_{m}" for s in ("train", "validation", "test") for m in ("loss", "accuracy")
    }
    assert all(values.shape == (4,) for values in run.history.values())


def test_regression_has_no_accuracy():
    run = quick(fnn.mlp((1, 1)), losses.squared_error, optim.sgd(0.1), line(), epochs=30)
    assert not any("accuracy" in name for name in run.history)
    assert run.history["test_loss"][-1] < 0.05


@pytest.mark.slow
def test_evaluation_in_pieces_is_the_whole(monkeypatch):
    split = blobs(90).train
    params, state = NET.init(jax.random.key(0))
    (splits,) = held_out({"validation": split})
    whole = evaluate(NET, CE, params, state, splits)
    for chunk in (9, 10, 63):  # 63 examples: pieces without a rest, with one, and one piece
        monkeypatch.setattr("fnn.runs.evaluate.CHUNK", chunk)
        chex.assert_trees_all_close(evaluate(NET, CE, params, state, splits), whole, rtol=1e-6)


def test_splits_that_are_evaluated_at_once_are_evaluated_as_alone(monkeypatch):
    splits = {"validation": blobs(90).validation, "test": blobs(90).train}
    params, state = NET.init(jax.random.key(0))
    (both,) = held_out(splits)
    together = evaluate(NET, CE, params, state, both)
    monkeypatch.setattr("fnn.runs.evaluate.CHUNK", 70)  # they are 77
    apart = held_out(splits)
    assert len(apart) == 2
    alone = [evaluate(NET, CE, params, state, one) for one in apart]
    chex.assert_trees_all_close(together, alone[0] | alone[1], rtol=1e-6)


@pytest.mark.slow
def test_a_last_batch_that_is_filled_up_is_one_of_its_own_shape(x64, monkeypatch):
    """42 examples in batches of 10: the last has 2, and 8 without weight."""
    steps = []

    def forward(prediction, target):
        steps.append(prediction.shape[1])
        return CE.forward(prediction, target)

    loss = CE._replace(forward=forward)
    filled = quick(loss=loss)
    assert 2 not in steps
    monkeypatch.setattr("fnn.runs.training.SMALL", 0)  # as if the network were large
    clear_caches()
    apart = quick(loss=loss)
    assert 2 in steps
    chex.assert_trees_all_close(filled.params, apart.params, rtol=1e-11, atol=1e-13)
    chex.assert_trees_all_close(filled.history, apart.history, rtol=1e-11)


def test_a_history_is_the_callers_to_change():
    history = quick().history
    history["train_loss"] *= 100
    assert all(values.flags.owndata for values in history.values())


def test_layers_say_whether_examples_are_independent():
    alone = [NET, fnn.mlp((3, 4, 3), dropout=0.2), layers.repeat(layers.dense(3, 3), 2)]
    assert all(net.per_example for net in alone)
    assert not fnn.mlp((3, 4, 3), batch_norm="after").per_example
    assert not fnn.Layer(*NET[:3]).per_example  # one's own, unless it says so


def test_seeds_repeat_and_differ():
    one, same, other = quick(seed=1), quick(seed=1), quick(seed=2)
    chex.assert_trees_all_equal(one.params, same.params)
    assert not np.array_equal(one.history["train_loss"], other.history["train_loss"])


def test_a_second_seed_compiles_nothing():
    traces = []

    def value(prediction, target):
        traces.append(1)
        return CE.forward(prediction, target)

    counted = CE._replace(forward=value)
    quick(loss=counted, seed=0)
    first = len(traces)
    quick(loss=counted, seed=1)
    assert len(traces) == first > 0
    quick(loss=counted, seed=1, epochs=4)
    assert len(traces) > first  # the counter does count


@pytest.mark.optimized(otherwise=False)
def test_a_run_in_pieces_is_the_run_at_once():
    """Bit for bit, one epoch at a time, two at a time, and all in one call."""
    task, plan, seed, dataset = TrainSpec(NET, CE, ADAM), Plan(5, 10), np.uint32(3), blobs().arrays
    on = jax.jit(advance, static_argnums=(0, 1))
    start = jax.jit(begin, static_argnums=(0, 1))(task, plan, seed)
    whole = on(task, plan, seed, dataset, start, 5)
    for pieces in ((1, 2, 3, 4, 5), (2, 4, 5)):
        training = start
        for until in pieces:
            training = on(task, plan, seed, dataset, training, until)
        chex.assert_trees_all_equal(training, whole)
    run = quick(epochs=5, seed=3)
    # Another program: it has the mathematics in common, and on jax 0.12 not the last bits.
    chex.assert_trees_all_close(run.params, whole.current.params, rtol=1e-6)


def test_the_step_that_diverged_is_named():
    """Steps written out one by one: the first that is not finite is `diverged_step`, and the
    parameters before it are those of the run. A rate of 1e3 grows until float32 overflows, in the
    middle of an epoch.
    """
    net, optimizer, dataset = fnn.mlp((1, 1), init="constant"), optim.sgd(1e3), line()
    with pytest.warns(
        UserWarning,
        match=r"step \d+ of the run, \d+ of the epoch, was not finite. params are those before it",
    ):
        run = quick(net, losses.squared_error, optimizer, dataset, epochs=20, batch_size=3, seed=5)
    keys = run_keys(np.uint32(5))
    params, _ = net.init(keys.init)
    x, y = dataset.train
    update = jax.jit(fnn.value_and_grad(net, losses.squared_error))
    for number in range(10**6):
        epoch, batch = divmod(number, 10)  # 28 examples: ten batches of at most 3
        rows = np.asarray(permutation(keys.shuffle, 28, epoch))[3 * batch : 3 * batch + 3]
        value, grads = update(params, x[rows], y[rows])
        new = optax.apply_updates(
            params, optimizer.update(grads, optimizer.init(params), params)[0]
        )
        if not (
            np.isfinite(value) and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(new))
        ):
            break
        params = new
    assert run.diverged_step == number
    assert number % 10 not in (0, 9)
    assert run.stopped_epoch == number // 10
    chex.assert_trees_all_close(run.params, params, rtol=1e-5)


@pytest.mark.slow
def test_an_infinite_penalty_is_divergence_too():
    """The objective counts, not the loss alone, though the parameters are finite."""
    endless = fnn.Penalty(
        lambda params: jnp.inf, lambda params: jax.tree.map(jnp.zeros_like, params)
    )
    with pytest.warns(UserWarning, match="step 0 of the run, 0 of the epoch, was not finite"):
        run = quick(loss=CE._replace(penalty=endless))
    assert (run.diverged_step, run.stopped_epoch) == (0, 0)


@pytest.mark.long
def test_a_suspect_without_fault_goes_on():
    """As where the two programs round a number at the edge of the range unlike."""
    task, plan, seed, dataset = TrainSpec(NET, CE, ADAM), Plan(2, 10), np.uint32(3), blobs().arrays
    start = jax.jit(begin, static_argnums=(0, 1))(task, plan, seed)
    suspect = start._replace(nonfinite=jnp.array(True))
    on = jax.jit(advance, static_argnums=(0, 1))
    chex.assert_trees_all_equal(on(task, plan, seed, dataset, suspect, 2), suspect)
    cleared = jax.jit(locate_divergence, static_argnums=(0, 1))(task, plan, seed, dataset, suspect)
    assert not cleared.nonfinite
    assert (cleared.epochs, cleared.diverged_step) == (1, NEVER)
    chex.assert_trees_all_close(
        cleared, on(task, plan, seed, dataset, start, 1), rtol=1e-5, atol=1e-6
    )
    unmarked = jax.jit(locate_divergence, static_argnums=(0, 1))(task, plan, seed, dataset, start)
    chex.assert_trees_all_equal(unmarked, start)


def test_chunks_grow_until_they_take_their_time(monkeypatch):
    """The pace is learned from the first epoch, and no chunk is asked for after the last."""
    asked, clock = [], iter(np.arange(0, 1e6, 0.1))
    monkeypatch.setattr("fnn.runs.chunks.time.perf_counter", lambda: next(clock))

    def on(training, until):
        asked.append(int(until))
        return training._replace(epochs=until, active=until < 12)

    start = begin(TrainSpec(NET, CE, ADAM), Plan(12, 10), np.uint32(0))
    done = [int(training.epochs) for training in ChunkScheduler().chunks(on, None, start, 12)]
    assert (
        asked == done == [1, 6, 12]
    )  # 0.1 s for one epoch: five in half a second; 0.02 s for each of those: all


def test_a_run_that_was_marked_in_the_last_chunk_goes_on_to_the_end():
    """The run with number 0 is marked in epoch 3 and is found to be sound."""
    start = begin(TrainSpec(NET, CE, ADAM), Plan(12, 10), np.uint32(0))
    both = {"epochs": np.array([0, 0]), "active": np.array([True, True])}
    start = start._replace(nonfinite=np.array([False, False]), **both)

    def on(state, until):
        is_marked = state.epochs[0] < 3
        epochs = np.array([3 if is_marked else until, until])
        return state._replace(epochs=epochs, nonfinite=np.array([is_marked, False]))

    def locate(state):
        epochs = state.epochs + np.array([1, 0])
        return state._replace(epochs=epochs, nonfinite=np.array([False, False]))

    scheduler = ChunkScheduler()
    scheduler.timing = ChunkTiming(1e-6, runs=2)
    states = list(scheduler.chunks(on, locate, start, 12))
    assert [state.epochs.tolist() for state in states] == [[4, 12], [12, 12]]


def test_the_pace_is_that_of_the_runs_that_advanced(monkeypatch):
    """The run with number 0 is behind the other and diverges; an epoch takes a second."""
    clock = iter(np.arange(0.0, 100.0))
    monkeypatch.setattr("fnn.runs.chunks.time.perf_counter", lambda: next(clock))
    start = begin(TrainSpec(NET, CE, ADAM), Plan(1000, 10), np.uint32(0))
    start = start._replace(
        epochs=np.array([3, 1000]),
        active=np.array([True, True]),
        nonfinite=np.array([False, False]),
    )

    def on(state, until):
        return state._replace(epochs=np.array([4, 1000]), active=np.array([False, True]))

    scheduler = ChunkScheduler()
    assert len(list(scheduler.chunks(on, None, start, 1000))) == 1
    assert scheduler.timing == ChunkTiming(1.0, runs=1)


def test_the_progress_bar_changes_no_bit(capsys):
    silent = quick(epochs=4)
    assert capsys.readouterr().err == ""
    shown = quick(epochs=4, progress=True)
    assert "4/4" in capsys.readouterr().err
    chex.assert_trees_all_equal(silent.params, shown.params)
    chex.assert_trees_all_equal(silent.history, shown.history)


def test_best_parameters_are_those_of_the_lowest_validation_loss():
    dataset = blobs()
    run = quick(dataset=dataset, optimizer=optim.adam(0.1), epochs=30)
    assert run.best_epoch == np.argmin(run.history["validation_loss"]) < 29
    value, _ = fnn.value_and_grad(NET, CE)(run.best_params, *dataset.validation)
    assert float(value) == pytest.approx(run.history["validation_loss"].min(), rel=1e-6)
    assert run.stopped_epoch == 29


def test_patience_stops_and_repeats_nothing():
    long, short = (
        quick(optimizer=optim.adam(0.1), epochs=30, patience=patience) for patience in (None, 3)
    )
    stop = short.stopped_epoch
    assert stop == short.best_epoch + 3 < 29
    for name, values in short.history.items():
        np.testing.assert_array_equal(values[: stop + 1], long.history[name][: stop + 1])
        assert np.isnan(values[stop + 1 :]).all()
    until = quick(optimizer=optim.adam(0.1), epochs=stop + 1)
    chex.assert_trees_all_equal(short.params, until.params)
    chex.assert_trees_all_equal(short.best_params, until.best_params)


def test_divergence_keeps_the_last_finite_parameters():
    """A rate that doubles the parameters' scale each step until float32 overflows, after a few
    epochs.
    """
    dataset = with_split(line(), "train", y=np.zeros(28, np.float32))
    with pytest.warns(
        UserWarning, match=r"train: the run diverged in epoch \d+ of 20; .*Lower the learning rate"
    ) as warned:
        run = quick(
            fnn.mlp((1, 1), init="constant"),
            losses.squared_error,
            optim.sgd(1e3),
            dataset,
            epochs=20,
        )
    assert len(warned) == 1
    assert f"epoch {run.stopped_epoch + 1} " in str(warned[0].message)
    assert run.diverged
    assert 0 < run.stopped_epoch < 19
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.params))
    for values in run.history.values():
        assert np.isfinite(values[: run.stopped_epoch]).all()
        assert np.isnan(values[run.stopped_epoch :]).all()


@pytest.mark.optimized(otherwise=False)
def test_divergence_at_once_leaves_the_initial_parameters():
    nan_after_init = optim.sgd(1.0)._replace(
        update=lambda grads, state, params: (jax.tree.map(lambda g: g * jnp.nan, grads), state)
    )
    with pytest.warns(UserWarning, match="diverged in epoch 1 of 3"):
        run = quick(optimizer=nan_after_init)
    chex.assert_trees_all_equal(run.params, jax.jit(NET.init)(run_keys(np.uint32(0)).init)[0])
    assert (run.diverged, run.stopped_epoch, run.best_epoch) == (True, 0, -1)


def one_step(net, optimizer, x, target, loss=losses.absolute_error):
    """The learner before and after a step on x (features, batch), jitted as in a run, and the
    tally.
    """
    params, state = net.init(jax.random.key(0))
    before = TrainState(params, state, optimizer.init(params))
    tally, task = EpochMetrics.zero(), TrainSpec(net, loss, optimizer)
    after, tally = jax.jit(guarded_step, static_argnums=0)(task, before, tally, x, target, None, 7)
    return before, after, tally


OVERFLOWS = {  # each leaves the loss and the parameters finite
    "Adam's v": (fnn.mlp((1, 1)), ADAM, jnp.full((1, 4), 1e20)),
    "Adagrad's sum": (fnn.mlp((1, 1)), optim.adagrad(0.1), jnp.full((1, 4), 1e20)),
    "the running variance": (
        layers.serial(layers.batch_norm(1), layers.dense(1, 1)),
        optim.sgd(0.1),
        jnp.array([[1e25, -1e25, 3e25, 0.0]]),
    ),
}


@pytest.mark.parametrize("case", OVERFLOWS)
def test_a_step_that_overflows_anywhere_is_not_taken(case):
    net, optimizer, x = OVERFLOWS[case]
    before, after, tally = one_step(net, optimizer, x, jnp.zeros(4))
    assert jnp.isfinite(tally.loss)
    assert tally.diverged_step == 7
    chex.assert_trees_all_equal(after, before)
    before, after, tally = one_step(net, optimizer, x / 1e20, jnp.zeros(4))
    assert tally.diverged_step == NEVER
    assert any(
        (a != b).any()
        for a, b in zip(*map(jax.tree.leaves, (before.params, after.params)), strict=True)
    )


@pytest.mark.slow
def test_after_divergence_every_step_leaves_everything():
    net, optimizer = fnn.mlp((3, 4, 1), batch_norm="before"), optim.adam(0.1)
    params, state = net.init(jax.random.key(0))
    learner = TrainState(params, state, optimizer.init(params))
    x, tally = (
        jax.random.normal(jax.random.key(1), (3, 6)),
        EpochMetrics(jnp.zeros(()), jnp.zeros(()), jnp.array(True), jnp.int32(3)),
    )
    task = TrainSpec(net, losses.squared_error, optimizer)
    after, tally = guarded_step(task, learner, tally, x, jnp.ones(6), None, 8)
    assert tally.diverged_step == 3
    chex.assert_trees_all_equal(after, learner)


def test_an_optimizer_that_overflows_is_a_run_that_diverged():
    dataset = with_split(line(), "train", x=np.full((28, 1), 1e20, np.float32))
    with pytest.warns(UserWarning, match="diverged in epoch 1"):
        run = quick(fnn.mlp((1, 1)), losses.absolute_error, optim.adam(1.0), dataset)
    assert run.diverged
    assert run.stopped_epoch == 0


def in_dtype(tree, dtype):
    return jax.tree.map(
        lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree
    )


@pytest.mark.every(3)
@pytest.mark.parametrize(
    ("x64", "params", "x"),
    [(False, "bfloat16", "bfloat16"), (True, "float32", "float32"), (True, "float32", "float64")],
)
def test_a_network_of_another_dtype_trains_with_a_history_of_the_default_one(x64, params, x):
    with jax.enable_x64(x64):
        net = NET._replace(init=lambda key: in_dtype(NET.init(key), params))
        dataset = in_dtype(blobs(), x)
        run = quick(net, optimizer=optim.momentum(0.05), dataset=dataset)
        assert {leaf.dtype for leaf in jax.tree.leaves(run.params)} == {jnp.dtype(params)}
        assert {values.dtype for values in run.history.values()} == {
            jnp.dtype("float64" if x64 else "float32")
        }
        assert run.history["train_loss"][-1] < run.history["train_loss"][0]


def test_accuracies_in_bfloat16_are_counted_exactly():
    params, state = NET.init(jax.random.key(0))
    rng = np.random.default_rng(0)
    split = data.Split(
        jnp.asarray(rng.normal(size=(1001, 3)), jnp.bfloat16), rng.integers(0, 3, 1001)
    )
    half = in_dtype(params, "bfloat16")
    right = np.mean(np.argmax(np.asarray(fnn.apply(NET, half, split.x)), axis=1) == split.y)
    (splits,) = held_out({"test": split})
    found = evaluate(NET, CE, half, state, splits)
    assert float(found["test_accuracy"]) == pytest.approx(right, abs=1e-7)


def test_a_penalty_shrinks_the_weights_and_stays_out_of_the_history():
    plain, decayed = (
        quick(loss=loss, epochs=20) for loss in (CE, penalties.penalized(CE, penalties.l2(0.3)))
    )
    assert np.linalg.norm(decayed.params[0].W) < 0.5 * np.linalg.norm(plain.params[0].W)
    value, _ = fnn.value_and_grad(NET, CE)(decayed.params, *blobs().validation)
    assert decayed.history["validation_loss"][-1] == pytest.approx(float(value), rel=1e-6)


@pytest.mark.slow
def test_schedules_and_optax_chains_train():
    schedule = optim.momentum(optax.cosine_decay_schedule(0.1, 15))
    for optimizer in (
        schedule,
        optax.chain(optim.clip_by_global_norm(1.0), ADAM),
        optax.adam(1e-2),
    ):
        run = quick(optimizer=optimizer)
        assert run.history["train_loss"][-1] < run.history["train_loss"][0]


def nan_in(split):
    return np.where(np.arange(split.x.size).reshape(split.x.shape) == 4, np.nan, split.x)


def test_equal_validation_losses_keep_the_first_epoch():
    still = optim.sgd(1.0)._replace(
        update=lambda grads, state, params: (jax.tree.map(jnp.zeros_like, grads), state)
    )
    run = quick(optimizer=still, epochs=4)
    assert len(set(run.history["validation_loss"])) == 1
    assert run.best_epoch == 0
    assert (
        quick(optimizer=still, epochs=4, patience=2).stopped_epoch == 2
    )  # an equal loss is no lower one


def test_final_is_the_last_trained_epoch_and_repr_is_short():
    run = quick(optimizer=optim.adam(0.1), epochs=30, patience=3)
    assert run.stopped_epoch < 29
    assert run.final("test_loss") == run.history["test_loss"][run.stopped_epoch]
    with pytest.raises(ValueError, match="did you mean 'test_loss'"):
        run.final("test_los")
    assert len(repr(run)) < 300
    assert f"{run.stopped_epoch + 1} of 30 epochs" in repr(run)
    assert f"test_loss {run.final('test_loss'):.4g}" in str(run)


def test_the_program_gets_the_three_splits_alone(monkeypatch):
    seen = []
    monkeypatch.setattr("fnn.runs.train.engine_of", Spy(seen))
    with pytest.raises(Spied):
        quick()
    assert blobs().scaling is not None
    place = seen[0][3]
    assert len(jax.tree.leaves(place(None))) == 6


class Spied(Exception):
    pass


class Spy:
    def __init__(self, seen):
        self.seen = seen

    def __call__(self, *arguments):
        self.seen.append(arguments)
        raise Spied


D = blobs()
REFUSALS = {
    "label out of range": (
        dict(dataset=with_split(D, "train", y=D.train.y + 1)),
        r"train\.y: got label 3 .*0 to 2",
    ),
    "negative label": (
        dict(dataset=with_split(D, "test", y=D.test.y - 1)),
        r"test\.y: got label -1",
    ),
    "fractional labels": (
        dict(dataset=with_split(D, "train", y=D.train.y + 0.5)),
        r"got class labels of dtype float",
    ),
    "NaN": (
        dict(dataset=with_split(D, "train", x=nan_in(D.train))),
        r"train\.x: .*not finite.*\(1, 1\)",
    ),
    "infinity": (dict(dataset=with_split(D, "test", x=np.full((9, 3), np.inf))), r"test\.x"),
    "lengths": (
        dict(dataset=with_split(D, "train", y=D.train.y[:-1])),
        r"train\.y: got 41 targets for the 42",
    ),
    "features": (dict(net=fnn.mlp((4, 3))), r"x: got 3 features, expected 4"),
    "other features in test": (
        dict(dataset=with_split(D, "test", x=D.test.x[:, :2])),
        r"test: got x \(9, 2\)",
    ),
    "empty": (
        dict(dataset=with_split(D, "validation", x=D.test.x[:0], y=D.test.y[:0])),
        r"validation\.x: .*empty",
    ),
    "batch size": (dict(batch_size=43), r"batch_size: got 43 for 42 training examples"),
    "batch size 0": (dict(batch_size=0), r"batch_size: got 0"),
    "epochs": (dict(epochs=0), r"epochs: got 0"),
    "patience": (dict(patience=0), r"patience: got 0"),
    "seed": (dict(seed=2**32), r"seed: got 4294967296"),
    "negative seed": (dict(seed=-1), r"seed: got -1"),
    "net": (dict(net="mlp"), r"net: got 'mlp'"),
    "loss": (dict(loss="mse"), r"loss: got 'mse'"),
    "optimizer": (dict(optimizer=1e-3), r"optimizer: got 0.001"),
    "loss and optimizer swapped": (
        dict(loss=ADAM, optimizer=CE),
        "the order is net, loss, optimizer",
    ),
    "a loss uncalled": (
        dict(loss=losses.huber),
        r"loss: got the function huber, .*; call it: "
        r"fnn\.losses\.huber\(\)",
    ),
    "an optimizer uncalled": (
        dict(optimizer=optim.adam),
        r"optimizer: got the function adam, .* fnn\.optim\.adam\(\.\.\.\)",
    ),
    "a network uncalled": (
        dict(net=fnn.mlp),
        r"net: got the function mlp, .*; call it: "
        r"fnn\.mlp\(\.\.\.\)",
    ),
    "lists": (
        dict(dataset=with_split(D, "train", x=D.train.x.tolist())),
        r"train\.x: got list, expected an array",
    ),
    "tuples": (
        dict(dataset=with_split(D, "test", y=tuple(D.test.y))),
        r"test\.y: got tuple, expected an array",
    ),
    "a pair for a split": (
        dict(dataset=D._replace(test=(1, 2))),
        r"test: got tuple, expected a "
        r"fnn\.data\.Split",
    ),
    "objects": (
        dict(dataset=with_split(D, "train", x=D.train.x.astype(object))),
        r"train\.x: got dtype object",
    ),
    "labels beyond int32": (
        dict(dataset=with_split(D, "train", y=D.train.y + np.int64(2**32))),
        r"train\.y: got 4294",
    ),
    "x beyond float32": (
        dict(dataset=with_split(D, "test", x=np.full((9, 3), 1e300))),
        r"test\.x: .*float32 holds",
    ),
    "a column of labels": (
        dict(dataset=D._replace(**{n: s._replace(y=s.y[:, None]) for n, s in D.splits.items()})),
        r"train\.y: got integers of shape \(42, 1\), expected labels of shape \(examples,\); use "
        r"y\.ravel\(\)",
    ),
    "a vector for two outputs": (
        dict(net=fnn.mlp((3, 2)), loss=losses.squared_error),
        r"train\.y: got a target of shape \(42,\), expected \(examples, outputs\) = \(42, 2\)",
    ),
    "softmax of one output": (
        dict(net=fnn.mlp((3, 1))),
        r"train\.y: got classes for a network "
        r"with 1 output",
    ),
    "dataset": (dict(dataset=(1, 2, 3)), r"dataset: got tuple"),
    "batch norm of one": (
        dict(net=fnn.mlp((3, 4, 3), batch_norm="before"), batch_size=41),
        r"batch_size: a batch of one example",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_before_anything_compiles(case, monkeypatch):
    monkeypatch.setattr("fnn.runs.train.Driver", None)
    options, message = REFUSALS[case]
    with pytest.raises(ValueError, match=message):
        quick(**options)


def test_another_generator_is_refused():
    with (
        jax.default_prng_impl("rbg"),
        pytest.raises(ValueError, match="got 'rbg', expected 'threefry2x32'"),
    ):
        quick()


@pytest.mark.long
def test_digits_learn():
    run = fnn.train(
        fnn.mlp((64, 32, 10)),
        CE,
        optim.adam(3e-3),
        data.load("digits"),
        epochs=30,
        batch_size=64,
        progress=False,
    )
    assert run.history["test_accuracy"][-1] > 0.95
