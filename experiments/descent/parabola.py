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

from experiments.common import Common
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
        0.02,
        0.1,
        0.2,
        0.25,
        0.26,
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
        0.74,
        0.75,
        0.9,
        1.0,
        1.1,
    )


QUICK = Config(seeds=5, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Fates and steps of the loop (rates, seeds), the first twenty points from x = 1 (rates, 21),
    and where on a grid the derivative is zero and x² least.
    """
    starts = np.random.default_rng(0).normal(size=config.seeds)
    loops = [[literal_loop(rate, float(x)) for x in starts] for rate in config.learning_rates]
    with jax.enable_x64(True):
        grid = np.linspace(-5, 5, 10_001)
        slope = PARABOLA.gradient(grid[None])[0]
        by_autodiff = jax.vmap(jax.grad(lambda x: PARABOLA.value(x[None])))(grid)
        traces = jax.vmap(
            lambda rate: descent.trajectory(
                PARABOLA.gradient, optim.sgd(rate), np.ones(1), steps=20
            )
        )
        traced = traces(np.array(config.learning_rates))[..., 0]
    return {
        "rates": np.array(config.learning_rates),
        "fates": np.array([[fate for fate, _ in row] for row in loops]),
        "steps": np.array([[steps for _, steps in row] for row in loops]),
        "traces": np.asarray(traced),
        "zeros": grid[np.asarray(slope) == 0],
        "lowest": grid[[np.argmin(PARABOLA.value(grid[None]))]],
        "slope_error": np.abs(np.asarray(slope) - np.asarray(by_autodiff)).max(keepdims=True),
    }


def literal_loop(rate: float, x: float) -> tuple[str, int]:
    """The loop as printed, x ← x − lr · 2x while 2x ≠ 0: what becomes of it, after how many steps.

    In Python's floats, since XLA makes subnormal numbers zero. It never ends once x is NaN, or what
    it was one or two steps before.
    """
    before, last, steps = np.nan, np.nan, 0
    while 2 * x != 0:
        if np.isnan(x):
            return "overflows", steps
        if x in (last, before):
            return "stalls" if x == last else "two-cycle", steps
        before, last, x, steps = last, x, x - rate * (2 * x), steps + 1
    return "ends", steps


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Steps of the loop at each rate, and the first points at some."""
    loop, (axis,) = draw.figure()
    rates, steps = results["rates"], np.median(results["steps"], axis=1)
    for fate, marker, style in zip(FATES, "o^sX", draw.LINES, strict=False):
        here = (results["fates"] == fate).all(axis=1)
        label = "ends at 0" if fate == "ends" else f"never ends: {fate}"
        axis.plot(rates[here], steps[here], marker, color=style["color"], linestyle="", label=label)
    axis.set(
        yscale="log",
        xlabel="learning rate",
        ylabel="steps until it ends, or is caught",
        ylim=(0.6, 2e6),
    )
    axis.set_title("while f′(x) ≠ 0, for x² in float64", fontsize=10)
    axis.legend(frameon=False, fontsize=8, ncols=2)
    traces, (axis,) = draw.figure()
    for rate in (0.1, 0.4, 0.5, 0.7, 1.0, 1.1):
        number = int(np.argmin(np.abs(rates - rate)))
        axis.plot(results["traces"][number, :13], marker=".", label=f"lr {rates[number]:g}")
    axis.set(xlabel="step", ylabel="x", ylim=(-3, 4.5))
    axis.set_title("Descending x² from x = 1", fontsize=10)
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="upper left")
    return {"loop": loop, "traces": traces}
