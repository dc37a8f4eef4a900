"""What shrinks when gradients vanish: the weights, or the gradients.

Question: Do the weights of a deep network shrink while it is trained with vanishing gradients?
Source:   Sharif (claim 2.23).
Command:  python -m experiments run weights_or_gradients
Expected: the gradients fall by a factor a layer towards the input, and the weights stay as they
          were drawn.
Cost:     quick 5 s, full 30 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import fnn
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return ‖W‖ and ‖∂L/∂W‖ of each layer before each update, (seeds, steps, layers)."""
    keys = jax.random.split(jax.random.key(0), config.seeds)
    weights, gradients = jax.lax.map(jax.jit(partial(descend, config)), keys)
    return {"weights": np.asarray(weights), "gradients": np.asarray(gradients)}


def descend(config: Config, key):
    """Return ‖W‖ and ‖∂L/∂W‖ along the path of gradient descent, (steps, layers)."""
    digits = data.load("digits").train
    x = jnp.asarray(digits.x[: config.examples])
    y = jnp.asarray(digits.y[: config.examples])
    sizes = (64, *[config.width] * config.hidden_layers, 10)
    net = fnn.mlp(sizes, activation="sigmoid", init="lecun")
    loss_and_gradient = fnn.value_and_grad(net, losses.softmax_cross_entropy)

    def gradient(params):
        return loss_and_gradient(params, x, y)[1]

    params, _ = net.init(key)
    optimizer = optim.sgd(config.learning_rate)
    path = descent.trajectory(gradient, optimizer, params, steps=config.steps)
    path = jax.tree.map(lambda leaf: leaf[:-1], path)
    gradient_norms = jax.lax.map(lambda params: norms(gradient(params)), path)
    return norms(path), gradient_norms


def norms(params) -> jax.Array:
    """Return the norm of every W, (…, layers)."""
    matrices = [part.W for part in params if part]
    of_layers = [jnp.linalg.norm(W, axis=(-2, -1)) for W in matrices]
    return jnp.stack(of_layers, axis=-1)


def plot(results: Results, config: Config) -> Figures:
    """Draw the norms of weights and gradients of every other layer over training."""
    figure, (weights, gradients) = draw.figure(rows=2)
    draw_norms(weights, results["weights"], "‖W‖")
    draw_norms(gradients, results["gradients"], "‖∂L/∂W‖")
    weights.set_ylim(0.1, 100)
    weights.set_title(f"{config.hidden_layers} hidden sigmoid layers on digits", fontsize=10)
    gradients.legend(frameon=False, ncols=2, fontsize=8)
    return {"norms": figure}


def draw_norms(axis, values: np.ndarray, label: str) -> None:
    """Draw geometric means over seeds of every other layer."""
    positive = np.maximum(values, 1e-45)
    curves = np.exp(np.log(positive).mean(axis=0))
    for layer in range(0, curves.shape[1], 2):
        axis.plot(curves[:, layer], label=f"layer {layer + 1}")
    axis.set(yscale="log", ylabel=label, xlabel="epoch")
