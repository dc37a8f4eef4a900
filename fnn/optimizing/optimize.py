"""`fnn.optimize`: batches of settings, each trained as one program."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from fnn import checks
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.optimizing.asking import (
    Asker,
    SampledSettings,
    Study,
    Suggestion,
    check_space,
    trial_of,
)
from fnn.optimizing.result import Ended, Optimized, Trial
from fnn.racing.errors import RaceFailed, RaceInterrupted
from fnn.racing.race import race
from fnn.racing.result import REMAINS, Race
from fnn.runs.builder import Builder
from fnn.runs.interrupted import SweepFailed, SweepInterrupted
from fnn.runs.monitor import mode_of
from fnn.runs.refusals import one_process, plan_of
from fnn.runs.settings import Setting
from fnn.runs.sweep import sweep
from fnn.workers import Workers


class OptimizeInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped an optimization.

    found  an Optimized with the batches that were finished
    """

    def __init__(self, found: Optimized) -> None:
        message = f"interrupted; {len(found.trials)} trials are in this error's .found."
        if found.study is not None:
            message += " The same call with this study goes on."
        super().__init__(message)
        self.found = found


class OptimizeFailed(RuntimeError):
    """Runs of a batch failed: an executor broke, the memory did not suffice, or the like.

    found  an Optimized with the batches that were finished
    """

    def __init__(self, found: Optimized, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        message = f"{reason}. {len(found.trials)} finished trials are in this error's .found."
        if found.study is not None:
            message += " To go on, call fnn.optimize with this study again."
        super().__init__(message)
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
    """Look for the best setting of a space, batch by batch.

    A batch of settings is suggested, trained with all seeds, and told to the study; then the next
    one is suggested. Settings of a batch that differ only in traced numbers are runs of one
    program, which later batches reuse. The study is told the mean over seeds of the monitored entry
    at its best epoch. The attributes "std" and "values" of an Optuna trial have its spread.

    builder       as for `fnn.sweep`
    dataset       as for `fnn.sweep`
    space         name -> a list of choices, or a distribution: with a study one of
                  optuna.distributions, without a study one of scipy.stats, such as
                  loguniform(1e-4, 1e-1)
    trials        int, number of settings in all. A study counts them: the same call on a stored
                  study continues it, and first takes trials that a killed process left untold. One
                  process at a time may run a study
    epochs        int, as for `fnn.sweep`
    batch_size    int, as for `fnn.sweep`
    seeds         ints, by default 0 to 3
    study         optuna.create_study(…); None samples all settings at the beginning
    batch         number of settings that are suggested at once, by default 32. A sampler that
                  learns does so between batches
    prune         True trains a batch by `fnn.race` with guarantee "rung"; settings that lose are
                  told as pruned. The values are then those of the last epoch. A pruner of Optuna
                  is not used
    sampler       without a study: "sobol" for points that fill the space evenly, or "random"
    sampler_seed  int, seed of the sampler
    monitor, mode, metrics, runs_per_vmap, static, progress, executor
                  as for `fnn.sweep`

    A setting is told as failed if one of its runs diverged.

    Returns an `Optimized`.

    Raises ValueError for wrong arguments before anything is compiled. Raises OptimizeInterrupted
    after Ctrl-C, and OptimizeFailed if runs fail; both have the trials so far, and the same call
    with the study goes on. A study needs Optuna: pip install "fnn[optuna]".

    >>> import fnn
    >>> def builder(hyper):
    ...     net = fnn.mlp((2, 2, 1), activation="tanh")
    ...     return net, fnn.losses.squared_error, fnn.optim.sgd(hyper["learning_rate"])
    >>> result = fnn.optimize(
    ...     builder, fnn.data.load("xor"), space={"learning_rate": [1e-4, 0.1]}, trials=2,
    ...     seeds=range(2), epochs=5, batch_size=4, progress=False,
    ... )
    >>> result.best
    {'learning_rate': 0.1}
    """
    count = checks.count("trials", trials)
    most_at_once = checks.count("batch", batch)
    checks.truth("prune", prune)
    one_process("fnn.optimize")
    check_space(space, study is not None)
    direction = mode_of(monitor, mode)
    checked_seeds = checks.seeds(seeds)
    if prune and len(checked_seeds) < 2:
        raise ValueError("seeds: got one, expected several; prune=True compares over seeds.")
    # This refuses wrong arguments before a study is asked.
    plan_of(epochs=epochs, batch_size=batch_size, monitor=monitor, mode=direction, metrics=metrics)
    asker: Asker
    if study is None:
        asker = SampledSettings(space, count, sampler, checks.seed(sampler_seed))
    else:
        asker = Study(study, space, count, direction)
    when = "last epoch" if prune else "best epoch"
    result = Optimized(asker.earlier(), monitor, direction, when, study)
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
    train = partial(train_batch, builder, dataset, prune)
    with bar_of(count, len(result.trials), progress) as bar:
        train_batches(result, asker, most_at_once, train, call, bar)
    result.trials.sort(key=lambda trial: trial.number)
    return result


def train_batches(
    result: Optimized,
    asker: Asker,
    most_at_once: int,
    train: Callable[[Sequence[Setting], Mapping[str, Any]], "Batch"],
    call: dict[str, Any],
    bar: Any,
) -> None:
    """Train batch after batch until the asker has no more settings.

    train  (settings, call) -> their results
    call   the arguments that the race and the sweep share
    """
    while suggestions := asker.ask(most_at_once):
        settings = [suggestion.setting for suggestion in suggestions]
        try:
            trained = train(settings, call)
        except (SweepInterrupted, RaceInterrupted) as stop:
            raise OptimizeInterrupted(result) from stop
        except (SweepFailed, RaceFailed) as error:
            reason = error.failures[0]
            cause = reason[-1] if isinstance(reason, tuple) else reason
            raise OptimizeFailed(result, cause) from error
        call["runs_per_vmap"] = trained.runs_per_vmap  # so a small batch shares the program
        add_batch(result, asker, suggestions, trained)
        bar.update(len(suggestions))
        if result.ranked:
            bar.set_postfix_str(f"best {result.metric} {result.best_trial.value:.4g}")


class SettingResult(NamedTuple):
    """The result of one setting.

    values  (seeds,) of the monitored entry
    epochs  as in `Trial`
    """

    values: np.ndarray
    epochs: int
    ended: Ended


class Batch(NamedTuple):
    """The results of a batch, in the order of its settings."""

    results: list[SettingResult]
    runs_per_vmap: int
    compile_seconds: float
    run_seconds: float


def train_batch(
    builder: Builder,
    dataset: Dataset,
    prune: bool,
    settings: Sequence[Setting],
    call: Mapping[str, Any],
) -> Batch:
    """Train a batch by a race or by a sweep. A single setting is not raced: it has no rival.

    call  the arguments that the race and the sweep share
    """
    metric = call["monitor"]
    if prune and len(settings) > 1:
        raced = race(builder, dataset, hyper=settings, guarantee="rung", **call)
        trained = raced.sweep
        results = race_results(raced, metric)
    else:
        trained = sweep(builder, dataset, hyper=settings, **call)
        values = trained.at(metric, "last" if prune else "best")
        results = [SettingResult(own, call["epochs"], "complete") for own in values]
    for row, result in enumerate(results):
        if trained.diverged[row].any() or not np.isfinite(result.values).all():
            results[row] = result._replace(ended="diverged")
    return Batch(results, trained.runs_per_vmap[0], trained.compile_seconds, trained.run_seconds)


def race_results(raced: Race, metric: str) -> list[SettingResult]:
    """Return the values of each setting at its last rung."""
    last_rung = len(raced.rungs) - 1
    results = []
    for row, left in enumerate(raced.left):
        number = last_rung if left == REMAINS else left
        rung = raced.rungs[number].rung
        values = raced.sweep.history[metric][row, : rung.seeds, rung.epochs - 1]
        ended: Ended = "complete" if number == last_rung else "pruned"
        results.append(SettingResult(values, rung.epochs, ended))
    return results


def add_batch(
    result: Optimized, asker: Asker, suggestions: Sequence[Suggestion], trained: Batch
) -> None:
    """Tell the results of a batch to the asker, and add its trials to the outcome."""
    result.compile_seconds += trained.compile_seconds
    result.run_seconds += trained.run_seconds
    for suggestion, setting_result in zip(suggestions, trained.results, strict=True):
        result.trials.append(tell(asker, suggestion, setting_result))


def tell(asker: Asker, suggestion: Suggestion, result: SettingResult) -> Trial:
    """Tell the result of a setting to the asker, and return it as a trial."""
    values = [float(value) for value in result.values]
    trial = trial_of(suggestion, values, result.epochs, result.ended)
    asker.tell(suggestion, trial, values)
    return trial


def bar_of(trials: int, done: int, progress: bool) -> Any:
    """Return a progress bar over trials."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    checks.truth("progress", progress)
    return tqdm(total=trials, initial=done, unit="trial", disable=not progress)
