"""Runs and sweeps that are saved end where those end that were never interrupted, bit for bit, or
refuse to go on.
"""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import chex
import jax
import numpy as np
import pytest

import fnn
from fnn import checkpoint, losses, optim
from fnn.checkpoint import store
from fnn.runs.chunks import ChunkScheduler
from fnn.runs.interrupted import SAME
from fnn.runs.signals import StopSignals
from tests.amounts import amount
from tests.problems import blobs

KILLS = amount(1, 12)  # of runs, and of sweeps
ROOT = Path(__file__).parents[2]
NET = fnn.mlp((3, 8, 3), activation="tanh", batch_norm="before", dropout=0.2)
CE = losses.softmax_cross_entropy
ADAM = optim.adam(1e-2)
D = blobs()


def train(**options):
    options = {"epochs": 12, "batch_size": 10, "seed": 3, "progress": False} | options
    return fnn.train(
        options.pop("net", NET),
        CE,
        options.pop("optimizer", ADAM),
        options.pop("dataset", D),
        **options,
    )


def by_rate(hyper):
    return NET, CE, optim.adam(hyper["learning_rate"])


def sweep(**options):
    options = {"epochs": 6, "batch_size": 10, "seeds": range(20), "progress": False} | options
    options = {"hyper": {"learning_rate": [1e-2, 1e38]}} | options
    return fnn.sweep(options.pop("builder", by_rate), options.pop("dataset", D), **options)


def arrays(run):
    return run._replace(optimizer_state=None, origin=None, compile_seconds=0.0, run_seconds=0.0)


def results(found):
    """What a sweep found, as arrays."""
    counts = found.best_epoch, found.stopped_epoch, found.diverged_step, found.finished
    return found.history, counts, [found.params(row) for row in range(len(found.settings))]


class Asked:
    """Asks to stop, as a signal would, after so many chunks."""

    def __init__(self, monkeypatch, chunks, number=signal.SIGINT):
        original, self.seen = ChunkScheduler.chunks, 0

        def watched(pace, *arguments):
            for training in original(pace, *arguments):
                self.seen += 1
                if self.seen == chunks:
                    os.kill(os.getpid(), number)
                yield training

        monkeypatch.setattr(ChunkScheduler, "chunks", watched)
        monkeypatch.setattr("fnn.runs.chunks.CHUNK_SECONDS", 0.0)


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr("fnn.runs.engine.MOST_RUNS_PER_VMAP", 8)
    monkeypatch.setattr("fnn.runs.engine.MOST_ROWS", 1)


@pytest.mark.every(2)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_goes_on_where_it_was(tmp_path, monkeypatch, number):
    whole = train()
    with monkeypatch.context() as patch:
        Asked(patch, 5, number)
        with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit) as stop:
            train(checkpoint=tmp_path)
    assert (
        stop.value.code == 143
        if number == signal.SIGTERM
        else "saved after 5 epochs in" in str(stop.value)
    )
    assert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)
    assert fnn.load(tmp_path).stopped_epoch == 4
    chex.assert_trees_all_equal(arrays(train(checkpoint=tmp_path)), arrays(whole))


def test_a_finished_run_is_returned_at_once(tmp_path, monkeypatch):
    whole = train(checkpoint=tmp_path)
    chex.assert_trees_all_equal(arrays(whole), arrays(train()))
    monkeypatch.setattr(ChunkScheduler, "chunks", lambda *arguments: iter(()))
    again = train(checkpoint=tmp_path)
    chex.assert_trees_all_equal(arrays(again), arrays(whole))


def test_runs_are_saved_every_so_many_epochs_and_seconds(tmp_path, monkeypatch):
    saved = []
    original = store.commit

    def noted(directory, step, tree, **options):
        saved.append((directory.name, int(np.max(tree["tree"].epochs))))
        return original(directory, step, tree, **options)

    monkeypatch.setattr(store, "commit", noted)
    train(checkpoint=tmp_path / "epochs", checkpoint_epochs=5)
    assert saved == [("progress", 5), ("progress", 10), ("finished", 12)]
    saved.clear()
    train(checkpoint=tmp_path / "end")
    assert saved == [("finished", 12)]
    saved.clear()
    monkeypatch.setattr("fnn.runs.chunks.CHUNK_SECONDS", 0.0)
    train(checkpoint=tmp_path / "seconds", checkpoint_every=1e-9)
    assert saved == [*(("progress", epochs) for epochs in range(1, 12)), ("finished", 12)]
    assert checkpoint.steps(tmp_path / "seconds" / "progress") == [9, 10]  # the last two


