"""The parabola: its derivative set to zero, and the loop that is printed for it.

Question: Where is the minimum of x², and does the loop "while f′(x) ≠ 0" end there?
Source:   Piccoli (claims 4.2 and 4.3).
Command:  python -m experiments run parabola
Expected: In float64 the loop ends for rates between 0.25 and 0.75 alone: below, it stalls among the
          smallest numbers; above, it goes back and forth for ever, or overflows.
Cost:     about 1 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common, Figures, Results
from fnn import optim
from fnn import plot as draw
from fnn.course import descent, surfaces

PARABOLA = surfaces.quadratic((2.0,))  # x²
FATES = ("ends", "stalls", "two-cycle", "overflows")


@dataclass(frozen=True)
class Config(Common):
    """Rates and starts."""

    seeds: int = 30
    """Starts, standard normal."""
    learning_rates: tuple[float, ...] = (
        *(0.02, 0.1, 0.2, 0.25, 0.26, 0.3, 0.4, 0.5),
        *(0.6, 0.7, 0.74, 0.75, 0.9, 1.0, 1.1),
    )


QUICK = Config(seeds=5, quick=True)


def run(config: Config) -> Results:
    """Return the fate of the loop, (rates, seeds), and the search for the minimum on a grid.

    steps   of the loop until it ends or is caught, (rates, seeds)
    traces  the first points from x = 1, (rates, 21)
    """
    rates = config.learning_rates
    starts = np.random.default_rng(0).normal(size=config.seeds)
    loops = [[literal_loop(rate, float(x)) for x in starts] for rate in rates]
    with jax.enable_x64(True):
        on_grid = derivative_on_grid()
        traces = descend(np.array(rates))
    return on_grid | {
        "rates": np.array(rates),
        "fates": np.array([[fate for fate, _ in of_rate] for of_rate in loops]),
        "steps": np.array([[steps for _, steps in of_rate] for of_rate in loops]),
        "traces": traces,
    }


def literal_loop(rate: float, x: float) -> tuple[str, int]:
    """Run the loop as printed, x ← x − lr · 2x while 2x ≠ 0: its fate, and after how many steps.

    The floats are Python's, since XLA makes subnormal numbers zero. The loop never ends once x is
    NaN, or what it was one or two steps before.
    """
    before = np.nan
    last = np.nan
    steps = 0
    while 2 * x != 0:
        if np.isnan(x):
            return "overflows", steps
        if x == last:
            return "stalls", steps
        if x == before:
            return "two-cycle", steps
        before = last
        last = x
        x = x - rate * (2 * x)
        steps += 1
    return "ends", steps


def derivative_on_grid() -> Results:
    """Find where on a grid the derivative is zero, and where x² is least."""
    grid = np.linspace(-5, 5, 10_001)
    slope = np.asarray(PARABOLA.gradient(grid[None])[0])
    by_autodiff = jax.vmap(jax.grad(lambda x: PARABOLA.value(x[None])))(grid)
    error = np.abs(slope - np.asarray(by_autodiff))
    least = np.argmin(PARABOLA.value(grid[None]))
    return {
        "zeros": grid[slope == 0],
        "lowest": grid[[least]],
        "slope_error": error.max(keepdims=True),
    }


def descend(rates: np.ndarray) -> np.ndarray:
    """Descend from x = 1 at each rate: the first twenty points, (rates, 21)."""

    def path(learning_rate):
        sgd = optim.sgd(learning_rate)
        return descent.trajectory(PARABOLA.gradient, sgd, np.ones(1), steps=20)

    return np.asarray(jax.vmap(path)(rates)[..., 0])


def plot(results: Results, config: Config) -> Figures:
    """Draw the steps of the loop at each rate, and the first points at some."""
    return {"loop": loop_figure(results), "traces": traces_figure(results)}


def loop_figure(results) -> Figure:
    """Draw the median number of steps at each rate, with a marker for each fate."""
    figure, (axis,) = draw.figure()
    rates = results["rates"]
    steps = np.median(results["steps"], axis=1)
    for fate, marker, style in zip(FATES, "o^sX", draw.LINES, strict=False):
        has_fate = (results["fates"] == fate).all(axis=1)
        label = "ends at 0" if fate == "ends" else f"never ends: {fate}"
        color = style["color"]
        axis.plot(rates[has_fate], steps[has_fate], marker, color=color, linestyle="", label=label)
    axis.set(xlabel="learning rate", ylabel="steps until it ends, or is caught")
    axis.set(yscale="log", ylim=(0.6, 2e6))
    axis.set_title("while f′(x) ≠ 0, for x² in float64", fontsize=10)
    axis.legend(frameon=False, fontsize=8, ncols=2)
    return figure


def traces_figure(results) -> Figure:
    """Draw the first points of the descent at some rates."""
    figure, (axis,) = draw.figure()
    rates = results["rates"]
    for wanted in (0.1, 0.4, 0.5, 0.7, 1.0, 1.1):
        number = np.abs(rates - wanted).argmin()
        axis.plot(results["traces"][number, :13], marker=".", label=f"lr {rates[number]:g}")
    axis.set(xlabel="step", ylabel="x", ylim=(-3, 4.5))
    axis.set_title("Descending x² from x = 1", fontsize=10)
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="upper left")
    return figure
