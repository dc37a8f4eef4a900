"""Seven optimizers side by side on three surfaces, as a figure and as an animation.

Question: How do the rules move on a saddle, on Beale's function and in a long valley; which leaves
          the saddle first?
Source:   Piccoli (claim 4.32), after Radford's animations.
Command:  python -m experiments run optimizer_race
Expected: each rule at the rate that serves it best on Beale's function, the adaptive rules leave
          the saddle well before gradient descent, since their steps are as long as the rate at any
          gradient; a velocity does so at the rate of gradient descent, but its own best rate is
          smaller.
Cost:     quick 12 s, full 15 s on 2 cores, half of it drawing the animation.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.animation import Animation, FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import drawing as draw
from experiments.common import Common, Results
from experiments.optimizers.seven_rules import RULES
from fnn.course import descent, surfaces

SURFACES = {"saddle": surfaces.saddle, "beale": surfaces.beale, "valley": surfaces.long_valley}
VIEWS = {
    "saddle": ((-1.2, 1.2), (-0.5, 2)),
    "beale": ((-1, 4.2), (-1.5, 2)),
    "valley": ((-8.5, 3), (-1.5, 1.5)),
}
TITLES = {
    "saddle": "saddle, x² − y²",
    "beale": "Beale's function",
    "valley": "long valley, x²/100 + y²",
}


@dataclass(frozen=True)
class Config(Common):
    """Rates, lengths and frames."""

    rates: tuple[float, ...] = tuple(10 ** (k / 4) for k in range(-16, 5))
    """Tried by every rule on Beale's function."""
    steps: int = 1000
    frames: int = 50
    steps_a_frame: int = 4


QUICK = Config(
    rates=tuple(10 ** (k / 2) for k in range(-8, 3)),
    steps=400,
    frames=30,
    steps_a_frame=6,
    quick=True,
)


def run(config: Config) -> Results:
    """Return the paths of each rule at its rate, (rules, steps + 1, 2), in float64.

    The rate of a rule is the one with the lowest mean distance from the minimum of Beale's function
    along the path. The paths on the saddle at the rate of SGD are returned too.
    """
    with jax.enable_x64(True):
        rates = jnp.array(config.rates)
        paths_of_rules = [race(make, rates, config.steps) for make in RULES.values()]
    best = [distance(paths["beale"]).argmin() for paths in paths_of_rules]
    best_of_sgd = best[0]
    results = {}
    for name in SURFACES:
        at_best = [paths[name][b] for paths, b in zip(paths_of_rules, best, strict=True)]
        results[name] = np.array(at_best)
    same_rate = [paths["saddle"][best_of_sgd] for paths in paths_of_rules]
    results["rates"] = np.array(config.rates)[best]
    results["saddle_at_rate_of_sgd"] = np.array(same_rate)
    return results


def race(make, rates, steps: int) -> Results:
    """Descend by a rule at all rates: the paths, (rates, steps + 1, 2), for each surface."""

    def paths_at(rate):
        paths = {}
        for name, surface in SURFACES.items():
            start = jnp.array(surface.start)
            paths[name] = descent.trajectory(surface.gradient, make(rate), start, steps=steps)
        return paths

    at_all_rates = jax.jit(jax.vmap(paths_at))(rates)
    return {name: np.asarray(paths) for name, paths in at_all_rates.items()}


def distance(paths: np.ndarray) -> np.ndarray:
    """Return the mean distance of each path from Beale's minimum; infinity where it diverges."""
    away = np.moveaxis(paths - SURFACES["beale"].minimum, -1, 0)
    mean = np.hypot(*away).mean(axis=1)
    return np.where(np.isfinite(mean), mean, np.inf)


def plot(results: Results, config: Config) -> dict[str, Figure | Animation]:
    """Draw the paths as a figure, and as an animation of the same panels."""
    still, axes = draw.figure(rows=3, height=2.9)
    for axis, name in zip(axes, SURFACES, strict=True):
        ground(axis, name)
        for rule, path in zip(RULES, results[name], strict=True):
            axis.plot(*visible(path, name).T, label=rule)
    legend(still, axes[0])
    return {"paths": still, "animation": animated(results, config)}


def legend(figure: Figure, axis: Axes) -> None:
    """Draw the legend below the panels, where no path is in the way."""
    figure.legend(
        *axis.get_legend_handles_labels(),
        loc="outside lower center",
        frameon=False,
        fontsize=8,
        ncols=4,
    )


def ground(axis: Axes, name: str) -> None:
    """Draw the contours of a surface with its start and its minimum."""
    surface = SURFACES[name]
    draw.landscape(axis, lambda x, y: np.asarray(surface.value(np.stack([x, y]))), *VIEWS[name])
    axis.plot(*surface.start, "o", color="black", markersize=4)
    if surface.minimum is not None:
        axis.plot(*surface.minimum, "*", color="black", markersize=8)
    axis.set(xlabel="x", ylabel="y", title=TITLES[name])


def visible(path: np.ndarray, name: str) -> np.ndarray:
    """Return the path until it first leaves the view by far."""
    (left, right), (low, high) = VIEWS[name]
    is_below = (path < [2 * left, 2 * low]).any(axis=1)
    is_above = (path > [2 * right, 2 * high]).any(axis=1)
    is_outside = is_below | is_above
    return path[: is_outside.argmax() + 1] if is_outside.any() else path


def animated(results: Results, config: Config) -> FuncAnimation:
    """Animate all rules on all surfaces, at the same step."""
    figure, axes = draw.figure(rows=3, height=2)
    figure.set_dpi(100)
    lines = []
    for axis, name in zip(axes, SURFACES, strict=True):
        ground(axis, name)
        for contours in axis.collections:
            contours.set_antialiased(False)  # fewer colors make a smaller file
        for rule, path in zip(RULES, results[name], strict=True):
            (line,) = axis.plot([], [], label=rule)
            (dot,) = axis.plot([], [], "o", color=line.get_color(), markersize=5)
            lines.append((line, dot, visible(path, name)))
    legend(figure, axes[0])

    def show(frame: int):
        step = frame * config.steps_a_frame
        axes[0].set_title(f"{TITLES['saddle']}, step {step}")
        for line, dot, path in lines:
            line.set_data(*path[: step + 1].T)
            dot.set_data(*path[min(step, len(path) - 1)][:, None])
        return []

    return FuncAnimation(figure, show, frames=config.frames)
