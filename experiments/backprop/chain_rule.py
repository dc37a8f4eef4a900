"""The chain rule on two small functions, number by number.

Question: Are the derivatives of sin(log x) and (x + y)z right that the documents work out by hand?
Source:   De Marzo (claim 1.27) and Piccoli (4.7).
Command:  python -m experiments run chain_rule
Expected: yes: cos(log x)/x, by autodiff and by differences; and −4, −4, 3 for (x + y)z at (−2, 5,
          −4).
Cost:     1 s on 2 cores.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from experiments.backprop.random_networks import dense
from experiments.common import Common, Figures, Results
from fnn import layers
from fnn import plot as draw


@dataclass(frozen=True)
class Config(Common):
    """Where to differentiate sin(log x)."""

    points: tuple[float, ...] = (0.5, 1.0, 2.0, math.e, 10.0)


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Compute the derivatives of both functions, in float64."""
    points = np.array(config.points)
    with jax.enable_x64(True):
        return sine_of_log(points) | sum_and_product()


def sine_of_log(x: np.ndarray) -> Results:
    """Return the derivative of sin(log x) by chain rule, autodiff and central differences."""

    def f(x):
        return jnp.sin(jnp.log(x))

    step = 1e-5 * x
    above = np.sin(np.log(x + step))
    below = np.sin(np.log(x - step))
    autodiff = jax.vmap(jax.grad(f))(x)
    return {
        "points": x,
        "chain_rule": np.cos(np.log(x)) / x,
        "chain_autodiff": np.asarray(autodiff),
        "chain_differences": (above - below) / (2 * step),
    }


def sum_and_product() -> Results:
    """Return q, f and ∂f/∂ x, y, z, q of f = (x + y)z at (−2, 5, −4).

    The function is two layers: q = x + y with W = (1, 1), and f = q z with W = z.
    """
    net = layers.serial(layers.dense(2, 1), layers.dense(1, 1))
    params = (dense([[1, 1]], [0]), dense([[-4]], [0]))
    x_and_y = jnp.array([[-2.0], [5.0]])
    f, _, residuals = net.forward(params, (), x_and_y)
    gradients, d_inputs = net.backward(params, residuals, jnp.ones((1, 1)))
    _, q = residuals
    by_z = gradients[1].W
    by_q = gradients[0].b
    numbers = [float(number.squeeze()) for number in (q, f, *d_inputs, by_z, by_q)]
    return {"sum_and_product": np.array(numbers)}


def plot(results: Results, config: Config) -> Figures:
    """Draw sin(log x) and its derivative, and the graph of (x + y)z."""
    sine, (axis,) = draw.figure(height=3.0)
    points = results["points"]
    x = np.geomspace(0.8 * points.min(), 1.1 * points.max(), 200)
    axis.plot(x, np.sin(np.log(x)), label="sin(log x)")
    axis.plot(x, np.cos(np.log(x)) / x, label="cos(log x)/x")
    autodiff = results["chain_autodiff"]
    axis.plot(points, autodiff, "o", color="black", markersize=4, label="autodiff")
    axis.set(xscale="log", xlabel="x")
    axis.legend(frameon=False)
    trace, (axis,) = draw.figure(height=3.0)
    draw_trace(axis, results["sum_and_product"])
    return {"sine": sine, "trace": trace}


def draw_trace(axis: Axes, numbers: np.ndarray) -> None:
    """Draw the graph of (x + y)z with the value of each node and the derivative of f by it."""
    q, f, by_x, by_y, by_z, by_q = numbers
    draw_edge(axis, (0, 2), (1.2, 1.5))
    draw_edge(axis, (0, 1), (1.2, 1.5))
    draw_edge(axis, (1.2, 1.5), (2.4, 0.75))
    draw_edge(axis, (0, 0), (2.4, 0.75))
    draw_node(axis, (0, 2), "x", -2, by_x)
    draw_node(axis, (0, 1), "y", 5, by_y)
    draw_node(axis, (0, 0), "z", -4, by_z)
    draw_node(axis, (1.2, 1.5), "q = x + y", q, by_q)
    draw_node(axis, (2.4, 0.75), "f = q z", f, 1)
    axis.set(xlim=(-0.4, 2.8), ylim=(-0.45, 2.45))
    axis.axis("off")


def draw_edge(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a line between two nodes, behind them."""
    across, up = zip(start, end, strict=True)
    axis.plot(across, up, color="#999999", linestyle="-", zorder=0)


def draw_node(
    axis: Axes, place: tuple[float, float], name: str, value: float, derivative: float
) -> None:
    """Draw a box with the value of a node and the derivative of f by it."""
    text = f"{name}\nvalue {value:g}\nslope of f {derivative:g}"
    text = text.replace("-", "−")
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": draw.LINES[0]["color"]}
    across, up = place
    axis.text(across, up, text, ha="center", va="center", fontsize=9, bbox=box)
