"""Where gradient descent ends from different starts, and what starting again is worth.

Question: How far apart do equal networks end that only start elsewhere, and how much better is the
          best of k starts?
Source:   Adornetto (claim 0.24) and Sharif (2.18).
Command:  python -m experiments run starting_again
Expected: on XOR, 2-2-1 networks end in the minimum or in one of several worse places, the same at
          every repetition; the best of ten starts nearly always has it.
Cost:     quick 4 s, full 5 s on 2 cores.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import fnn
from experiments.common import Common
from fnn import data, losses, optim
from fnn import plot as draw


@dataclass(frozen=True)
class Config(Common):
    """Starts and training."""

    seeds: int = 1000
    """Starts of the network."""
    epochs: int = 500
    """Each is one step on all four rows."""
    learning_rate: float = 0.05
    """Adam's."""


QUICK = Config(seeds=200, quick=True)


def run(config: Config) -> dict[str, np.ndarray]:
    """The loss of each start after training, and the same once more; (seeds,)."""
    net = fnn.mlp((2, 2, 1), activation="tanh", init="glorot")
    optimizer = optim.adam(config.learning_rate)

    def builder(hyper):
        return net, losses.sigmoid_cross_entropy, optimizer

    def trained():
        sweep = fnn.sweep(
            builder, data.load("xor"), epochs=config.epochs, batch_size=4, seeds=range(config.seeds)
        )
        return sweep.final("train_loss")[0]

    return {"loss": trained(), "again": trained()}


def best_of(losses: np.ndarray, k: int) -> float:
    """The expected lowest of k of these losses, drawn without replacement."""
    n = len(losses)
    not_below = np.cumprod(
        np.r_[1.0, [(n - k - i) / (n - i) for i in range(n - k)]]
    )  # P(none of the first i)
    share = not_below[:-1] - not_below[1:] if k < n else np.ones(1)
    return float(
        np.sort(losses)[: len(share)] @ share + not_below[-1] * np.sort(losses)[n - k] * (k < n)
    )


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """Final losses, and the expected lowest of k."""
    starts, (axis,) = draw.figure()
    axis.hist(
        np.maximum(results["loss"], 1e-5),
        bins=list(np.geomspace(1e-5, 2, 60)),
        color=draw.LINES[0]["color"],
    )
    axis.set(xscale="log", xlabel=f"loss on XOR after {config.epochs} epochs", ylabel="starts")
    curve, (axis,) = draw.figure(height=3)
    axis.plot(range(1, 21), [best_of(results["loss"], k) for k in range(1, 21)], "o-")
    axis.set(
        yscale="log", xlabel="starts k", ylabel="expected lowest loss", xticks=[1, 5, 10, 15, 20]
    )
    return {"starts": starts, "best-of-k": curve}
