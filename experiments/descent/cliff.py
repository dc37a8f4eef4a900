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
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.common import Common
from fnn import optim
from fnn.course import descent, surfaces

MINIMUM = np.array(
    [-2.0, 0.0]
)  # of the surface, to the precision of a plot: the step is flat there


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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: the paths without and with clipping (steps + 1, 2), the gradients on them, and
    the steps that plain gradient descent takes for given gradients.
    """
    surface, rate = surfaces.cliff(), config.learning_rate
    clipping = optax.chain(optim.clip_by_global_norm(config.threshold), optim.sgd(rate))
    with jax.enable_x64(True):
        start = np.array(surface.start)
        plain = descent.trajectory(surface.gradient, optim.sgd(rate), start, steps=config.steps)
        clipped = descent.trajectory(surface.gradient, clipping, start, steps=config.steps)
        gradients = np.array(config.gradients)
        moves = [optim.sgd(rate).update(g, optim.sgd(rate).init(g))[0] for g in gradients[:, None]]
        slopes = surface.gradient(plain.T).T
    return {
        "plain": np.asarray(plain),
        "clipped": np.asarray(clipped),
        "slopes": np.asarray(slopes),
        "gradients": gradients,
        "moves": np.asarray(moves)[:, 0],
        "learning_rate": np.array(rate),
        "threshold": np.array(config.threshold),
    }


def lengths(path: np.ndarray) -> np.ndarray:
    """Of the steps of a path."""
    return np.linalg.norm(np.diff(path, axis=0), axis=1)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Both paths on the surface, and the lengths of their steps."""
    paths, axes = draw.figure(rows=2, height=2.9)
    surface = surfaces.cliff()
    for axis, name, title in zip(
        axes, ("plain", "clipped"), ("without clipping", "norm clipped"), strict=True
    ):
        path = results[name]
        across = path[:, 0].min() - 2, 3.5
        draw.landscape(
            axis, lambda x, y: np.asarray(surface.value(np.stack([x, y]))), across, (-1.5, 1.5)
        )
        axis.plot(*path.T, color=draw.LINES[0]["color"], marker=".", markersize=5, linewidth=1)
        axis.plot(*path[0], "o", color="black", markersize=6, label="start", linestyle="")
        axis.plot(*MINIMUM, "*", color="#d55e00", markersize=12, label="minimum", linestyle="")
        axis.set(xlabel="x (the cliff is at 0)", ylabel="y")
        axis.set_title(f"{title}: {len(path) - 1} steps", fontsize=10)
    axes[0].legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8, loc="lower left")
    steps, (axis,) = draw.figure()
    axis.plot(
        np.arange(1, len(results["plain"])), lengths(results["plain"]), label="without clipping"
    )
    axis.plot(
        np.arange(1, len(results["clipped"])), lengths(results["clipped"]), label="norm clipped"
    )
    axis.axhline(
        config.learning_rate * config.threshold,
        color="gray",
        linestyle=":",
        linewidth=1,
        label="ηv",
    )
    axis.set(yscale="log", xlabel="step", ylabel="length of the step")
    axis.set_title("A step is η‖g‖ long", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"steps": steps, "paths": paths}
