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
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common
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


def run(config: Config) -> dict[str, np.ndarray]:
    """Losses are (widths, seeds, epochs)."""
    sweep = fnn.sweep(
        lambda hyper: (
            fnn.mlp((64, hyper["width"], 10)),
            losses.softmax_cross_entropy,
            optim.adam(3e-3),
        ),
        noisy_digits(config),
        epochs=config.epochs,
        batch_size=50,
        seeds=range(config.seeds),
        hyper={"width": list(config.widths)},
    )
    names = ("train_loss", "validation_loss", "test_loss")
    return {name: sweep.history[name] for name in names} | {"widths": np.array(config.widths)}


def noisy_digits(config: Config) -> Dataset:
    """Digits with wrong labels everywhere and fewer training rows."""
    noise, digits = data.label_noise(config.wrong, classes=10), data.load("digits")
    keys = jax.random.split(jax.random.key(0), 3)
    train, validation, test = (
        Split(*map(np.asarray, noise(key, *split)))
        for key, split in zip(keys, digits.splits.values(), strict=True)
    )
    return Dataset(Split(train.x[: config.rows], train.y[: config.rows]), validation, test)


def plot(results: dict[str, np.ndarray], config: Config) -> dict[str, Figure]:
    """The map of validation losses, and both losses over width and over epochs."""
    widths, epochs = results["widths"], np.arange(1, results["train_loss"].shape[-1] + 1)
    means = results["validation_loss"].mean(axis=1)
    figure, (ground, by_width, by_epoch) = draw.figure(rows=3, height=3.2)
    drawn = ground.pcolormesh(
        epochs, range(len(widths)), means, shading="nearest", cmap="viridis", vmax=2.5
    )
    w, e = np.unravel_index(means.argmin(), means.shape)
    ground.plot(epochs[e], w, "*", color="white", markeredgecolor="black", markersize=13)
    figure.colorbar(drawn, ax=ground, label="validation loss (star: lowest)", extend="max")
    ground.grid(visible=False)
    draw.names_down(ground, [str(width) for width in widths])
    ground.set(xscale="log", xlabel="epoch", ylabel="hidden units")
    for name in ("train", "validation"):
        curves, style = results[f"{name}_loss"], {"color": draw.COLORS[name], "linestyle": "-"}
        draw.mean_band(by_width, widths, curves[:, :, -1].T, name, **style)
        draw.mean_band(by_epoch, epochs, curves[-1], name, **style)
    by_width.set(
        xscale="log", xlabel="hidden units", ylabel="loss", title=f"After {epochs[-1]} epochs"
    )
    by_epoch.set(xscale="log", xlabel="epoch", ylabel="loss", title=f"{widths[-1]} hidden units")
    for axis in (by_width, by_epoch):
        axis.legend(frameon=False)
    return {"map": figure}
