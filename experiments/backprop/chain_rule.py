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
from matplotlib.figure import Figure

from experiments.common import Common
from fnn import layers
from fnn import plot as draw
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Where to differentiate sin(log x)."""

    points: tuple[float, ...] = (0.5, 1.0, 2.0, math.e, 10.0)


QUICK = Config(quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64."""
    with jax.enable_x64(True):
        return sine_of_log(np.array(config.points)) | sum_and_product()


def sine_of_log(x: np.ndarray) -> dict[str, np.ndarray]:
    """cos(log x)/x, and the derivative of sin(log x) by autodiff and by central differences."""
    step = 1e-5 * x
    up, down = (np.sin(np.log(x + sign * step)) for sign in (1, -1))
    return {
        "points": x,
        "chain_rule": np.cos(np.log(x)) / x,
        "chain_autodiff": np.asarray(jax.vmap(jax.grad(lambda each: jnp.sin(jnp.log(each))))(x)),
        "chain_differences": (up - down) / (2 * step),
    }


def sum_and_product() -> dict[str, np.ndarray]:
    """q, f and ∂f/∂ x, y, z, q of f = (x + y)z at (−2, 5, −4): two layers, with W = (1, 1) and W =
    z.
    """
    net = layers.serial(layers.dense(2, 1), layers.dense(1, 1))
    params = (layer([[1, 1]], [0]), layer([[-4]], [0]))
    f, _, residuals = net.forward(params, (), jnp.array([[-2.0], [5.0]]))
    grads, d_input = net.backward(params, residuals, jnp.ones((1, 1)))
    found = [residuals[1], f, *d_input, grads[1].W, grads[0].b]
    return {"sum_and_product": np.array([float(each.squeeze()) for each in found])}


def layer(W, b) -> DenseParams:
    """Parameters of a dense layer."""
    return DenseParams(jnp.array(W, float), jnp.array(b, float))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """sin(log x) and its slope, and the trace of (x + y)z."""
    figure, (axis,) = draw.figure(height=3.0)
    x = np.geomspace(0.8 * results["points"].min(), 1.1 * results["points"].max(), 200)
    axis.plot(x, np.sin(np.log(x)), label="sin(log x)")
    axis.plot(x, np.cos(np.log(x)) / x, label="cos(log x)/x")
    axis.plot(
        results["points"],
        results["chain_autodiff"],
        "o",
        color="black",
        markersize=4,
        label="autodiff",
    )
    axis.set(xscale="log", xlabel="x")
    axis.legend(frameon=False)
    return {"sine": figure, "trace": trace(results["sum_and_product"])}


def trace(found: np.ndarray) -> Figure:
    """The graph of (x + y)z, values and the derivative of f by each of them."""
    q, f, by_x, by_y, by_z, by_q = found
    nodes = {  # position, value, derivative
        "x": ((0, 2), -2, by_x),
        "y": ((0, 1), 5, by_y),
        "z": ((0, 0), -4, by_z),
        "q = x + y": ((1.2, 1.5), q, by_q),
        "f = q z": ((2.4, 0.75), f, 1),
    }
    figure, (axis,) = draw.figure(height=3.0)
    for start, end in (
        ("x", "q = x + y"),
        ("y", "q = x + y"),
        ("q = x + y", "f = q z"),
        ("z", "f = q z"),
    ):
        axis.plot(
            *zip(nodes[start][0], nodes[end][0], strict=True),
            color="#999999",
            linestyle="-",
            zorder=0,
        )
    for name, ((across, up), value, derivative) in nodes.items():
        text = f"{name}\nvalue {value:g}\nslope of f {derivative:g}".replace("-", "−")
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": draw.LINES[0]["color"]}
        axis.text(across, up, text, ha="center", va="center", fontsize=9, bbox=box)
    axis.set(xlim=(-0.4, 2.8), ylim=(-0.45, 2.45))
    axis.axis("off")
    return figure
