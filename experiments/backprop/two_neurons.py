"""De Marzo's worked network of two hidden neurons, with the gradients that he leaves to the reader.

Question: Are the gradients of the 1-2-1 network right, and do they go on through another hidden
          layer?
Source:   De Marzo (claim 1.29).
Command:  python -m experiments run two_neurons
Expected: yes, all seven with ReLU and tanh, at inputs chosen here for the document has none; and
          more layers the same way.
Cost:     1 s on 2 cores, nearly all of it compiling.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.backprop.random_networks import flow
from experiments.common import Common
from fnn import losses
from fnn import plot as draw
from fnn.layers import DenseParams


@dataclass(frozen=True)
class Config(Common):
    """Networks beside the worked one."""

    seeds: int = 1000
    """Random 1-2-2-1 networks."""


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64."""
    with jax.enable_x64(True):
        deeper = flow((1, 2, 2, 1), "tanh", config.seeds).autodiff_error
        return seven_gradients() | {"deeper_error": np.array(deeper)}


def seven_gradients() -> dict[str, np.ndarray]:
    """With ReLU and tanh (2, 7), φ₁ φ₂ φ₀ θ₁₁ θ₂₁ θ₀₁ θ₀₂: by De Marzo's formulas for both neurons,
    and by fnn.
    """
    theta, phi = layer([[0.6], [-0.4]], [-0.1, 0.3]), layer([[1.2, -0.7]], [0.05])
    x, target = 1.5, 1.0
    by_fnn, by_formula = [], []
    for sigma in ("relu", "tanh"):
        net = fnn.mlp((1, 2, 1), activation=sigma)
        gradient = fnn.value_and_grad(net, losses.squared_error)
        _, (d_theta, _, d_phi) = gradient((theta, (), phi), np.array([[x]]), np.array([target]))
        by_fnn.append(np.concatenate([d_phi.W[0], d_phi.b, d_theta.W[:, 0], d_theta.b]))
        activation = fnn.activations.get(sigma)
        f = theta.W[:, 0] * x + theta.b
        h = activation.value(f)
        error = 2 * (phi.W[0] @ h + phi.b - target)
        hidden = error * phi.W[0] * activation.derivative(f)
        by_formula.append(np.concatenate([error * h, error, hidden * x, hidden]))
    return {"seven": np.array(by_fnn), "formulas": np.array(by_formula)}


def layer(W, b) -> DenseParams:
    """Parameters of a dense layer."""
    return DenseParams(jnp.array(W, float), jnp.array(b, float))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The seven gradients with each activation."""
    figure, axes = draw.figure(rows=2, height=2.4)
    for axis, name, found, formula in zip(
        axes, ("ReLU", "tanh"), results["seven"], results["formulas"], strict=True
    ):
        axis.plot(found, "o", markersize=9, markerfacecolor="none", label="fnn")
        axis.plot(formula, "x", color=draw.LINES[4]["color"], label="formula")
        axis.set_xticks(range(7), ["φ₁", "φ₂", "φ₀", "θ₁₁", "θ₂₁", "θ₀₁", "θ₀₂"])
        axis.set(ylabel="∂L/∂ parameter", title=f"1-2-1 network, {name}")
    axes[0].legend(frameon=False)
    return {"gradients": figure}
