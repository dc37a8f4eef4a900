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

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams

FITTED = {
    "squared error": losses.squared_error,
    "absolute error": losses.absolute_error,
    "Huber": losses.huber(1.0),
}
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: the fitted constants (losses, seeds, distances), and the printed loss at
    constants from 0 to −10⁶.
    """
    points = np.sort(np.random.default_rng(0).normal(size=(config.seeds, config.points)), axis=-1)
    moved = np.repeat(points[:, None], len(config.distances), axis=1)
    moved[:, :, -1] += np.array(config.distances)
    constants = -np.append(0, np.logspace(0, 6, 7))
    with jax.enable_x64(True):
        fits = [
            jax.jit(jax.vmap(jax.vmap(partial(fit, config, loss))))(moved)
            for loss in FITTED.values()
        ]
        return {
            "points": moved,
            "fits": np.array(fits),
            "distances": np.array(config.distances),
            "constants": constants,
            "without_bars": np.array([loss_at(c, moved[0, 0], WITHOUT_BARS) for c in constants]),
            "with_bars": np.array(
                [loss_at(c, moved[0, 0], losses.absolute_error) for c in constants]
            ),
        }


def fit(config: Config, loss: fnn.Loss, y: jax.Array) -> jax.Array:
    """The constant at which gradient descent from 0 ends: the bias of a neuron whose input is 0."""
    x = jnp.zeros((len(y), 1))
    loss_and_gradient = fnn.value_and_grad(layers.dense(1, 1), loss)
    optimizer = optim.sgd(optax.exponential_decay(0.4, 1, 0.99))
    start = DenseParams(W=jnp.zeros((1, 1)), b=jnp.zeros(1))
    path = descent.trajectory(
        lambda p: loss_and_gradient(p, x, y)[1], optimizer, start, steps=config.steps
    )
    return path.b[-1, 0]


def loss_at(constant: float, y: np.ndarray, loss: fnn.Loss) -> float:
    """The mean loss of this constant."""
    params = DenseParams(W=jnp.zeros((1, 1)), b=jnp.array([constant]))
    return float(fnn.value_and_grad(layers.dense(1, 1), loss)(params, np.zeros((len(y), 1)), y)[0])


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The shift of each fit over the distance; points with their fits; the printed loss."""
    figure, (shift, fits, printed) = draw.figure(rows=3)
    distances = results["distances"]
    rows = [d for d, distance in enumerate(distances) if distance <= 30]
    for d in rows:
        fits.plot(
            results["points"][0, d], np.full(config.points, d), "o", color="lightgray", zorder=1
        )
    for f, (name, mark) in enumerate(zip(FITTED, ("o-", "s-", "x--"), strict=True)):
        style = {"color": draw.LINES[f]["color"], "label": name, "markersize": 8 - 2 * f}
        sizes = np.abs(results["fits"][f] - results["fits"][f, :, :1]).mean(axis=0)
        shift.plot(distances[1:], sizes[1:], mark, **style)
        fits.plot(results["fits"][f, 0, rows], rows, mark, **style)
    shift.plot(distances[1:], distances[1:] / config.points, ":", color="gray", label="Δ/N")
    shift.set(
        xscale="log", xlabel="distance Δ of the outlier", ylabel="shift of the fitted constant"
    )
    shift.set_yscale("symlog", linthresh=0.01)
    shift.set_ylim(bottom=-0.002)
    fits.set(xlabel="value (gray: the points)", ylabel="Δ", title="fits of one draw")
    fits.set_yticks(rows, [f"{distances[d]:g}" for d in rows])
    printed.plot(-results["constants"][1:], results["with_bars"][1:], "o-", label="with bars")
    printed.plot(
        -results["constants"][1:],
        results["without_bars"][1:],
        "o-",
        label="as printed, without bars",
    )
    printed.set(xscale="log", xlabel="−constant", ylabel="mean loss")
    printed.set_yscale("symlog")
    for axis in (shift, fits, printed):
        axis.legend(frameon=False, fontsize=8)
    return {"outliers": figure}
