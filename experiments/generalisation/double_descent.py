"""Double descent: the test error of wider and wider networks on MNIST-1D.

Question: Does the test error fall, rise near the interpolation threshold and fall again below its
          first minimum?
Source:   De Marzo (claim 1.32), after Nakkiran et al. 2020 (arXiv 1912.02292). The set-up is that
          of Greydanus & Kobak 2024 (deep-double-descent.ipynb of MNIST-1D): 40-h-h-10, 4,000
          training and 12,000 test rows, PyTorch's initial weights. They draw 15% of the labels anew
          from all ten classes, so that 13.5% are wrong.
Command:  python -m experiments run double_descent
Expected: with wrong labels the error peaks near h = 47 and ends below its first minimum near h =
          16; with right ones it hardly has a peak. The loss peaks in both, and ends above its first
          minimum.
Cost:     15 to 25 min on 2 cores (160 TFLOP, half of it evaluations of the test rows); 10 s with
          --quick.
"""

import time
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import fnn
from experiments import drawing as draw
from experiments.common import Common, Figures, Results
from fnn import data, initializers, losses, optim
from fnn.data import mnist1d

PUBLISHED_ERRORS = ((16, 47.24), (47, 54.05), (300, 45.47))  # %, with wrong labels, one seed
PUBLISHED_PEAKS = ((61, 5.79), (47, 4.42))  # test loss with wrong and with right labels, one seed
RIGHT, WRONG = 0, 1
"""Positions of the noise in the results."""


@dataclass(frozen=True)
class Config(Common):
    """Networks, data and training."""

    seeds: int = 12
    widths: tuple[int, ...] = (
        2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 47, 61, 80, 104, 135, 177, 230, 300
    )  # fmt: skip
    """Units of each of the two hidden layers."""
    redrawn: float = 0.15
    """Share of the training labels drawn anew from all ten classes, besides none."""
    train: int = 4000
    test: int = 12_000
    epochs: int = 500


QUICK = Config(seeds=3, widths=(4, 16, 100), train=480, test=500, epochs=150, quick=True)
ALONE = True  # it measures time


def run(config: Config) -> Results:
    """Train all widths with right and with wrong labels, and measure the time.

    Errors and losses are (noise, widths, seeds, epochs), right labels first.
    """
    wall_seconds, cpu_seconds = time.perf_counter(), time.process_time()
    wrong = config.redrawn * (1 - 1 / 10)
    sweep = train(config, wrong)
    shape = 2, len(config.widths), config.seeds, config.epochs
    history = {name: values.reshape(shape) for name, values in sweep.history.items()}
    return {
        "test_error": 1 - history["test_accuracy"],
        "train_error": 1 - history["train_accuracy"],
        "test_loss": history["test_loss"],
        "widths": np.array(config.widths),
        "wrong": np.array([0.0, wrong]),
        "wall_seconds": np.array(time.perf_counter() - wall_seconds),
        "cpu_seconds": np.array(time.process_time() - cpu_seconds),
    }


def train(config: Config, wrong: float) -> fnn.Sweep:
    """Train networks of each width, without and with a share of wrong labels."""
    validation = 20 if config.quick else 100  # nothing is chosen by it
    optimizer = optim.momentum(0.01, decay=0.9)
    grid: dict[str, list] = {"noise": [0.0, wrong], "width": list(config.widths)}

    def builder(hyper):
        width = hyper["width"]
        net = fnn.mlp((40, width, width, 10), init=pytorch_uniform)
        noise = data.label_noise(hyper["noise"], classes=10)
        return net, losses.softmax_cross_entropy, optimizer, noise

    return fnn.sweep(
        builder,
        mnist1d.sized(config.train, validation, config.test),
        epochs=config.epochs,
        batch_size=100,
        seeds=range(config.seeds),
        hyper=grid,
    )


def pytorch_uniform(key, shape):
    """Draw W ~ U(−1/√in, 1/√in), which has a variance of 1/(3 in)."""
    limit = shape[1] ** -0.5
    return initializers.uniform(-limit, limit)(key, shape)


def plot(results: Results, config: Config) -> Figures:
    """Draw error and loss by width, and the error over epochs."""
    by_width, (error, loss, train_error) = draw.figure(rows=3, height=3.0)
    draw_by_width(error, results, "test_error", "test error, %", 100)
    draw_by_width(loss, results, "test_loss", "test loss", 1)
    draw_by_width(train_error, results, "train_error", "training error, %", 100)
    published = np.transpose(PUBLISHED_ERRORS)
    error.plot(*published, "x", color="black", label="published, wrong labels")
    error.set_title(f"{config.seeds} seeds: mean and its 95% interval", fontsize=10)
    for (width, peak), marker, text in zip(PUBLISHED_PEAKS, "x+", ("wrong", "right"), strict=True):
        label = f"published peak, {text} labels"
        loss.plot(width, peak, marker, color="black", linestyle="", label=label)
    for axis in (error, loss, train_error):
        axis.legend(frameon=False, fontsize=8)
    return {"by_width": by_width, "over_epochs": over_epochs(results)}


def draw_by_width(axis: Axes, results, name: str, label: str, scale: float) -> None:
    """Draw the means after the last epoch over the widths, for wrong and for right labels."""
    for noise, text in ((WRONG, "wrong labels"), (RIGHT, "right labels")):
        last = scale * results[name][noise, :, :, -1]
        draw.mean_band(axis, results["widths"], last.T, text)
    axis.set(xscale="log", xlabel="hidden units of each layer, h", ylabel=label)


def over_epochs(results: Results) -> Figure:
    """Draw the test error with wrong labels over epochs, for four widths and as a map of all."""
    widths = results["widths"]
    error = 100 * results["test_error"][WRONG]
    epochs = np.arange(1, error.shape[-1] + 1)
    nearest = [np.abs(widths - width).argmin() for width in (16, 47, 104, widths[-1])]
    figure, (lines, ground) = draw.figure(rows=2)
    for position in np.unique(nearest):
        draw.mean_band(lines, epochs, error[position], f"h = {widths[position]}")
    lines.set(xscale="log", xlabel="epoch", ylabel="test error, %")
    lines.set_title("With wrong labels, over epochs")
    lines.legend(frameon=False, fontsize=8)
    mean = error.mean(axis=1)
    style = {"shading": "nearest", "cmap": "viridis", "vmax": np.percentile(mean, 80)}
    image = ground.pcolormesh(epochs, range(len(widths)), mean, **style)
    figure.colorbar(image, ax=ground, label="test error, %", extend="max")
    ground.grid(visible=False)
    draw.names_down(ground, [str(width) for width in widths])
    ground.set(xscale="log", xlabel="epoch", ylabel="hidden units of each layer, h")
    return figure
