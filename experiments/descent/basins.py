"""Basins: which minimum a random start leads to.

Question: Does gradient descent from a random point end at a local minimum, and is it always the
          same?
Source:   Adornetto (claim 0.13).
Command:  python -m experiments run basins
Expected: A single tanh neuron with two weights has four minima of different loss; every start leads
          to one of them, and only a minority to the lowest.
Cost:     about 2 s quick and 5 s in full on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams

X = np.array([[1.0, 0.0], [8.0, 0.0], [0.0, 1.0], [0.0, 8.0]])
Y = np.array([0.6, -0.6, 0.7, -0.6])
"""Each weight has two examples that it cannot both fit, and so two minima: four for the pair. Auer
et al. 1996.
"""


@dataclass(frozen=True)
class Config(Common):
    """Starts and steps."""

    seeds: int = 3000
    """Starts, uniform in the square of side 2 × `side`."""
    side: float = 1.5
    steps: int = 4000
    learning_rate: float = 0.05


QUICK = Config(seeds=500, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """In float64: starts and ends (seeds, 2), and the loss, ‖∇L‖ and Hessian eigenvalues at the
    ends.
    """
    with jax.enable_x64(True):
        starts = jax.random.uniform(
            jax.random.key(0), (config.seeds, 2), minval=-config.side, maxval=config.side
        )
        ends, loss, gradient, eigenvalues = jax.jit(jax.vmap(descend(config)))(starts)
    return {
        "starts": np.asarray(starts),
        "ends": np.asarray(ends),
        "loss": np.asarray(loss),
        "gradient": np.asarray(gradient),
        "eigenvalues": np.asarray(eigenvalues),
    }


def descend(config: Config):
    """start -> what is at the end of a descent from there."""

    def from_start(start):
        path = descent.trajectory(
            lambda w: loss_and_gradient(w)[1],
            optim.sgd(config.learning_rate),
            start,
            steps=config.steps,
        )
        value, gradient = loss_and_gradient(path[-1])
        hessian = jax.jacfwd(lambda w: loss_and_gradient(w)[1])(path[-1])
        return path[-1], value, jnp.linalg.norm(gradient), jnp.linalg.eigvalsh(hessian)

    return from_start


def loss_and_gradient(w):
    """Mean squared error of a tanh neuron with weights w and bias 0, and ∂L/∂w."""
    net = layers.serial(layers.dense(2, 1), layers.activation("tanh"))
    value, grads = fnn.value_and_grad(net, losses.squared_error)(
        (DenseParams(w[None], jnp.zeros(1)), ()), X, Y
    )
    return value, grads[0].W[0]


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Starts in the color of the minimum they lead to."""
    figure, (axis,) = draw.figure(height=4.6)
    loss = results["loss"].round(8)
    for value, style in zip(np.unique(loss), draw.LINES, strict=False):
        here = loss == value
        axis.plot(*results["starts"][here].T, ".", color=style["color"], markersize=3, alpha=0.7)
        end = results["ends"][here][0]
        label = f"loss {value:.3f}"
        axis.plot(
            *end,
            "*",
            color=style["color"],
            markersize=17,
            markeredgecolor="white",
            linestyle="",
            label=label,
        )
    axis.set(xlabel="w₁ at the start", ylabel="w₂ at the start")
    axis.set_title("Starts in the color of the minimum (star) they lead to", fontsize=10)
    figure.legend(
        *axis.get_legend_handles_labels(),
        frameon=False,
        fontsize=8,
        ncols=4,
        loc="outside lower center",
    )
    return {"basins": figure}
