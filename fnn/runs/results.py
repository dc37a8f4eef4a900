"""The result of a sweep: `fnn.Sweep`, arrays with the axes (setting, run, epoch) and their tables.

The methods stand in three parts: runs (run, params, net, extend, predict), tables (at, summary,
best, records and their files), and saving.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import jax
import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

from fnn import checks
from fnn.checkpoint import result
from fnn.data import Encoding
from fnn.explorer import write_page
from fnn.runs.explored import explored
from fnn.runs.fingerprint import plain_settings, with_pickled
from fnn.runs.monitor import Monitor, mode_of
from fnn.runs.predict import decode_outputs, in_units_of_first
from fnn.runs.process import NEVER
from fnn.runs.run import Run, RunParts
from fnn.runs.settings import HyperValues, Setting
from fnn.runs.summary import Row, Summary, summary_of, table
from fnn.types import Layer, Loss, Params, PyTree, State

if TYPE_CHECKING:
    import pandas
    import xarray

SHOWN = 3  # settings in a repr
THIS_PROCESS = -1  # in place of the number of a worker's machine
VALIDATION_LOSS = Monitor()
FloatPerRun: TypeAlias = Float[np.ndarray, "settings runs"]
IntPerRun: TypeAlias = Integer[np.ndarray, "settings runs"]
BoolPerRun: TypeAlias = Bool[np.ndarray, "settings runs"]
At: TypeAlias = Literal["best", "last"]
Parts: TypeAlias = dict[str, Any]
"""The builder, the dataset and the metrics with which runs are trained again, by name."""
RENAMED = {"lane": "Sweep.run", "found": "Sweep.outputs", "encoding": "Sweep.encodings"}


class Parameters(NamedTuple):
    """The parameters that a sweep keeps of a setting; leaves are (runs, …)."""

    params: Params
    state: State
    best_params: Params
    best_state: State


@dataclass(repr=False, eq=False)
class Sweep:
    """The result of `fnn.sweep` or `fnn.sweep_function`; it can be pickled.

    A setting has one run for each seed. With several splits it has one run for each seed on each
    split, and the runs of a seed are neighbours.

    settings         one dict of hyperparameters for each setting
    seeds            the seeds
    history          name -> (settings, runs, epochs), as in `fnn.Run`. For a function: the entries
                     of its dict that are numbers (then epochs is 1) or (n,), with the same n in all
                     settings
    finished         (settings, runs): false for runs that an interrupted sweep did not train
    outputs          for each setting a pytree with leaves (runs, …). For networks: `Parameters`, or
                     None where they were not kept. For a function: its values, zero where they were
                     not computed
    best_epoch       (settings, runs): the best epoch by the monitored metric; −1 if there was none
    stopped_epoch    (settings, runs): the last epoch that was trained
    diverged_step    (settings, runs): the first step that was not finite; −1 if there was none
    runs_per_vmap    for each setting, how many runs shared a vmapped row. With equal numbers every
                     bit of a run is the same in any sweep
    monitor          the metric that decides which epoch is the best
    examples         how many examples each part has, the fewest among splits. An accuracy is a
                     share of them
    compile_seconds  seconds of compiling
    run_seconds      seconds of running
    retrain          trains runs again whose parameters were not kept, and builds networks. Pickle
                     leaves out its programs and data (`fnn.runs.retraining`)
    encodings        for each split, the preprocessing of the rows, `Dataset.preprocessing`
    splits           the number of splits
    machines         for each kind of worker that computed runs, the facts about its machine that
                     the last bits depend on
    machine          (settings, runs): which of `machines` computed a run; −1 for this process. None
                     where no worker computed any

    best_epoch, stopped_epoch and diverged_step are None for a function.

    >>> import fnn
    >>> def builder(hyper):
    ...     adam = fnn.optim.adam(hyper["rate"])
    ...     return fnn.mlp((2, 4, 1)), fnn.losses.sigmoid_cross_entropy, adam
    >>> rates = {"rate": [0.001, 0.1]}
    >>> xor = fnn.data.load("xor")
    >>> sweep = fnn.sweep(
    ...     builder, xor, epochs=30, batch_size=4, seeds=range(2), hyper=rates, progress=False
    ... )
    >>> sweep
    Sweep(2 settings × 2 seeds, 30 epochs)
      all 2, epoch of lowest validation_loss:
      setting   rate  validation_loss  validation_accuracy  n  diverged
            1    0.1              ...                    1  2         0
            0  0.001              ...                  ...  2         0
    """

    settings: list[Setting]
    seeds: list[int]
    history: dict[str, Shaped[np.ndarray, "settings runs epochs"]]
    finished: BoolPerRun
    outputs: list[PyTree | None]
    best_epoch: IntPerRun | None = None
    stopped_epoch: IntPerRun | None = None
    diverged_step: IntPerRun | None = None
    runs_per_vmap: tuple[int, ...] = ()
    monitor: Monitor = VALIDATION_LOSS
    examples: dict[str, int] = field(default_factory=dict)
    compile_seconds: float = 0.0
    run_seconds: float = 0.0
    retrain: Any = None
    encodings: list[Encoding] = field(default_factory=list)
    splits: int = 1
    machines: list[dict[str, Any]] = field(default_factory=list)
    machine: IntPerRun | None = None

    if not TYPE_CHECKING:  # a type checker takes a class with it for one that has any attribute

        def __getattr__(self, name: str) -> Any:
            if name in RENAMED:
                raise AttributeError(f"Sweep.{name} is now {RENAMED[name]}.")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ----------------------------------------------------------------------------------------- runs

    def run(
        self,
        setting: int | Row,
        seed: int,
        split: int | None = None,
        *,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> Run:
        """Return one run; train it again, bit for bit the same, if its parameters were not kept.

        setting  the number of a setting, one of `settings`, or a row of `summary` or `best`
        seed     one of `seeds` (the seed, not its position)
        split    the number of the split, from 0 on; needed where there are several
        builder  the builder of the sweep; needed where the sweep was pickled or loaded and the run
                 must be trained again
        dataset  its data set, needed in the same case
        metrics  its metrics, needed in the same case if it had some

        Raises ValueError for another builder or data set, and for a run that an interrupted sweep
        did not train.

        >>> run = sweep.run(sweep.best(), seed=1)
        >>> run.stopped_epoch
        29
        """
        row, column = self._index(setting, seed, split)
        self._check_has_runs("run")
        assert self.best_epoch is not None
        assert self.stopped_epoch is not None
        assert self.diverged_step is not None
        parts = dict(builder=builder, dataset=dataset, metrics=metrics)
        of_one_run = self._parameters(row, [column], parts)
        parameters = jax.tree.map(lambda leaf: leaf[0], of_one_run)
        history = {name: values[row, column] for name, values in self.history.items()}
        encoding = None
        if self.encodings:
            split_of_run = column % self.splits
            encoding = self.encodings[split_of_run]
        return Run(
            **parameters._asdict(),
            best_epoch=int(self.best_epoch[row, column]),
            stopped_epoch=int(self.stopped_epoch[row, column]),
            diverged_step=int(self.diverged_step[row, column]),
            history=history,
            seed=seed,
            encoding=encoding,
            parts=self._build_of(row, parts),
            compile_seconds=self.compile_seconds,
            run_seconds=self.run_seconds,
        )

    def _build_of(self, row: int, parts: Parts) -> RunParts:
        """Return what builds the network and the loss of a setting, where the builder is known."""
        is_known = self.retrain is not None and self.retrain.inputs.builder is not None
        if is_known or parts["builder"] is not None:
            return RunParts(partial(self.retrain.parts, row, **parts))
        return RunParts()

    def params(
        self,
        setting: int | Row,
        *,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> Params:
        """Return the parameters of every run of a setting after its last epoch.

        setting, builder, dataset, metrics  as for `run`

        Returns a pytree like that of one network, with leaves (runs, …).

        >>> [leaf.shape for leaf in jax.tree.leaves(sweep.params(0))]
        [(2, 4, 2), (2, 4), (2, 1, 4), (2, 1)]
        """
        row = self._row(setting)
        self._check_has_runs("params")
        self._check_trained("params", row)
        parts = dict(builder=builder, dataset=dataset, metrics=metrics)
        columns = range(self._runs)
        parameters = self._parameters(row, columns, parts)
        return parameters.params

    def net(
        self,
        setting: int | Row,
        *,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> Layer:
        """Return the network of a setting, as it was trained.

        setting, builder, dataset, metrics  as for `run`

        A builder that is called with plain numbers may build another network: fnn.mlp leaves out a
        dropout of 0.

        >>> best = sweep.best()
        >>> run = sweep.run(best, seed=0)
        >>> fnn.apply(sweep.net(best), run.params, xor.test.x, state=run.state).shape
        (4, 1)
        """
        self._check_has_runs("net")
        parts = dict(builder=builder, dataset=dataset, metrics=metrics)
        row = self._row(setting)
        return self.retrain.net(row, **parts)

    def extend(
        self,
        *,
        seeds: Iterable[int] | None = None,
        hyper: HyperValues | None = None,
        progress: bool = True,
        executor: Any = None,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> "Sweep":
        """Return a sweep with more seeds and settings; only the new runs are trained.

        The bits are those of one sweep over all of them with the same `runs_per_vmap`, which are
        kept. Every setting is trained with every seed.

        seeds     seeds to add, as in `fnn.sweep`
        hyper     settings to add, as in `fnn.sweep`, with the names of this sweep
        progress  show a progress bar
        executor  computes blocks of runs on its workers, as in `fnn.sweep`
        builder, dataset, metrics  as for `run`, where the sweep was pickled or loaded

        Runs that the sweep has are not trained again. If it has all of them, the result equals it.

        Raises ValueError for another builder or data set, for other names, and for neither seeds
        nor hyper.

        >>> larger = sweep.extend(seeds=[2], progress=False)
        >>> larger.finished.shape  # (settings, seeds)
        (2, 3)
        """
        self._check_has_runs("extend")
        if seeds is None and hyper is None:
            raise ValueError("extend: got neither seeds nor hyper; pass those to be added.")
        parts = dict(builder=builder, dataset=dataset, metrics=metrics)
        extended = self.retrain.extend(self, seeds, hyper, progress, executor, **parts)
        extended.encodings = self.encodings
        return extended

    def predict(
        self,
        rows: Any,
        how: str = "best",
        *,
        setting: int | Row | None = None,
        probabilities: bool = False,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> np.ndarray:
        """Predict the targets of raw rows with the networks of the best epochs.

        rows           rows before any preprocessing, as for `Run.predict`
        how            "best": the run of the setting that is best by the monitored metric. "mean":
                       the mean over the runs of the setting, of probabilities where there are
                       classes; runs that diverged are left out with a warning. "all": every run of
                       the sweep, (settings, runs, examples, …)
        setting        the setting, as for `run`. None: that of `best()`
        probabilities  return probabilities (…, examples, classes) instead of labels
        builder, dataset, metrics  as for `run`

        Returns labels as they were given, or numbers in the units of the target.

        >>> sweep.predict([[0, 0], [0, 1]], "mean")
        array([0, 1])
        >>> sweep.predict([[0, 0], [0, 1]], "all").shape
        (2, 2, 2)
        """
        self._check_has_runs("predict")
        known = dict.fromkeys(("best", "mean", "all"))
        checks.lookup("how", how, known)
        parts = dict(builder=builder, dataset=dataset, metrics=metrics)
        if how == "all":
            if setting is not None:
                raise ValueError("setting: got one for how='all', which predicts by all of them.")
            return self._predict_by_all(rows, probabilities, parts)
        row = self._row(self.best() if setting is None else setting)
        loss, outputs = self._outputs(row, rows, parts)
        encoding = self._first_encoding
        if how == "mean":
            columns = self._sound_runs(row)
            sound = outputs[columns]
            return decode_outputs(encoding, loss, sound, probabilities=probabilities, mean=True)
        column = self._best_column(row)
        return decode_outputs(encoding, loss, outputs[column], probabilities=probabilities)

    def _warn_of_untrained(self) -> None:
        """Warn of runs without a best epoch: their networks are those of the start."""
        count = int(np.count_nonzero(self.best_epoch == NEVER))
        if count:
            checks.warn(
                f"predict: no epoch is the best in {counted(count, 'run')}, which predict by their "
                "networks of the start; sweep.best_epoch is −1 there."
            )

    def _predict_by_all(self, rows: Any, probabilities: bool, parts: Parts) -> np.ndarray:
        """Return the predictions of every run, (settings, runs, examples, …)."""
        self._warn_of_untrained()
        predictions = []
        for row in range(len(self.settings)):
            loss, outputs = self._outputs(row, rows, parts)
            encoding = self._first_encoding
            predicted = decode_outputs(encoding, loss, outputs, probabilities=probabilities)
            predictions.append(predicted)
        return np.stack(predictions)

    def _best_column(self, row: int) -> int:
        """Return the run of a setting with the best value of the monitored metric."""
        monitor = self.monitor
        of_settings = self.at(monitor.metric)
        values = of_settings[row]
        signed = values if monitor.mode == "min" else -values
        is_finite = np.isfinite(signed)
        if not is_finite.any():
            raise ValueError(
                f"predict: setting {row} has no run with a finite {monitor.metric}, so none is the "
                "best."
            )
        ranked = np.where(is_finite, signed, np.inf)
        return int(np.argmin(ranked))

    @property
    def _first_encoding(self) -> Encoding:
        if not self.encodings:
            raise ValueError("predict: this sweep does not know the preprocessing of its rows.")
        return self.encodings[0]

    def _sound_runs(self, row: int) -> Integer[np.ndarray, "runs"]:
        """Return which runs of a setting are sound, and warn of the others.

        They did not diverge, and have a best epoch.
        """
        assert self.best_epoch is not None
        is_sound = ~self.diverged[row] & (self.best_epoch[row] != NEVER)
        runs = len(is_sound)
        if not is_sound.any():
            raise ValueError(
                f"predict: all {runs} runs of setting {row} diverged or have no best epoch."
            )
        if not is_sound.all():
            count = np.count_nonzero(~is_sound)
            checks.warn(
                f"predict: {count} of {runs} runs diverged or have no best epoch, and are left out."
            )
        return np.flatnonzero(is_sound)

    def _outputs(self, row: int, rows: Any, parts: Parts) -> tuple[Loss, np.ndarray]:
        """Return the loss of a setting, and the outputs of all its runs on raw rows.

        The outputs are (runs, examples, outputs), scaled as the first split scales its targets.
        """
        self._check_trained("predict", row)
        _, loss = self.retrain.parts(row, **parts)
        runs = self._runs
        parameters = self._parameters(row, range(runs), parts)
        best = parameters.best_params, parameters.best_state
        first = self._first_encoding
        of_splits: list[np.ndarray] = []
        for split, encoding in enumerate(self.encodings):
            params, state = self._runs_of_split(best, split)
            x = encoding.encode(rows)
            outputs = self.retrain.outputs(row, params, state, x, **parts)
            if split > 0:
                outputs = in_units_of_first(first, encoding, outputs)
            of_splits.append(np.asarray(outputs))
        together = np.stack(of_splits, axis=1)  # (seeds, splits, examples, outputs)
        _, _, *of_one = together.shape
        by_run = together.reshape(runs, *of_one)
        return loss, by_run

    def _runs_of_split(self, values: PyTree, split: int) -> Any:
        """Return the part of leaves (runs, …) that one split has."""
        every = self.splits
        return jax.tree.map(lambda leaf: leaf[split::every], values)

    @property
    def values(self) -> PyTree:
        """Return the outputs of all settings as one pytree with leaves (settings, runs, …).

        Raises ValueError where settings have outputs of different shapes; `outputs` has them one by
        one.

        >>> sweep.values.params[0].W.shape
        (2, 2, 4, 2)
        """
        for row, value in enumerate(self.outputs):
            difference = checks.difference(value, self.outputs[0])
            if difference:
                raise ValueError(
                    f"values: setting {row}{difference}, unlike setting 0; use outputs[setting]."
                )
        return jax.tree.map(lambda *leaves: np.stack(leaves), *self.outputs)

    # --------------------------------------------------------------------------------------- tables

    @property
    def diverged(self) -> BoolPerRun:
        """Return which runs ended in numbers that are not finite, (settings, runs).

        >>> sweep.diverged.any()
        np.False_
        """
        if self.diverged_step is not None:
            return self.diverged_step != NEVER
        if not self.history:
            return np.zeros_like(self.finished)
        not_finite = []
        for values in self.history.values():
            last = values[..., -1]
            not_finite.append(~np.isfinite(last))
        has_diverged = np.any(not_finite, axis=0)
        return self.finished & has_diverged

    @property
    def last_epoch(self) -> IntPerRun:
        """Return the last epoch of each run; for a function, the end of its history.

        >>> sweep.last_epoch.tolist()
        [[29, 29], [29, 29]]
        """
        if self.stopped_epoch is not None:
            return self.stopped_epoch
        last = self._longest - 1
        return np.full(self.finished.shape, last)

    @property
    def _longest(self) -> int:
        """Return the number of entries of the longest history."""
        lengths = [values.shape[-1] for values in self.history.values()]
        return max(lengths, default=1)

    @property
    def main_metric(self) -> str:
        """Return the metric that tables show by default: the monitored one, or the accuracy.

        It is measured on the validation split. A table is there to choose by, and the test split
        must not choose.

        >>> sweep.main_metric
        'validation_accuracy'
        """
        is_default = self.monitor == VALIDATION_LOSS
        first = "validation_accuracy" if is_default else self.monitor.metric
        names = (first, "validation_accuracy", "validation_loss", *self.history)
        for name in names:
            if name in self.history:
                return name
        raise ValueError(f"metric: {self._why_no_history('')}")

    def final(self, metric: str) -> FloatPerRun:
        """Return a history entry at each run's last epoch; NaN where the run diverged.

        metric  the name of an entry of `history`

        >>> sweep.final("test_accuracy")[1].tolist()
        [1.0, 1.0]
        """
        return self.at(metric, "last")

    def at(self, metric: str, at: At | None = None) -> FloatPerRun:
        """Return a history entry of each run after its best or its last epoch.

        metric  the name of an entry of `history`
        at      "best": that of `run.best_params`, NaN where no epoch was finite. "last": that of
                `run.params`, NaN where the run diverged. None: "best" for networks, "last" for a
                function, which has no best epoch

        >>> sweep.at("test_accuracy", "best").shape
        (2, 2)
        """
        if metric not in self.history:
            reason = self._why_no_history(metric)
            if reason:
                raise ValueError(f"metric: {reason}")
        values = checks.lookup("metric", metric, self.history)
        epochs = self._epochs_of(at)
        if epochs is None:
            return values[..., -1]
        at_epochs = np.maximum(epochs, 0)
        chosen = np.take_along_axis(values, at_epochs[..., None], axis=-1)
        has_none = epochs == NEVER
        return np.where(has_none, np.nan, chosen[..., 0])

    def summary(
        self,
        metric: str | None = None,
        *,
        at: At | None = None,
        interval: str = "t",
        covers: str | None = None,
    ) -> Summary:
        """Summarize each setting: mean, its 95% interval, median, min and max of its sound runs.

        metric    an entry of `history`. None: validation_accuracy, or validation_loss
        at        "best" or "last" epoch, as in `at`
        interval  "t" or "bootstrap". For an accuracy, "t" is taken on the log odds, since a mean
                  accuracy cannot be above 1
        covers    the mean of the interval is over "seeds", "splits" or "both". None: both, where
                  there are several of both. For splits it allows for the rows that they share

        Returns a `Summary`: print it, or read its `rows`.

        >>> summary = sweep.summary("test_accuracy")
        >>> summary.rows[1]["mean"], summary.rows[1]["n"]
        (1.0, 2)
        """
        name = self.main_metric if metric is None else metric
        values = self.at(name, at)
        diverged = self._diverged_in(values)
        is_sound = self.finished & ~diverged
        if self._at(at) == "best":
            assert self.best_epoch is not None
            is_sound &= self.best_epoch != NEVER
        rows = summary_of(
            name,
            self.settings,
            values,
            is_sound,
            self.finished & diverged,
            interval,
            self.examples,
            self.splits,
            covers,
        )
        words = [self.when(at)]
        if self.encodings:
            encoding = self.encodings[0]
            words.append(encoding.in_units(name))
        when = ", ".join(word for word in words if word)
        return rows._replace(when=when)

    def when(self, at: At | None = None) -> str:
        """Say which epoch a table or a figure is about.

        at  "best" or "last" epoch, as in `at`

        >>> sweep.when()
        'epoch of lowest validation_loss'
        """
        if self.stopped_epoch is None:
            return ""
        if self._at(at) == "last":
            return "last trained epoch"
        return f"epoch of {self.monitor}"

    def best(
        self, metric: str | None = None, mode: str | None = None, *, at: At | None = None
    ) -> Row:
        """Return the summary row of the best setting.

        The best setting has the best mean of `metric` among those with the fewest runs that
        diverged. The test split does not choose by default, and the row shows it for the chosen
        setting: test_accuracy, or test_loss. The mean of `metric` stands beside it.

        metric  the metric to compare. None: the monitored one, the validation loss by default
        mode    "min" where less of it is better, "max" where more is. None: by its name
        at      "best" or "last" epoch, as in `at`

        Raises ValueError where no setting has a run that was finished and did not diverge.

        >>> best = sweep.best()
        >>> best["metric"], best["rate"], best["mean"]
        ('test_accuracy', 0.1, 1.0)
        """
        if metric is None and self.stopped_epoch is None:
            metric = self.main_metric
        elif metric is None:
            metric = self.monitor.metric
            mode = mode or self.monitor.mode
        self.at(metric, at)  # refuse an unknown metric before asking for its direction
        direction = mode_of(metric, mode)
        ranked = self._ranked(metric, direction, at)
        if not ranked:
            finished = np.count_nonzero(self.finished)
            diverged = np.count_nonzero(self.diverged)
            raise ValueError(
                f"best: of {self.finished.size} runs {finished} were finished and {diverged} of "
                f"them diverged; no setting has a finite {metric}."
            )
        best = ranked[0]
        shown = self.shown_of_chosen(metric)
        summary = self.summary(shown, at=at)
        number = best["setting"]
        row = summary.rows[number]
        return {"metric": summary.metric, **row, metric: best["mean"]}

    def shown_of_chosen(self, metric: str) -> str:
        """Return the metric to show for a setting that was chosen by `metric`.

        It is the same metric on the test split. For a choice by validation_loss it is
        test_accuracy, if there is one.

        >>> sweep.shown_of_chosen("validation_loss")
        'test_accuracy'
        """
        on_test = metric.replace("validation_", "test_", 1)
        if metric == "validation_loss":
            on_test = "test_accuracy"
        for name in (on_test, "test_loss"):
            if name in self.history:
                return name
        return self.main_metric

    def records(self, *, every_epoch: bool = False, at: At | None = None) -> Iterator[Row]:
        """Yield a flat dict for each finished run, or for each of its epochs.

        every_epoch  yield one dict for each epoch
        at           "best" or "last" epoch, as in `at`. Where there is none, epoch is −1 and the
                     entries are NaN

        A dict has setting, the hyperparameters (functions and losses as texts), seed, split and
        machine where there are several, epoch, the entries of the history in that epoch, the run's
        best epoch, and whether the run diverged.

        >>> record = next(sweep.records(at="last"))
        >>> record["setting"], record["rate"], record["seed"], record["epoch"]
        (0, 0.001, 0, 29)
        >>> len(list(sweep.records(every_epoch=True)))  # settings × seeds × epochs
        120
        """
        if every_epoch:
            self._check_equal_lengths()
        last_epochs = self.last_epoch
        chosen_epochs = self._epochs_of(at)
        epochs = last_epochs if chosen_epochs is None else chosen_epochs
        diverged = self.diverged
        settings = plain_settings(self.settings)
        machine = self._machine_in_tables()
        for row, column in np.argwhere(self.finished).tolist():
            place = row, column
            setting = settings[row]
            name = self.name_of(column)
            named: Row = {"setting": row, **setting, **name}
            if machine is not None:
                named["machine"] = int(machine[place])
            ended: Row = {}
            if self.best_epoch is not None:
                ended["best_epoch"] = int(self.best_epoch[place])
            ended["diverged"] = bool(diverged[place])
            chosen: Iterable[int] = [int(epochs[place])]
            if every_epoch:
                trained = 1 + int(last_epochs[place])
                chosen = range(trained)
            for epoch in chosen:
                entries = self._entries(row, column, epoch)
                yield {**named, "epoch": epoch, **entries, **ended}

    def _check_equal_lengths(self) -> None:
        lengths = {values.shape[-1] for values in self.history.values()} - {1}
        if len(lengths) > 1:
            raise ValueError(
                f"every_epoch: got histories with {sorted(lengths)} entries, expected as many in "
                "each; leave every_epoch out."
            )

    def _entries(self, row: int, column: int, epoch: int) -> Row:
        """Return the entries of the history of one run in an epoch, as Python's numbers."""
        if epoch == NEVER:
            return dict.fromkeys(self.history, math.nan)
        entries = {}
        for name, values in self.history.items():
            last = values.shape[-1] - 1
            place = min(epoch, last)  # a single number has no epochs
            entry = values[row, column, place]
            entries[name] = entry.item()
        return entries

    def explore(
        self,
        path: str | Path,
        *,
        title: str = "A sweep",
        metrics: Sequence[str] | None = None,
        regions: bool | None = None,
        code: str = "run = sweep.run({setting}, seed={seed})",
        charts: str | None = None,
    ) -> Path:
        """Write one page of HTML that shows the sweep, and return its path.

        It has a sortable table of the settings with all their seeds, curves, a heatmap over any two
        hyperparameters, a slider for the seed, and the decision regions of networks with two
        inputs. It opens in a browser without a server and without a network. 10,000 runs with four
        metrics take 6 MB.

        path     of the file, which is written anew
        title    of the page
        metrics  entries of `history`; by default those of the training and the validation split
        regions  decision regions of networks with two inputs that classify: up to 200 runs after up
                 to 6 epochs, which are trained for it. None: where they are possible; True: a
                 ValueError where they are not; False: none
        code     Python that makes a run, shown for the chosen one: {setting}, {seed} and the names
                 of hyperparameters in braces become its values
        charts   the address of a file with the charts' code, for several pages that share it; None:
                 the code is in the page

        Raises ImportError without vl-convert (`pip install "fnn[explore]"`), and ValueError where
        no run has finished or nothing was recorded.

        >>> sweep.explore("xor.html", title="XOR").name
        'xor.html'
        """
        header, arrays = explored(self, metrics, regions)
        header |= {"title": title, "code": code}
        return write_page(path, header, arrays, charts=charts)

    def to_csv(self, path: str | Path, *, every_epoch: bool = False, at: At | None = None) -> None:
        """Write `records` as a csv file with a header line.

        path             the file
        every_epoch, at  as for `records`

        Values that are not numbers are written as texts.

        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "sweep.csv"
        >>> sweep.to_csv(file)
        >>> file.read_text()[:23]
        'setting,rate,seed,epoch'
        """
        columns = ["setting", *self.settings[0], *self.name_of(0)]
        if self._machine_in_tables() is not None:
            columns.append("machine")
        columns += ["epoch", *self.history]
        if self.best_epoch is not None:
            columns.append("best_epoch")
        columns.append("diverged")
        records = self.records(every_epoch=every_epoch, at=at)
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(records)

    def to_pandas(self, *, every_epoch: bool = False, at: At | None = None) -> "pandas.DataFrame":
        """Return `records` as a pandas.DataFrame, one row a record.

        every_epoch, at  as for `records`

        Its attrs say which epoch the column "epoch" is. Needs pandas: pip install "fnn[tables]".

        >>> table = sweep.to_pandas()
        >>> len(table), table.attrs["epoch"]
        (4, 'epoch of lowest validation_loss')
        """
        pandas = checks.optional("pandas", "tables")
        records = self.records(every_epoch=every_epoch, at=at)
        table = pandas.DataFrame.from_records(list(records))
        if not every_epoch and self.when(at):
            table.attrs["epoch"] = self.when(at)
        return table

    def to_xarray(self) -> "xarray.Dataset":
        """Return the arrays as an xarray.Dataset with dimensions setting, seed, split and epoch.

        The dimension split is there where there are several. Hyperparameters are coordinates of
        setting, and attrs say how the best epoch was chosen. Needs xarray: pip install
        "fnn[tables]".

        >>> arrays = sweep.to_xarray()
        >>> dict(arrays["test_loss"].sizes), arrays.attrs["best_epoch"]
        ({'setting': 2, 'seed': 2, 'epoch': 30}, 'epoch of lowest validation_loss')
        """
        xarray = checks.optional("xarray", "tables")
        sides: tuple[str, ...] = ("setting", "seed")
        shape: tuple[int, ...] = self.finished.shape
        if self.splits > 1:
            sides = ("setting", "seed", "split")
            shape = (len(self.settings), len(self.seeds), self.splits)
        variables: dict[str, Any] = {}
        longest = self._longest
        for name, entries in self.history.items():
            values = entries.reshape(*shape, -1)
            length = values.shape[-1]
            is_number = length == 1 and self.stopped_epoch is None
            if is_number:
                variables[name] = (sides, values[..., 0])
            else:
                axis = "epoch" if length == longest else f"{name}_entry"
                axes = *sides, axis
                variables[name] = (axes, values)
        for name in ("finished", "best_epoch", "stopped_epoch", "diverged_step"):
            array = getattr(self, name)
            if array is not None:
                by_side = array.reshape(shape)
                variables[name] = (sides, by_side)
        coordinates = self._coordinates()
        attributes = {}
        if self.best_epoch is not None:
            attributes["best_epoch"] = f"epoch of {self.monitor}"
        return xarray.Dataset(variables, coordinates, attributes)

    def _coordinates(self) -> dict[str, Any]:
        """Return the coordinates of an xarray.Dataset by name."""
        rows = range(len(self.settings))
        coordinates: dict[str, Any] = {"setting": rows, "seed": self.seeds}
        if self.splits > 1:
            coordinates["split"] = range(self.splits)
        settings = plain_settings(self.settings)
        for name in settings[0]:
            values = [setting[name] for setting in settings]
            column = column_array(values)
            coordinates[name] = ("setting", column)
        return coordinates

    # --------------------------------------------------------------------------------------- saving

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the sweep as a folder of `arrays.npz` and `manifest.json`.

        path       the folder, which must not exist
        overwrite  replace a result that is there

        Returns the path of the folder. `fnn.load` reads it. Values of hyperparameters that are not
        numbers, texts or tuples of them are saved as texts.

        Raises ValueError for a folder that exists, and for outputs that are not in tuples, lists,
        dicts and NamedTuples.

        >>> import tempfile
        >>> folder = sweep.save(tempfile.mkdtemp() + "/sweep")
        >>> fnn.load(folder).seeds
        [0, 1]
        """
        content = self._content()
        if self.retrain is not None:
            content["retrain"] = self.retrain.to_json()
        content["settings"] = plain_settings(self.settings)
        content["encodings"] = [encoding.to_json() for encoding in self.encodings]
        return result.save(path, "sweep", content, overwrite=overwrite)

    def __getstate__(self) -> dict[str, Any]:
        """Return the pickled fields; values of hyperparameters that pickle refuses become texts."""
        content = self._content()
        content["settings"] = with_pickled(self.settings)
        return content

    def _content(self) -> dict[str, Any]:
        """Return the fields. Arrays that lie in a file are read into memory."""
        content = {}
        for each in fields(self):
            content[each.name] = getattr(self, each.name)
        in_memory = {name: np.array(values) for name, values in self.history.items()}
        content["history"] = in_memory
        return content

    def __repr__(self) -> str:
        size = self._size_in_words()
        lines = [f"Sweep({size})"]
        rows = self._shown() if self.history else []
        if rows and self.stopped_epoch is not None:
            shown = len(rows)
            settings = len(self.settings)
            part = "all " if shown == settings else f"the best {shown} of "
            when = self.when()
            lines.append(f"{part}{settings}, {when}:")
        if rows:
            text = table(rows)
            lines += text.split("\n")
        return "\n  ".join(lines)

    def _size_in_words(self) -> str:
        """Say how many settings, seeds, splits, epochs, diverged and unfinished runs there are."""
        settings = counted(len(self.settings), "setting")
        seeds = counted(len(self.seeds), "seed")
        counts = [settings, seeds]
        if self.splits > 1:
            counts.append(counted(self.splits, "split"))
        words = " × ".join(counts)
        if self.stopped_epoch is not None:
            epochs = self._longest if self.history else 0
            words += f", {epochs} epochs"
        diverged = np.count_nonzero(self.diverged)
        if diverged:
            words += f", {diverged} diverged"
        unfinished = np.count_nonzero(~self.finished)
        if unfinished:
            words += f", {unfinished} unfinished"
        return words

    def _shown(self) -> list[Row]:
        """Return rows of the best three settings by the monitored metric.

        Of a function they are the first three, by the main metric.
        """
        main = self.main_metric
        main_rows = self.summary().rows
        if self.stopped_epoch is None:
            metric, rows = main, main_rows
        else:
            metric = self.monitor.metric
            rows = self._ranked(metric, self.monitor.mode)
        settings = plain_settings(self.settings)
        main_means = {row["setting"]: row["mean"] for row in main_rows}
        shown = []
        for row in rows[:SHOWN]:
            number = row["setting"]
            of_setting = {"setting": number, **settings[number], metric: row["mean"]}
            if main != metric:
                of_setting[main] = main_means[number]
            shown.append({**of_setting, "n": row["n"], "diverged": row["diverged"]})
        return shown

    def _ranked(self, metric: str, mode: str, at: At | None = None) -> list[Row]:
        """Return the summary rows that have a finite mean, the best first."""
        summary = self.summary(metric, at=at)
        rows = [row for row in summary.rows if np.isfinite(row["mean"])]
        sign = 1 if mode == "min" else -1

        def rank(row: Row) -> tuple[int, float]:
            return row["diverged"], sign * row["mean"]

        return sorted(rows, key=rank)

    def _at(self, at: At | None) -> At:
        """Return which epoch is meant.

        Raises ValueError for another word, and for "best" of a function.
        """
        has_best = self.best_epoch is not None
        if at is None:
            return "best" if has_best else "last"
        is_known = at in ("best", "last")
        if not is_known or (at == "best" and not has_best):
            words = "'best' or 'last'" if has_best else "'last': a function has no best epoch"
            raise ValueError(f"at: got {at!r}, expected {words}.")
        return at

    def _epochs_of(self, at: At | None) -> IntPerRun | None:
        """Return which epoch is meant for each run; None for the end of each history."""
        if self._at(at) == "best":
            return self.best_epoch
        return self.stopped_epoch

    def _diverged_in(self, final: FloatPerRun) -> np.ndarray:
        """Return which runs diverged; for a function, those whose metric is not finite."""
        if self.diverged_step is not None:
            return self.diverged
        return ~np.isfinite(final)

    def _why_no_history(self, metric: str) -> str:
        """Say why an output of a function is not in the history; "" where there is no reason."""
        if self.stopped_epoch is not None:
            return ""
        dicts = [output for output in self.outputs if isinstance(output, Mapping)]
        if len(dicts) < len(self.outputs):
            return "f returned no dict, so nothing has a name; take `values` or `outputs`."
        shapes = [np.shape(output[metric])[1:] for output in dicts if metric in output]
        if not shapes:
            return ""
        first = shapes[0]
        distinct = set(shapes)
        if len(distinct) > 1:
            return f"{metric!r} is {first} in the first setting, otherwise in others."
        return f"{metric!r} has shape {first} in each run, expected one number or (n,)."

    def _parameters(self, row: int, columns: Sequence[int], parts: Parts) -> Parameters:
        """Return the parameters of runs of a setting; leaves are (runs, …)."""
        kept = self.outputs[row]
        if kept is None:
            return self.retrain(row, columns, **parts)
        numbers = list(columns)
        return jax.tree.map(lambda leaf: leaf[numbers], kept)

    def _check_has_runs(self, method: str) -> None:
        if self.stopped_epoch is None:
            raise ValueError(
                f"{method}: this is a sweep of a function, which has no runs of fnn; "
                "outputs[setting] has the values of the function."
            )

    def _check_trained(self, method: str, row: int) -> None:
        if not self.finished[row].all():
            raise ValueError(
                f"{method}: setting {row} has runs that were not trained; the sweep was "
                "interrupted before."
            )

    def _row(self, setting: int | Row) -> int:
        row: Any = setting
        if isinstance(setting, Mapping):
            is_setting = setting in self.settings
            row = setting.get("setting")
            if is_setting:
                row = self.settings.index(dict(setting))
        is_number = isinstance(row, (int, np.integer))
        if isinstance(row, bool) or not is_number:
            raise ValueError(
                f"setting: got {setting!r}, expected a row number, one of `settings`, or a row of "
                "summary() or best()."
            )
        if not 0 <= row < len(self.settings):
            raise ValueError(
                f"setting: got {row}, expected a row from 0 to {len(self.settings) - 1}."
            )
        return int(row)

    @property
    def _runs(self) -> int:
        """Return how many runs a setting has."""
        return self.finished.shape[1]

    def name_of(self, column: int) -> dict[str, int]:
        """Return the seed of a run and, where there are several, its split, by name.

        column  the place of the run among the runs of a setting

        >>> sweep.name_of(1)
        {'seed': 1}
        """
        place, split = divmod(column, self.splits)
        named = {"seed": int(self.seeds[place])}
        if self.splits > 1:
            named["split"] = split
        return named

    def _machine_in_tables(self) -> IntPerRun | None:
        """Return which machine computed each run; None where all are one machine's."""
        if self.machine is None:
            return None
        of_finished = self.machine[self.finished]
        distinct = np.unique(of_finished)
        return self.machine if len(distinct) > 1 else None

    def _index(self, setting: int | Row, seed: int, split: int | None) -> tuple[int, int]:
        """Return the row of a setting and the column of a run.

        Raises ValueError for a seed or split that the sweep does not have, and for a run that was
        not trained.
        """
        row = self._row(setting)
        if isinstance(seed, bool) or seed not in self.seeds:
            raise ValueError(
                f"seed: got {seed}, expected one of the sweep's {len(self.seeds)} seeds."
            )
        number = self._split_number(split)
        place = self.seeds.index(seed)
        column = place * self.splits + number
        if not self.finished[row, column]:
            in_split = f", split {number}" if self.splits > 1 else ""
            raise ValueError(
                f"run: setting {row}, seed {seed}{in_split} was not trained; the sweep was "
                "interrupted before."
            )
        return row, column

    def _split_number(self, split: int | None) -> int:
        """Return the number of a split, which may be left out where there is one."""
        last = self.splits - 1
        if self.splits > 1 and split is None:
            raise ValueError(f"split: the sweep has {self.splits}; say which, from 0 to {last}.")
        number = 0 if split is None else checks.count("split", split, 0)
        if number > last:
            raise ValueError(f"split: got {split}, expected one from 0 to {last}.")
        return number


def counted(number: int, word: str) -> str:
    """Return a number with its word in the singular or the plural."""
    if number == 1:
        return f"{number} {word}"
    return f"{number} {word}s"


def column_array(values: Sequence[Any]) -> np.ndarray:
    """Return values as an array of their own type, or of objects where they have several types."""
    first = values[0]
    types = {type(value) for value in values}
    is_plain = isinstance(first, (bool, int, float, str))
    if is_plain and len(types) == 1:
        return np.array(values)
    column = np.empty(len(values), object)
    column[:] = values
    return column
