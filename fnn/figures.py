"""Figures of a sweep or of a race. They need matplotlib, which is imported when a figure is drawn.

In all figures a run has diverged if it ended in a value that is not finite. Diverged runs and runs
that were not trained are left out, and the figure says how many. Losses have a log scale if they
span more than a factor of 100. A figure without any run to draw raises ValueError.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float

from fnn import checks
from fnn.runs.results import At, Sweep
from fnn.runs.settings import is_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fnn.racing.result import Race

MOST_CURVES = 8  # as many as `plot.LINES` has styles
BLUE, ORANGE, GRAY = "#0072b2", "#d55e00", "0.6"
LEGEND: dict[str, Any] = {
    "frameon": False,
    "loc": "lower center",
    "bbox_to_anchor": (0.5, 1.0),
    "fontsize": "small",
}
"""A legend above the axes, where it hides no line."""


def curves(
    sweep: Sweep, metric: str | None = None, settings: Sequence[int] | None = None
) -> "Figure":
    """Draw a history over epochs: for each setting the median over seeds and a band.

    The band reaches from 5% to 95% of the seeds. A run that stopped early keeps its last value,
    since otherwise the end would show only the slow runs. The label of the epochs says so. A run
    that diverged is drawn up to that epoch, and the legend says so.

    sweep     of `fnn.sweep`
    metric    entry of the history; None: the main metric of the sweep
    settings  at most 8 different row numbers of `sweep.settings`; None: all

    Raises ValueError for an unknown metric, for other settings, and if no run can be drawn.

    >>> import fnn
    >>> from fnn import figures
    >>> def builder(hyper):
    ...     net = fnn.mlp((2, 2, 1), activation="tanh")
    ...     return net, fnn.losses.squared_error, fnn.optim.sgd(hyper["learning_rate"])
    >>> sweep = fnn.sweep(
    ...     builder, fnn.data.load("xor"), hyper={"learning_rate": [0.01, 0.1]}, seeds=range(2),
    ...     epochs=3, batch_size=4, progress=False,
    ... )
    >>> figure = figures.curves(sweep, "train_loss")
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['learning_rate=0.01', 'learning_rate=0.1']
    """
    from fnn import plot  # first: it says how to install matplotlib if that is missing

    from matplotlib.ticker import MaxNLocator  # isort: skip

    name, final = _final(sweep, metric, "last")
    rows = _chosen_rows(sweep, settings)
    values = _with_last_values(sweep, name, final, rows)
    finished = sweep.finished[rows]
    _check_drawable("curves", values, final[rows], finished)
    height = 3.2 + 0.2 * len(rows)
    figure, (axis,) = plot.figure(height=height)
    names = _names_of_curves(sweep, final, rows)
    for runs, label, style in zip(values, names, plot.LINES, strict=False):
        plot.band(axis, runs, label, **style)
    epochs = values.shape[-1]
    stopped_early = _stopped_early(sweep, final, rows, epochs)
    x_label = _lines("epoch", stopped_early)
    axis.set(xlabel=x_label, ylabel=_spoken(name))
    whole_numbers = MaxNLocator(integer=True, min_n_ticks=1)
    axis.xaxis.set_major_locator(whole_numbers)
    if _is_loss(name):
        plot.log_where_wide(axis.set_yscale, values)
    axis.legend(**LEGEND)
    return figure


def _names_of_curves(
    sweep: Sweep, final: Float[np.ndarray, "settings seeds"], rows: list[int]
) -> list[str]:
    """Return the setting of each row, and which of its runs are left out."""
    settings = labels(sweep)
    names = []
    for row in rows:
        name = settings[row] or _seeds(sweep)
        left_out = _left_out(final[row], sweep.finished[row])
        if left_out:
            name = f"{name}: {left_out}"
        names.append(textwrap.fill(name, 64))
    return names


# -------------------------------------------------------------------------------------------- races


def rungs(race: "Race") -> "Figure":
    """Draw the settings of a race from rung to rung, and how close the others are to the best.

    The upper axes show the mean of each setting up to the rung at which it left. The lower axes
    show, for the closest settings, how much worse than the best each was when it was last compared,
    with the interval that decided. Rungs are equally far apart. Runs that diverged count as in the
    race.

    race  as `fnn.race` returns it

    Raises TypeError for another object.

    >>> import fnn
    >>> from fnn import figures
    >>> def builder(hyper):
    ...     net = fnn.mlp((2, 2, 1), activation="tanh")
    ...     return net, fnn.losses.squared_error, fnn.optim.sgd(hyper["learning_rate"])
    >>> race = fnn.race(
    ...     builder, fnn.data.load("xor"), hyper={"learning_rate": [1e-4, 0.1]},
    ...     guarantee="final", seeds=range(8), epochs=20, batch_size=4, progress=False,
    ... )
    >>> figures.rungs(race).axes[0].get_ylabel()
    'validation loss, mean over seeds'
    """
    from fnn import plot
    from fnn.racing.result import Race

    if not isinstance(race, Race):
        raise TypeError(f"race: got a {type(race).__name__}, expected the Race of fnn.race.")
    most = len(plot.LINES)
    rows = race.rows()[:most]
    closest = [row["setting"] for row in rows]
    height = 3.4 + 0.1 * len(rows)
    figure, (above, below) = plot.figure(rows=2, height=height)
    _draw_means(above, race, closest, plot.LINES)
    _draw_differences(below, race, rows)
    return figure


def _draw_means(
    axis: "Axes", race: "Race", closest: list[int], styles: Sequence[dict[str, Any]]
) -> None:
    """Draw the mean of each setting at each rung: the closest in color, the others in gray."""
    means_of_rungs = [rung.comparison.mean for rung in race.rungs]
    means = np.stack(means_of_rungs)
    places = np.arange(len(race.rungs))
    names = labels(race.sweep)
    for row in range(len(names)):
        if row not in closest:
            axis.plot(
                places,
                means[:, row],
                color=GRAY,
                alpha=0.6,
                linewidth=0.8,
                marker=".",
                markersize=4,
            )
    for row, style in zip(closest, styles, strict=False):
        label = textwrap.fill(f"{row}: {names[row]}", 64)
        axis.plot(places, means[:, row], label=label, marker="o", markersize=4, **style)
    rung_names = [
        f"{rung.epochs} epochs\n{rung.seeds} seeds\n{len(entered)} in"
        for rung, entered, _ in race.rungs
    ]
    axis.set_xticks(places, rung_names)
    metric = race.monitor.metric
    axis.set(ylabel=f"{_spoken(metric)}, mean over seeds")
    least = np.nanmin(means, initial=np.inf)
    if _is_loss(metric) and least > 0:
        axis.set_yscale("log")
    title = f"the closest of {len(names)} settings"
    if len(names) > len(closest):
        title += "; grey: the others"
    axis.legend(**LEGEND, title=title)


def _draw_differences(axis: "Axes", race: "Race", rows: list[dict[str, Any]]) -> None:
    """Draw how much worse than the best each setting was when it was last compared."""
    rows = [row for row in rows if np.isfinite(row["high"])]
    names = []
    for place, row in enumerate(rows):
        difference = row["worse by"]
        below = difference - row["low"]
        above = row["high"] - difference
        rung = row["left at rung"]
        if rung == "":
            color, state = BLUE, "in"
        else:
            color, state = ORANGE, f"left at rung {rung}"
        axis.errorbar(
            difference,
            place,
            xerr=[[below], [above]],
            fmt="o",
            color=color,
            capsize=3,
            markersize=4,
        )
        setting = row["setting"]
        names.append(f"{setting}, {state}")
    axis.axvline(0, color="0.5", linewidth=0.8)
    places = range(len(rows))
    axis.set_yticks(places, names)
    axis.invert_yaxis()
    metric = _spoken(race.monitor.metric)
    axis.set(xlabel=f"{metric}: worse than the best of its last rung by", ylabel="setting")


# ------------------------------------------------------------------------------ two hyperparameters


def heatmap(
    sweep: Sweep, x: str, y: str, metric: str | None = None, *, at: At | None = None
) -> "Figure":
    """Draw the mean over seeds for two hyperparameters as the colors of a grid.

    The mean is over all other hyperparameters too. Numbers are sorted. A field in which no run is
    left has a ×.

    sweep       of `fnn.sweep` or `fnn.sweep_function`
    x, y        hyperparameters: x across, y down
    metric, at  as for `Sweep.summary`: by default of the validation split, after the best epoch

    Raises ValueError for an unknown name, for equal names, and if the settings fill less than half
    of the fields.

    >>> import fnn, jax
    >>> from fnn import figures
    >>> def guess(key, hyper):
    ...     return {"loss": hyper["a"] * hyper["b"] * jax.random.uniform(key)}
    >>> hyper = {"a": [1.0, 2.0], "b": [1.0, 2.0]}
    >>> sweep = fnn.sweep_function(guess, seeds=range(2), hyper=hyper, progress=False)
    >>> figures.heatmap(sweep, "a", "b").get_suptitle()
    'loss, mean over 2 seeds'
    """
    from fnn import plot

    name, final = _final(sweep, metric, at)
    _check_pair("heatmap", sweep, x, y)
    values_across = _column(sweep, x)
    values_down = _column(sweep, y)
    across = _in_order(values_across)
    down = _in_order(values_down)
    rows_of_fields = _rows_of_fields(sweep, x, y, across, down)
    _check_drawable("heatmap", final, final, sweep.finished)
    shape = len(down), len(across)
    fields, texts = _means_of_fields(final, rows_of_fields, shape)
    needed = 1.9 + 0.25 * len(down)
    height = np.clip(needed, 3.9, 8.0)
    figure, (axis,) = plot.figure(height=float(height))
    plot.heatmap(
        axis,
        fields,
        texts,
        across=_shown(across),
        down=_shown(down),
        norm=plot.color_norm(fields, log=_is_loss(name)),
        label=_spoken(name),
    )
    axis.set(xlabel=x, ylabel=y)
    others = _others(sweep, x, y)
    averaged = ", ".join([*others, _seeds(sweep)])
    title = f"{_spoken(name)}, mean over {averaged}"
    has_crosses = (texts == "×").any()
    crosses = "× all of a field" if has_crosses else ""
    note = _note(sweep, final, crosses)
    when = _when(sweep, at)
    _title(figure, title, when, note)
    return figure


def scatter(
    sweep: Sweep, x_name: str, y_name: str, metric: str | None = None, *, at: At | None = None
) -> "Figure":
    """Draw a dot for each setting at two hyperparameters, colored by the mean over seeds.

    A setting in which no run is left has a ×. An axis is logarithmic if its numbers are at least 0
    and the positive ones span more than a factor of 100. Values that are no numbers have a place
    each.

    sweep           of `fnn.sweep` or `fnn.sweep_function`
    x_name, y_name  hyperparameters
    metric, at      as for `Sweep.summary`: by default of the validation split, after the best epoch

    Raises ValueError for an unknown name and for equal names.

    >>> import fnn, jax
    >>> from fnn import figures
    >>> def guess(key, hyper):
    ...     return {"loss": hyper["a"] * hyper["b"] * jax.random.uniform(key)}
    >>> settings = [{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 5.0}]
    >>> sweep = fnn.sweep_function(guess, seeds=range(2), hyper=settings, progress=False)
    >>> figures.scatter(sweep, "a", "b").axes[0].get_xlabel()
    'a'
    """
    from fnn import plot

    name, final = _final(sweep, metric, at)
    _check_pair("scatter", sweep, x_name, y_name)
    _check_drawable("scatter", final, final, sweep.finished)
    means_of_settings = [_mean(runs) for runs in final]
    means = np.array(means_of_settings)
    figure, (axis,) = plot.figure(height=3.9)
    x_values = _column(sweep, x_name)
    y_values = _column(sweep, y_name)
    x, names_of_x = _places(x_values)
    y, names_of_y = _places(y_values)
    norm = plot.color_norm(means, log=_is_loss(name))
    plot.dots(axis, x, y, means, norm=norm, label=_spoken(name))
    if names_of_x:
        room = plot.CHARACTERS_ACROSS - 16
        plot.names_across(axis, names_of_x, room=room)
    else:
        plot.log_where_wide(axis.set_xscale, x)
    if names_of_y:
        plot.names_down(axis, names_of_y, most=14)
    else:
        plot.log_where_wide(axis.set_yscale, y)
    axis.set(xlabel=x_name, ylabel=y_name)
    title = f"{_spoken(name)}, mean over {_seeds(sweep)}"
    others = ", ".join(_others(sweep, x_name, y_name))
    not_shown = f"not shown: {others}" if others else ""
    has_crosses = np.isnan(means).any()
    crosses = "× all of a setting" if has_crosses else ""
    note = _note(sweep, final, crosses)
    when = _when(sweep, at)
    _title(figure, title, when, not_shown, note)
    return figure


# ----------------------------------------------------------------------------------------- all runs


def distribution(sweep: Sweep, metric: str | None = None, *, at: At | None = None) -> "Figure":
    """Draw every run as a point at its value, in a row for each setting.

    A row also has the median and the quartiles. A row without runs says why.

    sweep       of `fnn.sweep` or `fnn.sweep_function`
    metric, at  as for `Sweep.summary`: by default of the validation split, after the best epoch

    Raises ValueError for an unknown metric, and if no run can be drawn.

    >>> import fnn, jax
    >>> from fnn import figures
    >>> def guess(key, hyper):
    ...     return {"loss": hyper["a"] * jax.random.uniform(key)}
    >>> hyper = {"a": [1.0, 2.0]}
    >>> sweep = fnn.sweep_function(guess, seeds=range(2), hyper=hyper, progress=False)
    >>> [text.get_text() for text in figures.distribution(sweep).axes[0].get_yticklabels()]
    ['a=1', 'a=2']
    """
    from fnn import plot

    name, final = _final(sweep, metric, at)
    _check_drawable("distribution", final, final, sweep.finished)
    names = []
    left_out = []
    settings = labels(sweep)
    for setting, runs, finished in zip(settings, final, sweep.finished, strict=True):
        reason = _left_out(runs, finished)
        left_out.append(reason)
        name_of_row = _wrapped(setting)
        is_empty = np.isnan(runs).all()
        if not is_empty:
            wrapped_reason = _wrapped(reason)
            name_of_row = _lines(name_of_row, wrapped_reason)
        names.append(name_of_row)
    breaks = [name_of_row.count("\n") for name_of_row in names]
    most_lines = 1 + max(breaks)
    height_of_row = max(0.35, 0.1 + 0.15 * most_lines)
    height = 1.4 + height_of_row * len(final)
    figure, (axis,) = plot.figure(height=height)
    if _is_loss(name):
        plot.log_where_wide(axis.set_xscale, final)
    plot.strips(axis, final, names, empty=left_out)
    when = _when(sweep, at)
    x_label = _lines(_spoken(name), when)
    axis.set(xlabel=x_label)
    return figure


# -------------------------------------------------------------------------------- names of settings


def labels(sweep: Sweep) -> list[str]:
    """Return for each setting the hyperparameters that tell it from the others.

    A label is such as "learning_rate=0.001, width=16". It is empty if there is only one setting.

    >>> import fnn, jax
    >>> from fnn import figures
    >>> def guess(key, hyper):
    ...     return {"loss": hyper["a"] * hyper["b"] * jax.random.uniform(key)}
    >>> hyper = {"a": [1.0, 2.0], "b": [0.5]}
    >>> sweep = fnn.sweep_function(guess, seeds=range(2), hyper=hyper, progress=False)
    >>> figures.labels(sweep)
    ['a=1', 'a=2']
    """
    parts: list[list[str]] = [[] for _ in sweep.settings]
    for name in _varying(sweep):
        column = _column(sweep, name)
        texts = _shown(column)
        for part, text in zip(parts, texts, strict=True):
            part.append(f"{name}={text}")
    return [", ".join(part) for part in parts]


def _shown(values: Sequence[Any]) -> list[str]:
    """Return short texts. Floats have three digits, or as many as tell different values apart."""
    texts: list[str] = []
    for digits in range(3, 18):
        texts = [_short(value, digits) for value in values]
        are_told_apart = len(set(texts)) >= len(set(values))
        if are_told_apart:
            break
    return texts


def _short(value: Any, digits: int = 3) -> str:
    """Return 1e-5 rather than 1e-05, and 1e30 rather than 1e+30. A function has its name."""
    if isinstance(value, float):
        text = f"{value:.{digits}g}"
        return re.sub(r"e\+?(-?)0*", r"e\1", text)
    name = getattr(value, "__name__", value)
    return str(name)


def _column(sweep: Sweep, name: str) -> list[Any]:
    return [setting[name] for setting in sweep.settings]


def _varying(sweep: Sweep) -> list[str]:
    varying = []
    for name in sweep.settings[0]:
        distinct = set(_column(sweep, name))
        if len(distinct) > 1:
            varying.append(name)
    return varying


def _others(sweep: Sweep, *names: str) -> list[str]:
    return [name for name in _varying(sweep) if name not in names]


def _in_order(column: Iterable[Any]) -> list[Any]:
    """Return the different values: numbers sorted, others in the order of their appearance."""
    values = list(dict.fromkeys(column))
    are_numbers = all(map(is_number, values))
    if are_numbers:
        return sorted(values)
    return values


def _places(column: list[Any]) -> tuple[np.ndarray, list[str]]:
    """Return where values lie on an axis, and the names of these places.

    Numbers lie at themselves and have no names. Others lie at 0, 1, ….
    """
    are_numbers = all(map(is_number, column))
    if are_numbers:
        return np.array(column, float), []
    values = _in_order(column)
    places = [values.index(value) for value in column]
    return np.array(places), _shown(values)


def _rows_of_fields(
    sweep: Sweep, x: str, y: str, across: list[Any], down: list[Any]
) -> dict[tuple[int, int], list[int]]:
    """Return the settings of each field (down, across) that has any.

    Raises ValueError if less than half of the fields have one.
    """
    rows: dict[tuple[int, int], list[int]] = {}
    for row, setting in enumerate(sweep.settings):
        i = down.index(setting[y])
        j = across.index(setting[x])
        rows_of_field = rows.setdefault((i, j), [])
        rows_of_field.append(row)
    fields = len(across) * len(down)
    is_sparse = 2 * len(rows) < fields
    if is_sparse:
        raise ValueError(
            f"heatmap: got {len(rows)} of {fields} combinations of {x!r} and {y!r}, expected at "
            f"least half of them, as in a grid; for points draw scatter(sweep, {x!r}, {y!r})."
        )
    return rows


def _means_of_fields(
    final: Float[np.ndarray, "settings seeds"],
    rows_of_fields: dict[tuple[int, int], list[int]],
    shape: tuple[int, int],
) -> tuple[Float[np.ndarray, "down across"], np.ndarray]:
    """Return the mean of each field, NaN where it has none, and its text."""
    means = np.full(shape, np.nan)
    texts = np.full(shape, "", object)
    for field, rows in rows_of_fields.items():
        mean = _mean(final[rows])
        means[field] = mean
        texts[field] = "×" if np.isnan(mean) else _short(mean)
    return means, texts


# ------------------------------------------------------------------------------------- values drawn


def _chosen_rows(sweep: Sweep, settings: Any) -> list[int]:
    """Return the rows to draw, all of them for None.

    Raises ValueError unless they are different row numbers, at most MOST_CURVES.
    """
    count = len(sweep.settings)
    if settings is None:
        rows = list(range(count))
    elif isinstance(settings, (Sequence, np.ndarray)) and not isinstance(settings, str):
        rows = list(settings)
    else:
        rows = []
    are_numbers = all(_is_whole(row) and 0 <= row < count for row in rows)
    if not rows or not are_numbers or len(set(rows)) < len(rows):
        raise ValueError(
            f"settings: got {settings!r}, expected different row numbers of sweep.settings, from "
            f"0 to {count - 1}, such as [0]."
        )
    if len(rows) > MOST_CURVES:
        raise ValueError(
            f"curves: got {len(rows)} settings, expected at most {MOST_CURVES}; choose some by "
            "their row numbers, such as settings=[0, 1], or draw distribution."
        )
    return rows


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _final(
    sweep: Sweep, metric: str | None, at: At | None
) -> tuple[str, Float[np.ndarray, "settings seeds"]]:
    """Return the name of the metric and the runs' values.

    A value is NaN where a run diverged or was not trained.
    """
    name = metric or sweep.main_metric
    at_epoch = sweep.at(name, at)
    values = np.asarray(at_epoch, float)
    ended_well = sweep.finished & ~sweep.diverged
    is_sound = ended_well & np.isfinite(values)
    sound_values = np.where(is_sound, values, np.nan)
    return name, sound_values


def _with_last_values(
    sweep: Sweep, name: str, final: Float[np.ndarray, "settings seeds"], rows: list[int]
) -> Float[np.ndarray, "rows seeds epochs"]:
    """Return the history, in which runs keep their final value after they stopped.

    It is NaN where it is not finite.
    """
    history_of_all = sweep.history[name]
    history = np.asarray(history_of_all[rows], float)
    *_, number = history.shape
    epochs = np.arange(number)
    last_epoch = sweep.last_epoch[rows]
    has_stopped = epochs > last_epoch[..., None]
    last_value = final[rows]
    values = np.where(has_stopped, last_value[..., None], history)
    is_finite = np.isfinite(values)
    return np.where(is_finite, values, np.nan)


def _mean(runs: np.ndarray) -> float:
    """Return the mean of the runs that are not NaN, or NaN if there are none."""
    is_nan = np.isnan(runs)
    sound = runs[~is_nan]
    if not sound.size:
        return np.nan
    return float(sound.mean())


def _check_pair(figure: str, sweep: Sweep, x: str, y: str) -> None:
    """Refuse unknown hyperparameters, and equal ones."""
    for name in (x, y):
        checks.lookup("hyperparameter", name, sweep.settings[0])
    if x == y:
        names = ", ".join(sweep.settings[0])
        raise ValueError(
            f"{figure}: got {x!r} twice, expected two different hyperparameters of {names}; for "
            "a single one draw distribution."
        )


def _check_drawable(
    figure: str, values: np.ndarray, final: np.ndarray, finished: Bool[np.ndarray, "*runs"]
) -> None:
    """Refuse values that are all NaN."""
    if np.isnan(values).all():
        left_out = _left_out(final, finished)
        raise ValueError(
            f"{figure}: got {final.size} runs ({left_out}), expected at least one that ended in a "
            "finite value; try smaller learning rates, clip the gradients, or resume a sweep that "
            "was interrupted."
        )


# -------------------------------------------------------------------------------------------- texts


def _stopped_early(
    sweep: Sweep, final: Float[np.ndarray, "settings seeds"], rows: list[int], epochs: int
) -> str:
    """Say how many runs of these rows stopped early, or nothing."""
    has_value = ~np.isnan(final[rows])
    last_epoch = sweep.last_epoch[rows]
    is_early = has_value & (last_epoch < epochs - 1)
    if not is_early.any():
        return ""
    return f"{is_early.sum()} of {is_early.size} runs stopped early and keep their last value"


def _left_out(final: Float[np.ndarray, "*runs"], finished: Bool[np.ndarray, "*runs"]) -> str:
    """Say how many runs have no final value and why, such as "all diverged", or nothing."""
    diverged = finished & np.isnan(final)
    reasons = {"diverged": diverged, "unfinished": ~finished}
    texts = []
    for reason, runs in reasons.items():
        count = f"{runs.sum()} of {runs.size} runs"
        if runs.all():
            count = "all"
        if runs.any():
            texts.append(f"{count} {reason}")
    return ", ".join(texts)


def _note(sweep: Sweep, final: Float[np.ndarray, "settings seeds"], crosses: str) -> str:
    """Say how many runs are left out of a figure, and explain its crosses. Say nothing if none are.

    crosses  the explanation, "" if there are none
    """
    left_out = _left_out(final, sweep.finished)
    if not left_out:
        return ""
    explained = f" ({crosses})" if crosses else ""
    return f"left out: {left_out}{explained}"


def _title(figure: "Figure", *lines: str) -> None:
    """Put lines over the whole figure: beside long names the axes may be narrower than a title."""
    wrapped = [textwrap.fill(line, 58) for line in lines]
    title = _lines(*wrapped)
    figure.suptitle(title, fontsize="medium")


def _lines(*texts: str) -> str:
    """Join texts that are not empty as lines."""
    return "\n".join(text for text in texts if text)


def _wrapped(text: str) -> str:
    """Wrap a text into lines that leave room for the axes beside them."""
    return textwrap.fill(text, 26)


def _seeds(sweep: Sweep) -> str:
    count = len(sweep.seeds)
    seeds = "1 seed" if count == 1 else f"{count} seeds"
    if sweep.splits == 1:
        return seeds
    return f"{seeds} on {sweep.splits} splits"


def _when(sweep: Sweep, at: At | None) -> str:
    """Say which epoch the values of a figure are from."""
    return _spoken(sweep.when(at))


def _spoken(metric: str) -> str:
    return metric.replace("_", " ")


def _is_loss(metric: str) -> bool:
    return metric.endswith("loss")
