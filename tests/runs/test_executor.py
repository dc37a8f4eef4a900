"""Blocks on the workers of an executor: the bits of this process, whatever happens to a worker."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor

import jax
import numpy as np
import pytest

import fnn
from fnn import losses, optim
from fnn.runs import dispatch
from fnn.runs.missing_runs import warn_of_other_machines
from fnn.runs.task import run_task
from fnn.workers.cores import NoCores
from tests.problems import blobs

NET = fnn.mlp((3, 8, 3), activation="tanh")
D = blobs()
HYPER = {"learning_rate": [1e-3, 1e-2, 3e-2]}
OPTIONS = {
    "hyper": HYPER,
    "seeds": range(16),
    "epochs": 3,
    "batch_size": 10,
    "runs_per_vmap": 8,
    "progress": False,
}


def build(hyper):
    return NET, losses.softmax_cross_entropy, optim.adam(hyper["learning_rate"])


def swept(executor=None, builder=build, **options):
    return fnn.sweep(builder, D, executor=executor, **(OPTIONS | options))


@pytest.fixture(scope="module")
def here():
    return swept()


def assert_equal_bits(one, other):
    for name in one.history:
        assert np.array_equal(one.history[name], other.history[name], equal_nan=True), name
    for name in ("finished", "best_epoch", "stopped_epoch", "diverged_step"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for a, b in zip(jax.tree.leaves(one.outputs), jax.tree.leaves(other.outputs), strict=True):
        assert np.array_equal(a, b)


class Inline(Executor):
    """Computes a task when it is sent; `change` makes the answer, or raises."""

    def __init__(self, change=lambda task, answer: answer):
        self.change = change
        self.tasks = []

    def submit(self, f, task):
        self.tasks.append(task)
        future = Future()
        try:
            future.set_result(self.change(task, f(task)))
        except Exception as error:
            future.set_exception(error)
        return future


class Ending(Inline):
    """Computes so many tasks, and raises an error when it is sent another one."""

    def __init__(self, tasks, error, change=lambda task, answer: answer):
        super().__init__(change)
        self.most, self.error = tasks, error

    def submit(self, f, task):
        if len(self.tasks) == self.most:
            raise self.error
        return super().submit(f, task)


# ------------------------------------------------------------------------------------ without loss


@pytest.mark.optimized
def test_bits_are_those_of_this_process(here):
    executor = Inline()
    assert_equal_bits(swept(executor), here)
    assert len(executor.tasks) == 6  # of 8 runs
    assert all(task.job.stored == () for task in executor.tasks)


def test_a_function_of_the_users_own(here):
    def f(key, hyper):
        return {"x": jax.random.normal(key, (3,)) * hyper["scale"], "count": jax.numpy.int32(2)}

    options = {"seeds": range(12), "hyper": {"scale": [1.0, 2.0]}, "progress": False}
    there = fnn.sweep_function(f, executor=Inline(), **options)
    assert_equal_outputs = jax.tree.map(
        np.array_equal, there.outputs, fnn.sweep_function(f, **options).outputs
    )
    assert all(jax.tree.leaves(assert_equal_outputs))


def test_parameters_that_are_not_kept_do_not_come_back(here):
    names = set()
    executor = Inline(lambda task, answer: names.update(answer.arrays) or answer)
    there = swept(executor, keep_params=False)
    assert not [name for name in names if "params" in name]
    first = jax.tree.map(lambda leaf: leaf[0], here.outputs[1].params)
    jax.tree.map(np.testing.assert_array_equal, there.run(1, 0).params, first)


def test_a_worker_that_cannot_have_cores_of_its_own_says_so(monkeypatch):
    def refuse(count):
        raise NoCores(f"no {count} cores")

    monkeypatch.setattr("fnn.runs.task.keep_to", refuse)
    with pytest.raises(fnn.SweepFailed, match="no 3 cores"):
        swept(fnn.Workers(Inline(), cores_per_worker=3))


def test_data_go_through_a_directory_once(tmp_path, here, monkeypatch):
    monkeypatch.setattr("fnn.workers.packing.LEAST", 256)
    executor = Inline()
    assert_equal_bits(swept(fnn.Workers(executor, data_directory=tmp_path)), here)
    assert list(tmp_path.iterdir())
    assert executor.tasks[0].job.stored


@pytest.mark.slow
@pytest.mark.optimized
def test_jax_settings_go_along():
    with jax.enable_x64(True):
        here = swept(seeds=range(8))
        assert_equal_bits(swept(ThreadElsewhere(), seeds=range(8)), here)
    assert here.history["train_loss"].dtype == np.float64


class ThreadElsewhere(Inline):
    """Computes in another thread, which has JAX's settings as they are by default."""

    def submit(self, f, task):
        found = []
        send = super().submit
        thread = threading.Thread(target=lambda: found.append(send(f, task)))
        thread.start()
        thread.join()
        return found[0]


