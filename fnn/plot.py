"""Figures from arrays. Needs matplotlib, which `pip install "fnn[experiments]"` brings; nothing
else of fnn.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

try:
    from matplotlib.axes import Axes
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError('Figures need matplotlib: pip install "fnn[experiments]"') from error

COLORS = {"train": "#4c78a8", "validation": "#e45756", "test": "#54a24b"}
LINES: list[dict[str, Any]] = [
    *({"color": color, "linestyle": "-"} for color in ("#0072b2", "#e69f00", "#009e73", "#000000")),
    *(
        {"color": color, "linestyle": "--"}
        for color in ("#d55e00", "#56b4e9", "#cc79a7", "#999999")
    ),
]
"""Lines that color-blind eyes tell apart too: the colors of Okabe & Ito 2008, with gray for yellow,
and dashes.
"""

WIDE = 100  # a factor that a linear scale does not show
ABREAST = 50  # characters that have room side by side on a figure of the default width
LONGEST = 24  # characters of a name that leave room for the axes
FEW = 30  # points of a strip, that have room to be seen one by one
MOST_DOWN = 36  # names that have room one below the other on a figure of 8 inches


class Drawing(Figure):
    """A figure that a notebook shows where it is the last line of a cell, with pyplot or
    without.
    """

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


def figure(
    columns: int = 1, rows: int = 1, *, width: float = 5.2, height: float = 3.6
) -> tuple[Figure, list[Axes]]:
    """A figure and its axes row by row, each of width × height inches. One column stays legible on
    a phone.

    Lines take the colors and dashes of LINES in turn. Made without pyplot, so that it needs no
    display and leaves no global state.
    """
    drawing = Drawing(figsize=(width * columns, height * rows), layout="constrained", dpi=150)
    axes = list(drawing.subplots(rows, columns, squeeze=False).flat)
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
        axis.set_prop_cycle(
            color=[line["color"] for line in LINES], linestyle=[line["linestyle"] for line in LINES]
        )
    return drawing, axes


def band(axis: Axes, values: np.ndarray, label: str, **style: Any) -> None:
    """Median over lanes as a line and the 5th to 95th percentile as a band.

    values is (lanes, epochs); epochs count from 1. NaN (a lane that stopped or diverged) is left
    out epoch by epoch; where all is NaN, the label alone is there.
    """
    epochs = np.arange(1, values.shape[1] + 1)
    seen = ~np.isnan(values).all(axis=0)
    if not seen.any():
        axis.plot([], label=label, **style)
        return
    low, middle, high = np.nanpercentile(values[:, seen], [5, 50, 95], axis=0)
    marker = "." if np.count_nonzero(seen) == 1 else None  # a line through one point is not seen
    (line,) = axis.plot(epochs[seen], middle, label=label, marker=marker, **style)
    axis.fill_between(epochs[seen], low, high, alpha=0.2, color=line.get_color(), linewidth=0)


def mean_band(axis: Axes, x: np.ndarray, values: np.ndarray, label: str, **style: Any) -> None:
    """The mean over seeds as a line over x and its 95% interval, mean ± 1.96 standard errors, as a
    band.

    values is (seeds, points); NaN (a seed that diverged) is left out point by point.
    """
    n = np.count_nonzero(~np.isnan(values), axis=0)
    seen = n > 0
    mean = np.nanmean(values[:, seen], axis=0)
    error = 1.96 * np.nanstd(values[:, seen], axis=0) / np.sqrt(np.maximum(n[seen] - 1, 1))
    (line,) = axis.plot(np.asarray(x)[seen], mean, label=label, **style)
    axis.fill_between(
        np.asarray(x)[seen],
        mean - error,
        mean + error,
        alpha=0.2,
        color=line.get_color(),
        linewidth=0,
    )


def regions(
    axis: Axes,
    predict: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    margin: float = 0.15,
    points: int = 200,
) -> None:
    """Decision regions over the plane of two features, with the examples in them.

    predict  (n, 2) -> (n,) of a score; the boundary is where it is ½, and its shade says how far it
             is
    x, y     (n, 2) and labels 0 or 1 (n,)
    """
    low, high = x.min(axis=0), x.max(axis=0)
    low, high = low - margin * (high - low), high + margin * (high - low)
    across, down = np.meshgrid(
        np.linspace(low[0], high[0], points), np.linspace(low[1], high[1], points)
    )
    score = np.asarray(predict(np.column_stack([across.ravel(), down.ravel()]))).reshape(
        across.shape
    )
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
        axis.plot(
            *x[y == label].T,
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
    """Contours of f over the plane, gray, as the ground for paths: equidistant in log(f − min f +
    1).
    """
    across, down = np.meshgrid(np.linspace(*x, 200), np.linspace(*y, 200))
    values = np.asarray(f(across, down), float)
    axis.contour(
        across, down, np.log1p(values - np.nanmin(values)), levels=20, cmap="Greys", linewidths=0.7
    )
    axis.grid(visible=False)
    axis.set(xlim=x, ylim=y)


def densities(
    axis: Axes,
    layers: Sequence[np.ndarray],
    *,
    bins: int = 60,
    bounds: tuple[float, float] = (-1.0, 1.0),
) -> None:
    """The histogram of each layer's outputs as a ridge, the first layer at the top; values beyond
    the bounds count in the outer bins.
    """
    edges = np.linspace(*bounds, bins + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    for number, values in enumerate(layers):
        counts, _ = np.histogram(np.clip(np.ravel(values), *bounds), edges)
        base = len(layers) - number
        axis.fill_between(
            middles, base, base + 0.9 * counts / counts.max(), step="mid", alpha=0.8, zorder=number
        )
    axis.set_yticks(
        range(len(layers), 0, -1), [f"layer {number + 1}" for number in range(len(layers))]
    )


def network(axis: Axes, names: Sequence[str], columns: np.ndarray, edges: np.ndarray) -> None:
    """A graph of neurons, all of its edges from left to right: a column for each depth, the inputs
    in the first one.

    names    one for each neuron
    columns  (neurons,) of whole numbers
    edges    (edges, 2): from and to, as positions in names; those that skip a column are bent and
             dashed
    """
    columns = np.asarray(columns)
    places = []
    for neuron, column in enumerate(columns):
        beside = np.flatnonzero(columns == column).tolist()
        middle = (len(beside) - 1) / 2 + 0.25 * (
            column % 2
        )  # so that no edge along a row runs through a neuron
        places.append((column, middle - beside.index(neuron)))
    for source, target in edges:
        skips = columns[target] - columns[source] > 1
        arrow = {
            "arrowstyle": "-|>",
            "color": LINES[4]["color"] if skips else "gray",
            "linestyle": "--" if skips else "-",
            "connectionstyle": "arc3,rad=0.15" if skips else "arc3",
            "shrinkA": 11,
            "shrinkB": 11,
        }
        axis.annotate("", places[target], places[source], arrowprops=arrow)
    color = np.where(columns == 0, LINES[5]["color"], "white")
    across, up = np.transpose(places)
    axis.scatter(across, up, s=420, c=color, edgecolors="black", zorder=3)
    for name, place in zip(names, places, strict=True):
        axis.text(*place, name, ha="center", va="center", fontsize=8, zorder=4)
    axis.margins(0.12, 0.15)
    axis.axis("off")


def learning_curves(axis: Axes, history: dict[str, np.ndarray], metric: str) -> None:
    """Training and validation curves of one metric, "loss" or "accuracy", with a band over lanes.

    history maps train_<metric> and validation_<metric> to (lanes, epochs).
    """
    for split in ("train", "validation"):
        band(axis, history[f"{split}_{metric}"], split, color=COLORS[split])
    axis.set(xlabel="epoch", ylabel=metric)
    axis.legend(frameon=False)


def heatmap(
    axis: Axes,
    fields: np.ndarray,
    texts: np.ndarray,
    across: Sequence[str],
    down: Sequence[str],
    *,
    norm: Normalize,
    label: str,
) -> None:
    """fields (down, across) as colors, with their names at the ticks; NaN stays empty.

    texts (down, across) are written into the fields if they all have room, and otherwise those of
    empty fields alone, beside a color bar with the label.
    """
    image = axis.imshow(fields, cmap="viridis", norm=norm, aspect="auto")
    axis.grid(visible=False)
    room = ABREAST - min(max(map(len, down)), LONGEST)
    fit = len(down) <= MOST_DOWN and len(across) * (1 + max(map(len, texts.flat))) <= room
    if not fit:
        axis.figure.colorbar(image, ax=axis, label=label)
        room -= 10
    for i, j in np.ndindex(fields.shape):
        empty = np.isnan(fields[i, j])
        if fit or empty:
            color = "black" if empty or norm(fields[i, j]) > 0.6 else "white"
            axis.text(j, i, str(texts[i, j]), ha="center", va="center", color=color)
    names_across(axis, across, room)
    names_down(axis, down)


def dots(
    axis: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, *, norm: Normalize, label: str
) -> None:
    """values (points,) as the colors of dots at x, y (points,), with a color bar; a × where the
    value is NaN.
    """
    empty = np.isnan(values)
    axis.plot(x[empty], y[empty], "x", color="black", markersize=6)
    drawn = axis.scatter(
        x[~empty],
        y[~empty],
        c=values[~empty],
        norm=norm,
        cmap="viridis",
        s=36,
        edgecolors="black",
        linewidths=0.5,
    )
    axis.figure.colorbar(drawn, ax=axis, label=label)


def names_across(axis: Axes, names: Sequence[str], room: int = ABREAST) -> None:
    """Ticks at 0, 1, … with these names: upright where they have no room side by side, and some
    where they have none even so. room is in characters.
    """
    names = [_cut(name) for name in names]
    upright = len(names) * (1 + max(map(len, names))) > room
    step = (
        -(-2 * len(names) // room) if upright else 1
    )  # a line is as high as almost two characters are wide
    axis.set_xticks(range(0, len(names), step), names[::step], rotation=90 if upright else 0)


def names_down(axis: Axes, names: Sequence[str], most: int = MOST_DOWN) -> None:
    """Ticks at 0, 1, … with these names, or with some of them where there are more."""
    step = -(-len(names) // most)
    axis.set_yticks(range(0, len(names), step), [_cut(name) for name in names[::step]])


def spreads(
    axis: Axes,
    values: Sequence[np.ndarray] | np.ndarray,
    names: Sequence[str],
    labels: Sequence[str],
) -> None:
    """The median over lanes as a dot and the 5th to the 95th percentile as a line, on a log scale.

    values  one array (rows, lanes) for each name, which become the legend; rows stand one below the
            other
    labels  of the rows

    For errors in float64: what is below 1e-17 or above 1e3, zero and infinity too, is drawn there.
    """
    for number, (each, name) in enumerate(zip(values, names, strict=True)):
        low, middle, high = np.percentile(
            np.clip(each, 1e-17, 1e3), [5, 50, 95], axis=1, method="nearest"
        )
        rows = np.arange(len(labels)) + 0.22 * (number - (len(names) - 1) / 2)
        color = LINES[number]["color"]
        axis.hlines(rows, low, high, color=color, linewidth=1.6)
        axis.plot(middle, rows, "osD^v"[number], color=color, markersize=5, label=name)
    axis.set_yticks(range(len(labels)), labels)
    axis.set(xscale="log", xlim=(5e-18, 2e3), ylim=(len(labels) - 0.4, -0.6))
    axis.legend(frameon=False, fontsize=8)


def _cut(name: str) -> str:
    """The beginning and the end of a name that is longer than LONGEST."""
    return name if len(name) <= LONGEST else f"{name[:11]}…{name[12 - LONGEST :]}"


def log_where_wide(set_scale: Callable[..., Any], values: np.ndarray) -> None:
    """A log scale, by axis.set_xscale or set_yscale, for values that are `wide`; zeros have a place
    on it.
    """
    if wide(values):
        low = positive(values).min()
        if np.nanmin(values) > 0:
            set_scale("log")
        else:
            set_scale("symlog", linthresh=low)


def color_norm(values: np.ndarray, *, log: bool) -> Normalize:
    """From the lowest to the highest value, logarithmic if asked for and if the values are `wide`;
    zeros have the lowest color then.
    """
    if log and wide(values):
        return LogNorm(positive(values).min(), np.nanmax(values), clip=True)
    return Normalize(np.nanmin(values), np.nanmax(values))


def wide(values: np.ndarray) -> bool:
    """Whether none of the values is negative and the positive ones span more than a factor of 100.
    NaN has no say.
    """
    some = positive(values)
    return some.size > 0 and not (values < 0).any() and bool(some.max() / WIDE > some.min())


def positive(values: np.ndarray) -> np.ndarray:
    """The positive ones of the values."""
    return values[values > 0]


def strips(axis: Axes, values: np.ndarray, labels: Sequence[str], empty: Sequence[str]) -> None:
    """values (rows, lanes) as points, a row below the other, with the median as a line and the
    quartiles as a box. A row of NaN alone has its text of `empty` instead.
    """
    for row, lanes in enumerate(values):
        seen = lanes[~np.isnan(lanes)]
        shift = np.random.default_rng(0).uniform(
            -0.3, 0.3, len(seen)
        )  # so that equal values do not hide each other
        few = len(seen) <= FEW
        axis.plot(
            seen,
            row + shift,
            ".",
            color=COLORS["train"],
            alpha=0.9 if few else 0.35,
            markersize=8 if few else 4,
        )
        if seen.size:
            low, middle, high = np.percentile(seen, [25, 50, 75])
            box = (
                [low, high, high, low, low],
                [row - 0.35, row - 0.35, row + 0.35, row + 0.35, row - 0.35],
            )
            axis.plot(*box, "-", color="black", linewidth=0.8)
            axis.plot([middle, middle], [row - 0.35, row + 0.35], "-", color="black", linewidth=1.6)
        else:
            axis.text(
                0.5, row, empty[row], ha="center", va="center", transform=axis.get_yaxis_transform()
            )
    axis.set_yticks(range(len(labels)), labels, fontsize="small")
    axis.set_ylim(len(labels) - 0.5, -0.5)
