"""Two wells: gradient descent stays in the one it starts in, stochastic descent does not.

Question: Does stochastic descent leave a local minimum that gradient descent is stuck in, and what
          does it cost?
Source:   De Marzo (claim 1.22).
Command:  python -m experiments run double_well
Expected: From the shallow well no full-batch descent escapes; with batches of one example most end
          in the deep one. An epoch has ⌈N/B⌉ updates, each of which costs B example gradients.
Cost:     about 8 s quick and 15 s in full on 2 cores, most of it compiling one program for each
          batch size.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure

import fnn
from experiments.claims import share_interval
from experiments.common import Common
from fnn import layers, optim
from fnn import plot as draw
from fnn.course import surfaces
from fnn.data import Dataset, Split
from fnn.layers import DenseParams
from fnn.types import Loss

LOSS = Loss(
    "double well tilted by the target",
    forward=lambda prediction, tilt: surfaces.double_well(tilt).value(prediction),
    backward=lambda prediction, tilt: surfaces.double_well(tilt).gradient(prediction),
)


@dataclass(frozen=True)
class Config(Common):
    """Examples, starts and training."""

    seeds: int = 512
    """Starts, uniform in [0.6, 1.4], where the shallow well is."""
    examples: int = 100
    """Each has a double well of its own, tilted at random."""
    tilt: float = 0.1
    """The mean of the tilts; above 0 the left well is the deep one."""
    noise: float = 2.0
    """Standard deviation of the tilts."""
    batch_sizes: tuple[int, ...] = (1, 4, 16, 100)
    """The last is all examples, plain gradient descent."""
    learning_rates: tuple[float, ...] = (0.03, 0.05)
    epochs: int = 100


QUICK = Config(seeds=128, batch_sizes=(1, 16, 100), quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """Where each start ended and its updates an epoch, (batch sizes, rates, seeds)."""
    hyper = {"batch_size": config.batch_sizes, "learning_rate": config.learning_rates}
    net, dataset = layers.dense(2, 1, init=in_the_right_well), examples(config)
    sweep = fnn.sweep(
        lambda hyper: (net, LOSS, counting(optim.sgd(hyper["learning_rate"]))),
        dataset,
        epochs=config.epochs,
        batch_size=1,
        seeds=range(config.seeds),
        hyper=hyper,
    )
    ends = np.stack(
        [np.asarray(sweep.params(setting).W)[:, 0] for setting in range(len(sweep.settings))]
    )
    ends = ends.reshape(len(config.batch_sizes), len(config.learning_rates), config.seeds, 2)
    return {
        "ends": ends[..., 0],
        "updates": ends[..., 1] / config.epochs,
        "batch_sizes": np.array(config.batch_sizes),
        "learning_rates": np.array(config.learning_rates),
        "examples": np.array(config.examples),
        "tilt": np.array(config.tilt),
    }


def examples(config: Config) -> Dataset:
    """Inputs (1, 0), so that the network's output is its first weight, and tilts of exactly the
    mean that is asked.
    """
    tilts = config.noise * np.random.default_rng(0).normal(size=config.examples)
    tilts = (config.tilt + tilts - tilts.mean()).astype(np.float32)
    split = Split(np.tile(np.array([1, 0], np.float32), (config.examples, 1)), tilts)
    return Dataset(split, split, split)


def in_the_right_well(key, shape):
    """W = (w, 0) with w uniform in [0.6, 1.4]."""
    return jnp.array([[jax.random.uniform(key, (), minval=0.6, maxval=1.4), 0.0]])


def counting(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """The optimizer on the first weight alone, and the number of its updates in the second, whose
    input is 0.
    """

    def update(grads, state, params=None):
        updates, state = optimizer.update(grads, state, params)
        return DenseParams(updates.W.at[0, 1].set(1.0), jnp.zeros_like(updates.b)), state

    return optax.GradientTransformation(optimizer.init, update)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The mean of the wells with the ends, and the share that escaped over the batch size."""
    figure, (top, bottom) = draw.figure(rows=2, height=3.0)
    x = np.linspace(-1.9, 1.9, 300)
    top.plot(x, (x**2 - 1) ** 2 / 4 + results["tilt"] * x, color="black", label="loss")
    for number, name in (
        (0, f"B = {results['batch_sizes'][0]}"),
        (-1, f"B = {results['batch_sizes'][-1]} (all)"),
    ):
        style = draw.LINES[1 if number else 0]
        counts, edges = np.histogram(results["ends"][number, -1], bins=60, range=(-1.9, 1.9))
        top.stairs(
            counts / counts.max(),
            edges,
            color=style["color"],
            fill=True,
            alpha=0.5,
            label=f"ends, {name}",
        )
    top.set(xlabel="weight", ylabel="loss; ends (scaled)", ylim=(-0.3, 1.45))
    top.legend(frameon=False, fontsize=8, ncols=3, loc="upper center")
    for number, rate in enumerate(results["learning_rates"]):
        shares = np.array([share_interval(ends < 0) for ends in results["ends"][:, number]])
        middle, low, high = shares.T
        bottom.errorbar(
            results["batch_sizes"],
            middle,
            (middle - low, high - middle),
            marker="o",
            capsize=3,
            label=f"rate {rate:g}",
        )
    bottom.set(xscale="log", xlabel="batch size B", ylabel="share that escaped", ylim=(-0.03, 1.03))
    bottom.legend(frameon=False, fontsize=8)
    top.set_title(f"{results['ends'].shape[-1]} starts in the right, shallow well", fontsize=10)
    return {"escape": figure}
