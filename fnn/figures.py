"""Figures of a sweep, from its arrays. They need matplotlib, which is imported when one is asked
for.

What they have in common: a run has diverged where it ended in a value that is not finite; it is
left out and counted, and so are runs that were not trained. Losses have a log scale where they span
more than a factor of 100. ValueError where no run has anything to draw.
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
    from matplotlib.figure import Figure

    from fnn.racing.result import Race

MOST_CURVES = 8  # as many lines as `plot.LINES` tells apart


def curves(
    sweep: Sweep, metric: str | None = None, settings: Sequence[int] | None = None
) -> "Figure":
    """A history over epochs: for each setting the median over seeds and the band from 5% to 95% of
    them.

    A run that stopped early keeps its last value, as otherwise the end would show the slow runs
    alone; the label of the epochs says so. A run that diverged is drawn up to there, and the legend
    says so.

    settings  row numbers of `sweep.settings`, at most 8; all of them by default. ValueError for
              others.
    """
    from fnn import plot  # first: it says what to install where matplotlib is missing

    from matplotlib.ticker import MaxNLocator  # isort: skip

    name, final = _final(sweep, metric, "last")
    rows = _chosen(sweep, settings)
    values = _carried(sweep, name, final, rows)
    _check_drawable("curves", values, final[rows], sweep.finished[rows])
    names = labels(sweep)
    figure, (axis,) = plot.figure(height=3.2 + 0.2 * len(rows))
    for runs, row, line in zip(values, rows, plot.LINES, strict=False):
        texts = [names[row] or _seeds(sweep), _left_out(final[row], sweep.finished[row])]
        plot.band(axis, runs, textwrap.fill(": ".join(filter(None, texts)), 64), **line)
    axis.set(
        xlabel="\n".join(["epoch", *_stopped(sweep, final, rows, values.shape[-1])]),
        ylabel=_spoken(name),
    )
    axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if _is_loss(name):
        plot.log_where_wide(axis.set_yscale, values)
    axis.legend(
        frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize="small"
    )  # above, not upon
    return figure


def rungs(race: "Race") -> "Figure":
    """Draw the settings of a race: above, the mean of each from rung to rung, up to where it left;
    below, how much worse than the best each of the closest was when it was compared last, with the
    interval that decided.

    Rungs are equally far apart. Runs that diverged count as in the race. TypeError for what is no
    race.
    """
    from fnn import plot
    from fnn.racing.result import Race

    if not isinstance(race, Race):
        raise TypeError(f"race: got a {type(race).__name__}, expected what fnn.race returns.")
    names = labels(race.sweep)
    means = np.stack([found.comparison.mean for found in race.rungs])
    rows = race.rows()
    closest = [row["setting"] for row in rows][: len(plot.LINES)]
    metric = _spoken(race.monitor.metric)
    figure, (above, below) = plot.figure(rows=2, height=3.4 + 0.1 * len(closest))
    places = np.arange(len(race.rungs))
    for row in range(len(names)):
        if row not in closest:
            above.plot(
                places,
                means[:, row],
                color="0.6",
                alpha=0.6,
                linewidth=0.8,
                marker=".",
                markersize=4,
            )
    for row, line in zip(closest, plot.LINES, strict=False):
        label = textwrap.fill(f"{row}: {names[row]}", 64)
        above.plot(places, means[:, row], label=label, marker="o", markersize=4, **line)
    told = [
        f"{found.rung.epochs} epochs\n{found.rung.seeds} seeds\n{len(found.entered)} in"
        for found in race.rungs
    ]
    above.set_xticks(places, told)
    above.set(ylabel=f"{metric}, mean over seeds")
    if _is_loss(race.monitor.metric) and np.nanmin(means, initial=np.inf) > 0:
        above.set_yscale("log")
    title = f"the closest of {len(names)} settings" + (
        "; grey: the others" if len(names) > len(closest) else ""
    )
    above.legend(
        frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize="small", title=title
    )
    shown = [row for row in rows[: len(closest)] if np.isfinite(row["high"])]
    for place, each in enumerate(shown):
        is_in = each["left at rung"] == ""
        ends = [[each["worse by"] - each["low"]], [each["high"] - each["worse by"]]]
        color = "#0072b2" if is_in else "#d55e00"
        below.errorbar(
            each["worse by"], place, xerr=ends, fmt="o", color=color, capsize=3, markersize=4
        )
    below.axvline(0, color="0.5", linewidth=0.8)
    below.set_yticks(
        range(len(shown)),
        [f"{row['setting']}, {_where(row['left at rung'])}" for row in shown],
    )
    below.invert_yaxis()
    below.set(xlabel=f"{metric}: worse than the best of its last rung by", ylabel="setting")
    return figure


def _where(rung: int | str) -> str:
    """Say whether a setting is in at the end, or at which rung it left."""
    return "in" if rung == "" else f"left at rung {rung}"


def heatmap(
    sweep: Sweep, x: str, y: str, metric: str | None = None, *, at: At | None = None
) -> "Figure":
    """The mean over seeds, and over whatever else varies, for two hyperparameters: x across, y
    down, numbers in their order. A field in which no run is left has a ×.

    metric, at  as for `Sweep.summary`: of the validation split, after the best epoch, by default

    ValueError for an unknown name, the same name twice, and settings that fill less than half of
    the fields.
    """
    from fnn import plot

    name, final = _final(sweep, metric, at)
    _check_pair("heatmap", sweep, x, y)
    across, down = (_in_order(_column(sweep, n)) for n in (x, y))
    rows = _rows_of_fields(sweep, x, y, across, down)
    _check_drawable("heatmap", final, final, sweep.finished)
    fields, texts = (
        np.full((len(down), len(across)), np.nan),
        np.full((len(down), len(across)), "", object),
    )
    for field, here in rows.items():
        fields[field] = _mean(final[here])
        texts[field] = "×" if np.isnan(fields[field]) else _short(float(fields[field]))
    figure, (axis,) = plot.figure(height=float(np.clip(1.9 + 0.25 * len(down), 3.9, 8.0)))
    norm = plot.color_norm(fields, log=_is_loss(name))
    plot.heatmap(axis, fields, texts, _shown(across), _shown(down), norm=norm, label=_spoken(name))
    axis.set(xlabel=x, ylabel=y)
    mean = f"{_spoken(name)}, mean over {', '.join([*_others(sweep, x, y), _seeds(sweep)])}"
    note = _note(sweep, final, "× all of a field" if (texts == "×").any() else "")
    _title(figure, mean, _when(sweep, at), note)
    return figure


def scatter(
    sweep: Sweep, x_name: str, y_name: str, metric: str | None = None, *, at: At | None = None
) -> "Figure":
    """A dot for each setting at its values of two hyperparameters, colored by the mean over seeds;
    a × where no run is left. Axes are logarithmic where their numbers are not negative and the
    positive ones span more than a factor of 100; values that are no numbers have a place each.

    ValueError for an unknown name and the same name twice.
    """
    from fnn import plot

    name, final = _final(sweep, metric, at)
    _check_pair("scatter", sweep, x_name, y_name)
    _check_drawable("scatter", final, final, sweep.finished)
    means = np.array([_mean(runs) for runs in final])
    figure, (axis,) = plot.figure(height=3.9)
    (x, x_names), (y, y_names) = (_places(_column(sweep, n)) for n in (x_name, y_name))
    norm = plot.color_norm(means, log=_is_loss(name))
    plot.dots(axis, x, y, means, norm=norm, label=_spoken(name))
    if x_names:
        plot.names_across(axis, x_names, room=plot.ABREAST - 16)
    else:
        plot.log_where_wide(axis.set_xscale, x)
    if y_names:
        plot.names_down(axis, y_names, most=14)
    else:
        plot.log_where_wide(axis.set_yscale, y)
    axis.set(xlabel=x_name, ylabel=y_name)
    mean = f"{_spoken(name)}, mean over {_seeds(sweep)}"
    others = _others(sweep, x_name, y_name)
    note = _note(sweep, final, "× all of a setting" if np.isnan(means).any() else "")
    _title(
        figure, mean, _when(sweep, at), f"not shown: {', '.join(others)}" if others else "", note
    )
    return figure


def distribution(sweep: Sweep, metric: str | None = None, *, at: At | None = None) -> "Figure":
    """Every run as a point at its value after the best or the last epoch, one row for each setting,
    with the median and the quartiles. A row without runs says why.
    """
    from fnn import plot

    name, final = _final(sweep, metric, at)
    _check_drawable("distribution", final, final, sweep.finished)
    left_out = [_left_out(*runs) for runs in zip(final, sweep.finished, strict=True)]
    partly = [
        "" if np.isnan(runs).all() else text for runs, text in zip(final, left_out, strict=True)
    ]
    names = [
        "\n".join(map(_wrapped, filter(None, texts)))
        for texts in zip(labels(sweep), partly, strict=True)
    ]
    lines = 1 + max(name.count("\n") for name in names)
    figure, (axis,) = plot.figure(height=1.4 + max(0.35, 0.1 + 0.15 * lines) * len(final))
    if _is_loss(name):
        plot.log_where_wide(axis.set_xscale, final)
    plot.strips(axis, final, names, empty=left_out)
    axis.set(xlabel="\n".join(filter(None, [_spoken(name), _when(sweep, at)])))
    return figure


def labels(sweep: Sweep) -> list[str]:
    """For each setting what tells it from the others: learning_rate=0.001, width=16."""
    columns = [
        [f"{name}={text}" for text in _shown(_column(sweep, name))] for name in _varying(sweep)
    ]
    return (
        [", ".join(texts) for texts in zip(*columns, strict=True)]
        if columns
        else [""] * len(sweep.settings)
    )


def _shown(values: Sequence[Any]) -> list[str]:
    """Short texts: floats with three digits, or as many as tell different values apart."""
    texts: list[str] = []
    for digits in range(3, 18):
        texts = [_short(value, digits) for value in values]
        if len(set(texts)) >= len(set(values)):
            break
    return texts


def _short(value: Any, digits: int = 3) -> str:
    """1e-5 rather than 1e-05, 1e30 rather than 1e+30; functions by their name."""
    if isinstance(value, float):
        return re.sub(r"e\+?(-?)0*", r"e\1", f"{value:.{digits}g}")
    return str(getattr(value, "__name__", value))


def _column(sweep: Sweep, name: str) -> list[Any]:
    return [setting[name] for setting in sweep.settings]


def _varying(sweep: Sweep) -> list[str]:
    return [name for name in sweep.settings[0] if len(set(_column(sweep, name))) > 1]


def _others(sweep: Sweep, *names: str) -> list[str]:
    return [name for name in _varying(sweep) if name not in names]


def _in_order(column: Iterable[Any]) -> list[Any]:
    """The different values: numbers sorted, others as they come."""
    values = list(dict.fromkeys(column))
    return sorted(values) if all(map(is_number, values)) else values


def _places(column: list[Any]) -> tuple[np.ndarray, list[str]]:
    """Where values lie on an axis: numbers at themselves, others at 0, 1, …, the places of these
    names.
    """
    if all(map(is_number, column)):
        return np.array(column, float), []
    values = _in_order(column)
    return np.array([values.index(value) for value in column]), _shown(values)


def _rows_of_fields(
    sweep: Sweep, x: str, y: str, across: list[Any], down: list[Any]
) -> dict[tuple[int, int], list[int]]:
    """The settings of each field (down, across) that has any. Refuses points that are no grid."""
    rows: dict[tuple[int, int], list[int]] = {}
    for row, setting in enumerate(sweep.settings):
        rows.setdefault((down.index(setting[y]), across.index(setting[x])), []).append(row)
    if 2 * len(rows) < len(across) * len(down):
        raise ValueError(
            f"heatmap: got {len(rows)} of {len(across) * len(down)} combinations of {x!r} and "
            f"{y!r}, expected at least "
            f"half of them, as in a grid; for points draw scatter(sweep, {x!r}, {y!r})."
        )
    return rows


def _chosen(sweep: Sweep, settings: Any) -> list[int]:
    """The rows to draw, all of them for None. Refuses what are no different row numbers, and more
    than can be drawn.
    """
    count = len(sweep.settings)
    listed = isinstance(settings, (Sequence, np.ndarray)) and not isinstance(settings, str)
    rows = list(range(count)) if settings is None else list(settings) if listed else []
    whole = all(isinstance(row, (int, np.integer)) and not isinstance(row, bool) for row in rows)
    if (
        not rows
        or not whole
        or len(set(rows)) < len(rows)
        or not all(0 <= row < count for row in rows)
    ):
        raise ValueError(
            f"settings: got {settings!r}, expected different row numbers of sweep.settings, from "
            f"0 to {count - 1}, "
            "such as [0]."
        )
    if len(rows) > MOST_CURVES:
        raise ValueError(
            f"curves: got {len(rows)} settings, expected at most {MOST_CURVES}; choose some by "
            f"their row numbers, such "
            "as settings=[0, 1], or draw distribution."
        )
    return rows


def _final(
    sweep: Sweep, metric: str | None, at: At | None
) -> tuple[str, Float[np.ndarray, "settings seeds"]]:
    """The name of the metric, and the runs' values: NaN where a run diverged or was not trained."""
    name = metric or sweep.main_metric
    final = np.asarray(sweep.at(name, at), float)
    return name, np.where(sweep.finished & ~sweep.diverged & np.isfinite(final), final, np.nan)


