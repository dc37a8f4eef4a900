"""What a sweep gives: arrays with the axes (setting, run, epoch), and tables of them."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import jax
import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

from fnn import checks
from fnn.checkpoint import result
from fnn.data import Encoding
from fnn.runs.explored import CODE, explore
from fnn.runs.fingerprint import plain_settings, with_pickled
from fnn.runs.monitor import Monitor, mode_of
from fnn.runs.predict import answer, in_units_of, outputs_of_runs
from fnn.runs.process import NEVER
from fnn.runs.run import Run
from fnn.runs.settings import HyperValues, Setting
from fnn.runs.summary import Row, Summary, summary_of, table
from fnn.types import Layer, Params, PyTree, State

if TYPE_CHECKING:
    import pandas
    import xarray

SHOWN = 3  # settings in a repr
HERE = -1  # in place of the number of a worker's machine
VALIDATION_LOSS = Monitor()
At: TypeAlias = Literal["best", "last"]
RENAMED = {"lane": "Sweep.run", "found": "Sweep.outputs", "encoding": "Sweep.encodings"}


class Parameters(NamedTuple):
    """What a sweep keeps of the networks of a setting; leaves are (runs, …)."""

    params: Params
    state: State
    best_params: Params
    best_state: State


def named(builder: Any, dataset: Any, metrics: Any) -> dict[str, Any]:
    """Return by name what is handed on to what trains again."""
    return {"builder": builder, "dataset": dataset, "metrics": metrics}


@dataclass(repr=False, eq=False)
class Sweep:
    """The outcome of every run, of `fnn.sweep` or `fnn.sweep_function`; it can be pickled.

    A setting has a run for each seed; where there are several splits, one for each seed on each
    split, those of a seed side by side.

    settings       one dict of hyperparameters a row
    seeds          the seeds
    splits         the number of splits
    history        name -> (settings, runs, epochs), as in `fnn.Run`; of a function, the entries of
                   its dict that are numbers (then epochs is 1) or (n,), the same in all settings
    finished       (settings, runs); false where a sweep was interrupted before
    outputs        for each setting a pytree with leaves (runs, …): the `Parameters`, or None where
                   they were not kept; of a function, what it returned, zero where unfinished
    best_epoch     (settings, runs) the best epoch by what was monitored (−1: there was none)
    stopped_epoch  (settings, runs) the last epoch that was trained
    diverged_step  (settings, runs) the first step that was not finite (−1: there was none)
    runs_per_vmap  for each setting, how many runs shared a vmapped row: at equal numbers every bit
                   of a run is the same in any sweep
    monitor        what decided which epoch is the best
    examples       how many each part has, the fewest among splits: an accuracy is a share of them
    compile_seconds, run_seconds
    retrain        trains runs again of which the parameters were not kept, and builds networks;
                   pickle leaves its programs and data out (`fnn.runs.retraining`)
    encodings      of each split, the preprocessing of the rows, `Dataset.preprocessing`
    machines       what the last bits depend on, of each kind of worker that computed runs
    machine        (settings, runs) which of `machines` computed a run; −1: none of them, this
                   process. None where no worker did

    best_epoch, stopped_epoch and diverged_step are None for a function.
    """

    settings: list[Setting]
    seeds: list[int]
    history: dict[str, Shaped[np.ndarray, "settings runs epochs"]]
    finished: Bool[np.ndarray, "settings runs"]
    outputs: list[PyTree | None]
    best_epoch: Integer[np.ndarray, "settings runs"] | None = None
    stopped_epoch: Integer[np.ndarray, "settings runs"] | None = None
    diverged_step: Integer[np.ndarray, "settings runs"] | None = None
    runs_per_vmap: tuple[int, ...] = ()
    monitor: Monitor = VALIDATION_LOSS
    examples: dict[str, int] = field(default_factory=dict)
    compile_seconds: float = 0.0
    run_seconds: float = 0.0
    retrain: Any = None
    encodings: list[Encoding] = field(default_factory=list)
    splits: int = 1
    machines: list[dict[str, Any]] = field(default_factory=list)
    machine: Integer[np.ndarray, "settings runs"] | None = None

    if not TYPE_CHECKING:  # a type checker takes a class with it for one that has any attribute

        def __getattr__(self, name: str) -> Any:
            if name in RENAMED:
                raise AttributeError(f"Sweep.{name} is now {RENAMED[name]}.")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # ------------------------------------------------------------------------------------ runs

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
        """Return one run.

        setting  a row number of `settings`, or a row of `summary` or `best`
        seed     one of `seeds` (the seed, not its position)
        split    the number of its split, from 0 on; needed where there are several
        builder, dataset, metrics  those of the sweep: needed where parameters were not kept and the
                 sweep was pickled or loaded. The run is then trained again, bit for bit
        """
        row, column = self._index(setting, seed, split)
        self._check_has_runs("run")
        best, stopped, diverged = self.best_epoch, self.stopped_epoch, self.diverged_step
        assert best is not None
        assert stopped is not None
        assert diverged is not None
        parameters = self._parameters(row, [column], named(builder, dataset, metrics))
        params, state, best_params, best_state = jax.tree.map(lambda leaf: leaf[0], parameters)
        return Run(
            params=params,
            state=state,
            best_params=best_params,
            best_state=best_state,
            best_epoch=int(best[row, column]),
            stopped_epoch=int(stopped[row, column]),
            diverged_step=int(diverged[row, column]),
            history={name: values[row, column] for name, values in self.history.items()},
            seed=seed,
            encoding=self.encodings[column % self.splits] if self.encodings else None,
            compile_seconds=self.compile_seconds,
            run_seconds=self.run_seconds,
        )

    def params(
        self,
        setting: int | Row,
        *,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> Params:
        """Return the parameters of every run of a setting, as trained; leaves are (runs, …).

        builder, dataset, metrics  as for `run`
        """
        row = self._row(setting)
        self._check_has_runs("params")
        if not self.finished[row].all():
            raise ValueError(
                f"params: setting {row} has runs that were not trained; the sweep was interrupted "
                "before."
            )
        given = named(builder, dataset, metrics)
        return self._parameters(row, range(self._runs), given).params

    def net(
        self,
        setting: int | Row,
        *,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> Layer:
        """Return the network of a setting, as it was trained.

        `fnn.apply(sweep.net(best), run.params, x, state=run.state)`. (A builder that is called with
        plain numbers may build another one: fnn.mlp leaves out a dropout of 0.)
        """
        self._check_has_runs("net")
        return self.retrain.net(self._row(setting), **named(builder, dataset, metrics))

    def extend(
        self,
        *,
        seeds: Iterable[int] | None = None,
        hyper: HyperValues | None = None,
        progress: bool = True,
        builder: Any = None,
        dataset: Any = None,
        metrics: Any = None,
    ) -> "Sweep":
        """Return this sweep with more seeds and settings; what it has is not trained again.

        The bits are those of one sweep over all of them with the same `runs_per_vmap`, which are
        kept.

        seeds  to be added, as in `fnn.sweep`
        hyper  settings to be added, as in `fnn.sweep`, with the names that it has. Every setting is
               trained with every seed
        builder, dataset, metrics  as for `run`, where the sweep was pickled or loaded

        Raises ValueError for another builder or data set, for other names, and for nothing to add.
        """
        self._check_has_runs("extend")
        if seeds is None and hyper is None:
            raise ValueError("extend: got neither seeds nor hyper; pass what is to be added.")
        given = named(builder, dataset, metrics)
        extended = self.retrain.extend(self, seeds, hyper, progress, **given)
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
        """Return what the networks of the best epochs say of raw rows, in the user's terms.

        rows           as for `Run.predict`
        how            "best": the run of the setting that is best by what was monitored; "mean":
                       the mean over its runs, of probabilities where there are classes, without
                       those that diverged, of which it warns; "all": every run of the sweep,
                       (settings, runs, examples, …)
        setting        a row number or a row of `summary`, in place of that of `best()`
        probabilities  as for `Run.predict`
        builder, dataset, metrics  as for `run`
        """
        self._check_has_runs("predict")
        checks.lookup("how", how, dict.fromkeys(("best", "mean", "all")))
        if how == "all" and setting is not None:
            raise ValueError("setting: got one for how='all', which predicts by all of them.")
        given = named(builder, dataset, metrics)
        if how == "all":
            each = (self._outputs(row, rows, given) for row in range(len(self.settings)))
            encoding = self._first_encoding
            return np.stack([answer(encoding, *one, probabilities=probabilities) for one in each])
        row = self._row(self.best() if setting is None else setting)
        loss, outputs = self._outputs(row, rows, given)
        if how == "mean":
            sound = self._sound_runs(row)
            encoding = self._first_encoding
            return answer(encoding, loss, outputs[sound], probabilities=probabilities, mean=True)
        values = self.at(self.monitor.metric)[row]
        signed = values if self.monitor.mode == "min" else -values
        column = int(np.nanargmin(np.where(np.isfinite(signed), signed, np.inf)))
        return answer(self._first_encoding, loss, outputs[column], probabilities=probabilities)

    @property
    def _first_encoding(self) -> Encoding:
        if not self.encodings:
            raise ValueError("predict: this sweep does not know how its rows were made.")
        return self.encodings[0]

    def _sound_runs(self, row: int) -> Integer[np.ndarray, "runs"]:
        """Return which runs of a setting did not diverge; warns of the others."""
        diverged = self.diverged[row]
        if diverged.all():
            raise ValueError(f"predict: all {len(diverged)} runs of setting {row} diverged.")
        if diverged.any():
            count = np.count_nonzero(diverged)
            checks.warn(f"predict: {count} of {len(diverged)} runs diverged and are left out.")
        return np.flatnonzero(~diverged)

    def _outputs(self, row: int, rows: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Return the loss of a setting, and the outputs of all its runs, in the first's units."""
        if not self.finished[row].all():
            raise ValueError(
                f"predict: setting {row} has runs that were not trained; the sweep was "
                "interrupted before."
            )
        net, loss = self.retrain.parts(row, **given)
        parameters = self._parameters(row, range(self._runs), given)
        first = self._first_encoding
        best: Any = parameters.best_params, parameters.best_state
        each: list[Any] = []
        for split, encoding in enumerate(self.encodings):
            own: Any = jax.tree.map(lambda leaf, split=split: leaf[split :: self.splits], best)
            outputs = outputs_of_runs(net, own[0], own[1], encoding.encode(rows))
            each.append(outputs if split == 0 else in_units_of(first, encoding, outputs))
        together = np.stack([*map(np.asarray, each)], axis=1)  # the splits of a seed side by side
        return loss, together.reshape(self._runs, *together.shape[2:])

    @property
    def values(self) -> PyTree:
        """Return the outputs as one pytree with leaves (settings, seeds, …).

        Raises ValueError where settings have other shapes; `outputs` has them one by one.
        """
        for row, value in enumerate(self.outputs):
            if difference := checks.difference(value, self.outputs[0]):
                raise ValueError(
                    f"values: setting {row}{difference}, unlike setting 0; use outputs[setting]."
                )
        return jax.tree.map(lambda *leaves: np.stack(leaves), *self.outputs)

    # ---------------------------------------------------------------------------------- tables

    @property
    def diverged(self) -> Bool[np.ndarray, "settings runs"]:
        """Return the runs that ended in numbers that are not finite."""
        if self.diverged_step is not None:
            return self.diverged_step != NEVER
        ends = [~np.isfinite(values[..., -1]) for values in self.history.values()]
        return self.finished & np.any(ends, axis=0) if ends else ~self.finished & False

    @property
    def last_epoch(self) -> Integer[np.ndarray, "settings runs"]:
        """Return the last epoch of each run; of a function, the end of its history."""
        if self.stopped_epoch is not None:
            return self.stopped_epoch
        longest = max((values.shape[-1] for values in self.history.values()), default=1)
        return np.full(self.finished.shape, longest - 1)

    @property
    def main_metric(self) -> str:
        """Return what is shown where nothing is asked for: what was monitored, or the accuracy.

        It is of the validation split. The test split is for what was chosen, and choosing is what
        one looks at a table for.
        """
        first = self.monitor.metric if self.monitor != VALIDATION_LOSS else "validation_accuracy"
        for name in (first, "validation_accuracy", "validation_loss", *self.history):
            if name in self.history:
                return name
        raise ValueError(f"metric: {self._no_history('')}")

    def final(self, metric: str) -> Float[np.ndarray, "settings runs"]:
        """Return a history entry at each run's last epoch; NaN where the run diverged."""
        return self.at(metric, "last")

    def at(self, metric: str, at: At | None = None) -> Float[np.ndarray, "settings runs"]:
        """Return a history entry of each run: of the network after its best epoch, or its last.

        at  "best": `run.best_params`, NaN where no epoch was finite; "last": `run.params`, NaN
            where the run diverged. None: "best" for runs, which keep the best epoch, and "last" for
            a sweep of a function, which has none
        """
        if metric not in self.history and (reason := self._no_history(metric)):
            raise ValueError(f"metric: {reason}")
        values = checks.lookup("metric", metric, self.history)
        epochs = self._epochs_of(at)
        if epochs is None:
            return values[..., -1]
        found = np.take_along_axis(values, np.maximum(epochs, 0)[..., None], axis=-1)[..., 0]
        return np.where(epochs == NEVER, np.nan, found)

    def summary(
        self,
        metric: str | None = None,
        *,
        at: At | None = None,
        interval: str = "t",
        covers: str | None = None,
    ) -> Summary:
        """Summarize each setting: mean, its 95% interval, median, min, max over the sound runs.

        metric    an entry of `history`; validation_accuracy by default, or validation_loss
        at        "best" or "last" epoch, as in `at`
        interval  "t" or "bootstrap"; "t" is taken on the log odds for an accuracy, whose mean
                  cannot be above 1
        covers    what the interval covers, "seeds", "splits" or "both"; None: both, where there are
                  several of both. What it says of splits allows for their common rows
        """
        name = self.main_metric if metric is None else metric
        values = self.at(name, at)
        diverged = self._diverged_in(values)
        sound = self.finished & ~diverged
        counted = self.finished & diverged
        rows = summary_of(
            name,
            self.settings,
            values,
            sound,
            counted,
            interval,
            self.examples,
            self.splits,
            covers,
        )
        words = [self.when(at), *(encoding.in_units(name) for encoding in self.encodings[:1])]
        return rows._replace(when=", ".join(word for word in words if word))

    def when(self, at: At | None = None) -> str:
        """Say of which epoch a table or a figure speaks."""
        if self.stopped_epoch is None:
            return ""
        return "last trained epoch" if self._at(at) == "last" else f"epoch of {self.monitor}"

    def best(
        self, metric: str | None = None, mode: str | None = None, *, at: At | None = None
    ) -> Row:
        """Return the summary row of the best setting, with its mean of `metric` beside the rest.

        It is the one with the best mean among those with the fewest runs that diverged. The test
        set has no say by default; the row of what was chosen shows it: test_accuracy, or test_loss.
        Raises ValueError where no setting has a run that was finished and did not diverge.

        metric  what is compared; what was monitored by default, the validation loss
        mode    whether less or more of it is better, "min" or "max"; None: by its name
        at      "best" or "last" epoch, as in `at`
        """
        if metric is None and self.stopped_epoch is None:
            metric = self.main_metric
        elif metric is None:
            metric, mode = self.monitor.metric, mode or self.monitor.mode
        self.at(metric, at)  # an unknown one is refused before its direction is asked for
        ranked = self._ranked(metric, mode_of(metric, mode), at)
        if not ranked:
            raise ValueError(
                f"best: of {self.finished.size} runs {np.count_nonzero(self.finished)} were "
                f"finished and {np.count_nonzero(self.diverged)} of them diverged; no setting has "
                f"a finite {metric}."
            )
        summary = self.summary(self.shown_of_chosen(metric), at=at)
        row = summary.rows[ranked[0]["setting"]]
        return {"metric": summary.metric, **row, metric: ranked[0]["mean"]}

    def shown_of_chosen(self, metric: str) -> str:
        """Return what is shown of a setting that was chosen by a metric: that of the test split.

        Of one that was chosen by the loss it is the accuracy, if there is one.
        """
        by_loss = metric == "validation_loss"
        twin = metric.replace("validation_", "test_", 1)
        for name in ("test_accuracy", "test_loss") if by_loss else (twin, "test_loss"):
            if name in self.history:
                return name
        return self.main_metric

    def records(self, *, every_epoch: bool = False, at: At | None = None) -> Iterator[Row]:
        """Yield a flat dict for each run, or for each of its epochs.

        It has setting, its hyperparameters (functions and losses as texts), seed, split and machine
        where there are several, epoch, the history's entries in that epoch, the run's best epoch,
        and whether the run diverged.

        at  which epoch, "best" or "last", as in `at`; epoch is −1, and the entries NaN, where there
            is none
        """
        if every_epoch and len(lengths := {a.shape[-1] for a in self.history.values()} - {1}) > 1:
            raise ValueError(f"every_epoch: histories have {sorted(lengths)} entries, not as many.")
        diverged, last_epoch = self.diverged, self.last_epoch
        chosen = self._epochs_of(at)
        epochs = last_epoch if chosen is None else chosen
        settings = plain_settings(self.settings)
        machine = self._machine_in_tables()
        for row, column in np.argwhere(self.finished).tolist():
            every = range(int(last_epoch[row, column]) + 1)
            for epoch in every if every_epoch else (int(epochs[row, column]),):
                values = {
                    name: array[row, column, min(epoch, array.shape[-1] - 1)].item()
                    if epoch != NEVER
                    else math.nan
                    for name, array in self.history.items()
                }
                named = {"setting": row, **settings[row], **self.name_of(column)}
                if machine is not None:
                    named["machine"] = int(machine[row, column])
                ended: Row = {"diverged": bool(diverged[row, column])}
                if self.best_epoch is not None:
                    ended = {"best_epoch": int(self.best_epoch[row, column])} | ended
                yield {**named, "epoch": epoch, **values, **ended}

    def explore(
        self,
        path: str | Path,
        *,
        title: str = "A sweep",
        metrics: Sequence[str] | None = None,
        regions: bool | None = None,
        code: str = CODE,
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
        """
        return explore(
            self, path, title=title, metrics=metrics, regions=regions, code=code, charts=charts
        )

    def to_csv(self, path: str | Path, *, every_epoch: bool = False, at: At | None = None) -> None:
        """Write `records` with a header line. A value that is not a number is written as text."""
        kept = ["best_epoch"] if self.best_epoch is not None else []
        named = ["setting", *self.settings[0], *self.name_of(0)]
        named += [] if self._machine_in_tables() is None else ["machine"]
        columns = [*named, "epoch", *self.history, *kept, "diverged"]
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self.records(every_epoch=every_epoch, at=at))

    def to_pandas(self, *, every_epoch: bool = False, at: At | None = None) -> "pandas.DataFrame":
        """Return `records` as a pandas.DataFrame. Needs pandas: pip install "fnn[tables]"."""
        pandas = checks.optional("pandas", "tables")
        return pandas.DataFrame.from_records(list(self.records(every_epoch=every_epoch, at=at)))

    def to_xarray(self) -> "xarray.Dataset":
        """Return the arrays as an xarray.Dataset: dimensions setting, seed, split and epoch.

        There is a split where there are several.
        The hyperparameters are coordinates of setting. Needs xarray: pip install "fnn[tables]".
        """
        xarray = checks.optional("xarray", "tables")
        sides: tuple[str, ...] = ("setting", "seed")
        axes: tuple[int, ...] = self.finished.shape
        if self.splits > 1:
            sides, axes = (*sides, "split"), (len(self.settings), len(self.seeds), self.splits)
        variables: dict[str, Any] = {}
        longest = max((values.shape[-1] for values in self.history.values()), default=1)
        for name, entries in self.history.items():
            values = entries.reshape(*axes, -1)
            if values.shape[-1] == 1 and self.stopped_epoch is None:
                variables[name] = (sides, values[..., 0])
            else:
                last = "epoch" if values.shape[-1] == longest else f"{name}_entry"
                variables[name] = ((*sides, last), values)
        for name in ("finished", "best_epoch", "stopped_epoch", "diverged_step"):
            if getattr(self, name) is not None:
                variables[name] = (sides, getattr(self, name).reshape(axes))
        coordinates: dict[str, Any] = {"setting": range(len(self.settings)), "seed": self.seeds}
        if self.splits > 1:
            coordinates["split"] = range(self.splits)
        settings = plain_settings(self.settings)
        for name in settings[0]:
            column = np.empty(len(settings), object)
            column[:] = [setting[name] for setting in settings]
            is_plain = all(type(value) is type(column[0]) for value in column)
            as_numbers = is_plain and isinstance(column[0], (bool, int, float, str))
            coordinates[name] = ("setting", np.array(column.tolist()) if as_numbers else column)
        return xarray.Dataset(variables, coordinates)

    # ---------------------------------------------------------------------------------- saving

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Save the sweep as a folder of `arrays.npz` and `manifest.json`, which `fnn.load` reads.

        Values of hyperparameters that are not numbers, texts or tuples of them are saved as text.
        Raises ValueError for a folder that exists (overwrite=True replaces a result), and for
        outputs that are not in tuples, lists, dicts and NamedTuples.
        """
        content = self._content()
        retrain = self.retrain
        content["retrain"] = None if retrain is None else retrain.to_json()
        content["settings"] = plain_settings(self.settings)
        content["encodings"] = [encoding.to_json() for encoding in self.encodings]
        return result.save(path, "sweep", content, overwrite=overwrite)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled; values of hyperparameters that pickle refuses become texts."""
        return self._content() | {"settings": with_pickled(self.settings)}

    def _content(self) -> dict[str, Any]:
        """Return the fields, with arrays that lie in a file in memory."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        content["history"] = {name: np.array(values) for name, values in self.history.items()}
        return content

    def __repr__(self) -> str:
        counts = [f"{len(self.settings)} settings", f"{len(self.seeds)} seeds"]
        counts += [f"{self.splits} splits"] if self.splits > 1 else []
        counts = [text[:-1] if text.startswith("1 ") else text for text in counts]
        trained = self.stopped_epoch is not None
        epochs = max((values.shape[-1] for values in self.history.values()), default=0)
        lines = [f"{' × '.join(counts)}{f', {epochs} epochs' if trained else ''}"]
        if count := np.count_nonzero(self.diverged):
            lines[0] += f", {count} diverged"
        if count := np.count_nonzero(~self.finished):
            lines[0] += f", {count} unfinished"
        if self.history and (rows := self._shown()):
            more = f"the best {len(rows)} of " if len(rows) < len(self.settings) else "all "
            lines += [f"{more}{len(self.settings)}, {self.when()}:"] if trained else []
            lines.append(table(rows).replace("\n", "\n  "))
        return f"Sweep({lines[0]})" + "".join(f"\n  {line}" for line in lines[1:])

    def _shown(self) -> list[Row]:
        """Return the best three settings by what was monitored, the first three of a function."""
        if self.stopped_epoch is None:
            by, rows = self.main_metric, self.summary().rows
        else:
            by, mode = self.monitor.metric, self.monitor.mode
            rows = self._ranked(by, mode)
        shown = []
        settings = plain_settings(self.settings)
        means = {row["setting"]: row["mean"] for row in self.summary().rows}
        for row in rows[:SHOWN]:
            named = {"setting": row["setting"], **settings[row["setting"]], by: row["mean"]}
            beside = {self.main_metric: means[row["setting"]]} if self.main_metric != by else {}
            shown.append({**named, **beside, "n": row["n"], "diverged": row["diverged"]})
        return shown

    def _ranked(self, metric: str, mode: str, at: At | None = None) -> list[Row]:
        """Return the summary rows that have a finite mean, the best first."""
        rows = [row for row in self.summary(metric, at=at).rows if np.isfinite(row["mean"])]
        sign = 1 if mode == "min" else -1
        return sorted(rows, key=lambda row: (row["diverged"], sign * row["mean"]))

    def _at(self, at: At | None) -> At:
        """Return which epoch is meant; ValueError for another word, or "best" of a function."""
        kept = self.best_epoch is not None
        if at is None:
            return "best" if kept else "last"
        if at not in ("best", "last") or (at == "best" and not kept):
            has = "'best' or 'last'" if kept else "'last': a function has no best epoch"
            raise ValueError(f"at: got {at!r}, expected {has}.")
        return at

    def _epochs_of(self, at: At | None) -> Integer[np.ndarray, "settings runs"] | None:
        """Return the epoch of each run that is meant; None: the end of each history."""
        return self.best_epoch if self._at(at) == "best" else self.stopped_epoch

    def _diverged_in(self, final: Float[np.ndarray, "settings runs"]) -> np.ndarray:
        """Return the runs that diverged; of a function, those whose metric is not finite."""
        return self.diverged if self.diverged_step is not None else ~np.isfinite(final)

    def _no_history(self, metric: str) -> str:
        """Return why a name that a function's outputs may have is no entry of the history."""
        dicts = [output for output in self.outputs if isinstance(output, Mapping)]
        if self.stopped_epoch is not None:
            return ""
        if len(dicts) < len(self.outputs):
            return "f returned no dict, so nothing has a name; take `values` or `outputs`."
        shapes = [np.shape(output[metric])[1:] for output in dicts if metric in output]
        if not shapes:
            return ""
        if len(set(shapes)) > 1:
            return f"{metric!r} is {shapes[0]} in the first setting, otherwise in others."
        return f"{metric!r} has shape {shapes[0]} in each run, expected one number or (n,)."

    def _parameters(self, row: int, columns: Sequence[int], given: Mapping[str, Any]) -> Parameters:
        """Return the parameters of runs of a setting; leaves are (runs, …)."""
        kept = self.outputs[row]
        if kept is not None:
            return jax.tree.map(lambda leaf: leaf[list(columns)], kept)
        return self.retrain(row, columns, **given)

    def _check_has_runs(self, asked: str) -> None:
        if self.stopped_epoch is None:
            raise ValueError(
                f"{asked}: this is a sweep of a function, which has no runs of fnn; "
                "outputs[setting] has what it returned."
            )

    def _row(self, setting: int | Row) -> int:
        row: Any = setting
        if isinstance(setting, Mapping):
            is_setting = setting in self.settings
            row = self.settings.index(dict(setting)) if is_setting else setting.get("setting")
        if isinstance(row, bool) or not isinstance(row, (int, np.integer)):
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
        """Return the seed of a run and, where there are several, its split, by name."""
        seed, split = divmod(column, self.splits)
        named = {"seed": int(self.seeds[seed])}
        return named | {"split": split} if self.splits > 1 else named

    def _machine_in_tables(self) -> Integer[np.ndarray, "settings runs"] | None:
        """Return which machine computed each run, where they are several; None otherwise."""
        if self.machine is None or len(np.unique(self.machine[self.finished])) < 2:
            return None
        return self.machine

    def _index(self, setting: int | Row, seed: int, split: int | None) -> tuple[int, int]:
        row = self._row(setting)
        if isinstance(seed, bool) or seed not in self.seeds:
            raise ValueError(
                f"seed: got {seed}, expected one of the sweep's {len(self.seeds)} seeds."
            )
        if self.splits > 1 and split is None:
            raise ValueError(
                f"split: the sweep has {self.splits}; say which, from 0 to {self.splits - 1}."
            )
        number = 0 if split is None else checks.count("split", split, 0)
        if not 0 <= number < self.splits:
            raise ValueError(f"split: got {split}, expected one from 0 to {self.splits - 1}.")
        column = self.seeds.index(seed) * self.splits + number
        if not self.finished[row, column]:
            of_split = f", split {number}" if self.splits > 1 else ""
            raise ValueError(
                f"run: setting {row}, seed {seed}{of_split} was not trained; the sweep was "
                "interrupted before."
            )
        return row, column
