"""The size of a step: what is left of gradient descent without a learning rate.

Question: Can a network take the gradient itself as its step, and what does a learning rate change?
Source:   The deep-learning notes (claim 3.5) and Piccoli's quiz (4.22).
Command:  python -m experiments run step_size
Expected: Steps of the whole gradient raise the loss; a rate shortens them, in the same direction,
          and the network learns. Half the rate for twice the steps leads to the same training and
          test loss.
Cost:     about 4 s on 2 cores.
"""

from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn import plot as draw
from fnn.course import descent


@dataclass(frozen=True)
class Config(Common):
    """Rates, starts and steps."""

    seeds: int = 256
    """Starts of a 2-8-1 tanh network."""
    learning_rates: tuple[float, ...] = (1.0, 0.01, 0.005, 0.002, 0.001)
    """1 is descent without a rate; the last is half the one before."""
    steps: int = 600
    """Even: half of them at a rate are compared with all of them at half the rate."""
    rows: int = 100
    """Of the moons data, and as many to test."""


QUICK = Config(seeds=64, quick=True)


def run(config: Config) -> Results:
    """Return what `descend` measures, (rates, seeds, …), in float64.

    The descent is full-batch, on the summed squared error.
    """
    with jax.enable_x64(True):
        over_starts = jax.vmap(partial(descend, config), in_axes=(None, 0))
        over_rates = jax.jit(jax.vmap(over_starts, in_axes=(0, None)))
        rates = jnp.array(config.learning_rates)
        keys = jax.random.split(jax.random.key(0), config.seeds)
        measured = over_rates(rates, keys)
    results = {name: np.asarray(value) for name, value in measured.items()}
    results["rates"] = np.array(config.learning_rates)
    results["rows"] = np.array(config.rows)
    return results


def descend(config: Config, learning_rate, key):
    """Descend from a random start: losses (steps + 1,), the first step and the gradient there."""
    net = fnn.mlp((2, 8, 1), activation="tanh")
    train, test = moons(config.rows)
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error, reduction="sum")
    start, _ = net.init(key)
    sgd = optim.sgd(learning_rate)
    path = descent.trajectory(
        lambda params: loss_and_gradient(params, *train)[1], sgd, start, steps=config.steps
    )
    _, grads = loss_and_gradient(start, *train)
    gradient = vector(grads)
    step = vector(jax.tree.map(lambda leaf: leaf[1] - leaf[0], path))
    return {
        "train_loss": jax.vmap(lambda params: loss_and_gradient(params, *train)[0])(path),
        "test_loss": jax.vmap(lambda params: loss_and_gradient(params, *test)[0])(path),
        "first_step": jnp.linalg.norm(step),
        "angle": angle(step, -gradient),
        "gradient": jnp.linalg.norm(gradient),
    }


def moons(rows: int):
    """Return the first rows of the training and of the test split, each (x, y), in float64."""
    dataset = data.load("moons")
    train = [part[:rows].astype(float) for part in dataset.train]
    test = [part[:rows].astype(float) for part in dataset.test]
    return train, test


def vector(tree):
    """Return all numbers of a tree as one vector."""
    return ravel_pytree(tree)[0]


def angle(u, v):
    """Return the angle between two vectors in radians; accurate near 0, where arccos is not."""
    u = u / jnp.linalg.norm(u)
    v = v / jnp.linalg.norm(v)
    chord = jnp.linalg.norm(u - v)
    return 2 * jnp.arcsin(chord / 2)


def plot(results: Results, config: Config) -> Figures:
    """Draw the median training loss at each rate."""
    figure, (axis,) = draw.figure()
    for rate, losses_of_starts in zip(results["rates"], results["train_loss"], strict=True):
        finite = np.isfinite(losses_of_starts)
        middle = np.median(np.where(finite, losses_of_starts, np.inf), axis=0)
        visible = np.where(middle < 1e8, middle, np.nan)
        label = "no rate (1)" if rate == 1 else f"rate {rate:g}"
        axis.plot(visible, label=label)
    axis.set(xscale="symlog", yscale="log", xlabel="step", ylabel="summed squared error")
    axis.set_title(f"Median of {results['train_loss'].shape[1]} starts", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"rates": figure}
