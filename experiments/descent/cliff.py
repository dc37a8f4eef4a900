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
from experiments.claims import claim, every, holds_if
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


@claim(
    "2.27",
    "A small gradient leaves the parameters almost where they are; a large one sends them "
    "far away.",
)
def extreme_gradients(results):
    rate, steps = results["learning_rate"], lengths(results["plain"])
    expected = rate * np.linalg.norm(results["slopes"][:-1], axis=1)
    error = np.abs(steps / expected - 1).max()
    alone = np.abs(np.abs(results["moves"]) / (rate * results["gradients"]) - 1).max()
    way = np.linalg.norm(results["plain"][0] - MINIMUM)
    return holds_if(
        every(bool(max(error, alone) < 1e-9), bool(steps[0] < 0.1 * way), bool(steps.max() > way)),
        f"Every step is η‖g‖ long, within {max(error, 1e-16):.0e}, for gradients of one parameter "
        f"from "
        f"{results['gradients'][0]:.0e} to {results['gradients'][-1]:.0e} too. On the plateau the "
        f"first step is "
        f"{steps[0] / way:.1%} of the way to the minimum; the one from the wall, where ‖g‖ = "
        f"{expected.max() / rate:.3g}, is {steps.max() / way:.1f} times the way.",
        plateau_step=steps[0],
        wall_step=steps.max(),
        way=way,
        moves=results["moves"],
    )


@claim(
    "2.30",
    "Without clipping the path is thrown far off at a cliff; with clipping it stays near.",
    figure="paths",
)
def cliff_paths(results):
    limit = results["learning_rate"] * results["threshold"]
    plain, clipped = lengths(results["plain"]).max(), lengths(results["clipped"]).max()
    ends = {name: np.linalg.norm(results[name][-1] - MINIMUM) for name in ("plain", "clipped")}
    return holds_if(
        every(
            bool(clipped <= limit * (1 + 1e-12)),
            bool(plain > 10 * limit),
            bool(ends["clipped"] < ends["plain"]),
        ),
        f"The longest step is {plain:.3g} without and {clipped:.3g} with the norm clipped at "
        f"{results['threshold']:g}, "
        f"where ηv = {limit:g}. After {len(results['plain']) - 1} steps the paths are "
        f"{ends['plain']:.3g} and "
        f"{ends['clipped']:.3g} from the minimum.",
        longest_plain=plain,
        longest_clipped=clipped,
        end_plain=ends["plain"],
        end_clipped=ends["clipped"],
    )


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