def _carried(
    sweep: Sweep, name: str, final: Float[np.ndarray, "settings seeds"], rows: list[int]
) -> Float[np.ndarray, "rows seeds epochs"]:
    """The history, in which runs keep their final value from where they stopped; NaN where it is
    not finite.
    """
    history = np.asarray(sweep.history[name][rows], float)
    after = np.arange(history.shape[-1]) > sweep.last_epoch[rows][..., None]
    values = np.where(after, final[rows][..., None], history)
    return np.where(np.isfinite(values), values, np.nan)


def _stopped(
    sweep: Sweep, final: Float[np.ndarray, "settings seeds"], rows: list[int], epochs: int
) -> list[str]:
    """What to say of the runs in these rows that stopped early."""
    early = ~np.isnan(final[rows]) & (sweep.last_epoch[rows] < epochs - 1)
    return (
        [f"{early.sum()} of {early.size} runs stopped early and keep their last value"]
        if early.any()
        else []
    )


def _wrapped(text: str) -> str:
    """In lines that leave room for the axes beside them."""
    return textwrap.fill(text, 26)


def _left_out(final: Float[np.ndarray, "*runs"], finished: Bool[np.ndarray, "*runs"]) -> str:
    """How many of these runs have no final value, and why: "all diverged", or nothing."""
    reasons = {"diverged": finished & np.isnan(final), "unfinished": ~finished}
    return ", ".join(
        f"all {reason}" if runs.all() else f"{runs.sum()} of {runs.size} runs {reason}"
        for reason, runs in reasons.items()
        if runs.any()
    )


