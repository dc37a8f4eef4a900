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
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
from fnn import layers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams

X = np.array([[1.0, 0.0], [8.0, 0.0], [0.0, 1.0], [0.0, 8.0]])
Y = np.array([0.6, -0.6, 0.7, -0.6])
"""Each weight has two examples that it cannot both fit, and so two minima. That makes four for the
pair. Auer et al. 1996.
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


def run(config: Config) -> Results:
    """Return the starts (seeds, 2) and what `descend` finds from each, (seeds, …), in float64."""
    with jax.enable_x64(True):
        shape = (config.seeds, 2)
        starts = jax.random.uniform(
            jax.random.key(0), shape, minval=-config.side, maxval=config.side
        )
        ends = jax.jit(jax.vmap(partial(descend, config)))(starts)
    results = {name: np.asarray(value) for name, value in ends.items()}
    return results | {"starts": np.asarray(starts)}


def descend(config: Config, start):
    """Follow the gradient from a start and measure what is at the end."""
    sgd = optim.sgd(config.learning_rate)
    path = descent.trajectory(gradient, sgd, start, steps=config.steps)
    end = path[-1]
    loss, slope = loss_and_gradient(end)
    hessian = jax.jacfwd(gradient)(end)
    return {
        "ends": end,
        "loss": loss,
        "gradient": jnp.linalg.norm(slope),
        "eigenvalues": jnp.linalg.eigvalsh(hessian),
    }


def loss_and_gradient(w):
    """Return the mean squared error of a tanh neuron with weights w and bias 0, and ∂L/∂w."""
    net = layers.serial(layers.dense(2, 1), layers.activation("tanh"))
    params = (DenseParams(w[None], jnp.zeros(1)), ())
    loss, grads = fnn.value_and_grad(net, losses.squared_error)(params, X, Y)
    return loss, grads[0].W[0]


def gradient(w):
    """Return ∂L/∂w."""
    _, grads = loss_and_gradient(w)
    return grads


def plot(results: Results, config: Config) -> Figures:
    """Draw the starts in the color of the minimum they lead to."""
    figure, (axis,) = draw.figure(height=4.6)
    loss = results["loss"].round(8)
    for minimum, style in zip(np.unique(loss), draw.LINES, strict=False):
        color = style["color"]
        leads_there = loss == minimum
        starts = results["starts"][leads_there]
        end = results["ends"][leads_there][0]
        axis.plot(*starts.T, ".", color=color, markersize=3, alpha=0.7)
        label = f"loss {minimum:.3f}"
        (star,) = axis.plot(*end, "*", color=color, markersize=17, label=label)
        star.set(markeredgecolor="white", linestyle="")
    axis.set(xlabel="w₁ at the start", ylabel="w₂ at the start")
    axis.set_title("Starts in the color of the minimum (star) they lead to", fontsize=10)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, frameon=False, fontsize=8, ncols=4, loc="outside lower center")
    return {"basins": figure}
