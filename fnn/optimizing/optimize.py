"""`fnn.optimize`: batches of settings, each trained as one program."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np

from fnn import checks
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.optimizing.asking import Asked, Asker, Drawn, Study, check_space, trial_of
from fnn.optimizing.result import Ended, Optimized, Trial
from fnn.racing.race import RaceInterrupted, race
from fnn.racing.result import Race
from fnn.runs.interrupted import SweepInterrupted
from fnn.runs.monitor import mode_of
from fnn.runs.refusals import one_process, plan_of
from fnn.runs.settings import Setting
from fnn.runs.spec_groups import Builder
from fnn.runs.sweep import sweep
from fnn.workers import Workers


class OptimizeInterrupted(KeyboardInterrupt):
    """An optimization that Ctrl-C has stopped; `found` has the batches that were told."""

    def __init__(self, found: Optimized) -> None:
        rest = "The same call with this study goes on." if found.study is not None else ""
        super().__init__(
            f"interrupted; {len(found.trials)} trials are in this error's .found. {rest}".strip()
        )
        self.found = found


def optimize(
    builder: Builder,
    dataset: Dataset,
    *,
    space: Mapping[str, Any],
    trials: int,
    epochs: int,
    batch_size: int,
    seeds: Iterable[int] = range(4),
    study: Any = None,
    batch: int = 32,
    prune: bool = False,
    sampler: str = "sobol",
    sampler_seed: int = 0,
    monitor: str = "validation_loss",
    mode: str | None = None,
    metrics: Mapping[str, Metric] | None = None,
    runs_per_vmap: int | None = None,
    static: Sequence[str] | None = None,
    progress: bool = True,
    executor: Executor | Workers | None = None,
) -> Optimized:
    """Look for the best setting of a space: ask for a batch, train it with all seeds, tell, go on.

    All settings of a batch that differ in traced numbers alone are runs of one program, which later
    batches share. What is told is the mean over seeds of the best epoch's monitored entry, and its
    spread beside it (the attributes "std" and "values" of a trial of Optuna).

    space    name -> a list of choices, or a distribution: of optuna.distributions with a study, of
             scipy.stats without, such as loguniform(1e-4, 1e-1)
    trials   how many settings are tried in all. A study has them counted: the same call with the
             study's own storage goes on, and takes first what a killed process left untold. One
             process at a time may run a study
    study    optuna.create_study(…); None: settings are drawn beforehand
    batch    how many settings are asked for at once: a sampler that learns, learns between batches
    prune    train a batch by `fnn.race`, with guarantee "rung"; its losers are told as pruned. The
             values are those of the last epoch then. (A pruner of Optuna's is not asked)
    sampler  without a study, "sobol" for points that fill the space evenly, or "random";
             sampler_seed is its seed

    The other arguments are those of `fnn.sweep`. A setting of which a run diverged is told as
    failed. OptimizeInterrupted, after Ctrl-C, has what was told before.

    Raises ValueError before anything is compiled; needs Optuna for a study:
    pip install "fnn[optuna]".
    """
    count = checks.count("trials", trials)
    at_once = checks.count("batch", batch)
    checks.truth("prune", prune)
    one_process("fnn.optimize")
    check_space(space, study is not None)
    direction = mode_of(monitor, mode)
    checked_seeds = checks.seeds(seeds)
    if prune and len(checked_seeds) < 2:
        raise ValueError("seeds: got one; prune=True compares settings over several.")
    plan_of(  # before a study is asked
        epochs=epochs,
        batch_size=batch_size,
        monitor=monitor,
        mode=direction,
        metrics=metrics,
    )
    asker: Asker = (
        Drawn(space, count, sampler, checks.seed(sampler_seed))
        if study is None
        else Study(study, space, count, direction)
    )
    when = "last epoch" if prune else "best epoch"
    found = Optimized(asker.earlier(), monitor, direction, when, study)
    call: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "seeds": checked_seeds,
        "monitor": monitor,
        "mode": direction,
        "metrics": metrics,
        "runs_per_vmap": runs_per_vmap,
        "static": static,
        "keep_params": False,
        "progress": False,
        "executor": executor,
    }
    with bar_of(count, len(found.trials), progress) as bar:
        while asked := asker.ask(at_once):
            settings = [each.setting for each in asked]
            try:
                batch_found = trained(builder, dataset, settings, prune, call)
            except (SweepInterrupted, RaceInterrupted) as stop:
                raise OptimizeInterrupted(found) from stop
            call["runs_per_vmap"] = batch_found.runs_per_vmap  # a small batch shares the program
            found.compile_seconds += batch_found.compile_seconds
            found.run_seconds += batch_found.run_seconds
            for each, result in zip(asked, batch_found.results, strict=True):
                found.trials.append(told(asker, each, *result))
            bar.update(len(asked))
            if found.ranked:
                bar.set_postfix_str(f"best {monitor} {found.best_trial.value:.4g}")
    found.trials.sort(key=lambda trial: trial.number)
    return found


class Batch(NamedTuple):
    """What came of a batch.

    results  for each setting the values of its seeds, the epochs, and how it ended
    """

    results: list[tuple[np.ndarray, int, Ended]]
    runs_per_vmap: int
    compile_seconds: float
    run_seconds: float


def trained(
    builder: Builder,
    dataset: Dataset,
    settings: Sequence[Setting],
    prune: bool,
    call: Mapping[str, Any],
) -> Batch:
    """Train a batch. One of a single setting is not raced: it has nobody to lose to."""
    results: list[tuple[np.ndarray, int, Ended]]
    if prune and len(settings) > 1:
        raced = race(builder, dataset, hyper=settings, guarantee="rung", **call)
        done, results = raced.sweep, raced_results(raced, call["monitor"])
    else:
        done = sweep(builder, dataset, hyper=settings, **call)
        values = done.at(call["monitor"], "last" if prune else "best")
        results = [(own, call["epochs"], "complete") for own in values]
    for row, (own, epochs, _) in enumerate(results):
        if done.diverged[row].any() or not np.isfinite(own).all():
            results[row] = own, epochs, "diverged"
    return Batch(results, done.runs_per_vmap[0], done.compile_seconds, done.run_seconds)


def raced_results(raced: Race, metric: str) -> list[tuple[np.ndarray, int, Ended]]:
    """Return the values of each setting at its last rung."""
    results: list[tuple[np.ndarray, int, Ended]] = []
    last = np.where(raced.left < 0, len(raced.rungs) - 1, raced.left)
    for row, number in enumerate(last):
        rung = raced.rungs[number].rung
        values = raced.sweep.history[metric][row, : rung.seeds, rung.epochs - 1]
        is_whole = raced.left[row] < 0 or number == len(raced.rungs) - 1
        results.append((values, rung.epochs, "complete" if is_whole else "pruned"))
    return results


def told(asker: Asker, asked: Asked, values: np.ndarray, epochs: int, ended: Ended) -> Trial:
    """Tell what came of a setting, and return it."""
    plain = [float(value) for value in values]
    trial = trial_of(asked, plain, epochs, ended)
    asker.tell(asked, trial, plain)
    return trial


def bar_of(trials: int, done: int, progress: bool) -> Any:
    """Return a progress bar over trials."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    checks.truth("progress", progress)
    return tqdm(total=trials, initial=done, unit="trial", disable=not progress)
