"""Networks that start with equal weights.

Question: What does a network learn whose weights all start at zero, or at any other one value?
Source:   Adornetto (claim 0.20) and Sharif (2.31).
Command:  python -m experiments run symmetry
Expected: hidden units stay equal to each other for ever, so W₁ has rank 1. With tanh or ReLU and
          zeros nothing moves but the output bias. The loss stays far above that of random starts.
Cost:     quick 5 s, full 10 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
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
        params = starts(config)
        measured = []
        for activation in ACTIVATIONS:
            from_start = partial(descend, config, activation, x, y)
            path, loss = jax.lax.map(from_start, params)
            measured.append(measure(path, loss))
    return {name: np.array([of[name] for of in measured]) for name in measured[0]}


def starts(config: Config):
    """Draw the parameters of zeros, the constant and all random starts, leaves (starts, …)."""
    keys = jax.random.split(jax.random.key(0), 2 + config.seeds)
    keys_of_inits = (keys[:1], keys[1:2], keys[2:])
    drawn = []
    for init, some_keys in zip(STARTS.values(), keys_of_inits, strict=True):
        draw_start = partial(start, init, config.hidden)
        drawn.append(jax.vmap(draw_start)(some_keys))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *drawn)


def start(init, hidden: int, key):
    """Draw the parameters of a 2-hidden-1 network."""
    first, second = jax.random.split(key)
    hidden_layer = DenseParams(init(first, (hidden, 2)), jnp.zeros(hidden))
    output_layer = DenseParams(init(second, (1, hidden)), jnp.zeros(1))
    return hidden_layer, (), output_layer


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


def measure(path, loss) -> dict[str, np.ndarray]:
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


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
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
