"""Batch size and learning rate together.

Question: Does the batch size decide how well a network converges and generalises, and does it still
          with a good rate?
Source:   Sharif (claim 2.41).
Command:  python -m experiments run batch_size_and_rate
Expected: at one learning rate for all, large batches are far behind after the same number of
          epochs, since they make fewer updates; with a rate for each size most of the difference in
          test accuracy is gone.
Cost:     quick 12 s, full 40 s on 2 cores; a program is compiled for each batch size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import LogNorm

import fnn
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn import plot as draw


@dataclass(frozen=True)
class Config(Common):
    """A 64-32-10 network on digits, trained by SGD."""

    seeds: int = 60
    """The first half chooses the settings that are compared on the second."""
    batch_sizes: tuple[int, ...] = (4, 16, 64, 256)
    rates: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
    epochs: int = 20


QUICK = Config(seeds=16, batch_sizes=(8, 64, 512), rates=(0.03, 0.1), epochs=6, quick=True)


def run(config: Config) -> Results:
    """Train with each batch size and rate: the results after the last epoch.

    They are training loss, validation loss and test accuracy, (batch sizes, rates, seeds).
    """
    net = fnn.mlp((64, 32, 10))
    grid: dict[str, Sequence[float]] = {
        "batch_size": config.batch_sizes,
        "learning_rate": config.rates,
    }
    sweep = fnn.sweep(
        lambda hyper: (net, losses.softmax_cross_entropy, optim.sgd(hyper["learning_rate"])),
        data.load("digits"),
        epochs=config.epochs,
        batch_size=1,
        seeds=range(config.seeds),
        hyper=grid,
        keep_params=False,
    )
    shape = (len(config.batch_sizes), len(config.rates), config.seeds)
    names = ("train_loss", "validation_loss", "test_accuracy")
    results = {name: sweep.final(name).reshape(shape) for name in names}
    return results | {"batch_sizes": np.array(config.batch_sizes), "rates": np.array(config.rates)}


def plot(results: Results, config: Config) -> Figures:
    """Draw training loss and test accuracy over the batch size and the rate."""
    figure, (train, test) = draw.figure(rows=2, height=3)
    across = [f"{rate:g}" for rate in results["rates"]]
    down = [str(size) for size in results["batch_sizes"]]
    loss, accuracy = (
        np.mean(results["train_loss"], axis=-1),
        100 * np.mean(results["test_accuracy"], axis=-1),
    )
    norm = LogNorm(np.nanmin(loss), np.nanmax(loss))
    draw.heatmap(train, loss, _texts(loss, ".3g"), across, down, norm=norm, label="")
    train.set(
        xlabel="learning rate",
        ylabel="batch size",
        title=f"training loss after {config.epochs} epochs",
    )
    accuracy_norm = draw.color_norm(accuracy, log=False)
    draw.heatmap(
        test, accuracy, _texts(accuracy, ".1f"), across, down, norm=accuracy_norm, label=""
    )
    test.set(xlabel="learning rate", ylabel="batch size", title="test accuracy in percent")
    return {"grid": figure}


def _texts(values: np.ndarray, form: str) -> np.ndarray:
    return np.array(
        [["diverged" if np.isnan(value) else f"{value:{form}}" for value in row] for row in values]
    )
