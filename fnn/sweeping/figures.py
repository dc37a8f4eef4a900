"""Figures of a sweep, from its arrays. They need matplotlib, which is imported when one is asked for."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fnn import checks
from fnn.sweeping.results import Sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CURVES = 8  # colors that one tells apart


def curves(sweep: Sweep, metric: str | None = None) -> "Figure":
    """A history over epochs: for each setting the median over seeds and the band from 5% to 95% of them."""
    from matplotlib.ticker import MaxNLocator

    from fnn import plot

    name = metric or sweep.main_metric
    values = checks.lookup("metric", name, sweep.history)
    if len(sweep.settings) > MOST_CURVES:
        raise ValueError(
            f"curves: got {len(sweep.settings)} settings, expected at most {MOST_CURVES}; draw heatmap or distribution."
        )
    figure, (axis,) = plot.figure(height=3.2 + 0.2 * len(sweep.settings))
    for label, lanes in zip(labels(sweep), values, strict=True):
        if not np.isnan(lanes).all():
            plot.band(axis, lanes, label or f"{len(sweep.seeds)} seeds")
    axis.set(xlabel="epoch", ylabel=name.replace("_", " "))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize="small")  # above, not upon
    return figure


def heatmap(sweep: Sweep, x: str, y: str, metric: str | None = None) -> "Figure":
    """The mean over seeds (and over whatever else varies) for two hyperparameters: x across, y down. Lanes that
    diverged are left out; a field in which all did is empty."""
    from fnn import plot

    name = metric or sweep.main_metric
    final = np.where(sweep.finished & ~sweep.diverged, sweep.final(name), np.nan)
    for n in (x, y):
        checks.lookup("hyperparameter", n, sweep.settings[0])
    across, down = (list(dict.fromkeys(setting[n] for setting in sweep.settings)) for n in (x, y))
    fields = np.full((len(down), len(across)), np.nan)
    for i, row in enumerate(down):
        for j, column in enumerate(across):
            here = [k for k, setting in enumerate(sweep.settings) if (setting[x], setting[y]) == (column, row)]
            values = final[here][~np.isnan(final[here])]
            fields[i, j] = values.mean() if values.size else np.nan
    figure, (axis,) = plot.figure()
    plot.heatmap(axis, fields, across, down)
    axis.set(xlabel=x, ylabel=y, title=f"mean {name.replace('_', ' ')}, {len(sweep.seeds)} seeds")
    return figure


def distribution(sweep: Sweep, metric: str | None = None) -> "Figure":
    """Every lane as a point at its final value, one row for each setting, with the median and the quartiles."""
    from fnn import plot

    name = metric or sweep.main_metric
    final = np.where(sweep.finished & ~sweep.diverged, sweep.final(name), np.nan)
    figure, (axis,) = plot.figure(width=7.0, height=1.6 + 0.35 * len(final))
    plot.strips(axis, final, labels(sweep))
    axis.set(xlabel=name.replace("_", " "))
    return figure


def labels(sweep: Sweep) -> list[str]:
    """For each setting what tells it from the others: learning_rate 0.001, width 16."""
    varying = [name for name in sweep.settings[0] if len({setting[name] for setting in sweep.settings}) > 1]
    return [", ".join(f"{name} {_shown(setting[name])}" for name in varying) for setting in sweep.settings]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
