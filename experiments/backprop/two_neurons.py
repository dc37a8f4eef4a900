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
import numpy as np

import fnn
from experiments.backprop.random_networks import dense, flow
from experiments.common import Common, Figures, Results
from fnn import losses
from fnn import plot as draw
from fnn.layers import DenseParams

X, TARGET = 1.5, 1.0
ACTIVATIONS = ("relu", "tanh")
PARAMETERS = ("φ₁", "φ₂", "φ₀", "θ₁₁", "θ₂₁", "θ₀₁", "θ₀₂")


@dataclass(frozen=True)
class Config(Common):
    """Networks beside the worked one."""

    seeds: int = 1000
    """Random 1-2-2-1 networks."""


QUICK = Config(seeds=100, quick=True)


def run(config: Config) -> Results:
    """Compute the seven gradients by fnn and by the formulas, in float64.

    seven and formulas are (ACTIVATIONS, PARAMETERS). deeper_error is the largest relative error of
    fnn against autodiff with one more hidden layer.
    """
    with jax.enable_x64(True):
        deeper = flow((1, 2, 2, 1), "tanh", config.seeds)
        theta = dense([[0.6], [-0.4]], [-0.1, 0.3])
        phi = dense([[1.2, -0.7]], [0.05])
        seven = [by_fnn(theta, phi, name) for name in ACTIVATIONS]
        formulas = [by_formulas(theta, phi, name) for name in ACTIVATIONS]
    return {
        "deeper_error": np.array(deeper.autodiff_error),
        "seven": np.array(seven),
        "formulas": np.array(formulas),
    }


def by_fnn(theta: DenseParams, phi: DenseParams, activation: str) -> np.ndarray:
    """Return fnn's gradients of the seven PARAMETERS."""
    net = fnn.mlp((1, 2, 1), activation=activation)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error)
    x = np.array([[X]])
    y = np.array([TARGET])
    _, (d_theta, _, d_phi) = loss_and_gradient((theta, (), phi), x, y)
    return np.concatenate([d_phi.W[0], d_phi.b, d_theta.W[:, 0], d_theta.b])


def by_formulas(theta: DenseParams, phi: DenseParams, activation: str) -> np.ndarray:
    """Return the gradients of the seven PARAMETERS by De Marzo's formulas, for both neurons."""
    a = fnn.activations.get(activation)
    f = theta.W[:, 0] * X + theta.b
    h = a.value(f)
    y = phi.W[0] @ h + phi.b
    d_y = 2 * (y - TARGET)
    d_f = d_y * phi.W[0] * a.derivative(f)
    return np.concatenate([d_y * h, d_y, d_f * X, d_f])


def plot(results: Results, config: Config) -> Figures:
    """Draw the seven gradients with each activation."""
    figure, axes = draw.figure(rows=2, height=2.4)
    cross = {"color": draw.LINES[4]["color"], "marker": "x", "linestyle": "none"}
    for number, name in enumerate(("ReLU", "tanh")):
        axis = axes[number]
        axis.plot(results["seven"][number], "o", markersize=9, markerfacecolor="none", label="fnn")
        axis.plot(results["formulas"][number], label="formula", **cross)
        axis.set_xticks(range(len(PARAMETERS)), PARAMETERS)
        axis.set(ylabel="∂L/∂ parameter", title=f"1-2-1 network, {name}")
    axes[0].legend(frameon=False)
    return {"gradients": figure}
