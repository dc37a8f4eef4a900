"""Training for the estimators: every setting on every fold with every seed, as one program."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import jax
import numpy as np

from fnn.data import Dataset
from fnn.runs.monitor import Monitor
from fnn.runs.results import Sweep
from fnn.runs.sweep import sweep
from fnn.runs.train import train
from fnn.sklearn.ensemble import Ensemble
from fnn.sklearn.recipe import PENALTY, RATE, Recipe
from fnn.sklearn.rows import Parts, Rows, dataset_of, with_validation
from fnn.sklearn.solvers import Lbfgs, Sgd
from fnn.types import Params, State

LARGEST_AUTO_BATCH = 200  # of batch_size="auto", as in scikit-learn
FILLED = 0.01  # share of a fold's rows that may be added without weight, for equally long folds


class FoldData(NamedTuple):
    """Folds as Datasets, and the values that depend on their rows.

    batch_size    number of examples
    batch_weight  sum of the weights of an average batch, in the longest fold
    dtype         "float32" or "float64"
    """

    datasets: list[Dataset]
    batch_size: int
    batch_weight: float
    dtype: str


class Job(NamedTuple):
    """The arguments of an estimator, as training needs them.

    recipe               network, loss and optimizer
    learning_rate        traced: jobs that differ in it share a program
    alpha                traced too; it is divided by the examples of a batch
    batch_size           "auto" or a number; at most the number of rows
    epochs               at most
    patience             epochs without an improvement after which training stops, which are more
                         by one than n_iter_no_change; None: no stop
    early_stopping       whether rows are held out, which decide when training stops
    validation_fraction  of the rows that are held out
    seed                 decides which rows are held out
    monitor              the entry of the history that decides when training stops, and its rule
    dtype                "auto", "float32" or "float64". "auto" is float64 where a batch holds all
                         rows, so that a weight of 2 equals a repeated row to rounding
    """

    recipe: Recipe
    learning_rate: float
    alpha: float
    batch_size: int | str
    epochs: int
    patience: int | None
    early_stopping: bool
    validation_fraction: float
    seed: int
    monitor: Monitor
    dtype: str

    def has_converged(self, ensemble: Ensemble) -> bool:
        """Return whether every network stopped before the last epoch, or by the rule in it."""
        curves = ensemble.score_curve if self.early_stopping else ensemble.loss_curve
        assert curves is not None
        for curve, epochs in zip(curves, ensemble.n_iter, strict=True):
            stopped = self.monitor.stop(curve[:epochs], self.patience)
            if epochs == self.epochs and stopped is None:
                return False
        return True

    def fitting(self, rows: Rows) -> Self:
        """Return the job with as many inputs and outputs as the rows have."""
        _, *hidden, _ = self.recipe.sizes
        sizes = (rows.x.shape[1], *hidden, rows.outputs)
        recipe = self.recipe._replace(sizes=sizes)
        return self._replace(recipe=recipe)

    def parts(self, rows: Rows) -> Parts:
        """Return the rows to train on, and the rows that decide when training stops."""
        if not self.early_stopping:
            return Parts(rows, None)
        return with_validation(rows, self.validation_fraction, self.seed)

    def fold_data(self, folds: Sequence[Parts]) -> FoldData:
        """Return the Datasets and the batch size of folds that are one program.

        Shorter folds are filled up to the longest with rows without weight.
        """
        longest = max(folds, key=lambda parts: len(parts.train.x)).train
        rows = len(longest.x)
        if isinstance(self.recipe.optimizer, Lbfgs):
            largest_batch = rows
        elif self.batch_size == "auto":
            largest_batch = LARGEST_AUTO_BATCH
        else:
            largest_batch = int(self.batch_size)
        batch_size = min(largest_batch, rows)
        dtype = self.dtype
        if dtype == "auto":
            dtype = "float64" if batch_size == rows else "float32"
        train_lengths, validation_lengths = zip(*(parts.lengths for parts in folds), strict=True)
        lengths = max(train_lengths), max(validation_lengths)
        if any(parts.lengths != lengths for parts in folds):
            folds = [parts.filled(lengths) for parts in folds]
        datasets = [dataset_of(parts.cast(dtype)) for parts in folds]
        return FoldData(datasets, batch_size, batch_size * longest.mean_weight, dtype)

    def in_epochs_of(self, data: FoldData) -> Self:
        """Return the job with a solver that knows the length of an epoch."""
        solver = self.recipe.optimizer
        if not isinstance(solver, Sgd):
            return self
        examples = len(data.datasets[0].train.x)
        steps = -(-examples // data.batch_size)
        recipe = self.recipe._replace(optimizer=solver.in_epochs(examples, steps))
        return self._replace(recipe=recipe)

    def hyper(self, data: FoldData) -> dict[str, float]:
        """Return the hyperparameters of the recipe."""
        return {RATE: self.learning_rate, PENALTY: self.alpha / data.batch_weight}


def train_all(
    jobs: Sequence[Job], folds: Sequence[Rows], seeds: Sequence[int], progress: bool
) -> list[list[Ensemble]]:
    """Train every job on every fold with every seed.

    jobs  differ only in learning rate and alpha

    Returns the networks by job, then by fold.

    Folds whose lengths differ by at most 1%, or by one row, are one program. The shorter ones get
    rows without weight, and alpha is divided by the rows of the longest one.
    """
    first = jobs[0]
    parts = [first.parts(fold) for fold in folds]
    has_batch_norm = first.recipe.batch_norm is not None
    by_fold: list[list[Ensemble]] = [[] for _ in folds]
    for fold_numbers in similar_folds(parts, exactly=has_batch_norm):
        job = first.fitting(folds[fold_numbers[0]])
        data = job.fold_data([parts[number] for number in fold_numbers])
        job = job.in_epochs_of(data)
        trained = _sweep(job, jobs, data, seeds, progress)
        for split, fold in enumerate(fold_numbers):
            for row in range(len(jobs)):
                by_fold[fold].append(ensemble_of(trained, job, row, split))
    return [list(of_job) for of_job in zip(*by_fold, strict=True)]


def _sweep(
    job: Job, jobs: Sequence[Job], data: FoldData, seeds: Sequence[int], progress: bool
) -> Sweep:
    """Train the learning rates and alphas of all jobs on folds that are one program.

    job  has the other arguments, and the sizes of these folds
    """
    builder: Any = job.recipe
    monitor: Any = job.monitor
    with jax.enable_x64(data.dtype == "float64"):
        return sweep(
            builder,
            data.datasets,
            hyper=[each.hyper(data) for each in jobs],
            epochs=job.epochs,
            batch_size=data.batch_size,
            seeds=seeds,
            patience=job.patience,
            monitor=monitor,
            keep_params=True,
            progress=progress,
        )


def similar_folds(folds: Sequence[Parts], exactly: bool) -> list[list[int]]:
    """Group the numbers of folds that are one program.

    exactly  whether only folds of equal lengths are
    """
    groups: list[list[int]] = []
    longest_first = np.argsort([-len(parts.train.x) for parts in folds], kind="stable")
    for number in longest_first.tolist():
        for group in groups:
            if are_similar(folds[group[0]], folds[number], exactly):
                group.append(number)
                break
        else:
            groups.append([number])
    return [sorted(group) for group in groups]


def are_similar(longest: Parts, shorter: Parts, exactly: bool) -> bool:
    """Return whether a fold may be filled up to the longest one."""
    if longest.train.x.shape[1] != shorter.train.x.shape[1]:
        return False
    if longest.train.outputs != shorter.train.outputs:
        return False
    if exactly:
        return longest.lengths == shorter.lengths
    missing = [abs(n - m) for n, m in zip(longest.lengths, shorter.lengths, strict=True)]
    most_missing = max(1, FILLED * len(longest.train.x))
    return max(missing) <= most_missing


def ensemble_of(trained: Sweep, job: Job, row: int, split: int) -> Ensemble:
    """Return the networks of a setting on a split.

    With early stopping they are those of the best epoch, otherwise those of the last one.
    """
    runs = slice(split, None, trained.splits)
    outputs: Any = trained.outputs[row]
    if job.early_stopping:
        chosen = outputs.best_params, outputs.best_state
    else:
        chosen = outputs.params, outputs.state
    params, state = jax.tree.map(lambda leaf: np.array(leaf[runs]), chosen)
    score_curve = None
    if job.early_stopping:
        score_curve = np.array(trained.history[job.monitor.metric][row, runs])
    assert trained.stopped_epoch is not None
    return Ensemble(
        recipe=job.recipe,
        params=params,
        state=state,
        loss_curve=np.array(trained.history["train_loss"][row, runs]),
        score_curve=score_curve,
        n_iter=trained.stopped_epoch[row, runs] + 1,
        diverged=trained.diverged[row, runs],
    )


def train_from(job: Job, rows: Rows, seeds: Sequence[int], start: Ensemble) -> Ensemble:
    """Train from the parameters of an ensemble, network by network."""
    data = job.fold_data([job.parts(rows)])
    job = job.in_epochs_of(data)
    monitor: Any = job.monitor
    runs = []
    with jax.enable_x64(data.dtype == "float64"):
        net, loss, optimizer = job.recipe(job.hyper(data))
        for number, seed in enumerate(seeds):
            run = train(
                net,
                loss,
                optimizer,
                data.datasets[0],
                epochs=job.epochs,
                batch_size=data.batch_size,
                seed=seed,
                start=_params_and_state(start, number, data.dtype),
                patience=job.patience,
                monitor=monitor,
                progress=False,
            )
            runs.append(run)
    if job.early_stopping:
        chosen = [(run.best_params, run.best_state) for run in runs]
    else:
        chosen = [(run.params, run.state) for run in runs]
    params, state = jax.tree.map(lambda *leaves: np.stack(leaves), *chosen)
    score_curve = None
    if job.early_stopping:
        score_curve = np.stack([run.history[job.monitor.metric] for run in runs])
    return Ensemble(
        recipe=job.recipe,
        params=params,
        state=state,
        loss_curve=np.stack([run.history["train_loss"] for run in runs]),
        score_curve=score_curve,
        n_iter=np.array([run.stopped_epoch + 1 for run in runs]),
        diverged=np.array([run.diverged for run in runs]),
    )


def _params_and_state(ensemble: Ensemble, number: int, dtype: str) -> tuple[Params, State]:
    """Return parameters and state of one network in a dtype."""
    params_and_state = ensemble.params, ensemble.state
    return jax.tree.map(lambda leaf: np.asarray(leaf[number], dtype), params_and_state)