def test_callbacks_are_told_every_epoch_of_a_block(here):
    records = []
    swept(Inline(), callbacks=[records.extend])
    assert len(records) == 3 * 16 * 3
    last = [r for r in records if r["epoch"] == 2 and r["seed"] == 5]
    told = [r["metrics"]["train_loss"] for r in last]
    assert told == here.history["train_loss"][:, 5, 2].tolist()


@pytest.mark.slow
def test_splits_of_unequal_sizes(here):
    splits = [D, blobs(seed=1)]
    options = {name: value for name, value in OPTIONS.items() if name != "hyper"}
    one = fnn.sweep(build, splits, hyper=HYPER, **options)
    there = fnn.sweep(build, splits, hyper=HYPER, executor=Inline(), **options)
    assert_equal_bits(there, one)


# ---------------------------------------------------------------------------------- what goes wrong


def losing(times):
    """Lose the first tasks."""
    lost = []

    def change(task, answer):
        if len(lost) < times:
            lost.append(task)
            raise ConnectionError("the worker is gone")
        return answer

    return change


def test_lost_tasks_are_sent_again(here):
    executor = Inline(losing(4))
    assert_equal_bits(swept(executor), here)
    assert len(executor.tasks) == 6 + 4


def test_a_task_that_is_lost_too_often_is_given_up_and_resumed(here):
    def lose_group_of_first(task, answer):
        if 0 in task.runs:
            raise ConnectionError("the worker is gone")
        return answer

    executor = Inline(lose_group_of_first)
    with pytest.raises(fnn.SweepFailed, match="sent 3 times: ConnectionError: the w") as failed:
        swept(executor)
    assert failed.value.sweep.finished.sum() == 48 - 8
    assert_equal_bits(failed.value.resume(progress=False, executor=Inline()), here)


def test_a_broken_pool_keeps_what_is_finished(here):
    with pytest.raises(fnn.SweepFailed, match="all processes died") as failed:
        swept(Ending(3, BrokenExecutor("all processes died")))
    finished = failed.value.sweep.finished
    assert 0 < finished.sum() < 48
    assert_equal_bits(failed.value.resume(progress=False, executor=Inline()), here)


def test_silence_sends_tasks_again(here, monkeypatch):
    monkeypatch.setattr(dispatch, "POLL", 0.01)

    class Silent(Inline):
        def submit(self, f, task):
            if len(self.tasks) < 2:
                self.tasks.append(task)
                return Future()
            return super().submit(f, task)

    executor = Silent()
    assert_equal_bits(swept(fnn.Workers(executor, timeout=0.2)), here)
    assert len(executor.tasks) == 6 + 2


def test_answers_that_come_twice_count_once(here, monkeypatch):
    monkeypatch.setattr(dispatch, "POLL", 0.01)

    class Late(Inline):
        """The first task comes back after the second time it is sent."""

        def submit(self, f, task):
            future = super().submit(f, task)
            if len(self.tasks) == 1:
                self.late, first = future, Future()
                first.set_running_or_notify_cancel()
                self.first = first
                return first
            if len(self.tasks) == 7:
                self.first.set_result(self.late.result())
            return future

    assert_equal_bits(swept(fnn.Workers(Late(), timeout=0.2)), here)


def test_what_the_users_code_raises_is_raised_here_and_not_sent_again():
    def f(key, hyper):
        if threading.current_thread() is not threading.main_thread():
            raise KeyError("mine")
        return jax.random.normal(key, ())

    executor = ThreadElsewhere()
    with pytest.raises(KeyError, match="mine") as raised:
        fnn.sweep_function(f, seeds=range(9), executor=executor, progress=False)
    assert len(executor.tasks) <= 2
    assert any("raised on worker" in note for note in raised.value.__notes__)


