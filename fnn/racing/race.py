"""`fnn.race`: a sweep of settings × seeds that stops training settings that have lost."""

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np
from jaxtyping import Bool, Int

from fnn import checks
from fnn.checkpoint.run_directory import recorded
from fnn.checkpoint.store import ARGUMENTS
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.racing.compare import Comparison, compare, errors_of
from fnn.racing.errors import RaceFailed, RaceInterrupted
from fnn.racing.journals import CALL, RungJournals, part_name, race_call
from fnn.racing.result import REMAINS, Race, RungResult
from fnn.racing.rungs import GUARANTEES, Guarantee, Rung, rungs_of
from fnn.runs.blocks import check_runs_per_vmap
from fnn.runs.builder import Builder
from fnn.runs.driver import Driver, Failure, Group, whole_state
from fnn.runs.interrupted import SAME
from fnn.runs.journal import Journal, checked_directory
from fnn.runs.missing_runs import WorkerJob, driver_of
from fnn.runs.prepared import PreparedSweep, prepare
from fnn.runs.progress import progress_bar
from fnn.runs.refusals import check_names, one_process, plan_of
from fnn.runs.settings import HyperValues, settings_of
from fnn.runs.splits import checked_splits, fewest_examples
from fnn.runs.sweep_arrays import put_states
from fnn.runs.sweep_collector import SweepCollector, places_of
from fnn.runs.sweep_groups import SweepCall
from fnn.runs.task import states_at
from fnn.types import PyTree
from fnn.workers import Workers, workers_of

BUDGETS = ("runs", "epochs", "seconds")

RunsOf: TypeAlias = Bool[np.ndarray, "settings seeds"]
"""Whether each run is meant."""
States: TypeAlias = dict[int, list[tuple[Int[np.ndarray, "runs"], PyTree]]]
"""Number of a group -> pairs of run numbers and their states, whose leaves are (runs, …)."""


