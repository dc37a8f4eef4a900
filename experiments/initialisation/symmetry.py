"""Networks that start with equal weights.

Question: What does a network learn whose weights all start at zero, or at any other one value?
Source:   Adornetto (claim 0.20) and Sharif (2.31).
Command:  python -m experiments run symmetry
Expected: hidden units stay equal to each other for ever, so W₁ has rank 1; with tanh or ReLU and
          zeros nothing moves but the output bias. The loss stays far above that of random starts.
Cost:     quick 5 s, full 10 s on 2 cores.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, initializers, losses, optim
from fnn import plot as draw
from fnn.course import descent

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
    """In float64, over (activations, starts): the singular values of W₁, its largest difference
    between two rows at any step, how far each parameter ever moved, and the loss; `random_loss`
    (activations, seeds) at the last step.
    """
    with jax.enable_x64(True):
        x, y = (jnp.asarray(each[: config.examples], float) for each in data.load("circles").train)
        found = [compared(config, activation, x, y) for activation in ACTIVATIONS]
    return {name: np.array([each[name] for each in found]) for name in found[0]}


def compared(config: Config, activation: str, x, y) -> dict[str, np.ndarray]:
    """What `run` returns, for one activation."""
    net = fnn.mlp((2, config.hidden, 1), activation=activation)
    loss_and_gradient = fnn.value_and_grad(net, losses.sigmoid_cross_entropy)
    optimizer = optim.sgd(config.learning_rate)

    def descend(key, init):
        """The path of (W₁, b₁, W₂, b₂) and the loss along it, from the initialiser of
        that number.
        """
        first, second = jax.random.split(key)
        draw_W1 = [lambda i=i: i(first, (config.hidden, 2)) for i in STARTS.values()]
        draw_W2 = [lambda i=i: i(second, (1, config.hidden)) for i in STARTS.values()]
        (hidden, _, output), _ = net.init(key)
        W1, W2 = jax.lax.switch(init, draw_W1), jax.lax.switch(init, draw_W2)
        params = (hidden._replace(W=W1), (), output._replace(W=W2))
        path = descent.trajectory(
            lambda p: loss_and_gradient(p, x, y)[1], optimizer, params, steps=config.steps
        )
        return path, jax.lax.map(lambda p: loss_and_gradient(p, x, y)[0], path)

    keys = jax.random.split(jax.random.key(0), 2 + config.seeds)
    inits = np.minimum(np.arange(len(keys)), 2)  # zeros, the constant, and the random starts
    paths, loss = jax.lax.map(lambda start: descend(*start), (keys, inits))
    W1 = np.asarray(paths[0].W[:3])
    moved = [
        np.abs(leaf[:3] - leaf[:3, :1]).reshape(3, -1).max(axis=1)
        for leaf in jax.tree.leaves(paths)
    ]
    return {
        "loss": np.asarray(loss[:3]),
        "random_loss": np.asarray(loss[2:, -1]),
        "singular": np.linalg.svd(W1[:, -1], compute_uv=False),
        "difference": np.abs(W1 - W1[:, :, :1]).max(axis=(1, 2, 3)),
        "moved": np.array(moved).T,
    }


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The loss from each start, and the singular values of W₁ at the end."""
    curves, axes = draw.figure(rows=len(ACTIVATIONS), height=2.4)
    for axis, name, losses_of in zip(axes, ACTIVATIONS, results["loss"], strict=True):
        for start, loss in zip(STARTS, losses_of, strict=True):
            axis.plot(loss, label=start)
        axis.set(ylabel="loss", title=name, ylim=(0, 1))
    axes[0].legend(frameon=False)
    axes[-1].set_xlabel("epoch")
    bars, (axis,) = draw.figure(height=3)
    places = np.arange(len(ACTIVATIONS))
    for s, start in enumerate(STARTS):
        second = np.maximum(results["singular"][:, s, 1], 1e-17)
        axis.plot(places + 0.08 * (s - 1), second, "os^"[s], label=start)
    axis.set(yscale="log", ylabel="second singular value of W₁", xlim=(-0.5, len(places) - 0.5))
    axis.set_xticks(places, ACTIVATIONS)
    axis.set_title(f"after {config.steps} epochs; 0 is drawn at 1e-17", fontsize=10)
    axis.legend(frameon=False)
    return {"loss": curves, "rows": bars}
