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
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: outputs (gates, rows) of a neuron of two inputs and the sums written out; the
    path (steps + 1, 2) of the weight and the bias of a linear neuron, with its loss.
    """
    rng = np.random.default_rng(0)
    plane = np.stack(np.meshgrid(*[np.linspace(-3, 3, 61)] * 2), axis=-1).reshape(-1, 2)
    x = rng.uniform(-1, 2, (config.examples, 1))
    y = 1.5 * x[:, 0] - 1 + rng.normal(0, 0.3, config.examples)
    with jax.enable_x64(True):
        params = (DenseParams(W=jnp.asarray(WEIGHTS)[None], b=jnp.array([BIAS])), ())
        nets = [layers.serial(layers.dense(2, 1), layers.activation(gate)) for gate in GATES]
        outputs = [fnn.apply(net, params, plane)[:, 0] for net in nets]
        written_out = [WEIGHTS[0] * x1 + WEIGHTS[1] * x2 + BIAS for x1, x2 in plane]
        sums = [activations.get(gate).value(jnp.array(written_out)) for gate in GATES]
        path, loss = descend(config, x, y)
    return {
        "plane": plane,
        "outputs": np.array(outputs),
        "sums": np.array(sums),
        "path": path,
        "loss": loss,
        "least_squares": np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0],
        "x": x[:, 0],
        "y": y,
    }


def descend(config: Config, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias before and after every step, and the mean squared error there."""
    loss_and_gradient = fnn.value_and_grad(layers.dense(1, 1), losses.squared_error)
    start = DenseParams(W=jnp.array([[config.start[0]]]), b=jnp.array([config.start[1]]))
    optimizer = optim.sgd(config.learning_rate)
    path = descent.trajectory(
        lambda w: loss_and_gradient(w, x, y)[1], optimizer, start, steps=config.steps
    )
    loss, _ = jax.vmap(loss_and_gradient, in_axes=(0, None, None))(path, x, y)
    return np.column_stack([path.W[:, 0, 0], path.b[:, 0]]), np.asarray(loss)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The output of a neuron over its two inputs, its activations over the sum, and the path of
    gradient descent.
    """
    figure, (output, gates, path) = draw.figure(rows=3)
    side = int(len(results["plane"]) ** 0.5)
    across, down = results["plane"].T.reshape(2, side, side)
    field = output.contourf(
        across,
        down,
        results["outputs"][1].reshape(side, side),
        levels=np.linspace(0, 1, 11),
        cmap="viridis",
    )
    figure.colorbar(field, ax=output, label="output")
    output.set(xlabel="x₁", ylabel="x₂", title="a neuron: sigmoid(2 x₁ − x₂ + 0.5)")
    z = results["plane"] @ WEIGHTS + BIAS
    order = np.argsort(z)
    for g, gate in enumerate(GATES):
        gates.plot(z[order], results["outputs"][g][order], label=gate)
    gates.set(
        xlabel="weighted sum + bias",
        ylabel="output",
        ylim=(-1.2, 3),
        xlim=(-6, 6),
        title="activations",
    )
    gates.legend(frameon=False, fontsize=8)
    x, y = results["x"][:, None, None], results["y"][:, None, None]
    draw.landscape(path, lambda w, b: ((w * x + b - y) ** 2).mean(axis=0), (-3, 4), (-3, 4))
    path.plot(
        *results["path"].T,
        "o-",
        markersize=3,
        label=f"gradient descent, rate {config.learning_rate:g}",
    )
    path.plot(
        *results["least_squares"],
        "*",
        markersize=12,
        color=draw.LINES[4]["color"],
        label="least squares",
    )
    path.set(xlabel="weight", ylabel="bias", title="loss of a linear neuron")
    path.legend(edgecolor="none", framealpha=1, fontsize=8, loc="lower left")
    return {"neuron": figure}
