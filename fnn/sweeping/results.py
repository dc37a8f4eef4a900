"""What a sweep found."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float, Integer

from fnn import checks, tree
from fnn.sweeping.arrays import nothing_yet
from fnn.sweeping.lanes import Lanes
from fnn.sweeping.program import Program
from fnn.sweeping.settings import Setting
from fnn.sweeping.summary import Row, Summary, summary_of
from fnn.training.program import Training
from fnn.training.run import Run
from fnn.training.step import NEVER, Learner
from fnn.types import Layer, PyTree

BYTES_KEPT = 2**28  # of parameters, unless the caller says otherwise


@dataclass
class Part:
    """The lanes of one program, settings × seeds, and their parameters where they are kept."""

    program: Program
    lanes: Lanes
    kept: PyTree = None

    def store(self, numbers: Integer[np.ndarray, "lanes"], training: Training) -> None:
        """Keeps the parameters of these lanes."""
        if self.kept is not None:
            jax.tree.map(lambda all, some: all.__setitem__(numbers, some), self.kept, parameters(training))

    def parameters_of(self, numbers: Integer[np.ndarray, "lanes"]) -> PyTree:
        """The parameters of these lanes; where they were not kept, trained anew by the same program."""
        if self.kept is not None:
            return jax.tree.map(lambda leaf: leaf[numbers], self.kept)
        blocks = self.program.trained(self.lanes.at(numbers))
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *map(parameters, blocks))

    def worth_keeping(self, results: Training) -> Training:
        """The results, without the parameters where they are not kept."""
        if self.kept is not None:
            return results
        return results._replace(learner=Learner((), (), ()), best=results.best._replace(params=(), state=()))


def parameters(training: Training) -> PyTree:
    """(params, state, best_params, best_state), the part of a training that takes room."""
    return (*training.learner[:2], *training.best[:2])


@dataclass(repr=False)
class Sweep:
    """Every lane's outcome; arrays have the axes (settings, seeds).

    settings       one dict of hyperparameters a row
    history        name -> (settings, seeds, epochs), as in `fnn.Run`
    best_epoch     the epoch of the lowest validation loss (−1: there was none)
    stopped_epoch  the last epoch that was trained
    diverged_step  the first step that was not finite (−1: there was none)
    finished       false where the sweep was interrupted before; everything else says nothing there
    lowest         the lowest validation loss of any lane at any epoch
    compile_seconds, run_seconds
    """

    settings: list[Setting]
    seeds: list[int]
    history: dict[str, Float[np.ndarray, "settings seeds epochs"]]
    best_epoch: Integer[np.ndarray, "settings seeds"]
    stopped_epoch: Integer[np.ndarray, "settings seeds"]
    diverged_step: Integer[np.ndarray, "settings seeds"]
    finished: Bool[np.ndarray, "settings seeds"]
    lowest: float = math.inf
    compile_seconds: float = 0.0
    run_seconds: float = 0.0
    parts: list[Part] = field(default_factory=list)

    @property
    def diverged(self) -> Bool[np.ndarray, "settings seeds"]:
        """The lanes that ended because a step was not finite."""
        return self.diverged_step != NEVER

    def take(self, part: Part, numbers: Integer[np.ndarray, "lanes"], results: Training) -> None:
        """Puts in the results of these lanes of a part."""
        part.store(numbers, results)
        index = self.index(part, numbers)
        for name, values in results.history.items():
            self.history[name][index] = values
        self.best_epoch[index] = results.best.epoch
        self.stopped_epoch[index] = results.epochs - 1
        self.diverged_step[index] = results.diverged_step
        self.finished[index] = True
        self.lowest = min(self.lowest, float(np.min(results.best.loss)))

    def index(self, part: Part, numbers: Integer[np.ndarray, "lanes"]) -> tuple[np.ndarray, np.ndarray]:
        """Settings and positions of seeds of lanes of a part."""
        return np.array(part.program.group.rows)[numbers // len(self.seeds)], numbers % len(self.seeds)

    def missing(self, part: Part) -> Integer[np.ndarray, "lanes"]:
        """The lanes of a part that are not finished."""
        return np.flatnonzero(~self.finished[np.array(part.program.group.rows)])

    def lane(self, setting: int | Row, seed: int) -> Run:
        """The run of one lane: `setting` is a row number of `settings`, or a row of `summary` or `best`; `seed` is one
        of `seeds` (the seed, not its position). Where parameters were not kept, the lane is trained again."""
        index = self._index(setting, seed)
        found = self._parameters([index])
        params, state, best_params, best_state = jax.tree.map(lambda leaf: leaf[0], found)
        history = {name: values[index] for name, values in self.history.items()}
        best, stopped, diverged = (int(a[index]) for a in (self.best_epoch, self.stopped_epoch, self.diverged_step))
        return Run(
            params,
            state,
            best_params,
            best_state,
            best,
            stopped,
            diverged,
            history,
            self.compile_seconds,
            self.run_seconds,
        )

    def params(self, setting: int | Row) -> PyTree:
        """The parameters of every lane of a setting, as trained; leaves are (seeds, …)."""
        row, _ = self._index(setting, self.seeds[0])
        if not self.finished[row].all():
            raise ValueError(
                f"params: setting {row} has lanes that were not trained; the sweep was interrupted before."
            )
        return self._parameters([(row, column) for column in range(len(self.seeds))])[0]

    def net(self, setting: int | Row) -> Layer:
        """The network of a setting, as it was trained: `fnn.apply(sweep.net(best), run.params, x, state=run.state)`.
        (A builder that is called with plain numbers may build another one: fnn.mlp leaves out a dropout of 0.)"""
        row = self._row(setting)
        part = next(part for part in self.parts if row in part.program.group.rows)
        return part.program.net({name: self.settings[row][name] for name in part.program.group.traced})

    def final(self, metric: str) -> Float[np.ndarray, "settings seeds"]:
        """A history entry at each lane's last trained epoch; NaN where the lane diverged."""
        values = checks.lookup("metric", metric, self.history)
        return np.take_along_axis(values, np.maximum(self.stopped_epoch, 0)[..., None], axis=-1)[..., 0]

    def summary(self, metric: str | None = None, *, interval: str = "t") -> Summary:
        """One row a setting: mean, 95% interval of the mean, median, min, max over the lanes that did not diverge.

        metric    an entry of `history`, at each lane's last trained epoch; test_accuracy by default, or test_loss
        interval  "t" or "bootstrap"
        """
        name = metric or self.main_metric
        sound = self.finished & ~self.diverged
        table = summary_of(name, self.settings, self.final(name), sound, self.finished & self.diverged, interval)
        return table._replace(when=", last trained epoch")

    def best(self) -> Row:
        """The summary row of the setting with the lowest mean validation loss, among those with the fewest lanes
        that diverged, with that mean as "validation_loss" and the name of what the rest is about as "metric". The test
        set has no say. ValueError where no setting has a lane that was finished and did not diverge."""
        rows = [row for row in self.summary("validation_loss").rows if np.isfinite(row["mean"])]
        if not rows:
            raise ValueError(
                f"best: of {self.finished.size} lanes {np.count_nonzero(self.finished)} were finished and "
                f"{np.count_nonzero(self.diverged)} of them diverged; no setting has a finite validation loss."
            )
        best = min(rows, key=lambda row: (row["diverged"], row["mean"]))
        summary = self.summary()
        return {"metric": summary.metric, **summary.rows[best["setting"]], "validation_loss": best["mean"]}

    def records(self, *, every_epoch: bool = False) -> Iterator[Row]:
        """A flat dict for each lane, or for each of its trained epochs: setting, its hyperparameters, seed, epoch, the
        history's entries, and whether the lane diverged. `pandas.DataFrame(sweep.records())` is a tidy table."""
        for row, column in np.argwhere(self.finished).tolist():
            stop = int(self.stopped_epoch[row, column])
            for epoch in range(stop + 1) if every_epoch else (stop,):
                values = {name: float(array[row, column, epoch]) for name, array in self.history.items()}
                lane = {"setting": row, **self.settings[row], "seed": self.seeds[column], "epoch": epoch}
                yield {**lane, **values, "diverged": bool(self.diverged[row, column])}

    def to_csv(self, path: str | Path, *, every_epoch: bool = False) -> None:
        """Writes `records` with a header line. A setting's value that is not a number is written as its str."""
        columns = ["setting", *self.settings[0], "seed", "epoch", *self.history, "diverged"]
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.records(every_epoch=every_epoch))

    def __repr__(self) -> str:
        name = self.main_metric
        values = self.final(name)
        sound = values[self.finished & ~np.isnan(values)]
        found = f"{name} {sound.min():.4g} to {sound.max():.4g}" if sound.size else f"no {name}"
        epochs = self.history[name].shape[-1]
        lanes = f"{len(self.settings)} setting(s) x {len(self.seeds)} seed(s)"
        missing = "" if self.finished.all() else f", {np.count_nonzero(~self.finished)} unfinished"
        return f"Sweep({lanes}, {epochs} epochs; {found}, {int(self.diverged.sum())} diverged{missing})"

    def _parameters(self, indices: Sequence[tuple[int, int]]) -> PyTree:
        """(params, state, best_params, best_state) of lanes of one setting."""
        row = indices[0][0]
        part = next(part for part in self.parts if row in part.program.group.rows)
        first = part.program.group.rows.index(row) * len(self.seeds)
        return part.parameters_of(np.array([first + column for _, column in indices]))

    def _row(self, setting: int | Row) -> int:
        row: Any = setting
        if isinstance(setting, Mapping):
            row = self.settings.index(dict(setting)) if setting in self.settings else setting.get("setting")
        if isinstance(row, bool) or not isinstance(row, (int, np.integer)):
            raise ValueError(
                f"setting: got {setting!r}, expected a row number, one of `settings`, or a row of summary() or best()."
            )
        if not 0 <= row < len(self.settings):
            raise ValueError(f"setting: got {row}, expected a row from 0 to {len(self.settings) - 1}.")
        return int(row)

    def _index(self, setting: int | Row, seed: int) -> tuple[int, int]:
        row = self._row(setting)
        if isinstance(seed, bool) or seed not in self.seeds:
            raise ValueError(f"seed: got {seed}, expected one of the sweep's {len(self.seeds)} seeds.")
        index = row, self.seeds.index(seed)
        if not self.finished[index]:
            raise ValueError(f"lane: setting {row}, seed {seed} was not trained; the sweep was interrupted before.")
        return index

    @property
    def main_metric(self) -> str:
        """What is shown where nothing is asked for: test_accuracy, or test_loss."""
        return "test_accuracy" if "test_accuracy" in self.history else "test_loss"


def empty(settings: Sequence[Setting], seeds: Sequence[int], parts: list[Part], keep_params: bool | None) -> Sweep:
    """A sweep of which nothing is finished."""
    lanes = (len(settings), len(seeds))
    likes = [(part, part.program.like, len(part.lanes.seeds)) for part in parts]
    if keep_params or (
        keep_params is None and sum(n * tree.nbytes(parameters(like)) for _, like, n in likes) <= BYTES_KEPT
    ):
        for part, like, n in likes:
            part.kept = jax.tree.map(lambda leaf, n=n: np.empty((n, *leaf.shape), leaf.dtype), parameters(like))
    names = {name: leaf for _, like, _ in likes for name, leaf in like.history.items()}
    history = {name: nothing_yet((*lanes, *leaf.shape), leaf.dtype) for name, leaf in names.items()}
    best, stopped, diverged = (np.full(lanes, NEVER, np.int32) for _ in range(3))
    nothing = np.zeros(lanes, bool)
    return Sweep(list(settings), list(seeds), history, best, stopped, diverged, nothing, parts=parts)
