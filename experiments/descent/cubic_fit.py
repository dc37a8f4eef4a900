"""Fitting a cubic by gradient descent: four starts, two learning rates, three sets of points.

Question: Which starts and which learning rates reach the least-squares cubic, and how fast?
Source:   Piccoli (claims 4.8 to 4.11); his points are not printed, so the sets are this project's:
          w* = (1, -2, -3, 4) and noise of standard deviation ½ on equidistant points.
Command:  python -m experiments run cubic_fit
Expected: the loss is convex, so every start reaches the same minimum when the rate is below the
          critical one, 2/λmax; at 7.5e-4 the wider set of 13 points diverges from every start,
          above 1e20 in under 30 steps.
Cost:     about 5 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams

POINTS = {
    "100 points on [-2, 2]": (100, 2.0),
    "50 points on [-2, 2]": (50, 2.0),
    "13 points on [-3, 3]": (13, 3.0),
}
STARTS = np.array(
    [[-9.0, 2.0, 1.0, 30.0], [-9.0, 2.0, 1.0, -20.0], [-40.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
)


@dataclass(frozen=True)
class Config(Common):
    """Rates and steps."""

    learning_rates: tuple[float, ...] = (2e-5, 7.5e-4)
    steps: int = 12_000
    tolerance: float = 1e-3
    """A start has arrived when its loss above the minimum is this fraction of what it was."""


QUICK = Config(steps=4000, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: loss (points, rates, starts, steps), the minimum loss and the critical rate of
    each set of points, and the weights (points, 4) of least squares.
    """
    with jax.enable_x64(True):
        sets = [data.cubic_points(*size) for size in POINTS.values()]
        rates = jnp.array(config.learning_rates)
        over_starts = jax.vmap(partial(descend, steps=config.steps), in_axes=(None, None, None, 0))
        over_rates = jax.jit(jax.vmap(over_starts, in_axes=(None, None, 0, None)))
        found = [over_rates(*points, rates, STARTS) for points in sets]
    designs = [np.column_stack([x, np.ones(len(x))]) for x, _ in sets]
    fits = [
        np.linalg.lstsq(design, y, rcond=None) for design, (_, y) in zip(designs, sets, strict=True)
    ]
    return {
        "loss": np.stack([loss for loss, _ in found]),
        "reached": np.asarray(found[0][1][-1]),
        "least_squares": np.array([weights for weights, *_ in fits]),
        "minimum": np.array([residual[0] for _, residual, *_ in fits]),
        "rates": np.array(config.learning_rates),
        "critical_rate": np.array(
            [2 / np.linalg.eigvalsh(2 * design.T @ design)[-1] for design in designs]
        ),
    }


def descend(x, y, learning_rate, start, *, steps: int):
    """The summed squared error before each of `steps` updates θ ← θ − η ∂L/∂θ of f(s) = w₁s³ + w₂s²
    + w₃s + w₄, which is a dense layer on (s³, s², s) with bias w₄; and the weights (4,) at the end.
    """
    loss_and_gradient = fnn.value_and_grad(
        layers.dense(3, 1), losses.squared_error, reduction="sum"
    )
    params = DenseParams(W=start[None, :3], b=start[3:])
    path = descent.trajectory(
        lambda w: loss_and_gradient(w, x, y)[1], optim.sgd(learning_rate), params, steps=steps
    )
    loss, _ = jax.vmap(loss_and_gradient, in_axes=(0, None, None))(path, x, y)
    return loss[:-1], jnp.append(path.W[-1], path.b[-1])


def arrival(loss: np.ndarray, minimum: float, tolerance: float) -> int | None:
    """Updates until the loss above the minimum has fallen to this fraction; None if it
    never has.
    """
    excess = loss - minimum
    there = excess <= tolerance * excess[0]
    return int(np.argmax(there)) if there.any() else None


def verdict(loss: np.ndarray, minimum: float, tolerance: float) -> str:
    """What became of one start: its updates, "diverges", or that it is still on its way."""
    steps = arrival(loss, minimum, tolerance)
    if steps is not None:
        return str(steps)
    return "on its way" if loss[-1] < loss[0] else "diverges"


def table(results: dict[str, np.ndarray], config: Config) -> str:
    """Steps of each start for each set of points and rate."""
    heads = "  ".join(_weights(start).rjust(14) for start in STARTS)
    lines = [
        f"updates until the loss above the minimum has fallen to {config.tolerance:g} of what it "
        f"was",
        f"{'from w =':>15}  {heads}",
    ]
    for p, name in enumerate(POINTS):
        lines.append(
            f"{name}: critical rate {results['critical_rate'][p]:.3g}, minimum "
            f"{results['minimum'][p]:.6f}"
        )
        for r, rate in enumerate(config.learning_rates):
            cells = [
                verdict(loss, results["minimum"][p], config.tolerance)
                for loss in results["loss"][p, r]
            ]
            lines.append(f"{f'rate {rate:g}':>15}  " + "  ".join(cell.rjust(14) for cell in cells))
    return "\n".join(lines)


def _weights(start: np.ndarray) -> str:
    return str([int(w) for w in start])


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Loss above the minimum for each set of points; a color for each start, a dash for
    each rate.
    """
    figure, axes = draw.figure(rows=len(POINTS), height=3.0)
    for p, (axis, name) in enumerate(zip(axes, POINTS, strict=True)):
        for r, (rate, dash) in enumerate(
            zip(config.learning_rates, ("-", "--", ":", "-."), strict=False)
        ):
            for s, start in enumerate(STARTS):
                excess = results["loss"][p, r, s] - results["minimum"][p]
                visible = np.where(excess < 1e8, excess, np.nan)
                label = _weights(start) if r == 0 else None
                axis.plot(
                    np.arange(1, len(excess) + 1),
                    visible,
                    dash,
                    color=draw.LINES[s]["color"],
                    label=label,
                )
            axis.plot([], [], dash, color="gray", label=f"learning rate {rate:g}")
        axis.set(xscale="log", yscale="log", ylabel="loss − minimum", ylim=(1e-6, 1e8), title=name)
    axes[-1].set_xlabel("update")
    axes[0].legend(frameon=False, fontsize=7)
    return {"loss": figure}
