"""Networks that start with equal weights.

Question: What does a network learn whose weights all start at zero, or at any other one value?
Source:   Adornetto (claim 0.20) and Sharif (2.31).
Command:  python -m experiments run symmetry
Expected: hidden units stay equal to each other for ever, so W₁ has rank 1. With tanh or ReLU and
          zeros nothing moves but the output bias. The loss stays far above that of random starts.
Cost:     quick 5 s, full 10 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, initializers, losses, optim
from fnn import plot as draw
from fnn.course import descent
from fnn.layers import DenseParams

ACTIVATIONS = ("sigmoid", "tanh", "relu")
STARTS = {
    "zeros": initializers.zeros,
    "constant ½": initializers.constant(0.5),
    "Glorot": initializers.glorot,
}


@dataclass(frozen=True)
class Config(Common):
    """Network and training, on circles."""

    seeds: int = 100
    """Random starts to compare with; equal starts have no seed."""
    hidden: int = 8
    steps: int = 600
    """Updates on all examples: epochs."""
    examples: int = 400
    learning_rate: float = 1.0
    """Of plain gradient descent."""


QUICK = Config(seeds=30, examples=200, quick=True)


def run(config: Config) -> Results:
    """Descend from equal and from random weights with each activation, in float64.

    loss         (activations, starts, steps + 1)
    random_loss  at the last step, (activations, seeds)
    singular     singular values of W₁ at the last step, (activations, starts, 2)
    difference   the largest between two rows of W₁ at any step, (activations, starts)
    moved        the largest distance of W₁, b₁, W₂, b₂ from the start, (activations, starts, 4)
    """
    with jax.enable_x64(True):
        circles = data.load("circles").train
        x = jnp.asarray(circles.x[: config.examples], float)
        y = jnp.asarray(circles.y[: config.examples], float)
        measured = []
        for activation in ACTIVATIONS:
            path, loss = descend_from_all(config, activation, x, y)
            measured.append(measure(path, loss))
    return {name: np.array([of[name] for of in measured]) for name in measured[0]}


def descend_from_all(config: Config, activation: str, x, y):
    """Descend from zeros, from the constant, and from Glorot's weights of each seed."""
    keys = jax.random.split(jax.random.key(0), 2 + config.seeds)
    numbers = np.minimum(np.arange(len(keys)), 2)

    def descend_from(key_and_number):
        params = start(config, *key_and_number)
        return descend(config, activation, x, y, params)

    return jax.lax.map(descend_from, (keys, numbers))


def start(config: Config, key, number):
    """Draw the parameters of a 2-hidden-1 network by the start of this number."""
    first, second = jax.random.split(key)
    draw_W1 = [lambda init=init: init(first, (config.hidden, 2)) for init in STARTS.values()]
    draw_W2 = [lambda init=init: init(second, (1, config.hidden)) for init in STARTS.values()]
    W1 = jax.lax.switch(number, draw_W1)
    W2 = jax.lax.switch(number, draw_W2)
    return DenseParams(W1, jnp.zeros(config.hidden)), (), DenseParams(W2, jnp.zeros(1))


def descend(config: Config, activation: str, x, y, params):
    """Return the path of the parameters under gradient descent, and the loss along it."""
    net = fnn.mlp((2, config.hidden, 1), activation=activation)
    loss_and_gradient = fnn.value_and_grad(net, losses.sigmoid_cross_entropy)

    def loss(params):
        return loss_and_gradient(params, x, y)[0]

    def gradient(params):
        return loss_and_gradient(params, x, y)[1]

    optimizer = optim.sgd(config.learning_rate)
    path = descent.trajectory(gradient, optimizer, params, steps=config.steps)
    return path, jax.lax.map(loss, path)


def measure(path, loss) -> Results:
    """Measure the paths of one activation, leaves (starts, steps + 1, …), as `run` returns it."""
    watched = slice(len(STARTS))
    W1 = np.asarray(path[0].W[watched])
    moved = []
    for leaf in jax.tree.leaves(path):
        distance = np.abs(leaf[watched] - leaf[watched, :1])
        moved.append(distance.reshape(len(STARTS), -1).max(axis=1))
    return {
        "loss": np.asarray(loss[watched]),
        "random_loss": np.asarray(loss[2:, -1]),
        "singular": np.linalg.svd(W1[:, -1], compute_uv=False),
        "difference": np.abs(W1 - W1[:, :, :1]).max(axis=(1, 2, 3)),
        "moved": np.transpose(moved),
    }


def plot(results: Results, config: Config) -> Figures:
    """Draw the loss from each start, and the second singular value of W₁ at the end."""
    curves, axes = draw.figure(rows=len(ACTIVATIONS), height=2.4)
    for axis, activation, losses_of_starts in zip(axes, ACTIVATIONS, results["loss"], strict=True):
        for name, loss in zip(STARTS, losses_of_starts, strict=True):
            axis.plot(loss, label=name)
        axis.set(ylabel="loss", title=activation, ylim=(0, 1))
    axes[0].legend(frameon=False)
    axes[-1].set_xlabel("epoch")
    second = np.maximum(results["singular"][:, :, 1], 1e-17)
    title = f"after {config.steps} epochs; 0 is drawn at 1e-17"
    return {"loss": curves, "rows": singular_values(second, title)}


def singular_values(values: np.ndarray, title: str) -> Figure:
    """Draw values (activations, starts) on a logarithmic axis."""
    figure, (axis,) = draw.figure(height=3)
    places = np.arange(len(ACTIVATIONS))
    for number, name in enumerate(STARTS):
        shift = 0.08 * (number - 1)
        axis.plot(places + shift, values[:, number], "os^"[number], label=name)
    axis.set(yscale="log", ylabel="second singular value of W₁", xlim=(-0.5, len(places) - 0.5))
    axis.set_xticks(places, ACTIVATIONS)
    axis.set_title(title, fontsize=10)
    axis.legend(frameon=False)
    return figure