def test_errors_of_the_machine_leave_the_others_to_be_run(here, monkeypatch):
    broken = []

    def run_or_fail(task):
        if len(broken) < 1:
            broken.append(task)
            monkeypatch.setattr("fnn.runs.task.compute_task", fail)
            try:
                return run_task(task)
            finally:
                monkeypatch.undo()
        return run_task(task)

    def fail(task):
        raise MemoryError("no room")

    class Failing(Inline):
        def submit(self, f, task):
            return super().submit(run_or_fail, task)

    with pytest.raises(fnn.SweepFailed, match="no room") as failed:
        swept(Failing())
    assert failed.value.sweep.finished.sum() == 40
    assert_equal_bits(failed.value.resume(progress=False), here)


@pytest.mark.optimized(otherwise=False)
def test_blocks_of_one_row_have_the_same_bits(here):
    executor = Inline(losing(100))
    with pytest.raises(fnn.SweepFailed) as failed:
        swept(executor)
    there = failed.value.resume(progress=False, smaller_blocks=True, executor=Inline())
    assert_equal_bits(there, here)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: {name: array[:1] for name, array in arrays.items()}, "expected"),
        (
            lambda arrays: {name: a.astype(np.float16) for name, a in arrays.items()},
            "float",
        ),
        (lambda arrays: dict(list(arrays.items())[1:]), "expected"),
        (lambda arrays: arrays | {"more": np.zeros(3)}, "more"),
    ],
)
def test_what_comes_back_is_looked_at(change, message):
    executor = Inline(lambda task, answer: answer._replace(arrays=change(answer.arrays)))
    with pytest.raises(fnn.SweepFailed, match=message):
        swept(executor)


def test_an_answer_of_another_job_is_refused():
    executor = Inline(lambda task, answer: answer._replace(job="0" * 64))
    with pytest.raises(fnn.SweepFailed, match="another job"):
        swept(executor)


def of_two_kinds(task, answer):
    other = {"device_kind": "NVIDIA H200"} if 8 in task.runs else {}
    return answer._replace(machine=answer.machine | other)


def test_workers_of_two_kinds_are_refused(here):
    with pytest.raises(fnn.SweepFailed, match=r"other bits.*'cpu' and 'NVIDIA H200'") as failed:
        swept(Inline(of_two_kinds))
    assert not failed.value.sweep.finished[0, 8:].any()
    assert_equal_bits(failed.value.resume(progress=False, executor=Inline()), here)


def test_or_labelled(here, tmp_path):
    there = swept(fnn.Workers(Inline(of_two_kinds), mixed="label"))
    assert_equal_bits(there, here)
    assert len(there.machines) == 2
    assert there.machine[0].tolist() == [0] * 8 + [1] * 8
    assert [row["machine"] for row in there.records()][7:9] == [0, 1]
    loaded = fnn.load(there.save(tmp_path / "labelled"))
    assert loaded.machines == there.machines
    assert np.array_equal(loaded.machine, there.machine)
    with pytest.warns(UserWarning, match="bits may be others: device_kind 'NVIDIA H200'"):
        more = there.extend(seeds=[99], progress=False)
    assert more.machine[0].tolist() == [0] * 8 + [1] * 8 + [-1]


def test_a_sweep_goes_on_in_this_process_and_its_error_can_be_pickled(here):
    with pytest.raises(fnn.SweepFailed, match="gone") as failed:
        swept(Ending(2, BrokenExecutor("gone")))
    again = pickle.loads(pickle.dumps(failed.value))
    assert str(again) == str(failed.value)
    assert again.sweep.finished.sum() == 16
    with pytest.raises(ValueError, match="this error was pickled"):
        again.resume()
    with pytest.raises(ValueError, match="executor"):
        failed.value.resume(executor="another")
    assert_equal_bits(failed.value.resume(progress=False, executor=None), here)


def test_answers_that_came_before_ctrl_c_are_kept(here):
    def interrupt(task, answer):
        if len(executor.tasks) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return answer

    executor = Inline(interrupt)
    with pytest.raises(fnn.SweepInterrupted) as stopped:
        swept(executor)
    assert stopped.value.sweep.finished.sum() == 8 * len(executor.tasks)
    assert_equal_bits(stopped.value.resume(progress=False), here)
    assert len(executor.tasks) == 6


