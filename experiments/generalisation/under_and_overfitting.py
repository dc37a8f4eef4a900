"""Underfitting and overfitting: a map of width and epochs on digits with wrong labels.

Question: Where are networks too small, too large, trained too short or too long, and what do their
          losses say of it?
Source:   De Marzo (claim 1.31) and Piccoli (4.23, 4.24). A fifth of the labels of all splits is
          wrong, so that nothing can be learned from them.
Command:  python -m experiments run under_and_overfitting
Expected: after the last epoch the lowest validation loss is that of a middle width, and over the
          epochs of the widest network it comes early. One hidden unit leaves both losses high and
          close; 128 units bring the training loss near 0 and the validation loss far above its
          lowest.
Cost:     about 40 s on 2 cores, most of it compiling one program for each width; 8 s with --quick.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.axes import Axes

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, losses, optim
from fnn.data import Dataset, Split


@dataclass(frozen=True)
class Config(Common):
    """Networks, data and training."""

    seeds: int = 32
    widths: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64, 128)
    """Units of the hidden layer."""
    rows: int = 600
    """For training."""
    wrong: float = 0.2
    """Share of wrong labels, in all splits."""
    epochs: int = 200


QUICK = Config(seeds=4, widths=(1, 8, 128), epochs=120, quick=True)


def run(config: Config) -> Results:
    """Return the losses of all splits, (widths, seeds, epochs)."""
    history = train(config, noisy_digits(config)).history
    names = ("train_loss", "validation_loss", "test_loss")
    return {name: history[name] for name in names} | {"widths": np.array(config.widths)}


def noisy_digits(config: Config) -> Dataset:
    """Return digits with wrong labels in all splits and fewer training rows."""
    noise = data.label_noise(config.wrong, classes=10)
    keys = jax.random.split(jax.random.key(0), 3)
    splits = []
    for key, split in zip(keys, data.load("digits").splits.values(), strict=True):
        x, y = noise(key, *split)
        splits.append(Split(np.asarray(x), np.asarray(y)))
    train, validation, test = splits
    few = Split(train.x[: config.rows], train.y[: config.rows])
    return Dataset(few, validation, test)


def train(config: Config, dataset: Dataset) -> fnn.Sweep:
    """Train networks of each width."""
    optimizer = optim.adam(3e-3)

    def builder(hyper):
        net = fnn.mlp((64, hyper["width"], 10))
        return net, losses.softmax_cross_entropy, optimizer

    return fnn.sweep(
        builder,
        dataset,
        epochs=config.epochs,
        batch_size=50,
        seeds=range(config.seeds),
        hyper={"width": list(config.widths)},
    )


def plot(results: Results, config: Config) -> Figures:
    """Draw the map of validation losses, and both losses over width and over epochs."""
    widths = results["widths"]
    epochs = np.arange(1, results["train_loss"].shape[-1] + 1)
    figure, (ground, by_width, by_epoch) = draw.figure(rows=3, height=3.2)
    draw_map(ground, epochs, widths, results["validation_loss"].mean(axis=1))
    for name in ("train", "validation"):
        loss = results[f"{name}_loss"]
        style = {"color": draw.COLORS[name], "linestyle": "-"}
        draw.mean_band(by_width, widths, loss[:, :, -1].T, name, **style)
        draw.mean_band(by_epoch, epochs, loss[-1], name, **style)
    by_width.set(xscale="log", xlabel="hidden units", ylabel="loss")
    by_width.set_title(f"After {epochs[-1]} epochs")
    by_epoch.set(xscale="log", xlabel="epoch", ylabel="loss")
    by_epoch.set_title(f"{widths[-1]} hidden units")
    by_width.legend(frameon=False)
    by_epoch.legend(frameon=False)
    return {"map": figure}


def draw_map(axis: Axes, epochs: np.ndarray, widths: np.ndarray, loss: np.ndarray) -> None:
    """Draw mean losses (widths, epochs) as colors, with a star at the lowest."""
    rows = range(len(widths))
    image = axis.pcolormesh(epochs, rows, loss, shading="nearest", cmap="viridis", vmax=2.5)
    row, column = np.unravel_index(loss.argmin(), loss.shape)
    x, y = epochs[column], row
    axis.plot(x, y, "*", color="white", markeredgecolor="black", markersize=13)
    axis.figure.colorbar(image, ax=axis, label="validation loss (star: lowest)", extend="max")
    axis.grid(visible=False)
    draw.names_down(axis, [str(width) for width in widths])
    axis.set(xscale="log", xlabel="epoch", ylabel="hidden units")
