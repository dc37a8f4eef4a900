"""`fnn.race`: settings × seeds, of which those that have lost are not trained further."""

import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool

from fnn import checks
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.racing.compare import Comparison, compare, errors_of
from fnn.racing.result import IN, Race, RungResult
from fnn.racing.rungs import GUARANTEES, Guarantee, Rung, rungs_of
from fnn.runs.blocks import check_runs_per_vmap
from fnn.runs.driver import Failure, Group, whole_state
from fnn.runs.journal import Journal
from fnn.runs.prepared import PreparedSweep, prepare
from fnn.runs.progress import progress_bar
from fnn.runs.refusals import check_names, one_process, plan_of
from fnn.runs.settings import HyperValues, settings_of
from fnn.runs.spec_groups import Builder
from fnn.runs.splits import checked_splits, fewest_examples
from fnn.runs.sweep_arrays import put_states
from fnn.runs.sweep_collector import SweepCollector, WorkerJob, driver_of, places_of
from fnn.runs.sweep_groups import SweepCall
from fnn.runs.task import states_at
from fnn.types import PyTree
from fnn.workers import Workers, workers_of

BUDGETS = ("runs", "epochs", "seconds")


class RaceFailed(RuntimeError):
    """Runs of a race failed, for want of memory or with another error of the machine.

    `race` is the outcome up to the rung before, None where that was the first; `failures` has the
    errors.
    """

    def __init__(self, race: Race | None, rung: int, failures: Sequence[Failure]) -> None:
        error = failures[0][-1]
        runs = sum(len(numbers) for _, numbers, _ in failures)
        super().__init__(
            f"{runs} runs failed at rung {rung + 1}: {type(error).__name__}: {error}. What was "
            "found before is in this error's .race."
        )
        self.race = race
        self.failures = [error for *_, error in failures]


class RaceInterrupted(KeyboardInterrupt):
    """A race that Ctrl-C has stopped; `race` is the outcome up to the rung before, or None."""

    def __init__(self, race: Race | None) -> None:
        super().__init__("interrupted; what was found before is in this error's .race")
        self.race = race


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
    executor: Executor | Workers | None = None,
) -> Race:
    """Find the best setting with fewer epochs than a sweep: what has lost is not trained further.

    At each rung the settings that are in are compared with the best of them, seed by seed, by the
    monitored entry of the history in the rung's epoch. Those whose interval lies above zero leave.

    guarantee   what the answer promises. "final": settings are compared after their last epoch
                alone, with more and more seeds; the best one is kept with the confidence, over all
                settings and rungs. "rung": they are compared after 1/8, 1/4 and 1/2 of the epochs
                too; each comparison holds for its own epoch, and a setting that learns slowly and
                would have become the best may have left. It trains less by far
    rungs       pairs (epochs, seeds) at which settings are compared; the last has all of both.
                None: for "rung" half the seeds at 1/8 and 1/4 of the epochs, then all; for "final"
                4, 8, 16, … seeds
    confidence  that the best one is kept, 0.95 or another number below 1
    delta       a difference of the metric that does not matter: the race ends where no other
                setting that is in can be better than the best by it
    budget      {"runs": …}, {"epochs": …} of all runs together, or {"seconds": …}: a rung that
                would exceed it is not begun, but for the first
    seeds       at least two

    Settings are compared by Student's interval of paired differences, corrected for all settings
    and, for "final", for every look by alpha spending (Lan & DeMets 1983; `fnn.racing.compare`). A
    run that diverged counts as the worst that did not. A run that finishes has the bits that it has
    in `fnn.sweep` at the same runs_per_vmap.
    The other arguments are those of `fnn.sweep`.

    Raises ValueError before anything is compiled; RaceInterrupted after Ctrl-C, and RaceFailed,
    with what was found before.
    """
    checked_seeds = checks.seeds(seeds)
    if len(checked_seeds) < 2:
        raise ValueError("seeds: got one; without another nothing shows how much seeds matter.")
    checks.lookup("guarantee", guarantee, dict.fromkeys(GUARANTEES))
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        raise ValueError(f"confidence: got {confidence!r}, expected a number between 0 and 1.")
    checks.non_negative("delta", delta)
    workers = workers_of(executor)
    one_process("fnn.race")
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
    wanted = rungs_of(rungs, guarantee, plan.epochs, len(checked_seeds))
    limit = checked_budget(budget, wanted[0], len(settings))
    each = [per_vmap] * len(settings)
    examples = fewest_examples(datasets)
    call = SweepCall(settings, checked_seeds, plan, examples, static, each, per_vmap)
    found = prepare(builder, dataset, datasets, call, metrics, keep_params)
    elsewhere = WorkerJob.of(workers, found.job)
    contest = Contest(found, wanted, guarantee, confidence, delta, elsewhere)
    return contest.run(limit, progress)