def test_more_seeds_are_trained_by_an_executor(here):
    some = swept(None, seeds=range(8))
    computed = []
    executor = Inline(lambda task, answer: computed.append(len(task.runs)) or answer)
    assert_equal_bits(some.extend(seeds=range(16), executor=executor, progress=False), here)
    assert sum(computed) == 3 * 8


def test_a_checkpoint_remembers_the_kind(tmp_path, here):
    directory = tmp_path / "sweep"
    with pytest.raises(fnn.SweepFailed, match="gone"):
        swept(Ending(2, BrokenExecutor("gone")), checkpoint=directory)
    assert fnn.load(directory).finished.sum() == 16
    assert len(fnn.load(directory).machines) == 1

    def other(task, answer):
        return answer._replace(machine=answer.machine | {"jaxlib": "0.0.0"})

    with pytest.raises(fnn.SweepFailed, match=r"jaxlib .* and '0.0.0'"):
        swept(Inline(other), checkpoint=directory)
    assert_equal_bits(swept(Inline(), checkpoint=directory), here)


def test_ctrl_c_cancels_what_has_not_begun(here, monkeypatch):
    monkeypatch.setattr(dispatch, "POLL", 0.01)

    class Interrupted(Inline):
        """Two tasks come back, then the user presses Ctrl-C; the others wait."""

        def submit(self, f, task):
            if len(self.tasks) < 2:
                return super().submit(f, task)
            self.tasks.append(task)
            if len(self.tasks) == 6:
                os.kill(os.getpid(), signal.SIGINT)
            self.futures = [*getattr(self, "futures", []), Future()]
            return self.futures[-1]

    executor = Interrupted()
    with pytest.raises(fnn.SweepInterrupted) as stopped:
        swept(executor)
    assert all(future.cancelled() for future in executor.futures)
    assert stopped.value.sweep.finished.sum() <= 16
    assert_equal_bits(stopped.value.resume(progress=False, executor=Inline()), here)


def test_leaves_that_come_in_another_order_are_put_where_they_belong(here):
    def reverse(task, answer):
        return answer._replace(arrays=dict(reversed(answer.arrays.items())))

    assert_equal_bits(swept(Inline(reverse)), here)


@pytest.mark.slow
def test_a_worker_computes_a_job_it_knows_under_other_settings_of_jax(here):
    assert_equal_bits(swept(Inline()), here)
    with jax.enable_x64(True):
        assert_equal_bits(swept(Inline()), swept())


def test_as_many_silent_tasks_as_may_be_under_way_do_not_stop_the_others(here, monkeypatch):
    monkeypatch.setattr(dispatch, "POLL", 0.01)
    monkeypatch.setattr(dispatch, "FEW_UNDER_WAY", 2)
    monkeypatch.setattr(dispatch, "BYTES_UNDER_WAY", 1)

    class Silent(Inline):
        def submit(self, f, task):
            if len(self.tasks) >= 2:
                return super().submit(f, task)
            self.tasks.append(task)
            future = Future()
            future.set_running_or_notify_cancel()
            return future

    assert_equal_bits(swept(fnn.Workers(Silent(), timeout=0.1)), here)


def test_tasks_that_were_not_begun_are_not_counted_as_lost(here, monkeypatch):
    monkeypatch.setattr(dispatch, "POLL", 0.01)

    class Slow(Inline):
        """Nothing is begun for the first ten times that a task is sent."""

        def submit(self, f, task):
            if len(self.tasks) >= 30:
                return super().submit(f, task)
            self.tasks.append(task)
            return Future()

    assert_equal_bits(swept(fnn.Workers(Slow(), timeout=0.05, retries=0)), here)


@pytest.mark.parametrize("error", [OSError("no memory"), RuntimeError("shut down")])
def test_what_is_finished_is_kept_where_nothing_can_be_sent(here, error):
    with pytest.raises(fnn.SweepFailed, match=str(error)) as failed:
        swept(Ending(3, error))
    assert failed.value.sweep.finished.sum() == 24
    assert_equal_bits(failed.value.resume(progress=False, executor=Inline()), here)


