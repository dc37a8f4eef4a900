"""Decision regions of some runs, after some epochs: for networks of two inputs that classify."""

from typing import Any, NamedTuple

import numpy as np

from fnn.data import Dataset

MOST_RUNS = 200
MOST_SETTINGS = 25
MOST_EPOCHS = 6
POINTS = 40
"""A region is drawn on POINTS × POINTS points."""
MARGIN = 0.15
"""The plane reaches beyond the examples by this share of their range."""
MOST_EXAMPLES = 300


class Plane(NamedTuple):
    """The plane of the two features: points (POINTS², 2) row by row, and its corners (2, 2)."""

    points: np.ndarray
    corners: np.ndarray


def regions_of(sweep: Any, asked: bool | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return which runs and epochs have regions, and the regions; nothing where there are none.

    `regions` is (settings, runs, epochs, points): of two classes how much the second is likely,
    0 to 255, and of more classes the most likely one.

    asked  True: raise a ValueError where there can be none; None: leave them out
    """
    reason = why_none(sweep)
    if asked is False or (reason and not asked):
        return {}, {}
    if reason:
        raise ValueError(f"regions: {reason}")
    dataset = dataset_of(sweep)
    rows, columns = chosen_runs(sweep)
    trained_epochs = int(sweep.last_epoch.max()) + 1
    epochs = chosen_epochs(trained_epochs)
    plane = plane_of(dataset)
    shape = len(rows), len(columns), len(epochs), POINTS**2
    regions = np.zeros(shape, np.uint8)
    for number, row in enumerate(rows):
        for place, epoch in enumerate(epochs):
            trained = sweep.retrain(row, columns, until=epoch)
            of_runs = sweep.retrain.outputs(row, trained.params, trained.state, plane.points)
            outputs = np.asarray(of_runs)
            regions[number, :, place] = colors_of(outputs)
    x, y = dataset.train
    some = slice(0, MOST_EXAMPLES)
    header = {
        "rows": rows,
        "columns": columns,
        "epochs": epochs,
        "points": POINTS,
        "corners": plane.corners.tolist(),
        "classes": classes_of(outputs),
    }
    arrays: dict[str, np.ndarray] = {
        "regions": regions,
        "examples": np.asarray(x[some], np.float32),
        "labels": labels_of(np.asarray(y[some])),
    }
    return header, arrays


def why_none(sweep: Any) -> str | None:
    """Return why a sweep has no decision regions; None: it has."""
    inputs = getattr(sweep.retrain, "inputs", None)
    if inputs is None or inputs.builder is None or inputs.dataset is None:
        return "the sweep is of a function, or was loaded without its builder and data."
    if not isinstance(inputs.dataset, Dataset):
        return "the sweep has several splits, expected one data set."
    features = inputs.dataset.train.x.shape[1]
    if features != 2:
        return f"the data set has {features} features, expected 2."
    if "validation_accuracy" not in sweep.history:
        return "the networks do not classify."
    has_finished = sweep.finished.all(axis=1)
    if not has_finished.any():
        return "no setting has finished with all of its seeds."
    return None


def dataset_of(sweep: Any) -> Dataset:
    """Return the data set of a sweep that has regions."""
    return sweep.retrain.inputs.dataset


def chosen_runs(sweep: Any) -> tuple[list[int], list[int]]:
    """Return settings, evenly spaced from the best to the worst, and the first seeds.

    A run that diverged counts as one that gets nothing right.
    """
    has_finished = sweep.finished.all(axis=1)
    complete = np.flatnonzero(has_finished)
    accuracy_of_runs = sweep.at("validation_accuracy", "last")
    accuracy = np.nan_to_num(accuracy_of_runs[complete])
    means = accuracy.mean(axis=1)
    best_first = np.argsort(-means, kind="stable")
    ranked = complete[best_first]
    number = min(len(ranked), MOST_SETTINGS)
    worst = len(ranked) - 1
    spaced = np.linspace(0, worst, number).round()
    places = np.unique(spaced.astype(int))
    _, seeds = sweep.finished.shape
    most_seeds = MOST_RUNS // len(places)
    columns = range(min(seeds, most_seeds))
    rows = ranked[places]
    return rows.tolist(), list(columns)


def chosen_epochs(number: int) -> list[int]:
    """Return numbers of epochs, from 1 to all, each some times the one before."""
    most = min(number, MOST_EPOCHS)
    spaced = np.geomspace(1, number, most).round()
    distinct = np.unique(spaced.astype(int))
    return distinct.tolist()


def plane_of(dataset: Dataset) -> Plane:
    """Return the points of the plane in which the training examples lie."""
    x = np.asarray(dataset.train.x)
    least = x.min(axis=0)
    largest = x.max(axis=0)
    width = MARGIN * (largest - least)
    low = least - width
    high = largest + width
    across = np.linspace(low[0], high[0], POINTS)
    up = np.linspace(low[1], high[1], POINTS)
    coordinates = np.meshgrid(across, up)
    grid = np.stack(coordinates, axis=-1)
    points = grid.reshape(-1, 2)
    corners = np.stack([low, high])
    return Plane(points.astype(x.dtype), corners)


def classes_of(outputs: np.ndarray) -> int:
    """Return the number of classes of outputs (runs, points, outputs)."""
    return max(2, outputs.shape[-1])


def colors_of(outputs: np.ndarray) -> np.ndarray:
    """Return the colors (runs, points) of logits (runs, points, outputs).

    A run that has diverged has logits that are not finite; its color is that of the first class.
    """
    outputs = np.nan_to_num(outputs.astype(float))
    if outputs.shape[-1] > 2:
        likeliest = outputs.argmax(axis=-1)
        return likeliest.astype(np.uint8)
    logit = logit_of(outputs)
    likely = 0.5 * (1 + np.tanh(0.5 * logit))
    shade = np.round(255 * likely)
    return shade.astype(np.uint8)


def logit_of(outputs: np.ndarray) -> np.ndarray:
    """Return the logit of the second of two classes, from one output or from one a class."""
    first = outputs[..., 0]
    if outputs.shape[-1] == 1:
        return first
    second = outputs[..., 1]
    return second - first


def labels_of(y: np.ndarray) -> np.ndarray:
    """Return the class of each example, from labels, one column, or one column a class."""
    has_columns = y.ndim == 2 and y.shape[1] > 1
    if has_columns:
        classes = y.argmax(axis=1)
        return classes.astype(np.uint8)
    numbers = np.round(y.reshape(-1))
    return numbers.astype(np.uint8)
