"""What shrinks when gradients vanish: the weights, or the gradients.

Question: Do the weights of a deep network shrink while it is trained with vanishing gradients?
Source:   Sharif (claim 2.23).
Command:  python -m experiments run weights_or_gradients
Expected: the gradients fall by a factor a layer towards the input and the weights stay as they were
          drawn.
Cost:     quick 5 s, full 30 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw
from fnn.course import descent


@dataclass(frozen=True)
class Config(Common):
    """Network and training, on digits."""

    seeds: int = 30
    hidden_layers: int = 8
    width: int = 32
    steps: int = 600
    """Updates on the same examples: epochs."""
    examples: int = 256
    learning_rate: float = 0.5
    """Of plain gradient descent."""


QUICK = Config(seeds=6, steps=200, examples=128, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """‖W_l‖ and ‖∂L/∂W_l‖ before each update, (seeds, steps, layers)."""
    x, y = (jnp.asarray(each[: config.examples]) for each in data.load("digits").train)
    net = fnn.mlp(
        (64, *[config.width] * config.hidden_layers, 10), activation="sigmoid", init="lecun"
    )
    loss_and_gradient = fnn.value_and_grad(net, losses.softmax_cross_entropy)
    optimizer = optim.sgd(config.learning_rate)

    def gradient(params):
        return loss_and_gradient(params, x, y)[1]

    @jax.jit
    def norms(key):
        params, _ = net.init(key)
        path = descent.trajectory(gradient, optimizer, params, steps=config.steps)
        path = jax.tree.map(lambda leaf: leaf[:-1], path)
        return of_matrices(path), jax.lax.map(lambda params: of_matrices(gradient(params)), path)

    weights, gradients = jax.lax.map(norms, jax.random.split(jax.random.key(0), config.seeds))
    return {"weights": np.asarray(weights), "gradients": np.asarray(gradients)}


def of_matrices(params) -> jax.Array:
    """The norm of every W, (…, layers)."""
    return jnp.stack([jnp.linalg.norm(part.W, axis=(-2, -1)) for part in params if part], axis=-1)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Norms of weights and gradients of every other layer over training, geometric means over
    seeds.
    """
    figure, axes = draw.figure(rows=2)
    for axis, name, label in zip(axes, ("weights", "gradients"), ("‖W‖", "‖∂L/∂W‖"), strict=True):
        curves = np.exp(np.log(np.maximum(results[name], 1e-45)).mean(axis=0))
        for layer in range(0, curves.shape[1], 2):
            axis.plot(curves[:, layer], label=f"layer {layer + 1}")
        axis.set(yscale="log", ylabel=label, xlabel="epoch")
    axes[0].set_ylim(0.1, 100)
    axes[0].set_title(f"{config.hidden_layers} hidden sigmoid layers on digits", fontsize=10)
    axes[1].legend(frameon=False, ncols=2, fontsize=8)
    return {"norms": figure}