def checked_budget(
    budget: Mapping[str, float] | None, first: Rung, settings: int
) -> tuple[str, float]:
    """Return what is limited, and to how much.

    Raises ValueError for other names, and for less than the first rung takes.
    """
    if budget is None:
        return "epochs", np.inf
    if not isinstance(budget, Mapping) or len(budget) != 1:
        raise ValueError(f"budget: got {budget!r}, expected a dict with one of {BUDGETS}.")
    ((name, amount),) = budget.items()
    checks.lookup("budget", name, dict.fromkeys(BUDGETS))
    checks.positive("budget", amount)
    runs = settings * first.seeds
    least = {"runs": runs, "epochs": runs * first.epochs}.get(name, 0)
    if amount < least:
        raise ValueError(f"budget: got {amount:g} {name}, but the first rung alone takes {least}.")
    return name, float(amount)


class RungCollector(SweepCollector):
    """Takes what a rung trains: finished runs into the sweep, states of the others to go on from.

    wanted  (settings, seeds) which runs are trained
    """

    def __init__(self, contest: "Contest", wanted: Bool[np.ndarray, "settings seeds"]) -> None:
        super().__init__(contest.sweep, places_of(contest.groups), put_states)
        self.contest = contest
        self.wanted = wanted

    def missing(self, group: int) -> np.ndarray:
        """Return the numbers of the runs of a group that are to be trained."""
        rows, columns = self.places[group]
        return np.flatnonzero(self.wanted[np.ix_(rows, columns)])

    def receive(
        self,
        group: int,
        numbers: np.ndarray,
        outcome: Any,
        machine: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the outcome of a block: results after the last epoch, else whole states."""
        keep = self.contest.groups[group].outcome
        results = outcome if self.contest.ends else keep(outcome)
        super().receive(group, numbers, results, machine)
        rows, columns = self.index(group, numbers)
        goes_on = np.asarray(outcome.active) & (np.asarray(outcome.epochs) < self.contest.epochs)
        self.contest.epochs_done[rows, columns] = outcome.epochs
        self.sweep.finished[rows, columns] = ~goes_on
        if not self.contest.ends:
            self.contest.keep(group, numbers[goes_on], at_rows(outcome, goes_on))


def at_rows(states: PyTree, chosen: np.ndarray) -> PyTree:
    """Return some of the runs; leaves are (runs, …)."""
    return jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], states)


class Contest:
    """A race under way.

    epochs_done  (settings, seeds)
    ends         whether the rung that is trained is after the last epoch
    states       of each group, the numbers of runs that are under way, and their states
    """

    def __init__(
        self,
        found: PreparedSweep,
        rungs: Sequence[Rung],
        guarantee: Guarantee,
        confidence: float,
        delta: float,
        elsewhere: WorkerJob | None,
    ) -> None:
        self.groups, self.sweep, job = found
        self.plan = job.call.plan
        self.epochs = self.plan.epochs
        self.rungs = rungs
        self.guarantee = guarantee
        self.confidence = confidence
        self.delta = delta
        self.elsewhere = elsewhere
        self.left = np.full(len(self.sweep.settings), IN)
        self.results: list[RungResult] = []
        self.epochs_done = np.zeros(self.sweep.finished.shape, int)
        self.states: dict[int, list[tuple[np.ndarray, PyTree]]] = {}
        self.ends = False
        self.training_seconds = 0.0  # by the clock, compiling apart

    def run(self, limit: tuple[str, float], progress: bool) -> Race:
        """Train and compare, rung by rung."""
        began = time.perf_counter()
        errors = errors_of(self.rungs, self.guarantee, 1 - self.confidence)
        ended = ""
        for number, (rung, error) in enumerate(zip(self.rungs, errors, strict=True)):
            if number and self._is_over(limit, rung, time.perf_counter() - began):
                ended = "budget"
                break
            self._train(number, rung, progress)
            entered = np.flatnonzero(self.left == IN)
            found = self._compared(rung, error)
            self.left[found.lost] = number
            self.results.append(RungResult(rung, entered.tolist(), found))
            if number < len(self.rungs) - 1 and (ended := self._is_decided(rung, found)):
                break
        return self.outcome(ended)

    def _is_decided(self, rung: Rung, found: Comparison) -> str:
        """Return why a race may end here, "" where not: the best setting is trained to the end."""
        if rung.epochs < self.epochs:
            return ""
        if np.count_nonzero(self.left == IN) == 1:
            return "one left"
        return "delta" if found.is_within(self.delta) else ""

    def outcome(self, ended: str) -> Race:
        """Return what was found."""
        return Race(
            self.sweep,
            self.plan.monitor,
            self.guarantee,
            self.confidence,
            self.delta,
            self.results,
            self.left,
            int(self.epochs_done.sum()),
            self.epochs_done.size * self.epochs,
            ended,
        )

    def keep(self, group: int, numbers: np.ndarray, states: PyTree) -> None:
        """Keep the states of runs that go on."""
        self.states.setdefault(group, []).append((numbers, states))

    # --------------------------------------------------------------------------------- training

    def _wanted(self, rung: Rung) -> Bool[np.ndarray, "settings seeds"]:
        """Return which runs a rung trains."""
        wanted = (self.epochs_done < rung.epochs) & ~self.sweep.finished
        wanted[self.left != IN] = False
        wanted[:, rung.seeds :] = False
        return wanted

    def _train(self, number: int, rung: Rung, progress: bool) -> None:
        """Train the runs of a rung up to its epoch: those that begin, and those that go on."""
        wanted = self._wanted(rung)
        entered = np.count_nonzero(self.left == IN)
        title = f"rung {number + 1} of {len(self.rungs)}, {entered} settings: "
        before, self.states = self.states, self._resting(wanted)
        self.ends = rung.epochs == self.epochs
        failures: list[Failure] = []
        begun = self.epochs_done > 0
        start, compiled = time.perf_counter(), self.sweep.compile_seconds
        with progress_bar("run", int(wanted.sum()), 0, progress, title) as bar:
            for is_begun in (False, True):
                some = wanted & (begun == is_begun)
                if not some.any():
                    continue
                groups = [
                    self._group(place, group, rung, before if is_begun else {})
                    for place, group in enumerate(self.groups)
                ]
                collector = RungCollector(self, some)
                journal = Journal([signal.SIGINT])
                driver = driver_of(groups, collector, journal, None, self.elsewhere)
                try:
                    failures += driver.drive(bar)
                except KeyboardInterrupt as stop:
                    raise RaceInterrupted(self._so_far()) from stop
                finally:
                    self.sweep.compile_seconds += collector.compile_seconds
                    self.sweep.run_seconds += collector.run_seconds
        here = 0.0 if self.elsewhere else self.sweep.compile_seconds - compiled
        self.training_seconds += time.perf_counter() - start - here
        if failures:
            raise RaceFailed(self._so_far(), number, failures) from failures[0][-1]

    def _resting(
        self, wanted: Bool[np.ndarray, "settings seeds"]
    ) -> dict[int, list[tuple[np.ndarray, PyTree]]]:
        """Return the states of runs that are in, and that a rung does not train."""
        found = {}
        for place, kept in self.states.items():
            group = self.groups[place]
            rests = ~wanted & (self.left == IN)[:, None]
            chosen = rests[np.ix_(np.array(group.rows), np.array(group.columns))].ravel()
            found[place] = [(n[chosen[n]], at_rows(each, chosen[n])) for n, each in kept]
        return found

    def _group(
        self, place: int, group: Group, rung: Rung, before: dict[int, list[tuple[Any, PyTree]]]
    ) -> Group:
        """Return a group whose runs end at a rung, and start from the rung before."""
        outcome = group.outcome if self.ends else whole_state
        group = group._replace(epochs=rung.epochs, outcome=outcome)
        kept = before.get(place)
        if not kept:
            return group
        known = np.concatenate([numbers for numbers, _ in kept])
        states = jax.tree.map(lambda *leaves: np.concatenate(leaves), *(each for _, each in kept))
        return group._replace(states=lambda numbers: states_at(states, numbers, known))

    # -------------------------------------------------------------------------------- comparing

    def _compared(self, rung: Rung, error: float) -> Comparison:
        """Compare the settings that are in, at a rung."""
        monitor = self.plan.monitor
        values = self.sweep.history[monitor.metric][:, : rung.seeds, rung.epochs - 1]
        is_in = self.left == IN
        competitors = len(is_in) if self.guarantee == "final" else int(np.count_nonzero(is_in))
        return compare(values, is_in, error, competitors - 1, monitor.mode)

    def _is_over(self, limit: tuple[str, float], rung: Rung, seconds: float) -> bool:
        """Return whether a rung would exceed the budget."""
        name, amount = limit
        wanted = self._wanted(rung)
        more_epochs = int((rung.epochs - self.epochs_done)[wanted].sum())
        begun = self.epochs_done > 0
        if name == "runs":
            return int((begun | wanted).sum()) > amount
        if name == "epochs":
            return int(self.epochs_done.sum()) + more_epochs > amount
        pace = self.training_seconds / max(1, int(self.epochs_done.sum()))
        return seconds + pace * more_epochs > amount

    def _so_far(self) -> Race | None:
        """Return the outcome up to the last comparison."""
        return self.outcome("") if self.results else None
