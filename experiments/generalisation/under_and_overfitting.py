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
from experiments.claims import Verdict, claim, every, holds_if, share_interval
from experiments.common import Common
from experiments.generalisation.curves import valley
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


def fits(results, width: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Whether each seed's network, by position in `widths` and epoch, fits training data and new
    data: a training loss below the lowest test loss of all networks does, and a test loss within a
    tenth of that one.
    """
    train, test = results["train_loss"][width, :, epoch], results["test_loss"]
    lowest = test.mean(axis=1).min()
    return train < lowest, test[width, :, epoch] < 1.1 * lowest


@claim(
    "1.31",
    "Both losses high and close is underfitting, too few epochs or parameters; a low training and "
    "a high validation "
    "loss is overfitting, too many; the optimum lies between.",
)
def between(results):
    train, validation, widths = results["train_loss"], results["validation_loss"], results["widths"]
    by_width, by_epoch = valley(validation[:, :, -1].T), valley(validation[-1])
    w, e = np.unravel_index(validation.mean(axis=1).argmin(), validation.mean(axis=1).shape)
    lowest = validation.mean(axis=1).min()
    close = np.abs(validation - train) < train - lowest
    narrow, short = close[0, :, -1], close[-1, :, 0]
    apart = (train[-1, :, -1] < lowest) & (validation[-1, :, -1] > 1.1 * lowest)
    signatures = [share_interval(seen) for seen in (narrow, short, apart)]
    few, many = ((train[end, :, -1].mean(), validation[end, :, -1].mean()) for end in (0, -1))
    return holds_if(
        every(by_width.interior, by_epoch.interior, *(share.above(0.5) for share in signatures)),
        f"Means of {train.shape[1]} seeds: {widths[0]} hidden unit ends with a training loss of "
        f"{few[0]:.3g} and a "
        f"validation loss of {few[1]:.3g}, high and close in {narrow.sum()} seeds; {widths[-1]} "
        f"with {many[0]:.2g} and "
        f"{many[1]:.3g}, low and far apart in {apart.sum()}, and after the first epoch high and "
        f"close in "
        f"{short.sum()}. The lowest validation loss at the end is that of "
        f"{widths[by_width.bottom]}, {validation[by_width.bottom, :, -1].mean():.3g}, on the "
        f"whole map {lowest:.3g}, "
        f"with {widths[w]} units after {e + 1} epochs.",
        ends_over_widths_above_lowest=[by_width.first, by_width.last],
        ends_over_epochs_above_lowest=[by_epoch.first, by_epoch.last],
        underfitting_seen=signatures[:2],
        overfitting_seen=signatures[2],
    )


@claim("4.23", "Overfitting is a good fit to the training data with bad predictions for new data.")
def overfitting(results):
    found = judged(results, {"too wide and trained too long": (-1, -1)}, (True, False))
    line = (
        "A fit to the training data is a loss below that one, and a fit to new data a loss at "
        "most a tenth above it."
    )
    return found._replace(evidence=f"{found.evidence} {line}")


@claim(
    "4.24",
    "Underfitting is a bad fit to the training data, with bad predictions for new data as well.",
)
def underfitting(results):
    found = judged(results, {"too narrow": (0, -1), "trained too short": (-1, 0)}, (False, False))
    line = (
        "A fit to the training data is a loss below that one, and a fit to new data a loss at "
        "most a tenth above it."
    )
    return found._replace(evidence=f"{found.evidence} {line}")


def judged(results, corners: dict[str, tuple[int, int]], answer: tuple[bool, bool]) -> Verdict:
    """Holds where most seeds in each of these corners of the map fit (training data, new data) as
    the answer says.
    """
    shares, said = {}, []
    for name, (width, epoch) in corners.items():
        train, new = fits(results, width, epoch)
        agree = (train == answer[0]) & (new == answer[1])
        shares[name.replace(" ", "_")] = share_interval(agree)
        means = [results[split][width, :, epoch].mean() for split in ("train_loss", "test_loss")]
        said.append(
            f"{agree.sum()} of {agree.size} networks that are {name}, mean losses {means[0]:.3g} "
            f"and {means[1]:.3g}"
        )
    return holds_if(
        every(*(share.above(0.5) for share in shares.values())),
        f"By the losses on training and test rows this is so in {'; '.join(said)}. The lowest "
        f"mean test loss of all "
        f"widths and epochs is {results['test_loss'].mean(axis=1).min():.3g}.",
        **shares,
    )


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
