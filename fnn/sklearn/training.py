"""Every learning rate and penalty on every fold with every seed, as one program."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from fnn.data import Dataset
from fnn.runs.results import Sweep
from fnn.runs.sweep import sweep
from fnn.runs.train import train
from fnn.sklearn.ensemble import Ensemble
from fnn.sklearn.recipe import PENALTY, RATE, Recipe
from fnn.sklearn.rows import Parts, Rows, dataset_of, with_validation
from fnn.types import Params, State

MOST_IN_A_BATCH = 200  # of batch_size="auto", as scikit-learn has it
FILLED = 0.01  # of the rows of a fold, that may be added without weight to make folds equally long


class Job(NamedTuple):
    """What is trained.

    recipe         network, loss, optimizer
    learning_rate, alpha  which programs share; alpha is divided by the examples of a batch
    batch_size     "auto" or a number; at most the rows
    epochs, patience, min_delta  patience None: all epochs are trained
    early_stopping  whether a share of the rows is held out, by which training stops
    validation_fraction, seed  which rows
    monitor        the entry of the history by which training stops early
    dtype          "auto": float64 where a batch holds all rows, where weights are repeats exactly
    """

    recipe: Recipe
    learning_rate: float
    alpha: float
    batch_size: int | str
    epochs: int
    patience: int | None
    min_delta: float
    early_stopping: bool
    validation_fraction: float
    seed: int
    monitor: str
    dtype: str

    def fitting(self, rows: Rows) -> Self:
        """Return it with as many inputs and outputs as some rows have."""
        hidden = self.recipe.sizes[1:-1]
        sizes = (rows.x.shape[1], *hidden, rows.outputs)
        return self._replace(recipe=self.recipe._replace(sizes=sizes))

    def parts(self, rows: Rows) -> Parts:
        """Return the rows to train on, and those to stop by."""
        if not self.early_stopping:
            return Parts(rows, None)
        return with_validation(rows, self.validation_fraction, self.seed)

    def prepared(self, folds: Sequence[Parts]) -> "Prepared":
        """Return what `fnn.sweep` gets for folds that are one program."""
        longest = max(folds, key=lambda parts: len(parts.train.x)).train
        most = MOST_IN_A_BATCH if self.batch_size == "auto" else int(self.batch_size)
        size = min(most, len(longest.x))
        is_full = size == len(longest.x)
        dtype = self.dtype if self.dtype != "auto" else ("float64" if is_full else "float32")
        lengths = [max(each) for each in zip(*(parts.lengths for parts in folds), strict=True)]
        if any(parts.lengths != tuple(lengths) for parts in folds):
            folds = [parts.filled(lengths) for parts in folds]
        datasets = [dataset_of(parts.cast(dtype)) for parts in folds]
        return Prepared(datasets, size, size * longest.mean_weight, dtype)


class Prepared(NamedTuple):
    """Folds as Datasets, and what depends on their rows.

    counted  the examples of a batch, each as often as it counts
    """

    datasets: list[Dataset]
    batch_size: int
    counted: float
    dtype: str


def train_all(
    jobs: Sequence[Job], folds: Sequence[Rows], seeds: Sequence[int], progress: bool
) -> list[list[Ensemble]]:
    """Train every job on every fold with every seed; returns them by job, then by fold.

    jobs  that differ in learning rate and alpha alone

    Folds whose lengths differ by 1% or by one row are one program: the shorter ones get rows of no
    weight, and alpha is divided by the rows of the longest.
    """
    plan = jobs[0]
    parts = [plan.parts(fold) for fold in folds]
    found: dict[tuple[int, int], Ensemble] = {}
    for numbers in alike(parts, exactly=plan.recipe.batch_norm is not None):
        own = plan.fitting(folds[numbers[0]])
        prepared = own.prepared([parts[number] for number in numbers])
        with jax.enable_x64(prepared.dtype == "float64"):
            builder: Any = own.recipe
            made = sweep(
                builder,
                prepared.datasets,
                hyper=[
                    {RATE: job.learning_rate, PENALTY: job.alpha / prepared.counted} for job in jobs
                ],
                epochs=plan.epochs,
                batch_size=prepared.batch_size,
                seeds=seeds,
                patience=plan.patience,
                monitor=plan.monitor,
                min_delta=plan.min_delta,
                keep_params=True,
                progress=progress,
            )
        for row in range(len(jobs)):
            for split, number in enumerate(numbers):
                found[row, number] = ensemble_of(made, own, row, split)
    return [[found[job, fold] for fold in range(len(folds))] for job in range(len(jobs))]


def alike(folds: Sequence[Parts], exactly: bool) -> list[list[int]]:
    """Return the numbers of folds that are one program, together."""
    found: list[list[int]] = []
    for number in np.argsort([-len(parts.train.x) for parts in folds], kind="stable").tolist():
        for numbers in found:
            if are_alike(folds[numbers[0]], folds[number], exactly):
                numbers.append(number)
                break
        else:
            found.append([number])
    return [sorted(numbers) for numbers in found]


def are_alike(longest: Parts, other: Parts, exactly: bool) -> bool:
    """Return whether a fold may be filled up to the longest."""
    same_network = (longest.train.x.shape[1], longest.train.outputs) == (
        other.train.x.shape[1],
        other.train.outputs,
    )
    missing = [abs(n - m) for n, m in zip(longest.lengths, other.lengths, strict=True)]
    if exactly:
        return same_network and not any(missing)
    few = max(1, FILLED * len(longest.train.x))
    return same_network and max(missing) <= few


def ensemble_of(made: Sweep, plan: Job, row: int, split: int) -> Ensemble:
    """Return the networks of a setting on a split: of the best epoch, if one stops by it."""
    runs = slice(split, None, made.splits)
    kept: Any = made.outputs[row]
    chosen = (
        (kept.best_params, kept.best_state) if plan.early_stopping else (kept.params, kept.state)
    )
    params, state = jax.tree.map(lambda leaf: np.array(leaf[runs]), chosen)
    history = {name: np.array(values[row, runs]) for name, values in made.history.items()}
    assert made.stopped_epoch is not None
    return Ensemble(
        plan.recipe,
        params,
        state,
        history["train_loss"],
        history[plan.monitor] if plan.early_stopping else None,
        made.stopped_epoch[row, runs] + 1,
        made.diverged[row, runs],
    )


def train_from(job: Job, rows: Rows, seeds: Sequence[int], start: Ensemble) -> Ensemble:
    """Train from the parameters of an ensemble, network by network."""
    prepared = job.prepared([job.parts(rows)])
    runs = []
    with jax.enable_x64(prepared.dtype == "float64"):
        hyper = {RATE: job.learning_rate, PENALTY: job.alpha / prepared.counted}
        net, loss, optimizer = job.recipe(hyper)
        for number, seed in enumerate(seeds):
            begin: tuple[Params, State] = jax.tree.map(
                lambda leaf, number=number: np.asarray(leaf[number], prepared.dtype),
                (start.params, start.state),
            )
            run = train(
                net,
                loss,
                optimizer,
                prepared.datasets[0],
                epochs=job.epochs,
                batch_size=prepared.batch_size,
                seed=seed,
                start=begin,
                patience=job.patience,
                monitor=job.monitor,
                min_delta=job.min_delta,
                progress=False,
            )
            runs.append(run)
    chosen = [
        (run.best_params, run.best_state) if job.early_stopping else (run.params, run.state)
        for run in runs
    ]
    params, state = jax.tree.map(lambda *leaves: np.stack(leaves), *chosen)
    curves = np.stack([run.history["train_loss"] for run in runs])
    scores = np.stack([run.history[job.monitor] for run in runs]) if job.early_stopping else None
    n_iter = np.array([run.stopped_epoch + 1 for run in runs])
    diverged = np.array([run.diverged for run in runs])
    return Ensemble(job.recipe, params, state, curves, scores, n_iter, diverged)