@pytest.mark.every(1)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 7}, "batch_size: saved 10, now 7"),
        ({"monitor": "train_loss"}, "monitor: saved .*validation_loss"),
        ({"seed": 4}, "seed: saved 3, now 4"),
        ({"optimizer": optim.adam(2e-2)}, r"optimizer\.learning_rate: saved 0\.01, now 0\.02"),
        ({"net": fnn.mlp((3, 8, 3))}, r"net\..*saved .*, now"),
        ({"net": fnn.mlp((3, 8, 3), activation="relu", batch_norm="before", dropout=0.2)}, r"relu"),
        ({"dataset": D._replace(test=D.validation)}, "other numbers in test.x"),
    ],
)
def test_other_arguments_are_refused_and_shown(tmp_path, change, message):
    train(checkpoint=tmp_path)
    with pytest.raises(ValueError, match=f"belongs to a call with other arguments.*{message}"):
        train(checkpoint=tmp_path, **change)


@pytest.mark.slow
def test_constants_of_inner_programs_are_arguments_too(tmp_path):
    def scaled(factor):
        constant = np.full((42, 3), factor, np.float32)
        return lambda key, x, y: (jax.jit(lambda x: x * constant)(x), y)

    train(checkpoint=tmp_path, transform_train=scaled(1.0))
    with pytest.raises(ValueError, match=r"other numbers in transform_train.*constant"):
        train(checkpoint=tmp_path, transform_train=scaled(2.0))


def test_numbers_of_numpy_are_arguments_as_any(tmp_path):
    whole = train(checkpoint=tmp_path, seed=np.int64(3), epochs=np.int64(12))
    chex.assert_trees_all_equal(arrays(train(checkpoint=tmp_path)), arrays(whole))


def test_a_wish_after_the_last_chunk_is_granted_and_ignored_signals_stay_ignored():
    def late():
        with StopSignals([signal.SIGTERM]):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit):
        late()
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        late()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_version_or_machine_is_warned_of(tmp_path, monkeypatch):
    train(checkpoint=tmp_path)
    around = "fnn.checkpoint.run_directory.surroundings"
    monkeypatch.setattr(around, lambda: {**store.surroundings(), "cpu_count": 99})
    with pytest.warns(
        UserWarning, match=r"begun elsewhere: cpu_count: saved \d+, now 99\. The last bits"
    ):
        train(checkpoint=tmp_path)
    monkeypatch.setattr(around, lambda: {**store.surroundings(), "jax": "9.9"})
    with pytest.warns(UserWarning, match=r"now '9\.9'.*could not be compared"):
        train(checkpoint=tmp_path)


def test_directories_of_something_else_are_refused(tmp_path):
    checkpoint.save(tmp_path / "own", 0, {"a": np.ones(1)})
    with pytest.raises(ValueError, match=r"has step-\* and no arguments\.json"):
        train(checkpoint=tmp_path / "own")
    train(checkpoint=tmp_path / "a")
    with pytest.raises(ValueError, match="belongs to a run, which its steps are kept for"):
        checkpoint.save(tmp_path / "a", 99, {"a": np.ones(1)}, keep=1)
    train(checkpoint=tmp_path / "b", seed=4)
    a, b = (tmp_path / name / "finished" for name in "ab")
    os.rename(a / "step-00000000", tmp_path / "elsewhere")
    os.rename(b / "step-00000000", a / "step-00000013")
    with pytest.raises(
        checkpoint.Damaged, match="is of step 0, but its folder is called step-00000013"
    ):
        train(checkpoint=tmp_path / "a")
    os.rename(a / "step-00000013", a / "step-00000000")
    with pytest.raises(ValueError, match="step-00000000 was saved by another run"):
        train(checkpoint=tmp_path / "a")
    (tmp_path / "a" / "arguments.json").write_text("{}")
    with pytest.raises(checkpoint.Damaged, match=r"arguments\.json: not what was written"):
        train(checkpoint=tmp_path / "a")


def test_a_damaged_step_is_refused_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.setattr("fnn.runs.chunks.CHUNK_SECONDS", 0.0)
    whole = train(checkpoint=tmp_path, checkpoint_epochs=6)
    newest = tmp_path / "finished" / "step-00000000"
    (newest / "arrays.npz").write_bytes(b"")
    with pytest.raises(
        checkpoint.Damaged, match=r"Delete .*step-00000000 to go on from what was saved before it"
    ):
        train(checkpoint=tmp_path, checkpoint_epochs=6)
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    chex.assert_trees_all_equal(
        arrays(train(checkpoint=tmp_path, checkpoint_epochs=6)), arrays(whole)
    )