def race(
    builder: Builder,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seeds: Iterable[int],
    hyper: HyperValues,
    guarantee: Guarantee,
    rungs: Sequence[tuple[int, int]] | None = None,
    confidence: float = 0.95,
    delta: float = 0.0,
    budget: Mapping[str, float] | None = None,
    monitor: str = "validation_loss",
    mode: str | None = None,
    metrics: Mapping[str, Metric] | None = None,
    train_metrics: bool = False,
    runs_per_vmap: int | None = None,
    static: Sequence[str] | None = None,
    keep_params: bool | None = None,
    progress: bool = True,
    checkpoint: str | Path | None = None,
    checkpoint_every: float = 30.0,
    executor: Executor | Workers | None = None,
) -> Race:
    """Find the best setting with fewer epochs than a sweep, by dropping settings that have lost.

    At each rung the remaining settings are compared with the best of them, seed by seed, by the
    monitored entry of the history in the rung's epoch. A setting leaves if its interval lies above
    zero.

    builder        as for `fnn.sweep`
    dataset        one Dataset
    epochs         int, of a run that is trained to the end
    batch_size     int, as for `fnn.sweep`
    seeds          at least two ints
    hyper          as for `fnn.sweep`, at least two settings
    guarantee      the promise of the answer. "final": settings are compared after their last epoch
                   only, with more and more seeds; the best one is kept with the confidence, over
                   all settings and rungs. "rung": they are compared after 1/8, 1/4 and 1/2 of the
                   epochs too. Then each comparison holds for its own epoch: a setting that learns
                   slowly may have left although it would have become the best. "rung" trains far
                   fewer epochs
    rungs          pairs (epochs, seeds) at which settings are compared; the last pair has all
                   epochs and seeds. None: for "rung" half the seeds at 1/8 and 1/4 of the epochs,
                   then all; for "final" 4, 8, 16, … seeds
    confidence     float between 0 and 1 with which the best setting is kept, by default 0.95
    delta          difference of the metric that does not matter, by default 0. The race ends when
                   no other remaining setting can be better than the best by delta
    budget         {"runs": n}, {"epochs": n} of all runs together, or {"seconds": n}. A rung that
                   would exceed it is not begun, except the first. None: no limit
    checkpoint, checkpoint_every
                   as for `fnn.sweep`: the same call goes on where a killed one was. The directory
                   has the whole states of the runs at each rung; the budget may be another one
    monitor, mode, metrics, train_metrics, runs_per_vmap, static, keep_params, progress, executor
                   as for `fnn.sweep`

    Settings are compared by Student's interval of paired differences. It is corrected for all
    settings and, under "final", for every look by alpha spending (Lan & DeMets 1983;
    `fnn.racing.compare`). A run that diverged counts as the worst run that did not. A run that
    finishes has the same bits as in `fnn.sweep` at the same runs_per_vmap.

    Returns a `Race`.

    Raises ValueError for wrong arguments before anything is compiled. Raises RaceInterrupted after
    Ctrl-C, and RaceFailed if runs fail; both have the outcome so far and `resume()`.

    >>> import fnn
    >>> def builder(hyper):
    ...     net = fnn.mlp((2, 2, 1), activation="tanh")
    ...     return net, fnn.losses.squared_error, fnn.optim.sgd(hyper["learning_rate"])
    >>> result = fnn.race(
    ...     builder, fnn.data.load("xor"), hyper={"learning_rate": [1e-4, 0.1]},
    ...     guarantee="final", seeds=range(8), epochs=20, batch_size=4, progress=False,
    ... )
    >>> result.best
    {'learning_rate': 0.1}
    """
    checked_seeds = checks.seeds(seeds)
    if len(checked_seeds) < 2:
        raise ValueError("seeds: got one, expected at least two; one cannot show how seeds differ.")
    checks.lookup("guarantee", guarantee, dict.fromkeys(GUARANTEES))
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        raise ValueError(f"confidence: got {confidence!r}, expected a float between 0 and 1.")
    checks.non_negative("delta", delta)
    directory = checked_directory(checkpoint, checkpoint_every)
    if directory is not None and (directory / ARGUMENTS).exists():
        raise ValueError(
            f"checkpoint: {directory} belongs to another call, not to a race; take another one."
        )
    workers = workers_of(executor)
    one_process(CALL)
    per_vmap = check_runs_per_vmap(runs_per_vmap)
    plan = plan_of(
        epochs=epochs,
        batch_size=batch_size,
        monitor=monitor,
        mode=mode,
        metrics=metrics,
        train_metrics=train_metrics,
    )
    settings = settings_of(hyper)
    if len(settings) < 2:
        raise ValueError("hyper: got one setting, expected several to choose from.")
    check_names(settings[0], plan)
    datasets = checked_splits(dataset)
    if len(datasets) > 1:
        raise ValueError("dataset: got several splits, expected one Dataset; fnn.sweep takes more.")
    checked_rungs = rungs_of(rungs, guarantee, plan.epochs, len(checked_seeds))
    limit = checked_budget(budget, checked_rungs[0], len(settings))
    per_setting: Sequence[int | None] | None = [per_vmap] * len(settings)
    if directory is not None and per_vmap is None:
        per_setting = recorded(directory / part_name(0, False), CALL, "runs_per_vmap")
    examples = fewest_examples(datasets)
    call = SweepCall(settings, checked_seeds, plan, examples, static, per_setting, per_vmap)
    sweep = prepare(builder, dataset, datasets, call, metrics, keep_params)
    promise = {
        "guarantee": guarantee,
        "confidence": confidence,
        "delta": delta,
        "rungs": [list(rung) for rung in checked_rungs],
    }
    journals = RungJournals(directory, checkpoint_every, partial(race_call, sweep, promise))
    elsewhere = WorkerJob.of(workers, sweep.job)
    loop = RaceLoop(sweep, checked_rungs, guarantee, confidence, delta, limit, elsewhere, journals)
    return loop.run(progress)