def _note(sweep: Sweep, final: Float[np.ndarray, "settings seeds"], crosses: str) -> str:
    """What is left out of a figure, if anything, and what its crosses are, if it has any."""
    left_out = _left_out(final, sweep.finished)
    return f"left out: {left_out}{crosses and f' ({crosses})'}" if left_out else ""


def _mean(runs: np.ndarray) -> float:
    """The mean of those that are not NaN; NaN of nothing."""
    seen = runs[~np.isnan(runs)]
    return float(seen.mean()) if seen.size else np.nan


def _title(figure: "Figure", *lines: str) -> None:
    """Over the whole figure: beside long names the axes may be narrower than their title."""
    figure.suptitle("\n".join(textwrap.fill(line, 58) for line in lines if line), fontsize="medium")


def _seeds(sweep: Sweep) -> str:
    seeds = "1 seed" if len(sweep.seeds) == 1 else f"{len(sweep.seeds)} seeds"
    return seeds if sweep.splits == 1 else f"{seeds} on {sweep.splits} splits"


def _when(sweep: Sweep, at: At | None) -> str:
    """Of which epoch a figure speaks."""
    return _spoken(sweep.when(at))


def _spoken(metric: str) -> str:
    return metric.replace("_", " ")


def _is_loss(metric: str) -> bool:
    return metric.endswith("loss")


def _check_pair(figure: str, sweep: Sweep, x: str, y: str) -> None:
    """Refuses unknown names and one that is given twice."""
    for name in (x, y):
        checks.lookup("hyperparameter", name, sweep.settings[0])
    if x == y:
        raise ValueError(
            f"{figure}: got {x!r} twice, expected two different hyperparameters of "
            f"{', '.join(sweep.settings[0])}; "
            "for a single one draw distribution."
        )


def _check_drawable(
    figure: str, values: np.ndarray, final: np.ndarray, finished: Bool[np.ndarray, "*runs"]
) -> None:
    """Refuses values that are all NaN."""
    if np.isnan(values).all():
        raise ValueError(
            f"{figure}: got {final.size} runs ({_left_out(final, finished)}), expected at least "
            f"one that ended in a "
            "finite value; try smaller learning rates, clip the gradients, or resume a sweep that "
            "was interrupted."
        )