def test_two_runs_in_one_directory(tmp_path):
    with checkpoint.lock(tmp_path), pytest.raises(checkpoint.InUse, match="works in it"):
        train(checkpoint=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": 3}, "checkpoint: got 3, expected a directory"),
        (
            {"checkpoint_every": 0.0},
            r"checkpoint_every: got 0\.0, expected a finite number above 0",
        ),
        (
            {"checkpoint_epochs": 0},
            "checkpoint_epochs: got 0, expected a whole number of at least 1",
        ),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        train(**options)


@pytest.mark.long
def test_a_run_that_diverged_stays_so(tmp_path):
    with pytest.warns(UserWarning, match="diverged in epoch 1"):
        whole = train(checkpoint=tmp_path, optimizer=optim.adam(1e38))
    with pytest.warns(UserWarning, match="diverged in epoch 1"):
        again = train(checkpoint=tmp_path, optimizer=optim.adam(1e38))
    chex.assert_trees_all_equal(arrays(again), arrays(whole))


@pytest.mark.slow
@pytest.mark.every(2)
@pytest.mark.parametrize("keep_params", [True, False])
@pytest.mark.parametrize("chunks", [3, 12])
def test_a_sweep_that_is_stopped_goes_on_in_another_call(
    tmp_path, monkeypatch, small_blocks, chunks, keep_params
):
    whole = sweep()
    with monkeypatch.context() as patch:
        Asked(patch, chunks)
        with pytest.raises(fnn.SweepInterrupted) as stop:
            sweep(checkpoint=tmp_path, keep_params=keep_params)
    assert not stop.value.sweep.finished.all()
    assert f"in {tmp_path}; the same call goes on from there" in str(stop.value)
    found = sweep(checkpoint=tmp_path, keep_params=keep_params)
    chex.assert_trees_all_equal(results(found), results(whole))
    monkeypatch.setattr(ChunkScheduler, "chunks", lambda *arguments: pytest.fail("trained again"))
    chex.assert_trees_all_equal(
        sweep(checkpoint=tmp_path, keep_params=keep_params).history, whole.history
    )


@pytest.mark.long
def test_a_sweep_without_a_directory_goes_on_within_the_block(monkeypatch):
    whole = sweep()
    with monkeypatch.context() as patch:
        asked = Asked(patch, 4)
        with pytest.raises(fnn.SweepInterrupted, match="0 of 40 runs finished") as stop:
            sweep()
        assert asked.seen == 4
        found = stop.value.resume(progress=False)
        assert asked.seen == 6  # the two epochs that were left of the only block
    chex.assert_trees_all_equal(results(found), results(whole))


@pytest.mark.slow
def test_sigterm_ends_a_saved_sweep_with_143(tmp_path, monkeypatch, small_blocks):
    with monkeypatch.context() as patch:
        Asked(patch, 2, signal.SIGTERM)
        with pytest.raises(SystemExit) as stop:
            sweep(checkpoint=tmp_path)
    assert stop.value.code == 143
    chex.assert_trees_all_equal(results(sweep(checkpoint=tmp_path)), results(sweep()))


@pytest.mark.slow
@pytest.mark.every(2)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 7}, "epochs: saved 6, now 7"),
        ({"seeds": range(21)}, "seeds: saved"),
        ({"exact": True}, r"runs_per_vmap: saved \[8, 8\], now \[1, 1\]"),
        (
            {"hyper": {"learning_rate": [1e-3, 1e38]}},
            r"setting 0: saved \{'learning_rate': 0\.01\}, now",
        ),
        (
            {"builder": lambda hyper: (NET, CE, optim.rmsprop(hyper["learning_rate"]))},
            r"optimizer\.b1: saved 0\.9, now None",
        ),
    ],
)
def test_other_sweeps_are_refused_and_shown(tmp_path, change, message):
    sweep(checkpoint=tmp_path)
    with pytest.raises(ValueError, match=message):
        sweep(checkpoint=tmp_path, **change)


def failing_blocks(monkeypatch, which, error):
    """The blocks of these numbers fail."""
    original, seen = ChunkScheduler.chunks, []

    def failing(pace, *arguments):
        seen.append(1)
        if len(seen) - 1 in which:
            raise error
        return original(pace, *arguments)

    monkeypatch.setattr(ChunkScheduler, "chunks", failing)


