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
from matplotlib.axes import Axes

import fnn
from experiments.claims import share_interval
from experiments.common import Common, Figures, Results
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


def run(config: Config) -> Results:
    """Return where each start ended and its updates an epoch, (batch sizes, rates, seeds)."""
    sweep = descend(config)
    shape = (len(config.batch_sizes), len(config.learning_rates), config.seeds)
    weights = [sweep.params(setting).W[:, 0] for setting in range(len(sweep.settings))]
    ends, updates = np.moveaxis(np.stack(weights), -1, 0)
    return {
        "ends": ends.reshape(shape),
        "updates": updates.reshape(shape) / config.epochs,
        "batch_sizes": np.array(config.batch_sizes),
        "learning_rates": np.array(config.learning_rates),
        "examples": np.array(config.examples),
        "tilt": np.array(config.tilt),
    }


def descend(config: Config) -> fnn.Sweep:
    """Train one weight from the shallow well, with each batch size and rate."""
    net = layers.dense(2, 1, init=in_the_right_well)
    return fnn.sweep(
        lambda hyper: (net, LOSS, counting(optim.sgd(hyper["learning_rate"]))),
        examples(config),
        epochs=config.epochs,
        batch_size=1,
        seeds=range(config.seeds),
        hyper={"batch_size": config.batch_sizes, "learning_rate": config.learning_rates},
    )


def examples(config: Config) -> Dataset:
    """Draw the tilts of the wells, with exactly the mean that is asked, as targets.

    All inputs are (1, 0), so that the network's output is its first weight.
    """
    noise = config.noise * np.random.default_rng(0).normal(size=config.examples)
    tilts = config.tilt + noise - noise.mean()
    x = np.tile(np.array([1, 0], np.float32), (config.examples, 1))
    split = Split(x, tilts.astype(np.float32))
    return Dataset(split, split, split)


def in_the_right_well(key, shape):
    """Return W = (w, 0) with w uniform in [0.6, 1.4]."""
    w = jax.random.uniform(key, (), minval=0.6, maxval=1.4)
    return jnp.array([[w, 0.0]])


def counting(optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return an optimizer that counts its updates in the second weight, whose input is 0.

    Only the first weight is trained.
    """

    def update(grads, state, params=None):
        updates, state = optimizer.update(grads, state, params)
        W = updates.W.at[0, 1].set(1.0)
        return DenseParams(W, jnp.zeros_like(updates.b)), state

    return optax.GradientTransformation(optimizer.init, update)


def plot(results: Results, config: Config) -> Figures:
    """Draw the mean of the wells with the ends, and the share that escaped over the batch size."""
    figure, (top, bottom) = draw.figure(rows=2, height=3.0)
    draw_ends(top, results)
    draw_shares(bottom, results)
    return {"escape": figure}


def draw_ends(axis: Axes, results) -> None:
    """Draw the mean of the wells, and where descent by one and by all examples ends."""
    sizes = results["batch_sizes"]
    w = np.linspace(-1.9, 1.9, 300)
    well = (w**2 - 1) ** 2 / 4 + results["tilt"] * w
    axis.plot(w, well, color="black", label="loss")
    draw_histogram(axis, results["ends"][0, -1], draw.LINES[0], f"ends, B = {sizes[0]}")
    draw_histogram(axis, results["ends"][-1, -1], draw.LINES[1], f"ends, B = {sizes[-1]} (all)")
    axis.set(xlabel="weight", ylabel="loss; ends (scaled)", ylim=(-0.3, 1.45))
    axis.set_title(f"{results['ends'].shape[-1]} starts in the right, shallow well", fontsize=10)
    axis.legend(frameon=False, fontsize=8, ncols=3, loc="upper center")


def draw_histogram(axis: Axes, ends: np.ndarray, style: dict, label: str) -> None:
    """Draw a histogram of ends, scaled to the height 1."""
    counts, edges = np.histogram(ends, bins=60, range=(-1.9, 1.9))
    scaled = counts / counts.max()
    axis.stairs(scaled, edges, color=style["color"], fill=True, alpha=0.5, label=label)


def draw_shares(axis: Axes, results) -> None:
    """Draw the share of starts that escaped over the batch size, a line for each rate."""
    for number, rate in enumerate(results["learning_rates"]):
        shares = [share_interval(ends < 0) for ends in results["ends"][:, number]]
        middle, low, high = np.transpose(shares)
        reach = (middle - low, high - middle)
        label = f"rate {rate:g}"
        axis.errorbar(results["batch_sizes"], middle, reach, marker="o", capsize=3, label=label)
    axis.set(xscale="log", xlabel="batch size B", ylabel="share that escaped", ylim=(-0.03, 1.03))
    axis.legend(frameon=False, fontsize=8)
