"""ReLU has no derivative at zero: who takes which value there, and when it matters.

Question: Is the value of ReLU′(0) an arbitrary choice, and does it change what is learned?
Source:   The conventions (claim X11) and Piccoli (4.16).
Command:  python -m experiments run relu_at_zero
Expected: 0, ½ and 1 are all in use. Training is the same bit for bit where no pre-activation is
          ever exactly 0, as on nearly all starts on moons, and differs on XOR, whose row (0, 0)
          makes all of them 0 at the start.
Cost:     about 6 s on 2 cores, quick 4 s.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import activations, data, losses, optim
from fnn import plot as draw
from fnn.course import descent, printed

CHOICES = {
    activation.name: activation
    for activation in (activations.relu, printed.relu_half, printed.relu_one)
}
AUTODIFF = {
    "relu": jax.nn.relu,
    "maximum": lambda z: jnp.maximum(z, 0.0),
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "abs": jnp.abs,
}
TABLES = ("xor", "moons")


@dataclass(frozen=True)
class Config(Common):
    """Training with each value of ReLU′(0), from the same starts."""

    seeds: int = 256
    width: int = 8
    rows: int = 32
    """Of moons, and of XOR, whose four are repeated."""
    steps: int = 500
    learning_rate: float = 0.5


QUICK = Config(seeds=32, steps=300, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """weights (tables, choices, seeds, parameters) at the end, zeros (tables, choices, seeds,
    steps), and whether all rows are right at the end (tables, choices, seeds).
    """
    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
    around_zero = jnp.array([-1, -1e-30, 0, 1e-30, 1])
    found = [trained(config, choice, keys) for choice in CHOICES]
    weights, zeros, right = (
        np.array([[each[t][part] for each in found] for t in range(2)]) for part in range(3)
    )
    return {
        "slopes": np.array([choice.derivative(around_zero) for choice in CHOICES.values()]),
        "autodiff": np.array([jax.grad(f)(0.0) for f in AUTODIFF.values()]),
        "weights": weights,
        "zeros": zeros,
        "right": right,
    }


def trained(config: Config, choice: str, keys) -> list[tuple[np.ndarray, ...]]:
    """For each table: weights at the end, exact zeros among the pre-activations of every step, and
    whether all rows are right at the end.
    """
    net = fnn.mlp((2, config.width, 1), activation=CHOICES[choice])
    loss_and_gradient = fnn.value_and_grad(net, losses.sigmoid_cross_entropy)
    optimizer = optim.sgd(config.learning_rate)

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, None))
    def one(key, x, y):
        params, _ = net.init(key)
        path = descent.trajectory(
            lambda p: loss_and_gradient(p, x, y)[1], optimizer, params, steps=config.steps
        )
        zeros = jax.vmap(lambda first: jnp.sum(fnn.apply(net.parts[0], first, x) == 0))(path[0])
        last = jax.tree.map(lambda leaf: leaf[-1], path)
        right = jnp.all((fnn.apply(net, last, x)[:, 0] > 0) == (y == 1))
        return ravel_pytree(last)[0], zeros[:-1], right

    return [one(keys, *rows(config, name)) for name in TABLES]


def rows(config: Config, table: str) -> tuple[jax.Array, jax.Array]:
    """As many rows of each table, so that they share a program: XOR's four over and over."""
    x, y = data.load(table).train
    return jnp.asarray(np.resize(x, (config.rows, 2))), jnp.asarray(np.resize(y, config.rows))


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """How far the choices lie apart after training, and exact zeros by step."""
    figure, (zeros, apart) = draw.figure(rows=2)
    distance = np.abs(results["weights"] - results["weights"][:, :1]).max(axis=-1)
    steps = np.arange(1, config.steps + 1)
    for t, table in enumerate(TABLES):
        count = config.rows * config.width
        zeros.plot(steps, results["zeros"][t, 0].mean(axis=0) / count, label=table)
        for c, choice in ((1, "½"), (2, "1")):
            sizes = np.sort(np.maximum(distance[t, c], 1e-9))
            share = np.arange(1, len(sizes) + 1) / len(sizes)
            apart.step(
                sizes,
                share,
                label=f"{table}: {choice} against 0",
                linewidth=5 - 2 * c,
                **draw.LINES[4 * t + c],
            )
    zeros.set(
        xscale="log",
        xlabel="step",
        ylabel="share of exact zeros",
        title="pre-activations that are exactly 0",
    )
    apart.set(
        xscale="log",
        xlabel="largest difference of a weight (1e-9: none)",
        ylabel="share of starts",
        title="weights after training, by ReLU′(0)",
    )
    for axis in (zeros, apart):
        axis.legend(frameon=False, fontsize=8)
    return {"weights": figure}
