"""Figures from arrays. Needs matplotlib, which `pip install "fnn[experiments]"` brings; nothing else of fnn."""

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
