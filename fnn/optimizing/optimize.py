"""`fnn.optimize`: batches of settings, each trained as one program."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from fnn import checks
from fnn.data import Dataset
from fnn.metrics import Metric
from fnn.optimizing.asking import Asked, Asker, Drawn, Study, check_space
from fnn.optimizing.result import Ended, Optimized, Trial, spread
from fnn.racing.race import race
from fnn.runs.monitor import mode_of
from fnn.runs.refusals import one_process
from fnn.runs.results import Sweep
from fnn.runs.settings import Setting
from fnn.runs.spec_groups import Builder
from fnn.runs.sweep import sweep
from fnn.workers import Workers


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
             values are those of the last epoch then
    sampler  without a study, "sobol" for points that fill the space evenly, or "random";
             sampler_seed is its seed

    The other arguments are those of `fnn.sweep`. A setting of which a run diverged is told as
    failed. Ctrl-C leaves the batch under way untold.

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
    asker: Asker = (
        Drawn(space, count, sampler, checks.seed(sampler_seed))
        if study is None
        else Study(study, space, count, direction)
    )
    found = Optimized([], monitor, direction, study)
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
    with bar_of(count, progress) as bar:
        while asked := asker.ask(at_once):
            settings = [each.setting for each in asked]
            done, values, ended = trained(builder, dataset, settings, prune, call)
            call["runs_per_vmap"] = done.runs_per_vmap[0]  # a last, small batch shares the program
            found.compile_seconds += done.compile_seconds
            found.run_seconds += done.run_seconds
            for each, own, how in zip(asked, values, ended, strict=True):
                found.trials.append(told(asker, each, own, how))
            bar.update(len(asked))
            if found.ranked:
                bar.set_postfix_str(f"best {monitor} {found.best_trial.value:.4g}")
    found.trials.sort(key=lambda trial: trial.number)
    return found


def trained(
    builder: Builder,
    dataset: Dataset,
    settings: Sequence[Setting],
    prune: bool,
    call: Mapping[str, Any],
) -> tuple[Sweep, list[np.ndarray], list[Ended]]:
    """Train a batch; returns the sweep, and for each setting the values of its seeds and its end.

    A batch of one is not raced: it has nobody to lose to.
    """
    ends: list[Ended] = []
    values: list[np.ndarray] = []
    if prune and len(settings) > 1:
        raced = race(builder, dataset, hyper=settings, guarantee="rung", **call)
        done = raced.sweep
        last = np.where(raced.left < 0, len(raced.rungs) - 1, raced.left)
        for row, number in enumerate(last):
            rung = raced.rungs[number].rung
            values.append(done.history[call["monitor"]][row, : rung.seeds, rung.epochs - 1])
            is_whole = raced.left[row] < 0 or rung.epochs == call["epochs"]
            ends.append("complete" if is_whole else "pruned")
    else:
        done = sweep(builder, dataset, hyper=settings, **call)
        values = list(done.at(call["monitor"], "last" if prune else "best"))
        ends = ["complete"] * len(settings)
    for row, own in enumerate(values):
        if done.diverged[row].any() or not np.isfinite(own).all():
            ends[row] = "diverged"
    return done, values, ends


def told(asker: Asker, asked: Asked, values: np.ndarray, ended: Ended) -> Trial:
    """Tell what came of a setting, and return it."""
    mean, std = spread(values)
    trial = Trial(asked.number, asked.setting, mean, std, len(values), ended)
    asker.tell(asked, trial, [float(value) for value in values])
    return trial


def bar_of(trials: int, progress: bool) -> Any:
    """Return a progress bar over trials."""
    from tqdm.auto import tqdm  # imported here: it would slow `import fnn`

    checks.truth("progress", progress)
    return tqdm(total=trials, unit="trial", disable=not progress)
