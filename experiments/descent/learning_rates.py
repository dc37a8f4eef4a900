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

from experiments.common import Common
from fnn import optim
from fnn import plot as draw
from fnn.course import descent, surfaces

# of the distance to the minimum relative to the start's, where a descent counts as converged
TOLERANCE = 1e-6


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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: distance (rates, steps + 1) to the minimum by the largest coordinate, and the
    loss.
    """
    bowl = surfaces.quadratic(config.curvatures)
    limit = 2 / max(config.curvatures)
    rates = limit * np.array(config.fractions)
    with jax.enable_x64(True):
        start = jnp.array(bowl.start)
        descend = jax.vmap(
            lambda eta: descent.trajectory(bowl.gradient, optim.sgd(eta), start, steps=config.steps)
        )
        paths = np.asarray(jax.jit(descend)(rates))
        loss = bowl.value(np.moveaxis(paths, -1, 0))
    factors = np.abs(1 - rates[:, None] * np.array(config.curvatures))
    return {
        "rates": rates,
        "limit": np.array(limit),
        "turning": np.array(2 / (min(config.curvatures) + max(config.curvatures))),
        "distance": np.abs(paths).max(axis=-1),
        "loss": np.asarray(loss),
        "predicted": factors.max(axis=1),
    }


def measured_factor(results) -> np.ndarray:
    """By how much the distance shrinks in a step, between steps 100 and 200."""
    return (results["distance"][:, 200] / results["distance"][:, 100]) ** (1 / 100)


def steps_needed(results) -> np.ndarray:
    """Steps until the distance is TOLERANCE of the start's; infinite where it never is."""
    there = results["distance"] <= TOLERANCE * results["distance"][:, :1]
    return np.where(there.any(axis=1), there.argmax(axis=1), np.inf)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Loss at four rates, and the speed at all."""
    curves, (axis,) = draw.figure()
    for fraction in (0.02, 0.32, 0.98, 1.01):
        loss = results["loss"][np.argmin(np.abs(np.array(config.fractions) - fraction))][:301]
        axis.plot(loss, label=f"η = {fraction:g} · 2/λmax")
    axis.set(yscale="log", ylim=(1e-12, 1e6), xlabel="step", ylabel="loss", title="")
    axis.set_title("Too low is slow, and so is nearly too high", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    rates, (top, bottom) = draw.figure(rows=2, height=3.0)
    x = results["rates"] / results["limit"]
    top.plot(x, results["predicted"], label="max |1 − ηλ|")
    top.plot(x, measured_factor(results), "o", markersize=4, linestyle="", label="measured")
    top.set(xscale="log", ylabel="distance: factor a step")
    top.legend(frameon=False, fontsize=8)
    steps = steps_needed(results)
    bottom.plot(x, steps, "o-", markersize=4, label="measured")
    bottom.plot(x, steps[0] * x[0] / x, label="∝ 1/η")
    bottom.set(xscale="log", yscale="log", xlabel="η / (2/λmax)", ylabel="steps to 1e-6")
    bottom.legend(frameon=False, fontsize=8)
    for axis in (top, bottom):
        axis.axvspan(1, x.max(), color="#d55e00", alpha=0.15, linewidth=0)
    top.set_title("Converges below 2/λmax, not above (shaded)", fontsize=10)
    return {"curves": curves, "rates": rates}
