"""A constant fitted to points of which one moves away: how far each loss lets itself be drawn.

Question: How much does one outlier move the best constant under the squared, the absolute and
          Huber's error?
Source:   De Marzo (claims 1.15 and 1.16).
Command:  python -m experiments run outliers
Expected: an outlier moved by Δ shifts the mean, the best constant of the squared error, by Δ/N, and
          the median, that of the absolute error, not at all. Without its bars, as it is printed,
          the absolute error has no minimum.
Cost:     about 3 s on 2 cores, quick or full.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.functions.full_batch import gradient_of
from fnn import layers, losses, optim
from fnn.course import descent
from fnn.layers import DenseParams

FITTED = {
    "squared error": losses.squared_error,
    "absolute error": losses.absolute_error,
    "Huber": losses.huber(1.0),
}
MARKERS = ("o-", "s-", "x--")  # of the losses in figures
WITHOUT_BARS = fnn.Loss(
    "printed", lambda p, t: jnp.sum(p - t, axis=0), lambda p, t: jnp.ones_like(p)
)


@dataclass(frozen=True)
class Config(Common):
    """Points and descent."""

    seeds: int = 64
    """Draws of the points."""
    points: int = 21
    """Standard normal, an odd number: their median is one of them."""
    distances: tuple[float, ...] = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
    """By which the largest point is moved."""
    steps: int = 2000
    """The rate falls from 0.4 by 1% a step."""


QUICK = Config(seeds=16, quick=True)


def run(config: Config) -> Results:
    """Return fitted constants (losses, seeds, distances), and losses of constants to −10⁶."""
    points = points_with_outlier(config)
    constants = -np.append(0, np.logspace(0, 6, 7))
    with jax.enable_x64(True):
        fits = [fitted(config, loss, points) for loss in FITTED.values()]
        one_draw = points[0, 0]
        without_bars = [loss_at(c, one_draw, WITHOUT_BARS) for c in constants]
        with_bars = [loss_at(c, one_draw, losses.absolute_error) for c in constants]
    return {
        "points": points,
        "fits": np.array(fits),
        "distances": np.array(config.distances),
        "constants": constants,
        "without_bars": np.array(without_bars),
        "with_bars": np.array(with_bars),
    }


def points_with_outlier(config: Config) -> np.ndarray:
    """Draw points (seeds, distances, points) whose largest is moved by each distance."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(config.seeds, config.points))
    points = np.sort(normal, axis=-1)
    moved = np.repeat(points[:, None], len(config.distances), axis=1)
    moved[:, :, -1] += np.array(config.distances)
    return moved


def fitted(config: Config, loss: fnn.Loss, points: np.ndarray) -> np.ndarray:
    """Return the constant of each draw and distance, (seeds, distances)."""
    over_distances = jax.vmap(partial(fit, config, loss))
    return np.asarray(jax.jit(jax.vmap(over_distances))(points))


def fit(config: Config, loss: fnn.Loss, y: jax.Array) -> jax.Array:
    """Return the constant at which gradient descent from 0 ends.

    It is the bias of a neuron whose input is 0.
    """
    x = jnp.zeros((len(y), 1))
    gradient = gradient_of(layers.dense(1, 1), loss, x, y)
    start = DenseParams(W=jnp.zeros((1, 1)), b=jnp.zeros(1))
    optimizer = optim.sgd(optax.exponential_decay(0.4, 1, 0.99))
    path = descent.trajectory(gradient, optimizer, start, steps=config.steps)
    return path.b[-1, 0]


def loss_at(constant: float, y: np.ndarray, loss: fnn.Loss) -> float:
    """Return the mean loss of this constant."""
    params = DenseParams(W=jnp.zeros((1, 1)), b=jnp.array([constant]))
    x = np.zeros((len(y), 1))
    loss_and_gradient = fnn.value_and_grad(layers.dense(1, 1), loss)
    value, _ = loss_and_gradient(params, x, y)
    return float(value)


def plot(results: Results, config: Config) -> Figures:
    """Draw the shift of each fit over the distance, one draw with its fits, the printed loss."""
    figure, axes = draw.figure(rows=3)
    shift, fits, printed = axes
    draw_shifts(shift, results, config)
    draw_fits(fits, results)
    away = -results["constants"][1:]
    printed.plot(away, results["with_bars"][1:], "o-", label="with bars")
    printed.plot(away, results["without_bars"][1:], "o-", label="as printed, without bars")
    printed.set(xscale="log", xlabel="−constant", ylabel="mean loss")
    printed.set_yscale("symlog")
    draw.legends(axes)
    return {"outliers": figure}


def draw_shifts(axis: Axes, results: Results, config: Config) -> None:
    """Draw the shift of the fitted constant over the distance, and Δ/N."""
    distances = results["distances"]
    fits = results["fits"]
    shifts = np.abs(fits - fits[..., :1]).mean(axis=1)
    moved = distances[1:]
    for number, name in enumerate(FITTED):
        sizes = shifts[number, 1:]
        axis.plot(moved, sizes, MARKERS[number], label=name, **style_of(number))
    axis.plot(moved, moved / config.points, ":", color="gray", label="Δ/N")
    axis.set(xlabel="distance Δ of the outlier", ylabel="shift of the fitted constant")
    axis.set_xscale("log")
    axis.set_yscale("symlog", linthresh=0.01)
    axis.set_ylim(bottom=-0.002)


def draw_fits(axis: Axes, results: Results) -> None:
    """Draw the points of one draw, moved by up to 30, and the constants fitted to them."""
    distances = results["distances"]
    rows = np.flatnonzero(distances <= 30)
    for row in rows:
        points = results["points"][0, row]
        axis.plot(points, np.full(len(points), row), "o", color="lightgray", zorder=1)
    for number, name in enumerate(FITTED):
        constants = results["fits"][number, 0, rows]
        axis.plot(constants, rows, MARKERS[number], label=name, **style_of(number))
    axis.set(xlabel="value (gray: the points)", ylabel="Δ", title="fits of one draw")
    axis.set_yticks(rows, [f"{distance:g}" for distance in distances[rows]])


def style_of(number: int) -> dict[str, Any]:
    """Return the color of a loss, and markers small enough that the ones below are seen."""
    return {"color": draw.LINES[number]["color"], "markersize": 8 - 2 * number}
