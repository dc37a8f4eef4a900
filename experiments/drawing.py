"""Figures for experiments: the functions of fnn.plot, and those that only experiments draw."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from fnn.plot import (
    COLORS,
    LINES,
    band,
    color_norm,
    figure,
    heatmap,
    names_across,
    names_down,
    strips,
)

__all__ = [
    "COLORS",
    "LINES",
    "band",
    "color_norm",
    "densities",
    "figure",
    "heatmap",
    "landscape",
    "learning_curves",
    "legends",
    "mean_band",
    "names_across",
    "names_down",
    "network",
    "quantile_band",
    "regions",
    "spreads",
    "strips",
]

# ------------------------------------------------------------------------------------------- curves


def mean_band(
    axis: Axes,
    x: np.ndarray,
    values: Float[np.ndarray, "seeds points"],
    label: str,
    **style: Any,
) -> None:
    """Draw the mean over seeds as a line over x, and its 95% interval as a band.

    The interval is the mean ± 1.96 standard errors.

    x       (points,)
    values  NaN where a seed diverged; it is left out point by point
    """
    seeds = np.count_nonzero(~np.isnan(values), axis=0)
    has_values = seeds > 0
    x = np.asarray(x)[has_values]
    mean = np.nanmean(values[:, has_values], axis=0)
    deviation = np.nanstd(values[:, has_values], axis=0)
    half_width = 1.96 * deviation / np.sqrt(np.maximum(seeds[has_values] - 1, 1))
    (line,) = axis.plot(x, mean, label=label, **style)
    low = mean - half_width
    high = mean + half_width
    axis.fill_between(x, low, high, alpha=0.2, color=line.get_color(), linewidth=0)


def quantile_band(
    axis: Axes,
    x: np.ndarray,
    values: Float[np.ndarray, "points runs"],
    label: str,
    *,
    percentiles: tuple[float, float, float] = (5, 50, 95),
    **style: Any,
) -> None:
    """Draw the middle percentile over runs as a line over x, and the outer two as a band.

    x  (points,)
    """
    low, middle, high = np.percentile(values, percentiles, axis=1)
    (line,) = axis.plot(x, middle, label=label, **style)
    axis.fill_between(x, low, high, alpha=0.2, color=line.get_color(), linewidth=0)


def learning_curves(
    axis: Axes, history: Mapping[str, Float[np.ndarray, "runs epochs"]], metric: str
) -> None:
    """Draw training and validation curves of a metric, with a band over runs.

    history  has train_<metric> and validation_<metric>
    metric   "loss" or "accuracy"
    """
    for split in ("train", "validation"):
        band(axis, history[f"{split}_{metric}"], split, color=COLORS[split])
    axis.set(xlabel="epoch", ylabel=metric)
    axis.legend(frameon=False)


def legends(axes: Sequence[Axes], size: float | str = 8) -> None:
    """Add a legend without a frame to each of the axes, in letters of this size."""
    for axis in axes:
        axis.legend(frameon=False, fontsize=size)


# ----------------------------------------------------------------------------------------- surfaces


def regions(
    axis: Axes,
    predict: Callable[[np.ndarray], np.ndarray],
    x: Float[np.ndarray, "examples 2"],
    y: Int[np.ndarray, "examples"],
    *,
    margin: float = 0.15,
    points: int = 200,
) -> None:
    """Draw decision regions over the plane of two features, with the examples in them.

    predict  (n, 2) -> (n,) scores. The boundary is where the score is ½, and the shade shows the
             distance from ½
    y        labels 0 or 1
    margin   around the examples, as a share of their extent
    points   of the grid along each axis
    """
    extent = x.max(axis=0) - x.min(axis=0)
    low = x.min(axis=0) - margin * extent
    high = x.max(axis=0) + margin * extent
    x1 = np.linspace(low[0], high[0], points)
    x2 = np.linspace(low[1], high[1], points)
    across, down = np.meshgrid(x1, x2)
    grid = np.column_stack([across.ravel(), down.ravel()])
    score = np.asarray(predict(grid)).reshape(across.shape)
    axis.imshow(
        score,
        origin="lower",
        extent=(low[0], high[0], low[1], high[1]),
        aspect="auto",
        cmap="coolwarm",
        vmin=0,
        vmax=1,
        alpha=0.45,
    )
    if score.min() < 0.5 < score.max():
        axis.contour(across, down, score, levels=[0.5], colors="black", linewidths=1)
    for label, marker, color in ((0, "o", LINES[0]["color"]), (1, "^", LINES[4]["color"])):
        x1_of_class, x2_of_class = x[y == label].T
        axis.plot(
            x1_of_class,
            x2_of_class,
            marker,
            color=color,
            markersize=4.5,
            markeredgecolor="black",
            markeredgewidth=0.5,
        )
    axis.grid(visible=False)
    axis.set(xlabel="x₁", ylabel="x₂")


def landscape(
    axis: Axes,
    f: Callable[[np.ndarray, np.ndarray], np.ndarray],
    x: tuple[float, float],
    y: tuple[float, float],
) -> None:
    """Draw gray contours of f over the plane, as the ground for paths.

    Contours are equidistant in

        log(f − min f + 1).

    x, y  ends of the axes
    """
    across, down = np.meshgrid(np.linspace(*x, 200), np.linspace(*y, 200))
    values = np.asarray(f(across, down), float)
    heights = np.log1p(values - np.nanmin(values))
    axis.contour(across, down, heights, levels=20, cmap="Greys", linewidths=0.7)
    axis.grid(visible=False)
    axis.set(xlim=x, ylim=y)


# --------------------------------------------------------------------------------------- statistics


def densities(
    axis: Axes,
    layers: Sequence[np.ndarray],
    *,
    bins: int = 60,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> None:
    """Draw the histogram of each layer's outputs as a ridge, with the first layer at the top.

    Values beyond the bounds count in the outer bins.
    """
    edges = np.linspace(*bounds, bins + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    for number, values in enumerate(layers):
        counts, _ = np.histogram(np.clip(np.ravel(values), *bounds), edges)
        base = len(layers) - number
        ridge = base + 0.9 * counts / counts.max()
        axis.fill_between(middles, base, ridge, step="mid", alpha=0.8, zorder=number)
    names = [f"layer {number + 1}" for number in range(len(layers))]
    axis.set_yticks(range(len(layers), 0, -1), names)


def spreads(
    axis: Axes,
    values: Sequence[np.ndarray] | np.ndarray,
    names: Sequence[str],
    labels: Sequence[str],
) -> None:
    """Draw the median over runs as a dot and the 5th to the 95th percentile as a line.

    values  one array (rows, runs) for each name; rows stand one below the other
    names   in the legend
    labels  of the rows

    The scale is logarithmic, for errors in float64. Values below 1e-17 are drawn at 1e-17, also
    zero. Values above 1e3 are drawn at 1e3, also infinity.
    """
    for number, (errors, name) in enumerate(zip(values, names, strict=True)):
        clipped = np.clip(errors, 1e-17, 1e3)
        low, middle, high = np.percentile(clipped, [5, 50, 95], axis=1, method="nearest")
        shift = 0.22 * (number - (len(names) - 1) / 2)
        rows = np.arange(len(labels)) + shift
        color = LINES[number]["color"]
        marker = "osD^v"[number]
        axis.hlines(rows, low, high, color=color, linewidth=1.6)
        axis.plot(middle, rows, marker, color=color, markersize=5, label=name)
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xscale="log", xlim=(5e-18, 2e3), ylim=(len(labels) - 0.4, -0.6))
    axis.legend(frameon=False, fontsize=8)


# ---------------------------------------------------------------------------------------- a network


def network(
    axis: Axes,
    names: Sequence[str],
    columns: Int[np.ndarray, "neurons"],
    edges: Int[np.ndarray, "edges 2"],
) -> None:
    """Draw a graph of neurons with its edges from left to right.

    names    one for each neuron
    columns  depth of each neuron; inputs are in column 0
    edges    from and to, as positions in names. Edges that skip a column are bent and dashed
    """
    columns = np.asarray(columns)
    places = [_place(neuron, columns) for neuron in range(len(columns))]
    for source, target in edges:
        skips_a_column = columns[target] - columns[source] > 1
        arrow = _arrow(skips_a_column)
        axis.annotate("", places[target], places[source], arrowprops=arrow)
    colors = np.where(columns == 0, LINES[5]["color"], "white")
    across, up = np.transpose(places)
    axis.scatter(across, up, s=420, c=colors, edgecolors="black", zorder=3)
    for name, (x, y) in zip(names, places, strict=True):
        axis.text(x, y, name, ha="center", va="center", fontsize=8, zorder=4)
    axis.margins(0.12, 0.15)
    axis.axis("off")


def _place(neuron: int, columns: np.ndarray) -> tuple[float, float]:
    """Return where a neuron is drawn.

    Odd columns are shifted, so that no edge along a row runs through a neuron.
    """
    column = columns[neuron]
    in_column = np.flatnonzero(columns == column).tolist()
    middle = (len(in_column) - 1) / 2
    shift = 0.25 * (column % 2)
    return column, middle + shift - in_column.index(neuron)


def _arrow(skips_a_column: bool) -> dict[str, Any]:
    return {
        "arrowstyle": "-|>",
        "color": LINES[4]["color"] if skips_a_column else "gray",
        "linestyle": "--" if skips_a_column else "-",
        "connectionstyle": "arc3,rad=0.15" if skips_a_column else "arc3",
        "shrinkA": 11,
        "shrinkB": 11,
    }
