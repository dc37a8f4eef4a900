"""Figures from arrays, which know nothing of sweeps and runs.

The module needs matplotlib: pip install "fnn[experiments]".
"""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

try:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError('Figures need matplotlib: pip install "fnn[experiments]"') from error

from fnn.renamed import renamed

COLORS = {"train": "#4c78a8", "validation": "#e45756", "test": "#54a24b"}
SOLID = ("#0072b2", "#e69f00", "#009e73", "#000000")
DASHED = ("#d55e00", "#56b4e9", "#cc79a7", "#999999")
LINES: list[dict[str, Any]] = [
    *({"color": color, "linestyle": "-"} for color in SOLID),
    *({"color": color, "linestyle": "--"} for color in DASHED),
]
"""Styles of lines that color-blind readers can tell apart.

The colors are those of Okabe & Ito 2008, with gray for yellow.
"""

WIDE_FACTOR = 100  # between values that a linear scale does not show together
CHARACTERS_ACROSS = 50  # that have room side by side on a figure of the default width
LONGEST_NAME = 24  # characters of a name that leave room for the axes
FEW_POINTS = 30  # of a row of `strips` that have room to be seen one by one
MOST_NAMES_DOWN = 36  # that have room one below the other on a figure of 8 inches


class Drawing(Figure):
    """A figure that a notebook shows as the last line of a cell, with or without pyplot."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def figure(
    columns: int = 1, rows: int = 1, *, width: float = 5.2, height: float = 3.6
) -> tuple[Figure, list[Axes]]:
    """Make a figure without pyplot, so that it needs no display and leaves no global state.

    columns, rows  number of axes
    width, height  of each of the axes in inches; one column stays legible on a phone

    Returns the figure and its axes row by row. Lines take the styles of LINES in turn.

    >>> from fnn import plot
    >>> drawing, (left, right) = plot.figure(columns=2)
    >>> drawing.get_size_inches().tolist()
    [10.4, 3.6]
    """
    drawing = Drawing(figsize=(width * columns, height * rows), layout="constrained", dpi=150)
    axes = list(drawing.subplots(rows, columns, squeeze=False).flat)
    colors = [line["color"] for line in LINES]
    styles = [line["linestyle"] for line in LINES]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        axis.set_prop_cycle(color=colors, linestyle=styles)
    return drawing, axes


# -------------------------------------------------------------------------------------------- lines


def band(axis: Axes, values: Float[np.ndarray, "runs epochs"], label: str, **style: Any) -> None:
    """Draw the median over runs as a line, and the 5th to 95th percentile as a band.

    values  NaN where a run stopped or diverged; it is left out epoch by epoch. The first epoch is 1
    label   for the legend, which has it even if all values are NaN
    style   of the line, as matplotlib takes it
    """
    has_values = ~np.isnan(values).all(axis=0)
    if not has_values.any():
        axis.plot([], label=label, **style)
        return
    low, middle, high = np.nanpercentile(values[:, has_values], [5, 50, 95], axis=0)
    epochs = 1 + np.flatnonzero(has_values)
    is_one_point = len(epochs) == 1
    marker = "." if is_one_point else None  # a line through one point cannot be seen
    (line,) = axis.plot(epochs, middle, label=label, marker=marker, **style)
    axis.fill_between(epochs, low, high, alpha=0.2, color=line.get_color(), linewidth=0)


# -------------------------------------------------------------------------------------------- grids


def heatmap(
    axis: Axes,
    fields: Float[np.ndarray, "down across"],
    texts: np.ndarray,
    across: Sequence[str],
    down: Sequence[str],
    *,
    norm: Normalize,
    label: str,
) -> None:
    """Draw fields as colors, with names at the ticks. NaN stays empty.

    texts         (down, across), written into the fields if all have room. Otherwise only those of
                  empty fields are written, and there is a color bar
    across, down  names of the columns and of the rows
    norm          from values to colors
    label         of the color bar
    """
    image = axis.imshow(fields, cmap="viridis", norm=norm, aspect="auto")
    axis.grid(visible=False)
    room = CHARACTERS_ACROSS - min(max(map(len, down)), LONGEST_NAME)
    longest_text = max(map(len, texts.flat))
    fits_across = len(across) * (1 + longest_text) <= room
    has_room = fits_across and len(down) <= MOST_NAMES_DOWN
    if not has_room:
        axis.figure.colorbar(image, ax=axis, label=label)
        room -= 10
    for row, column in np.ndindex(fields.shape):
        value = fields[row, column]
        is_empty = np.isnan(value)
        if has_room or is_empty:
            is_bright = is_empty or norm(value) > 0.6
            color = "black" if is_bright else "white"
            text = str(texts[row, column])
            axis.text(column, row, text, ha="center", va="center", color=color)
    names_across(axis, across, room)
    names_down(axis, down)


def dots(
    axis: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, *, norm: Normalize, label: str
) -> None:
    """Draw points as dots colored by values, with a color bar. NaN is a ×.

    x, y, values  (points,)
    norm          from values to colors
    label         of the color bar
    """
    is_empty = np.isnan(values)
    axis.plot(x[is_empty], y[is_empty], "x", color="black", markersize=6)
    collection = axis.scatter(
        x[~is_empty],
        y[~is_empty],
        c=values[~is_empty],
        norm=norm,
        cmap="viridis",
        s=36,
        edgecolors="black",
        linewidths=0.5,
    )
    axis.figure.colorbar(collection, ax=axis, label=label)


def names_across(axis: Axes, names: Sequence[str], room: int = CHARACTERS_ACROSS) -> None:
    """Put names at the ticks 0, 1, … of the x axis.

    Names that have no room side by side stand upright. If even that has no room, some are left out.

    room  in characters
    """
    names = [_cut(name) for name in names]
    longest = max(map(len, names))
    is_upright = len(names) * (1 + longest) > room
    rotation = 0
    step = 1
    if is_upright:
        rotation = 90
        # A line is as high as almost two characters are wide.
        step = math.ceil(2 * len(names) / room)
    ticks = range(0, len(names), step)
    axis.set_xticks(ticks, names[::step], rotation=rotation)


def names_down(axis: Axes, names: Sequence[str], most: int = MOST_NAMES_DOWN) -> None:
    """Put names at the ticks 0, 1, … of the y axis, at most so many."""
    step = math.ceil(len(names) / most)
    shown = [_cut(name) for name in names[::step]]
    ticks = range(0, len(names), step)
    axis.set_yticks(ticks, shown)


def _cut(name: str) -> str:
    """Return a name without its middle if it is longer than LONGEST_NAME."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:11]}…{name[12 - LONGEST_NAME :]}"