@pytest.mark.parametrize("smaller", [False, True])
@pytest.mark.parametrize("directory", [False, True])
def test_a_block_that_fails_leaves_the_others(
    tmp_path, monkeypatch, small_blocks, directory, smaller
):
    options = {"checkpoint": tmp_path} if directory else {}
    whole = sweep()
    with monkeypatch.context() as patch:
        failing_blocks(patch, {1}, jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory"))
        with pytest.raises(
            fnn.SweepFailed, match=r"16 of 40 runs failed, in 1 block.*RESOURCE_EXHAUSTED"
        ) as failed:
            sweep(**options)
    assert int(failed.value.sweep.finished.sum()) == 24
    (runs, error) = failed.value.failures[0]
    assert [run for run in runs if failed.value.sweep.finished[run[0], run[1]]] == []
    assert "RESOURCE_EXHAUSTED" in str(error)
    again = (
        sweep(**options)
        if directory
        else failed.value.resume(progress=False, smaller_blocks=smaller)
    )
    chex.assert_trees_all_equal(results(again), results(whole))


def test_a_program_that_cannot_be_compiled_is_tried_once(monkeypatch, small_blocks):
    tried = []

    def failing(engine, runs):
        tried.append(1)
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr("fnn.runs.engine.Engine.compile", failing)
    monkeypatch.setattr("fnn.runs.engine.Engine.is_compiled", lambda engine: False)
    with pytest.raises(fnn.SweepFailed, match=r"40 of 40 runs failed, in 3 block.*RESOURCE"):
        sweep()
    assert len(tried) == 1


@pytest.mark.long
def test_smaller_blocks_give_the_same_results(monkeypatch):
    whole = sweep(seeds=range(70))
    with monkeypatch.context() as patch:
        failing_blocks(patch, {0}, MemoryError())
        with pytest.raises(fnn.SweepFailed) as failed:
            sweep(seeds=range(70))
    found = failed.value.resume(progress=False, smaller_blocks=True)
    assert found.finished.all()
    chex.assert_trees_all_equal(results(found), results(whole))


def test_a_mistake_in_a_program_is_not_taken_for_a_failure_of_the_machine(monkeypatch):
    failing_blocks(monkeypatch, {0}, ValueError("a mistake"))
    with pytest.raises(ValueError, match="a mistake"):
        sweep()


def test_a_second_signal_does_not_wait():
    def twice():
        with StopSignals([signal.SIGINT]) as stopping:
            os.kill(os.getpid(), signal.SIGINT)
            assert stopping.requested == signal.SIGINT
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("went on")

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Compiled programs for the many processes."""
    return tmp_path_factory.mktemp("compiled")


def child(cache, *arguments):
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = [sys.executable, "-m", "tests.runs.interrupted_child", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def finished(process):
    process.communicate(timeout=300)
    assert process.returncode == 0


@pytest.mark.slow
@pytest.mark.every(2)
@pytest.mark.parametrize("kind", ["train", "sweep"])
def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(tmp_path, cache, kind):
    """SIGKILL at random moments after the first step was saved, again and again until a life
    reaches the end; then all over, until there were enough.
    """
    rng = np.random.default_rng(0)
    finished(child(cache, kind, tmp_path / "whole.npz"))
    kills, attempt = 0, 0
    while kills < KILLS:
        directory, out = tmp_path / f"run{attempt}", tmp_path / f"end{attempt}.npz"
        attempt += 1
        while not out.exists():
            with child(cache, kind, out, directory) as process:
                lines = iter(process.stdout.readline, "")
                next(lines)  # begun
                if rng.uniform() < 0.8:
                    next(lines, None)  # saved
                if kills < KILLS:
                    time.sleep(rng.uniform(0, 0.15))
                    process.kill()
                    process.wait()
                    kills += process.returncode == -signal.SIGKILL
                process.stdout.read()
            assert process.returncode in (0, -signal.SIGKILL)
            for path in [directory / "finished", directory / "progress"]:
                for step in checkpoint.steps(path):
                    checkpoint.load(path, step=step)
        with np.load(out) as mine, np.load(tmp_path / "whole.npz") as whole:
            assert mine.files == whole.files
            for name in whole.files:
                np.testing.assert_array_equal(mine[name], whole[name])
    print(f"{kills} kills, {attempt} runs")


@pytest.mark.slow
def test_memory_stays_flat_over_many_blocks(small_blocks):
    """Live arrays on the devices, and the process's own size, after many blocks."""
    import resource

    def sizes():
        return sum(array.nbytes for array in jax.live_arrays()), resource.getrusage(
            resource.RUSAGE_SELF
        ).ru_maxrss

    sweep(seeds=range(64), keep_params=False)
    before = sizes()
    sweep(seeds=range(amount(800, 4_000)), keep_params=False, epochs=6)
    after = sizes()
    assert after[0] <= before[0] + 100_000
    assert after[1] <= before[1] + 60_000  # KiB


def test_without_a_directory_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        train()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, (True, SAME, False)),
        ({"progress": False}, (False, SAME, False)),
        ({"executor": None}, (True, None, False)),
        ({"smaller_blocks": True}, (True, SAME, True)),
    ],
)
def test_what_resume_asks_for(options, arguments):
    asked = []
    sweep = SimpleNamespace(finished=np.zeros((1, 2), bool))
    failed = fnn.SweepFailed(sweep, [([(0, 1)], MemoryError("short"))], lambda *a: asked.append(a))
    failed.resume(**options)
    assert asked == [arguments]
    if "smaller_blocks" not in options:
        interrupted = fnn.SweepInterrupted(sweep, lambda *a: asked.append(a))
        interrupted.resume(**options)
        assert asked[1:] == [arguments]
