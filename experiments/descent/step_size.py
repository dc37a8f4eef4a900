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

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """Arrays (rates, seeds), in float64: training and test loss (…, steps + 1) of full-batch
    descent on the summed squared error, length of the first step, its angle to −∇L; and ‖∇L‖ at the
    starts (seeds,).
    """
    with jax.enable_x64(True):
        over_starts = jax.vmap(descend(config), in_axes=(None, 0))
        over_rates = jax.jit(jax.vmap(over_starts, in_axes=(0, None)))
        keys = jax.random.split(jax.random.key(0), config.seeds)
        found = over_rates(jnp.array(config.learning_rates), keys)
    return {name: np.asarray(value) for name, value in found.items()} | {
        "rates": np.array(config.learning_rates),
        "rows": np.array(config.rows),
    }


def descend(config: Config):
    """(rate, key) -> what comes of a descent from a start of its own."""
    net, moons = fnn.mlp((2, 8, 1), activation="tanh"), data.load("moons")
    x, y = (part[: config.rows].astype(float) for part in moons.train)
    test = [part[: config.rows].astype(float) for part in moons.test]
    loss_and_gradient = fnn.value_and_grad(net, losses.squared_error, reduction="sum")

    def of(rate, key):
        start, _ = net.init(key)
        path = descent.trajectory(
            lambda w: loss_and_gradient(w, x, y)[1], optim.sgd(rate), start, steps=config.steps
        )
        gradient = ravel_pytree(loss_and_gradient(start, x, y)[1])[0]
        step = ravel_pytree(jax.tree.map(lambda leaf: leaf[1] - leaf[0], path))[0]
        units = step / jnp.linalg.norm(step), -gradient / jnp.linalg.norm(gradient)
        return {
            "train_loss": jax.vmap(lambda w: loss_and_gradient(w, x, y)[0])(path),
            "test_loss": jax.vmap(lambda w: loss_and_gradient(w, *test)[0])(path),
            "first_step": jnp.linalg.norm(step),
            "angle": 2 * jnp.arcsin(jnp.linalg.norm(units[0] - units[1]) / 2),
            "gradient": jnp.linalg.norm(gradient),
        }

    return of


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Median training loss at each rate."""
    figure, (axis,) = draw.figure()
    for rate, loss in zip(results["rates"], results["train_loss"], strict=True):
        middle = np.median(np.where(np.isfinite(loss), loss, np.inf), axis=0)
        axis.plot(
            np.where(middle < 1e8, middle, np.nan),
            label="no rate (1)" if rate == 1 else f"rate {rate:g}",
        )
    axis.set(xscale="symlog", yscale="log", xlabel="step", ylabel="summed squared error")
    axis.set_title(f"Median of {results['train_loss'].shape[1]} starts", fontsize=10)
    axis.legend(frameon=False, fontsize=8)
    return {"rates": figure}