# ------------------------------------------------------------------------------------------- scales


def log_where_wide(set_scale: Callable[..., Any], values: np.ndarray) -> None:
    """Set a log scale if values are wide (see `is_wide`). Zeros keep a place on it.

    set_scale  axis.set_xscale or axis.set_yscale
    """
    if not is_wide(values):
        return
    if np.nanmin(values) > 0:
        set_scale("log")
    else:
        set_scale("symlog", linthresh=positive_of(values).min())


def color_norm(values: np.ndarray, *, log: bool) -> Normalize:
    """Return a norm from the lowest to the highest value.

    log  True makes it logarithmic if values are wide (see `is_wide`); zeros then have the lowest
         color
    """
    highest = np.nanmax(values)
    if log and is_wide(values):
        return LogNorm(positive_of(values).min(), highest, clip=True)
    return Normalize(np.nanmin(values), highest)


def is_wide(values: np.ndarray) -> bool:
    """Return whether values are at least 0 and the positive ones span more than WIDE_FACTOR.

    NaN does not count.
    """
    positive = positive_of(values)
    if positive.size == 0 or (values < 0).any():
        return False
    return bool(positive.max() / WIDE_FACTOR > positive.min())


def positive_of(values: np.ndarray) -> np.ndarray:
    """Return the positive ones of the values."""
    return values[values > 0]


# ------------------------------------------------------------------------------------------- strips


def strips(
    axis: Axes,
    values: Float[np.ndarray, "rows runs"],
    labels: Sequence[str],
    empty: Sequence[str],
) -> None:
    """Draw the values of each row as points, with their median and their quartiles.

    The median is a line, and the quartiles are a box.

    labels  of the rows
    empty   for each row, a text that it shows if its values are all NaN
    """
    for row, runs in enumerate(values):
        points = runs[~np.isnan(runs)]
        _points(axis, row, points)
        if points.size:
            _quartiles(axis, row, points)
        else:
            middle_of_axis = axis.get_yaxis_transform()
            axis.text(0.5, row, empty[row], ha="center", va="center", transform=middle_of_axis)
    axis.set_yticks(range(len(labels)), labels, fontsize="small")
    axis.set_ylim(len(labels) - 0.5, -0.5)


def _points(axis: Axes, row: int, points: np.ndarray) -> None:
    """Draw points of a row, shifted up or down so that equal values do not hide each other."""
    shift = np.random.default_rng(0).uniform(-0.3, 0.3, len(points))
    are_few = len(points) <= FEW_POINTS
    axis.plot(
        points,
        row + shift,
        ".",
        color=COLORS["train"],
        alpha=0.9 if are_few else 0.35,
        markersize=8 if are_few else 4,
    )


def _quartiles(axis: Axes, row: int, points: np.ndarray) -> None:
    low, middle, high = np.percentile(points, [25, 50, 75])
    top, bottom = row - 0.35, row + 0.35
    box_x = [low, high, high, low, low]
    box_y = [top, top, bottom, bottom, top]
    axis.plot(box_x, box_y, "-", color="black", linewidth=0.8)
    axis.plot([middle, middle], [top, bottom], "-", color="black", linewidth=1.6)


# ------------------------------------------------------------------------------------- former names

MOVED = "densities landscape learning_curves mean_band network regions spreads".split()
"""Functions that only experiments draw."""
RENAMED = {
    "ABREAST": "CHARACTERS_ACROSS",
    "FEW": "FEW_POINTS",
    "LONGEST": "LONGEST_NAME",
    "MOST_DOWN": "MOST_NAMES_DOWN",
    "WIDE": "WIDE_FACTOR",
    "positive": "positive_of",
    "wide": "is_wide",
}
renamed(
    __name__,
    {name: f"experiments.drawing.{name}" for name in MOVED}
    | {former: f"fnn.plot.{name}" for former, name in RENAMED.items()},
)
