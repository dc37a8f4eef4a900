"""Figures from arrays. Needs matplotlib, which `pip install "fnn[experiments]"` brings; nothing else of fnn."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLORS = {"train": "#4c78a8", "validation": "#e45756", "test": "#54a24b"}


def figure(columns: int = 1, *, width: float = 5.2, height: float = 3.6) -> tuple[Figure, list[Axes]]:
    """A figure with a row of axes, made without pyplot, so that it needs no display and leaves no global state."""
    drawing = Figure(figsize=(width * columns, height), layout="constrained", dpi=150)
    axes = drawing.subplots(1, columns, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return drawing, list(axes)


def band(axis: Axes, values: np.ndarray, label: str, **style: Any) -> None:
    """Median over lanes as a line and the 5th to 95th percentile as a band.

    values is (lanes, epochs); epochs count from 1. NaN (a lane that stopped or diverged) is left out epoch by epoch.
    """
    epochs = np.arange(1, values.shape[1] + 1)
    seen = ~np.isnan(values).all(axis=0)
    low, middle, high = np.nanpercentile(values[:, seen], [5, 50, 95], axis=0)
    (line,) = axis.plot(epochs[seen], middle, label=label, **style)
    axis.fill_between(epochs[seen], low, high, alpha=0.2, color=line.get_color(), linewidth=0)


def learning_curves(axis: Axes, history: dict[str, np.ndarray], metric: str) -> None:
    """Training and validation curves of one metric, "loss" or "accuracy", with a band over lanes.

    history maps train_<metric> and validation_<metric> to (lanes, epochs).
    """
    for split in ("train", "validation"):
        band(axis, history[f"{split}_{metric}"], split, color=COLORS[split])
    axis.set(xlabel="epoch", ylabel=metric)
    axis.legend(frameon=False)


def heatmap(axis: Axes, fields: np.ndarray, across: Sequence[Any], down: Sequence[Any]) -> None:
    """fields (down, across) as colors, each with its number, ticks at the values; NaN stays empty."""
    axis.imshow(fields, cmap="viridis", aspect="auto")
    axis.grid(visible=False)
    light = fields > np.nanmin(fields) + 0.6 * (np.nanmax(fields) - np.nanmin(fields))
    for i, j in np.ndindex(fields.shape):
        if not np.isnan(fields[i, j]):
            axis.text(j, i, f"{fields[i, j]:.3g}", ha="center", va="center", color="black" if light[i, j] else "white")
    axis.set_xticks(range(len(across)), [_tick(value) for value in across])
    axis.set_yticks(range(len(down)), [_tick(value) for value in down])


def strips(axis: Axes, values: np.ndarray, labels: Sequence[str]) -> None:
    """values (rows, lanes) as points, a row below the other, with the median as a line and the quartiles as a box."""
    for row, lanes in enumerate(values):
        seen = lanes[~np.isnan(lanes)]
        shift = np.random.default_rng(0).uniform(-0.3, 0.3, len(seen))  # so that equal values do not hide each other
        axis.plot(seen, row + shift, ".", color=COLORS["train"], alpha=0.35, markersize=4)
        if seen.size:
            low, middle, high = np.percentile(seen, [25, 50, 75])
            axis.barh(row, high - low, 0.7, low, color="none", edgecolor="black", linewidth=0.8)
            axis.plot([middle, middle], [row - 0.35, row + 0.35], color="black", linewidth=1.6)
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)


def _tick(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
