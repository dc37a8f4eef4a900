"""One neuron, its activations, and gradient descent on its loss: the figures with which a course
begins.

Question: Is a neuron an activation of a weighted sum, and does gradient descent walk down its loss
          to the minimum?
Source:   Sharif (claim 2.42).
Command:  python -m experiments run neuron
Expected: the neuron equals the written-out sum to rounding; every step goes down, and the path ends
          at least squares.
Cost:     about 2 s on 2 cores, quick or full.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import activations, layers, losses, optim
from fnn.course import descent
from fnn.layers import DenseParams

GATES = ("step", "sigmoid", "tanh", "relu")
WEIGHTS, BIAS = np.array([2.0, -1.0]), 0.5


@dataclass(frozen=True)
class Config(Common):
    """The data of the linear neuron, and its descent."""

    examples: int = 30
    learning_rate: float = 0.1
    steps: int = 300
    start: tuple[float, float] = (-2.0, 3.0)
    """Weight and bias."""


QUICK = Config(quick=True)


def run(config: Config) -> Results:
    """Return outputs of a neuron of two inputs, and the descent of a linear neuron, in float64."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 2, (config.examples, 1))
    noise = rng.normal(0, 0.3, config.examples)
    y = 1.5 * x[:, 0] - 1 + noise
    line = np.column_stack([x, np.ones(len(x))])
    with jax.enable_x64(True):
        neuron = neuron_of_two_inputs()
        path, loss = descend(config, x, y)
    return neuron | {
        "path": path,
        "loss": loss,
        "least_squares": np.linalg.lstsq(line, y, rcond=None)[0],
        "x": x[:, 0],
        "y": y,
    }


def neuron_of_two_inputs() -> Results:
    """Return outputs (gates, rows) over a plane, and the sums written out."""
    side = np.linspace(-3, 3, 61)
    x1, x2 = np.meshgrid(side, side)
    plane = np.column_stack([x1.ravel(), x2.ravel()])
    dense = DenseParams(W=jnp.asarray(WEIGHTS)[None], b=jnp.array([BIAS]))
    params = (dense, ())
    w1, w2 = WEIGHTS
    z = jnp.array([w1 * x1 + w2 * x2 + BIAS for x1, x2 in plane])
    outputs, sums = [], []
    for gate in GATES:
        net = layers.serial(layers.dense(2, 1), layers.activation(gate))
        outputs.append(fnn.apply(net, params, plane)[:, 0])
        sums.append(activations.get(gate).value(z))
    return {"plane": plane, "outputs": np.array(outputs), "sums": np.array(sums)}


def descend(config: Config, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weight and bias (steps + 1, 2) before and after every step, and the loss there."""
    loss_and_gradient = fnn.value_and_grad(layers.dense(1, 1), losses.squared_error)
    weight, bias = config.start
    start = DenseParams(W=jnp.array([[weight]]), b=jnp.array([bias]))

    def gradient(params):
        return loss_and_gradient(params, x, y)[1]

    optimizer = optim.sgd(config.learning_rate)
    path = descent.trajectory(gradient, optimizer, start, steps=config.steps)
    loss, _ = jax.vmap(loss_and_gradient, in_axes=(0, None, None))(path, x, y)
    weights = path.W[:, 0, 0]
    biases = path.b[:, 0]
    return np.column_stack([weights, biases]), np.asarray(loss)


def plot(results: Results, config: Config) -> Figures:
    """Draw a neuron's output over its inputs, its activations, and the path of descent."""
    figure, (output, gates, path) = draw.figure(rows=3)
    draw_output(figure, output, results)
    draw_gates(gates, results)
    draw_path(path, results, config)
    return {"neuron": figure}


def draw_output(figure: Figure, axis: Axes, results: Results) -> None:
    """Draw the output of the sigmoid neuron over its two inputs."""
    plane = results["plane"]
    side = int(len(plane) ** 0.5)
    grid = (side, side)
    x1, x2 = plane.T
    sigmoid = results["outputs"][GATES.index("sigmoid")]
    levels = np.linspace(0, 1, 11)
    field = axis.contourf(
        x1.reshape(grid), x2.reshape(grid), sigmoid.reshape(grid), levels, cmap="viridis"
    )
    figure.colorbar(field, ax=axis, label="output")
    axis.set(xlabel="x₁", ylabel="x₂", title="a neuron: sigmoid(2 x₁ − x₂ + 0.5)")


def draw_gates(axis: Axes, results: Results) -> None:
    """Draw each activation over the weighted sum and the bias."""
    z = results["plane"] @ WEIGHTS + BIAS
    order = np.argsort(z)
    for gate, outputs in zip(GATES, results["outputs"], strict=True):
        axis.plot(z[order], outputs[order], label=gate)
    axis.set(xlabel="weighted sum + bias", ylabel="output", title="activations")
    axis.set(xlim=(-6, 6), ylim=(-1.2, 3))
    draw.legends([axis])


def draw_path(axis: Axes, results: Results, config: Config) -> None:
    """Draw the descent of the linear neuron over its loss, and where least squares is."""
    x = results["x"][:, None, None]
    y = results["y"][:, None, None]
    rate = f"gradient descent, rate {config.learning_rate:g}"
    star = {"markersize": 12, "color": draw.LINES[4]["color"], "label": "least squares"}

    def loss(weight, bias):
        error = weight * x + bias - y
        return (error**2).mean(axis=0)

    draw.landscape(axis, loss, (-3, 4), (-3, 4))
    axis.plot(*results["path"].T, "o-", markersize=3, label=rate)
    axis.plot(*results["least_squares"], "*", **star)
    axis.set(xlabel="weight", ylabel="bias", title="loss of a linear neuron")
    axis.legend(edgecolor="none", framealpha=1, fontsize=8, loc="lower left")
