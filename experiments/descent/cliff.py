"""The cliff: what a gradient of extreme length does, and clipping by norm against it.

Question: What becomes of gradient descent at the edge of a cliff, with and without gradient
          clipping?
Source:   Sharif (claims 2.27 and 2.30).
Command:  python -m experiments run cliff
Expected: A step is η‖g‖ long: on the plateau a small part of the way to the minimum, on the wall
          several times the whole way. With the norm clipped at v no step is longer than ηv, and the
          path goes down the wall and on.
Cost:     about 1 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import optim
from fnn.course import descent, surfaces

MINIMUM = np.array([-2.0, 0.0])
"""Of the surface, to the precision of a plot, since the cliff is flat there."""


@dataclass(frozen=True)
class Config(Common):
    """Rate, threshold and steps."""

    learning_rate: float = 0.5
    threshold: float = 1.0
    """v, of the norm."""
    steps: int = 60
    gradients: tuple[float, ...] = (1e-8, 1e-4, 1.0, 1e4, 1e8)
    """Of one parameter."""


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Return the paths without and with clipping, (steps + 1, 2), in float64.

    slopes  the gradients on the path without clipping, (steps + 1, 2)
    moves   the steps of plain gradient descent for the given gradients
    """
    gradients = np.array(config.gradients)
    with jax.enable_x64(True):
        plain, clipped = descend(config)
        slopes = surfaces.cliff().gradient(plain.T).T
        moves = [step_for(gradient, config.learning_rate) for gradient in gradients]
    return {
        "plain": np.asarray(plain),
        "clipped": np.asarray(clipped),
        "slopes": np.asarray(slopes),
        "gradients": gradients,
        "moves": np.array(moves),
        "learning_rate": np.array(config.learning_rate),
        "threshold": np.array(config.threshold),
    }


def descend(config: Config):
    """Descend from the plateau over the cliff, without and with clipping by norm."""
    surface = surfaces.cliff()
    start = np.array(surface.start)
    sgd = optim.sgd(config.learning_rate)
    clipping_sgd = optax.chain(optim.clip_by_global_norm(config.threshold), sgd)
    plain = descent.trajectory(surface.gradient, sgd, start, steps=config.steps)
    clipped = descent.trajectory(surface.gradient, clipping_sgd, start, steps=config.steps)
    return plain, clipped


def step_for(gradient: float, learning_rate: float) -> float:
    """Return the step of plain gradient descent for the gradient of one parameter."""
    sgd = optim.sgd(learning_rate)
    grads = np.array([gradient])
    updates, _ = sgd.update(grads, sgd.init(grads))
    return updates[0]


def lengths(path: np.ndarray) -> np.ndarray:
    """Return the lengths of the steps of a path."""
    steps = np.diff(path, axis=0)
    return np.linalg.norm(steps, axis=1)


def plot(results: Results, config: Config) -> Figures:
    """Draw both paths on the surface, and the lengths of their steps."""
    return {"steps": steps_figure(results, config), "paths": paths_figure(results)}


def steps_figure(results, config: Config) -> Figure:
    """Draw the length of each step without and with clipping."""
    figure, (axis,) = draw.figure()
    for name, label in (("plain", "without clipping"), ("clipped", "norm clipped")):
        of_path = lengths(results[name])
        axis.plot(np.arange(1, len(of_path) + 1), of_path, label=label)
    limit = config.learning_rate * config.threshold
    axis.axhline(limit, color="gray", linestyle=":", linewidth=1, label="ηv")
    axis.set(yscale="log", xlabel="step", ylabel="length of the step")
    axis.set_title("A step is η‖g‖ long", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return figure


def paths_figure(results) -> Figure:
    """Draw both paths on the contours of the surface."""
    figure, (top, bottom) = draw.figure(rows=2, height=2.9)
    draw_path(top, results["plain"], "without clipping")
    draw_path(bottom, results["clipped"], "norm clipped")
    top.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8, loc="lower left")
    return figure


def draw_path(axis: Axes, path: np.ndarray, title: str) -> None:
    """Draw a path with its start and the minimum."""
    surface = surfaces.cliff()
    left = path[:, 0].min() - 2
    draw.landscape(
        axis, lambda x, y: np.asarray(surface.value(np.stack([x, y]))), (left, 3.5), (-1.5, 1.5)
    )
    axis.plot(*path.T, color=draw.LINES[0]["color"], marker=".", markersize=5, linewidth=1)
    axis.plot(*path[0], "o", color="black", markersize=6, label="start", linestyle="")
    axis.plot(*MINIMUM, "*", color="#d55e00", markersize=12, label="minimum", linestyle="")
    axis.set(xlabel="x (the cliff is at 0)", ylabel="y")
    axis.set_title(f"{title}: {len(path) - 1} steps", fontsize=10)
