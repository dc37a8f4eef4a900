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
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from experiments.functions.full_batch import gradient_of, last_of
from fnn import activations, data, losses, optim
from fnn.activations import Activation
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


def run(config: Config) -> Results:
    """Return the slopes at 0 and around, and what training with each of them leads to.

    weights  (tables, choices, seeds, parameters) at the end
    zeros    (tables, choices, seeds, steps) pre-activations that are exactly 0
    right    (tables, choices, seeds) whether all rows are right at the end
    """
    around_zero = jnp.array([-1, -1e-30, 0, 1e-30, 1])
    slopes = [choice.derivative(around_zero) for choice in CHOICES.values()]
    autodiff = [jax.grad(f)(0.0) for f in AUTODIFF.values()]
    weights, zeros, right = trained_with_each(config)
    return {
        "slopes": np.array(slopes),
        "autodiff": np.array(autodiff),
        "weights": weights,
        "zeros": zeros,
        "right": right,
    }


def trained_with_each(config: Config) -> list[np.ndarray]:
    """Train with each choice on each table. Each array begins with (tables, choices, seeds)."""
    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))
    trainers = []
    for activation in CHOICES.values():
        over_seeds = jax.vmap(partial(trained, config, activation), in_axes=(0, None, None))
        trainers.append(jax.jit(over_seeds))
    by_table = []
    for table in TABLES:
        x, y = rows(config, table)
        by_choice = [train(keys, x, y) for train in trainers]
        by_table.append(stacked(by_choice))
    return stacked(by_table)


def stacked(outcomes: list[Any]) -> list[np.ndarray]:
    """Stack each of the arrays that all outcomes have."""
    return [np.stack(arrays) for arrays in zip(*outcomes, strict=True)]


def trained(config: Config, activation: Activation, key, x: jax.Array, y: jax.Array):
    """Return the weights at the end, exact zeros in every step, and whether all rows are right."""
    net = fnn.mlp((2, config.width, 1), activation=activation)
    gradient = gradient_of(net, losses.sigmoid_cross_entropy, x, y)
    start, _ = net.init(key)

    def exact_zeros(hidden):
        z = fnn.apply(net.parts[0], hidden, x)
        return jnp.sum(z == 0)

    path = descent.trajectory(gradient, optim.sgd(config.learning_rate), start, steps=config.steps)
    zeros = jax.vmap(exact_zeros)(path[0])
    last = last_of(path)
    logits = fnn.apply(net, last, x)[:, 0]
    right = (logits > 0) == (y == 1)
    weights, _ = ravel_pytree(last)
    return weights, zeros[:-1], jnp.all(right)


def rows(config: Config, table: str) -> tuple[jax.Array, jax.Array]:
    """Return as many rows of each table, so that they share a program.

    XOR's four rows are repeated.
    """
    x, y = data.load(table).train
    many_x = np.resize(x, (config.rows, 2))
    many_y = np.resize(y, config.rows)
    return jnp.asarray(many_x), jnp.asarray(many_y)


def plot(results: Results, config: Config) -> Figures:
    """Draw exact zeros by step, and how far the choices lie apart after training."""
    figure, axes = draw.figure(rows=2)
    zeros, apart = axes
    steps = np.arange(1, config.steps + 1)
    pre_activations = config.rows * config.width
    with_zero = results["zeros"][:, 0].mean(axis=1) / pre_activations
    for table, share in zip(TABLES, with_zero, strict=True):
        zeros.plot(steps, share, label=table)
    zeros.set(xscale="log", xlabel="step", ylabel="share of exact zeros")
    zeros.set_title("pre-activations that are exactly 0")
    draw_distances(apart, results["weights"])
    draw.legends(axes)
    return {"weights": figure}


def draw_distances(axis: Axes, weights: np.ndarray) -> None:
    """Draw the distribution over starts of the largest difference of a weight.

    weights  (tables, choices, seeds, parameters)
    """
    distance = np.abs(weights - weights[:, :1]).max(axis=-1)
    starts = distance.shape[-1]
    share = np.arange(1, starts + 1) / starts
    for row, table in enumerate(TABLES):
        for choice, slope in ((1, "½"), (2, "1")):
            sizes = np.sort(np.maximum(distance[row, choice], 1e-9))
            style = {"linewidth": 5 - 2 * choice, **draw.LINES[4 * row + choice]}
            axis.step(sizes, share, label=f"{table}: {slope} against 0", **style)
    axis.set(xscale="log", ylabel="share of starts")
    axis.set_xlabel("largest difference of a weight (1e-9: none)")
    axis.set_title("weights after training, by ReLU′(0)")