def test_a_pool_that_is_shut_down_keeps_what_is_finished(here):
    class Cancelling(Inline):
        def submit(self, f, task):
            if len(self.tasks) == 5:
                for future in self.waiting:
                    future.cancel()
                raise RuntimeError("shut down")
            if len(self.tasks) < 2:
                return super().submit(f, task)
            self.tasks.append(task)
            self.waiting = [*getattr(self, "waiting", []), Future()]
            return self.waiting[-1]

    with pytest.raises(fnn.SweepFailed, match="shut down") as failed:
        swept(Cancelling())
    assert failed.value.sweep.finished.sum() == 16


def test_runs_of_this_process_and_of_an_unlike_worker_are_told_apart(tmp_path, here):
    directory = tmp_path / "sweep"

    def other(task, answer):
        return answer._replace(machine=answer.machine | {"jaxlib": "0.0.0"})

    with pytest.raises(fnn.SweepFailed, match="gone"):
        swept(Ending(2, BrokenExecutor("gone"), other), checkpoint=directory)
    there = fnn.load(directory)
    with pytest.warns(UserWarning, match=r"bits may be others: jaxlib '0.0.0'"):
        warn_of_other_machines(there)
    assert there.finished.sum() == 16


def test_several_processes_of_jax_distributed_are_refused(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(ValueError, match=r"jax.distributed has 2 processes"):
        swept()
    with pytest.raises(ValueError, match=r"jax.distributed has 2 processes"):
        fnn.sweep_function(lambda key, hyper: 1.0, seeds=[0])


# ----------------------------------------------------------------------------------- real processes


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def dask_executor(client):
    return client.get_executor(pure=False, retries=2)


def closure():
    rate = "learning_rate"

    def builder(hyper):
        return NET, losses.softmax_cross_entropy, optim.adam(hyper[rate])

    return builder


class Once:
    """Does something to a worker when the first block has come back."""

    def __init__(self, act):
        self.act = act
        self.done = False

    def __call__(self, records):
        if not self.done:
            self.done = True
            self.act()


def pid_of_a_worker(client):
    return next(iter(client.run(os.getpid).values()))


@pytest.mark.slow
@pytest.mark.optimized
def test_dask_and_a_worker_that_is_killed(client, here):
    """A closure, and a worker killed by SIGKILL while blocks are under way."""
    kill = Once(lambda: os.kill(pid_of_a_worker(client), signal.SIGKILL))
    there = swept(dask_executor(client), closure(), callbacks=[kill])
    assert kill.done
    assert_equal_bits(there, here)
    assert there.machine.min() == 0


@pytest.mark.long
def test_dask_and_a_worker_that_is_cut_off(client, here):
    stopped = []

    def stop():
        stopped.append(pid_of_a_worker(client))
        os.kill(stopped[0], signal.SIGSTOP)

    workers = fnn.Workers(dask_executor(client), timeout=5.0)
    try:
        there = swept(workers, closure(), callbacks=[Once(stop)])
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    assert_equal_bits(there, here)


@pytest.mark.long
def test_dask_and_a_block_that_raises(client):
    own = os.getpid()

    def f(key, hyper):
        if os.getpid() != own:
            raise LookupError("mine")
        return jax.random.normal(key, ())

    with pytest.raises(LookupError, match="mine"):
        fnn.sweep_function(f, seeds=range(9), executor=dask_executor(client), progress=False)


@pytest.mark.long
def test_a_pool_of_spawned_processes_that_dies(here):
    def pool():
        return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))

    with pool() as first, pool() as second:

        def kill():
            os.kill(next(iter(first._processes)), signal.SIGKILL)

        with pytest.raises(fnn.SweepFailed, match="BrokenProcessPool") as failed:
            swept(first, closure(), callbacks=[Once(kill)])
        assert failed.value.sweep.finished.sum() >= 8
        assert_equal_bits(failed.value.resume(progress=False, executor=second), here)


COORDINATOR = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from tests.runs.test_executor import swept

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        swept(pool, checkpoint=sys.argv[1], epochs=200)
"""


@pytest.mark.long
def test_a_coordinator_that_is_killed_goes_on(tmp_path):
    directory = tmp_path / "sweep"
    script = tmp_path / "coordinator.py"
    script.write_text(COORDINATOR)
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    command = [sys.executable, str(script), str(directory)]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    finished = directory / "finished"
    deadline = time.monotonic() + 120
    while not (finished.exists() and list(finished.glob("step-*"))):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert fnn.load(directory).finished.sum() >= 8
    there = swept(Inline(), checkpoint=directory, epochs=200)
    assert_equal_bits(there, swept(epochs=200))