def checked_budget(
    budget: Mapping[str, float] | None, first: Rung, settings: int
) -> tuple[str, float]:
    """Return the name of the limited quantity and its limit.

    Raises ValueError for an unknown name, and for less than the first rung takes.
    """
    if budget is None:
        return "epochs", np.inf
    if not isinstance(budget, Mapping) or len(budget) != 1:
        raise ValueError(f"budget: got {budget!r}, expected a dict with one of {BUDGETS}.")
    ((name, amount),) = budget.items()
    checks.lookup("budget", name, dict.fromkeys(BUDGETS))
    checks.positive("budget", amount)
    runs = settings * first.seeds
    least = 0
    if name == "runs":
        least = runs
    elif name == "epochs":
        least = runs * first.epochs
    if amount < least:
        raise ValueError(f"budget: got {amount:g} {name}, but the first rung alone takes {least}.")
    return name, float(amount)


class RungCollector(SweepCollector):
    """Put finished runs of a rung into the sweep, and keep the states of runs that continue.

    to_train  (settings, seeds) bool, the runs that the rung trains
    epochs    the number of epochs at which it ends
    """

    def __init__(self, loop: "RaceLoop", to_train: RunsOf, epochs: int) -> None:
        super().__init__(loop.sweep, places_of(loop.groups), put_states)
        self.loop = loop
        self.to_train = to_train
        self.epochs = epochs

    def missing(self, group: int) -> np.ndarray:
        """Return the numbers of the runs of a group that the rung has still to train."""
        rows, columns = self.places[group]
        is_behind = self.loop.epochs_done < self.epochs
        missing = self.to_train & is_behind & ~self.sweep.finished
        in_group = missing[np.ix_(rows, columns)]
        return np.flatnonzero(in_group)

    def receive(
        self,
        group: int,
        numbers: np.ndarray,
        outcome: Any,
        machine: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the outcome of a block: results at the last epoch, whole states before it.

        A signal may end this anywhere. So states are kept first, and runs count as done last.
        """
        loop = self.loop
        is_early = np.asarray(outcome.epochs) < loop.epochs
        continues = np.asarray(outcome.active) & is_early
        results = outcome
        if not loop.is_last_epoch:
            loop.keep(group, numbers[continues], select_runs(outcome, continues))
            results_of_states = loop.groups[group].outcome
            results = results_of_states(outcome)
        self.put_results(group, numbers, results, machine, ~continues)
        rows, columns = self.index(group, numbers)
        loop.epochs_done[rows, columns] = outcome.epochs


def select_runs(states: PyTree, chosen: np.ndarray) -> PyTree:
    """Return the states of the chosen runs. Leaves are (runs, …)."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], states)


class RaceLoop:
    """The state of a race, and the loop over its rungs.

    limit             name of the limited quantity, and its limit
    journals          keep what has come back
    epochs_done       (settings, seeds) int
    results           of the rungs so far
    is_last_epoch     whether the current rung ends at the last epoch
    states            of the runs that continue; of several of a run the last one counts
    seconds           by the clock
    training_seconds  by the clock, of rungs that did not fail, without compiling
    race              the whole race, when it has ended
    """

    def __init__(
        self,
        sweep: PreparedSweep,
        rungs: Sequence[Rung],
        guarantee: Guarantee,
        confidence: float,
        delta: float,
        limit: tuple[str, float],
        elsewhere: WorkerJob | None,
        journals: RungJournals,
    ) -> None:
        self.journals = journals
        self.groups, self.sweep, self.job = sweep
        self.plan = self.job.call.plan
        self.epochs = self.plan.epochs
        self.rungs = rungs
        self.guarantee = guarantee
        self.confidence = confidence
        self.delta = delta
        self.limit = limit
        self.elsewhere = elsewhere
        self.results: list[RungResult] = []
        self.epochs_done = np.zeros(self.sweep.finished.shape, int)
        self.states: States = {}
        self.is_last_epoch = False
        self.seconds = 0.0
        self.training_seconds = 0.0
        self.race: Race | None = None

    def run(self, progress: bool) -> Race:
        """Train and compare, rung by rung, from the first rung without a result."""
        try:
            return self._run(progress)
        except RaceInterrupted:
            raise
        except KeyboardInterrupt as stop:  # between two rungs
            raise RaceInterrupted(self._outcome_so_far(), self.resume) from stop

    def _run(self, progress: bool) -> Race:
        if self.race is not None:
            return self.race
        errors = errors_of(self.rungs, self.guarantee, 1 - self.confidence)
        last = len(self.rungs) - 1
        ended = ""
        for number in range(len(self.results), len(self.rungs)):
            rung = self.rungs[number]
            if number and self._exceeds_limit(rung):
                ended = "budget"
                break
            self._train(number, rung, progress)
            entered = np.flatnonzero(self._remaining())
            comparison = self._compare(rung, errors[number])
            self.results.append(RungResult(rung, entered.tolist(), comparison))
            if number < last:
                ended = self._why_decided(rung, comparison)
            if ended:
                break
        self.race = self.outcome(ended)
        return self.race

    def resume(self, progress: bool, executor: Any) -> Race:
        """Go on after an error; runs that had come back are not trained again.

        executor  as for `RaceFailed.resume`
        """
        if executor != SAME:
            self.elsewhere = WorkerJob.of(workers_of(executor), self.job)
        return self.run(progress)

    @property
    def left(self) -> Int[np.ndarray, "settings"]:
        """Return at which rung each setting left, as in `Race`."""
        left = np.full(len(self.sweep.settings), REMAINS)
        for number, result in enumerate(self.results):
            left[result.comparison.lost] = number
        return left

    def _remaining(self) -> Bool[np.ndarray, "settings"]:
        return self.left == REMAINS

    def _why_decided(self, rung: Rung, comparison: Comparison) -> str:
        """Return why the race may end after this rung, or "".

        It may end only when the best setting is trained to the last epoch.
        """
        if rung.epochs < self.epochs:
            return ""
        if np.count_nonzero(self._remaining()) == 1:
            return "one left"
        return "delta" if comparison.is_within(self.delta) else ""

    def outcome(self, ended: str) -> Race:
        """Return the race up to the last comparison.

        ended  as in `Race`
        """
        return Race(
            sweep=self.sweep,
            monitor=self.plan.monitor,
            guarantee=self.guarantee,
            confidence=self.confidence,
            delta=self.delta,
            rungs=list(self.results),
            left=self.left,
            run_epochs=int(self.epochs_done.sum()),
            full_epochs=self.epochs_done.size * self.epochs,
            ended=ended,
        )

    def _outcome_so_far(self) -> Race | None:
        return self.outcome("") if self.results else None

    def keep(self, group: int, numbers: np.ndarray, states: PyTree) -> None:
        """Keep the states of runs that continue."""
        self.states.setdefault(group, []).append((numbers, states))

    def _without_states_of_others(self, continues: RunsOf) -> States:
        """Return the last states of the runs that continue."""
        states: States = {}
        for number in self.states:
            group = self.groups[number]
            places = np.ix_(np.array(group.rows), np.array(group.columns))
            in_group = continues[places].ravel()
            numbers, leaves = self._last_states(number)
            chosen = in_group[numbers]
            states[number] = [(numbers[chosen], select_runs(leaves, chosen))]
        return states

    def _last_states(self, group: int) -> tuple[Int[np.ndarray, "runs"], PyTree]:
        """Return the numbers and the last states of the runs of a group that have any."""
        run_numbers, run_states = zip(*self.states[group], strict=True)
        numbers = np.concatenate(run_numbers)
        states = jax.tree.map(lambda *leaves: np.concatenate(leaves), *run_states)
        _, from_the_end = np.unique(numbers[::-1], return_index=True)
        last = len(numbers) - 1 - from_the_end
        return numbers[last], select_runs(states, last)

    # ------------------------------------------------------------------------------------- training

    def _to_train(self, rung: Rung) -> RunsOf:
        """Return the runs that a rung trains."""
        to_train = (self.epochs_done < rung.epochs) & ~self.sweep.finished
        to_train[~self._remaining()] = False
        to_train[:, rung.seeds :] = False
        return to_train

    def _train(self, number: int, rung: Rung, progress: bool) -> None:
        """Train the runs of a rung up to its epoch: those that begin, then those that continue."""
        to_train = self._to_train(rung)
        entered = np.count_nonzero(self._remaining())
        title = f"rung {number + 1} of {len(self.rungs)}, {entered} settings: "
        self.is_last_epoch = rung.epochs == self.epochs
        has_begun = self.epochs_done > 0
        start = time.perf_counter()
        compiled_before = self.sweep.compile_seconds
        parts = {False: to_train & ~has_begun, True: to_train & has_begun}
        failures: list[Failure] = []
        try:
            with ExitStack() as opened:
                drivers = []
                for have_begun, runs in parts.items():
                    if runs.any():
                        journal = self.journals.of(part_name(number, have_begun))
                        opened.enter_context(journal.opened())
                        driver = self._driver(runs, rung, have_begun, journal)
                        driver.restore()
                        drivers.append(driver)
                total = int(to_train.sum())
                done = total - int(self._to_train(rung).sum())
                with progress_bar("run", total, done, progress, title) as bar:
                    for driver in drivers:
                        failures += self._drive(driver, bar)
        finally:
            seconds = time.perf_counter() - start
            self.seconds += seconds
        if failures:
            so_far = self._outcome_so_far()
            raise RaceFailed(so_far, number, failures, self.resume) from failures[0][-1]
        compiled_now = self.sweep.compile_seconds - compiled_before
        self.training_seconds += seconds if self.elsewhere else seconds - compiled_now
        continues = self._remaining()[:, None] & ~self.sweep.finished & (self.epochs_done > 0)
        self.states = self._without_states_of_others(continues)

    def _driver(self, to_train: RunsOf, rung: Rung, have_begun: bool, journal: Journal) -> Driver:
        """Return the driver of some runs, from their states or from the beginning."""
        groups = []
        for number, group in enumerate(self.groups):
            has_states = have_begun and number in self.states
            groups.append(self._group_of_rung(number, group, rung, has_states))
        collector = RungCollector(self, to_train, rung.epochs)
        return driver_of(groups, collector, journal, None, self.elsewhere)

    def _drive(self, driver: Driver, bar: Any) -> list[Failure]:
        try:
            return driver.drive(bar)
        except KeyboardInterrupt as stop:
            raise RaceInterrupted(self._outcome_so_far(), self.resume) from stop
        finally:
            self.sweep.compile_seconds += driver.collector.compile_seconds
            self.sweep.run_seconds += driver.collector.run_seconds

    def _group_of_rung(self, number: int, group: Group, rung: Rung, has_states: bool) -> Group:
        """Return a group whose runs stop at a rung.

        has_states  whether its runs start from their states, and not at the beginning
        """
        outcome = group.outcome if self.is_last_epoch else whole_state
        group = group._replace(epochs=rung.epochs, outcome=outcome)
        if not has_states:
            return group
        numbers, states = self._last_states(number)
        return group._replace(states=lambda asked: states_at(states, asked, numbers))

    # ------------------------------------------------------------------------------------ comparing

    def _compare(self, rung: Rung, error: float) -> Comparison:
        """Compare the remaining settings at a rung."""
        monitor = self.plan.monitor
        values = self.sweep.history[monitor.metric][:, : rung.seeds, rung.epochs - 1]
        remaining = self._remaining()
        competitors = len(remaining)
        if self.guarantee == "rung":
            competitors = int(np.count_nonzero(remaining))
        return compare(values, remaining, error, competitors - 1, monitor.mode)

    def _exceeds_limit(self, rung: Rung) -> bool:
        """Return whether a rung would exceed the budget."""
        name, amount = self.limit
        to_train = self._to_train(rung)
        epochs_done = int(self.epochs_done.sum())
        more_epochs = int((rung.epochs - self.epochs_done)[to_train].sum())
        if name == "runs":
            has_begun = self.epochs_done > 0
            return int((has_begun | to_train).sum()) > amount
        if name == "epochs":
            return epochs_done + more_epochs > amount
        seconds_an_epoch = self.training_seconds / max(1, epochs_done)
        return self.seconds + seconds_an_epoch * more_epochs > amount
