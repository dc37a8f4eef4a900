"""The page of a sweep: what it shows, as a header of plain values and arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnn import checks
from fnn.explorer.blobs import quantized
from fnn.runs.fingerprint import plain_settings
from fnn.runs.regions import regions_of

MOST_EPOCHS = 50
"""A curve is drawn through at most so many epochs."""


def explored(
    sweep: Any, metrics: Sequence[str] | None, regions: bool | None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the arrays of the page of a sweep: see `fnn.Sweep.explore`."""
    if not sweep.finished.any():
        raise ValueError("explore: no run of this sweep has finished.")
    header, arrays = content_of(sweep, metrics)
    header["regions"], more = regions_of(sweep, regions)
    return header, arrays | more


def content_of(
    sweep: Any, metrics: Sequence[str] | None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the arrays of a sweep.

    The arrays are `best/metric` and `last/metric` (settings, runs) in float32, and
    `curve/metric` (settings, runs, epochs) quantized.
    """
    names = metrics_of(sweep, metrics)
    epochs = chosen_epochs(max(sweep.history[name].shape[-1] for name in names))
    arrays: dict[str, np.ndarray] = {}
    scales = {}
    keeps_best = sweep.best_epoch is not None
    for name in names:
        history = sweep.history[name]
        arrays[f"last/{name}"] = sweep.at(name, "last").astype(np.float32)
        if keeps_best:
            arrays[f"best/{name}"] = sweep.at(name, "best").astype(np.float32)
        curve = history[..., np.minimum(epochs, history.shape[-1] - 1)]
        arrays[f"curve/{name}"], scales[name] = quantized(curve)
    settings = [
        {name: label_of(value) for name, value in setting.items()}
        for setting in plain_settings(sweep.settings)
    ]
    header = {
        "settings": settings,
        "runs": [sweep.name_of(column) for column in range(sweep.finished.shape[1])],
        "metrics": names,
        "scales": scales,
        "epochs": (epochs + 1).tolist(),
        "at": ["best", "last"] if keeps_best else ["last"],
        "monitor": sweep.monitor.metric if keeps_best else None,
        "finished": int(sweep.finished.sum()),
        "diverged": int(sweep.diverged.sum()),
    }
    return header, arrays


def metrics_of(sweep: Any, metrics: Sequence[str] | None) -> list[str]:
    """Return the metrics to show, the main one first.

    By default they are those of the validation and of the training split: one chooses by the
    validation split, and looks at the test split of what was chosen.
    """
    if metrics is None:
        shown = [name for name in sweep.history if not name.startswith("test_")]
    else:
        shown = list(metrics)
        for name in shown:
            checks.lookup("metrics", name, sweep.history)
    if not shown:
        raise ValueError(
            "explore: the sweep has no history; let the function return numbers by name."
        )
    main = sweep.main_metric
    return sorted(shown, key=lambda name: name != main)


def chosen_epochs(number: int) -> np.ndarray:
    """Return the epochs through which curves are drawn, from 0 on, the first and the last among
    them.
    """
    return np.unique(np.linspace(0, number - 1, min(number, MOST_EPOCHS)).round().astype(int))


def label_of(value: Any) -> Any:
    """Return a number, a truth value or a text as it is, and anything else as a text."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)
