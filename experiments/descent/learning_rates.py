"""Learning rates: where gradient descent on a quadratic converges, and how fast.

Question: For which rates does gradient descent converge, and is a lower rate always a slower one?
Source:   Adornetto (claim 0.12) and Sharif (2.20).
Command:  python -m experiments run learning_rates
Expected: With the curvatures 1, 4 and 8 it converges exactly for rates below 2/λmax = 1/4, by the
          factor max |1 − ηλ| a step. The number of steps is proportional to 1/η for small rates,
          and grows again near the limit.
Cost:     about 2 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from experiments.common import Common, Figures, Results
from fnn import optim
from fnn import plot as draw
from fnn.course import descent, surfaces

TOLERANCE = 1e-6  # a descent has converged at this fraction of its first distance to the minimum


@dataclass(frozen=True)
class Config(Common):
    """Curvatures and rates."""

    curvatures: tuple[float, ...] = (1.0, 4.0, 8.0)
    """λ of ½ Σ λᵢ xᵢ²."""
    fractions: tuple[float, ...] = (
        *(0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.64),
        *(0.75, 0.85, 0.9, 0.95, 0.98, 0.99, 0.999, 1.0, 1.001, 1.01, 1.05, 1.2),
    )
    """Rates, as fractions of 2/λmax, in rising order."""
    steps: int = 12_000


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Return distance and loss along each path, (rates, steps + 1), in float64.

    distance   to the minimum, by the largest coordinate
    limit      2/λmax
    turning    2/(λmin + λmax), the rate that is fastest
    predicted  factor of the distance in a step, max |1 − ηλ|
    """
    bowl = surfaces.quadratic(config.curvatures)
    limit = 2 / max(config.curvatures)
    turning = 2 / (min(config.curvatures) + max(config.curvatures))
    rates = limit * np.array(config.fractions)
    with jax.enable_x64(True):
        paths = descend(bowl, rates, config.steps)
        loss = bowl.value(np.moveaxis(paths, -1, 0))
    factors = np.abs(1 - rates[:, None] * np.array(config.curvatures))
    return {
        "rates": rates,
        "limit": np.array(limit),
        "turning": np.array(turning),
        "distance": np.abs(paths).max(axis=-1),
        "loss": np.asarray(loss),
        "predicted": factors.max(axis=1),
    }


def descend(bowl: surfaces.Surface, rates: np.ndarray, steps: int) -> np.ndarray:
    """Descend at each learning rate: the paths, (rates, steps + 1, coordinates)."""
    start = jnp.array(bowl.start)

    def path(learning_rate):
        sgd = optim.sgd(learning_rate)
        return descent.trajectory(bowl.gradient, sgd, start, steps=steps)

    return np.asarray(jax.jit(jax.vmap(path))(rates))


def measured_factor(results) -> np.ndarray:
    """Return by how much the distance shrinks in a step, between steps 100 and 200."""
    shrinks = results["distance"][:, 200] / results["distance"][:, 100]
    return shrinks ** (1 / 100)


def steps_needed(results) -> np.ndarray:
    """Return the steps until each rate has converged; infinite where it never has."""
    has_converged = results["distance"] <= TOLERANCE * results["distance"][:, :1]
    ever = has_converged.any(axis=1)
    return np.where(ever, has_converged.argmax(axis=1), np.inf)


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss at four rates, and the speed at all."""
    return {"curves": curves_figure(results, config), "rates": rates_figure(results)}


def curves_figure(results, config: Config) -> Figure:
    """Draw the loss at four rates."""
    figure, (axis,) = draw.figure()
    fractions = np.array(config.fractions)
    for fraction in (0.02, 0.32, 0.98, 1.01):
        number = np.abs(fractions - fraction).argmin()
        axis.plot(results["loss"][number][:301], label=f"η = {fraction:g} · 2/λmax")
    axis.set(yscale="log", ylim=(1e-12, 1e6), xlabel="step", ylabel="loss")
    axis.set_title("Too low is slow, and so is nearly too high", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return figure


def rates_figure(results) -> Figure:
    """Draw the factor of the distance and the number of steps over the learning rate."""
    figure, (top, bottom) = draw.figure(rows=2, height=3.0)
    x = results["rates"] / results["limit"]
    steps = steps_needed(results)
    top.plot(x, results["predicted"], label="max |1 − ηλ|")
    top.plot(x, measured_factor(results), "o", markersize=4, linestyle="", label="measured")
    top.set(xscale="log", ylabel="distance: factor a step")
    top.set_title("Converges below 2/λmax, not above (shaded)", fontsize=10)
    bottom.plot(x, steps, "o-", markersize=4, label="measured")
    bottom.plot(x, steps[0] * x[0] / x, label="∝ 1/η")
    bottom.set(xscale="log", yscale="log", xlabel="η / (2/λmax)", ylabel="steps to 1e-6")
    for axis in (top, bottom):
        axis.axvspan(1, x.max(), color="#d55e00", alpha=0.15, linewidth=0)
        axis.legend(frameon=False, fontsize=8)
    return figure
