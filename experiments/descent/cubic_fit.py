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
from matplotlib.axes import Axes

import fnn
from experiments.common import Common, Figures, Results
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
DASHES = ("-", "--", ":", "-.")


@dataclass(frozen=True)
class Config(Common):
    """Rates and steps."""

    learning_rates: tuple[float, ...] = (2e-5, 7.5e-4)
    steps: int = 12_000
    tolerance: float = 1e-3
    """A start has arrived when its loss above the minimum is this fraction of what it was."""


QUICK = Config(steps=4000, quick=True)


def run(config: Config) -> Results:
    """Return the losses (points, rates, starts, steps), in float64.

    reached        the weights at the end, on the first points at the last rate, (starts, 4)
    least_squares  the weights of least squares, (points, 4)
    minimum        the loss of least squares, (points,)
    critical_rate  2/λmax, above which descent diverges, (points,)
    """
    with jax.enable_x64(True):
        point_sets = [data.cubic_points(count, reach) for count, reach in POINTS.values()]
        rates = jnp.array(config.learning_rates)
        over_starts = jax.vmap(partial(descend, steps=config.steps), in_axes=(None, None, None, 0))
        over_rates = jax.jit(jax.vmap(over_starts, in_axes=(None, None, 0, None)))
        descents = [over_rates(x, y, rates, STARTS) for x, y in point_sets]
    fits = [least_squares(x, y) for x, y in point_sets]
    _, reached = descents[0]
    return {
        "loss": np.stack([loss for loss, _ in descents]),
        "reached": np.asarray(reached[-1]),
        "least_squares": np.array([weights for weights, _, _ in fits]),
        "minimum": np.array([minimum for _, minimum, _ in fits]),
        "rates": np.array(config.learning_rates),
        "critical_rate": np.array([critical for _, _, critical in fits]),
    }


def descend(x, y, learning_rate, start, *, steps: int):
    """Fit f(s) = w₁s³ + w₂s² + w₃s + w₄ by θ ← θ − η ∂L/∂θ on the summed squared error.

    f is a dense layer on (s³, s², s) with bias w₄. Returns the loss before each of the steps, and
    the weights (4,) at the end.
    """
    net = layers.dense(3, 1)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error, reduction="sum")
    params = DenseParams(W=start[None, :3], b=start[3:])
    sgd = optim.sgd(learning_rate)
    path = descent.trajectory(
        lambda params: loss_and_gradient(params, x, y)[1], sgd, params, steps=steps
    )
    loss, _ = jax.vmap(loss_and_gradient, in_axes=(0, None, None))(path, x, y)
    return loss[:-1], jnp.append(path.W[-1], path.b[-1])


def least_squares(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return the weights of least squares, their loss, and the critical rate 2/λmax."""
    design = np.column_stack([x, np.ones(len(x))])
    weights, residual, *_ = np.linalg.lstsq(design, y, rcond=None)
    hessian = 2 * design.T @ design
    largest = np.linalg.eigvalsh(hessian)[-1]
    return weights, residual[0], 2 / largest


def arrival(loss: np.ndarray, minimum: float, tolerance: float) -> int | None:
    """Return the updates until the loss above the minimum has fallen to this fraction, or None."""
    excess = loss - minimum
    has_arrived = excess <= tolerance * excess[0]
    return int(np.argmax(has_arrived)) if has_arrived.any() else None


def verdict(loss: np.ndarray, minimum: float, tolerance: float) -> str:
    """Return what became of one start: its updates, "diverges", or "on its way"."""
    steps = arrival(loss, minimum, tolerance)
    if steps is not None:
        return str(steps)
    return "on its way" if loss[-1] < loss[0] else "diverges"


def table(results: Results, config: Config) -> str:
    """Return the steps of each start for each set of points and rate, as text."""
    heads = [weights_of(start) for start in STARTS]
    lines = [
        "updates until the loss above the minimum has fallen to "
        f"{config.tolerance:g} of what it was",
        row("from w =", heads),
    ]
    for p, name in enumerate(POINTS):
        critical = results["critical_rate"][p]
        minimum = results["minimum"][p]
        lines.append(f"{name}: critical rate {critical:.3g}, minimum {minimum:.6f}")
        for rate, losses_of_rate in zip(config.learning_rates, results["loss"][p], strict=True):
            cells = [verdict(loss, minimum, config.tolerance) for loss in losses_of_rate]
            lines.append(row(f"rate {rate:g}", cells))
    return "\n".join(lines)


def row(head: str, cells: list[str]) -> str:
    """Return a line of the table."""
    return "  ".join([head.rjust(15), *(cell.rjust(14) for cell in cells)])


def weights_of(start: np.ndarray) -> str:
    """Return the weights of a start as text."""
    return str(start.astype(int).tolist())


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss above the minimum for each set of points.

    A start has a color, and a rate has a dash.
    """
    figure, axes = draw.figure(rows=len(POINTS), height=3.0)
    for axis, name, loss, minimum in zip(
        axes, POINTS, results["loss"], results["minimum"], strict=True
    ):
        for rate, dash, losses_of_rate in zip(config.learning_rates, DASHES, loss, strict=False):
            draw_starts(axis, losses_of_rate - minimum, dash)
            axis.plot([], [], dash, color="gray", label=f"learning rate {rate:g}")
        axis.set(xscale="log", yscale="log", ylabel="loss − minimum", ylim=(1e-6, 1e8), title=name)
    axes[-1].set_xlabel("update")
    for start, style in zip(STARTS, draw.LINES, strict=False):
        axes[0].plot([], [], "-", color=style["color"], label=weights_of(start))
    axes[0].legend(frameon=False, fontsize=7)
    return {"loss": figure}


def draw_starts(axis: Axes, excess: np.ndarray, dash: str) -> None:
    """Draw the loss above the minimum, (starts, steps), a color for each start."""
    updates = np.arange(1, excess.shape[1] + 1)
    for excess_of_start, style in zip(excess, draw.LINES, strict=False):
        visible = np.where(excess_of_start < 1e8, excess_of_start, np.nan)
        axis.plot(updates, visible, dash, color=style["color"])
